import { type CelProgram, compileCel, compileConditions } from '../../src/policy/cel.ts';
import type { CelContext } from '../../src/policy/cel-context.ts';
import type { CompiledLimit, CompiledQuota, LimitCost, QuotaPart } from '../../src/policy/model.ts';
import type { QuotaWindow } from '../../src/quota/budget.ts';
import type { SpokeBudget } from '../../src/quota/spoke-contract.ts';
import type { LimitMeters, QuotaMetrics } from './metrics.ts';

/** A policy with its expressions ready to run. */
export interface PreparedQuota {
  readonly compiled: CompiledQuota;
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

/**
 * @param before taken over as it is where policy, budgets and their numbers are the same objects; the map, too, when all of it is
 * @throws PortolanError CEL_INVALID
 */
export function prepareQuotas(
  part: QuotaPart,
  numbers: readonly number[],
  metrics: QuotaMetrics,
  before: ReadonlyMap<string, PreparedQuota> = NOTHING_PREPARED,
): ReadonlyMap<string, PreparedQuota> {
  const prepared = new Map<string, PreparedQuota>();
  let kept = 0;
  for (const [id, quota] of Object.entries(part.policies)) {
    const known = before.get(id);
    if (known?.compiled === quota && isOfSameBudgets(known, part, numbers)) {
      prepared.set(id, known);
      kept += 1;
    } else prepared.set(id, prepareQuota(quota, part, numbers, metrics));
  }
  return kept === prepared.size && kept === before.size ? before : prepared;
}

const NOTHING_PREPARED: ReadonlyMap<string, PreparedQuota> = new Map();

function isOfSameBudgets(
  { compiled, limits }: PreparedQuota,
  { budgets }: QuotaPart,
  numbers: readonly number[],
): boolean {
  const same = (places: readonly number[], rates: readonly PreparedRate[] | undefined): boolean =>
    places.every((place, at) => {
      const rate = rates?.[at];
      return rate !== undefined && rate.budget === budgets[place] && rate.number === numbers[place];
    });
  return compiled.limits.every(
    ({ rates, plans }, at) =>
      same(rates, limits[at]?.rates) &&
      Object.entries(plans).every(([plan, places]) => same(places, limits[at]?.plans.get(plan))),
  );
}

function prepareQuota(
  compiled: CompiledQuota,
  part: QuotaPart,
  numbers: readonly number[],
  metrics: QuotaMetrics,
): PreparedQuota {
  const { limits } = compiled;
  return {
    compiled,
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
