import type { PlaceShare } from './observations.ts';
import { largestShare, type ShareReturn } from './shares.ts';

/** Where the drill stood when its fault was taken back. */
export interface HeldState {
  readonly cluster: string;
  readonly action: 'drain' | 'fail';
  readonly decided: boolean;
  readonly converged: boolean;
  /** How long the fault was held. */
  readonly heldMs: number;
  /** The longest ramp of the policies with an endpoint on the cluster. */
  readonly rampSeconds: number;
  /** The cluster's shares before the fault and at its end. */
  readonly before: readonly PlaceShare[];
  readonly shares: readonly PlaceShare[];
}

/** Why the answers had not left the cluster; `undefined` when they had. */
export function unconvergedBecause(state: HeldState): string | undefined {
  const { cluster, action, decided, converged, heldMs, rampSeconds } = state;
  if (converged) return undefined;
  if ((largestShare(state.before)?.percent ?? 0) === 0)
    return `${cluster} had no share of the answers that were followed`;
  if (!decided) return `nobody had decided yet that ${cluster} is out when it was rolled back`;
  const most = largestShare(state.shares);
  if (most === undefined || most.percent === 0)
    return `not every name server was seen to have left ${cluster} when it was rolled back`;
  return action === 'drain' && heldMs < rampSeconds * 1000
    ? `the ramp of ${rampSeconds} s had taken ${rampPercent(heldMs, rampSeconds)} % when it was rolled back`
    : `${cluster} still had ${rounded(most.percent)} % of the answers for ${placeText(most)} when it was rolled back`;
}

/** How much of a cluster's weight a ramp has taken after a time, in percent. */
export function rampPercent(heldMs: number, rampSeconds: number): number {
  return rampSeconds === 0 ? 100 : rounded(Math.min(100, heldMs / (rampSeconds * 10)));
}

/** `50 % of the answers for www.example. in DE, 50 % before`. */
export function shareReturnText(share: ShareReturn): string {
  return `${rounded(share.nowPercent)} % of the answers for ${placeText(share)}, ${rounded(share.beforePercent)} % before`;
}

function placeText({ hostname, country }: { readonly hostname: string; readonly country: string }): string {
  return `${hostname.replace(/(.)\.$/, '$1')} in ${country}`;
}

function rounded(percent: number): number {
  return Math.round(percent * 10) / 10;
}
