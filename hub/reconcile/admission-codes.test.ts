import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors/table.ts';
import type { ProposedChange } from '../api/services.ts';
import { type AdmissionInput, type AdmissionOutcome, admit } from './admission.ts';
import {
  CONTEXT,
  cluster,
  create,
  document,
  policy,
  remove,
  stored,
  update,
  worldOf,
  zone,
} from './testing.ts';
import type { World } from './world.ts';

const de = cluster('de', 'DE', '198.51.100.1');
const fr = cluster('fr', 'FR', '198.51.100.2');
const us = cluster('us', 'US', '198.51.100.3');
const both = document('Cluster', 'us', {
  location: { country: 'US' },
  addresses: ['198.51.100.3', '2a00:1450::3'],
});
const www = policy('www', ['www.example.com'], ['de', 'fr', 'us']);
const euOnly = policy('www', ['www.example.com'], ['de', 'fr', 'us'], { residency: [{ region: 'EU' }] });
const drain = (name: string) => create(document('Drain', name, { cluster: name }));

function judge(
  world: World,
  changes: readonly ProposedChange[],
  extra: Partial<AdmissionInput> = {},
): AdmissionOutcome {
  return admit({
    world,
    context: CONTEXT,
    changes,
    force: false,
    moment: { targetState: () => 'up', wallMs: 1_000_000 },
    budget: new Map(),
    joined: new Set(),
    ...extra,
  });
}

const running = (): ProposedChange => {
  const drill = stored(document('Drill', 'd', { action: 'drain', cluster: 'de' }));
  const status = { conditions: [], phase: 'Running', timeline: [] } as const;
  return {
    type: 'delete',
    key: { kind: 'Drill', namespace: 'default', name: 'd' },
    current: { ...drill, status } as typeof drill,
  };
};

const many = Array.from({ length: 10 }, (_, i) => `c${i}`);
const manyClusters = many.map((name, i) => cluster(name, 'DE', `198.51.100.${10 + i}`));
const big = policy('big', ['big.example'], many);

/** Every way admission says no; what one document alone gets wrong, its schema has refused before. */
const REFUSALS: readonly (readonly [string, ErrorCode, () => AdmissionOutcome])[] = [
  [
    'a policy names a cluster that is not there',
    'REFERENCE_NOT_FOUND',
    () => judge(worldOf(de, fr), [create(www)]),
  ],
  [
    'a policy names a health check that is not there',
    'REFERENCE_NOT_FOUND',
    () => judge(worldOf(de), [create(policy('p', ['p.example'], ['de'], { healthCheck: { ref: 'none' } }))]),
  ],
  ['a drain names a cluster that is not there', 'REFERENCE_NOT_FOUND', () => judge(worldOf(), [drain('de')])],
  [
    'a drill names a cluster that is not there',
    'REFERENCE_NOT_FOUND',
    () => judge(worldOf(), [create(document('Drill', 'd', { action: 'fail', cluster: 'de' }))]),
  ],
  [
    'a hostname is of another policy',
    'HOSTNAME_CLAIMED',
    () => judge(worldOf(de, fr, us, www), [create(policy('p', ['www.example.com'], ['de']))]),
  ],
  [
    "a hostname lies in another namespace's zone",
    'HOSTNAME_CLAIMED',
    () =>
      judge(worldOf(zone('z', 'example.com'), cluster('de', 'DE', '198.51.100.1', 'evil')), [
        create(policy('p', ['p.example.com'], ['de'], {}, 'evil')),
      ]),
  ],
  [
    'two zones have one origin',
    'ZONE_CLAIMED',
    () => judge(worldOf(zone('a', 'example.com')), [create(zone('b', 'example.com'))]),
  ],
  [
    "a zone inside another namespace's zone is not delegated",
    'ZONE_CLAIMED',
    () => judge(worldOf(zone('a', 'example.com')), [create(zone('b', 'shop.example.com', [], 'evil'))]),
  ],
  [
    "a zone would contain another namespace's hostname",
    'ZONE_CLAIMED',
    () => judge(worldOf(de, fr, us, www), [create(zone('b', 'example.com', [], 'evil'))]),
  ],
  [
    'an address must not be contacted',
    'ADDRESS_FORBIDDEN',
    () =>
      judge(worldOf(), [create(cluster('x', 'DE', '127.0.0.1')), create(policy('p', ['p.example'], ['x']))]),
  ],
  [
    'a static record stands where a policy routes',
    'DNS_RECORD_CONFLICT',
    () =>
      judge(worldOf(de, fr, us, www), [
        create(zone('z', 'example.com', [{ name: 'www', type: 'CNAME', data: ['a.example.net.'] }])),
      ]),
  ],
  ['a cluster is in use', 'IN_USE', () => judge(worldOf(de, fr, us, www), [remove(de)])],
  [
    'a health check is in use',
    'IN_USE',
    () => {
      const check = document('HealthCheck', 'web', { protocol: 'tcp', port: 443 });
      const user = policy('p', ['p.example'], ['de'], { healthCheck: { ref: 'web' } });
      return judge(worldOf(de, check, user), [remove(check)]);
    },
  ],
  [
    'a cluster has a joined agent',
    'CLUSTER_JOINED',
    () => judge(worldOf(de), [remove(de)], { joined: new Set(['default/de']) }),
  ],
  [
    'a running drill is deleted',
    'DRILL_ACTIVE',
    () => judge(worldOf(de, document('Drill', 'd', { action: 'drain', cluster: 'de' })), [running()]),
  ],
  [
    'a name loses its last cluster',
    'LAST_CAPACITY',
    () => judge(worldOf(de, policy('p', ['p.example'], ['de'])), [drain('de')]),
  ],
  [
    'a region loses its last cluster',
    'LAST_CAPACITY',
    () => judge(worldOf(de, fr, us, euOnly, document('Drain', 'fr', { cluster: 'fr' })), [drain('de')]),
  ],
  [
    'a name loses its last IPv6 address',
    'LAST_CAPACITY',
    () => judge(worldOf(de, fr, both, www), [update(us, both)]),
  ],
  [
    'a name loses too much at once',
    'CHANGE_BUDGET_EXCEEDED',
    () => judge(worldOf(...manyClusters, big), [update(policy('big', ['big.example'], many.slice(5)), big)]),
  ],
];

describe('I36 whatever admission refuses, it says where, why and what to do', () => {
  it.each(REFUSALS)('%s: %s', (_what, code, refused) => {
    const outcome = refused();
    const violation = outcome.violations.find((v) => v.code === code);
    expect(outcome.violations.map((v) => v.code)).toContain(code);
    expect(violation?.path).toMatch(/^(spec|metadata)(\.[a-zA-Z]+(\[\d+\])?)*$/);
    expect(violation?.message.length).toBeGreaterThan(15);
    expect(violation?.fix).toMatch(/^[A-Z`].{10,}[.`]?$/);
    expect(violation?.change).toBe(outcome.violations[0]?.change);
    expect(violation?.change).toBeGreaterThanOrEqual(0);
  });
});

describe('a region of a residency rule', () => {
  const world = worldOf(de, fr, us, euOnly);
  const down = (country: string) => {
    const ids = new Set(
      [...world.targets.values()].filter((t) => t.cluster === `default/${country}`).map((t) => t.id),
    );
    return { targetState: (id: string) => (ids.has(id) ? ('down' as const) : ('up' as const)), wallMs: 0 };
  };

  it('refuses to drain its last healthy cluster although others outside are healthy', () => {
    const outcome = judge(world, [drain('de')], { moment: down('fr') });
    expect(outcome.violations).toMatchObject([
      { code: 'LAST_CAPACITY', message: expect.stringContaining('inside EU') as unknown },
    ]);
    expect(outcome.violations[0]?.message).toContain('(fr)');
  });

  it('lets the others go, and a person force it', () => {
    expect(judge(world, [drain('us')]).violations).toEqual([]);
    expect(judge(world, [drain('de')]).violations).toEqual([]);
    const forced = judge(world, [drain('de')], { moment: down('fr'), force: true });
    expect(forced.violations).toEqual([]);
    expect(forced.warnings[0]).toContain('inside EU');
  });

  it('refuses two drains in one apply that together empty it', () => {
    expect(judge(world, [drain('de'), drain('fr')]).violations.map((v) => v.code)).toEqual(['LAST_CAPACITY']);
  });

  it('does not hold up a drain when nobody inside was healthy anyway', () => {
    const nobody = { targetState: () => 'down' as const, wallMs: 0 };
    expect(judge(world, [drain('de')], { moment: nobody }).violations).toEqual([]);
  });
});

describe('zones of several namespaces', () => {
  const parent = (records: readonly unknown[]) => zone('parent', 'example.com', records);
  const child = create(zone('child', 'shop.example.com', [], 'shop'));

  it('a zone may stand inside one of another namespace when its owners delegate it', () => {
    const delegation = { name: 'shop', type: 'NS', data: ['ns.shop.example.net.'] };
    expect(judge(worldOf(parent([delegation])), [child]).violations).toEqual([]);
    expect(judge(worldOf(parent([])), [child]).violations.map((v) => v.code)).toEqual(['ZONE_CLAIMED']);
  });

  it('one in the same namespace may be split as its owners like', () => {
    expect(judge(worldOf(parent([])), [create(zone('child', 'shop.example.com'))]).violations).toEqual([]);
  });
});

describe('the change budget', () => {
  it('counts an endpoint that keeps its name and moves to another machine as removed', () => {
    const names = ['a', 'b', 'c'];
    const clusters = names.map((n, i) => cluster(n, 'DE', `198.51.100.${10 + i}`));
    const spare = ['x', 'y', 'z'].map((n, i) => cluster(n, 'DE', `198.51.100.${20 + i}`));
    const moved = policy('p', ['p.example'], names, {
      endpoints: names.map((name, i) => ({ name, cluster: ['x', 'y', 'z'][i] })),
    });
    const now = policy('p', ['p.example'], names);
    expect(
      judge(worldOf(...clusters, ...spare, now), [update(moved, now)]).violations.map((v) => v.code),
    ).toEqual(['CHANGE_BUDGET_EXCEEDED']);
    const one = policy('p', ['p.example'], names, {
      endpoints: names.map((name, i) => ({ name, cluster: i === 0 ? 'x' : name })),
    });
    expect(judge(worldOf(...clusters, ...spare, now), [update(one, now)]).violations).toEqual([]);
  });

  it('does not charge a new name for an endpoint that stays', () => {
    const clusters = ['a', 'b', 'c'].map((n, i) => cluster(n, 'DE', `198.51.100.${10 + i}`));
    const now = policy('p', ['p.example'], ['a', 'b', 'c']);
    const renamed = policy('p', ['p.example'], ['a', 'b', 'c'], {
      endpoints: ['a', 'b', 'c'].map((c) => ({ name: `new-${c}`, cluster: c })),
      routing: { default: { tiers: [{ members: ['a', 'b', 'c'].map((c) => ({ endpoint: `new-${c}` })) }] } },
    });
    const outcome = judge(worldOf(...clusters, now), [update(renamed, now)]);
    expect(outcome.violations).toEqual([]);
    expect(outcome.charges.size).toBe(0);
  });
});
