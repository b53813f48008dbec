import { describe, expect, it } from 'vitest';
import type { Removal } from '../../src/plan/budget.ts';
import { containing } from '../../test/support/matchers.ts';
import type { ProposedChange } from '../api/services.ts';
import { type AdmissionInput, admit } from './admission.ts';
import { CONTEXT, cluster, create, document, policy, remove, update, worldOf, zone } from './testing.ts';
import type { World } from './world.ts';

const de = cluster('de', 'DE', '198.51.100.1');
const fr = cluster('fr', 'FR', '198.51.100.2');
const us = cluster('us', 'US', '198.51.100.3');
const www = policy('www', ['www.example.com'], ['de', 'fr', 'us']);

function judge(world: World, changes: readonly ProposedChange[], extra: Partial<AdmissionInput> = {}) {
  return admit({
    world,
    context: CONTEXT,
    changes,
    force: false,
    moment: { targetState: () => 'up', wallMs: 1_000_000 },
    budget: new Map<string, readonly Removal[]>(),
    joined: new Set(),
    ...extra,
  });
}
const codes = (outcome: ReturnType<typeof admit>): readonly string[] => outcome.violations.map((v) => v.code);

describe('admission: references and claims', () => {
  it('takes a policy and the clusters it names in one change', () => {
    expect(codes(judge(worldOf(), [create(www), create(de), create(fr), create(us)]))).toEqual([]);
  });

  it('refuses a policy whose cluster does not exist, with the place of the name', () => {
    const outcome = judge(worldOf(de, fr), [create(www)]);
    expect(outcome.violations).toMatchObject([
      { code: 'REFERENCE_NOT_FOUND', path: 'spec.endpoints[2].cluster', change: 0 },
    ]);
  });

  it('refuses a hostname that another policy has, in whatever namespace', () => {
    const outcome = judge(worldOf(de, fr, us, www), [create(policy('other', ['www.example.com'], ['de']))]);
    expect(outcome.violations).toMatchObject([
      {
        code: 'HOSTNAME_CLAIMED',
        path: 'spec.hostnames[0]',
        message: expect.stringContaining('default/www') as unknown,
      },
    ]);
  });

  it('refuses two new policies that both claim one hostname', () => {
    const changes = [create(policy('a', ['x.example'], ['de'])), create(policy('b', ['x.example'], ['de']))];
    expect(codes(judge(worldOf(de), changes))).toContain('HOSTNAME_CLAIMED');
  });

  it("refuses a hostname inside another namespace's zone", () => {
    const outcome = judge(
      worldOf(zone('example', 'example.com'), cluster('de', 'DE', '198.51.100.1', 'evil')),
      [create(policy('steal', ['login.example.com'], ['de'], {}, 'evil'))],
    );
    expect(codes(outcome)).toEqual(['HOSTNAME_CLAIMED']);
  });

  it('refuses a second zone with the same origin', () => {
    expect(codes(judge(worldOf(zone('one', 'example.com')), [create(zone('two', 'example.com'))]))).toEqual([
      'ZONE_CLAIMED',
    ]);
  });

  it('refuses a zone whose static record stands where a policy routes, and a policy where a CNAME stands', () => {
    const record = { name: 'www', type: 'A', data: ['192.0.2.1'] };
    expect(
      judge(worldOf(de, fr, us, www), [create(zone('example', 'example.com', [record]))]).violations[0]?.path,
    ).toMatch(/^spec\./);
    const alias = { name: 'www', type: 'CNAME', data: ['elsewhere.example.net.'] };
    expect(
      judge(worldOf(de, fr, us, zone('example', 'example.com', [alias])), [create(www)]).violations[0]?.path,
    ).toBe('spec.hostnames');
  });

  it('refuses to delete what is in use, and a cluster whose agent is joined', () => {
    const world = worldOf(de, fr, us, www);
    expect(codes(judge(world, [remove(de)]))).toEqual(['IN_USE']);
    expect(codes(judge(worldOf(de), [remove(de)], { joined: new Set(['default/de']) }))).toEqual([
      'CLUSTER_JOINED',
    ]);
    expect(codes(judge(worldOf(de), [remove(de)]))).toEqual([]);
  });

  it('refuses a change of a cluster that would break a policy of it', () => {
    const bare = document('Cluster', 'de', { location: { country: 'DE' } });
    const outcome = judge(worldOf(de, fr, us, www), [update(bare, de)]);
    expect(outcome.violations[0]?.message).toContain('TrafficPolicy default/www would not be valid');
  });

  it('warns of a hostname that lies in no zone', () => {
    expect(judge(worldOf(de, fr, us), [create(www)]).warnings).toEqual([
      expect.stringContaining('lies in no Zone'),
    ]);
  });

  it('warns of a subdivision rule that the GeoIP database can never match', () => {
    const west = policy('www', ['www.example.com'], ['us'], {
      routing: {
        geo: [
          { name: 'west', match: { subdivisions: ['US-CA'] }, tiers: [{ members: [{ endpoint: 'us' }] }] },
        ],
        default: { tiers: [{ members: [{ endpoint: 'us' }] }] },
      },
    });
    const world = worldOf(us, zone('example', 'example.com'));
    const blind = judge(world, [create(west)], { context: { ...CONTEXT, hasSubdivisions: false } });
    expect(blind.warnings).toEqual([expect.stringContaining('the rule west names subdivisions')]);
    expect(judge(world, [create(west)], { context: { ...CONTEXT, hasSubdivisions: true } }).warnings).toEqual(
      [],
    );
  });

  it('refuses an address that must not be contacted unless the operator allows the range', () => {
    const local = cluster('local', 'DE', '169.254.169.254');
    const changes = [create(local), create(policy('p', ['p.example'], ['local']))];
    expect(codes(judge(worldOf(), changes))).toContain('ADDRESS_FORBIDDEN');
    expect(
      codes(judge(worldOf(), changes, { context: { ...CONTEXT, allowedRanges: ['169.254.0.0/16'] } })),
    ).toEqual([]);
  });
});

describe('admission: guards', () => {
  const drain = (name: string) => create(document('Drain', name, { cluster: name }));

  it('I4 refuses a Zone change that would leave a routed name in no zone, unless another zone takes it over', () => {
    const shop = zone('example', 'example.com');
    const world = worldOf(de, fr, us, www, shop);
    const moved = document('Zone', 'example', {
      origin: 'example.org',
      nameServers: [{ name: 'ns.example.org', addresses: ['192.0.2.53'] }],
    });
    for (const change of [update(moved, shop), remove(shop)]) {
      expect(judge(world, [change]).violations).toMatchObject([
        {
          code: 'LAST_CAPACITY',
          path: 'spec.origin',
          change: 0,
          message: containing('www.example.com.'),
        },
      ]);
    }
    expect(codes(judge(world, [remove(shop), create(zone('narrow', 'www.example.com'))]))).toEqual([]);
    expect(judge(world, [remove(shop)], { force: true }).warnings[0]).toMatch(/^forced: www\.example\.com\./);
  });

  it('refuses to drain the last cluster that serves, also when others are there but down', () => {
    const world = worldOf(
      de,
      fr,
      us,
      www,
      document('Drain', 'us', { cluster: 'us' }),
      document('Drain', 'fr', { cluster: 'fr' }),
    );
    expect(codes(judge(world, [drain('de')]))).toEqual(['LAST_CAPACITY']);
    const two = worldOf(de, fr, policy('www', ['www.example.com'], ['de', 'fr']));
    const frTarget = [...two.targets.values()].find((t) => t.cluster === 'default/fr')?.id;
    const moment = {
      targetState: (id: string) => (id === frTarget ? ('down' as const) : ('up' as const)),
      wallMs: 0,
    };
    expect(codes(judge(two, [drain('de')], { moment }))).toEqual(['LAST_CAPACITY']);
    expect(codes(judge(two, [drain('de')]))).toEqual([]);
  });

  it('lets a person force it, and says what was forced', () => {
    const world = worldOf(de, policy('www', ['www.example.com'], ['de']));
    const outcome = judge(world, [drain('de')], { force: true });
    expect(outcome.violations).toEqual([]);
    expect(outcome.warnings[0]).toMatch(/^forced: www\.example\.com\. would have no active endpoint/);
  });

  it('never forces validation', () => {
    expect(codes(judge(worldOf(), [create(www)], { force: true }))).toContain('REFERENCE_NOT_FOUND');
  });

  it('I6 an update may not take more than 30 % of a hostname away within 5 minutes', () => {
    const names = Array.from({ length: 10 }, (_, i) => `c${i}`);
    const clusters = names.map((n, i) => cluster(n, 'DE', `198.51.100.${10 + i}`));
    const all = policy('big', ['big.example'], names);
    const world = worldOf(...clusters, all);
    expect(codes(judge(world, [update(policy('big', ['big.example'], names.slice(3)), all)]))).toEqual([]);
    const refused = judge(world, [update(policy('big', ['big.example'], names.slice(4)), all)]);
    expect(refused.violations).toMatchObject([
      { code: 'CHANGE_BUDGET_EXCEEDED', message: expect.stringContaining('40 %') as unknown },
    ]);
    // What was charged a minute ago counts with it.
    const budget = new Map([['big.example.', [{ atMs: 940_000, capacity: 3, endpoints: 3 }]]]);
    const seven = policy('big', ['big.example'], names.slice(3));
    expect(
      codes(
        judge(worldOf(...clusters, seven), [update(policy('big', ['big.example'], names.slice(5)), seven)], {
          budget,
        }),
      ),
    ).toEqual(['CHANGE_BUDGET_EXCEEDED']);
    expect(
      judge(world, [update(policy('big', ['big.example'], names.slice(3)), all)]).charges.get('big.example.'),
    ).toHaveLength(1);
  });

  it('I6 an endpoint that stays but is no longer routed counts as removed', () => {
    const names = ['a', 'b', 'c', 'd'];
    const clusters = names.map((n, i) => cluster(n, 'DE', `198.51.100.${10 + i}`));
    const all = policy('p', ['p.example'], names);
    const unrouted = policy('p', ['p.example'], names, {
      routing: { default: { tiers: [{ members: [{ endpoint: 'a' }] }] } },
    });
    expect(codes(judge(worldOf(...clusters, all), [update(unrouted, all)]))).toEqual([
      'CHANGE_BUDGET_EXCEEDED',
    ]);
  });
});

describe('admission: signed zones', () => {
  const of = (spec: object) =>
    document('Zone', 'shop', { origin: 'shop.example', nameServers: [{ name: 'ns.example' }], ...spec });
  const signed = of({ dnssec: {} });
  const judged = (change: ProposedChange, state: 'signed' | 'unsigned' = 'signed') => {
    const dnssec = { state, since: '2026-01-01T00:00:00.000Z', keys: [], ds: [], dnskey: [] };
    const status = { conditions: [], dnssec };
    if (change.type === 'create' || change.current.kind !== 'Zone') throw new Error('not of a zone');
    return judge(worldOf(signed), [{ ...change, current: { ...change.current, status } }]);
  };

  it('warn whoever turns signing off, deletes the zone or moves it, of the DS at the parent', () => {
    expect(judged(update(of({}), signed)).warnings).toEqual([containing('stays signed until')]);
    expect(judged(remove(signed)).warnings).toEqual([containing('The keys are kept')]);
    const moved = of({ origin: 'other.example', dnssec: {} });
    expect(judged(update(moved, signed)).warnings).toEqual([containing('remove the DS of shop.example.')]);
  });

  it('say nothing of other changes, nor when the signing has ended already', () => {
    expect(judged(update(of({ dnssec: {}, ttlSeconds: 60 }), signed)).warnings).toEqual([]);
    expect(judged(update(of({}), signed), 'unsigned').warnings).toEqual([]);
    expect(judge(worldOf(signed), [update(of({}), signed)]).warnings).toEqual([]);
    expect(judge(worldOf(), [create(signed)]).warnings).toEqual([]);
  });
});
