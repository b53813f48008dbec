import { describe, expect, it } from 'vitest';
import { containing } from '../../test/support/matchers.ts';
import { planZone } from './plan-zone.ts';
import type { RecordSet } from './record-set.ts';
import { APEX, at, carriedOut, input, lines, set, wanted } from './testing/zone.ts';
import type { DesiredName, ZonePlanInput } from './zone-plan.ts';

const A = set('www', 'A', '192.0.2.1');
const AAAA = set('www', 'AAAA', '2001:db8::1');
const CNAME = set('www', 'CNAME', 'cdn.example.net.');
const LUA = set('www', 'LUA', 'A "ifportup(443, {})"');

function published(...desired: readonly DesiredName[]): readonly RecordSet[] {
  return carriedOut(APEX, planZone(input(APEX, desired)));
}

describe('I4 a name that is still wanted', () => {
  it.each<[string, readonly RecordSet[], readonly RecordSet[], readonly string[], string | undefined]>([
    // now, wanted, may go, what is held
    ['everything would go', [A], [], [], 'nothing would answer A of www'],
    ['everything would go, both types', [A, AAAA], [], [], '2 sets of A and AAAA would go'],
    ['one type would go', [A, AAAA], [A], [], '1 set of AAAA would go'],
    ['a set without values', [A], [{ ...A, values: [] }], [], 'would have 0 values'],
    ['one type goes, as somebody wants', [A, AAAA], [A], ['AAAA'], undefined],
    ['everything goes, as somebody wants', [A, AAAA], [], ['A', 'AAAA'], undefined],
    ['one of two wanted gone, the other would go, too', [A, AAAA], [], ['AAAA'], '1 set of A would go'],
    ['a CNAME answers for all types', [A, AAAA], [CNAME], [], undefined],
    ['addresses answer for a CNAME', [CNAME], [A], [], undefined],
    ['a CNAME would go', [CNAME], [], [], '1 set of CNAME would go'],
    ["a provider's own kind answers for all types", [A, AAAA], [LUA], [], undefined],
    ["addresses answer for a provider's own kind", [LUA], [A], [], undefined],
  ])('%s', (_, now, next, mayEmpty, held) => {
    const types = ['A', 'AAAA', 'CNAME', 'LUA'];
    const plan = planZone(
      input(published(wanted('www', now, { types })), [wanted('www', next, { types, mayEmpty })]),
    );
    expect(plan.held).toEqual(
      held === undefined
        ? []
        : [
            {
              name: at('www'),
              code: 'RECORDS_EMPTY',
              message: containing(held),
              fix: containing('Give it an endpoint'),
            },
          ],
    );
    expect(plan.groups).toHaveLength(held === undefined ? 1 : 0);
  });

  it('is not published without records, and says so', () => {
    expect(planZone(input(APEX, [wanted('www', [])]))).toMatchObject({
      groups: [],
      held: [{ code: 'RECORDS_EMPTY', message: containing('0 sets') }],
    });
    expect(planZone(input(APEX, [wanted('www', [], { mayEmpty: ['A'] })]))).toMatchObject({
      groups: [],
      held: [],
    });
  });

  it('keeps its delegation; only DS may go', () => {
    const sets = [set('geo', 'NS', 'ns1.example.net.'), set('geo', 'DS', '1 13 2 aa')];
    const zone = (of: readonly RecordSet[]): DesiredName => wanted('geo', of, { types: ['NS', 'DS'] });
    const now = published(zone(sets));
    expect(planZone(input(now, [zone([])])).held).toMatchObject([{ message: containing('1 set of NS') }]);
    expect(lines(planZone(input(now, [zone(sets.slice(0, 1))])))).toEqual(['- geo.example.com. DS']);
  });
});

describe('what holds a zone up', () => {
  it.each(['NS', 'SOA', 'DS', 'DNSKEY', 'CDS'])('is never written at the apex: %s', (type) => {
    const plan = planZone(
      input(APEX, [wanted('', [set('', 'A', '192.0.2.1'), set('', type, 'x')], { types: ['A', type] })]),
    );
    expect(plan).toMatchObject({
      groups: [],
      held: [{ code: 'RECORDS_PROTECTED', message: containing(`${type} at example.com.`) }],
    });
  });

  it('stays when the apex is ours and is given up', () => {
    const now = published(wanted('', [set('', 'A', '192.0.2.1')], { types: ['A', 'NS', 'SOA'] }));
    const plan = planZone(input(now, []));
    expect(carriedOut(now, plan)).toEqual(APEX);
  });
});

describe('removals', () => {
  const names = Array.from({ length: 10 }, (_, i) => wanted(`n${i}`, [set(`n${i}`, 'A', '192.0.2.1')]));
  const zone = published(...names);
  const keep = (count: number, more: Partial<ZonePlanInput> = {}): ReturnType<typeof planZone> =>
    planZone(input(zone, names.slice(0, count), more));

  it('pass up to the threshold of 30 %', () => {
    expect(keep(7)).toMatchObject({ waitsForApproval: undefined, held: [], names: 7 });
    expect(keep(7).groups).toHaveLength(3);
  });

  it('above it wait for a person, who is told the counts and what to type; nothing else waits', () => {
    const changed = [wanted('n0', [set('n0', 'A', '192.0.2.7')]), ...names.slice(1, 6)];
    const plan = planZone(input(zone, changed));
    expect(lines(plan)).toEqual(['~ n0.example.com. A']);
    expect(plan.held.map((held) => held.name)).toEqual(['n6', 'n7', 'n8', 'n9'].map(at));
    expect(plan.waitsForApproval).toMatchObject({
      code: 'PLAN_NEEDS_APPROVAL',
      message: '4 of 10 names of example.com would be removed: 40 %, and 30 % may go at once',
      fix: containing(`--zone example.com --plan ${plan.hash}`),
      names: ['n6', 'n7', 'n8', 'n9'].map(at),
    });
    expect(plan.names).toBe(10);
  });

  it('that a person approved go, those and no others', () => {
    const waiting = keep(6);
    const approved = new Set([waiting.hash]);
    expect(keep(6, { approved }).groups).toHaveLength(4);
    expect(keep(5, { approved })).toMatchObject({
      groups: [],
      waitsForApproval: { code: 'PLAN_NEEDS_APPROVAL' },
    });
    // The hash stays while other records change.
    const changed = planZone(
      input(zone, [wanted('n0', [set('n0', 'A', '192.0.2.7')]), ...names.slice(1, 6)]),
    );
    expect(changed.hash).toBe(waiting.hash);
  });

  it('of everything wait: a source that is empty by mistake removes nothing', () => {
    expect(keep(0)).toMatchObject({
      groups: [],
      waitsForApproval: { message: containing('10 of 10 names') },
    });
  });

  it('of one name always pass', () => {
    const one = published(wanted('www', [A]));
    expect(planZone(input(one, [], { maxRemovedPercent: 0 })).groups).toHaveLength(1);
  });

  it('never happen where they are forbidden, whoever approves', () => {
    const plan = keep(9, { deletions: 'never', approved: new Set([keep(9).hash]) });
    expect(plan).toMatchObject({
      groups: [],
      held: [{ name: at('n9'), code: 'PROVIDER_FROZEN', fix: containing('spec.deletions: allow') }],
    });
  });
});
