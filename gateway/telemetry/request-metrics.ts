import type { Counter, Counters, Metric } from '../../src/telemetry/counters.ts';
import type { ExchangeRecord } from './contract.ts';

const REQUESTS: Metric = {
  name: 'portolan_gateway_requests_total',
  help: 'Requests by route, status class and how the caller was authenticated.',
  type: 'counter',
};
const REFUSALS: Metric = {
  name: 'portolan_gateway_refusals_total',
  help: 'Requests that the gateway answered itself, by the stable code.',
  type: 'counter',
};
const DURATION: Metric = {
  name: 'portolan_gateway_request_duration_seconds',
  help: 'From the first octet of a request to the last of its answer.',
  type: 'histogram',
};
const BACKEND: Metric = {
  name: 'portolan_gateway_backend_duration_seconds',
  help: 'From the decision to let a request pass to the first octet of the answer of its backend.',
  type: 'histogram',
};
const RECEIVED: Metric = {
  name: 'portolan_gateway_received_bytes_total',
  help: 'Octets of request bodies.',
  type: 'counter',
};
const SENT: Metric = {
  name: 'portolan_gateway_sent_bytes_total',
  help: 'Octets of response bodies.',
  type: 'counter',
};
const RETRIES: Metric = {
  name: 'portolan_gateway_retries_total',
  help: 'Tries beyond the first.',
  type: 'counter',
};

/** Upper bounds of the buckets, seconds; the same for every route, so that threads and agents can be added up. */
export const BUCKETS_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;
const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
/** Where what is beyond a bound is counted. */
const OTHER = 'other';

export interface MetricBounds {
  /** Routes with series of their own; further ones are counted as `other`. */
  readonly maxRoutes: number;
  /** Classes of principals per route. */
  readonly maxClasses: number;
  readonly maxCodes: number;
}

export const METRIC_BOUNDS: MetricBounds = { maxRoutes: 500, maxClasses: 16, maxCodes: 100 };

/**
 * The request metrics of one thread. Labels are only the names of routes, methods of authentication and codes of ours: nothing that a
 * client writes; and each set is capped, so that what one writes in a mass of routes cannot fill the memory either. Series are made when
 * they are first needed and then found by two lookups.
 */
export class RequestMetrics {
  readonly #counters: Counters;
  readonly #bounds: MetricBounds;
  readonly #routes = new Map<string, RouteSeries>();
  readonly #codes = new Map<string, Counter>();

  constructor(counters: Counters, bounds: MetricBounds = METRIC_BOUNDS) {
    this.#counters = counters;
    this.#bounds = bounds;
  }

  add(record: ExchangeRecord): void {
    const route = this.#routes.get(record.route) ?? this.#addRoute(record.route);
    route.count(record);
    if (record.code !== '') (this.#codes.get(record.code) ?? this.#addCode(record.code)).add();
  }

  #addRoute(name: string): RouteSeries {
    const full = this.#routes.size >= this.#bounds.maxRoutes;
    if (full) return this.#routes.get(OTHER) ?? this.#keepRoute(OTHER, OTHER);
    return this.#keepRoute(name, name === '' ? 'none' : name);
  }

  #keepRoute(key: string, label: string): RouteSeries {
    const series = new RouteSeries(this.#counters, label, this.#bounds.maxClasses);
    this.#routes.set(key, series);
    return series;
  }

  #addCode(code: string): Counter {
    const full = this.#codes.size >= this.#bounds.maxCodes;
    const label = full ? OTHER : code;
    const counter = this.#counters.counter(REFUSALS, { code: label });
    // Under its own name too only while there is room.
    this.#codes.set(label, counter);
    return counter;
  }
}

class RouteSeries {
  readonly #counters: Counters;
  readonly #route: string;
  readonly #maxClasses: number;
  readonly #classes = new Map<string, (Counter | undefined)[]>();
  readonly #duration: Histogram;
  readonly #received: Counter;
  readonly #sent: Counter;
  #backend: Histogram | undefined;
  #retries: Counter | undefined;

  constructor(counters: Counters, route: string, maxClasses: number) {
    this.#counters = counters;
    this.#route = route;
    this.#maxClasses = maxClasses;
    this.#duration = new Histogram(counters, DURATION, route);
    this.#received = counters.counter(RECEIVED, { route });
    this.#sent = counters.counter(SENT, { route });
  }

  count(record: ExchangeRecord): void {
    this.#requests(record.principal?.method ?? 'none', record.status).add();
    this.#duration.add((record.endMs - record.startMs) / 1000);
    if (record.received > 0) this.#received.add(record.received);
    if (record.sent > 0) this.#sent.add(record.sent);
    if (record.firstByteMs > 0) {
      this.#backend ??= new Histogram(this.#counters, BACKEND, this.#route);
      this.#backend.add((record.firstByteMs - (record.authorisedMs || record.startMs)) / 1000);
    }
    if (record.retries > 0) {
      this.#retries ??= this.#counters.counter(RETRIES, { route: this.#route });
      this.#retries.add(record.retries);
    }
  }

  #requests(principal: string, status: number): Counter {
    let name = principal;
    let classes = this.#classes.get(name);
    if (classes === undefined) {
      if (this.#classes.size >= this.#maxClasses) name = OTHER;
      classes = this.#classes.get(name) ?? [];
      this.#classes.set(name, classes);
    }
    const at = Math.min(Math.max(Math.floor(status / 100), 1), STATUS_CLASSES.length) - 1;
    let counter = classes[at];
    if (counter === undefined) {
      const labels = { route: this.#route, status: STATUS_CLASSES[at] ?? OTHER, principal: name };
      counter = this.#counters.counter(REQUESTS, labels);
      classes[at] = counter;
    }
    return counter;
  }
}

/** Prometheus buckets hold everything up to their bound, so one value counts in several. */
class Histogram {
  readonly #buckets: readonly Counter[];
  readonly #sum: Counter;
  readonly #count: Counter;

  constructor(counters: Counters, metric: Metric, route: string) {
    this.#buckets = [...BUCKETS_SECONDS, Number.POSITIVE_INFINITY].map((bound) =>
      counters.counter(
        metric,
        { route, le: bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound) },
        '_bucket',
      ),
    );
    this.#sum = counters.counter(metric, { route }, '_sum');
    this.#count = counters.counter(metric, { route }, '_count');
  }

  add(seconds: number): void {
    const value = Math.max(seconds, 0);
    for (let at = this.#buckets.length - 1; at >= 0; at -= 1) {
      if (at < BUCKETS_SECONDS.length && value > (BUCKETS_SECONDS[at] ?? 0)) break;
      this.#buckets[at]?.add();
    }
    this.#sum.add(value);
    this.#count.add();
  }
}
