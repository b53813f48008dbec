import { floorSize } from './floors.ts';
import type { KeyState } from './ledger-contract.ts';
import { type BudgetRecord, type KeyRecord, limitOf, unspent } from './ledger-state.ts';

export interface KeyQuestion {
  /** Only this one. */
  readonly key?: string;
  readonly most: number;
}

/** Keys of a budget by their share of the limit, the largest first. */
export function describeKeys(
  record: BudgetRecord,
  nowMs: number,
  leaseMs: number,
  question: KeyQuestion,
): readonly KeyState[] {
  const one = question.key === undefined ? undefined : record.keys.get(question.key);
  if (question.key !== undefined) return one === undefined ? [] : [stateOf(one, nowMs, leaseMs)];
  const used = new Map<KeyRecord, number>();
  for (const key of record.keys.values()) {
    const [window] = key.pool.windows(key, nowMs);
    used.set(key, ((window?.leased ?? 0) + (window?.spent ?? 0)) / Math.max(1, limitOf(key, nowMs)));
  }
  return [...used]
    .sort(([a, usedA], [b, usedB]) => usedB - usedA || (a.text < b.text ? -1 : 1))
    .slice(0, question.most)
    .map(([key]) => stateOf(key, nowMs, leaseMs));
}

function stateOf(key: KeyRecord, nowMs: number, leaseMs: number): KeyState {
  const { override } = key;
  const { scope, algorithm, floorShare, limit: hits, burst = hits } = key.budget.budget;
  const floorOf = algorithm === 'token-bucket' ? burst : hits;
  const windows = key.pool.windows(key, nowMs).map((window) => ({
    ...window,
    agents: [...key.entries].map(({ session, holdings, demand }) => {
      const mine = holdings.filter(({ startMs }) => startMs === 0 || startMs === window.startMs);
      return {
        agent: session.agent.name,
        session: session.name,
        leased: mine.reduce((sum, holding) => sum + unspent(holding), 0),
        spent: mine.reduce((sum, { spent }) => sum + spent, 0),
        floor: floorSize(floorOf, floorShare, session.agent.shares.get(scope)?.counted ?? 0),
        demand,
        heardMs: session.heardMs,
      };
    }),
  }));
  const appliesMs = appliesFrom(key, nowMs, leaseMs);
  return {
    key: key.text,
    limit: limitOf(key, nowMs),
    ...(override === undefined || nowMs >= override.untilMs ? {} : { overriddenUntilMs: override.untilMs }),
    ...(appliesMs === undefined ? {} : { limitAppliesMs: appliesMs }),
    windows,
  };
}

/** When a limit holds below what was granted already; undefined: it does. */
function appliesFrom(key: KeyRecord, nowMs: number, leaseMs: number): number | undefined {
  const [window] = key.pool.windows(key, nowMs);
  if (window === undefined || window.left >= 0) return undefined;
  const { budget } = key.budget;
  switch (budget.algorithm) {
    case 'fixed-window':
      return window.endMs;
    case 'sliding-window':
      return nowMs + leaseMs + (budget.window.type === 'length' ? budget.window.ms : 0);
    case 'token-bucket':
      return nowMs + leaseMs;
  }
}
