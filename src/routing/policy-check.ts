import type { FieldViolation } from '../errors/error.ts';
import { checkAddress } from '../health/address-policy.ts';
import { compilePolicy } from './compiled.ts';
import { COUNTRIES } from './countries.ts';
import { countriesOf, regionTable } from './geography.ts';
import type { RegionTable, RoutedGeoRule, RoutedPolicy, RoutedTier } from './model.ts';
import { canAnswer } from './residency.ts';

interface CheckContext {
  readonly regions: RegionTable;
  readonly allowedRanges: readonly string[];
}

/**
 * What is wrong with a policy that no schema can say: names that lead nowhere, places claimed twice, tiers and regions that
 * could never answer.
 * @param complete whether every endpoint was resolved; only then can be said what a region is left with
 */
export function policyViolations(
  policy: RoutedPolicy,
  context: CheckContext,
  complete: boolean,
): FieldViolation[] {
  return [
    ...ttlViolations(policy),
    ...duplicates(
      policy.endpoints.map((e) => e.name),
      'spec.endpoints',
      'endpoint',
    ),
    ...duplicates(
      policy.geo.map((rule) => rule.name),
      'spec.routing.geo',
      'geo rule',
    ),
    ...policy.geo.flatMap((rule, at) => tierViolations(rule.tiers, `spec.routing.geo[${at}].tiers`, policy)),
    ...tierViolations(policy.defaultTiers, 'spec.routing.default.tiers', policy),
    ...placeViolations(policy, context.regions),
    ...overlapViolations(policy.geo, context.regions),
    ...residencyViolations(policy, context, complete),
  ];
}

function invalid(path: string, message: string, fix: string): FieldViolation {
  return { path, code: 'VALIDATION_FAILED', message, fix };
}

function ttlViolations({ ttlSeconds, minTtlSeconds }: RoutedPolicy): FieldViolation[] {
  if (minTtlSeconds <= ttlSeconds) return [];
  return [
    invalid(
      'spec.minTtlSeconds',
      `minTtlSeconds (${minTtlSeconds}) is longer than ttlSeconds (${ttlSeconds})`,
      `Lower minTtlSeconds to at most ${ttlSeconds}, or raise ttlSeconds.`,
    ),
  ];
}

function duplicates(names: readonly string[], path: string, what: string): FieldViolation[] {
  return names.flatMap((name, at) =>
    names.indexOf(name) === at
      ? []
      : [
          invalid(
            `${path}[${at}].name`,
            `the ${what} name "${name}" stands twice`,
            `Rename one of the two ${what}s.`,
          ),
        ],
  );
}

function tierViolations(tiers: readonly RoutedTier[], path: string, policy: RoutedPolicy): FieldViolation[] {
  const kinds = new Map(policy.endpoints.map((endpoint) => [endpoint.name, endpoint.kind]));
  return tiers.flatMap((tier, at) => {
    const where = `${path}[${at}]`;
    const violations: FieldViolation[] = [];
    const names = tier.members.map((member) => member.endpoint);
    names.forEach((name, position) => {
      const member = `${where}.members[${position}].endpoint`;
      if (!kinds.has(name)) {
        violations.push({
          path: member,
          code: 'REFERENCE_NOT_FOUND',
          message: `there is no endpoint "${name}" in spec.endpoints`,
          fix: `Write one of: ${[...kinds.keys()].join(', ')}.`,
        });
      }
      if (names.indexOf(name) !== position) {
        violations.push(
          invalid(
            member,
            `endpoint "${name}" stands twice in this tier`,
            'Keep one, with the sum of the weights.',
          ),
        );
      }
    });
    if (tier.members.every((member) => member.weight === 0)) {
      violations.push({
        path: `${where}.members`,
        code: 'WEIGHTS_ALL_ZERO',
        message: 'all weights of this tier are 0, and 0 means "only when every weighted member is down"',
        fix: 'Give at least one member a weight above 0, or remove the tier.',
      });
    }
    if (new Set(names.flatMap((name) => kinds.get(name) ?? [])).size > 1) {
      violations.push(
        invalid(
          `${where}.members`,
          'this tier mixes endpoints with addresses and endpoints with a cname; a name is either an alias or has addresses',
          'Put the cname endpoints into a tier of their own.',
        ),
      );
    }
    return violations;
  });
}

/** Places that do not exist, which a rule would silently never match. */
function placeViolations(policy: RoutedPolicy, regions: RegionTable): FieldViolation[] {
  const violations: FieldViolation[] = [];
  const known = Object.keys(regionTable(regions));
  const region = (name: string, path: string): void => {
    if (countriesOf(regions, name) !== undefined) return;
    violations.push({
      path,
      code: 'REFERENCE_NOT_FOUND',
      message: `there is no region "${name}"`,
      fix: `Write one of ${known.join(', ')}, or let the hub operator define "${name}" in the hub configuration.`,
    });
  };
  const country = (code: string, path: string): void => {
    if (COUNTRIES.has(code)) return;
    const fix =
      code === 'UK'
        ? 'Write GB.'
        : code === 'EU'
          ? 'EU is a region: write it under regions.'
          : 'Write an ISO 3166-1 alpha-2 code, such as DE.';
    violations.push(invalid(path, `"${code}" is no country`, fix));
  };
  policy.geo.forEach((rule, at) => {
    const path = `spec.routing.geo[${at}].match`;
    rule.regions.forEach((name, i) => {
      region(name, `${path}.regions[${i}]`);
    });
    rule.countries.forEach((code, i) => {
      country(code, `${path}.countries[${i}]`);
    });
    rule.subdivisions.forEach((code, i) => {
      country(code.slice(0, 2), `${path}.subdivisions[${i}]`);
    });
  });
  policy.residency.forEach((rule, at) => {
    region(rule.region, `spec.residency[${at}].region`);
  });
  return violations;
}

/** Two rules for one place at one level: which one applies would depend on their order in the file. */
function overlapViolations(geo: readonly RoutedGeoRule[], regions: RegionTable): FieldViolation[] {
  const violations: FieldViolation[] = [];
  const overlap = (path: string, what: string, first: string): void => {
    violations.push({
      path,
      code: 'GEO_OVERLAP',
      message: `${what} is already matched by geo rule "${first}"`,
      fix: 'Let it stand in one of the two rules only.',
    });
  };
  const level = (field: 'cidrs' | 'subdivisions' | 'countries' | 'continents', what: string): void => {
    const claimed = new Map<string, string>();
    geo.forEach((rule, at) => {
      rule[field].forEach((place, i) => {
        const first = claimed.get(place);
        if (first === undefined) claimed.set(place, rule.name);
        else if (first !== rule.name)
          overlap(`spec.routing.geo[${at}].match.${field}[${i}]`, `${what} ${place}`, first);
      });
    });
  };
  level('cidrs', 'network');
  level('subdivisions', 'subdivision');
  level('countries', 'country');
  level('continents', 'continent');

  const claimed = new Map<string, { readonly rule: string; readonly region: string }>();
  geo.forEach((rule, at) => {
    rule.regions.forEach((region, i) => {
      const countries = countriesOf(regions, region) ?? [];
      const shared = countries.filter((code) => (claimed.get(code)?.rule ?? rule.name) !== rule.name);
      const first = claimed.get(shared[0] ?? '');
      if (first !== undefined) {
        const some = shared.slice(0, 5).join(', ') + (shared.length > 5 ? ', …' : '');
        const what =
          region === first.region
            ? `region ${region}`
            : `region ${region} overlaps ${first.region} in ${some}, which`;
        overlap(`spec.routing.geo[${at}].match.regions[${i}]`, what, first.rule);
      }
      for (const code of countries) if (!claimed.has(code)) claimed.set(code, { rule: rule.name, region });
    });
  });
  return violations;
}

function residencyViolations(
  policy: RoutedPolicy,
  context: CheckContext,
  complete: boolean,
): FieldViolation[] {
  const violations: FieldViolation[] = [];
  policy.residency.forEach((rule, at) => {
    const path = `spec.residency[${at}]`;
    if (policy.residency.findIndex((other) => other.region === rule.region) !== at) {
      violations.push(
        invalid(`${path}.region`, `region ${rule.region} stands twice`, 'Keep one rule for each region.'),
      );
    }
    if (rule.onAllDown.action !== 'maintenance') return;
    rule.onAllDown.addresses.forEach((address, i) => {
      const forbidden = checkAddress(address, context.allowedRanges);
      if (forbidden === undefined) return;
      violations.push({
        path: `${path}.onAllDown.addresses[${i}]`,
        code: 'ADDRESS_FORBIDDEN',
        message: `${address} lies in ${forbidden.range}, which is ${forbidden.why}`,
        fix: `Use another address, or let the hub operator add ${forbidden.range} to \`network.allowedRanges\`.`,
      });
    });
  });
  const resolved = policy.residency.every((rule) => countriesOf(context.regions, rule.region) !== undefined);
  return complete && resolved && violations.length === 0 ? unanswerable(policy, context.regions) : violations;
}

/** Places that the rules leave without any cluster: nothing could ever be answered there. */
function unanswerable(policy: RoutedPolicy, regions: RegionTable): FieldViolation[] {
  const violations: FieldViolation[] = [];
  for (const [set, country] of compilePolicy(policy, regions).residency.all()) {
    if (set.governing === undefined || canAnswer(set)) continue;
    const names = set.rules.map((rule) => rule.region).join(' and in ');
    violations.push(
      invalid(
        `spec.residency[${policy.residency.indexOf(set.governing)}]`,
        `no endpoint is on a cluster in ${names}, so queries from ${country ?? 'an unknown location'} could never be answered`,
        set.rules.length > 1 && country === undefined
          ? 'Set unknownLocation: allow on all but one of the rules, or onAllDown: maintenance with an address.'
          : `Add an endpoint on a cluster in ${names}, or set onAllDown: maintenance with an address.`,
      ),
    );
  }
  return violations;
}
