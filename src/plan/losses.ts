import { ACCEPTABLE_LOSSES } from '../resources/traffic-policy.ts';
import type { Feature, FeatureReport } from './compile-report.ts';
import type { Placement } from './placement.ts';

/** What a provider, or the hub with plain records, says it makes of a feature. */
export interface FeatureClaim {
  readonly feature: Feature;
  /** `native`: the provider does it with each query. `computed`: kept by the hub's changes of records. `no`: not kept. */
  readonly kept: 'native' | 'computed' | 'no';
  /** One sentence for the author of the policy: what a client gets; with `no`, why the provider cannot. */
  readonly detail: string;
  /** With `no`: what to write instead, where the general advice does not fit. */
  readonly fix?: string;
}

/** What the author of a policy asks for and puts up with; a Placement is one. */
export type Asked = Pick<Placement, 'features' | 'accepted'>;

export interface Judgement {
  /** In the order of `Asked.features`, one each: claims of features that nobody asks for are left out. */
  readonly features: readonly FeatureReport[];
  /** Some feature is not kept and that would not be honest: publish nothing. */
  readonly refused: boolean;
}

/**
 * The rule on losses. What a provider does not keep is
 * - `lost` when the author accepts it (`spec.dns.accept`), or when nobody is harmed by it: clients get healthy, admitted endpoints all the same;
 * - `refused` for `geo`, `subnets`, `weights` and `mixedTypes` that are not accepted, and for `residency` and `failover` always.
 * A feature without a claim counts as not kept; what clients get then is said in general words.
 */
export function judgeClaims(asked: Asked, claims: readonly FeatureClaim[]): Judgement {
  const features = asked.features.map((feature): FeatureReport => {
    const claim = claims.find((one) => one.feature === feature);
    if (claim !== undefined && claim.kept !== 'no')
      return { feature, handling: claim.kept, detail: claim.detail };
    const detail = claim?.detail ?? WITHOUT[feature];
    if (!needsConsent(feature) || (isAcceptable(feature) && asked.accepted.includes(feature)))
      return { feature, handling: 'lost', detail };
    return { feature, handling: 'refused', detail, fix: claim?.fix ?? fixOf(feature) };
  });
  return { features, refused: features.some(({ handling }) => handling === 'refused') };
}

/** Adds to what somebody has to consent to why the provider's routing cannot keep it, and what it says to do. */
export function because(
  features: readonly FeatureReport[],
  reasons: readonly FeatureReport[],
): readonly FeatureReport[] {
  return features.map((report) => {
    const { feature, handling, detail, fix } = report;
    const why = reasons.find((reason) => reason.feature === feature);
    if (why === undefined || isKept(why) || isKept(report) || !needsConsent(feature)) return report;
    const better = handling === 'refused' ? (why.fix ?? fix) : undefined;
    return {
      feature,
      handling,
      detail: why.detail === detail ? detail : `${detail} ${why.detail}`,
      ...(better === undefined ? {} : { fix: better }),
    };
  });
}

function isKept({ handling }: FeatureReport): boolean {
  return handling === 'native' || handling === 'computed';
}

/** Losses that the author of a policy can accept. */
function isAcceptable(feature: Feature): boolean {
  return ACCEPTABLE_LOSSES.some((one) => one === feature);
}

/** False where a loss harms nobody. */
function needsConsent(feature: Feature): boolean {
  return isAcceptable(feature) || feature === 'residency' || feature === 'failover';
}

const DELEGATE =
  'delegate the name to the embedded name servers (`spec.delegation` of a Zone), which do all of it';

/** What to do about a feature that is refused, whatever the provider. */
export function fixOf(feature: Feature): string {
  if (isAcceptable(feature)) return `Write \`accept: [${feature}]\` below spec.dns, or ${DELEGATE}.`;
  if (feature === 'failover')
    return `Write \`decider: portolan\` below spec.dns, so that the hub changes the records, or ${DELEGATE}.`;
  return `Residency cannot be given up: ${DELEGATE}, or use a provider that routes by country.`;
}

/** What clients get of a provider that does nothing about a feature. */
const WITHOUT: Readonly<Record<Feature, string>> = {
  geo: 'Every client gets the answer of the default tiers, wherever it is.',
  subnets: 'Networks are not told apart: a client gets the answer of its place.',
  weights: 'Members share equally, whatever their weights.',
  failover: 'Later tiers are not used when a tier is down.',
  residency: 'Clients could be answered with clusters outside of the region that they must stay in.',
  sticky: 'A client may get another member with each query.',
  dynamicTtl: 'Answers have the TTL of the policy also when a change is in sight.',
  panic: 'Health counts however few members are left.',
  capacityFloor: 'A tier with little capacity left keeps all of its traffic.',
  drainRamp: 'A drained cluster keeps its share until the ramp is over, and then has none.',
  nearest:
    'When no tier has anybody left, the other endpoints answer in proportion to their capacity, not by distance.',
  maxAnswers: 'An answer may hold more members than the policy says, or one only.',
  mixedTypes: 'All places get either addresses or one CNAME.',
};
