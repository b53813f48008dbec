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
    ? [
        violation(
          `${path}.members`,
          'WEIGHTS_ALL_ZERO',
          tier.members.length === 1
            ? 'the only weight is zero'
            : `all ${tier.members.length} weights are zero`,
        ),
      ]
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
 * blocks, where the longest prefix wins.) Regions that share countries need the
 * table of regions: the hub's admission finds them (src/routing/policy-check.ts).
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
