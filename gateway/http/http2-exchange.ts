import { randomBytes } from 'node:crypto';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { type Duplex, pipeline } from 'node:stream';
import type { Connection, GatewayCore } from '../core.ts';
import { Exchange } from '../exchange.ts';
import { isGrpc, passedTrailers } from '../grpc.ts';
import { MeteredBody } from '../metered-body.ts';
import type { RawRequest } from '../normalise.ts';
import type { Fields } from '../request.ts';
import type { RequestBody } from '../upstream/contract.ts';

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
]);

/** HTTP/2 over node:http2, and with it gRPC and WebSocket by extended CONNECT (RFC 8441). */
export class Http2Exchange extends Exchange {
  readonly #stream: ServerHttp2Stream;
  readonly #raw: RawRequest;
  /** The client has sent everything with its head. */
  readonly #bodiless: boolean;
  #metered: MeteredBody | undefined;
  #requestTrailers: Fields = [];
  #trailers: Fields = [];
  #listensToDrain = false;
  #bodyEnded: boolean;

  constructor(
    core: GatewayCore,
    connection: Connection,
    stream: ServerHttp2Stream,
    rawHeaders: readonly string[],
    bodiless: boolean,
  ) {
    super(core, connection);
    this.#stream = stream;
    this.#bodiless = bodiless;
    this.#bodyEnded = bodiless;
    let method = '';
    let target = '';
    let authority: string | undefined;
    const fields: string[] = [];
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] ?? '';
      const value = rawHeaders[at + 1] ?? '';
      if (name.charCodeAt(0) !== 0x3a) fields.push(name, value);
      else if (name === ':method') method = value;
      else if (name === ':path') target = value;
      else if (name === ':authority') authority = value;
      else if (name === ':protocol') this.upgrade = value.toLowerCase();
    }
    // From here on an extended CONNECT is what it stands for: the GET of a WebSocket handshake.
    const upgraded = method === 'CONNECT' && this.upgrade === 'websocket';
    if (upgraded) {
      method = 'GET';
      fields.push('sec-websocket-key', randomBytes(16).toString('base64'));
    } else this.upgrade = undefined;
    this.#raw = { method, target, httpVersion: '2', rawFields: fields, authority };
    stream.on('close', () => this.closed(this.answered && stream.rstCode === constants.NGHTTP2_NO_ERROR));
    stream.on('error', () => {});
    if (!bodiless && !upgraded) {
      stream.on('trailers', (headers: IncomingHttpHeaders) => {
        this.#requestTrailers = flatTrailers(headers);
      });
    }
  }

  raw(): RawRequest {
    return this.#raw;
  }

  takeBody(): RequestBody | undefined {
    if (this.#bodiless || this.upgrade !== undefined) return undefined;
    const grpc = isGrpc(this.normal);
    // A stream of messages may rest for hours before its first answer.
    if (!grpc) this.bodySlot = this.core.bodies.put(this);
    const limit = this.served?.edge.edge.limits.maxBodyBytes ?? 0;
    const metered = new MeteredBody(this.#stream, (octets) => {
      this.received = octets;
      if (octets <= limit) return true;
      this.fail('BODY_TOO_LARGE', 413, `The body may have ${limit} octets.`);
      return false;
    });
    this.#stream.on('end', () => {
      this.#bodyEnded = true;
      this.bodySlot = this.core.bodies.release(this.bodySlot);
    });
    this.#metered = metered;
    return {
      stream: metered,
      length: this.normal?.contentLength,
      trailers: () =>
        grpc ? passedTrailers(this.#requestTrailers, (name) => this.#hides(name)) : this.noFields,
    };
  }

  /** Names that the head may not bring either, or lost on its way (`forwardFields`). */
  #hides(name: string): boolean {
    const { allowed, request, serving } = this;
    if (serving.identityNames.has(name) || allowed?.removed.includes(name) === true) return true;
    return request?.source.trusted !== true && serving.proxyNames.has(name);
  }

  sendContinue(): void {
    this.sendInformational(100, this.noFields);
  }

  protected sendInformational(status: number, fields: Fields): void {
    if (this.#gone || this.#stream.headersSent) return;
    try {
      this.#stream.additionalHeaders({ ...recordOf(fields), ':status': status });
    } catch {
      // The stream ended meanwhile, or Node does not take a field: a hint is no loss.
    }
  }

  protected sendHead(status: number, fields: string[], bodiless: boolean): void {
    const waitForTrailers = !bodiless && this.normal?.trailers === true;
    if (!this.#respond(status, fields, bodiless, waitForTrailers)) return;
    if (waitForTrailers) {
      this.#stream.on('wantTrailers', () => {
        try {
          // Also when there are none: then it is an empty DATA frame that ends the stream, which `close` leaves open for a POST.
          this.#stream.sendTrailers(recordOf(this.#trailers));
        } catch {
          this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
        }
      });
    }
  }

  protected sendData(chunk: Uint8Array): boolean {
    if (this.#gone) return true;
    const more = this.#stream.write(chunk);
    if (!more) {
      if (!this.#listensToDrain) {
        this.#listensToDrain = true;
        this.#stream.on('drain', () => this.drained());
      }
      this.holds(this.#stream.writableLength);
    }
    return more;
  }

  protected sendEnd(trailers: Fields): void {
    this.#trailers = trailers;
    if (!this.#gone) this.#stream.end();
    this.#letGo();
  }

  protected sendWhole(status: number, fields: string[], body: string): void {
    if (!this.#respond(status, fields, body === '', false)) return;
    if (body !== '') this.#stream.end(body);
    this.#letGo();
  }

  protected sendUpgraded(_status: number, fields: string[], backend: Duplex): void {
    const kept: string[] = [];
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const name = fields[at] ?? '';
      if (name !== 'sec-websocket-accept') kept.push(name, fields[at + 1] ?? '');
    }
    if (!this.#respond(200, kept, false, false)) {
      backend.destroy();
      return;
    }
    const stream = this.#stream;
    let received = 0;
    let sent = 0;
    stream.on('data', (chunk: Buffer) => {
      received += chunk.length;
      this.count(received, sent);
    });
    backend.on('data', (chunk: Buffer) => {
      sent += chunk.length;
      this.count(received, sent);
    });
    pipeline(stream, backend, stream, () => {
      backend.destroy();
      stream.close();
    });
  }

  protected cut(): void {
    if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  bodyProgress(): number {
    return this.#metered?.octets ?? 0;
  }

  awaitsBody(): boolean {
    return !this.#bodyEnded && this.#metered?.waits === true;
  }

  mayTake(): boolean {
    return true;
  }

  get #gone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  /** Everything http2 may refuse is caught here: one stream's fault must not be the thread's. */
  #respond(status: number, fields: readonly string[], endStream: boolean, waitForTrailers: boolean): boolean {
    if (this.#gone || this.#stream.headersSent) return false;
    const head: string[] = [':status', String(status)];
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const name = fields[at] ?? '';
      if (!HOP_BY_HOP.has(name)) head.push(name, fields[at + 1] ?? '');
    }
    try {
      this.#stream.respond(head, { endStream, waitForTrailers });
      return true;
    } catch {
      this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      return false;
    }
  }

  /** An answer is whole before its request is: the client may stop sending (RFC 9113 §8.1). */
  #letGo(): void {
    if (this.#bodyEnded || this.upgrade !== undefined) return;
    this.#stream.resume();
    this.#stream.once('finish', () => {
      if (!this.#bodyEnded) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }
}

function recordOf(fields: Fields): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {};
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    const value = fields[at + 1] ?? '';
    const before = record[name];
    if (HOP_BY_HOP.has(name)) continue;
    record[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return record;
}

function flatTrailers(headers: IncomingHttpHeaders): Fields {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) fields.push(name, one);
  }
  return fields;
}
