import type { Prober } from '../../prober/scheduler.ts';
import type { StandingDrain } from '../../src/health/drain-book.ts';
import type { TargetState } from '../../src/health/types.ts';
import type { HubMessage } from '../../src/protocol/generated/portolan_pb.js';
import { type DrillEffects, EFFECT_LEASE_MS } from '../drills/effects.ts';
import { decisionMessage, faultMessage } from './decisions.ts';
import type { HubHealth } from './health.ts';

export interface BroadcastOptions {
  readonly epoch: number;
  readonly health: Pick<HubHealth, 'states' | 'memories' | 'authoritative'>;
  readonly standing: () => readonly StandingDrain[];
  readonly effects: DrillEffects;
  /** Agents that this hub leads and that are connected now. */
  readonly listeners: () => readonly string[];
  readonly send: (agentUid: string, message: HubMessage) => void;
  /** The hub's own vantage point lives under the same faults. */
  readonly prober: Pick<Prober, 'setFaults'>;
  readonly monotonicMs: () => number;
}

/** Decisions, drains and drill faults to every agent: at once on a change, and every second. */
export interface Broadcast {
  decisions(states: readonly TargetState[], complete: boolean): void;
  /** Renews the leases of all faults, here and at the agents; those that are gone end. */
  faults(): void;
  /** All of both, to an agent that has just connected. */
  greet(agentUid: string): void;
}

export function createBroadcast(options: BroadcastOptions): Broadcast {
  const { effects, health } = options;
  let sequence = 0;

  function decisionsOf(states: readonly TargetState[], complete: boolean): HubMessage {
    return decisionMessage({
      epoch: options.epoch,
      sequence,
      complete,
      authoritative: health.authoritative,
      states,
      memories: states.length > 0 ? health.memories() : {},
      drains: options.standing(),
    });
  }

  return {
    decisions(states, complete) {
      sequence += 1;
      const listeners = options.listeners();
      if (listeners.length === 0) return;
      const message = decisionsOf(states, complete);
      for (const agentUid of listeners) options.send(agentUid, message);
    },
    faults() {
      const expiresAtMs = options.monotonicMs() + EFFECT_LEASE_MS;
      options.prober.setFaults(
        effects.all
          .filter((e) => e.action === 'fail')
          .map((e) => ({ id: e.id, cluster: e.cluster, expiresAtMs })),
      );
      const message = faultMessage(effects.all);
      for (const agentUid of options.listeners()) options.send(agentUid, message);
    },
    greet(agentUid) {
      if (!options.listeners().includes(agentUid)) return;
      options.send(agentUid, decisionsOf([...health.states.values()], true));
      options.send(agentUid, faultMessage(effects.all));
    },
  };
}
