import type { Duplex } from 'node:stream';
import type { Fields } from '../request.ts';
import { NO_SLOT } from '../slots.ts';
import type { Backend } from './backend.ts';
import { BodySource } from './body-source.ts';
import type {
  BackendChoice,
  ForwardError,
  Forwarding,
  ForwardRequest,
  ForwardSink,
  ResponseHead,
} from './contract.ts';
import type { Deadlined, Deadlines } from './deadlines.ts';
import type { Endpoint } from './endpoint.ts';
import type { Attempt, Carrier, TryFailure } from './transport.ts';

export interface ExchangeDeps {
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly random: () => number;
  readonly deadlines: Deadlines;
}

/** Methods a request may be sent again with although the backend may have acted on it (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);
/** Without a retry of the rule, a request that no connection was found for is tried at one other endpoint: nothing was sent yet. */
const OTHER_ENDPOINTS = 1;
const MAX_BACKOFF_DOUBLINGS = 6;
const FOREVER = Number.POSITIVE_INFINITY;

/** A request on its way to a backend: the tries it takes, its deadlines, and its answer. */
export class Exchange implements Forwarding, Attempt, Deadlined {
  readonly request: ForwardRequest;
  readonly body: BodySource | undefined;
  deadlineMs = FOREVER;
  deadlineSlot: number = NO_SLOT;
  readonly #backend: Backend;
  readonly #wanted: string | undefined;
  readonly #sink: ForwardSink;
  readonly #deps: ExchangeDeps;
  readonly #requestDeadlineMs: number;
  /** Of this try, once its answer has begun. */
  #tryDeadlineMs = FOREVER;
  /** Of the request's body, when the deadline of the head was set. */
  #passedOctets = 0;
  #endpoint: Endpoint | undefined;
  #tried: Endpoint[] | undefined;
  #carrier: Carrier | undefined;
  #retries = 0;
  #stale = false;
  #answered = false;
  /** The client takes no more of the answer for now. */
  #untaken = false;
  #over = false;
  #cancelBackoff: (() => void) | undefined;

  constructor(
    backend: Backend,
    choice: BackendChoice,
    request: ForwardRequest,
    sink: ForwardSink,
    deps: ExchangeDeps,
  ) {
    this.request = request;
    this.#backend = backend;
    this.#wanted = choice.endpoint;
    this.#sink = sink;
    this.#deps = deps;
    const { body, retry, timeouts } = request;
    this.body = body === undefined ? undefined : new BodySource(body, retry !== undefined);
    this.#requestDeadlineMs =
      timeouts.requestMs === undefined ? FOREVER : deps.monotonicMs() + timeouts.requestMs;
    backend.counts.requests += 1;
    if (retry !== undefined) backend.budget.request(retry.budget, deps.monotonicMs());
  }

  /** Begins a try. */
  start(): void {
    this.#cancelBackoff = undefined;
    const endpoint = this.#backend.pick(this.#wanted, this.#tried);
    if (endpoint === undefined) {
      this.#fail('BACKEND_UNAVAILABLE', 503, this.#backend.absence);
      return;
    }
    this.#endpoint = endpoint;
    endpoint.active += 1;
    const { backendRequestMs } = this.request.timeouts;
    this.#tryDeadlineMs =
      backendRequestMs === undefined
        ? this.#requestDeadlineMs
        : Math.min(this.#requestDeadlineMs, this.#deps.monotonicMs() + backendRequestMs);
    this.#awaitHead();
    endpoint.pool.acquire(this);
  }

  #awaitHead(): void {
    const { headMs } = this.request.timeouts;
    this.deadlineMs =
      headMs === undefined
        ? this.#tryDeadlineMs
        : Math.min(this.#tryDeadlineMs, this.#deps.monotonicMs() + headMs);
    if (this.body !== undefined) this.#passedOctets = this.body.passedOctets;
    if (this.deadlineMs !== FOREVER && this.deadlineSlot === NO_SLOT)
      this.deadlineSlot = this.#deps.deadlines.add(this);
  }

  // --- Forwarding

  drained(): void {
    this.#untaken = false;
    this.#carrier?.resume();
  }

  get contended(): boolean {
    return this.#carrier !== undefined && (this.#endpoint?.pool.pending ?? 0) > 0;
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelBackoff?.();
    this.#letGo();
  }

  // --- Deadlined

  deadlinePassed(): void {
    if (this.#over) return;
    // While the request's body moves, the backend need not answer yet.
    if (this.deadlineMs < this.#tryDeadlineMs && this.#bodyMoved()) {
      this.#awaitHead();
      return;
    }
    const endpoint = this.#endpoint;
    const late = this.#isBackendLate();
    this.#letGo();
    this.#backend.counts.timeouts += 1;
    if (endpoint !== undefined && late) this.#backend.report(endpoint, false);
    this.#failedAt(endpoint, { kind: 'timeout', message: 'The backend did not answer in time.' });
  }

  // --- Attempt

  carriedBy(carrier: Carrier): void {
    this.#carrier = carrier;
  }

  informational(status: number, fields: Fields): void {
    if (!this.#over && (status === 100 || status === 103)) this.#sink.informational(status, fields);
  }

  response(status: number, fields: Fields, bodiless: boolean): void {
    const endpoint = this.#endpoint;
    if (this.#over || endpoint === undefined) return;
    this.#backend.report(endpoint, status < 500);
    const { retry } = this.request;
    if (retry?.codes.includes(status) === true && this.#mayRetry(retry.attempts)) {
      const carrier = this.#carrier;
      this.#carrier = undefined;
      carrier?.discard();
      this.#retryLater(endpoint);
      return;
    }
    this.#answered = true;
    if (this.deadlineMs < this.#tryDeadlineMs) {
      this.deadlineMs = this.#tryDeadlineMs;
      if (this.deadlineMs === FOREVER) this.deadlineSlot = this.#deps.deadlines.release(this.deadlineSlot);
    }
    this.#sink.head(this.#head(status, fields, bodiless));
  }

  data(chunk: Uint8Array): boolean {
    if (this.#over) return true;
    const more = this.#sink.data(chunk);
    this.#untaken = !more;
    return more;
  }

  complete(trailers: Fields): void {
    if (this.#over) return;
    this.#over = true;
    this.#carrier = undefined;
    this.deadlineSlot = this.#deps.deadlines.release(this.deadlineSlot);
    if (this.#endpoint !== undefined) this.#endpoint.active -= 1;
    this.#sink.end(trailers);
  }

  switched(status: number, fields: Fields, socket: Duplex): void {
    if (this.#over) {
      socket.destroy();
      return;
    }
    this.#over = true;
    const endpoint = this.#endpoint;
    this.#carrier = undefined;
    this.deadlineSlot = this.#deps.deadlines.release(this.deadlineSlot);
    if (endpoint !== undefined) {
      this.#backend.report(endpoint, true);
      // Under way until the other protocol ends.
      socket.once('close', () => {
        endpoint.active -= 1;
      });
    }
    this.#sink.upgraded(this.#head(status, fields, true), socket);
  }

  failed(failure: TryFailure): void {
    if (this.#over) return;
    const endpoint = this.#endpoint;
    this.#carrier = undefined;
    this.#letGo();
    if (endpoint !== undefined && (failure.kind === 'connect' || failure.kind === 'broken'))
      this.#backend.report(endpoint, false);
    this.#failedAt(endpoint, failure);
  }

  // ---

  #failedAt(endpoint: Endpoint | undefined, failure: TryFailure): void {
    if (this.#answered) {
      this.#failWith(failure);
      return;
    }
    const { method, retry } = this.request;
    switch (failure.kind) {
      case 'stale':
        // The backend closed while the request was on its way: it is sent once more, as a browser does (RFC 9112 §9.3.1).
        if (!this.#stale && this.body === undefined && IDEMPOTENT.has(method)) {
          this.#stale = true;
          this.start();
          return;
        }
        if (this.#retriesAsBroken()) {
          this.#retryLater(endpoint);
          return;
        }
        break;
      case 'connect':
      case 'refused': {
        // The one that was tried may be gone by now, and another in its place.
        const others = this.#backend.endpoints.some((other) => other !== endpoint) ? OTHER_ENDPOINTS : 0;
        if (this.#mayRetry(retry?.attempts ?? (failure.kind === 'refused' ? OTHER_ENDPOINTS : others))) {
          this.#retryLater(endpoint);
          return;
        }
        break;
      }
      case 'broken':
      case 'timeout':
        if (this.#retriesAsBroken()) {
          this.#retryLater(endpoint);
          return;
        }
        break;
      case 'overloaded':
      case 'request':
      case 'unsupported':
        break;
    }
    this.#failWith(failure);
  }

  /** The backend may have acted on the request: only idempotent ones are sent again, and only when the rule says so. */
  #retriesAsBroken(): boolean {
    const { method, retry } = this.request;
    return retry !== undefined && IDEMPOTENT.has(method) && this.#mayRetry(retry.attempts);
  }

  #mayRetry(attempts: number): boolean {
    if (this.#retries >= attempts || this.body?.replayable === false) return false;
    const now = this.#deps.monotonicMs();
    if (now >= this.#requestDeadlineMs) return false;
    const { retry } = this.request;
    return retry === undefined || this.#backend.budget.take(retry.budget, now);
  }

  #retryLater(endpoint: Endpoint | undefined): void {
    this.#letGo();
    this.#retries += 1;
    this.#backend.counts.retries += 1;
    this.#tried ??= [];
    if (endpoint !== undefined) this.#tried.push(endpoint);
    const { retry } = this.request;
    if (retry === undefined || retry.backoffMs <= 0) {
      this.start();
      return;
    }
    const doubled = retry.backoffMs * 2 ** Math.min(MAX_BACKOFF_DOUBLINGS, this.#retries - 1);
    const delayMs = doubled * (0.5 + this.#deps.random() / 2);
    if (this.#deps.monotonicMs() + delayMs >= this.#requestDeadlineMs) {
      this.#fail('BACKEND_TIMEOUT', 504, 'The backend did not answer in time.');
      return;
    }
    this.#cancelBackoff = this.#deps.after(delayMs, () => this.start());
  }

  /** Clients that send or take slowly, or that bring a deadline no backend can keep, would have endpoints left out for everybody. */
  #isBackendLate(): boolean {
    const { deadlineOfClient } = this.request;
    if (deadlineOfClient === true && this.deadlineMs >= this.#requestDeadlineMs) return false;
    return !this.#untaken && this.body?.awaited !== true;
  }

  #bodyMoved(): boolean {
    return this.body !== undefined && this.body.passedOctets > this.#passedOctets;
  }

  /** Ends the try: nothing of it comes back. */
  #letGo(): void {
    const endpoint = this.#endpoint;
    const carrier = this.#carrier;
    this.#endpoint = undefined;
    this.#carrier = undefined;
    this.deadlineSlot = this.#deps.deadlines.release(this.deadlineSlot);
    if (endpoint === undefined) return;
    endpoint.active -= 1;
    if (carrier === undefined) {
      if (endpoint.pool.pending > 0) endpoint.pool.cancel(this);
    } else carrier.abort();
  }

  #head(status: number, fields: Fields, bodiless: boolean): ResponseHead {
    return { status, fields, endpoint: this.#endpoint?.name ?? '', bodiless, retries: this.#retries };
  }

  #failWith({ kind, message }: TryFailure): void {
    switch (kind) {
      case 'connect':
      case 'refused':
        this.#fail('BACKEND_UNAVAILABLE', 503, message);
        break;
      case 'overloaded':
        this.#backend.counts.overloads += 1;
        this.#fail('BACKEND_OVERLOADED', 503, message);
        break;
      case 'timeout':
        this.#fail('BACKEND_TIMEOUT', 504, message);
        break;
      case 'request':
        this.#fail('REQUEST_MALFORMED', 500, message);
        break;
      case 'stale':
      case 'broken':
      case 'unsupported':
        this.#fail('BACKEND_BROKEN', 502, message);
        break;
    }
  }

  #fail(code: string, status: ForwardError['status'], message: string): void {
    this.#over = true;
    this.#letGo();
    this.#sink.error({ code, status, message, retries: this.#retries });
  }
}
