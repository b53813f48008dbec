import { type ClientHttp2Session, connect } from 'node:http2';
import type { Socket } from 'node:net';
import { type DialDeps, type DialTarget, dial } from '../dial.ts';
import type { Attempt, Pool, PoolLimits } from '../transport.ts';
import { H2Stream } from './stream.ts';

/** Streams on one connection before its settings came, and at most. */
const STREAMS_AT_FIRST = 100;
const MAX_STREAMS = 1_000;
/** Octets a backend may send ahead of what the client takes, per stream and connection. */
const STREAM_WINDOW = 262_144;
const CONNECTION_WINDOW = 4_194_304;
/** A connection whose backend does not answer a ping is no connection. */
const PING_MS = 30_000;
const PING_TIMEOUT_MS = 10_000;

class Session {
  readonly http2: ClientHttp2Session;
  streams = 0;
  maxStreams = STREAMS_AT_FIRST;
  /** GOAWAY came, or it is not to be used for new requests. */
  closing = false;
  cancelTimer: (() => void) | undefined;

  constructor(http2: ClientHttp2Session) {
    this.http2 = http2;
  }

  get room(): boolean {
    return !this.closing && !this.http2.closed && !this.http2.destroyed && this.streams < this.maxStreams;
  }
}

/** HTTP/2 connections to one endpoint, over TLS (ALPN) or in plain text with prior knowledge (RFC 9113 §3.3). */
export class H2Pool implements Pool {
  readonly #target: DialTarget;
  readonly #deps: DialDeps;
  #limits: PoolLimits;
  readonly #sessions: Session[] = [];
  readonly #waiting: Attempt[] = [];
  #connecting = 0;
  #draining = false;

  constructor(target: DialTarget, limits: PoolLimits, deps: DialDeps) {
    this.#target = target;
    this.#limits = limits;
    this.#deps = deps;
  }

  get connections(): number {
    return this.#sessions.length + this.#connecting;
  }

  get pending(): number {
    return this.#waiting.length;
  }

  acquire(attempt: Attempt): void {
    const session = this.#sessions.find(({ room }) => room);
    if (session !== undefined) {
      this.#send(session, attempt);
      return;
    }
    // What fits the connections on their way waits for those; beyond that requests are pending.
    const expected = this.#connecting * STREAMS_AT_FIRST;
    const mayOpen = this.connections < this.#limits.maxConnections;
    if (!mayOpen && this.#waiting.length - expected >= this.#limits.maxPendingRequests) {
      attempt.failed({ kind: 'overloaded', message: 'All connections to the backend are in use.' });
      return;
    }
    this.#waiting.push(attempt);
    if (mayOpen && this.#waiting.length > expected) this.#open();
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
    for (const session of [...this.#sessions]) this.#retire(session);
  }

  #send(session: Session, attempt: Attempt): void {
    session.streams += 1;
    const sent = H2Stream.send(session.http2, attempt, () => this.#streamEnded(session));
    if (sent === undefined) this.#streamEnded(session);
  }

  #streamEnded(session: Session): void {
    session.streams -= 1;
    if (session.closing || this.#draining) this.#retire(session);
    this.#serveWaiting();
    if (session.streams === 0 && !session.closing) this.#watch(session, this.#limits.idleTimeoutMs);
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0) {
      const session = this.#sessions.find(({ room }) => room);
      if (session === undefined) {
        const expected = this.#connecting * STREAMS_AT_FIRST;
        if (this.#waiting.length > expected && this.connections < this.#limits.maxConnections) this.#open();
        return;
      }
      const next = this.#waiting.shift();
      if (next !== undefined) this.#send(session, next);
    }
  }

  #open(): void {
    this.#connecting += 1;
    dial(this.#target, this.#limits.connectTimeoutMs, this.#deps, undefined, (socket, failure) => {
      if (socket === undefined) this.#notConnected(failure);
      else this.#opened(socket);
    });
  }

  #notConnected(failure: string): void {
    this.#connecting -= 1;
    // All of them waited for this connection.
    for (const attempt of this.#waiting.splice(0, STREAMS_AT_FIRST))
      attempt.failed({ kind: 'connect', message: `No connection to the backend: ${failure}.` });
    this.#serveWaiting();
  }

  #opened(socket: Socket): void {
    const http2 = connect(`${this.#target.tls === undefined ? 'http' : 'https'}://backend`, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
      peerMaxConcurrentStreams: STREAMS_AT_FIRST,
    });
    let session: Session | undefined;
    const cancel = this.#deps.after(this.#limits.connectTimeoutMs, () => http2.destroy());
    http2.on('error', () => {});
    http2.once('connect', () => http2.setLocalWindowSize(CONNECTION_WINDOW));
    http2.on('remoteSettings', ({ maxConcurrentStreams }) => {
      if (session === undefined) {
        // Only now: what speaks no HTTP/2 never says so, and how many streams it takes and whether WebSockets are among them is known.
        cancel();
        this.#connecting -= 1;
        session = new Session(http2);
        this.#sessions.push(session);
        this.#watch(session, Math.min(PING_MS, this.#limits.idleTimeoutMs));
        if (this.#draining && this.#waiting.length === 0) this.#retire(session);
      }
      session.maxStreams = Math.min(MAX_STREAMS, maxConcurrentStreams ?? MAX_STREAMS);
      this.#serveWaiting();
    });
    http2.on('goaway', () => {
      if (session !== undefined) this.#retire(session);
    });
    http2.on('close', () => {
      cancel();
      if (session === undefined) {
        this.#notConnected('it does not speak HTTP/2');
        return;
      }
      session.closing = true;
      session.cancelTimer?.();
      const at = this.#sessions.indexOf(session);
      if (at >= 0) this.#sessions.splice(at, 1);
      this.#serveWaiting();
    });
  }

  /**
   * No new requests; closed once those under way are over. Not before: our GOAWAY would overtake the head of a request that was sent just now,
   * and nghttp2 then refuses to send that.
   */
  #retire(session: Session): void {
    session.closing = true;
    if (session.streams === 0 && !session.http2.closed && !session.http2.destroyed) session.http2.close();
  }

  /** Looks after a while: an idle session is closed, one in use must answer a ping. */
  #watch(session: Session, delayMs: number): void {
    session.cancelTimer?.();
    session.cancelTimer = this.#deps.after(delayMs, () => {
      if (session.closing || session.http2.destroyed) return;
      if (session.streams === 0) {
        this.#retire(session);
        return;
      }
      const cancel = this.#deps.after(PING_TIMEOUT_MS, () => {
        session.closing = true;
        session.http2.destroy();
      });
      const sent = session.http2.ping(() => cancel());
      if (!sent) cancel();
      this.#watch(session, PING_MS);
    });
  }
}
