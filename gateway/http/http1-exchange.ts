import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Connection, GatewayCore } from '../core.ts';
import { Exchange } from '../exchange.ts';
import { MeteredBody } from '../metered-body.ts';
import type { RawRequest } from '../normalise.ts';
import type { Fields } from '../request.ts';
import type { RequestBody } from '../upstream/contract.ts';

/** How much of a body that nobody wants is read, and how long, so that the client gets to read why. */
const LINGER_OCTETS = 1_048_576;
const LINGER_MS = 2000;
/** As text of one octet a character, a body goes into the same string as its head and both into one plain write: a sixth less CPU. */
const ONE_WRITE_OCTETS = 4096;
const NO_TRAILERS = (): Fields => [];

/** A response that knows its exchange: listeners are then functions of the module, not closures per request. */
export class GatewayResponse extends ServerResponse {
  exchange: Http1Exchange | undefined = undefined;
}

function onClose(this: GatewayResponse): void {
  this.exchange?.closed(this.writableFinished);
}

function onDrain(this: GatewayResponse): void {
  this.exchange?.onDrain();
}

function flushIfAlone(exchange: Http1Exchange): void {
  exchange.flush();
}

/** HTTP/1.1 and 1.0 over node:http. A small answer leaves in one write with its head. */
export class Http1Exchange extends Exchange {
  readonly #req: IncomingMessage;
  readonly #res: GatewayResponse;
  #metered: MeteredBody | undefined;
  /** Octets of the answer as announced; -1: not known. */
  #announced = -1;
  /** The whole body of a small answer, until its end is told. */
  #held: Uint8Array | undefined;
  #written = false;
  #listensToDrain = false;

  constructor(core: GatewayCore, connection: Connection, req: IncomingMessage, res: GatewayResponse) {
    super(core, connection);
    this.#req = req;
    this.#res = res;
    res.exchange = this;
    res.on('close', onClose);
    // Behind another answer of a pipeline a response has no socket, and would not hear of its end.
    if (res.socket === null) req.socket.once('close', () => this.closed(res.writableFinished));
  }

  raw(): RawRequest {
    const { method = '', url = '', httpVersion, rawHeaders } = this.#req;
    return { method, target: url, httpVersion, rawFields: rawHeaders, authority: undefined };
  }

  takeBody(): RequestBody | undefined {
    const length = this.normal?.contentLength;
    if (this.normal?.chunked !== true && (length === undefined || length === 0)) return undefined;
    this.bodySlot = this.core.bodies.put(this);
    const limit = this.served?.edge.edge.limits.maxBodyBytes ?? 0;
    if (length !== undefined) {
      // Its length was looked at before; the parser cuts it there.
      this.received = length;
      return { stream: this.#req, length, trailers: NO_TRAILERS };
    }
    const metered = new MeteredBody(this.#req, (octets) => {
      this.received = octets;
      if (octets <= limit) return true;
      this.fail('BODY_TOO_LARGE', 413, `The body may have ${limit} octets.`);
      return false;
    });
    this.#metered = metered;
    return { stream: metered, length, trailers: NO_TRAILERS };
  }

  sendContinue(): void {
    this.#res.writeContinue();
  }

  protected sendInformational(status: number, fields: Fields): void {
    if (status !== 103 || this.normal?.httpVersion === '1.0') return;
    const hints: Record<string, string | string[]> = {};
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const name = fields[at] ?? '';
      const before = hints[name];
      const value = fields[at + 1] ?? '';
      hints[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
    }
    if (hints.link === undefined) return;
    try {
      this.#res.writeEarlyHints(hints);
    } catch {
      // A hint that Node does not take is no loss.
    }
  }

  protected sendHead(status: number, fields: string[], bodiless: boolean): void {
    // Answered before it was sent: the rest could take its time.
    if (!this.#req.complete && this.#bodyComes()) this.#res.shouldKeepAlive = false;
    this.#connectionFields();
    for (let at = 0; at < fields.length; at += 2) {
      if (fields[at] === 'content-length') this.#announced = Number(fields[at + 1]);
    }
    this.#res.writeHead(status, fields);
    // The head waits for the first octets of the body, but not for a backend that thinks.
    if (!bodiless) process.nextTick(flushIfAlone, this);
  }

  protected sendData(chunk: Uint8Array): boolean {
    if (!this.#written && chunk.length === this.#announced && this.#held === undefined) {
      this.#held = chunk;
      return true;
    }
    this.#flushHeld();
    this.#written = true;
    const more = this.#res.write(chunk);
    if (!more) {
      if (!this.#listensToDrain) {
        this.#listensToDrain = true;
        this.#res.on('drain', onDrain);
      }
      this.holds(this.#res.writableLength);
    }
    return more;
  }

  protected sendEnd(trailers: Fields): void {
    const held = this.#held;
    if (held !== undefined) {
      this.#held = undefined;
      if (held.length <= ONE_WRITE_OCTETS) this.#res.end(latin1Text(held), 'latin1');
      else this.#res.end(held);
      return;
    }
    if (trailers.length > 0 && this.normal?.trailers === true) {
      this.#res.addTrailers(trailerPairs(trailers));
    }
    this.#res.end();
  }

  flush(): void {
    if (this.answered || this.#written || this.over) return;
    if (this.#held === undefined) this.#res.flushHeaders();
    else this.#flushHeld();
  }

  onDrain(): void {
    this.drained();
  }

  protected sendWhole(status: number, fields: string[], body: string): void {
    const res = this.#res;
    const unread = !this.#req.complete && this.#bodyComes();
    if (this.normal === undefined) this.connection.broken = true;
    if (unread || this.connection.broken) res.shouldKeepAlive = false;
    this.#connectionFields();
    const bodiless = status === 204 || status === 304;
    if (!bodiless) fields.push('content-length', String(Buffer.byteLength(body)));
    res.writeHead(status, fields);
    if (!unread) {
      res.end(body);
      return;
    }
    // Closing at once would reset the connection, and with it what the client has not read yet.
    if (body === '') res.flushHeaders();
    else res.write(body);
    this.#linger();
    this.closed(true);
  }

  protected sendUpgraded(_status: number, _fields: string[], backend: Duplex): void {
    // Upgrades have a class of their own; a backend that switches unasked has broken the protocol.
    backend.destroy();
    this.cut();
  }

  protected cut(): void {
    this.#req.socket.destroy();
  }

  bodyProgress(): number {
    return this.#metered?.octets ?? this.#req.socket.bytesRead;
  }

  awaitsBody(): boolean {
    if (this.#req.complete) return false;
    if (this.#metered !== undefined) return this.#metered.waits;
    return this.#req.readableFlowing === true && this.#req.readableLength === 0;
  }

  mayTake(): boolean {
    return this.#res.socket !== null;
  }

  #bodyComes(): boolean {
    const { headers } = this.#req;
    return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  }

  #connectionFields(): void {
    const res = this.#res;
    if (this.connection.port.draining) res.shouldKeepAlive = false;
    // What HTTP/1.1 means anyway need not be said in every answer.
    if (res.shouldKeepAlive && this.#req.httpVersionMinor === 1) res.removeHeader('connection');
  }

  #flushHeld(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#written = true;
    this.#res.write(held);
  }

  #linger(): void {
    const req = this.#req;
    let left = LINGER_OCTETS;
    const stop = (): void => {
      cancel();
      req.off('data', count);
      req.off('end', stop);
      req.off('close', stop);
      this.#res.end();
    };
    const count = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left < 0) stop();
    };
    const cancel = this.core.deps.after(LINGER_MS, stop);
    req.on('data', count);
    req.on('end', stop);
    req.on('close', stop);
    req.resume();
  }
}

function trailerPairs(trailers: Fields): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < trailers.length; at += 2)
    pairs.push([trailers[at] ?? '', trailers[at + 1] ?? '']);
  return pairs;
}

function latin1Text(octets: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = octets;
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}
