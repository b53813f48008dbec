import { type CelProgram, compileCel, compileConditions } from '../../src/policy/cel.ts';
import type { CelContext } from '../../src/policy/cel-context.ts';
import type { CompiledLimit, CompiledQuota, LimitCost, QuotaPart } from '../../src/policy/model.ts';
import type { QuotaWindow } from '../../src/quota/budget.ts';
import type { SpokeBudget } from '../../src/quota/spoke-contract.ts';
import type { LimitMeters, QuotaMetrics } from './metrics.ts';

/** A policy with its expressions ready to run: once per configuration and thread. */
export interface PreparedQuota {
  readonly limits: readonly PreparedLimit[];
  /** Some limit's cost is in the body of answers: they must come uncompressed. */
  readonly readsBodies: boolean;
}

export interface PreparedLimit {
  readonly name: string;
  /** `namespace/name` of the policy. */
  readonly policy: string;
  readonly when: (context: CelContext) => boolean;
  readonly counters: readonly CelProgram[];
  readonly rates: readonly PreparedRate[];
  readonly plans: ReadonlyMap<string, readonly PreparedRate[]>;
  readonly cost: CelProgram | undefined;
  readonly answer: LimitCost['answer'];
  readonly most: number;
  readonly shadow: boolean;
  /** Answers say nothing of it. */
  readonly silent: boolean;
  readonly waitMs: number;
  readonly onHubLoss: CompiledLimit['onHubLoss'];
  readonly metric: string | undefined;
  readonly meters: LimitMeters;
}

export interface PreparedRate {
  /** The table's number of the budget. */
  readonly number: number;
  readonly budget: SpokeBudget;
  /** More than this at once is never there. */
  readonly most: number;
  /** What `RateLimit` fields call it: a quoted string of structured fields. */
  readonly label: string;
  /** `;w=60`, or empty for windows without a length. */
  readonly windowParameter: string;
}

/** @throws PortolanError CEL_INVALID */
export function prepareQuotas(
  part: QuotaPart,
  numbers: readonly number[],
  metrics: QuotaMetrics,
): ReadonlyMap<string, PreparedQuota> {
  return new Map(
    Object.entries(part.policies).map(([id, quota]) => [id, prepareQuota(quota, part, numbers, metrics)]),
  );
}

function prepareQuota(
  { limits }: CompiledQuota,
  part: QuotaPart,
  numbers: readonly number[],
  metrics: QuotaMetrics,
): PreparedQuota {
  return {
    limits: limits.map((limit) => prepareLimit(limit, part, numbers, metrics)),
    readsBodies: limits.some(({ cost }) => cost.answer?.type === 'json'),
  };
}

function prepareLimit(
  limit: CompiledLimit,
  part: QuotaPart,
  numbers: readonly number[],
  metrics: QuotaMetrics,
): PreparedLimit {
  const ratesOf = (places: readonly number[]): readonly PreparedRate[] =>
    places.map((place) => {
      const budget = part.budgets[place];
      const number = numbers[place];
      // Never open because something is missing: the listeners of such a policy are not served.
      if (budget === undefined || number === undefined) throw new Error(`there is no budget ${place}`);
      const seconds = windowSeconds(budget.window);
      return {
        number,
        budget,
        most: budget.algorithm === 'token-bucket' ? (budget.burst ?? budget.limit) : budget.limit,
        label: quoted(places.length === 1 ? limit.name : `${limit.name}-${windowName(budget.window)}`),
        windowParameter: seconds === undefined ? '' : `;w=${seconds}`,
      };
    });
  const { request, answer, most } = limit.cost;
  return {
    name: limit.name,
    policy: limit.source.name,
    when: compileConditions(limit.when),
    counters: limit.counters.map((text) => compileCel(text, 'text')),
    rates: ratesOf(limit.rates),
    plans: new Map(Object.entries(limit.plans).map(([plan, places]) => [plan, ratesOf(places)])),
    cost: request === undefined ? undefined : compileCel(request),
    answer,
    most,
    shadow: limit.shadow,
    silent: limit.silent === true,
    waitMs: limit.waitMs,
    onHubLoss: limit.onHubLoss,
    metric: limit.metric,
    meters: metrics.of(limit.source.name, limit.name),
  };
}

const CALENDAR_SECONDS = {
  day: 86_400,
  week: 604_800,
  month: undefined,
  year: undefined,
  eternity: undefined,
};

/** Months and years have no one length, and eternity none. */
function windowSeconds(window: QuotaWindow): number | undefined {
  return window.type === 'length' ? Math.max(1, Math.round(window.ms / 1000)) : CALENDAR_SECONDS[window.unit];
}

function windowName(window: QuotaWindow): string {
  return window.type === 'calendar' ? window.unit : `${window.ms / 1000}s`;
}

/** RFC 9651 §3.3.3: printable ASCII. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, '\\$&')}"`;
}
