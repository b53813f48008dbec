import type { DomainName } from '../dns/name.ts';
import type { CompiledPolicy } from './compiled.ts';
import { type Evaluation, evaluate, type Mode, type RoutingQuery, servedAddresses } from './evaluate.ts';
import type { StateView } from './model.ts';
import { pick } from './selection.ts';

/** One endpoint's part of an answer. */
export type Answer =
  | { readonly kind: 'addresses'; readonly endpoint: string; readonly addresses: readonly string[] }
  | { readonly kind: 'cname'; readonly endpoint: string; readonly name: DomainName }
  | { readonly kind: 'maintenance'; readonly region: string; readonly addresses: readonly string[] };

export interface Decision {
  /** In order of preference; empty: NODATA. */
  readonly answers: readonly Answer[];
  readonly mode: Mode;
  readonly ttlSeconds: number;
  /** ECS scope prefix length; may be longer than what the client announced (RFC 7871 section 7.2.1). */
  readonly scopePrefixLength: number;
}

/** Beyond this age of the view, answers get the lowest TTL: whatever changes meanwhile is not seen here. */
const STALE_AFTER_MS = 30_000;

/**
 * Answers one query. Pure: the same policy, query, view and random numbers give the same decision. `policy` comes from
 * `compilePolicy`. See `evaluate` for the rules.
 * @param random uniform in [0, 1)
 */
export function decide(
  policy: CompiledPolicy,
  query: RoutingQuery,
  state: StateView,
  random: () => number,
): Decision {
  return draw(policy, evaluate(policy, query, state), state, random);
}

/** The draw and the TTL, from an evaluation. */
export function draw(
  policy: CompiledPolicy,
  evaluation: Evaluation,
  state: StateView,
  random: () => number,
): Decision {
  return {
    answers: answersOf(policy, evaluation, state, random),
    mode: evaluation.mode,
    ttlSeconds: ttlOf(policy, evaluation, state).seconds,
    scopePrefixLength: evaluation.scopePrefixLength,
  };
}

/** Why an answer has its TTL. */
export type TtlReason = 'policy' | 'pendingChange' | 'ramp' | 'stale' | 'emergency';

/**
 * The policy's TTL, lowered to the time until the earliest change in sight, and to the minimum while a drain ramps, while
 * nobody is healthy (recovery should be seen at once), or when the view is older than 30 s.
 */
export function ttlOf(
  policy: CompiledPolicy,
  evaluation: Evaluation,
  state: StateView,
): { readonly seconds: number; readonly reason: TtlReason } {
  if (isStale(state)) return { seconds: policy.source.minTtlSeconds, reason: 'stale' };
  return freshTtlOf(policy, evaluation);
}

/** True when the view is so old that answers get the lowest TTL. */
export function isStale(state: Pick<StateView, 'staleForMs'>): boolean {
  return state.staleForMs > STALE_AFTER_MS;
}

/** As `ttlOf`, for a view that is not stale. */
export function freshTtlOf(
  policy: CompiledPolicy,
  evaluation: Pick<Evaluation, 'mode' | 'ramping' | 'earliestChangeMs'>,
): { readonly seconds: number; readonly reason: TtlReason } {
  const { ttlSeconds, minTtlSeconds } = policy.source;
  if (evaluation.mode !== 'healthy' && evaluation.mode !== 'noData') {
    return { seconds: minTtlSeconds, reason: 'emergency' };
  }
  if (evaluation.ramping) return { seconds: minTtlSeconds, reason: 'ramp' };
  const untilChange = Math.floor(evaluation.earliestChangeMs / 1000);
  if (untilChange >= ttlSeconds) return { seconds: ttlSeconds, reason: 'policy' };
  return { seconds: Math.max(minTtlSeconds, untilChange), reason: 'pendingChange' };
}

/** Share of the traffic from a place, per endpoint, in percent; what `decide` draws from. */
export interface Distribution {
  readonly mode: Mode;
  readonly shares: readonly { readonly endpoint: string; readonly percent: number }[];
  /** With mode `maintenance`. */
  readonly maintenance: readonly string[];
}

/**
 * Who answers a place and in which proportion, without chance: the basis of plans ("DE: eu-1 70 → 100 %"). With
 * `maxAnswers` above 1 it is the share of first answers.
 */
export function distribution(policy: CompiledPolicy, query: RoutingQuery, state: StateView): Distribution {
  return distributionOf(evaluate(policy, query, state));
}

export function distributionOf(evaluation: Evaluation): Distribution {
  let sum = 0;
  for (const { weight } of evaluation.candidates) sum += weight;
  return {
    mode: evaluation.mode,
    shares: evaluation.candidates.map(({ endpoint, weight }) => ({
      endpoint: endpoint.name,
      percent: (weight / sum) * 100,
    })),
    maintenance: evaluation.maintenance,
  };
}

function answersOf(
  policy: CompiledPolicy,
  evaluation: Evaluation,
  state: StateView,
  random: () => number,
): readonly Answer[] {
  const { mode, wanted, maintenance, residency, candidates, client } = evaluation;
  if (mode === 'maintenance') {
    const region = residency.governing?.region ?? '';
    return maintenance.length === 0 ? [] : [{ kind: 'maintenance', region, addresses: maintenance }];
  }
  const { selection } = policy.source;
  // A name has one CNAME (RFC 2181 section 10.1).
  const count = wanted === 'cname' ? 1 : selection.maxAnswers;
  const answers: Answer[] = [];
  for (const endpoint of pick(candidates, count, selection, client, random)) {
    if (wanted === 4 || wanted === 6) {
      const addresses = servedAddresses(endpoint, wanted, state).map((a) => a.address);
      answers.push({ kind: 'addresses', endpoint: endpoint.name, addresses });
    } else if (endpoint.cname !== undefined) {
      answers.push({ kind: 'cname', endpoint: endpoint.name, name: endpoint.cname.name });
    }
  }
  return answers;
}
