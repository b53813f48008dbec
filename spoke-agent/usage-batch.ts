import { create } from '@bufbuild/protobuf';
import type { OutboxBatch } from '../gateway/usage/outbox.ts';
import { type UsageBatch, UsageBatchSchema } from '../src/protocol/generated/portolan_pb.js';

/** A batch of the outbox as it goes to the hub. */
export function toUsageBatch({ outbox, sequence, counts }: OutboxBatch): UsageBatch {
  return create(UsageBatchSchema, {
    outbox,
    sequence: BigInt(sequence),
    counts: counts.map(({ minuteSeconds, amount, ...names }) => ({
      ...names,
      minuteSeconds: BigInt(minuteSeconds),
      amount: BigInt(amount),
    })),
  });
}
