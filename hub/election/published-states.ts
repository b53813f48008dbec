import { z } from 'zod';
import { StatesFeed } from '../../nameserver/state-replica.ts';
import type { DrainTimes, RuledTarget, StateViewInput } from '../../src/health/state-view.ts';
import { NO_PENDING_CHANGE_MS } from '../../src/health/types.ts';

/**
 * States as they lie in the store: durations, because each hub has a monotonic clock of its own. Who reads them takes off the time
 * since they were written.
 */
const statesSchema = z.object({
  /** Id, state, milliseconds until a change in sight (-1: none), who says so. */
  targets: z.array(
    z.tuple([z.string(), z.enum(['up', 'down', 'unknown']), z.number(), z.string().nullable()]),
  ),
  /** Cluster, drained for, ends in (`null`: until it is taken back). */
  drains: z.array(z.tuple([z.string(), z.number(), z.number().nullable()])),
  lastHealthy: z.array(z.tuple([z.string(), z.array(z.string())])),
});

/** @param nowMs monotonic, on the clock of `input` */
export function statesText(input: StateViewInput, nowMs: number): string {
  const whole = new StatesFeed().update(input, nowMs);
  const states: z.output<typeof statesSchema> = {
    targets: whole.targets.map(([id, state, changeMs, reason]) => [
      id,
      state,
      Math.round(changeMs),
      reason ?? null,
    ]),
    drains: (whole.drains ?? []).map(([cluster, forMs, endsInMs]) => [
      cluster,
      Math.round(forMs),
      endsInMs === undefined ? null : Math.round(endsInMs),
    ]),
    lastHealthy: [...(whole.lastHealthy ?? [])].map(([key, endpoints]) => [key, [...endpoints]]),
  };
  return JSON.stringify(states);
}

/**
 * The states as they hold here.
 * @param writtenMs when they were true, on the reader's monotonic clock
 */
export function readStates(text: string, writtenMs: number): Omit<StateViewInput, 'freshAtMs'> {
  const { targets, drains, lastHealthy } = statesSchema.parse(JSON.parse(text));
  return {
    targets: new Map(
      targets.map(([id, state, changeMs, reason]): [string, RuledTarget] => [
        id,
        {
          state,
          earliestChangeMs: changeMs < 0 ? NO_PENDING_CHANGE_MS : changeMs,
          ...(reason === null ? {} : { reason }),
        },
      ]),
    ),
    drains: new Map(
      drains.map(([cluster, forMs, endsInMs]): [string, DrainTimes] => {
        const sinceMs = writtenMs - forMs;
        return [cluster, endsInMs === null ? { sinceMs } : { sinceMs, endsAtMs: writtenMs + endsInMs }];
      }),
    ),
    lastHealthy: new Map(lastHealthy),
    takenAtMs: writtenMs,
  };
}
