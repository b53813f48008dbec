import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMarker } from './marker.ts';
import { markerName, poolSuffix } from './ownership.ts';
import { planZone } from './plan-zone.ts';
import { contentOf, type RecordSet, setKey } from './record-set.ts';
import { APEX, at, carriedOut, input, OWNER, set, txt, wanted } from './testing/zone.ts';
import { digestOfOwn } from './zone-inventory.ts';
import type { DesiredName } from './zone-plan.ts';

const LABELS = ['www', 'api', '*', '', 'a.b', 'b', 'eu.www'];
const ANSWERS = ['A', 'AAAA', 'CNAME'];
const label = fc.constantFrom(...LABELS);
const address = fc.integer({ min: 1, max: 9 }).map((n) => `192.0.2.${n}`);

const plain = (of: string): fc.Arbitrary<readonly RecordSet[]> =>
  fc
    .record({ v4: fc.uniqueArray(address, { minLength: 1, maxLength: 3 }), v6: fc.boolean() })
    .map(({ v4, v6 }) => [set(of, 'A', ...v4), ...(v6 ? [set(of, 'AAAA', '2001:db8::1')] : [])]);
const routed = (of: string): fc.Arbitrary<readonly RecordSet[]> =>
  fc.uniqueArray(fc.constantFrom('p1', 'p2', 'p3'), { minLength: 1 }).chain((ids) =>
    fc.array(address, { minLength: ids.length, maxLength: ids.length }).map((values) => {
      const pools = ids.map((id, i) =>
        set(`${id}.${poolSuffix(at(''), at(of))}`, 'A', values[i] ?? '192.0.2.1'),
      );
      return [
        ...pools,
        ...pools.map(
          (pool, i): RecordSet => ({
            name: at(of),
            type: 'A',
            setId: ids[i] ?? '',
            values: [],
            native: { alias: pool.name },
          }),
        ),
      ];
    }),
  );
const cname = (of: string): fc.Arbitrary<readonly RecordSet[]> =>
  fc.constant([set(of, 'CNAME', 'cdn.example.net.')]);
const desiredName: fc.Arbitrary<DesiredName> = label.chain((of) =>
  fc.oneof(plain(of), routed(of), ...(of === '' ? [] : [cname(of)])).map((sets) => wanted(of, sets)),
);
const desired = fc.uniqueArray(desiredName, { selector: ({ name }) => name, maxLength: 5 });

/** Records that somebody else made, at our names and elsewhere. */
const foreignSet: fc.Arbitrary<RecordSet> = fc.oneof(
  fc
    .record({ of: label, type: fc.constantFrom('A', 'MX', 'TXT', 'AAAA', 'CNAME', 'NS') })
    .map(({ of, type }) => set(of, type, type === 'TXT' ? '"x"' : `x${type}`)),
  label.map((of) => txt(`a-${of === '' ? 'x' : of}`, 'heritage=external-dns,external-dns/owner=default')),
  fc.constantFrom('mail', 'old', '_dmarc', 'x._other._portolan').map((of) => set(of, 'TXT', '"y"')),
);
const foreign = fc
  .uniqueArray(foreignSet, { selector: setKey, maxLength: 8 })
  .map((sets) => sets.filter((one) => !APEX.some((apex) => setKey(apex) === setKey(one))));

const foreignAt =
  (sets: readonly RecordSet[]) =>
  (one: RecordSet): boolean =>
    sets.some((other) => setKey(other) === setKey(one));
const contents = (sets: readonly RecordSet[]): readonly string[] => sets.map(contentOf).sort();

describe('a plan, for any zone and any wish', () => {
  it('leaves foreign records byte for byte as they are, at the first plan and at every later one', () => {
    fc.assert(
      fc.property(foreign, fc.array(desired, { minLength: 1, maxLength: 4 }), (others, wishes) => {
        const theirs = [...APEX, ...others];
        let zone: readonly RecordSet[] = theirs;
        for (const wish of [...wishes, []]) {
          const given = input(
            zone,
            wish.map((one) => ({ ...one, mayEmpty: ANSWERS })),
            { maxRemovedPercent: 100 },
          );
          zone = carriedOut(zone, planZone(given));
          expect(contents(zone.filter(foreignAt(theirs)))).toEqual(contents(theirs));
        }
        // Once nothing is wanted any more, nothing of ours is left.
        expect(contents(zone)).toEqual(contents(theirs));
      }),
    );
  });

  it('I8 leads in one step to what is wanted or says why not; a second plan is empty', () => {
    fc.assert(
      fc.property(foreign, desired, desired, (others, before, now) => {
        const first = carriedOut([...APEX, ...others], planZone(input([...APEX, ...others], before)));
        const given = input(
          first,
          now.map((one) => ({ ...one, mayEmpty: ANSWERS })),
          { maxRemovedPercent: 100, wholeGroups: true },
        );
        const plan = planZone(given);
        const zone = carriedOut(first, plan);
        const keys = new Map(zone.map((one) => [setKey(one), contentOf(one)]));
        for (const { name, sets = [] } of now) {
          if (plan.held.some((held) => held.name === name)) continue;
          for (const one of sets) expect(keys.get(setKey(one))).toBe(contentOf(one));
          expect(keys.has(`${markerName(at(''), name)} TXT `)).toBe(true);
        }
        expect(planZone({ ...given, current: zone }).groups).toEqual([]);
      }),
    );
  });

  it('I4 takes no type away from a wanted name without the intent to', () => {
    fc.assert(
      fc.property(desired, desired, (before, now) => {
        const zone = carriedOut(APEX, planZone(input(APEX, before)));
        const next = carriedOut(zone, planZone(input(zone, now)));
        for (const { name } of now) {
          const types = (of: readonly RecordSet[]): readonly string[] =>
            of.filter((one) => one.name === name && ANSWERS.includes(one.type)).map((one) => one.type);
          const [had, has] = [types(zone), types(next)];
          if (has.includes('CNAME') || (had.includes('CNAME') && has.length > 0)) continue;
          expect(has).toEqual(expect.arrayContaining([...had]));
        }
      }),
    );
  });

  it('I18 names in each group what its marker covers: nothing of ours stands without one, after any prefix of the changes', () => {
    fc.assert(
      fc.property(desired, desired, fc.nat(), (before, now, at_) => {
        const zone = carriedOut(APEX, planZone(input(APEX, before)));
        const plan = planZone(
          input(
            zone,
            now.map((one) => ({ ...one, mayEmpty: ANSWERS })),
            { maxRemovedPercent: 100 },
          ),
        );
        const changes = plan.groups.flatMap((group) =>
          group.changes.map((change) => ({ name: group.name, changes: [change] })),
        );
        const half = carriedOut(zone, { groups: changes.slice(0, at_ % (changes.length + 1)) });
        const names = new Set(half.map((one) => one.name));
        for (const of of LABELS.map(at)) {
          const ours = half.filter((one) => one.name === of && ANSWERS.includes(one.type));
          if (ours.length > 0) expect(names).toContain(markerName(at(''), of));
        }
        // I8 and whoever goes on from there arrives.
        const given = input(
          half,
          now.map((one) => ({ ...one, mayEmpty: ANSWERS })),
          { maxRemovedPercent: 100 },
        );
        const second = carriedOut(half, planZone(given));
        const third = carriedOut(second, planZone({ ...given, current: second }));
        expect(planZone({ ...given, current: third }).groups).toEqual([]);
        const whole = carriedOut(zone, planZone({ ...given, current: zone, wholeGroups: true }));
        expect(contents(third)).toEqual(contents(carriedOut(whole, planZone({ ...given, current: whole }))));
      }),
    );
  });

  it('I3 makes targets before and takes them away after what leads to them, at every step', () => {
    fc.assert(
      fc.property(desired, desired, (before, now) => {
        let zone = carriedOut(APEX, planZone(input(APEX, before)));
        const plan = planZone(
          input(
            zone,
            now.map((one) => ({ ...one, mayEmpty: ANSWERS })),
            { maxRemovedPercent: 100 },
          ),
        );
        for (const change of plan.groups.flatMap((group) => group.changes)) {
          zone = carriedOut(zone, { groups: [{ name: at(''), changes: [change] }] });
          const names = new Set<string>(zone.map((one) => one.name));
          for (const one of zone) {
            const alias = one.native?.alias;
            if (typeof alias === 'string') expect(names).toContain(alias);
          }
        }
      }),
    );
  });

  it('is the same for the same zone in any order, and never touches the apex records that hold the zone up', () => {
    fc.assert(
      fc.property(foreign, desired, fc.integer(), (others, wish, seed) => {
        const zone = [...APEX, ...others];
        const shuffled = [...zone].sort(
          (a, b) => ((contentOf(a).length * 31 + seed) % 7) - ((contentOf(b).length * 31 + seed) % 7),
        );
        const plan = planZone(input(zone, wish));
        expect(planZone(input(shuffled, [...wish].reverse()))).toEqual(plan);
        for (const { before, after } of plan.groups.flatMap((group) => group.changes)) {
          const one = after ?? before;
          expect(one.name === at('') && ['SOA', 'NS', 'DS'].includes(one.type)).toBe(false);
        }
      }),
    );
  });

  it('I8 mends what somebody deleted of ours, when the hub remembers what it wrote', () => {
    fc.assert(
      fc.property(desired, fc.array(fc.nat(), { maxLength: 4 }), (wish, picks) => {
        const whole = carriedOut(APEX, planZone(input(APEX, wish)));
        const ours = whole.filter((one) => !APEX.includes(one));
        const gone = new Set(picks.map((pick) => ours[pick % Math.max(1, ours.length)]));
        const remembered = new Map(wish.map(({ name, sets = [] }) => [name, digestOfOwn(name, sets)]));
        const given = input(
          whole.filter((one) => !gone.has(one)),
          wish,
          { remembered },
        );
        const plan = planZone(given);
        // Records that lost their marker and some of their own sets besides are nobody's any more.
        for (const held of plan.held)
          expect([...gone].some((one) => one?.name === markerName(at(''), held.name))).toBe(true);
        if (plan.held.length === 0)
          expect(contents(carriedOut(given.current, plan))).toEqual(contents(whole));
      }),
    );
  });

  it('keeps what belongs to other hubs, markers and pools included', () => {
    fc.assert(
      fc.property(desired, desired, (theirs, ours) => {
        const zone = carriedOut(APEX, planZone(input(APEX, theirs, { owner: 'hub-2' })));
        const plan = planZone(input(zone, ours));
        const after = carriedOut(zone, plan);
        expect(contents(after.filter(foreignAt(zone)))).toEqual(contents(zone));
        const taken = new Set(theirs.map(({ name }) => name));
        expect(new Set(plan.held.map((held) => held.name))).toEqual(
          new Set(ours.map(({ name }) => name).filter((name) => taken.has(name))),
        );
      }),
    );
  });

  it('I8 leaves sets of types that no hub decides as they are, whatever marker somebody writes', () => {
    const TYPES = ['A', 'AAAA', 'CNAME', 'NS', 'DS', 'TXT', 'MX', 'CAA', 'SRV', 'HTTPS', 'SOA'];
    const forged = fc
      .record({
        of: label,
        owner: fc.constantFrom(OWNER, 'hub-2'),
        types: fc.uniqueArray(fc.constantFrom(...TYPES), { maxLength: 6 }),
        below: fc.uniqueArray(label.map(at), { maxLength: 3 }),
        values: fc.option(
          fc.constantFrom(...TYPES).map((type) => [{ type, value: `x${type}` }]),
          { nil: undefined },
        ),
      })
      .map(({ of, ...rest }): RecordSet => {
        const value = formatMarker({ resource: 'trafficpolicy/shop/web', ...rest });
        return { name: markerName(at(''), at(of)), type: 'TXT', setId: '', ttlSeconds: 300, values: [value] };
      });
    const others = fc.uniqueArray(
      fc
        .record({ of: label, type: fc.constantFrom('TXT', 'MX', 'CAA', 'SRV', 'HTTPS') })
        .map(({ of, type }) => set(of, type, `x${type}`)),
      { selector: setKey, minLength: 1, maxLength: 8 },
    );
    const markers = fc.uniqueArray(forged, { selector: setKey, minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(others, markers, desired, fc.boolean(), (theirs, marked, wish, shared) => {
        const kept = [...APEX, ...theirs];
        let zone: readonly RecordSet[] = [...kept, ...marked];
        for (const now of [wish, wish, []]) {
          const named = now.map((one) => ({ ...one, shared, mayEmpty: ANSWERS }));
          zone = carriedOut(zone, planZone(input(zone, named, { maxRemovedPercent: 100 })));
          expect(contents(zone.filter(foreignAt(kept)))).toEqual(contents(kept));
        }
      }),
    );
  });
});
