import type { CompiledLimit } from '../../src/policy/model.ts';
import type { Budget, QuotaWindow } from '../../src/quota/budget.ts';

/** Longest text of one expression that is shown. */
const SHOWN = 80;

/** A limit in words: `100 per 60s (per-customer/60s), by auth.identity.id, plan gold: 1000 per 60s`. */
export function limitText(limit: CompiledLimit, budgets: readonly Budget[]): string {
  const { cost } = limit;
  const rates = (places: readonly number[]): string =>
    places.map((place) => rateText(budgets[place])).join(' and ');
  return [
    ...(limit.rates.length === 0 ? [] : [rates(limit.rates)]),
    ...Object.entries(limit.plans).map(([plan, places]) => `plan ${plan}: ${rates(places)}`),
    ...(limit.counters.length === 0
      ? ['all callers together']
      : [`by ${limit.counters.map(short).join(', ')}`]),
    ...limit.when.map((text) => `when ${short(text)}`),
    ...(cost.request === undefined ? [] : [`each costs ${short(cost.request)}`]),
    ...(cost.answer === undefined
      ? []
      : [
          `then what the answer says (${cost.answer.type === 'header' ? `header ${cost.answer.name}` : cost.answer.path.join('.')}, at most ${cost.most})`,
        ]),
    ...(limit.waitMs === 0 ? ['does not wait'] : [`waits up to ${limit.waitMs} ms`]),
    ...(limit.onHubLoss === 'floor' ? [] : [`without the hub: ${limit.onHubLoss}`]),
    ...(limit.shadow ? ['shadow: refuses nobody'] : []),
  ].join('; ');
}

function rateText(budget: Budget | undefined): string {
  if (budget === undefined) return 'nothing';
  const { algorithm, burst, limit, window } = budget;
  const how =
    algorithm === 'token-bucket'
      ? ` (token bucket, ${burst ?? limit} at once)`
      : algorithm === 'sliding-window'
        ? ' (sliding)'
        : '';
  return window.type === 'calendar' && window.unit === 'eternity'
    ? `${limit} ever`
    : `${limit} per ${windowText(window)}${how}`;
}

function windowText(window: QuotaWindow): string {
  if (window.type === 'calendar') return `${window.unit} (${window.timeZone})`;
  return window.ms % 1000 === 0 ? `${window.ms / 1000}s` : `${window.ms}ms`;
}

function short(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 1)}…`;
}
