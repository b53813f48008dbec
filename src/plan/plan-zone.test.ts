import { describe, expect, it } from 'vitest';
import { containing, matching } from '../../test/support/matchers.ts';
import { formatMarker } from './marker.ts';
import { planZone } from './plan-zone.ts';
import type { RecordSet } from './record-set.ts';
import { APEX, at, carriedOut, input, lines, OWNER, set, txt, wanted } from './testing/zone.ts';
import { txtValue } from './txt-value.ts';
import { digestOfName, digestOfOwn } from './zone-inventory.ts';

const WWW = set('www', 'A', '192.0.2.1');
const HERITAGE = 'heritage=external-dns,external-dns/owner=default,external-dns/resource=ingress/shop/web';

function marker(label: string, more: Partial<Parameters<typeof formatMarker>[0]> = {}): RecordSet {
  const first = label === '' ? '_apex' : label.replace('*', '_wildcard');
  const value = formatMarker({
    owner: OWNER,
    types: ['A', 'AAAA', 'CNAME'],
    resource: 'trafficpolicy/shop/web',
    below: [],
    values: undefined,
    ...more,
  });
  return { ...txt(`${first}._owner._portolan`, ''), values: [value] };
}

/** The plan, and that what it leads to needs no other one. */
function settled(given: ReturnType<typeof input>): ReturnType<typeof planZone> {
  const plan = planZone(given);
  const after = carriedOut(given.current, plan);
  expect(lines(planZone({ ...given, current: after, adopted: new Map() }))).toEqual([]);
  return plan;
}

describe('the plan of a zone', () => {
  it('I8 takes no addresses that a forged marker calls glue though they lie elsewhere', () => {
    const mail = set('mail', 'A', '192.0.2.25');
    const below = [at('mail'), at(''), at('www')];
    const current = [...APEX, set('', 'A', '192.0.2.9'), mail, WWW, marker('www', { below })];
    const kept = settled(input(current, [wanted('www', [WWW])]));
    expect(lines(kept)).toEqual(['~ www._owner._portolan.example.com. TXT']);
    const removed = settled(input(current, []));
    expect(lines(removed)).toEqual(['- www.example.com. A', '- www._owner._portolan.example.com. TXT']);
    const apex = settled(input([...APEX, mail, marker('', { below, types: [] })], []));
    expect(lines(apex)).toEqual(['- _apex._owner._portolan.example.com. TXT']);
  });

  it('I8 takes no records of types that no hub decides, though a forged marker lists them', () => {
    const spf = set('', 'TXT', '"v=spf1 -all"');
    const current = [...APEX, spf, marker('', { types: ['A', 'LUA', 'MX', 'TXT'] }), set('', 'LUA', 'A "x"')];
    const apex = set('', 'A', '192.0.2.1');
    expect(lines(settled(input(current, [])))).toEqual(['- _apex._owner._portolan.example.com. TXT']);
    const plan = settled(input(current, [wanted('', [apex])]));
    expect(lines(plan)).toEqual(['~ _apex._owner._portolan.example.com. TXT', '+ example.com. A']);
    expect(plan.groups[0]?.changes[0]?.after).toEqual(marker(''));
    expect(lines(settled(input(current, [], { ownTypes: ['LUA'] })))).toEqual([
      '- example.com. LUA',
      '- _apex._owner._portolan.example.com. TXT',
    ]);
  });

  it.each(['x._portolan', '*'])('is not held up by a marker for a name that nobody can own: %s', (label) => {
    const forged = { ...txt(`${label}._owner._portolan`, ''), values: marker('www').values };
    expect(lines(planZone(input([...APEX, forged], [wanted('www', [WWW])])))).toEqual([
      '+ www._owner._portolan.example.com. TXT',
      '+ www.example.com. A',
    ]);
  });

  it('I18 creates a name and its marker in one group, the marker first', () => {
    const plan = settled(input(APEX, [wanted('www', [WWW])]));
    expect(lines(plan)).toEqual(['+ www._owner._portolan.example.com. TXT', '+ www.example.com. A']);
    expect(plan.groups).toHaveLength(1);
    expect(plan).toMatchObject({ names: 1, held: [], waitsForApproval: undefined });
  });

  it('is empty when everything is as it should be, whatever the order of what was read', () => {
    const zone = [...APEX, WWW, marker('www'), set('other', 'MX', '10 mail.')];
    const plan = planZone(input([...zone].reverse(), [wanted('www', [WWW])]));
    expect(plan.groups).toEqual([]);
    expect(plan.hash).toBe(planZone(input(zone, [wanted('www', [WWW])])).hash);
  });

  it('changes in place what is ours, and repairs what somebody did to it', () => {
    const drifted = { ...WWW, values: ['203.0.113.9'], ttlSeconds: 5 };
    const plan = settled(
      input(
        [...APEX, drifted, marker('www'), set('www', 'AAAA', '2001:db8::9')],
        [wanted('www', [WWW], { mayEmpty: ['AAAA'] })],
      ),
    );
    expect(lines(plan)).toEqual(['~ www.example.com. A', '- www.example.com. AAAA']);
  });

  it('leaves a name as it is when nobody can say what it should be', () => {
    expect(planZone(input([...APEX, WWW, marker('www')], [wanted('www', undefined)])).groups).toEqual([]);
  });

  it('removes a name that nothing wants any more, the marker last', () => {
    const pool = set('p1.www._pool._portolan', 'A', '192.0.2.1');
    const alias: RecordSet = {
      name: at('www'),
      type: 'A',
      setId: 'p1',
      values: [],
      native: { alias: pool.name },
    };
    const plan = settled(input([...APEX, pool, alias, marker('www'), set('www', 'TXT', '"x"')], []));
    expect(lines(plan)).toEqual([
      '- www.example.com. A p1',
      '- p1.www._pool._portolan.example.com. A',
      '- www._owner._portolan.example.com. TXT',
    ]);
    expect(plan.names).toBe(0);
  });

  it('counts pools that nobody owns among what is removed: more of them than may go at once wait for a person', () => {
    const pools = ['a', 'b', 'c', 'd'].map((of) => set(`p1.${of}._pool._portolan`, 'A', '192.0.2.1'));
    const current = [...APEX, ...pools, WWW, marker('www')];
    const waiting = planZone(input(current, [wanted('www', [WWW])]));
    expect(waiting.groups).toEqual([]);
    expect(waiting.waitsForApproval?.names).toEqual(['a', 'b', 'c', 'd'].map(at));
    expect(waiting.waitsForApproval?.message).toContain('4 of 5 names');
    const approved = settled(input(current, [wanted('www', [WWW])], { approved: new Set([waiting.hash]) }));
    expect(lines(approved)).toEqual(pools.map(({ name }) => `- ${name} A`));
    // One name may always go.
    expect(lines(settled(input([...APEX, ...pools.slice(0, 1)], [])))).toEqual([`- ${pools[0]?.name} A`]);
    const never = planZone(input(current, [wanted('www', [WWW])], { deletions: 'never' }));
    expect(never).toMatchObject({ groups: [], held: [], waitsForApproval: undefined });
  });

  it('makes pools before what leads to them, and takes them away after', () => {
    const pool = (id: string): RecordSet => set(`${id}.www._pool._portolan`, 'A', '192.0.2.1');
    const alias = (id: string): RecordSet => ({
      name: at('www'),
      type: 'A',
      setId: '',
      values: [],
      native: { alias: pool(id).name },
    });
    const plan = settled(
      input([...APEX, pool('p1'), alias('p1'), marker('www')], [wanted('www', [pool('p2'), alias('p2')])]),
    );
    expect(lines(plan)).toEqual([
      '+ p2.www._pool._portolan.example.com. A',
      '~ www.example.com. A',
      '- p1.www._pool._portolan.example.com. A',
    ]);
  });

  it('clears the way first when a CNAME takes the place of addresses, or routed sets that of a plain one', () => {
    const cname = set('www', 'CNAME', 'cdn.example.net.');
    expect(lines(settled(input([...APEX, WWW, marker('www')], [wanted('www', [cname])])))).toEqual([
      '- www.example.com. A',
      '+ www.example.com. CNAME',
    ]);
    const routed = ['de', 'us'].map((setId): RecordSet => ({ ...WWW, setId, native: { weight: 1 } }));
    expect(lines(settled(input([...APEX, WWW, marker('www')], [wanted('www', routed)])))).toEqual([
      '- www.example.com. A',
      '+ www.example.com. A de',
      '+ www.example.com. A us',
    ]);
  });

  it('I3 keeps a pool that something else still leads to, and collects one that nobody owns and nothing leads to', () => {
    const [needed, orphan] = [
      set('p1.www._pool._portolan', 'A', '192.0.2.1'),
      set('p2.www._pool._portolan', 'A', '192.0.2.2'),
    ];
    const foreign = set('legacy', 'CNAME', needed.name);
    expect(lines(settled(input([...APEX, needed, orphan, foreign], [])))).toEqual([
      '- p2.www._pool._portolan.example.com. A',
    ]);
    expect(planZone(input([...APEX, orphan, marker('www', { owner: 'hub-2' })], [])).groups).toEqual([]);
    expect(lines(settled(input([...APEX, needed, foreign, marker('www')], [])))).toEqual([
      '- www._owner._portolan.example.com. TXT',
    ]);
  });

  it('publishes a delegation with its glue, and takes both away again', () => {
    const sets = [
      set('ns1.geo', 'A', '192.0.2.53'),
      set('geo', 'NS', 'ns1.geo.example.com.'),
      set('geo', 'DS', '1 13 2 aa'),
    ];
    const zone = wanted('geo', sets, { resource: 'zone/shop/geo', types: ['NS', 'DS'] });
    const plan = settled(input(APEX, [zone]));
    expect(lines(plan)).toHaveLength(4);
    const published = carriedOut(APEX, plan);
    const unsigned = settled(input(published, [{ ...zone, sets: sets.slice(0, 2) }]));
    expect(lines(unsigned)).toEqual(['- geo.example.com. DS']);
    expect(lines(settled(input(published, [])))).toEqual([
      '- geo.example.com. NS',
      '- geo.example.com. DS',
      '- ns1.geo.example.com. A',
      '- geo._owner._portolan.example.com. TXT',
    ]);
  });

  it('gives a name that two want to the first by its resource, and says so', () => {
    const plan = planZone(
      input(APEX, [
        wanted('www', [WWW], { resource: 'zone/b/www' }),
        wanted('www', [WWW], { resource: 'trafficpolicy/a/www' }),
      ]),
    );
    expect(plan.groups).toHaveLength(1);
    expect(plan.held).toEqual([
      {
        name: at('www'),
        code: 'DNS_RECORD_CONFLICT',
        message: containing('trafficpolicy/a/www has it'),
        fix: containing('Remove the hostname'),
      },
    ]);
  });

  it('holds a name that is too long, and publishes the others', () => {
    const long = 'a.'.repeat(118).slice(0, -1);
    const plan = planZone(input(APEX, [wanted(long, [set(long, 'A', '192.0.2.1')]), wanted('www', [WWW])]));
    expect(plan.groups.map((group) => group.name)).toEqual(['www.example.com.']);
    expect(plan.held).toMatchObject([{ code: 'DNS_NAME_INVALID', message: containing('too long') }]);
  });

  it('tells the stamp of the fence, the newest if there are several, and survives an unreadable one', () => {
    const fence = (...values: string[]): RecordSet => ({
      ...txt(`${OWNER}._fence._portolan`, ''),
      values: values.map(txtValue).sort(),
    });
    const stamp = '4.9.1.0123456789abcdef';
    const plan = planZone(input([...APEX, fence(stamp, '3.99.0.0123456789abcdef')], []));
    expect(plan.foundStamp).toMatchObject({ epoch: 4, generation: 9, step: 1 });
    expect(planZone(input([...APEX, fence('broken')], []))).toMatchObject({
      foundStamp: undefined,
      fenceSet: { values: ['"broken"'] },
    });
  });
});

describe('records that are not ours', () => {
  const foreign = (current: readonly RecordSet[], label = 'www', sets = [set(label, 'A', '192.0.2.1')]) =>
    planZone(input([...APEX, ...current], [wanted(label, sets)]));

  it.each<[string, readonly RecordSet[], string]>([
    ['of a type that is to be published', [set('www', 'A', '203.0.113.1')], 'RECORDS_FOREIGN'],
    ['exactly as wanted, but made by somebody', [WWW], 'RECORDS_FOREIGN'],
    ['of another type that would be ours', [set('www', 'AAAA', '2001:db8::1')], 'RECORDS_FOREIGN'],
    ['a CNAME', [set('www', 'CNAME', 'x.example.net.')], 'RECORDS_FOREIGN'],
    ['a delegation at the name', [set('www', 'NS', 'ns.example.net.')], 'RECORDS_FOREIGN'],
    ['made by external-dns', [WWW, txt('a-www', HERITAGE)], 'RECORDS_FOREIGN'],
    ['of another hub', [WWW, marker('www', { owner: 'hub-2' })], 'RECORDS_FOREIGN'],
    ['of another hub, without records', [marker('www', { owner: 'hub-2' })], 'RECORDS_FOREIGN'],
  ])('hold the name: %s', (_, current, code) => {
    const plan = foreign(current);
    expect(plan.groups).toEqual([]);
    expect(plan.held).toMatchObject([
      {
        name: at('www'),
        code,
        fix: matching(/portolan adopt www.example.com|another hostname/),
      },
    ]);
  });

  it('say whose they are', () => {
    expect(foreign([WWW, txt('a-www', HERITAGE)]).held[0]?.message).toContain(
      'made by external-dns (default)',
    );
    expect(foreign([WWW, marker('www', { owner: 'hub-2' })]).held[0]?.message).toContain(
      'hub-2 (trafficpolicy/shop/web)',
    );
    expect(foreign([set('www', 'A', '1.1.1.1'), set('www', 'AAAA', '::1')]).held[0]?.message).toBe(
      '2 record sets (A and AAAA) at www.example.com were not made by this hub, so they are not touched',
    );
  });

  it('of other types stand beside ours, unless ours is a CNAME', () => {
    const beside = [set('www', 'MX', '10 mail.'), set('www', 'TXT', '"x"')];
    expect(lines(foreign(beside))).toHaveLength(2);
    expect(foreign(beside, 'www', [set('www', 'CNAME', 'x.example.net.')]).held).toMatchObject([
      { code: 'RECORDS_FOREIGN', message: containing('2 record sets of others (MX, TXT)') },
    ]);
  });

  it('above or below hide nothing and are hidden by nothing', () => {
    expect(foreign([set('eu', 'NS', 'ns.example.net.')], 'www.eu').held).toMatchObject([
      { code: 'DNS_RECORD_CONFLICT', message: containing('below the NS record of eu.example.com') },
    ]);
    expect(foreign([set('', 'DNAME', 'example.net.')], 'www').held).toMatchObject([
      { code: 'DNS_RECORD_CONFLICT' },
    ]);
    const geo = planZone(
      input(
        [...APEX, set('www.geo', 'A', '203.0.113.1')],
        [wanted('geo', [set('geo', 'NS', 'ns1.example.net.')], { types: ['NS', 'DS'] })],
      ),
    );
    expect(geo.groups).toEqual([]);
    expect(geo.held).toMatchObject([
      { code: 'RECORDS_FOREIGN', message: containing('A at www.geo.example.com.') },
    ]);
  });

  it('are taken over only as they were seen', () => {
    const zone = [...APEX, set('www', 'A', '203.0.113.1'), set('www', 'MX', '10 mail.')];
    const digest = digestOfName(zone, at(''), at('www'));
    const given = input(zone, [wanted('www', [WWW])], { adopted: new Map([[at('www'), digest]]) });
    expect(lines(settled(given))).toEqual([
      '+ www._owner._portolan.example.com. TXT',
      '~ www.example.com. A',
    ]);
    const changed = [...APEX, set('www', 'A', '203.0.113.2'), set('www', 'MX', '10 mail.')];
    expect(planZone({ ...given, current: changed })).toMatchObject({
      groups: [],
      held: [{ code: 'RECORDS_FOREIGN' }],
    });
  });

  it('are taken over from external-dns with its markers, in the same group; what else stands in their TXT sets stays', () => {
    const both = { ...txt('www', ''), values: [txtValue(HERITAGE), txtValue('v=spf1 -all')].sort() };
    const zone = [
      ...APEX,
      set('www', 'A', '203.0.113.1'),
      both,
      txt('a-www', HERITAGE),
      txt('a-api', HERITAGE),
    ];
    const adopted = new Map([[at('www'), digestOfName(zone, at(''), at('www'))]]);
    const plan = planZone(input(zone, [wanted('www', [WWW])], { adopted }));
    expect(plan.groups).toHaveLength(1);
    expect(lines(plan)).toEqual([
      '+ www._owner._portolan.example.com. TXT',
      '- a-www.example.com. TXT',
      '~ www.example.com. TXT',
      '~ www.example.com. A',
    ]);
    expect(carriedOut(zone, plan)).toContainEqual({ ...both, values: [txtValue('v=spf1 -all')] });
    // Stopped after the marker: what external-dns left goes all the same.
    const half = [...zone, marker('www')];
    expect(lines(planZone(input(half, [wanted('www', [WWW])], { adopted })))).toContain(
      '- a-www.example.com. TXT',
    );
  });

  it('are taken over from a hub that is no more, with its marker', () => {
    const zone = [...APEX, WWW, marker('www', { owner: 'hub-2' })];
    const adopted = new Map([[at('www'), digestOfName(zone, at(''), at('www'))]]);
    const plan = settled(input(zone, [wanted('www', [WWW])], { adopted }));
    expect(lines(plan)).toEqual(['~ www._owner._portolan.example.com. TXT']);
    expect(carriedOut(zone, plan)).toContainEqual(marker('www'));
  });
});

describe('a zone that was damaged', () => {
  const sets = [
    set('p1.www._pool._portolan', 'A', '192.0.2.1'),
    { ...WWW, values: [], native: { alias: 'p1.www._pool._portolan.example.com.' } },
  ];
  const whole = carriedOut(APEX, planZone(input(APEX, [wanted('www', sets)])));
  const remembered = new Map([[at('www'), digestOfOwn(at('www'), sets)]]);

  it('I8 is as it should be after one plan, whichever of our sets is gone', () => {
    const ours = whole.filter((one) => !APEX.includes(one));
    expect(ours).toHaveLength(3);
    for (const gone of ours) {
      const broken = whole.filter((one) => one !== gone);
      const plan = settled(input(broken, [wanted('www', sets)], { remembered }));
      expect(plan.held, gone.name).toEqual([]);
      expect(new Set(carriedOut(broken, plan)), gone.name).toEqual(new Set(whole));
    }
  });

  it('without marker and memory is not guessed to be ours', () => {
    const broken = whole.filter((one) => !one.name.includes('_owner'));
    expect(planZone(input(broken, [wanted('www', sets)]))).toMatchObject({
      groups: [],
      held: [{ code: 'RECORDS_FOREIGN' }],
    });
    const edited = broken.map((one) => (one.name === at('www') ? set('www', 'A', '203.0.113.1') : one));
    expect(planZone(input(edited, [wanted('www', sets)], { remembered })).held).toMatchObject([
      { code: 'RECORDS_FOREIGN' },
    ]);
  });

  it('lets go of a name that is not wanted, though its marker is gone', () => {
    const plain = [...APEX, WWW];
    const memory = new Map([[at('www'), digestOfOwn(at('www'), [WWW])]]);
    expect(lines(settled(input(plain, [], { remembered: memory })))).toEqual(['- www.example.com. A']);
    expect(
      planZone(input([...APEX, set('www', 'A', '203.0.113.1')], [], { remembered: memory })).groups,
    ).toEqual([]);
  });

  it("keeps notes of others at the marker's name", () => {
    const noted = { ...marker('www'), values: [...marker('www').values, txtValue('do not delete')].sort() };
    const plan = settled(input([...APEX, WWW, noted], []));
    expect(carriedOut([...APEX, WWW, noted], plan)).toContainEqual({
      ...noted,
      values: [txtValue('do not delete')],
    });
  });
});
