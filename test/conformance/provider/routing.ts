import { expect } from 'vitest';
import type { NativeCompilation } from '../../../providers/contract.ts';
import { type DomainName, parseName } from '../../../src/dns/name.ts';
import { TYPE } from '../../../src/dns/types.ts';
import type { Feature } from '../../../src/plan/compile-report.ts';
import type { PlaceGroup, Placement, TypePlacement } from '../../../src/plan/placement.ts';
import type { Json, RecordSet } from '../../../src/plan/record-set.ts';
import { until } from '../../support/until.ts';
import type { BehaviourId } from '../provider-behaviours.ts';
import { isPossible } from '../provider-harness.ts';
import { CLIENTS, type PlacementPlan, placementOf } from './placements.ts';
import { groupsFor, type ProviderTest, read, send, soon, type World } from './world.ts';

/** Queries that show shares: with five standard deviations of tolerance, one run in two million fails by chance. */
const DRAWS = 400;
/** How long a provider of this machine takes to answer what was written, its health checks included. */
export const EFFECT_MS = 20_000;

const WEIGHTS: PlacementPlan = {
  features: ['weights'],
  groups: {
    rest: [
      [
        { n: 11, weight: 3 },
        { n: 12, weight: 1 },
      ],
    ],
  },
  dual: true,
};

const GEO: PlacementPlan = {
  features: ['geo'],
  groups: {
    'DE FR': [[{ n: 21, weight: 1 }]],
    US: [[{ n: 22, weight: 1 }]],
    rest: [[{ n: 23, weight: 1 }]],
  },
};

const GEO_WEIGHTS: PlacementPlan = {
  features: ['geo', 'weights'],
  groups: {
    DE: [
      [
        { n: 31, weight: 1 },
        { n: 32, weight: 1 },
      ],
    ],
    rest: [
      [
        { n: 33, weight: 4 },
        { n: 34, weight: 1 },
      ],
    ],
  },
};

const RESIDENCY: PlacementPlan = {
  features: ['residency'],
  groups: { DE: [[{ n: 41, weight: 1 }]], rest: [[{ n: 42, weight: 1 }]] },
};

/** What some provider leans health checks on. */
const CHECKED: PlacementPlan = {
  features: ['failover'],
  decider: 'native',
  groups: { rest: [[{ n: 51, weight: 1 }], [{ n: 52, weight: 1 }]] },
};

/** A rule that keeps clients of unknown location in, too: they get what the bound countries get, and nobody else's answer. */
const UNKNOWN: PlacementPlan = {
  features: ['geo', 'residency'],
  groups: { 'unknown DE FR': [[{ n: 61, weight: 1 }]], rest: [[{ n: 62, weight: 1 }]] },
};

const ALIASES: PlacementPlan = {
  features: ['weights'],
  aliases: true,
  groups: {
    rest: [
      [
        { n: 71, weight: 3 },
        { n: 72, weight: 1 },
      ],
    ],
  },
};

export const ROUTING: Readonly<Partial<Record<BehaviourId, ProviderTest>>> = {
  'route.weights': (world) => routed(world, world.name(), WEIGHTS, 'weights'),
  'route.geo': (world) => routed(world, world.name(), GEO, 'geo'),
  'route.geoWeights': (world) => routed(world, world.name(), GEO_WEIGHTS, 'geo'),
  'route.residency': (world) => routed(world, world.name(), RESIDENCY, 'residency'),
  'route.unknown': (world) => routed(world, world.name(), UNKNOWN, 'residency'),
  'route.aliases': (world) => routed(world, world.name(), ALIASES, 'weights'),
  'route.apex': (world) => routed(world, world.running.zone.origin, WEIGHTS, 'weights'),

  'aids.reused': async (world) => {
    const { provider } = world;
    if (provider.aids === undefined) return world.hole('Its records lean on nothing beside the zone.');
    const specs = aidsOf(world);
    const ids = await provider.aids.ensure(specs, soon());
    expect([...ids.keys()].sort()).toEqual([...new Set(specs.map(({ key }) => key))].sort());
    // A hub that has just started knows nothing and finds them.
    const another = await world.open();
    expect(await another.aids?.ensure(specs, soon())).toEqual(ids);
  },

  'aids.collected': async (world) => {
    const provider = await world.open({ clock: later(120_000) });
    if (provider.aids === undefined) return world.hole('Its records lean on nothing beside the zone.');
    const specs = aidsOf(world);
    // Made now, and looked at by a hub whose clock is ahead.
    await world.provider.aids?.ensure(specs, soon());
    const ids = await provider.aids.ensure(specs, soon());
    await provider.aids.collect(new Set(ids.keys()), soon());
    expect(await provider.aids.ensure(specs, soon())).toEqual(ids);
    const young = await world.open();
    await young.aids?.collect(new Set(), soon());
    expect(await provider.aids.ensure(specs, soon())).toEqual(ids);
    expect(await provider.aids.collect(new Set(), soon())).toBeGreaterThanOrEqual(ids.size);
    const made = await provider.aids.ensure(specs, soon());
    expect([...made.values()]).not.toEqual([...ids.values()]);
  },
};

function aidsOf(world: World) {
  for (const plan of [CHECKED, GEO_WEIGHTS, WEIGHTS]) {
    const compilation = compiled(world, placementOf(world.running, world.name(), plan));
    if (compilation.outcome === 'native' && compilation.aids.length > 0) return compilation.aids;
  }
  return world.hole('No routing of it leans on anything beside the zone.');
}

function compiled(world: World, placement: Placement): NativeCompilation {
  const { spec, zone } = world.running;
  const relative =
    placement.hostname === zone.origin ? '_apex' : placement.hostname.slice(0, -zone.origin.length - 1);
  const poolSuffix = parseName(`${relative}._pool._portolan.${zone.origin}`);
  return world.harness.kind.compile({ placement, zone, spec, poolSuffix });
}

/** Compiles, makes the aids, and writes the sets. Ends as a hole where the provider says that it cannot. */
export async function published(world: World, name: DomainName, plan: PlacementPlan, feature: Feature) {
  const placement = placementOf(world.running, name, plan);
  const compilation = compiled(world, placement);
  const reports = plan.features.map((wanted) => {
    const report = compilation.features.find((candidate) => candidate.feature === wanted);
    expect(report, `the report on ${wanted}`).toBeDefined();
    expect(report?.detail.length ?? 0, `the detail on ${wanted}`).toBeGreaterThan(10);
    return report;
  });
  const lacking = reports.find((report) => report !== undefined && report.handling !== 'native');
  if (compilation.outcome === 'no' || lacking !== undefined) {
    const known = world.harness.kind.capabilities.routing.find((entry) => entry.feature === feature);
    return world.hole(lacking?.detail ?? known?.reason ?? '');
  }
  expect(compilation.hubDown.length).toBeGreaterThan(10);
  const ids = (await world.provider.aids?.ensure(compilation.aids, soon())) ?? new Map<string, string>();
  const sets = compilation.sets.map((set) => withIds(set, ids));
  const content = await read(world);
  const [byHand] = groupsFor(content, []);
  expect(byHand).toBeUndefined();
  // One group, in the order of the compilation: targets before those that lead to them.
  const changes = sets.map((after) => {
    const before = content.sets.find(
      (set) => set.name === after.name && set.type === after.type && set.setId === after.setId,
    );
    return before === undefined ? { after } : { before, after };
  });
  await send(world, content, [{ name, changes }]);
  return { placement, sets };
}

async function routed(world: World, name: DomainName, plan: PlacementPlan, feature: Feature): Promise<void> {
  const { placement, sets } = await published(world, name, plan, feature);
  // What is read back is what was compiled, so that a second reconcile has nothing to do.
  const content = await read(world);
  for (const set of sets) expect(content.sets).toContainEqual(set);
  if (!isPossible(world.running.ask)) return world.hole(world.running.ask.why);
  for (const { type, groups } of placement.types) {
    for (const group of groups) {
      const places = Object.keys(CLIENTS).filter((candidate) => group.places.includes(candidate));
      // Draws take their time: one place stands for the others.
      const asked = (group.tiers[0]?.members.length ?? 0) > 1 ? places.slice(0, 1) : places;
      for (const place of asked) {
        await until(
          `${place} is answered`,
          async () => (await answersOf(world, name, place, type)).length > 0,
          EFFECT_MS,
        );
        await expectShares(world, name, place, type, group);
      }
    }
  }
}

/** Draws until the shares show; every single answer has to be a member's. */
async function expectShares(
  world: World,
  name: DomainName,
  place: string,
  type: TypePlacement['type'],
  group: PlaceGroup,
): Promise<void> {
  const members = group.tiers[0]?.members ?? [];
  const whole = members.reduce((sum, { weight }) => sum + weight, 0);
  const counts = new Map(members.map(({ endpoint }) => [endpoint, 0]));
  const draws = members.length === 1 ? 5 : DRAWS;
  for (let draw = 0; draw < draws; draw += 1) {
    const values = await answersOf(world, name, place, type);
    const found = members.find((member) => member.values.join() === values.join());
    expect(found, `${place}: ${values.join() || 'nothing'} is no member's`).toBeDefined();
    if (found !== undefined) counts.set(found.endpoint, (counts.get(found.endpoint) ?? 0) + 1);
  }
  for (const { endpoint, weight } of members) {
    const share = weight / whole;
    const tolerance = 5 * Math.sqrt(draws * share * (1 - share));
    const off = Math.abs((counts.get(endpoint) ?? 0) - draws * share);
    expect(
      off,
      `${place}: ${endpoint} was answered ${counts.get(endpoint)} times of ${draws}`,
    ).toBeLessThanOrEqual(tolerance);
  }
}

/** Values of the type that a client in the place is answered with, sorted. */
export async function answersOf(
  world: World,
  name: DomainName,
  place: string,
  type: TypePlacement['type'],
): Promise<readonly string[]> {
  const { ask } = world.running;
  if (!isPossible(ask)) return [];
  const reply = await ask(name, type, CLIENTS[place]);
  return reply.answers
    .filter((record) => record.type === TYPE[type])
    .map(({ data }) => data)
    .sort();
}

/** The set with each reference to an aid replaced by its id. */
function withIds(set: RecordSet, ids: ReadonlyMap<string, string>): RecordSet {
  if (set.native === undefined) return set;
  const native: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries(set.native)) native[key] = resolved(value, ids);
  return { ...set, native };
}

function resolved(value: Json, ids: ReadonlyMap<string, string>): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map((item) => resolved(item, ids));
  const { $aid } = value;
  if (typeof $aid === 'string') return ids.get($aid) ?? `no id for ${$aid}`;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, ids)]));
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** A real clock that is so much ahead. */
function later(aheadMs: number) {
  return {
    monotonicMs: () => performance.now() + aheadMs,
    wallMs: () => Date.now() + aheadMs,
    wait: (delayMs: number, signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, delayMs);
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        });
      }),
  };
}
