import type { Kysely } from 'kysely';
import { canonicalJson, sha256Hex } from './canonical.ts';
import type { Actor, AuditEntry } from './contract.ts';
import type { AuditRow, Tables } from './schema.ts';
import { NO_HASH } from './state.ts';

/** Rows read at a time while the chain is verified. */
const VERIFY_PAGE = 1_000;

/** What happened; the chain adds its place. */
export interface AuditFact {
  readonly actor: Actor;
  readonly verb: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly reason?: string;
  /** Only its digest is kept. Must not hold a secret in clear: a short value can be guessed from a digest. */
  readonly payload?: unknown;
}

/** The end of the chain, as the state row holds it. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: string;
}

/** Appends one row; the caller stores the returned head in the same transaction. */
export async function appendAudit(
  tx: Kysely<Tables>,
  head: AuditHead,
  fact: AuditFact,
  now: string,
): Promise<AuditHead> {
  const fields = {
    sequence: head.sequence + 1,
    at: now,
    actor: fact.actor.id,
    actor_display: fact.actor.display,
    address: fact.actor.address ?? null,
    verb: fact.verb,
    kind: fact.kind,
    namespace: fact.namespace,
    name: fact.name,
    reason: fact.reason ?? null,
    payload_digest: sha256Hex(canonicalJson(fact.payload ?? null)),
    previous_hash: head.hash,
  };
  const hash = rowHash(fields);
  await tx
    .insertInto('audit')
    .values({ ...fields, hash })
    .execute();
  return { sequence: fields.sequence, hash };
}

export async function readAudit(
  db: Kysely<Tables>,
  options: { readonly after?: number; readonly limit: number; readonly namespace?: string },
): Promise<readonly AuditEntry[]> {
  let query = db
    .selectFrom('audit')
    .selectAll()
    .where('sequence', '>', options.after ?? 0);
  if (options.namespace !== undefined) query = query.where('namespace', '=', options.namespace);
  const rows = await query.orderBy('sequence').limit(options.limit).execute();
  return rows.map(entryOf);
}

/** Recomputes every hash from the first row to `head`; rows missing at the end break the chain too. */
export async function verifyChain(
  db: Kysely<Tables>,
  head: AuditHead,
): Promise<{ readonly entries: number; readonly brokenAt?: number }> {
  let sequence = 0;
  let hash = NO_HASH;
  for (;;) {
    const rows = await db
      .selectFrom('audit')
      .selectAll()
      .where('sequence', '>', sequence)
      .orderBy('sequence')
      .limit(VERIFY_PAGE)
      .execute();
    for (const row of rows) {
      const fits = row.sequence === sequence + 1 && row.previous_hash === hash && row.hash === rowHash(row);
      if (!fits) return { entries: sequence, brokenAt: sequence + 1 };
      sequence = row.sequence;
      hash = row.hash;
    }
    if (rows.length < VERIFY_PAGE) break;
  }
  if (sequence !== head.sequence || hash !== head.hash) return { entries: sequence, brokenAt: sequence + 1 };
  return { entries: sequence };
}

/** SHA-256 over the previous hash and every field, as a JSON list so that no two rows have the same text. */
function rowHash(row: Omit<AuditRow, 'hash'>): string {
  return sha256Hex(
    JSON.stringify([
      'portolan audit v1',
      row.previous_hash,
      row.sequence,
      row.at,
      row.actor,
      row.actor_display,
      row.address,
      row.verb,
      row.kind,
      row.namespace,
      row.name,
      row.reason,
      row.payload_digest,
    ]),
  );
}

function entryOf(row: AuditRow): AuditEntry {
  return {
    sequence: row.sequence,
    at: row.at,
    actor: row.actor,
    actorDisplay: row.actor_display,
    ...(row.address === null ? {} : { address: row.address }),
    verb: row.verb,
    kind: row.kind,
    namespace: row.namespace,
    name: row.name,
    ...(row.reason === null ? {} : { reason: row.reason }),
    payloadDigest: row.payload_digest,
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}
