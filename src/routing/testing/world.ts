import { parseName } from '../../dns/name.ts';
import { TYPE } from '../../dns/types.ts';
import type { RoutingQuery } from '../evaluate.ts';
import { countryLocation, parseClient } from '../location.ts';
import type {
  Located,
  RoutedEndpoint,
  RoutedGeoRule,
  RoutedPolicy,
  RoutedTier,
  StateView,
} from '../model.ts';

/** No change of state in sight, as the health decision writes it. */
const NO_CHANGE_MS = 2 ** 40;

/** Four clusters: two in the European Union, one in the United States, one in Singapore. IPv4 each, IPv6 for `v6`. */
export function endpoint(name: string, country: string, extra: Partial<RoutedEndpoint> = {}): RoutedEndpoint {
  return {
    name,
    cluster: `default/${name}`,
    country,
    capacity: 1,
    kind: 'addresses',
    addresses: [{ address: `192.0.2.${octetOf(name)}`, family: 4, targetId: name }],
    ...extra,
  };
}

/** As `endpoint`, with an IPv6 address too, whose target is `<name>/6`. */
export function dualStack(
  name: string,
  country: string,
  extra: Partial<RoutedEndpoint> = {},
): RoutedEndpoint {
  const v4 = endpoint(name, country);
  return {
    ...v4,
    addresses: [...v4.addresses, { address: `2001:db8::${octetOf(name)}`, family: 6, targetId: `${name}/6` }],
    ...extra,
  };
}

export function alias(name: string, country: string, extra: Partial<RoutedEndpoint> = {}): RoutedEndpoint {
  return {
    ...endpoint(name, country),
    kind: 'cname',
    addresses: [],
    cname: { name: parseName(`${name}.cdn.test`), targetId: name },
    ...extra,
  };
}

function octetOf(name: string): number {
  let sum = 0;
  for (let i = 0; i < name.length; i += 1) sum = (sum * 31 + name.charCodeAt(i)) % 250;
  return sum + 1;
}

export const FRA = endpoint('fra', 'DE');
export const PAR = endpoint('par', 'FR');
export const IAD = endpoint('iad', 'US');
export const SIN = endpoint('sin', 'SG');

/** A tier from `name` or `[name, weight]`. */
export function tier(...members: readonly (string | readonly [string, number])[]): RoutedTier {
  return {
    members: members.map((member) =>
      typeof member === 'string'
        ? { endpoint: member, weight: 1 }
        : { endpoint: member[0], weight: member[1] },
    ),
  };
}

export function geoRule(
  name: string,
  match: Partial<RoutedGeoRule>,
  ...tiers: readonly RoutedTier[]
): RoutedGeoRule {
  return { name, cidrs: [], subdivisions: [], countries: [], regions: [], continents: [], ...match, tiers };
}

export function policyOf(overrides: Partial<RoutedPolicy> = {}): RoutedPolicy {
  return {
    namespace: 'default',
    name: 'api',
    generation: 1,
    hostnames: [parseName('api.example.com')],
    ttlSeconds: 30,
    minTtlSeconds: 5,
    endpoints: [FRA, PAR, IAD, SIN],
    geo: [],
    defaultTiers: [tier('fra', 'par', 'iad', 'sin')],
    nextBest: 'nearest',
    residency: [],
    selection: { mode: 'weighted', maxAnswers: 1 },
    panicThresholdPercent: 0,
    capacityFloorPercent: 0,
    drainRampSeconds: 0,
    ...overrides,
  };
}

/** What the tests say of the world: everything that is not named is up and active. */
export interface WorldSketch {
  readonly down?: readonly string[];
  readonly unknown?: readonly string[];
  /** Cluster (its name without namespace) to what `StateView.cluster` says. */
  readonly clusters?: Readonly<Record<string, ReturnType<StateView['cluster']>>>;
  readonly lastHealthy?: readonly string[];
  readonly earliestChangeMs?: Readonly<Record<string, number>>;
  readonly staleForMs?: number;
}

export function stateOf(sketch: WorldSketch = {}): StateView {
  return {
    target(id) {
      const state = sketch.down?.includes(id) ? 'down' : sketch.unknown?.includes(id) ? 'unknown' : 'up';
      return { state, earliestChangeMs: sketch.earliestChangeMs?.[id] ?? NO_CHANGE_MS };
    },
    cluster: (key) => sketch.clusters?.[key.replace(/^default\//, '')] ?? {},
    lastHealthy: () => sketch.lastHealthy ?? [],
    staleForMs: sketch.staleForMs ?? 0,
  };
}

/** Drained long ago, without ramp or end. */
export const DRAINED = { drainedForMs: 3_600_000 };

export function located(country: string | undefined, prefixLength = 0): Located {
  return { location: country === undefined ? {} : countryLocation(country), prefixLength, exact: true };
}

/** An A query from a country. */
export function from(country: string | undefined, extra: Partial<RoutingQuery> = {}): RoutingQuery {
  return { qtype: TYPE.A, located: located(country), ...extra };
}

/** An A query of a client whose network of `prefixLength` bits is in a country. */
export function fromClient(client: string, country?: string, prefixLength = 16): RoutingQuery {
  return { qtype: TYPE.A, client: parseClient(client), located: located(country, prefixLength) };
}

/** A small seeded generator (mulberry32), uniform in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
