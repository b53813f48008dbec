import type { Kysely } from 'kysely';
import { PortolanError } from '../../src/errors/error.ts';
import { readAgent } from './agents.ts';
import type { AgentIdentity, JoinTokenRecord } from './contract.ts';
import type { JoinTokenRow, Tables } from './schema.ts';
import { equalSecrets, parseTime } from './tokens.ts';

/** Join tokens that expired this long ago are forgotten. */
const KEPT_AFTER_EXPIRY_MS = 24 * 3_600_000;

export interface JoinClaim {
  readonly id: string;
  readonly secretSha256: string;
  readonly spkiSha256: string;
}

/** What a claim finds: an identity made before with the same key, or a token that is still free. */
export type JoinState =
  | { readonly type: 'joined'; readonly identity: AgentIdentity }
  | { readonly type: 'free'; readonly token: JoinTokenRecord };

export async function insertJoinToken(
  tx: Kysely<Tables>,
  record: JoinTokenRecord & { readonly secretSha256: string },
  nowMs: number,
): Promise<void> {
  await tx
    .deleteFrom('join_tokens')
    .where('expires_at_ms', '<', nowMs - KEPT_AFTER_EXPIRY_MS)
    .execute();
  const result = await tx
    .insertInto('join_tokens')
    .values({
      id: record.id,
      cluster_namespace: record.cluster.namespace,
      cluster_name: record.cluster.name,
      cluster_uid: record.clusterUid,
      secret_sha256: record.secretSha256,
      expires_at_ms: parseTime(record.expiresAt, 'expiresAt'),
      used_at_ms: null,
      used_spki_sha256: null,
      agent_uid: null,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirst();
  if (result.numInsertedOrUpdatedRows === 0n) {
    throw new PortolanError('ALREADY_EXISTS', `There is a join token ${record.id} already.`);
  }
}

/** Who holds the token now. Throws JOIN_TOKEN_INVALID, JOIN_TOKEN_USED, JOIN_TOKEN_EXPIRED or AGENT_REVOKED. */
export async function inspectClaim(db: Kysely<Tables>, claim: JoinClaim, nowMs: number): Promise<JoinState> {
  const row = await db.selectFrom('join_tokens').selectAll().where('id', '=', claim.id).executeTakeFirst();
  const fits = equalSecrets(row?.secret_sha256 ?? '', claim.secretSha256);
  if (row === undefined || !fits || row.secret_sha256 === '') {
    throw new PortolanError('JOIN_TOKEN_INVALID', 'The join token is unknown or its secret does not match.');
  }
  if (row.used_at_ms !== null) return { type: 'joined', identity: await identityBefore(db, row, claim) };
  if (row.expires_at_ms <= nowMs) {
    throw new PortolanError(
      'JOIN_TOKEN_EXPIRED',
      `The join token expired at ${new Date(row.expires_at_ms).toISOString()}.`,
    );
  }
  return { type: 'free', token: recordOf(row) };
}

/** Takes a free token; false when someone else was first or it expired. */
export async function takeJoinToken(
  tx: Kysely<Tables>,
  claim: JoinClaim,
  agentUid: string,
  nowMs: number,
): Promise<boolean> {
  const result = await tx
    .updateTable('join_tokens')
    .set({ used_at_ms: nowMs, used_spki_sha256: claim.spkiSha256, agent_uid: agentUid })
    .where('id', '=', claim.id)
    .where('used_at_ms', 'is', null)
    .where('expires_at_ms', '>', nowMs)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

async function identityBefore(
  db: Kysely<Tables>,
  row: JoinTokenRow,
  claim: JoinClaim,
): Promise<AgentIdentity> {
  const identity = row.agent_uid === null ? undefined : await readAgent(db, row.agent_uid);
  // A later join may have given the same agent another key: then this token's identity is gone.
  const same = row.used_spki_sha256 === claim.spkiSha256 && identity?.spkiSha256 === claim.spkiSha256;
  if (!same) throw new PortolanError('JOIN_TOKEN_USED', 'The join token was already used with another key.');
  if (identity.revoked) throw new PortolanError('AGENT_REVOKED', `Agent ${identity.agentUid} was revoked.`);
  return identity;
}

function recordOf(row: JoinTokenRow): JoinTokenRecord {
  return {
    id: row.id,
    cluster: { kind: 'Cluster', namespace: row.cluster_namespace, name: row.cluster_name },
    clusterUid: row.cluster_uid,
    expiresAt: new Date(row.expires_at_ms).toISOString(),
  };
}
