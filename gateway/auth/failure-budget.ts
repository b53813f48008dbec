/**
 * How much checking of wrong credentials one source gets: verifying a signature costs a hundred microseconds, and whoever sends wrong
 * ones at will must not take them from everybody. A bucket per source address; bounded, the one unused for longest goes first.
 */
export interface FailureBudget {
  /** False: this source had so many wrong ones lately that nothing of it is checked for now. */
  mayTry(source: string): boolean;
  failed(source: string): void;
}

export interface FailureBudgetLimits {
  readonly burst: number;
  readonly perSecond: number;
  readonly maxSources: number;
}

export const FAILURE_BUDGET: FailureBudgetLimits = { burst: 50, perSecond: 5, maxSources: 10_000 };

export function failureBudget(monotonicMs: () => number, limits: FailureBudgetLimits): FailureBudget {
  const sources = new Map<string, { spent: number; atMs: number }>();

  const settled = (entry: { spent: number; atMs: number }): number => {
    const now = monotonicMs();
    entry.spent = Math.max(0, entry.spent - ((now - entry.atMs) / 1_000) * limits.perSecond);
    entry.atMs = now;
    return entry.spent;
  };

  return {
    mayTry(source) {
      const entry = sources.get(source);
      return entry === undefined || settled(entry) < limits.burst;
    },
    failed(source) {
      const entry = sources.get(source) ?? { spent: 0, atMs: monotonicMs() };
      settled(entry);
      entry.spent += 1;
      sources.delete(source);
      sources.set(source, entry);
      if (sources.size > limits.maxSources) {
        const [oldest] = sources.keys();
        if (oldest !== undefined) sources.delete(oldest);
      }
    },
  };
}
