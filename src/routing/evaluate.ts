import { TYPE } from '../dns/types.ts';
import type { CidrMatch } from './cidr-index.ts';
import type {
  CompiledEndpoint,
  CompiledMember,
  CompiledPolicy,
  CompiledTier,
  RuleMatch,
  ServedAddress,
} from './compiled.ts';
import { UNLOCATED } from './location.ts';
import type { ClientAddress, Located, StateView } from './model.ts';
import { type ResidencySet, residencySetOf } from './residency.ts';
import { type Candidate, stickyPrefixLength } from './selection.ts';
import { matchingRules, nearestTiers, orderedTiers, usableClient } from './walk.ts';

/** One question, as a name server or a person puts it. */
export interface RoutingQuery {
  /** Record type, as in `TYPE` of `src/dns/types.ts`. */
  readonly qtype: number;
  /** Who asks; absent when only a place is given. */
  readonly client?: ClientAddress;
  /** Where that is. */
  readonly located: Located;
}

/**
 * How the answer came about, in the order of precedence below residency:
 * - `healthy`: members that are up (or, in a tier where none is, of unknown state).
 * - `maintenance`, `lastAnswer`: nobody admitted is healthy and the residency rule says what then.
 * - `panic`: nobody is healthy: everybody admitted who is not drained.
 * - `panicThreshold`: too few are healthy: health is ignored, tiers and weights are kept.
 * - `lastResort`: all admitted are drained: they answer rather than nobody.
 * - `noData`: the admitted endpoints have no address of the type asked for, in whatever state they are.
 */
export type Mode =
  | 'healthy'
  | 'panicThreshold'
  | 'maintenance'
  | 'lastAnswer'
  | 'panic'
  | 'lastResort'
  | 'noData';

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
  tier(origin: CompiledTier['origin']): void;
  endpoint(endpoint: CompiledEndpoint, verdict: Verdict): void;
}

/** Which addresses of an endpoint answer: of one family, its CNAME, or (to find out which) any. */
export type Wanted = 4 | 6 | 'cname' | 'any';

/** Everything but the draw. */
export interface Evaluation {
  readonly mode: Mode;
  readonly wanted: Wanted | undefined;
  readonly candidates: readonly Candidate[];
  /** With mode `maintenance`. */
  readonly maintenance: readonly string[];
  readonly residency: ResidencySet;
  readonly matches: readonly RuleMatch[];
  /** The client, if DNS may use it. */
  readonly client: ClientAddress | undefined;
  /** Milliseconds until the earliest change in sight of anything the answer depends on; `Infinity`: none in sight. */
  readonly earliestChangeMs: number;
  /** A cluster's share is moving right now. */
  readonly ramping: boolean;
  /** ECS scope: every client in this network gets the same decision. */
  readonly scopePrefixLength: number;
  /** Set when `panicThresholdPercent` was looked at: capacity that is healthy, and all that is not drained. */
  readonly capacity: { readonly healthy: number; readonly total: number } | undefined;
}

/** What is being gathered; only ever seen by one evaluation. */
interface Progress {
  readonly candidates: Candidate[];
  /** Share of the traffic that no tier has taken yet. */
  remaining: number;
  earliestChangeMs: number;
  ramping: boolean;
  /** Some admitted endpoint could answer this type, whatever its state. */
  offered: boolean;
  /** The order depended on the client's distance. */
  usedDistance: boolean;
  readonly visited: CompiledTier[];
}

interface Context {
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
const NOTHING_LEFT = 1e-9;
/** A cluster that just came back takes at least this share of its weight, so that it answers when it is the only one. */
const MIN_ACTIVITY = 0.001;

/**
 * The decision, without the random draw: residency > explicit onAllDown > panic > capacity floor > weights.
 *
 * 1. Residency admits endpoints; nothing below looks at any other.
 * 2. Tiers are asked in order: the matching rules', most specific rule first, the default's, then (`nextBest: nearest`)
 *    the other endpoints by distance. `nextBest: none` keeps to the rules and the default, except where those hold no endpoint
 *    that is admitted and has the type at all: there it would mean never to answer.
 * 3. In a tier, members that are up count, or those of unknown state when none is up; of these the weighted ones, or the
 *    standby ones (weight 0) when no weighted one is left.
 * 4. A tier takes the whole traffic, except: while all its members ramp it takes their largest share, and below the
 *    capacity floor it takes healthy / (floor × capacity). What is left goes to the next tier. So a share moves gradually
 *    and the load on what is healthy stays bounded. When no later tier has anybody, nothing is left over.
 * 5. Nobody: the residency rule's `onAllDown`, else everybody reachable by 2 who is not drained, else the drained ones.
 */
export function evaluate(
  policy: CompiledPolicy,
  query: RoutingQuery,
  state: StateView,
  trace?: Trace,
): Evaluation {
  const client = usableClient(query.client);
  const located = query.client !== undefined && client === undefined ? UNLOCATED : query.located;
  const residency = residencySetOf(policy.residency, located);
  const cidr = client === undefined ? undefined : policy.cidrs?.lookup(client.family, client.bytes);
  const matches = matchingRules(policy, cidr, located.location);
  const context: Context = { policy, state, residency, tiers: orderedTiers(policy, matches), located, trace };
  const progress = freshProgress();

  const wanted = wantedOf(context, query.qtype, progress);
  const capacity = wanted === undefined ? undefined : capacityOf(context, wanted, progress);
  let mode: Mode = 'noData';
  let maintenance: readonly string[] = [];
  if (wanted !== undefined) {
    const belowThreshold =
      capacity !== undefined &&
      capacity.healthy > 0 &&
      capacity.healthy * 100 < policy.source.panicThresholdPercent * capacity.total;
    walkTiers(context, wanted, progress, belowThreshold);
    mode = belowThreshold ? 'panicThreshold' : 'healthy';
    if (progress.candidates.length === 0)
      ({ mode, maintenance } = nobodyHealthy(context, wanted, query.qtype, progress));
  }
  return {
    mode,
    wanted,
    candidates: progress.candidates,
    maintenance,
    residency,
    matches,
    client,
    earliestChangeMs: progress.earliestChangeMs,
    ramping: progress.ramping,
    scopePrefixLength: scopeOf(policy, client, located, cidr, progress.usedDistance),
    capacity,
  };
}

/** The addresses of an endpoint that answer now: those up, else of unknown state, else (panic) all. */
export function servedAddresses(
  endpoint: CompiledEndpoint,
  family: 4 | 6,
  state: StateView,
): readonly ServedAddress[] {
  const all = family === 4 ? endpoint.v4 : endpoint.v6;
  if (all.length === 1) return all;
  const up = all.filter((a) => state.target(a.targetId).state === 'up');
  if (up.length > 0) return up;
  const unknown = all.filter((a) => state.target(a.targetId).state === 'unknown');
  return unknown.length > 0 ? unknown : all;
}

function freshProgress(): Progress {
  return {
    candidates: [],
    remaining: 1,
    earliestChangeMs: Number.POSITIVE_INFINITY,
    ramping: false,
    offered: false,
    usedDistance: false,
    visited: [],
  };
}

/**
 * What kind of data answers a query type; `undefined`: none (NODATA). Where addresses and CNAMEs are mixed over tiers, the
 * first tier that has anybody decides for all types alike, since a CNAME stands alone at its name (RFC 1034 section 3.6.2)
 * and resolvers use a cached one for every type.
 */
function wantedOf(context: Context, qtype: number, progress: Progress): Wanted | undefined {
  const { has, governing } = context.residency;
  const family = qtype === TYPE.A ? 4 : qtype === TYPE.AAAA ? 6 : undefined;
  if (!has.v4 && !has.v6 && !has.cname) {
    const byMaintenance = governing?.onAllDown.action === 'maintenance';
    return byMaintenance && maintenanceAddresses(context.residency, qtype).length > 0 ? family : undefined;
  }
  if (has.cname) {
    if (!has.v4 && !has.v6) return 'cname';
    const scout = freshProgress();
    walkTiers({ ...context, trace: undefined }, 'any', scout, false);
    progress.earliestChangeMs = scout.earliestChangeMs;
    progress.usedDistance = scout.usedDistance;
    progress.ramping = scout.ramping;
    const first = scout.candidates[0]?.endpoint ?? firstOffered(context, scout.visited);
    if (first?.cname !== undefined) return 'cname';
  }
  if (family === 4) return has.v4 ? 4 : undefined;
  return family === 6 && has.v6 ? 6 : undefined;
}

function firstOffered(context: Context, visited: readonly CompiledTier[]): CompiledEndpoint | undefined {
  for (const tier of visited) {
    for (const { endpoint } of tier.members) if (admits(context, endpoint)) return endpoint;
  }
  return undefined;
}

/** Capacity of all admitted endpoints of the kind wanted, when the policy has a panic threshold. */
function capacityOf(context: Context, wanted: Wanted, progress: Progress): Evaluation['capacity'] {
  const { policy, state } = context;
  if (policy.source.panicThresholdPercent === 0) return undefined;
  let healthy = 0;
  let total = 0;
  for (const endpoint of policy.endpoints) {
    if (!admits(context, endpoint) || !offers(endpoint, wanted)) continue;
    if (activityOf(policy, state, endpoint.cluster, progress) === 0) continue;
    total += endpoint.capacity;
    if (healthOf(endpoint, wanted, state, progress) !== 'down') healthy += endpoint.capacity;
  }
  return { healthy, total };
}

function walkTiers(context: Context, wanted: Wanted, progress: Progress, ignoreHealth: boolean): void {
  for (const tier of context.tiers) {
    gather(context, tier, wanted, progress, ignoreHealth);
    if (progress.remaining < NOTHING_LEFT) return;
  }
  if (context.policy.source.nextBest === 'none' && progress.offered) return;
  progress.usedDistance = true;
  for (const tier of nearestTiers(context.policy, context.residency, context.located.location)) {
    gather(context, tier, wanted, progress, ignoreHealth);
    if (progress.remaining < NOTHING_LEFT) return;
  }
}

/** Adds a tier's eligible members with the share of what is left that the tier takes. */
function gather(
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
function weightOf(member: CompiledMember): number {
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

/** Nobody admitted and reachable is healthy. */
function nobodyHealthy(
  context: Context,
  wanted: Wanted,
  qtype: number,
  progress: Progress,
): { mode: Mode; maintenance: readonly string[] } {
  const { policy, residency, state } = context;
  const onAllDown = residency.governing?.onAllDown;
  if (onAllDown?.action === 'maintenance') {
    return { mode: 'maintenance', maintenance: maintenanceAddresses(residency, qtype) };
  }
  const reachable = new Map<CompiledEndpoint, number>();
  for (const tier of progress.visited) {
    for (const member of tier.members) {
      const { endpoint } = member;
      if (!admits(context, endpoint) || !offers(endpoint, wanted) || reachable.has(endpoint)) continue;
      reachable.set(endpoint, weightOf(member));
    }
  }
  const add = (endpoint: CompiledEndpoint, weight: number): void => {
    progress.candidates.push({ endpoint, weight });
    context.trace?.endpoint(endpoint, 'eligible');
  };
  const isDrained = (endpoint: CompiledEndpoint): boolean =>
    activityOf(policy, state, endpoint.cluster, progress) === 0;

  if (onAllDown?.action === 'lastAnswer' && residency.governing !== undefined) {
    const last = state.lastHealthy(policy.key, residency.governing.region);
    for (const endpoint of policy.endpoints) {
      if (!last.includes(endpoint.name) || !admits(context, endpoint) || !offers(endpoint, wanted)) continue;
      if (!isDrained(endpoint)) add(endpoint, reachable.get(endpoint) ?? endpoint.capacity);
    }
    if (progress.candidates.length > 0) return { mode: 'lastAnswer', maintenance: [] };
  }
  for (const [endpoint, weight] of reachable) if (!isDrained(endpoint)) add(endpoint, weight);
  if (progress.candidates.length > 0) return { mode: 'panic', maintenance: [] };
  for (const [endpoint, weight] of reachable) add(endpoint, weight);
  return { mode: progress.candidates.length > 0 ? 'lastResort' : 'noData', maintenance: [] };
}

/** The one guard of residency: every way into an answer goes through it. */
function admits(context: Context, endpoint: CompiledEndpoint): boolean {
  return context.residency.admitted[endpoint.index] === true;
}

function offers(endpoint: CompiledEndpoint, wanted: Wanted): boolean {
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
function healthOf(
  endpoint: CompiledEndpoint,
  wanted: Wanted,
  state: StateView,
  progress: Progress,
): 'up' | 'down' | 'unknown' {
  let health: 'up' | 'down' | 'unknown' = 'down';
  const see = (targetId: string): void => {
    const target = state.target(targetId);
    progress.earliestChangeMs = Math.min(progress.earliestChangeMs, target.earliestChangeMs);
    if (target.state === 'up' || (target.state === 'unknown' && health === 'down')) health = target.state;
  };
  if (wanted === 4 || wanted === 'any') for (const address of endpoint.v4) see(address.targetId);
  if (wanted === 6 || wanted === 'any') for (const address of endpoint.v6) see(address.targetId);
  if ((wanted === 'cname' || wanted === 'any') && endpoint.cname !== undefined) see(endpoint.cname.targetId);
  return health;
}

/** 1 active, 0 drained, between while the drain ramps (linear). */
function activityOf(policy: CompiledPolicy, state: StateView, cluster: string, progress: Progress): number {
  const { drainedForMs, undrainedForMs, drainEndsInMs } = state.cluster(cluster);
  const rampMs = policy.source.drainRampSeconds * 1000;
  if (drainedForMs !== undefined) {
    if (drainEndsInMs !== undefined)
      progress.earliestChangeMs = Math.min(progress.earliestChangeMs, drainEndsInMs);
    if (drainedForMs >= rampMs) return 0;
    progress.ramping = true;
    return 1 - drainedForMs / rampMs;
  }
  if (undrainedForMs === undefined || undrainedForMs >= rampMs) return 1;
  progress.ramping = true;
  return Math.max(MIN_ACTIVITY, undrainedForMs / rampMs);
}

function maintenanceAddresses(residency: ResidencySet, qtype: number): readonly string[] {
  const onAllDown = residency.governing?.onAllDown;
  if (onAllDown?.action !== 'maintenance') return [];
  if (qtype === TYPE.A) return onAllDown.addresses.filter((address) => !address.includes(':'));
  return qtype === TYPE.AAAA ? onAllDown.addresses.filter((address) => address.includes(':')) : [];
}

/**
 * The prefix over which the whole decision is constant (RFC 7871 section 7.2.1): of what GeoIP said, of the CIDR rules
 * (also those that do *not* match but lie inside), of sticky hashing; 0 when the client does not matter. It may be longer than
 * what the client announced, and then says so.
 */
function scopeOf(
  policy: CompiledPolicy,
  client: ClientAddress | undefined,
  located: Located,
  cidr: CidrMatch | undefined,
  usedDistance: boolean,
): number {
  if (client === undefined) return 0;
  const byPlace = policy.usesLocation || usedDistance ? located.prefixLength : 0;
  const bySticky = stickyPrefixLength(policy.source.selection, client.family);
  return Math.max(byPlace, cidr?.constantPrefixLength ?? 0, bySticky);
}
