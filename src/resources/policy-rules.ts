import type { FieldViolation } from '../errors/error.ts';
import { ERROR_TABLE, type ErrorCode } from '../errors/table.ts';
import type { GeoRuleSpec, TierSpec, TrafficPolicySpec } from './traffic-policy.ts';

/** What a TrafficPolicy must satisfy beyond its shape, as far as the document alone can tell. Paths start at `spec`. */
export function policyViolations(spec: TrafficPolicySpec): readonly FieldViolation[] {
  const names = new Set(spec.endpoints.map((e) => e.name));
  const allTiers = [
    ...spec.routing.geo.map((rule, i) => ({ tiers: rule.tiers, path: `spec.routing.geo[${i}].tiers` })),
    { tiers: spec.routing.default.tiers, path: 'spec.routing.default.tiers' },
  ];
  return [
    ...repeated(spec.hostnames, (i) => `spec.hostnames[${i}]`, 'hostname'),
    ...repeated(
      spec.endpoints.map((e) => e.name),
      (i) => `spec.endpoints[${i}].name`,
      'endpoint name',
    ),
    ...repeated(
      spec.routing.geo.map((g) => g.name),
      (i) => `spec.routing.geo[${i}].name`,
      'geo rule name',
    ),
    ...repeated(
      spec.residency.map((r) => r.region),
      (i) => `spec.residency[${i}].region`,
      'residency region',
    ),
    ...(spec.minTtlSeconds > spec.ttlSeconds
      ? [
          violation(
            'spec.minTtlSeconds',
            'VALIDATION_FAILED',
            `is ${spec.minTtlSeconds}, above ttlSeconds (${spec.ttlSeconds})`,
            `Write at most ${spec.ttlSeconds}, or raise ttlSeconds.`,
          ),
        ]
      : []),
    ...allTiers.flatMap(({ tiers, path }) =>
      tiers.flatMap((tier, i) => tierViolations(tier, `${path}[${i}]`, names)),
    ),
    ...geoOverlaps(spec.routing.geo),
  ];
}

function tierViolations(
  tier: TierSpec,
  path: string,
  endpoints: ReadonlySet<string>,
): readonly FieldViolation[] {
  const unknown = tier.members.flatMap((member, i) =>
    endpoints.has(member.endpoint)
      ? []
      : [
          violation(
            `${path}.members[${i}].endpoint`,
            'REFERENCE_NOT_FOUND',
            `"${member.endpoint}" is no endpoint of this policy`,
            `Name one of spec.endpoints: ${[...endpoints].slice(0, 20).join(', ')}.`,
          ),
        ],
  );
  const zero = tier.members.every((member) => member.weight === 0)
    ? [violation(`${path}.members`, 'WEIGHTS_ALL_ZERO', `all ${tier.members.length} weights are zero`)]
    : [];
  return [
    ...unknown,
    ...repeated(
      tier.members.map((m) => m.endpoint),
      (i) => `${path}.members[${i}].endpoint`,
      'endpoint',
    ),
    ...zero,
  ];
}

const LEVELS = [
  'cidrs',
  'subdivisions',
  'countries',
  'regions',
  'continents',
] as const satisfies readonly (keyof GeoRuleSpec['match'])[];

/**
 * The same place in two rules at the same level. (Different levels may overlap: the more specific wins; so may nested CIDR
 * blocks, where the longest prefix wins.) Regions that share countries are found by `regionOverlaps`, which needs the table.
 */
function geoOverlaps(rules: readonly GeoRuleSpec[]): readonly FieldViolation[] {
  return LEVELS.flatMap((level) => {
    const owner = new Map<string, string>();
    return rules.flatMap((rule, i) =>
      (rule.match[level] ?? []).flatMap((place, j) => {
        const other = owner.get(place);
        owner.set(place, other ?? rule.name);
        if (other === undefined) return [];
        const where = other === rule.name ? 'twice in this rule' : `in rule "${other}" too`;
        return [
          violation(
            `spec.routing.geo[${i}].match.${level}[${j}]`,
            'GEO_OVERLAP',
            `${place} stands ${where}`,
            `Remove ${place} from one of the two.`,
          ),
        ];
      }),
    );
  });
}

/** Rules whose regions share a country, and regions nobody defined. `regions` holds the built-in and the operator's. */
export function regionViolations(
  spec: TrafficPolicySpec,
  regions: Readonly<Record<string, readonly string[]>>,
): readonly FieldViolation[] {
  const known = Object.keys(regions).sort().join(', ');
  const unknown = (path: string, region: string): readonly FieldViolation[] =>
    Object.hasOwn(regions, region)
      ? []
      : [
          violation(
            path,
            'REFERENCE_NOT_FOUND',
            `no region is called "${region}"`,
            `Use one of ${known}, or define it under geo.regions in the hub configuration.`,
          ),
        ];
  const seen: { readonly rule: string; readonly region: string }[] = [];
  const geo = spec.routing.geo.flatMap((rule, i) =>
    (rule.match.regions ?? []).flatMap((region, j) => {
      const path = `spec.routing.geo[${i}].match.regions[${j}]`;
      const members = new Set(regions[region] ?? []);
      const clash = seen.find(
        (s) =>
          s.rule !== rule.name &&
          s.region !== region &&
          (regions[s.region] ?? []).some((c) => members.has(c)),
      );
      seen.push({ rule: rule.name, region });
      if (clash === undefined) return unknown(path, region);
      const shared = (regions[clash.region] ?? []).find((c) => members.has(c)) ?? '';
      return [
        violation(
          path,
          'GEO_OVERLAP',
          `region ${region} shares ${shared} with region ${clash.region} of rule "${clash.rule}"`,
          'List the countries of one of the two instead: a country is more specific than a region.',
        ),
      ];
    }),
  );
  return [
    ...geo,
    ...spec.residency.flatMap((rule, i) => unknown(`spec.residency[${i}].region`, rule.region)),
  ];
}

function repeated(
  values: readonly string[],
  path: (index: number) => string,
  noun: string,
): readonly FieldViolation[] {
  const seen = new Set<string>();
  return values.flatMap((value, i) => {
    if (!seen.has(value)) {
      seen.add(value);
      return [];
    }
    return [
      violation(
        path(i),
        'VALIDATION_FAILED',
        `${noun} "${value}" stands here twice`,
        'Remove or rename one of them.',
      ),
    ];
  });
}

function violation(
  path: string,
  code: ErrorCode,
  message: string,
  fix: string = ERROR_TABLE[code].fix,
): FieldViolation {
  return { path, code, message, fix };
}
