import type { StandingDrain } from '../../src/health/drain-book.ts';
import type { RoutingPart } from '../../src/protocol/snapshot.ts';
import { type DrillEffect, EFFECT_LEASE_MS } from '../drills/effects.ts';
import { objectKey } from './objects.ts';
import type { World } from './world.ts';

/** Drain objects in force: wall-clock instants, as the store keeps them. */
export function drainObjects(world: World, wallMs: number): RoutingPart['drains'] {
  const drains = new Map<string, { cluster: string; sinceMs: number; remainingMs?: number }>();
  for (const drain of world.objects.Drain.values()) {
    if (drain.metadata.deletionTimestamp !== undefined) continue;
    const cluster = objectKey(drain.metadata.namespace, drain.spec.cluster);
    const sinceMs = Date.parse(drain.metadata.creationTimestamp);
    const remainingMs =
      drain.spec.expiresAt === undefined ? undefined : Date.parse(drain.spec.expiresAt) - wallMs;
    if (remainingMs !== undefined && remainingMs <= 0) continue;
    const known = drains.get(cluster);
    // Several drains of one cluster: the one that lasts longest counts.
    if (
      known !== undefined &&
      (known.remainingMs === undefined || (remainingMs !== undefined && remainingMs <= known.remainingMs))
    )
      continue;
    drains.set(cluster, { cluster, sinceMs, ...(remainingMs === undefined ? {} : { remainingMs }) });
  }
  return [...drains.values()].sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
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
