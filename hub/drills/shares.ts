import { distribution } from '../../src/routing/decide.ts';
import { countryLocation } from '../../src/routing/location.ts';
import type { ClientAddress, StateView } from '../../src/routing/model.ts';
import type { World } from '../reconcile/world.ts';
import type { PlaceShare } from './observations.ts';

/** What of a question decides who answers it. */
export interface SharedQuestion {
  readonly hostname: string;
  readonly country: string;
  readonly type: number;
  readonly network: ClientAddress;
}

/** The cluster's share of each question, by the routing code itself: what answers are drawn from, not what was drawn. */
export function sharesOf(
  world: World,
  questions: readonly SharedQuestion[],
  cluster: string,
  state: StateView,
): readonly PlaceShare[] {
  return questions.flatMap(({ hostname, country, type, network }) => {
    const policy = world.policies.get(world.hostnames.get(hostname) ?? '')?.routed?.compiled;
    if (policy === undefined) return [];
    const ours = new Set(policy.endpoints.filter((e) => e.cluster === cluster).map((e) => e.name));
    const located = { location: countryLocation(country), prefixLength: 0, exact: true };
    const { shares } = distribution(policy, { qtype: type, client: network, located }, state);
    const percent = shares.filter((s) => ours.has(s.endpoint)).reduce((sum, s) => sum + s.percent, 0);
    return [{ hostname, country, percent }];
  });
}

/** The policies that have an endpoint on the cluster, `namespace/name`, with their ramps. */
export function rampsOf(
  world: World,
  cluster: string,
): readonly { readonly policy: string; readonly seconds: number }[] {
  return [...world.policies].flatMap(([policy, { routed }]) =>
    routed?.policy.endpoints.some((e) => e.cluster === cluster) === true
      ? [{ policy, seconds: routed.policy.drainRampSeconds }]
      : [],
  );
}

export function largestShare(shares: readonly PlaceShare[]): PlaceShare | undefined {
  return shares.reduce<PlaceShare | undefined>(
    (most, share) => (most === undefined || share.percent > most.percent ? share : most),
    undefined,
  );
}

/** The question that is furthest from what it was. */
export interface ShareReturn {
  readonly hostname: string;
  readonly country: string;
  readonly beforePercent: number;
  readonly nowPercent: number;
  /** Within 1 % of what it was. */
  readonly back: boolean;
}

/** How far the cluster's shares are back; `undefined` when it had none. */
export function shareReturn(
  before: readonly PlaceShare[],
  now: readonly PlaceShare[],
): ShareReturn | undefined {
  const places = before
    .filter((was) => was.percent > 0)
    .map(({ hostname, country, percent }) => {
      const is = now.find((s) => s.hostname === hostname && s.country === country)?.percent ?? 0;
      return { hostname, country, beforePercent: percent, nowPercent: is, back: is >= percent * 0.99 };
    });
  return places.reduce<ShareReturn | undefined>(
    (worst, place) =>
      worst === undefined || place.nowPercent / place.beforePercent < worst.nowPercent / worst.beforePercent
        ? place
        : worst,
    undefined,
  );
}
