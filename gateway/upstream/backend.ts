import type { CompiledBackend } from '../../src/policy/model.ts';
import { PICKS } from './balance.ts';
import type { Endpoint } from './endpoint.ts';
import { RetryBudget } from './retry-budget.ts';

/** What is counted of a backend, for metrics. */
export interface BackendCounts {
  requests: number;
  retries: number;
  failures: number;
  timeouts: number;
  overloads: number;
  ejections: number;
  mirrored: number;
  mirrorsDropped: number;
}

export interface BackendDeps {
  readonly monotonicMs: () => number;
  readonly random: () => number;
  readonly log: { warn(details: object, message: string): void };
}

/** A backend as one gateway thread knows it. */
export class Backend {
  readonly id: string;
  readonly compiled: CompiledBackend;
  /** Why there is no endpoint, for who asks. */
  absence = 'The backend has no endpoints.';
  readonly budget = new RetryBudget();
  readonly counts: BackendCounts;
  readonly #deps: BackendDeps;
  #endpoints: readonly Endpoint[];
  #total: number;
  /** Some endpoint may be left out; else nothing needs to be asked about their health. */
  #doubtful = false;

  constructor(
    id: string,
    compiled: CompiledBackend,
    endpoints: readonly Endpoint[],
    counts: BackendCounts | undefined,
    deps: BackendDeps,
  ) {
    this.id = id;
    this.compiled = compiled;
    this.#endpoints = endpoints;
    this.counts = counts ?? newCounts();
    this.#deps = deps;
    this.#total = endpoints.length;
    this.recheck();
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** These take the place of those there are: for requests that come, and for tries that follow. */
  replace(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
    this.#total = endpoints.length;
    this.recheck();
  }

  /**
   * @param wanted name of the endpoint of a session; another one when it is gone or left out
   * @param tried endpoints that a retry does not go to again while there are others
   */
  pick(wanted: string | undefined, tried: readonly Endpoint[] | undefined): Endpoint | undefined {
    const endpoints = this.#endpoints;
    if (this.#total === 1) return endpoints[0];
    const pick = PICKS[this.compiled.balance];
    const { random } = this.#deps;
    if (this.#doubtful) this.recheck();
    if (!this.#doubtful && tried === undefined && wanted === undefined)
      return pick(endpoints, anyone, random);
    const now = this.#deps.monotonicMs();
    const up = (endpoint: Endpoint): boolean => endpoint.available(now);
    if (wanted !== undefined && tried === undefined) {
      const bound = endpoints.find(({ name }) => name === wanted);
      if (bound !== undefined && up(bound)) return bound;
    }
    const fresh = (endpoint: Endpoint): boolean => tried?.includes(endpoint) !== true;
    return (
      pick(endpoints, (endpoint) => up(endpoint) && fresh(endpoint), random) ??
      pick(endpoints, up, random) ??
      // Nothing is known to be well: all are asked rather than none (panic).
      pick(endpoints, fresh, random) ??
      pick(endpoints, anyone, random)
    );
  }

  /** The endpoint answered, or did not: outlier detection. */
  report(endpoint: Endpoint, well: boolean): void {
    if (well) {
      endpoint.succeeded();
      return;
    }
    this.counts.failures += 1;
    const now = this.#deps.monotonicMs();
    const { outlier } = this.compiled;
    const mayEject = (): boolean => {
      const out = this.#endpoints.filter(({ ejectedUntilMs }) => ejectedUntilMs > now).length;
      return (out + 1) * 100 <= outlier.maxEjectedPercent * this.#total;
    };
    if (!endpoint.failed(outlier, now, mayEject)) return;
    this.#doubtful = true;
    this.counts.ejections += 1;
    this.#deps.log.warn(
      { backend: this.id, endpoint: endpoint.name, forMs: Math.round(endpoint.ejectedUntilMs - now) },
      'an endpoint failed too often in a row and is left out for a while',
    );
  }

  /** Looks whether all endpoints are well again, so that picking need not ask. */
  recheck(): void {
    const now = this.#deps.monotonicMs();
    this.#doubtful = this.#endpoints.some((endpoint) => !endpoint.available(now));
  }
}

function anyone(): boolean {
  return true;
}

function newCounts(): BackendCounts {
  return {
    requests: 0,
    retries: 0,
    failures: 0,
    timeouts: 0,
    overloads: 0,
    ejections: 0,
    mirrored: 0,
    mirrorsDropped: 0,
  };
}
