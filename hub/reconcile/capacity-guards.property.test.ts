import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TYPE } from '../../src/dns/types.ts';
import { PLACES } from '../../src/plan/answers.ts';
import { DEFAULT_BUDGET, type Removal } from '../../src/plan/budget.ts';
import type { ParsedInput } from '../../src/resources/validate.ts';
import { distribution } from '../../src/routing/decide.ts';
import { countryLocation } from '../../src/routing/location.ts';
import type { StateView } from '../../src/routing/model.ts';
import type { ProposedChange } from '../api/services.ts';
import { admit } from './admission.ts';
import { capacityOf, drainedClusters } from './capacity.ts';
import { CONTEXT, create, document, policy, update, worldOf } from './testing.ts';
import type { World } from './world.ts';

const HOSTNAME = 'www.example.com';
const COUNTRIES = ['DE', 'FR', 'US', 'SG'] as const;
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
/** Some of all, and places of every kind of rule below. */
const ASKED = PLACES.filter((place, i) => i % 80 === 0 || [...COUNTRIES, 'unknown'].includes(place));

interface ClusterShape {
  readonly country: (typeof COUNTRIES)[number];
  readonly families: 'v4' | 'v6' | 'both';
}
interface PolicyShape {
  readonly members: readonly string[];
  readonly region: 'EU' | undefined;
  readonly unknownLocation: 'restrict' | 'allow';
  readonly nextBest: 'nearest' | 'none';
  readonly geo: boolean;
}
interface Shape {
  readonly clusters: readonly ClusterShape[];
  readonly policy: PolicyShape;
  readonly states: readonly ('up' | 'down' | 'unknown')[];
  readonly drained: readonly string[];
}

const names = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 });
const clusterShape: fc.Arbitrary<ClusterShape> = fc.record({
  country: fc.constantFrom(...COUNTRIES),
  families: fc.constantFrom('v4', 'v6', 'both'),
});
const policyShape: fc.Arbitrary<PolicyShape> = fc.record({
  members: names,
  region: fc.constantFrom('EU', undefined),
  unknownLocation: fc.constantFrom('restrict', 'allow'),
  nextBest: fc.constantFrom('nearest', 'none'),
  geo: fc.boolean(),
});
const shape: fc.Arbitrary<Shape> = fc.record({
  clusters: fc.array(clusterShape, { minLength: NAMES.length, maxLength: NAMES.length }),
  policy: policyShape,
  states: fc.array(fc.constantFrom('up', 'up', 'down', 'unknown'), { minLength: 1, maxLength: 12 }),
  drained: fc.subarray([...NAMES]),
});
const changeShape = fc.oneof(
  fc.record({ type: fc.constant('policy' as const), policy: policyShape }),
  fc.record({ type: fc.constant('drain' as const), cluster: fc.constantFrom(...NAMES) }),
  fc.record({
    type: fc.constant('cluster' as const),
    at: fc.integer({ min: 0, max: NAMES.length - 1 }),
    cluster: clusterShape,
  }),
);

function clusterOf(index: number, { country, families }: ClusterShape): ParsedInput {
  const addresses = [
    ...(families === 'v6' ? [] : [`198.51.100.${index + 1}`]),
    ...(families === 'v4' ? [] : [`2a00:1450::${index + 1}`]),
  ];
  return document('Cluster', NAMES[index] ?? '', { location: { country }, addresses });
}

function policyOf({ members, region, unknownLocation, nextBest, geo }: PolicyShape): ParsedInput {
  const [first = 'a'] = members;
  return policy('www', [HOSTNAME], members, {
    routing: {
      nextBest,
      geo: geo
        ? [{ name: 'us', match: { countries: ['US'] }, tiers: [{ members: [{ endpoint: first }] }] }]
        : [],
      default: { tiers: [{ members: members.map((endpoint) => ({ endpoint })) }] },
    },
    residency: region === undefined ? [] : [{ region, unknownLocation }],
  });
}

const drainOf = (name: string): ParsedInput => document('Drain', name, { cluster: name });

function stateOf({ states }: Shape): (targetId: string) => 'up' | 'down' | 'unknown' {
  // By the id's own digits, so that a target keeps its state through the change.
  return (id) =>
    states[Number.parseInt(id.replace(/[^0-9a-f]/g, '').slice(0, 6), 16) % states.length] ?? 'up';
}

function viewOf(world: World, targetState: (id: string) => 'up' | 'down' | 'unknown'): StateView {
  const drained = drainedClusters(world, 0);
  return {
    target: (id) => ({ state: targetState(id), earliestChangeMs: 0 }),
    cluster: (key) => (drained.has(key) ? { drainedForMs: 1e12 } : {}),
    lastHealthy: () => [],
    staleForMs: 0,
  };
}

/** `DE A` for every place and address type that gets an answer. */
function answeredIn(world: World, view: StateView): ReadonlySet<string> {
  const compiled = world.policies.get('default/www')?.routed?.compiled;
  const answered = new Set<string>();
  if (compiled === undefined) return answered;
  for (const place of ASKED) {
    const located = {
      location: place === 'unknown' ? {} : countryLocation(place),
      prefixLength: 0,
      exact: true,
    };
    for (const qtype of [TYPE.A, TYPE.AAAA])
      if (distribution(compiled, { qtype, located }, view).shares.length > 0)
        answered.add(`${place} ${qtype}`);
  }
  return answered;
}

const servingIn = (world: World, targetState: (id: string) => 'up' | 'down' | 'unknown', eu: boolean) =>
  capacityOf(world, `${HOSTNAME}.`, drainedClusters(world, 0), { targetState, wallMs: 0 })?.serving.filter(
    (e) => !eu || e.country === 'DE' || e.country === 'FR',
  ) ?? [];

it('I4 no change that is admitted without force takes the last answer from a place and type, or the last healthy cluster from a name or a region', () => {
  let admitted = 0;
  let refused = 0;
  fc.assert(
    fc.property(shape, changeShape, (before, chosen) => {
      const clusters = before.clusters.map((c, i) => clusterOf(i, c));
      const www = policyOf(before.policy);
      const world = worldOf(...clusters, www, ...before.drained.map(drainOf));
      fc.pre(world.policies.get('default/www')?.routed !== undefined);
      const change: ProposedChange =
        chosen.type === 'policy'
          ? update(policyOf(chosen.policy), www)
          : chosen.type === 'drain'
            ? create(drainOf(chosen.cluster))
            : update(clusterOf(chosen.at, chosen.cluster), clusters[chosen.at] ?? www);
      const targetState = stateOf(before);
      const outcome = admit({
        world,
        context: CONTEXT,
        changes: [change],
        force: false,
        moment: { targetState, wallMs: 0 },
        budget: new Map(),
        // The budget would hide what the guard of the last capacity lets through.
        budgetConfig: { windowMs: 1, share: 1 },
        joined: new Set(),
      });
      if (outcome.violations.length > 0) {
        refused += 1;
        return;
      }
      admitted += 1;
      const still = answeredIn(outcome.next, viewOf(outcome.next, targetState));
      for (const answered of answeredIn(world, viewOf(world, targetState)))
        expect(still.has(answered), `${answered} has an answer`).toBe(true);
      if (servingIn(world, targetState, false).length > 0)
        expect(servingIn(outcome.next, targetState, false)).not.toEqual([]);
      const residency = outcome.next.policies.get('default/www')?.resource.spec.residency ?? [];
      if (residency.length > 0 && servingIn(world, targetState, true).length > 0)
        expect(servingIn(outcome.next, targetState, true)).not.toEqual([]);
    }),
    { numRuns: 500 },
  );
  // Both happened, or it shows nothing.
  expect(admitted).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(20);
}, 60_000);

it('I6 whatever the steps, admitted updates take at most 30 % of a name, or one endpoint, within 5 minutes', () => {
  const all = Array.from({ length: 12 }, (_, i) => `c${i}`);
  const clusters = all.map((name, i) =>
    document('Cluster', name, { location: { country: 'DE' }, addresses: [`198.51.100.${i + 1}`] }),
  );
  let refused = 0;
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ waitMs: fc.integer({ min: 0, max: 200_000 }), take: fc.integer({ min: 1, max: 5 }) }),
        {
          minLength: 2,
          maxLength: 12,
        },
      ),
      (steps) => {
        let left = all;
        let budget: ReadonlyMap<string, readonly Removal[]> = new Map();
        const taken: { atMs: number; endpoints: number }[] = [];
        let nowMs = 0;
        for (const { waitMs, take } of steps) {
          nowMs += waitMs;
          if (left.length <= take) continue;
          const current = policy('big', ['big.example'], left);
          const outcome = admit({
            world: worldOf(...clusters, current),
            context: CONTEXT,
            changes: [update(policy('big', ['big.example'], left.slice(take)), current)],
            force: false,
            moment: { targetState: () => 'up', wallMs: nowMs },
            budget,
            joined: new Set(),
          });
          if (outcome.violations.length > 0) {
            refused += 1;
            continue;
          }
          budget = new Map([...budget, ...outcome.charges]);
          left = left.slice(take);
          taken.push({ atMs: nowMs, endpoints: take });
          const inWindow = taken.filter((t) => nowMs - t.atMs < DEFAULT_BUDGET.windowMs);
          const gone = inWindow.reduce((sum, t) => sum + t.endpoints, 0);
          expect(gone === 1 || gone <= (left.length + gone) * DEFAULT_BUDGET.share + 1e-9).toBe(true);
        }
      },
    ),
    { numRuns: 200 },
  );
  expect(refused).toBeGreaterThan(50);
}, 60_000);
