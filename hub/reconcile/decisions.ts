import { create } from '@bufbuild/protobuf';
import type { StandingDrain } from '../../src/health/drain-book.ts';
import type { TargetMemory, TargetState } from '../../src/health/types.ts';
import {
  Decision_State,
  type DecisionBatch,
  DecisionBatchSchema,
  DecisionSchema,
  DrainSchema,
  FaultLeases_FaultSchema,
  FaultLeasesSchema,
  type HubMessage,
  HubMessageSchema,
} from '../../src/protocol/generated/portolan_pb.js';
import { type DrillEffect, EFFECT_LEASE_MS } from '../drills/effects.ts';

const STATE = { up: Decision_State.UP, down: Decision_State.DOWN, unknown: Decision_State.UNKNOWN } as const;

export interface DecisionBatchInput {
  readonly epoch: number;
  readonly sequence: number;
  readonly complete: boolean;
  readonly authoritative: boolean;
  readonly states: Iterable<TargetState>;
  readonly memories: Readonly<Record<string, TargetMemory>>;
  /** All that stand; sent whole each time, they are few. */
  readonly drains: readonly StandingDrain[];
}

/** The hub's states as they travel; with the memory an agent needs to go on deciding when the hub falls silent. */
export function decisionMessage(input: DecisionBatchInput): HubMessage {
  const decisions = [...input.states].map((state) => {
    const memory = input.memories[state.targetId];
    return create(DecisionSchema, {
      targetId: state.targetId,
      state: STATE[state.state],
      degraded: state.degraded,
      changedAgoMs: BigInt(Math.round(memory?.changedAgoMs ?? 0)),
      flaps: memory?.flaps ?? 0,
      recoveringForMs: BigInt(Math.round(memory?.recoveringForMs ?? 0)),
      earliestChangeMs: BigInt(Math.round(state.earliestChangeMs)),
      reason: state.reason,
    });
  });
  const batch: DecisionBatch = create(DecisionBatchSchema, {
    epoch: BigInt(input.epoch),
    sequence: BigInt(input.sequence),
    complete: input.complete,
    authoritative: input.authoritative,
    decisions,
    drains: input.drains.map((d) =>
      create(DrainSchema, {
        cluster: d.cluster,
        drainedForMs: BigInt(Math.round(d.drainedForMs)),
        leaseMs: BigInt(Math.round(d.remainingMs ?? 0)),
      }),
    ),
    drainsComplete: true,
  });
  return create(HubMessageSchema, { kind: { case: 'decisions', value: batch } });
}

/** Faults of running drills as leases on the agent's clock; an empty message ends them at once. */
export function faultMessage(effects: readonly DrillEffect[]): HubMessage {
  const faults = effects
    .filter((e) => e.action === 'fail')
    .map((e) => create(FaultLeases_FaultSchema, { id: e.id, cluster: e.cluster, leaseMs: EFFECT_LEASE_MS }));
  return create(HubMessageSchema, { kind: { case: 'faults', value: create(FaultLeasesSchema, { faults }) } });
}
