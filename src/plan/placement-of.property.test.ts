import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseName } from '../dns/name.ts';
import { TYPE } from '../dns/types.ts';
import { type CompiledPolicy, compilePolicy } from '../routing/compiled.ts';
import { decide, distribution } from '../routing/decide.ts';
import { evaluate } from '../routing/evaluate.ts';
import type { RoutedPolicy, StateView } from '../routing/model.ts';
import { policies, REGIONS, worlds } from '../routing/testing/arbitrary.ts';
import { seeded, stateOf } from '../routing/testing/world.ts';
import { PLACES } from './answers.ts';
import { locatedAt } from './place-classes.ts';
import type { Decider, PlaceGroup, Placement } from './placement.ts';
import { placementOf, unplacedPlacementOf } from './placement-of.ts';
import { allUp, downToo } from './state-views.ts';

const RUNS = { numRuns: 200 };
const DECIDERS: readonly Decider[] = ['portolan', 'native', 'both'];
/** Every country would be slow, and those that no rule of the generated policies tells apart say nothing new. */
const SOME_PLACES = ['DE', 'SE', 'NO', 'US', 'SG', 'JP', 'BR', 'unknown', 'SE-AB', 'US-CA'];

const place = (policy: CompiledPolicy, state: StateView, decider: Decider): Placement =>
  placementOf({
    policy,
    hostname: parseName('api.example.com'),
    state,
    decider,
    accepted: [],
    target: () => undefined,
  });

/** The group that a place is in, by its country where the place itself is not listed. */
function groupAt(placement: Placement, type: string, where: string): PlaceGroup | undefined {
  const groups = placement.types.find((one) => one.type === type)?.groups ?? [];
  const listed = placement.types.some((one) => one.groups.some((g) => g.places.includes(where)));
  const looked = listed || where === 'unknown' ? where : where.slice(0, 2);
  return groups.find((group) => group.places.includes(looked));
}

/** Ramps go in steps, and distance counts for nothing: both are tested elsewhere. */
const steady = (source: RoutedPolicy): RoutedPolicy => ({ ...source, drainRampSeconds: 0 });

test('in every place the first tier has the members, shares and addresses that a client there would draw from', () => {
  let compared = 0;
  fc.assert(
    fc.property(
      fc.constantFrom('addresses' as const, 'mixed' as const).chain(policies),
      worlds(),
      (source, world) => {
        const policy = compilePolicy(steady(source), REGIONS);
        const state = stateOf(world);
        const placement = place(policy, state, 'portolan');
        for (const where of SOME_PLACES) {
          for (const [type, qtype] of [['A', TYPE.A] as const, ['AAAA', TYPE.AAAA] as const]) {
            const located = locatedAt(where);
            const asked = evaluate(policy, { qtype, located, byDistance: false }, state);
            const alias = asked.wanted === 'cname' && asked.candidates.length > 0;
            const group = groupAt(placement, alias ? 'CNAME' : type, where);
            const members = group?.tiers[0]?.members ?? [];
            if (asked.mode === 'maintenance') {
              expect(members.flatMap(({ values }) => values)).toEqual([...asked.maintenance].sort());
              continue;
            }
            expect(members.map(({ endpoint }) => endpoint)).toEqual(
              asked.candidates.map(({ endpoint }) => endpoint.name),
            );
            if (asked.usedDistance) continue;
            // Without distance it is what `decide` does.
            const { shares } = distribution(policy, { qtype, located }, state);
            expect(members.map(({ endpoint }) => endpoint)).toEqual(shares.map(({ endpoint }) => endpoint));
            for (const [at, { weight }] of members.entries())
              expect(weight).toBeCloseTo(shares[at]?.percent ?? -1, 3);
            const values = new Set(members.flatMap((member) => member.values));
            for (const answer of decide(policy, { qtype, located }, state, seeded(1)).answers) {
              const given = answer.kind === 'cname' ? [answer.name] : answer.addresses;
              for (const value of given) expect(values).toContain(value);
              compared += 1;
            }
          }
        }
      },
    ),
    RUNS,
  );
  expect(compared).toBeGreaterThan(RUNS.numRuns);
});

test('I5 no tier of any group, with any decider and in any state, holds a member outside the regions of its places', () => {
  let restricted = 0;
  fc.assert(
    fc.property(policies('mixed'), worlds(), fc.constantFrom(...DECIDERS), (source, world, decider) => {
      const placement = place(compilePolicy(source, REGIONS), stateOf(world), decider);
      for (const { groups } of placement.types) {
        for (const { places, tiers } of groups) {
          const keep = source.residency.filter((rule) =>
            places.some((where) =>
              where === 'unknown'
                ? rule.unknownLocation === 'restrict'
                : REGIONS[rule.region]?.includes(where.slice(0, 2)),
            ),
          );
          const members = tiers.flatMap((tier) => tier.members);
          const countries = members.flatMap(
            ({ endpoint }) => source.endpoints.find(({ name }) => name === endpoint)?.country ?? [],
          );
          if (keep.length > 0 && countries.length > 0) restricted += 1;
          for (const { region } of keep)
            for (const country of countries) expect(REGIONS[region]).toContain(country);
        }
      }
    }),
    RUNS,
  );
  expect(restricted).toBeGreaterThan(RUNS.numRuns / 20);
});

test('I5 a placement without places holds only members that every residency rule admits', () => {
  let kept = 0;
  fc.assert(
    fc.property(policies('mixed'), worlds(), fc.constantFrom(...DECIDERS), (source, world, decider) => {
      const placement = unplacedPlacementOf(
        {
          policy: compilePolicy(source, REGIONS),
          hostname: parseName('api.example.com'),
          state: stateOf(world),
          decider,
          accepted: [],
          target: () => undefined,
        },
        REGIONS,
      );
      for (const { groups } of placement.types) {
        expect(groups).toHaveLength(1);
        for (const { endpoint } of groups[0]?.tiers.flatMap((tier) => tier.members) ?? []) {
          const country = source.endpoints.find(({ name }) => name === endpoint)?.country;
          if (country === undefined) continue;
          for (const { region } of source.residency) expect(REGIONS[region]).toContain(country);
          if (source.residency.length > 0) kept += 1;
        }
      }
    }),
    RUNS,
  );
  expect(kept).toBeGreaterThan(RUNS.numRuns / 40);
});

test('each later tier is what answers when all members before it are down', () => {
  let later = 0;
  fc.assert(
    fc.property(
      policies(),
      worlds(),
      fc.constantFrom('native' as const, 'both' as const),
      (source, world, decider) => {
        const policy = compilePolicy(steady(source), REGIONS);
        const state = decider === 'native' ? allUp(stateOf(world)) : stateOf(world);
        for (const where of SOME_PLACES) {
          const tiers = groupAt(place(policy, stateOf(world), decider), 'A', where)?.tiers ?? [];
          const down = new Set<string>();
          const before: string[] = [];
          for (const { members } of tiers) {
            const asked = evaluate(
              policy,
              { qtype: TYPE.A, located: locatedAt(where), byDistance: false },
              downToo(state, down),
            );
            const fresh = asked.candidates
              .map(({ endpoint }) => endpoint.name)
              .filter((name) => !before.includes(name));
            const inTier = members.filter(({ weight }) => weight > 0).map(({ endpoint }) => endpoint);
            expect(inTier).toEqual(asked.mode === 'maintenance' ? ['maintenance'] : fresh);
            if (before.length > 0) later += 1;
            for (const { endpoint } of members) {
              before.push(endpoint);
              const { addresses } = source.endpoints.find(({ name }) => name === endpoint) ?? {
                addresses: [],
              };
              for (const { targetId } of addresses) down.add(targetId);
            }
          }
        }
      },
    ),
    { numRuns: 150 },
  );
  expect(later).toBeGreaterThan(10);
});

test('every place is in one group at most, the first group has the unknown place, and ids tell groups apart', () => {
  fc.assert(
    fc.property(policies('mixed'), worlds(), fc.constantFrom(...DECIDERS), (source, world, decider) => {
      const placement = place(compilePolicy(source, REGIONS), stateOf(world), decider);
      for (const { groups } of placement.types) {
        const all = groups.flatMap(({ places }) => places);
        expect(new Set(all).size).toBe(all.length);
        expect(new Set(groups.map(({ id }) => id)).size).toBe(groups.length);
        if (all.includes('unknown')) expect(groups[0]?.places).toContain('unknown');
        for (const { id, tiers } of groups) {
          expect(id).toMatch(/^[0-9a-f]{10}$/);
          for (const { members } of tiers) {
            expect(members.length).toBeGreaterThan(0);
            for (const { values } of members) {
              expect(values.length).toBeGreaterThan(0);
              expect(values).toEqual([...new Set(values)].sort());
            }
          }
        }
      }
      // A type that some place gets is there, and every place gets one unless somebody wants maintenance of the other family.
      if (source.residency.every(({ onAllDown }) => onAllDown.action === 'panic')) {
        const answered = new Set(placement.types.flatMap(({ groups }) => groups.flatMap((g) => g.places)));
        for (const where of PLACES) {
          const asked = [TYPE.A, TYPE.AAAA].some(
            (qtype) =>
              distribution(
                compilePolicy(source, REGIONS),
                { qtype, located: locatedAt(where) },
                stateOf(world),
              ).shares.length > 0,
          );
          if (asked) expect(answered).toContain(where);
        }
      }
    }),
    { numRuns: 60 },
  );
});
