import type { Kysely } from 'kysely';
import type { UsageBatchFrom, UsageFilter, UsageMinute } from './contract.ts';
import type { Tables } from './schema.ts';

/** Minutes older than this are removed; a month is billed from what was read before. */
const KEPT_SECONDS = 400 * 86_400;
/** Rows written with one statement: engines bound the parameters of one. */
const ROWS = 500;

/**
 * Counts a batch once, in the caller's transaction (I34): the place of its outbox moves with the numbers, or neither does. A batch that
 * is not the next one changes nothing.
 * @returns the last sequence of the outbox that is counted
 */
export async function countUsage(tx: Kysely<Tables>, batch: UsageBatchFrom, nowMs: number): Promise<number> {
  const { agentUid, outbox, cluster, sequence } = batch;
  const row = await tx
    .selectFrom('usage_outboxes')
    .select('sequence')
    .where('agent_uid', '=', agentUid)
    .where('outbox', '=', outbox)
    .executeTakeFirst();
  const last = row?.sequence ?? 0;
  if (sequence !== last + 1) return last;
  // Conditional, for another hub may be given the same batch at the same time: one of the two changes no row, and counts nothing.
  const moved =
    row === undefined
      ? await tx
          .insertInto('usage_outboxes')
          .values({ agent_uid: agentUid, outbox, sequence })
          .onConflict((conflict) => conflict.columns(['agent_uid', 'outbox']).doNothing())
          .executeTakeFirst()
      : await tx
          .updateTable('usage_outboxes')
          .set({ sequence })
          .where('agent_uid', '=', agentUid)
          .where('outbox', '=', outbox)
          .where('sequence', '=', last)
          .executeTakeFirst();
  const changed = 'numUpdatedRows' in moved ? moved.numUpdatedRows : moved.numInsertedOrUpdatedRows;
  if (changed !== 1n) return last;
  const rows = summed(batch.counts).map(({ minuteSeconds, keyId, ...rest }) => ({
    ...rest,
    key_id: keyId,
    minute: minuteSeconds,
    cluster,
  }));
  for (let at = 0; at < rows.length; at += ROWS)
    await tx
      .insertInto('usage_minutes')
      .values(rows.slice(at, at + ROWS))
      .onConflict((conflict) =>
        conflict
          .columns(['minute', 'namespace', 'principal', 'key_id', 'route', 'metric', 'cluster'])
          .doUpdateSet((q) => ({ amount: q('usage_minutes.amount', '+', q.ref('excluded.amount')) })),
      )
      .execute();
  // Old minutes go with the first batch of an outbox: often enough, and never in the way of every batch.
  if (sequence === 1)
    await tx
      .deleteFrom('usage_minutes')
      .where('minute', '<', Math.floor(nowMs / 1000) - KEPT_SECONDS)
      .execute();
  return sequence;
}

/** One statement must not change a row twice (PostgreSQL refuses it). */
function summed(counts: UsageBatchFrom['counts']): UsageBatchFrom['counts'] {
  const sums = new Map<string, UsageBatchFrom['counts'][number]>();
  for (const count of counts) {
    const { minuteSeconds, namespace, principal, keyId, route, metric } = count;
    const key = JSON.stringify([minuteSeconds, namespace, principal, keyId, route, metric]);
    const before = sums.get(key);
    sums.set(key, before === undefined ? count : { ...count, amount: before.amount + count.amount });
  }
  return [...sums.values()];
}

/** Newest minute first, then by namespace, principal, key, route, metric and cluster. */
export async function readUsage(db: Kysely<Tables>, filter: UsageFilter): Promise<readonly UsageMinute[]> {
  let query = db
    .selectFrom('usage_minutes')
    .select(['namespace', 'principal', 'key_id', 'route', 'metric', 'cluster'])
    .select((q) => q.fn.sum<number | string>('amount').as('amount'));
  const equals = { namespace: filter.namespace, principal: filter.principal, key_id: filter.keyId } as const;
  if (equals.namespace !== undefined) query = query.where('namespace', '=', equals.namespace);
  if (equals.principal !== undefined) query = query.where('principal', '=', equals.principal);
  if (equals.key_id !== undefined) query = query.where('key_id', '=', equals.key_id);
  if (filter.route !== undefined) query = query.where('route', '=', filter.route);
  if (filter.metric !== undefined) query = query.where('metric', '=', filter.metric);
  if (filter.cluster !== undefined) query = query.where('cluster', '=', filter.cluster);
  if (filter.fromSeconds !== undefined) query = query.where('minute', '>=', filter.fromSeconds);
  if (filter.toSeconds !== undefined) query = query.where('minute', '<', filter.toSeconds);
  const columns = ['namespace', 'principal', 'key_id', 'route', 'metric', 'cluster'] as const;
  if (filter.by === 'total') {
    const rows = await query.groupBy(columns).orderBy(columns).limit(filter.limit).execute();
    return rows.map((row) => usageMinute(row, undefined));
  }
  const rows = await query
    .select('minute')
    .groupBy(['minute', ...columns])
    .orderBy('minute', 'desc')
    .orderBy(columns)
    .limit(filter.limit)
    .execute();
  return rows.map((row) => usageMinute(row, row.minute));
}

function usageMinute(
  row: {
    readonly namespace: string;
    readonly principal: string;
    readonly key_id: string;
    readonly route: string;
    readonly metric: string;
    readonly cluster: string;
    readonly amount: number | string;
  },
  minuteSeconds: number | undefined,
): UsageMinute {
  const { namespace, principal, key_id: keyId, route, metric, cluster } = row;
  return {
    namespace,
    principal,
    keyId,
    route,
    metric,
    cluster,
    // PostgreSQL adds up 64-bit integers to a decimal, which comes as text.
    amount: Number(row.amount),
    ...(minuteSeconds === undefined ? {} : { minuteSeconds }),
  };
}
