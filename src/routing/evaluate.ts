import { TYPE } from '../dns/types.ts';
import type { CidrMatch } from './cidr-index.ts';
import type { CompiledEndpoint, CompiledPolicy, CompiledTier, RuleMatch, ServedAddress } from './compiled.ts';
import { maintenanceAddresses, nobodyHealthy } from './emergency.ts';
import {
  activityOf,
  admits,
  type Context,
  freshProgress,
  gather,
  healthOf,
  NOTHING_LEFT,
  offers,
  type Progress,
  type Trace,
  type Wanted,
} from './gather.ts';
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
  /** `false`: endpoints that no rule names are not ordered by their distance, for an answer that many places share. */
  readonly byDistance?: false;
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
  /**
   * Milliseconds for which this evaluation stays as it is, but for its own times, while the state view does: 0 while a share
   * moves, `Infinity` when nothing that it depends on changes with time.
   */
  readonly steadyForMs: number;
  /** A cluster's share is moving right now. */
  readonly ramping: boolean;
  /** The client's place was needed for the distance to it. */
  readonly usedDistance: boolean;
  /** ECS scope: every client in this network gets the same decision. */
  readonly scopePrefixLength: number;
  /** Set when `panicThresholdPercent` was looked at: capacity that is healthy, and all that is not drained. */
  readonly capacity: { readonly healthy: number; readonly total: number } | undefined;
}

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
  const context: Context = {
    policy,
    state,
    residency,
    tiers: orderedTiers(policy, matches),
    located: query.byDistance === false ? UNLOCATED : located,
    trace,
  };
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
    steadyForMs: progress.steadyForMs,
    ramping: progress.ramping,
    usedDistance: progress.usedDistance,
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
    progress.steadyForMs = scout.steadyForMs;
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
