import type { Fault } from '../prober/scheduler.ts';
import {
  type Decision,
  Decision_State,
  type DecisionBatch,
  type FaultLeases,
} from '../src/protocol/generated/portolan_pb.js';
import type { HubBatch, HubDecision } from './decision.ts';

/** The stream's decisions as the agent's rule takes them. A state of a newer release counts as unknown (I12). */
export function fromDecisionBatch(batch: DecisionBatch): HubBatch {
  return {
    epoch: Number(batch.epoch),
    sequence: Number(batch.sequence),
    complete: batch.complete,
    authoritative: batch.authoritative,
    drainsComplete: batch.drainsComplete,
    decisions: batch.decisions.map(fromDecision),
    drains: batch.drains.map((drain) => ({
      cluster: drain.cluster,
      drainedForMs: Number(drain.drainedForMs),
      leased: drain.leaseMs > 0n,
      ...(drain.leaseMs > 0n ? { remainingMs: Number(drain.leaseMs) } : {}),
    })),
  };
}

/** Faults of drills with their end on this agent's own clock (I35). */
export function fromFaultLeases(leases: FaultLeases, nowMs: number): readonly Fault[] {
  return leases.faults.map(({ id, cluster, leaseMs }) => ({ id, cluster, expiresAtMs: nowMs + leaseMs }));
}

function fromDecision(decision: Decision): HubDecision {
  const recoveringForMs = Number(decision.recoveringForMs);
  return {
    targetId: decision.targetId,
    state:
      decision.state === Decision_State.UP
        ? 'up'
        : decision.state === Decision_State.DOWN
          ? 'down'
          : 'unknown',
    degraded: decision.degraded,
    changedAgoMs: Number(decision.changedAgoMs),
    flaps: decision.flaps,
    earliestChangeMs: Number(decision.earliestChangeMs),
    reason: decision.reason,
    ...(recoveringForMs > 0 ? { recoveringForMs } : {}),
  };
}
