import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CompiledPolicy, compilePolicy } from './compiled.ts';
import { type Decision, decide, distribution } from './decide.ts';
import { evaluate, type RoutingQuery } from './evaluate.ts';
import { explain, explainText } from './explain.ts';
import { UNLOCATED } from './location.ts';
import type { RoutedPolicy } from './model.ts';
import { typesAt } from './policy-types.ts';
import { clients, policies, queries, REGIONS, TARGETS, worlds } from './testing/arbitrary.ts';
import { located, seeded, stateOf } from './testing/world.ts';

const RUNS = { numRuns: 500 };

/** A query that asks not to be located has no location, whatever the lookup says. */
function placeOf(query: RoutingQuery) {
  return query.client?.prefixLength === 0 ? UNLOCATED : query.located;
}

function countriesAnswered(policy: RoutedPolicy, decision: Decision): readonly string[] {
  return decision.answers.flatMap((answer) => {
    if (answer.kind === 'maintenance') return [];
    const endpoint = policy.endpoints.find((e) => e.name === answer.endpoint);
    return endpoint === undefined ? ['nowhere'] : [endpoint.country];
  });
}

/** Written from the product's words, on purpose without the index that `decide` uses. */
function regionsToKeep(policy: RoutedPolicy, query: RoutingQuery): readonly string[] {
  const { location } = placeOf(query);
  return policy.residency
    .filter((rule) =>
      location.country === undefined
        ? rule.unknownLocation === 'restrict'
        : REGIONS[rule.region]?.includes(location.country),
    )
    .map((rule) => rule.region);
}

test('I4 a type that a place can be answered with is answered there in every state of the world', () => {
  let emergencies = 0;
  fc.assert(
    fc.property(policies(), queries(), worlds(), fc.integer(), (source, query, world, seed) => {
      const policy = compilePolicy(source, REGIONS);
      const decision = decide(policy, query, stateOf(world), seeded(seed));
      if (decision.mode === 'panic' || decision.mode === 'lastResort') emergencies += 1;
      if (!typesAt(policy, placeOf(query)).has(query.qtype)) {
        expect(decision.answers).toEqual([]);
      } else if (decision.mode !== 'maintenance') {
        // Maintenance is what somebody asked for, even where it has no address of the family.
        expect(decision.answers.length).toBeGreaterThan(0);
        for (const answer of decision.answers) {
          expect(answer.kind === 'addresses' && answer.addresses.length > 0).toBe(true);
        }
      }
    }),
    RUNS,
  );
  expect(emergencies).toBeGreaterThan(RUNS.numRuns / 50);
});

test('I4 aliases mixed with addresses leave no name empty either', () => {
  fc.assert(
    fc.property(policies('mixed'), queries(), worlds(), fc.integer(), (source, query, world, seed) => {
      const policy = compilePolicy(source, REGIONS);
      const decision = decide(policy, query, stateOf(world), seeded(seed));
      if (typesAt(policy, placeOf(query)).has(query.qtype) && decision.mode !== 'maintenance') {
        expect(decision.answers.length).toBeGreaterThan(0);
      }
      const kinds = new Set(decision.answers.map((answer) => answer.kind));
      expect(kinds.size).toBeLessThanOrEqual(1);
      if (kinds.has('cname')) expect(decision.answers).toHaveLength(1);
    }),
    RUNS,
  );
});

test('I5 no state, drain, panic, rule, floor or unknown place leads outside a residency region', () => {
  let restricted = 0;
  fc.assert(
    fc.property(policies('mixed'), queries(), worlds(), fc.integer(), (source, query, world, seed) => {
      const keep = regionsToKeep(source, query);
      const decision = decide(compilePolicy(source, REGIONS), query, stateOf(world), seeded(seed));
      const countries = countriesAnswered(source, decision);
      if (keep.length > 0 && countries.length > 0) restricted += 1;
      for (const region of keep) for (const country of countries) expect(REGIONS[region]).toContain(country);
    }),
    RUNS,
  );
  expect(restricted).toBeGreaterThan(RUNS.numRuns / 20);
});

test('I5 with everything down, what answers is admitted, and drained only when all admitted are', () => {
  fc.assert(
    fc.property(policies(), queries(), worlds(), fc.integer(), (source, query, world, seed) => {
      const all = source.endpoints.flatMap((e) => e.addresses.map((a) => a.targetId));
      const policy = compilePolicy(
        {
          ...source,
          residency: source.residency.map((r) => ({ ...r, onAllDown: { action: 'panic' } })),
          drainRampSeconds: 0,
        },
        REGIONS,
      );
      const state = stateOf({ ...world, down: all, unknown: [] });
      const decision = decide(policy, query, state, seeded(seed));
      const answered = decision.answers.flatMap((a) => (a.kind === 'addresses' ? [a.endpoint] : []));
      const isDrained = (name: string) => state.cluster(`default/${name}`).drainedForMs !== undefined;
      if (decision.mode === 'panic') expect(answered.some(isDrained)).toBe(false);
      else expect(['lastResort', 'noData']).toContain(decision.mode);
      if (decision.mode === 'lastResort') expect(answered.every(isDrained)).toBe(true);
    }),
    RUNS,
  );
});

test('explain and decide agree, and what is answered may answer', () => {
  fc.assert(
    fc.property(policies('mixed'), queries(), worlds(), fc.integer(), (source, query, world, seed) => {
      const policy = compilePolicy(source, REGIONS);
      const state = stateOf(world);
      const explained = explain(policy, query, state, seeded(seed));
      expect(explained.decision).toEqual(decide(policy, query, state, seeded(seed)));
      const { endpoints } = explained.explanation;
      const eligible = endpoints.filter((e) => e.verdict === 'eligible');
      expect(endpoints.filter((e) => e.sharePercent > 0)).toEqual(eligible);
      if (eligible.length > 0)
        expect(eligible.reduce((sum, e) => sum + e.sharePercent, 0)).toBeCloseTo(100, 6);
      for (const answer of explained.decision.answers) {
        if (answer.kind !== 'maintenance') expect(eligible.map((e) => e.endpoint)).toContain(answer.endpoint);
      }
      expect(explainText(explained).join('\n')).not.toMatch(/undefined|NaN|\[object/);
    }),
    RUNS,
  );
});

test("a TTL lies between the minimum and the policy's", () => {
  fc.assert(
    fc.property(policies('mixed'), queries(), worlds(), (source, query, world) => {
      const { ttlSeconds } = decide(compilePolicy(source, REGIONS), query, stateOf(world), seeded(1));
      expect(ttlSeconds).toBeGreaterThanOrEqual(source.minTtlSeconds);
      expect(ttlSeconds).toBeLessThanOrEqual(source.ttlSeconds);
    }),
    RUNS,
  );
});

test('nothing changes before the earliest change in sight', () => {
  let changed = 0;
  const changes = fc.dictionary(fc.constantFrom(...TARGETS), fc.constantFrom(0, 6_000, 9_000, 20_000), {
    maxKeys: TARGETS.length,
  });
  fc.assert(
    fc.property(
      policies('mixed'),
      queries(),
      worlds(),
      worlds(),
      changes,
      (source, query, before, later, earliestChangeMs) => {
        const policy = compilePolicy(source, REGIONS);
        const world = { ...before, earliestChangeMs };
        const { mode, earliestChangeMs: untilMs } = evaluate(policy, query, stateOf(world));
        if (mode !== 'healthy' && mode !== 'noData') return; // gets the lowest TTL in any case
        const moves = (target: string): boolean => (earliestChangeMs[target] ?? untilMs) < untilMs;
        const moved = (was: readonly string[], becomes: readonly string[]): readonly string[] =>
          TARGETS.filter((target) => (moves(target) ? becomes : was).includes(target));
        const next = stateOf({
          ...world,
          down: moved(before.down ?? [], later.down ?? []),
          unknown: moved(before.unknown ?? [], later.unknown ?? []),
        });
        if (TARGETS.some((target) => next.target(target).state !== stateOf(world).target(target).state))
          changed += 1;
        expect(distribution(policy, query, next)).toEqual(distribution(policy, query, stateOf(world)));
        expect(decide(policy, query, next, seeded(1)).answers).toEqual(
          decide(policy, query, stateOf(world), seeded(1)).answers,
        );
      },
    ),
    { numRuns: 2_000 },
  );
  expect(changed).toBeGreaterThan(100);
});

/** A made-up world map: the country follows from the first `bits` bits, and networks have different lengths. */
function mapOf(bytes: Uint8Array, bits: number) {
  let hash = bits;
  for (let i = 0; i * 8 < bits; i += 1) {
    const kept = Math.min(8, bits - i * 8);
    hash = (hash * 31 + ((bytes[i] ?? 0) & (0xff << (8 - kept)))) >>> 0;
  }
  return located(['DE', 'SE', 'US', 'SG', undefined][hash % 5], bits);
}

test('the scope is honest: every client in it gets the same decision', () => {
  let scoped = 0;
  const other = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(
      policies(),
      worlds(),
      clients(),
      other,
      fc.integer({ min: 8, max: 26 }),
      (source, world, client, noise, bits) => {
        fc.pre(client.source === 'resolver');
        const policy = compilePolicy(source, REGIONS);
        const state = stateOf(world);
        const ask = (bytes: Uint8Array): { query: RoutingQuery; decision: Decision } => {
          const query = { qtype: 1, client: { ...client, bytes }, located: mapOf(bytes, bits) };
          return { query, decision: decide(policy, query, state, seeded(1)) };
        };
        const first = ask(client.bytes);
        const { scopePrefixLength } = first.decision;
        const second = ask(sharingPrefix(client.bytes, noise, scopePrefixLength));
        if (scopePrefixLength > 0) scoped += 1;
        expect(distribution(policy, second.query, state)).toEqual(distribution(policy, first.query, state));
        expect(second.decision).toEqual(first.decision);
      },
    ),
    RUNS,
  );
  expect(scoped).toBeGreaterThan(RUNS.numRuns / 10);
});

/** The first `bits` bits of `bytes`, the rest of `noise`. */
function sharingPrefix(bytes: Uint8Array, noise: Uint8Array, bits: number): Uint8Array {
  return bytes.map((octet, i) => {
    const kept = 0xff & (0xff << (8 - Math.min(8, Math.max(0, bits - i * 8))));
    return (octet & kept) | ((noise[i] ?? 0) & ~kept);
  });
}

test('the same policy, query, view and numbers give the same decision', () => {
  fc.assert(
    fc.property(policies('mixed'), queries(), worlds(), fc.integer(), (source, query, world, seed) => {
      const once = (policy: CompiledPolicy) => decide(policy, query, stateOf(world), seeded(seed));
      const policy = compilePolicy(source, REGIONS);
      expect(once(policy)).toEqual(once(policy));
      expect(once(compilePolicy(source, REGIONS))).toEqual(once(policy));
    }),
    { numRuns: 300 },
  );
});
