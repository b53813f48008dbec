import { describe, expect, it } from 'vitest';
import { containing } from '../../test/support/matchers.ts';
import { planZone } from './plan-zone.ts';
import type { RecordSet } from './record-set.ts';
import { APEX, at, carriedOut, input, lines, set, wanted } from './testing/zone.ts';

const share = (...values: readonly string[]) => [
  wanted('www', [set('www', 'A', ...values)], { shared: true }),
];

/** What stands at the name after one hub after the other had its plan carried out. */
function inTurn(
  zone: readonly RecordSet[],
  ...turns: readonly (readonly [owner: string, ...values: string[]])[]
): readonly RecordSet[] {
  return turns.reduce((current, [owner, ...values]) => {
    const desired = values.length === 0 ? [] : share(...values);
    return carriedOut(
      current,
      planZone(input(current, desired, { owner, maxRemovedPercent: 100, wholeGroups: true })),
    );
  }, zone);
}
const addresses = (zone: readonly RecordSet[]): readonly string[] =>
  zone.find((one) => one.name === at('www') && one.type === 'A')?.values ?? [];

describe('a name that several hubs share', () => {
  it('holds the values of all of them, each once', () => {
    const zone = inTurn(APEX, ['hub-1', '192.0.2.1', '192.0.2.3'], ['hub-2', '192.0.2.2', '192.0.2.3']);
    expect(addresses(zone)).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3']);
    expect(zone.filter((one) => one.name.includes('_owner'))).toHaveLength(1);
  });

  it('loses only the values of the one that changes or leaves', () => {
    const both = inTurn(APEX, ['hub-1', '192.0.2.1', '192.0.2.3'], ['hub-2', '192.0.2.2', '192.0.2.3']);
    expect(addresses(inTurn(both, ['hub-1', '192.0.2.9']))).toEqual(['192.0.2.2', '192.0.2.3', '192.0.2.9']);
    const one = inTurn(both, ['hub-1']);
    expect(addresses(one)).toEqual(['192.0.2.2', '192.0.2.3']);
    // The last reference takes the records with it.
    expect(inTurn(one, ['hub-2'])).toEqual(APEX);
  });

  it('keeps values that nobody claims', () => {
    const zone = inTurn(APEX, ['hub-1', '192.0.2.1']).map((one) =>
      one.name === at('www') ? { ...one, values: [...one.values, '203.0.113.1'] } : one,
    );
    expect(addresses(inTurn(zone, ['hub-1', '192.0.2.2']))).toEqual(['192.0.2.2', '203.0.113.1']);
    expect(addresses(inTurn(zone, ['hub-1']))).toEqual(['203.0.113.1']);
    // Nor is it made ours alone while they stand there.
    const alone = planZone(input(zone, [wanted('www', [set('www', 'A', '192.0.2.1')])]));
    expect(alone).toMatchObject({ groups: [], held: [{ code: 'RECORDS_FOREIGN' }] });
  });

  it('needs nothing more once every hub has had its say', () => {
    const zone = inTurn(APEX, ['hub-1', '192.0.2.1'], ['hub-2', '192.0.2.2']);
    for (const [owner, value] of [
      ['hub-1', '192.0.2.1'],
      ['hub-2', '192.0.2.2'],
    ] as const)
      expect(lines(planZone(input(zone, share(value), { owner })))).toEqual([]);
  });

  it('has the lowest TTL that one of them wants, so that they do not undo each other', () => {
    const low = [wanted('www', [{ ...set('www', 'A', '192.0.2.2'), ttlSeconds: 20 }], { shared: true })];
    let zone = inTurn(APEX, ['hub-1', '192.0.2.1']);
    zone = carriedOut(zone, planZone(input(zone, low, { owner: 'hub-2' })));
    expect(zone.find((one) => one.name === at('www'))?.ttlSeconds).toBe(20);
    expect(planZone(input(zone, share('192.0.2.1'))).groups).toEqual([]);
  });

  it('is not joined by a hub that does not share, nor where one of the others does not', () => {
    const zone = inTurn(APEX, ['hub-1', '192.0.2.1']);
    const closed = planZone(input(zone, [wanted('www', [set('www', 'A', '192.0.2.2')])], { owner: 'hub-2' }));
    expect(closed).toMatchObject({
      groups: [],
      held: [
        {
          code: 'RECORDS_FOREIGN',
          message: containing('this policy does not share it'),
          fix: containing('spec.dns.shared: true'),
        },
      ],
    });
    const own = carriedOut(APEX, planZone(input(APEX, [wanted('www', [set('www', 'A', '192.0.2.1')])])));
    expect(planZone(input(own, share('192.0.2.2'), { owner: 'hub-2' }))).toMatchObject({
      groups: [],
      held: [{ message: containing('1 of 1 of them does not share it') }],
    });
  });

  it('has plain records only, and one target if it is a CNAME', () => {
    const routed = [{ ...set('www', 'A', '192.0.2.1'), setId: 'de', native: { weight: 1 } }];
    expect(planZone(input(APEX, [wanted('www', routed, { shared: true })])).held).toMatchObject([
      { code: 'PROVIDER_UNSUPPORTED', fix: containing('form: computed') },
    ]);
    const cname = (target: string) => [wanted('www', [set('www', 'CNAME', target)], { shared: true })];
    const zone = carriedOut(APEX, planZone(input(APEX, cname('a.example.net.'))));
    expect(planZone(input(zone, cname('b.example.net.'), { owner: 'hub-2' })).held).toMatchObject([
      { code: 'RECORDS_FOREIGN', message: containing('there would be 2') },
    ]);
    expect(planZone(input(zone, cname('a.example.net.'), { owner: 'hub-2' })).groups).toHaveLength(1);
  });

  it('is left by a writer that stops midway without a value that nobody would remove', () => {
    const zone = inTurn(APEX, ['hub-1', '192.0.2.1'], ['hub-2', '192.0.2.2']);
    const plan = planZone(input(zone, share('192.0.2.9')));
    const [marker] = plan.groups[0]?.changes ?? [];
    const half = carriedOut(zone, {
      groups: marker === undefined ? [] : [{ name: at('www'), changes: [marker] }],
    });
    expect(addresses(half)).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(addresses(inTurn(half, ['hub-1', '192.0.2.9']))).toEqual(['192.0.2.2', '192.0.2.9']);
  });
});
