import type { Budget, QuotaWindow as BudgetWindow } from '../../src/quota/budget.ts';
import type { KeyState, WindowState } from '../../src/quota/ledger-contract.ts';
import type {
  QuotaExplanation,
  QuotaHolder,
  QuotaKey,
  QuotaLimit,
  QuotaWindow,
} from '../api/quota-services.ts';

/** What the ledger's figures are shown with. */
export interface Seen {
  readonly nowMs: number;
  /** 0: not paused. */
  readonly pausedUntilMs: number;
  /** `namespace/name` of an agent's cluster; empty: not known. */
  readonly clusterOf: (agentUid: string) => string;
}

export function limitView(budget: Budget, keys: readonly KeyState[], seen: Seen): QuotaLimit {
  return {
    limit: nameOf(budget),
    algorithm: budget.algorithm,
    hits: budget.limit,
    ...(budget.burst === undefined ? {} : { burst: budget.burst }),
    window: windowText(budget.window),
    scope: budget.scope,
    floorPercent: Math.round(budget.floorShare * 100),
    keys: keys.map((key) => keyView(budget, key, seen)),
  };
}

/** An id without its namespace, and without what says that the clusters of others share it: all budgets of a policy do, or none. */
export function nameOf({ id }: Pick<Budget, 'id'>): string {
  return id.slice(id.indexOf('/') + 1).replace(OVER_THE_HUB, '');
}

const OVER_THE_HUB = /-hub$/;

function keyView(budget: Budget, state: KeyState, seen: Seen): QuotaKey {
  const { overriddenUntilMs, limitAppliesMs } = state;
  return {
    key: state.key,
    hits: state.limit,
    ...(overriddenUntilMs === undefined ? {} : { overriddenUntil: instant(overriddenUntilMs) }),
    ...(limitAppliesMs === undefined ? {} : { effectiveAt: instant(limitAppliesMs) }),
    windows: state.windows.map((window) => windowView(budget, window, seen)),
  };
}

function windowView(budget: Budget, window: WindowState, seen: Seen): QuotaWindow {
  const { leased, spent, floors, left } = window;
  const bounds =
    budget.algorithm === 'fixed-window' ? { start: instant(window.startMs), end: instant(window.endMs) } : {};
  return {
    ...bounds,
    leased,
    spent,
    floors,
    left: Math.max(0, Math.floor(left)),
    clusters: holders(window, seen),
  };
}

/** By cluster: its agent may have several numbers for a key, and two data processes during an upgrade. */
function holders({ agents }: WindowState, seen: Seen): readonly QuotaHolder[] {
  const found = new Map<string, QuotaHolder>();
  for (const { agent, leased, spent, floor, demand, heardMs } of agents) {
    const before = found.get(agent);
    const leaseAgeMs = Math.max(0, Math.round(seen.nowMs - heardMs));
    found.set(agent, {
      cluster: seen.clusterOf(agent),
      leased: leased + (before?.leased ?? 0),
      spent: spent + (before?.spent ?? 0),
      // Of the agent, whichever of its processes has it.
      floor,
      demandPerSecond: Math.round((demand + (before?.demandPerSecond ?? 0)) * 1000) / 1000,
      leaseAgeMs: Math.min(leaseAgeMs, before?.leaseAgeMs ?? leaseAgeMs),
    });
  }
  return [...found.values()].toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1));
}

/** Why a key is or is not granted more, for people. @param state undefined: nothing of it is in use */
export function explained(
  budget: Budget,
  key: string,
  state: KeyState | undefined,
  seen: Seen,
): QuotaExplanation {
  const limit = nameOf(budget);
  const hits = state?.limit ?? budget.limit;
  const lines = [
    `${limit} allows ${hits} hits ${budget.window.type === 'length' ? 'in' : 'per'} ${windowText(budget.window)} (${budget.algorithm}) over all clusters ${budget.scope === '*' ? 'of the hub' : `of namespace ${budget.scope}`}${key === '' ? '' : `, for ${key} as for every key`}`,
  ];
  if (state?.overriddenUntilMs !== undefined)
    lines.push(
      `an operator set it to ${state.limit} for this key until ${instant(state.overriddenUntilMs)}; the policy says ${budget.limit}`,
    );
  const now =
    state?.windows.find((w) => w.startMs <= seen.nowMs && seen.nowMs < w.endMs) ?? state?.windows[0];
  if (state !== undefined) {
    for (const window of state.windows) lines.push(...windowLines(budget, window, seen));
    if (state.limitAppliesMs !== undefined)
      lines.push(
        `more is out than the limit allows, for it was lowered or a floor came back: it holds for all from ${instant(state.limitAppliesMs)} on, at the latest`,
      );
  }
  if (now === undefined)
    lines.push('nothing of it is in use: the first request that needs it is granted some');
  const verdict = verdictOf(budget, hits, now, seen);
  lines.push(verdict.sentence);
  const { kind, untilMs } = verdict;
  return {
    limit,
    key,
    verdict: kind,
    ...(untilMs === undefined ? {} : { until: instant(untilMs) }),
    explanation: lines,
  };
}

interface Verdict {
  readonly kind: QuotaExplanation['verdict'];
  readonly untilMs?: number;
  readonly sentence: string;
}

function verdictOf(budget: Budget, hits: number, window: WindowState | undefined, seen: Seen): Verdict {
  if (seen.pausedUntilMs > seen.nowMs)
    return {
      kind: 'paused',
      untilMs: seen.pausedUntilMs,
      sentence: `the hub grants nothing until ${instant(seen.pausedUntilMs)}: its clock could not be shown to go on, and what was granted before may still be in use`,
    };
  if (hits === 0) return { kind: 'spent', sentence: 'a limit of 0 admits nobody' };
  if (window === undefined || window.left >= 1)
    return { kind: 'open', sentence: `the hub grants up to ${Math.floor(window?.left ?? hits)} more` };
  const ends = budget.algorithm === 'fixed-window' ? { untilMs: window.endMs } : {};
  const when =
    budget.algorithm === 'fixed-window'
      ? `until ${instant(window.endMs)}`
      : budget.algorithm === 'sliding-window'
        ? 'until the oldest of them are a window ago'
        : 'until the bucket has filled again';
  if (window.leased > 0)
    return {
      kind: 'leased',
      ...ends,
      sentence: `nothing is left to grant: clusters that hold some of the ${window.leased} that are out still admit, others refuse ${when}, or until some are given back`,
    };
  return { kind: 'spent', ...ends, sentence: `all of it is used up: refused everywhere ${when}` };
}

function windowLines(budget: Budget, window: WindowState, seen: Seen): readonly string[] {
  const view = windowView(budget, window, seen);
  const span = view.start === undefined ? 'now' : `from ${view.start} to ${view.end ?? ''}`;
  const kept =
    view.floors === 0 ? '' : `, ${view.floors} kept for clusters that cannot reach the hub or have just come`;
  const lines = [`${span}: ${view.spent} spent, ${view.leased} leased${kept}, ${view.left} left`];
  for (const { cluster, leased, spent, floor, demandPerSecond, leaseAgeMs } of view.clusters)
    lines.push(
      `${cluster === '' ? 'a cluster that is gone' : cluster} holds ${leased}, has spent ${spent}, may admit ${floor} without the hub, wants ${demandPerSecond} hits/s, and was heard ${(leaseAgeMs / 1000).toFixed(1)} s ago`,
    );
  return lines;
}

function windowText(window: BudgetWindow): string {
  if (window.type === 'length') return window.ms % 1000 === 0 ? `${window.ms / 1000}s` : `${window.ms}ms`;
  return window.timeZone === 'UTC' ? window.unit : `${window.unit} ${window.timeZone}`;
}

/** A calendar has an end: what ends never ends then. */
function instant(ms: number): string {
  return new Date(Math.min(Math.max(ms, -LAST_INSTANT), LAST_INSTANT)).toISOString();
}

const LAST_INSTANT = 8.64e15;
