import type { DomainName } from '../dns/name.ts';
import type { ContinentCode } from '../resources/fields.ts';
import { CidrIndex, parseCidr } from './cidr-index.ts';
import { COUNTRIES } from './countries.ts';
import { type Point, pointOf } from './distance.ts';
import { countriesOf } from './geography.ts';
import type {
  Location,
  RegionTable,
  RoutedEndpoint,
  RoutedGeoRule,
  RoutedPolicy,
  RoutedTier,
} from './model.ts';
import { compileResidency, type ResidencyIndex } from './residency.ts';
import { stickySeed } from './selection.ts';

/** Which of a rule's matches applied; in this order of precedence. */
export type MatchLevel = 'cidr' | 'subdivision' | 'country' | 'region' | 'continent';

export interface CompiledEndpoint {
  /** Position in the policy. */
  readonly index: number;
  readonly name: string;
  readonly cluster: string;
  readonly country: string;
  readonly capacity: number;
  readonly point: Point | undefined;
  readonly v4: readonly ServedAddress[];
  readonly v6: readonly ServedAddress[];
  readonly cname: { readonly name: DomainName; readonly targetId: string } | undefined;
  readonly seed: number;
}

export interface ServedAddress {
  readonly address: string;
  readonly targetId: string;
}

export interface CompiledMember {
  readonly endpoint: CompiledEndpoint;
  readonly weight: number;
}

export interface CompiledTier {
  readonly origin: TierOrigin;
  readonly members: readonly CompiledMember[];
}

/** Where a tier of the walk comes from; `tier` counts from 0 within it. */
export type TierOrigin =
  | { readonly kind: 'rule'; readonly rule: string; readonly tier: number }
  | { readonly kind: 'default'; readonly tier: number }
  | { readonly kind: 'nearest'; readonly distanceKm: number | undefined };

interface CompiledRule {
  readonly name: string;
  readonly tiers: readonly CompiledTier[];
}

/** A rule that applies to a place, and by what. */
export interface RuleMatch {
  readonly rule: CompiledRule;
  readonly level: MatchLevel;
}

/** A RoutedPolicy with its indexes. Immutable but for caches; made once per snapshot. */
export interface CompiledPolicy {
  readonly source: RoutedPolicy;
  /** `namespace/name`. */
  readonly key: string;
  readonly endpoints: readonly CompiledEndpoint[];
  readonly defaultTiers: readonly CompiledTier[];
  readonly rules: readonly CompiledRule[];
  readonly cidrs: CidrIndex | undefined;
  readonly bySubdivision: ReadonlyMap<string, CompiledRule>;
  /** Country, region and continent rules of each country, most specific first. */
  readonly ofCountry: (country: string) => readonly RuleMatch[];
  readonly byContinent: ReadonlyMap<ContinentCode, CompiledRule>;
  readonly residency: ResidencyIndex;
  /** True when the answer may depend on the client's place (CIDRs apart). */
  readonly usesLocation: boolean;
  /** What the tiers of a walk are for the rules that match: computed once for each combination met. */
  readonly walks: Map<string, readonly CompiledTier[]>;
}

/**
 * Prepares a policy for `decide`. `regions` is the table the policy was routed with (built-in and custom); a region it lacks
 * holds no country, so that a residency rule on it admits nobody rather than everybody.
 */
export function compilePolicy(policy: RoutedPolicy, regions: RegionTable): CompiledPolicy {
  const endpoints = policy.endpoints.map(compileEndpoint);
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
  const tiersOf = (tiers: readonly RoutedTier[], originOf: (tier: number) => TierOrigin): CompiledTier[] =>
    tiers.map((tier, at) => ({
      origin: originOf(at),
      members: tier.members.flatMap(({ endpoint, weight }) => {
        const known = byName.get(endpoint);
        return known === undefined ? [] : [{ endpoint: known, weight }];
      }),
    }));
  const rules = policy.geo.map(
    (rule): CompiledRule => ({
      name: rule.name,
      tiers: tiersOf(rule.tiers, (tier) => ({ kind: 'rule', rule: rule.name, tier })),
    }),
  );
  const blocks = policy.geo.flatMap((rule, value) =>
    rule.cidrs.map((cidr) => ({ ...parseCidr(cidr), value })),
  );
  return {
    source: policy,
    key: `${policy.namespace}/${policy.name}`,
    endpoints,
    defaultTiers: tiersOf(policy.defaultTiers, (tier) => ({ kind: 'default', tier })),
    rules,
    cidrs: blocks.length === 0 ? undefined : new CidrIndex(blocks),
    bySubdivision: claims(policy.geo, rules, (rule) => rule.subdivisions),
    ofCountry: countryIndex(policy.geo, rules, regions),
    byContinent: claims(policy.geo, rules, (rule) => rule.continents),
    residency: compileResidency(policy.residency, regions, endpoints),
    usesLocation: policy.residency.length > 0 || policy.geo.some(matchesPlaces),
    walks: new Map(),
  };
}

function compileEndpoint(endpoint: RoutedEndpoint, index: number): CompiledEndpoint {
  const family = (wanted: 4 | 6): ServedAddress[] =>
    endpoint.addresses
      .filter((a) => a.family === wanted)
      .map(({ address, targetId }) => ({ address, targetId }));
  const place: Location = {
    country: endpoint.country,
    ...(endpoint.latitude === undefined ? {} : { latitude: endpoint.latitude }),
    ...(endpoint.longitude === undefined ? {} : { longitude: endpoint.longitude }),
  };
  return {
    index,
    name: endpoint.name,
    cluster: endpoint.cluster,
    country: endpoint.country,
    capacity: endpoint.capacity,
    point: pointOf(place),
    v4: family(4),
    v6: family(6),
    cname: endpoint.cname,
    seed: stickySeed(endpoint.name),
  };
}

function matchesPlaces(rule: RoutedGeoRule): boolean {
  return rule.subdivisions.length + rule.countries.length + rule.regions.length + rule.continents.length > 0;
}

/** Who claims what; the first rule wins, though `routePolicy` refuses two. */
function claims<K extends string>(
  geo: readonly RoutedGeoRule[],
  rules: readonly CompiledRule[],
  claimed: (rule: RoutedGeoRule) => readonly K[],
): Map<K, CompiledRule> {
  const claimants = new Map<K, CompiledRule>();
  geo.forEach((source, at) => {
    const rule = rules[at];
    if (rule === undefined) return;
    for (const place of claimed(source)) if (!claimants.has(place)) claimants.set(place, rule);
  });
  return claimants;
}

/** Country, region and continent rules by country; a country is looked up once. */
function countryIndex(
  geo: readonly RoutedGeoRule[],
  rules: readonly CompiledRule[],
  regions: RegionTable,
): (country: string) => readonly RuleMatch[] {
  if (geo.length === 0) return () => NO_RULES;
  const countries = claims(geo, rules, (rule) => rule.countries);
  const inRegion = claims(geo, rules, (rule) =>
    rule.regions.flatMap((region) => countriesOf(regions, region) ?? []),
  );
  const continents = claims(geo, rules, (rule) => rule.continents);
  const known = new Map<string, readonly RuleMatch[]>();
  return (code) => {
    const before = known.get(code);
    if (before !== undefined) return before;
    const matches: RuleMatch[] = [];
    const add = (rule: CompiledRule | undefined, level: MatchLevel): void => {
      if (rule !== undefined && !matches.some((m) => m.rule === rule)) matches.push({ rule, level });
    };
    const continent = COUNTRIES.get(code)?.continent;
    add(countries.get(code), 'country');
    add(inRegion.get(code), 'region');
    if (continent !== undefined) add(continents.get(continent), 'continent');
    known.set(code, matches);
    return matches;
  };
}

const NO_RULES: readonly RuleMatch[] = [];
