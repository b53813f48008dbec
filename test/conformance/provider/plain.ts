import { expect } from 'vitest';
import type { DomainName } from '../../../src/dns/name.ts';
import { compileName } from '../../../src/plan/native-or-computed.ts';
import { compilePolicy } from '../../../src/routing/compiled.ts';
import { regionTable } from '../../../src/routing/geography.ts';
import type { StateView } from '../../../src/routing/model.ts';
import { endpoint, policyOf, stateOf, tier } from '../../../src/routing/testing/world.ts';
import { until } from '../../support/until.ts';
import type { BehaviourId } from '../provider-behaviours.ts';
import { isPossible } from '../provider-harness.ts';
import { addressOf, CLIENTS } from './placements.ts';
import { answersOf, EFFECT_MS } from './routing.ts';
import { contentsOf, type ProviderTest, put, read, ttlOf, type World } from './world.ts';

/** What the hub makes of a policy where it writes plain records, published by each provider. */
export const PLAIN: Readonly<Partial<Record<BehaviourId, ProviderTest>>> = {
  'route.plain': async (world) => {
    const name = world.name();
    const at = (n: number) => addressOf(world.running, 'A', n);
    await holds(world, name, stateOf(), [at(81), at(82)]);
    // Whoever is down leaves; nobody from outside comes in, not even when all inside are down.
    await holds(world, name, stateOf({ down: ['fra'] }), [at(82)]);
    await holds(world, name, stateOf({ down: ['fra', 'par'] }), [at(81), at(82)]);
  },
};

/** Publishes the hub's plain records in a state of the world; every client is answered with exactly these. */
async function holds(
  world: World,
  name: DomainName,
  state: StateView,
  expected: readonly string[],
): Promise<void> {
  const { desired, report } = compiled(world, name, state);
  expect(report.outcome).toBe('computed');
  expect(report.features).toContainEqual(
    expect.objectContaining({ feature: 'residency', handling: 'computed' }),
  );
  const sets = desired.sets ?? [];
  expect(sets.flatMap(({ values }) => values)).toEqual([...expected].sort());
  await put(world, ...sets);
  expect(contentsOf(await read(world), (set) => set.name === name)).toEqual(
    contentsOf({ sets, tokens: new Map() }),
  );
  if (!isPossible(world.running.ask)) return world.hole(world.running.ask.why);
  for (const place of Object.keys(CLIENTS))
    await until(
      `${place} is answered with ${expected.join()}`,
      async () => (await answersOf(world, name, place, 'A')).join() === [...expected].sort().join(),
      EFFECT_MS,
    );
}

/** Two clusters in the European Union, one outside, and a rule that keeps clients of the Union in. */
function compiled({ harness, running, ...world }: World, hostname: DomainName, state: StateView) {
  const regions = regionTable();
  const { zone, spec } = running;
  const { capabilities, compile } = harness.kind;
  const cluster = (name: string, country: string, n: number) =>
    endpoint(name, country, {
      addresses: [{ address: addressOf(running, 'A', n), family: 4, targetId: name }],
    });
  const policy = policyOf({
    hostnames: [hostname],
    ttlSeconds: ttlOf({ harness, running, ...world }, 30),
    endpoints: [cluster('fra', 'DE', 81), cluster('par', 'FR', 82), cluster('iad', 'US', 83)],
    defaultTiers: [tier('fra', 'par', 'iad')],
    residency: [{ region: 'EU', unknownLocation: 'allow', onAllDown: { action: 'panic' } }],
  });
  return compileName({
    policy: compilePolicy(policy, regions),
    hostname,
    dns: { decider: 'portolan', form: 'computed', accept: [], shared: false },
    state,
    regions,
    target: () => undefined,
    zone: zone.origin,
    provider: {
      name: `conformance/${harness.name}`,
      healthChecks: capabilities.healthChecks,
      ttl: capabilities.ttl,
      ownTypes: capabilities.ownTypes,
      compile: (placement) => compile({ placement, zone, spec, poolSuffix: hostname }),
    },
  });
}
