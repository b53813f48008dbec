import { create } from '@bufbuild/protobuf';
import {
  HubMessageSchema,
  type UsageBatch,
  type UsageCount,
} from '../../src/protocol/generated/portolan_pb.js';
import type { AgentSession } from '../agents/link-session.ts';
import type { Store, UsageBatchFrom } from '../store/contract.ts';

/** More in one batch than any agent sends; names longer than any that exists. */
const MAX_COUNTS = 10_000;
const MAX_NAME = 1_024;

/**
 * Takes the batches of agents' outboxes. Every one is answered with what is counted of its outbox, so that an agent goes on from there,
 * whether the batch was new, a repetition or ahead of one that was lost (I34). The cluster is that of the session, whatever it says.
 */
export function createUsageIntake(deps: {
  readonly store: Pick<Store, 'countUsage'>;
  readonly log: { warn(details: object, message: string): void };
}): (session: Pick<AgentSession, 'agentUid' | 'clusterKey' | 'send'>, batch: UsageBatch) => Promise<void> {
  const { store, log } = deps;
  return async (session, batch) => {
    const { outbox } = batch;
    const sequence = Number(batch.sequence);
    if (outbox === '' || outbox.length > MAX_NAME || !Number.isSafeInteger(sequence)) return;
    const counts = batch.counts.slice(0, MAX_COUNTS).flatMap(readCount);
    if (counts.length < batch.counts.length)
      log.warn(
        { agent: session.agentUid, left: batch.counts.length - counts.length },
        'usage that is no number of hits is left out',
      );
    const { agentUid, clusterKey: cluster } = session;
    const counted = await store.countUsage({ agentUid, cluster, outbox, sequence, counts });
    const value = { outbox, sequence: BigInt(counted) };
    session.send(create(HubMessageSchema, { kind: { case: 'usageAck', value } }));
  };
}

function readCount(count: UsageCount): UsageBatchFrom['counts'] {
  const { namespace, principal, keyId, route, metric } = count;
  const amount = Number(count.amount);
  const minuteSeconds = Number(count.minuteSeconds);
  const names = [namespace, principal, keyId, route, metric];
  if (amount < 1 || !Number.isSafeInteger(amount) || !Number.isSafeInteger(minuteSeconds)) return [];
  if (names.some((name) => name.length > MAX_NAME || name.includes('\0'))) return [];
  return [
    {
      namespace,
      principal,
      keyId,
      route,
      metric,
      minuteSeconds: minuteSeconds - (minuteSeconds % 60),
      amount,
    },
  ];
}
