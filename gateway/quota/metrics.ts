import type { Counter, Counters, Metric } from '../../src/telemetry/counters.ts';

const DECISIONS: Metric = {
  name: 'portolan_gateway_quota_decisions_total',
  help: 'What limits said of requests: admitted, exceeded, unavailable (it could not be known), shadow (would have been refused), unlimited (the hub is away and the policy lets everybody pass: not exact).',
  type: 'counter',
};
const WAITED: Metric = {
  name: 'portolan_gateway_quota_waits_total',
  help: 'Requests that waited for the hub to grant tokens.',
  type: 'counter',
};
const WAIT_SECONDS: Metric = {
  name: 'portolan_gateway_quota_wait_seconds_total',
  help: 'Time that requests waited for the hub to grant tokens.',
  type: 'counter',
};
const UNREAD: Metric = {
  name: 'portolan_gateway_quota_costs_unread_total',
  help: 'Answers that did not say what they cost where a limit expects it: what was taken beforehand stands.',
  type: 'counter',
};

/** Of one limit. */
export interface LimitMeters {
  readonly admitted: Counter;
  readonly exceeded: Counter;
  readonly unavailable: Counter;
  readonly shadow: Counter;
  readonly unlimited: Counter;
  readonly waits: Counter;
  readonly waitSeconds: Counter;
  readonly unread: Counter;
}

/** Limits with series of their own; further ones are counted as `other`. */
const MAX_LIMITS = 500;
const OTHER = 'other';

/** Labels are names of policies and limits only, and so many of them: what clients write is in none. */
export class QuotaMetrics {
  readonly #counters: Counters;
  readonly #limits = new Map<string, LimitMeters>();

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  of(policy: string, limit: string): LimitMeters {
    const known = this.#limits.get(`${policy} ${limit}`);
    if (known !== undefined) return known;
    if (this.#limits.size >= MAX_LIMITS && limit !== OTHER) return this.of(OTHER, OTHER);
    const labels = { policy, limit };
    const decisions = (outcome: string): Counter => this.#counters.counter(DECISIONS, { ...labels, outcome });
    const meters = {
      admitted: decisions('admitted'),
      exceeded: decisions('exceeded'),
      unavailable: decisions('unavailable'),
      shadow: decisions('shadow'),
      unlimited: decisions('unlimited'),
      waits: this.#counters.counter(WAITED, labels),
      waitSeconds: this.#counters.counter(WAIT_SECONDS, labels),
      unread: this.#counters.counter(UNREAD, labels),
    };
    this.#limits.set(`${policy} ${limit}`, meters);
    return meters;
  }
}
