import type { Kysely } from 'kysely';
import { PortolanError } from '../../src/errors/error.ts';
import type { AgentIdentity } from './contract.ts';
import type { AgentRow, Tables } from './schema.ts';

export async function readAgent(db: Kysely<Tables>, agentUid: string): Promise<AgentIdentity | undefined> {
  const row = await db.selectFrom('agents').selectAll().where('agent_uid', '=', agentUid).executeTakeFirst();
  return row === undefined ? undefined : identityOf(row);
}

export async function readAgents(db: Kysely<Tables>): Promise<readonly AgentIdentity[]> {
  const rows = await db.selectFrom('agents').selectAll().orderBy('joined_sequence').execute();
  return rows.map(identityOf);
}

/** The last agent that joined this cluster, revoked or not. */
export async function latestAgentOf(
  db: Kysely<Tables>,
  clusterUid: string,
): Promise<AgentIdentity | undefined> {
  const row = await db
    .selectFrom('agents')
    .selectAll()
    .where('cluster_uid', '=', clusterUid)
    .orderBy('joined_sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : identityOf(row);
}

/** Stores a joined identity; any other agent of the same cluster is replaced by it, that is: revoked. */
export async function joinAgent(
  tx: Kysely<Tables>,
  identity: AgentIdentity,
  joinedSequence: number,
): Promise<void> {
  await tx
    .updateTable('agents')
    .set((q) => ({ revoked: 1, generation: q('generation', '+', 1) }))
    .where('cluster_uid', '=', identity.clusterUid)
    .where('agent_uid', '<>', identity.agentUid)
    .where('revoked', '=', 0)
    .execute();
  const { agent_uid, ...columns } = rowOf(identity, joinedSequence);
  await tx
    .insertInto('agents')
    .values({ agent_uid, ...columns })
    .onConflict((conflict) => conflict.column('agent_uid').doUpdateSet(columns))
    .execute();
}

/** Revoking (or taking a revocation back) makes a new generation: whatever was issued under the old one is refused. */
export async function changeAgent(
  tx: Kysely<Tables>,
  agentUid: string,
  change: { readonly revoked?: boolean; readonly certificateChainPem?: string },
): Promise<AgentIdentity> {
  const current = await readAgent(tx, agentUid);
  if (current === undefined) {
    throw new PortolanError('NOT_FOUND', `There is no agent ${agentUid}.`, {
      fix: 'List clusters with `portolan get clusters`.',
    });
  }
  const revoked = change.revoked ?? current.revoked;
  const next: AgentIdentity = {
    ...current,
    revoked,
    generation: current.generation + (revoked === current.revoked ? 0 : 1),
    certificateChainPem: change.certificateChainPem ?? current.certificateChainPem,
  };
  await tx
    .updateTable('agents')
    .set({
      revoked: next.revoked ? 1 : 0,
      generation: next.generation,
      certificate_chain_pem: next.certificateChainPem,
    })
    .where('agent_uid', '=', agentUid)
    .execute();
  return next;
}

function rowOf(identity: AgentIdentity, joinedSequence: number): AgentRow {
  return {
    agent_uid: identity.agentUid,
    cluster_uid: identity.clusterUid,
    cluster_namespace: identity.cluster.namespace,
    cluster_name: identity.cluster.name,
    generation: identity.generation,
    revoked: identity.revoked ? 1 : 0,
    joined_at: identity.joinedAt,
    joined_sequence: joinedSequence,
    spki_sha256: identity.spkiSha256,
    certificate_chain_pem: identity.certificateChainPem,
  };
}

function identityOf(row: AgentRow): AgentIdentity {
  return {
    agentUid: row.agent_uid,
    clusterUid: row.cluster_uid,
    cluster: { kind: 'Cluster', namespace: row.cluster_namespace, name: row.cluster_name },
    generation: row.generation,
    revoked: row.revoked === 1,
    joinedAt: row.joined_at,
    spkiSha256: row.spki_sha256,
    certificateChainPem: row.certificate_chain_pem,
  };
}
