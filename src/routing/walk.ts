import type { CidrMatch } from './cidr-index.ts';
import type { CompiledEndpoint, CompiledPolicy, CompiledTier, RuleMatch } from './compiled.ts';
import { distanceKm, pointOf } from './distance.ts';
import { countryOf } from './geography.ts';
import type { ClientAddress, Location } from './model.ts';
import type { ResidencySet } from './residency.ts';

/** Combinations of matching rules that are kept; nested CIDRs times countries could be many. */
const MAX_WALKS = 10_000;
const NO_MATCH: readonly RuleMatch[] = [];

/**
 * The geo rules that apply, most specific first: CIDR (longest prefix first), subdivision, country, region, continent.
 * A rule that applies by several stands once, where it is most specific.
 */
export function matchingRules(
  policy: CompiledPolicy,
  cidr: CidrMatch | undefined,
  location: Location,
): readonly RuleMatch[] {
  const country = countryOf(location);
  const continent = country === undefined ? location.continent : undefined;
  const byContinent = continent === undefined ? undefined : policy.byContinent.get(continent);
  const byPlace =
    country !== undefined
      ? policy.ofCountry(country)
      : byContinent === undefined
        ? NO_MATCH
        : [{ rule: byContinent, level: 'continent' as const }];
  const bySubdivision =
    location.subdivision === undefined ? undefined : policy.bySubdivision.get(location.subdivision);
  if (bySubdivision === undefined && (cidr === undefined || cidr.values.length === 0)) return byPlace;

  const matches: RuleMatch[] = [];
  const add = (match: RuleMatch): void => {
    if (!matches.some((m) => m.rule === match.rule)) matches.push(match);
  };
  for (const value of cidr?.values ?? []) {
    const rule = policy.rules[value];
    if (rule !== undefined) add({ rule, level: 'cidr' });
  }
  if (bySubdivision !== undefined) add({ rule: bySubdivision, level: 'subdivision' });
  for (const match of byPlace) add(match);
  return matches;
}

/** The tiers in the order they are asked: those of the matching rules, then the default. */
export function orderedTiers(policy: CompiledPolicy, matches: readonly RuleMatch[]): readonly CompiledTier[] {
  if (matches.length === 0) return policy.defaultTiers;
  let key = '';
  for (const match of matches) key += ` ${match.rule.name}`;
  const known = policy.walks.get(key);
  if (known !== undefined) return known;
  if (policy.walks.size >= MAX_WALKS) policy.walks.clear();
  const tiers = [...matches.flatMap((match) => match.rule.tiers), ...policy.defaultTiers];
  policy.walks.set(key, tiers);
  return tiers;
}

/**
 * All admitted endpoints by great-circle distance from the location (its coordinates, else its country's), weighted by
 * capacity; endpoints at the same place share a tier. Without a known place, and for endpoints without one: one last tier.
 */
export function nearestTiers(
  policy: CompiledPolicy,
  residency: ResidencySet,
  location: Location,
): readonly CompiledTier[] {
  if (location.latitude !== undefined) return tiersByDistance(policy, residency, location);
  const country = countryOf(location) ?? '';
  const known = residency.nearest.get(country);
  if (known !== undefined) return known;
  const tiers = tiersByDistance(policy, residency, location);
  residency.nearest.set(country, tiers);
  return tiers;
}

function tiersByDistance(
  policy: CompiledPolicy,
  residency: ResidencySet,
  location: Location,
): readonly CompiledTier[] {
  const from = pointOf(location);
  const byDistance = new Map<number, CompiledEndpoint[]>();
  for (const endpoint of policy.endpoints) {
    if (residency.admitted[endpoint.index] !== true) continue;
    const distance =
      from === undefined || endpoint.point === undefined
        ? Number.POSITIVE_INFINITY
        : Math.round(distanceKm(from, endpoint.point));
    const there = byDistance.get(distance);
    if (there === undefined) byDistance.set(distance, [endpoint]);
    else there.push(endpoint);
  }
  return [...byDistance]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([distance, endpoints]) => ({
      origin: { kind: 'nearest', distanceKm: Number.isFinite(distance) ? distance : undefined },
      members: endpoints.map((endpoint) => ({ endpoint, weight: endpoint.capacity })),
    }));
}

/** What DNS may use of the client: nothing when it asked not to be located (ECS source prefix 0, RFC 7871 section 7.1.2). */
export function usableClient(client: ClientAddress | undefined): ClientAddress | undefined {
  return client === undefined || client.prefixLength === 0 ? undefined : client;
}
