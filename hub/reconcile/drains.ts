import type { StandingDrain } from '../../src/health/drain-book.ts';
import type { RoutingPart } from '../../src/protocol/snapshot.ts';
import { type DrillEffect, EFFECT_LEASE_MS } from '../drills/effects.ts';
import { objectKey } from './objects.ts';
import type { World } from './world.ts';

/** Drain objects in force: wall-clock instants, as the store keeps them. */
export function drainObjects(world: World, wallMs: number): RoutingPart['drains'] {
  const drains = new Map<string, Interval>();
  for (const drain of world.objects.Drain.values()) {
    if (drain.metadata.deletionTimestamp !== undefined) continue;
    const cluster = objectKey(drain.metadata.namespace, drain.spec.cluster);
    const sinceMs = Date.parse(drain.metadata.creationTimestamp);
    const remainingMs =
      drain.spec.expiresAt === undefined
        ? Number.POSITIVE_INFINITY
        : Date.parse(drain.spec.expiresAt) - wallMs;
    if (remainingMs <= 0) continue;
    drains.set(cluster, together(drains.get(cluster), { cluster, sinceMs, remainingMs }));
  }
  return [...drains.values()]
    .sort((a, b) => (a.cluster < b.cluster ? -1 : 1))
    .map(({ cluster, sinceMs, remainingMs }) => ({
      cluster,
      sinceMs,
      ...(remainingMs === Number.POSITIVE_INFINITY ? {} : { remainingMs }),
    }));
}

interface Interval {
  readonly cluster: string;
  readonly sinceMs: number;
  /** Infinite: until it is taken back. */
  readonly remainingMs: number;
}

/**
 * Several drains of one cluster: it is out since the first of them (a later one must not start the ramp again) and until the
 * last of them ends.
 */
function together(known: Interval | undefined, drain: Interval): Interval {
  if (known === undefined) return drain;
  return {
    cluster: drain.cluster,
    sinceMs: Math.min(known.sinceMs, drain.sinceMs),
    remainingMs: Math.max(known.remainingMs, drain.remainingMs),
  };
}

/** All drains that stand now: those a person asked for and those of running drills, which are leases. */
export function standingDrains(
  world: World,
  effects: readonly DrillEffect[],
  clocks: { readonly wallMs: number; readonly monotonicMs: number },
): readonly StandingDrain[] {
  const asked: StandingDrain[] = drainObjects(world, clocks.wallMs).map((d) => ({
    cluster: d.cluster,
    drainedForMs: Math.max(0, clocks.wallMs - d.sinceMs),
    leased: false,
    ...(d.remainingMs === undefined ? {} : { remainingMs: d.remainingMs }),
  }));
  const names = new Set(asked.map((d) => d.cluster));
  const drilled = effects
    .filter((e) => e.action === 'drain' && !names.has(e.cluster))
    .map(
      (e): StandingDrain => ({
        cluster: e.cluster,
        drainedForMs: Math.max(0, clocks.monotonicMs - e.sinceMs),
        remainingMs: EFFECT_LEASE_MS,
        leased: true,
      }),
    );
  return [...asked, ...drilled];
}
