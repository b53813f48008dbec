import type { CompiledPolicy } from '../routing/compiled.ts';
import type { RoutedPolicy, RoutedTier } from '../routing/model.ts';
import type { Feature } from './compile-report.ts';

/** What a policy asks for that a DNS provider may or may not keep. Only what can make a difference is in it; in the order of `Feature`. */
export function featuresOf(policy: Pick<CompiledPolicy, 'source'>): readonly Feature[] {
  const { source } = policy;
  return (Object.keys(USES) as readonly Feature[]).filter((feature) => USES[feature](source));
}

const USES: Readonly<Record<Feature, (policy: RoutedPolicy) => boolean>> = {
  geo: ({ geo }) =>
    geo.some(
      (rule) =>
        rule.countries.length + rule.subdivisions.length + rule.regions.length + rule.continents.length > 0,
    ),
  subnets: ({ geo }) => geo.some((rule) => rule.cidrs.length > 0),
  weights: (policy) => tiersOf(policy).some((tier) => hasShares(policy, tier)),
  failover: ({ geo, defaultTiers }) =>
    geo.length > 0 || defaultTiers.length > 1 || defaultTiers.some(hasStandby),
  residency: ({ residency }) => residency.length > 0,
  sticky: ({ selection, endpoints }) => selection.mode === 'sticky' && endpoints.length > 1,
  dynamicTtl: ({ minTtlSeconds, ttlSeconds }) => minTtlSeconds < ttlSeconds,
  panic: ({ panicThresholdPercent }) => panicThresholdPercent > 0,
  capacityFloor: ({ capacityFloorPercent }) => capacityFloorPercent > 0,
  drainRamp: ({ drainRampSeconds }) => drainRampSeconds > 0,
  nearest: ({ nextBest, endpoints, defaultTiers }) =>
    nextBest === 'nearest' &&
    endpoints.some(({ name }) => !defaultTiers.some((tier) => tier.members.some((m) => m.endpoint === name))),
  maxAnswers: (policy) => tiersOf(policy).some((tier) => weighted(tier).length > policy.selection.maxAnswers),
  mixedTypes: ({ endpoints }) =>
    endpoints.some(({ kind }) => kind === 'cname') && endpoints.some(({ kind }) => kind === 'addresses'),
};

function tiersOf({ defaultTiers, geo }: RoutedPolicy): readonly RoutedTier[] {
  return [...defaultTiers, ...geo.flatMap((rule) => rule.tiers)];
}

function weighted(tier: RoutedTier): RoutedTier['members'] {
  return tier.members.filter(({ weight }) => weight > 0);
}

function hasStandby(tier: RoutedTier): boolean {
  const count = weighted(tier).length;
  return count > 0 && count < tier.members.length;
}

/** Unequal shares; or shares at all of CNAMEs, of which a plain name has one only. */
function hasShares({ endpoints }: RoutedPolicy, tier: RoutedTier): boolean {
  const members = weighted(tier);
  const isAlias = (name: string): boolean =>
    endpoints.some((endpoint) => endpoint.name === name && endpoint.kind === 'cname');
  return (
    new Set(members.map(({ weight }) => weight)).size > 1 ||
    members.filter(({ endpoint }) => isAlias(endpoint)).length > 1
  );
}
