import type { Pool, PoolLimits } from './transport.ts';

/** Makes connections for endpoints of one backend. */
export interface PoolSource {
  readonly limits: PoolLimits;
  /** @param name `address:port` */
  poolOf(name: string): Pool;
}

/** An ejection doubles with each one that follows soon, up to this many times the first. */
const MAX_DOUBLINGS = 6;

export interface OutlierLimits {
  readonly consecutiveFailures: number;
  readonly baseEjectionMs: number;
}

/** One endpoint of a backend: its connections, its load and what is known of its health. */
export class Endpoint {
  /** `address:port`, as configured. */
  readonly name: string;
  #source: PoolSource;
  #pool: Pool | undefined;
  weight: number;
  /** Requests under way. */
  active = 0;
  /** For smooth weighted round robin. */
  current = 0;
  /** False while its active checks fail. */
  passing = true;
  ejectedUntilMs = 0;
  ejections = 0;
  #doublings = 0;
  #failuresInARow = 0;

  constructor(name: string, weight: number, source: PoolSource) {
    this.name = name;
    this.weight = weight;
    this.#source = source;
  }

  /** Made when it is first needed: of many endpoints one thread may use few. */
  get pool(): Pool {
    this.#pool ??= this.#source.poolOf(this.name);
    return this.#pool;
  }

  get connections(): number {
    return this.#pool?.connections ?? 0;
  }

  /** Attempts that wait for a connection. */
  get pending(): number {
    return this.#pool?.pending ?? 0;
  }

  /** Connections to come are made by another source; those there are stay. */
  moveTo(source: PoolSource): void {
    this.#source = source;
    this.#pool?.setLimits(source.limits);
  }

  /** @see Pool.drain */
  drain(): void {
    this.#pool?.drain();
  }

  available(nowMs: number): boolean {
    return this.passing && this.ejectedUntilMs <= nowMs;
  }

  succeeded(): void {
    this.#failuresInARow = 0;
  }

  /**
   * @param mayEject asked only when it has failed often enough
   * @returns it is left out from now on
   */
  failed(limits: OutlierLimits, nowMs: number, mayEject: () => boolean): boolean {
    this.#failuresInARow += 1;
    if (limits.consecutiveFailures <= 0 || this.#failuresInARow < limits.consecutiveFailures) return false;
    if (this.ejectedUntilMs > nowMs || !mayEject()) return false;
    // Well for as long as it was left out the last time: it begins anew.
    const lastMs = limits.baseEjectionMs * 2 ** Math.max(0, this.#doublings - 1);
    if (nowMs - this.ejectedUntilMs > lastMs) this.#doublings = 0;
    this.ejectedUntilMs = nowMs + limits.baseEjectionMs * 2 ** this.#doublings;
    this.#doublings = Math.min(MAX_DOUBLINGS, this.#doublings + 1);
    this.#failuresInARow = 0;
    this.ejections += 1;
    return true;
  }
}
