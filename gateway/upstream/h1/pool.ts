import { type DialDeps, type DialTarget, type DirectRead, dial } from '../dial.ts';
import type { Attempt, Pool, PoolLimits } from '../transport.ts';
import { type ConnectionOwner, H1Connection } from './connection.ts';

export interface H1PoolDeps extends DialDeps {
  readonly monotonicMs: () => number;
}

/**
 * Segments of all plain connections of the thread land here: a read and its callback are one step of the event loop, and what is kept is
 * copied. Not with TLS, whose reads can nest in other connections' writes.
 */
const landing = Buffer.allocUnsafeSlow(65_536);

/** A backend that closes idle connections after n seconds gets no request in the last of them. */
const CLOSING_SOON_MS = 1_000;

/** HTTP/1.1 connections to one endpoint: the one used last is taken first, so that those not needed grow old. */
export class H1Pool implements Pool, ConnectionOwner {
  readonly #target: DialTarget;
  readonly #deps: H1PoolDeps;
  #limits: PoolLimits;
  readonly #idle: H1Connection[] = [];
  readonly #waiting: Attempt[] = [];
  #total = 0;
  #connecting = 0;
  #draining = false;
  #sweeping = false;

  constructor(target: DialTarget, limits: PoolLimits, deps: H1PoolDeps) {
    this.#target = target;
    this.#limits = limits;
    this.#deps = deps;
  }

  get connections(): number {
    return this.#total;
  }

  get pending(): number {
    return this.#waiting.length;
  }

  acquire(attempt: Attempt): void {
    if (attempt.request.upgrade !== undefined) {
      if (this.#total >= this.#limits.maxConnections) overloaded(attempt);
      else this.#open(attempt);
      return;
    }
    const connection = this.#takeIdle();
    if (connection !== undefined) {
      connection.send(attempt);
      return;
    }
    const open = this.#total < this.#limits.maxConnections;
    if (!open && this.#waiting.length - this.#connecting >= this.#limits.maxPendingRequests) {
      overloaded(attempt);
      return;
    }
    this.#waiting.push(attempt);
    if (open) this.#open(undefined);
  }

  cancel(attempt: Attempt): void {
    const at = this.#waiting.indexOf(attempt);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  setLimits(limits: PoolLimits): void {
    this.#limits = limits;
  }

  drain(): void {
    this.#draining = true;
    for (const connection of [...this.#idle]) connection.destroy();
  }

  // --- ConnectionOwner

  free(connection: H1Connection): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      connection.send(next);
      return;
    }
    if (this.#draining) {
      connection.destroy();
      return;
    }
    const { idleSeconds } = connection;
    const { idleTimeoutMs } = this.#limits;
    const keptMs =
      idleSeconds === 0 ? idleTimeoutMs : Math.min(idleTimeoutMs, idleSeconds * 1_000 - CLOSING_SOON_MS);
    connection.expiresMs = this.#deps.monotonicMs() + keptMs;
    this.#idle.push(connection);
    if (!this.#sweeping) this.#sweepLater();
  }

  gone(connection: H1Connection): void {
    this.#total -= 1;
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    if (this.#waiting.length > this.#connecting && this.#total < this.#limits.maxConnections)
      this.#open(undefined);
  }

  after(delayMs: number, task: () => void): () => void {
    return this.#deps.after(delayMs, task);
  }

  #takeIdle(): H1Connection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.usable && connection.expiresMs > this.#deps.monotonicMs()) return connection;
      connection.destroy();
    }
    return undefined;
  }

  /** @param upgrade a request that becomes another protocol: it gets a connection of its own that can be handed on */
  #open(upgrade: Attempt | undefined): void {
    this.#total += 1;
    if (upgrade === undefined) this.#connecting += 1;
    const connection = new H1Connection(this);
    const direct: DirectRead | undefined =
      upgrade !== undefined || this.#target.tls !== undefined
        ? undefined
        : {
            buffer: landing,
            callback: (length) => {
              connection.read(landing, length);
              return true;
            },
          };
    let given = upgrade;
    const giveUp = dial(
      this.#target,
      this.#limits.connectTimeoutMs,
      this.#deps,
      direct,
      (socket, failure) => {
        if (upgrade === undefined) this.#connecting -= 1;
        if (socket === undefined) {
          const attempt = upgrade === undefined ? this.#waiting.shift() : given;
          attempt?.failed({ kind: 'connect', message: `No connection to the backend: ${failure}.` });
          this.gone(connection);
          return;
        }
        connection.opened(socket, direct !== undefined);
        if (upgrade === undefined) this.free(connection);
        else if (given === undefined) connection.destroy();
        else connection.send(given);
      },
    );
    // An upgrade that is given up while it connects takes its connection with it.
    upgrade?.carriedBy({
      resume: () => {},
      discard: () => {},
      abort: () => {
        given = undefined;
        giveUp();
        this.gone(connection);
      },
    });
  }

  #sweepLater(): void {
    this.#sweeping = true;
    this.#deps.after(Math.max(1_000, this.#limits.idleTimeoutMs), () => {
      this.#sweeping = false;
      const now = this.#deps.monotonicMs();
      for (const connection of this.#idle.filter(({ expiresMs }) => expiresMs <= now)) connection.destroy();
      if (this.#idle.length > 0) this.#sweepLater();
    });
  }
}

function overloaded(attempt: Attempt): void {
  attempt.failed({ kind: 'overloaded', message: 'All connections to the backend are in use.' });
}
