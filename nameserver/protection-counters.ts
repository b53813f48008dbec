import type { FlowKind, Verdict } from '../src/dns/rate-limit.ts';
import type { Counter, Counters, Metric } from '../src/telemetry/counters.ts';

const LIMITED: Metric = {
  name: 'portolan_dns_rate_limited_total',
  help: 'Answers above a rate limit, by kind of answer: dropped, sent truncated (slip), or only counted (log).',
  type: 'counter',
};
const COOKIES: Metric = {
  name: 'portolan_dns_cookies_total',
  help: 'Queries with a DNS cookie: a valid server cookie, one that is not, or none yet (client).',
  type: 'counter',
};

type Action = Exclude<Verdict, 'pass'> | 'log';
type CookieState = 'valid' | 'invalid' | 'client';

/** Counts what protection against abuse does. */
export class ProtectionCounters {
  readonly #limited: Readonly<Record<FlowKind, Readonly<Record<Action, Counter>>>>;
  readonly #cookies: Readonly<Record<CookieState, Counter>>;

  constructor(counters: Counters) {
    const limited = (kind: FlowKind): Readonly<Record<Action, Counter>> => ({
      drop: counters.counter(LIMITED, { kind, action: 'drop' }),
      slip: counters.counter(LIMITED, { kind, action: 'slip' }),
      log: counters.counter(LIMITED, { kind, action: 'log' }),
    });
    this.#limited = {
      total: limited('total'),
      answer: limited('answer'),
      negative: limited('negative'),
      referral: limited('referral'),
      error: limited('error'),
      any: limited('any'),
    };
    const cookie = (state: CookieState): Counter => counters.counter(COOKIES, { state });
    this.#cookies = { valid: cookie('valid'), invalid: cookie('invalid'), client: cookie('client') };
  }

  limited(kind: FlowKind, action: Action): void {
    this.#limited[kind][action].add();
  }

  cookie(state: CookieState): void {
    this.#cookies[state].add();
  }
}
