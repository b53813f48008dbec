import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../test/support/random.ts';
import { PICKS } from './balance.ts';
import { Endpoint, type PoolSource } from './endpoint.ts';

const SOURCE: PoolSource = {
  limits: { maxConnections: 1, maxPendingRequests: 1, connectTimeoutMs: 1, idleTimeoutMs: 1 },
  poolOf: () => {
    throw new Error('nobody connects');
  },
};
const endpointsOf = (weights: readonly number[]): Endpoint[] =>
  weights.map((weight, at) => new Endpoint(`10.0.0.${at}:80`, weight, SOURCE));
const weights = fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 1, maxLength: 8 });
const anyone = (): boolean => true;

describe('balance', () => {
  test('round robin gives each endpoint exactly its weight in every turn', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 3 }), (given, turns) => {
        const endpoints = endpointsOf(given);
        const total = given.reduce((sum, weight) => sum + weight, 0);
        const taken = new Map<Endpoint | undefined, number>();
        for (let at = 0; at < total * turns; at += 1) {
          const picked = PICKS.roundRobin(endpoints, anyone, () => 0);
          taken.set(picked, (taken.get(picked) ?? 0) + 1);
        }
        for (const endpoint of endpoints) expect(taken.get(endpoint) ?? 0).toBe(endpoint.weight * turns);
      }),
    );
  });

  test('round robin spreads a heavy endpoint among the others', () => {
    const endpoints = endpointsOf([5, 1, 1]);
    const order = Array.from({ length: 7 }, () => PICKS.roundRobin(endpoints, anyone, () => 0)?.name);
    const [heavy, one, other] = endpoints.map(({ name }) => name);
    expect(order).toEqual([heavy, heavy, one, heavy, other, heavy, heavy]);
  });

  test.each(['roundRobin', 'random', 'leastRequest'] as const)(
    '%s never takes an endpoint of weight 0 or one that is left out, and takes one whenever there is one',
    (name) => {
      fc.assert(
        fc.property(
          weights,
          fc.nat(),
          fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
          (given, out, x) => {
            const endpoints = endpointsOf(given);
            const left = endpoints[out % endpoints.length];
            const picked = PICKS[name](
              endpoints,
              (endpoint) => endpoint !== left,
              () => x,
            );
            const usable = endpoints.filter((endpoint) => endpoint !== left && endpoint.weight > 0);
            if (usable.length === 0) expect(picked).toBeUndefined();
            else expect(usable).toContain(picked);
          },
        ),
      );
    },
  );

  test('random follows the weights', () => {
    const endpoints = endpointsOf([1, 3]);
    const random = seededRandom(1);
    let first = 0;
    for (let at = 0; at < 10_000; at += 1)
      if (PICKS.random(endpoints, anyone, random) === endpoints[0]) first += 1;
    expect(first / 10_000).toBeCloseTo(0.25, 1);
  });

  test('least request takes the less busy of two', () => {
    const endpoints = endpointsOf([1, 1]);
    const [busy, idle] = endpoints;
    if (busy !== undefined) busy.active = 5;
    const random = seededRandom(2);
    for (let at = 0; at < 100; at += 1) expect(PICKS.leastRequest(endpoints, anyone, random)).toBe(idle);
  });
});
