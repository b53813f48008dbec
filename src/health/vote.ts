import type { CheckSpec } from '../resources/health-check.ts';
import type { Vote } from './types.ts';

/**
 * How one vantage point makes its vote about one target out of single probe results. Pure: time comes in as monotonic
 * milliseconds of the vantage point's own clock.
 *
 * | verdict | result | becomes |
 * |---|---|---|
 * | none, never down before | ok | up at once (see `observe`) |
 * | none, down before | ok, `rise` in a row | up |
 * | none or up | failed, `fall` in a row | down |
 * | down | ok, `rise` in a row | up |
 * | any | unable | none: this vantage point cannot see, which says nothing of the target |
 * | any | nothing finished for `freshForMs` | none when read; the streaks start again |
 */
export type ProbeResult =
  | { readonly kind: 'ok'; readonly latencyMs: number }
  | {
      readonly kind: 'failed';
      /** Short and for people: "connection refused". */
      readonly detail: string;
      readonly latencyMs: number;
      /** A drill's fault made it fail. */
      readonly injected?: boolean;
    }
  /** The probe could not be made: a forbidden address, no CA bundle here, no file descriptors left. */
  | { readonly kind: 'unable'; readonly detail: string };

/** When a probe ran, monotonic milliseconds. */
export interface ProbeTiming {
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
}

export interface VoteRules {
  /** Failures in a row that make DOWN. */
  readonly fall: number;
  /** Successes in a row that make UP after a DOWN. */
  readonly rise: number;
  /** A verdict older than this reads `none`. */
  readonly freshForMs: number;
}

export interface VoteState {
  readonly verdict: 'up' | 'down' | 'none';
  /** The last verdict other than `none`; `none` when there never was one. */
  readonly lastDecided: 'up' | 'down' | 'none';
  readonly successesInARow: number;
  readonly failuresInARow: number;
  readonly changedAtMs: number;
  /** Undefined until the first probe has finished. */
  readonly finishedAtMs: number | undefined;
  readonly newestSuccessStartedAtMs: number;
  readonly createdAtMs: number;
  readonly detail: string;
  /** The last failure was a drill's. */
  readonly injected: boolean;
}

const MIN_FRESH_MS = 3_000;

/**
 * The thresholds of a check. A verdict stays fresh over one missed probe: two intervals, a timeout and 300 ms of slack,
 * never under 3 s (which is what the defaults give). A slow check (an interval of 30 s) would else never have a vote.
 */
export function voteRules(check: CheckSpec): VoteRules {
  return {
    fall: check.fall,
    rise: check.rise,
    freshForMs: Math.max(MIN_FRESH_MS, 2 * check.intervalSeconds * 1000 + check.timeoutMs + 300),
  };
}

export function initialVoteState(nowMs: number): VoteState {
  return {
    verdict: 'none',
    lastDecided: 'none',
    successesInARow: 0,
    failuresInARow: 0,
    changedAtMs: nowMs,
    finishedAtMs: undefined,
    newestSuccessStartedAtMs: Number.NEGATIVE_INFINITY,
    createdAtMs: nowMs,
    detail: 'no probe has finished yet',
    injected: false,
  };
}

/**
 * Folds one finished probe into the state.
 *
 * The first success of a target that this vantage point has not seen down makes UP at once, whatever `rise` says: `rise`
 * damps a return, and there is nothing to return from. It lets a new endpoint, and every endpoint after a restart of the
 * vantage point, be judged after one probe; a wrong UP lasts only until `fall` failures.
 *
 * Hedged probes overlap, so results can finish out of order: a failure that *started* before the newest success did is
 * older evidence and breaks no streak. A late success always counts (it did answer).
 */
export function observe(
  state: VoteState,
  result: ProbeResult,
  timing: ProbeTiming,
  rules: VoteRules,
): VoteState {
  if (result.kind === 'unable') {
    const blind = { ...state, successesInARow: 0, failuresInARow: 0, detail: result.detail, injected: false };
    return withVerdict(blind, 'none', timing.finishedAtMs);
  }
  const base = afterGap(state, timing.finishedAtMs, rules);
  const seen = { ...base, finishedAtMs: timing.finishedAtMs };
  if (result.kind === 'ok') {
    const successesInARow = base.successesInARow + 1;
    const needed = base.lastDecided === 'down' ? rules.rise : 1;
    const next = {
      ...seen,
      successesInARow,
      failuresInARow: 0,
      newestSuccessStartedAtMs: Math.max(base.newestSuccessStartedAtMs, timing.startedAtMs),
      detail: `${formatMs(result.latencyMs)} ms`,
    };
    if (base.verdict === 'up' || successesInARow < needed) return next;
    return withVerdict({ ...next, injected: false }, 'up', timing.finishedAtMs);
  }
  if (timing.startedAtMs < base.newestSuccessStartedAtMs) return seen;
  const failuresInARow = base.failuresInARow + 1;
  const next = {
    ...seen,
    successesInARow: 0,
    failuresInARow,
    detail: result.detail,
    injected: result.injected === true,
  };
  if (base.verdict === 'down' || failuresInARow < rules.fall) return next;
  return withVerdict(next, 'down', timing.finishedAtMs);
}

/** What the verdict reads as now: the decided one, or `none` once nothing has finished for `freshForMs`. */
export function verdictAt(state: VoteState, nowMs: number, rules: VoteRules): 'up' | 'down' | 'none' {
  return isStale(state, nowMs, rules) ? 'none' : state.verdict;
}

/** The vote to send. `ageMs` counts from the last finished probe (from the start of probing when there is none). */
export function toVote(
  state: VoteState,
  identity: Pick<Vote, 'vantage' | 'failureDomain' | 'targetId' | 'sequence'>,
  nowMs: number,
  rules: VoteRules,
): Vote {
  const stale = isStale(state, nowMs, rules);
  const verdict = stale ? 'none' : state.verdict;
  const finishedAtMs = state.finishedAtMs ?? state.createdAtMs;
  const ageMs = Math.max(0, Math.round(nowMs - finishedAtMs));
  const changedAtMs = stale && state.verdict !== 'none' ? finishedAtMs + rules.freshForMs : state.changedAtMs;
  return {
    ...identity,
    verdict,
    ageMs,
    sinceMs: Math.max(0, Math.round(nowMs - changedAtMs)),
    detail: stale ? `no probe finished for ${ageMs} ms (last: ${state.detail})` : state.detail,
    ...(verdict === 'down' && state.injected ? { injected: true } : {}),
  };
}

function isStale(state: VoteState, nowMs: number, rules: VoteRules): boolean {
  return state.finishedAtMs !== undefined && nowMs - state.finishedAtMs > rules.freshForMs;
}

/** Failures on both sides of a pause (a suspended machine) are not "in a row". */
function afterGap(state: VoteState, nowMs: number, rules: VoteRules): VoteState {
  if (!isStale(state, nowMs, rules)) return state;
  const staleSinceMs = (state.finishedAtMs ?? nowMs) + rules.freshForMs;
  return withVerdict(
    { ...state, successesInARow: 0, failuresInARow: 0, injected: false },
    'none',
    staleSinceMs,
  );
}

function withVerdict(state: VoteState, verdict: VoteState['verdict'], atMs: number): VoteState {
  if (verdict === state.verdict) return state;
  return {
    ...state,
    verdict,
    lastDecided: verdict === 'none' ? state.lastDecided : verdict,
    changedAtMs: atMs,
  };
}

function formatMs(latencyMs: number): string {
  return latencyMs < 10 ? String(Math.round(latencyMs * 10) / 10) : String(Math.round(latencyMs));
}
