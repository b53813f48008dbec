import type {
  CompiledEndpoint,
  CompiledMember,
  CompiledPolicy,
  CompiledTier,
  TierOrigin,
} from './compiled.ts';
import type { Located, StateView } from './model.ts';
import type { ResidencySet } from './residency.ts';
import type { Candidate } from './selection.ts';

/** Why an endpoint is or is not among those that may answer. */
export type Verdict =
  | 'eligible'
  | 'outsideResidency'
  | 'noAddress'
  | 'drained'
  | 'down'
  | 'unknown'
  | 'standby';

/** Told of every step when somebody wants an explanation. */
export interface Trace {
  tier(origin: TierOrigin): void;
  endpoint(endpoint: CompiledEndpoint, verdict: Verdict): void;
}

/** Which addresses of an endpoint answer: of one family, its CNAME, or (to find out which) any. */
export type Wanted = 4 | 6 | 'cname' | 'any';

/** What is being gathered; only ever seen by one evaluation. */
export interface Progress {
  readonly candidates: Candidate[];
  /** Share of the traffic that no tier has taken yet. */
  remaining: number;
  earliestChangeMs: number;
  /** Milliseconds until time alone changes what was read of drains; 0 while a share moves. */
  steadyForMs: number;
  ramping: boolean;
  /** Some admitted endpoint could answer this type, whatever its state. */
  offered: boolean;
  /** The order depended on the client's distance. */
  usedDistance: boolean;
  readonly visited: CompiledTier[];
}

export interface Context {
  readonly policy: CompiledPolicy;
  readonly state: StateView;
  readonly residency: ResidencySet;
  readonly tiers: readonly CompiledTier[];
  readonly located: Located;
  readonly trace: Trace | undefined;
}

interface Active {
  readonly member: CompiledMember;
  /** Share of its normal weight while a drain ramps: above 0, up to 1. */
  readonly activity: number;
}

/** Below this, what a ramp or the capacity floor leaves over is nobody's. */
export const NOTHING_LEFT = 1e-9;

/** A cluster that just came back takes at least this share of its weight, so that it answers when it is the only one. */
const MIN_ACTIVITY = 0.001;

export function freshProgress(): Progress {
  return {
    candidates: [],
    remaining: 1,
    earliestChangeMs: Number.POSITIVE_INFINITY,
    steadyForMs: Number.POSITIVE_INFINITY,
    ramping: false,
    offered: false,
    usedDistance: false,
    visited: [],
  };
}

/** Adds a tier's eligible members with the share of what is left that the tier takes. */
export function gather(
  context: Context,
  tier: CompiledTier,
  wanted: Wanted,
  progress: Progress,
  ignoreHealth: boolean,
): void {
  const { policy, state, trace } = context;
  const up: Active[] = [];
  const unknown: Active[] = [];
  let capacity = 0;
  progress.visited.push(tier);
  trace?.tier(tier.origin);
  for (const member of tier.members) {
    const { endpoint } = member;
    if (!admits(context, endpoint)) {
      trace?.endpoint(endpoint, 'outsideResidency');
      continue;
    }
    if (!offers(endpoint, wanted)) {
      trace?.endpoint(endpoint, 'noAddress');
      continue;
    }
    progress.offered = true;
    if (progress.candidates.length > 0 && progress.candidates.some((c) => c.endpoint === endpoint)) continue;
    if (member.weight > 0) capacity += endpoint.capacity;
    const activity = activityOf(policy, state, endpoint.cluster, progress);
    if (activity === 0) {
      trace?.endpoint(endpoint, 'drained');
      continue;
    }
    const health = ignoreHealth ? 'up' : healthOf(endpoint, wanted, state, progress);
    trace?.endpoint(endpoint, health === 'up' ? 'standby' : health);
    if (health === 'up') up.push({ member, activity });
    else if (health === 'unknown') unknown.push({ member, activity });
  }
  const pool = up.length > 0 ? up : unknown;
  if (pool.length === 0) return;
  const weighted = pool.filter((active) => active.member.weight > 0);
  const standby = pool.filter((active) => active.member.weight === 0);
  const [first, second] = weighted.length > 0 ? [weighted, standby] : [standby, []];
  const left = progress.remaining;
  const ramp = largestActivity(first);
  const taken = Math.min(ramp, floorShare(policy.source.capacityFloorPercent, first, capacity));
  add(first, left * taken, progress, trace);
  progress.remaining -= left * taken;
  if (ramp < 1 && second.length > 0) {
    const rest = left * (1 - ramp) * largestActivity(second);
    add(second, rest, progress, trace);
    progress.remaining -= rest;
  }
}

function add(actives: readonly Active[], share: number, progress: Progress, trace: Trace | undefined): void {
  let sum = 0;
  for (const { member, activity } of actives) sum += weightOf(member) * activity;
  for (const { member, activity } of actives) {
    progress.candidates.push({
      endpoint: member.endpoint,
      weight: (share * weightOf(member) * activity) / sum,
    });
    trace?.endpoint(member.endpoint, 'eligible');
  }
}

/** Standby members stand in for one another equally. */
export function weightOf(member: CompiledMember): number {
  return member.weight === 0 ? 1 : member.weight;
}

function largestActivity(actives: readonly Active[]): number {
  let largest = 0;
  for (const { activity } of actives) largest = Math.max(largest, activity);
  return largest;
}

/** Share of the traffic a tier can bear so that its load per healthy capacity stays below 100 / floor of the normal one. */
function floorShare(floorPercent: number, actives: readonly Active[], capacity: number): number {
  if (floorPercent === 0 || capacity === 0) return 1;
  let healthy = 0;
  for (const { member, activity } of actives) healthy += member.endpoint.capacity * activity;
  return Math.min(1, (healthy * 100) / (floorPercent * capacity));
}

/** The one guard of residency: every way into an answer goes through it. */
export function admits(context: Context, endpoint: CompiledEndpoint): boolean {
  return context.residency.admitted[endpoint.index] === true;
}

export function offers(endpoint: CompiledEndpoint, wanted: Wanted): boolean {
  switch (wanted) {
    case 4:
      return endpoint.v4.length > 0;
    case 6:
      return endpoint.v6.length > 0;
    case 'cname':
      return endpoint.cname !== undefined;
    case 'any':
      return true;
  }
}

/** Up when any address of the kind is up, down when all are; unknown otherwise. */
export function healthOf(
  endpoint: CompiledEndpoint,
  wanted: Wanted,
  state: StateView,
  progress: Progress,
): 'up' | 'down' | 'unknown' {
  let health: 'up' | 'down' | 'unknown' = 'down';
  let ups = 0;
  let upUntilMs = Number.POSITIVE_INFINITY;
  let unchangedMs = Number.POSITIVE_INFINITY;
  const see = (targetId: string): void => {
    const target = state.target(targetId);
    unchangedMs = Math.min(unchangedMs, target.earliestChangeMs);
    if (target.state === 'up') {
      ups += 1;
      upUntilMs = Math.min(upUntilMs, target.earliestChangeMs);
    }
    if (target.state === 'up' || (target.state === 'unknown' && health === 'down')) health = target.state;
  };
  if (wanted === 4 || wanted === 'any') for (const address of endpoint.v4) see(address.targetId);
  if (wanted === 6 || wanted === 'any') for (const address of endpoint.v6) see(address.targetId);
  if ((wanted === 'cname' || wanted === 'any') && endpoint.cname !== undefined) see(endpoint.cname.targetId);
  // Up for one family is up, whatever becomes of the other; addresses of one family answer together, so that each of them counts.
  const holdsMs = wanted === 'any' && ups > 0 ? upUntilMs : unchangedMs;
  progress.earliestChangeMs = Math.min(progress.earliestChangeMs, holdsMs);
  return health;
}

/** 1 active, 0 drained, between while the drain ramps (linear). */
export function activityOf(
  policy: CompiledPolicy,
  state: StateView,
  cluster: string,
  progress: Progress,
): number {
  const { drainedForMs, undrainedForMs, wasDrainedForMs, drainEndsInMs } = state.cluster(cluster);
  const rampMs = policy.source.drainRampSeconds * 1000;
  if (drainedForMs !== undefined) {
    if (drainEndsInMs !== undefined) {
      progress.earliestChangeMs = Math.min(progress.earliestChangeMs, drainEndsInMs);
      progress.steadyForMs = Math.min(progress.steadyForMs, drainEndsInMs);
    }
    if (drainedForMs >= rampMs) return 0;
    progress.ramping = true;
    progress.steadyForMs = 0;
    return 1 - drainedForMs / rampMs;
  }
  if (undrainedForMs === undefined || undrainedForMs >= rampMs) return 1;
  // Back from where the ramp down had got to: a short drain must not take away what it left.
  const left = Math.max(0, 1 - (wasDrainedForMs ?? rampMs) / rampMs);
  const activity = left + undrainedForMs / rampMs;
  if (activity >= 1) return 1;
  progress.ramping = true;
  progress.steadyForMs = 0;
  return Math.max(MIN_ACTIVITY, activity);
}
