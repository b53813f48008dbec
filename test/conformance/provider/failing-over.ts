import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { DomainName } from '../../../src/dns/name.ts';
import { until } from '../../support/until.ts';
import type { BehaviourId } from '../provider-behaviours.ts';
import { isPossible } from '../provider-harness.ts';
import { addressOf, type PlacementPlan } from './placements.ts';
import { answersOf, EFFECT_MS, published } from './routing.ts';
import type { ProviderTest, World } from './world.ts';

/** Three rounds of health checks: PowerDNS makes one a second, the others know at once. */
const ALL_SEEN_MS = 3_000;

const FAILOVER: PlacementPlan = {
  features: ['failover'],
  decider: 'native',
  groups: { rest: [[{ n: 51, weight: 1 }], [{ n: 52, weight: 1 }]] },
};

const TIERS: PlacementPlan = {
  features: ['failover'],
  decider: 'native',
  groups: { rest: [[{ n: 53, weight: 1 }], [{ n: 54, weight: 1 }], [{ n: 55, weight: 1 }]] },
};

const ADDRESSES: PlacementPlan = {
  features: ['failover'],
  decider: 'native',
  groups: { rest: [[{ n: 56, weight: 1, also: 57 }]] },
};

/** By the health checks of the provider. */
export const FAILING_OVER: Readonly<Partial<Record<BehaviourId, ProviderTest>>> = {
  'route.failover': async (world) => {
    const { name, set, address } = await checked(world, FAILOVER);
    const [first, second] = [address(51), address(52)];
    await set(first, true);
    await set(second, true);
    await answered(world, name, [first]);
    await set(first, false);
    await answered(world, name, [second]);
    await set(first, true);
    await answered(world, name, [first]);
    await set(first, false);
    await set(second, false);
    // Everything is down: never an empty answer, neither before the provider has seen it nor after.
    for (const endMs = performance.now() + ALL_SEEN_MS; performance.now() < endMs; await delay(100))
      expect(await answersOf(world, name, 'unknown', 'A')).not.toEqual([]);
  },

  'route.tiers': async (world) => {
    const { name, set, address } = await checked(world, TIERS);
    const [first, second, third] = [address(53), address(54), address(55)];
    for (const one of [first, second, third]) await set(one, true);
    await answered(world, name, [first]);
    await set(first, false);
    await answered(world, name, [second]);
    await set(second, false);
    await answered(world, name, [third]);
    // Back to the best one that is up, whichever comes back.
    await set(first, true);
    await answered(world, name, [first]);
  },

  'route.addresses': async (world) => {
    const { name, set, address } = await checked(world, ADDRESSES);
    const [one, other] = [address(56), address(57)];
    await set(one, true);
    await set(other, true);
    await answered(world, name, [one, other]);
    await set(other, false);
    await answered(world, name, [one]);
    await set(other, true);
    await set(one, false);
    await answered(world, name, [other]);
  },
};

interface Checked {
  readonly name: DomainName;
  readonly set: (address: string, up: boolean) => Promise<void>;
  readonly address: (n: number) => string;
}

/** Publishes what the provider's health checks decide. Ends as a hole where it has none, or cannot. */
async function checked(world: World, plan: PlacementPlan): Promise<Checked> {
  const { healthChecks } = world.harness.kind.capabilities;
  if (!healthChecks.native) return world.hole(healthChecks.reason);
  const { setHealth, ask } = world.running;
  const name = world.name();
  const { placement } = await published(world, name, plan, 'failover');
  expect(placement.decider).toBe('native');
  if (!isPossible(ask)) return world.hole(ask.why);
  if (!isPossible(setHealth)) return world.hole(setHealth.why);
  return { name, set: setHealth, address: (n) => addressOf(world.running, 'A', n) };
}

/**
 * Waits until exactly these addresses are answered: in one answer, or one after the other where an answer holds one address.
 */
async function answered(world: World, name: DomainName, expected: readonly string[]): Promise<void> {
  const wanted = [...expected].sort().join();
  await until(
    `${name} is answered with ${wanted}`,
    async () => {
      const seen = new Set<string>();
      for (let ask = 0; ask < (expected.length === 1 ? 5 : 40); ask += 1)
        for (const value of await answersOf(world, name, 'unknown', 'A')) seen.add(value);
      return [...seen].sort().join() === wanted;
    },
    EFFECT_MS,
  );
}
