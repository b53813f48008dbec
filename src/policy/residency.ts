import type { Resource } from '../resources/catalogue.ts';
import { countriesOf } from '../routing/geography.ts';
import type { RegionTable } from '../routing/model.ts';
import { type Hostname, intersect, matchesHost } from './hostnames.ts';
import type { CompiledResidency } from './model.ts';

export type ResidencyRule = CompiledResidency['rules'][number];

/** A rule as a GatewayPolicy or TrafficPolicy has it; no hostnames: every host. */
export interface ResidencyWish {
  readonly region: string;
  readonly unknownLocation: 'restrict' | 'allow';
  readonly hostnames: readonly string[];
}

/** Residency rules of TrafficPolicies, by namespace: what holds for a name's answers holds for its clients as well (I5). */
export function residencyWishes(
  policies: readonly Resource<'TrafficPolicy'>[],
  namespace: string,
): readonly ResidencyWish[] {
  return policies
    .filter(({ metadata, spec }) => metadata.namespace === namespace && spec.residency.length > 0)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap(({ spec }) =>
      spec.residency.map(({ region, unknownLocation }) => ({
        region,
        unknownLocation,
        hostnames: spec.hostnames.map((name) => name.replace(/\.$/, '')),
      })),
    );
}

/**
 * The rules for a cluster in `country`, as far as they concern `hosts` (those a route is served for).
 * A region that nobody defines any more keeps everybody out who is not known to be elsewhere: its rule has no countries, so it binds
 * unknown places only, and the hub refuses to store such a policy in the first place.
 */
export function residencyRules(
  wishes: readonly ResidencyWish[],
  hosts: readonly Hostname[],
  country: string | undefined,
  regions: RegionTable,
): readonly ResidencyRule[] {
  const rules: ResidencyRule[] = [];
  for (const wish of wishes) {
    const hostnames = wish.hostnames.filter((name) =>
      hosts.some((host) => intersect(host, name) !== undefined),
    );
    if (wish.hostnames.length > 0 && hostnames.length === 0) continue;
    const countries = countriesOf(regions, wish.region) ?? [];
    rules.push({
      region: wish.region,
      countries: countries.toSorted(),
      unknown: wish.unknownLocation,
      inside: country !== undefined && countries.includes(country),
      hostnames: hostnames.toSorted(),
    });
  }
  return rules;
}

/**
 * The rule that forbids serving a client on this cluster; undefined: it may be served.
 * @param country of the client's address; undefined: unknown
 */
export function refusingRule(
  residency: CompiledResidency,
  host: string,
  country: string | undefined,
): ResidencyRule | undefined {
  for (const rule of residency.rules) {
    if (rule.inside) continue;
    const bound = country === undefined ? rule.unknown === 'restrict' : rule.countries.includes(country);
    if (bound && (rule.hostnames.length === 0 || rule.hostnames.some((name) => matchesHost(name, host)))) {
      return rule;
    }
  }
  return undefined;
}
