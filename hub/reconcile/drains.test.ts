import { describe, expect, it } from 'vitest';
import { DEFAULT_QUORUM } from '../../src/health/types.ts';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import { dueStatuses } from './conditions.ts';
import { drainObjects, standingDrains } from './drains.ts';
import { createHubHealth } from './health.ts';
import { objectsOf } from './objects.ts';
import { CONTEXT, cluster, document, policy, stored, worldOf, zone } from './testing.ts';
import { buildWorld, type World } from './world.ts';

const T0 = Date.parse('2026-01-01T00:00:00.000Z');
const iso = (ms: number): string => new Date(T0 + ms).toISOString();
const drain = (name: string, sinceMs: number, untilMs?: number): AnyResource =>
  stored(
    document('Drain', name, {
      cluster: 'de',
      reason: name,
      ...(untilMs === undefined ? {} : { expiresAt: iso(untilMs) }),
    }),
    iso(sinceMs),
  );
const worldWith = (...drains: readonly AnyResource[]): World =>
  buildWorld(objectsOf([stored(cluster('de', 'DE', '198.51.100.1')), ...drains]), CONTEXT);

describe('several drains of one cluster', () => {
  it.each([
    ['one without an end', [drain('a', 0)], { sinceMs: T0 }],
    ['one with an end', [drain('a', 0, 9_000)], { sinceMs: T0, remainingMs: 4_000 }],
    [
      'two with ends: the later one',
      [drain('a', 0, 9_000), drain('b', 1_000, 7_000)],
      { sinceMs: T0, remainingMs: 4_000 },
    ],
    [
      'a later one without an end does not begin the ramp anew',
      [drain('a', 0, 9_000), drain('b', 4_000)],
      { sinceMs: T0 },
    ],
    [
      'one that is over does not count',
      [drain('a', 0, 5_000), drain('b', 2_000, 6_000)],
      { sinceMs: T0 + 2_000, remainingMs: 1_000 },
    ],
  ] as const)('%s', (_, drains, expected) => {
    expect(drainObjects(worldWith(...drains), T0 + 5_000)).toEqual([{ cluster: 'default/de', ...expected }]);
  });

  it('none is in force after the last end', () => {
    expect(drainObjects(worldWith(drain('a', 0, 5_000)), T0 + 5_000)).toEqual([]);
  });

  it("a person's drain outlasts a drill's on the same cluster; a drill's is a lease", () => {
    const effects = [{ id: 'default/d', action: 'drain' as const, cluster: 'default/de', sinceMs: 100 }];
    const clocks = { wallMs: T0 + 5_000, monotonicMs: 1_100 };
    expect(standingDrains(worldWith(drain('a', 0)), effects, clocks)).toEqual([
      { cluster: 'default/de', drainedForMs: 5_000, leased: false },
    ]);
    expect(standingDrains(worldWith(), effects, clocks)).toEqual([
      { cluster: 'default/de', drainedForMs: 1_000, remainingMs: 5_000, leased: true },
    ]);
  });
});

describe('statuses', () => {
  const health = createHubHealth({
    quorum: DEFAULT_QUORUM,
    monotonicMs: () => 0,
    wallMs: () => T0,
    onChange: () => undefined,
  });
  const due = (world: World, wallMs: number) =>
    dueStatuses({
      world,
      health,
      published: undefined,
      agentOf: () => undefined,
      signingOf: () => undefined,
      serverName: (id) => id,
      wallMs,
    });
  const withStatuses = (world: World, wallMs: number): World => {
    const written = new Map(due(world, wallMs).map((c) => [`${c.key.kind} ${c.key.name}`, c]));
    const items = Object.values(world.objects).flatMap((map) => [...map.values()] as AnyResource[]);
    return buildWorld(
      objectsOf(
        items.map((item) => {
          const change = written.get(`${item.kind} ${item.metadata.name}`);
          return change?.type === 'status' ? ({ ...item, status: change.status } as AnyResource) : item;
        }),
      ),
      CONTEXT,
    );
  };

  it('are written once: nothing is due where nothing changed, however late it is', () => {
    const world = worldOf(
      cluster('de', 'DE', '198.51.100.1'),
      zone('z', 'example.com'),
      policy('p', ['p.example.com', 'p.elsewhere.org'], ['de']),
      document('HealthCheck', 'web', { protocol: 'tcp', port: 443 }),
    );
    const first = due(world, T0);
    expect(first.map((c) => c.key.kind).sort()).toEqual(['Cluster', 'HealthCheck', 'TrafficPolicy', 'Zone']);
    expect(due(withStatuses(world, T0), T0 + 86_400_000)).toEqual([]);
  });

  it('say of a policy without a zone, and of a cluster without an agent, what to do', () => {
    const world = worldOf(cluster('de', 'DE', '198.51.100.1'), policy('p', ['p.elsewhere.org'], ['de']));
    const messages = JSON.stringify(due(world, T0));
    expect(messages).toContain('no Zone contains p.elsewhere.org.');
    expect(messages).toContain('portolan cluster token de');
  });

  it('say since when and until when a cluster drains, and nothing once it is over', () => {
    const world = worldWith(drain('a', 0, 9_000), drain('b', 1_000, 7_000));
    const draining = (wallMs: number) =>
      due(world, wallMs).flatMap((c) =>
        c.type === 'status' && 'draining' in c.status ? [c.status.draining] : [],
      );
    expect(draining(T0 + 2_000)).toEqual([{ since: iso(0), until: iso(9_000), reason: 'a' }]);
    expect(draining(T0 + 9_000)).toEqual([]);
  });
});
