import { createHash } from 'node:crypto';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Fields } from '../../request.ts';
import type { BodyConsumer, BodySource } from '../body-source.ts';
import type { ForwardRequest } from '../contract.ts';
import {
  AUTHORITY,
  FORWARDED,
  IMPOSSIBLE,
  kindOfField,
  TARGET,
  TOKEN,
  writtenValue,
} from '../outgoing-fields.ts';
import { type Attempt, type Carrier, NO_FIELDS, type TryFailure } from '../transport.ts';

/** Octets of an answer nobody wants that are read before its stream is reset. */
const DISCARD_OCTETS = 65_536;
const END_STREAM = constants.NGHTTP2_FLAG_END_STREAM;
/** RFC 6455 §1.3 */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const NOT_READABLE = /[^\t\x20-\x7e\x80-\xff]/;

/** One request on an HTTP/2 session. */
export class H2Stream implements Carrier, BodyConsumer {
  readonly #stream: ClientHttp2Stream;
  readonly #ended: () => void;
  #attempt: Attempt | undefined;
  #body: BodySource | undefined;
  #paused = false;
  #discarding = -1;
  #responded = false;
  #bodiless = false;
  #expected = -1;
  #received = 0;
  #trailers: Fields = NO_FIELDS;
  #requestTrailers: Fields = NO_FIELDS;

  /**
   * @param ended the stream is no more; called once
   * @returns undefined, and the attempt has failed, when the request cannot be sent
   */
  static send(session: ClientHttp2Session, attempt: Attempt, ended: () => void): H2Stream | undefined {
    const headers = requestHeaders(attempt.request);
    if (headers === undefined) {
      attempt.failed({
        kind: 'request',
        message: 'The request has a field that cannot be sent to the backend.',
      });
      return undefined;
    }
    const { upgrade } = attempt.request;
    if (upgrade !== undefined && session.remoteSettings.enableConnectProtocol !== true) {
      attempt.failed({
        kind: 'unsupported',
        message: `The backend speaks HTTP/2 and does not take ${upgrade} over it (RFC 8441).`,
      });
      return undefined;
    }
    try {
      const stream = session.request(headers, {
        endStream: attempt.body === undefined && upgrade === undefined,
        waitForTrailers: attempt.body !== undefined && attempt.request.trailers,
      });
      return new H2Stream(stream, attempt, ended);
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      attempt.failed({
        kind: 'refused',
        message: `The connection to the backend takes no more requests: ${reason}.`,
      });
      return undefined;
    }
  }

  private constructor(stream: ClientHttp2Stream, attempt: Attempt, ended: () => void) {
    this.#stream = stream;
    this.#attempt = attempt;
    this.#ended = ended;
    stream.on('headers', (_headers, _flags, raw?: readonly string[]) => this.#informational(raw ?? []));
    stream.on('response', (_headers, flags, raw?: readonly string[]) => this.#response(flags, raw ?? []));
    stream.on('trailers', (_headers, _flags, raw?: readonly string[]) => {
      this.#trailers = readable(raw ?? []) ?? NO_FIELDS;
    });
    stream.on('data', (chunk: Buffer) => this.#data(chunk));
    stream.on('end', () => this.#end());
    stream.on('error', () => {});
    stream.on('close', () => this.#close());
    stream.on('drain', () => this.#body?.resume());
    attempt.carriedBy(this);
    const { body } = attempt;
    if (body === undefined) return;
    if (attempt.request.trailers)
      stream.on('wantTrailers', () => stream.sendTrailers(headersOf(this.#requestTrailers) ?? {}));
    this.#body = body;
    body.attach(this);
  }

  // --- Carrier

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#stream.resume();
  }

  abort(): void {
    this.#attempt = undefined;
    this.#letBodyGo();
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  discard(): void {
    this.#attempt = undefined;
    this.#letBodyGo();
    if (!this.#stream.writableEnded) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    this.#discarding = DISCARD_OCTETS;
    this.resume();
  }

  // --- BodyConsumer

  bodyChunk(chunk: Uint8Array): boolean {
    if (this.#stream.destroyed || this.#stream.writableEnded) return true;
    return this.#stream.write(chunk);
  }

  bodyEnd(trailers: Fields): void {
    this.#requestTrailers = trailers;
    this.#body = undefined;
    if (!this.#stream.destroyed) this.#stream.end();
  }

  bodyFailed(): void {
    this.#fail({ kind: 'request', message: 'The client broke off in the middle of its request.' });
  }

  // --- stream

  #informational(raw: readonly string[]): void {
    const fields = readable(raw);
    if (fields !== undefined) this.#attempt?.informational(statusOf(raw), fields);
  }

  #response(flags: number, raw: readonly string[]): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    const status = statusOf(raw);
    const fields = readable(raw);
    if (fields === undefined || status < 200 || status > 599) {
      this.#fail({ kind: 'broken', message: 'The backend sent a head that cannot be read.' });
      return;
    }
    this.#responded = true;
    const { request } = attempt;
    if (request.upgrade !== undefined && status === 200) {
      this.#switch(attempt, fields);
      return;
    }
    const empty = request.method === 'HEAD' || status === 204 || status === 304;
    this.#bodiless = empty || (flags & END_STREAM) !== 0;
    for (let at = 0; !empty && at < fields.length; at += 2)
      if (fields[at] === 'content-length') this.#expected = Number(fields[at + 1]);
    attempt.response(status, fields, this.#bodiless);
  }

  /** The stream itself carries the other protocol (RFC 8441); an HTTP/1.1 client expects an answer to its key. */
  #switch(attempt: Attempt, fields: Fields): void {
    this.#attempt = undefined;
    this.#stream.removeAllListeners('data').removeAllListeners('end').removeAllListeners('drain');
    this.#stream.pause();
    const sent = attempt.request.fields;
    const at = sent.findIndex((name, index) => index % 2 === 0 && name === 'sec-websocket-key');
    const key = at < 0 ? undefined : sent[at + 1];
    const accept =
      key === undefined
        ? []
        : [
            'sec-websocket-accept',
            createHash('sha1')
              .update(key + WEBSOCKET_GUID)
              .digest('base64'),
          ];
    attempt.switched(101, [...fields, ...accept], this.#stream);
  }

  #data(chunk: Buffer): void {
    if (this.#discarding >= 0) {
      this.#discarding -= chunk.length;
      if (this.#discarding < 0) this.#stream.close(constants.NGHTTP2_CANCEL);
      return;
    }
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#received += chunk.length;
    if (this.#bodiless) {
      this.#fail({ kind: 'broken', message: 'The backend sent a body where there is none.' });
      return;
    }
    if (!attempt.data(chunk) && this.#attempt === attempt) {
      this.#paused = true;
      this.#stream.pause();
    }
  }

  #end(): void {
    // A reset ends the stream as well: what came before it is not whole.
    if (!this.#responded || this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR) return;
    if (this.#expected >= 0 && this.#expected !== this.#received) return;
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#attempt = undefined;
    this.#letBodyGo();
    if (!this.#stream.writableEnded) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    attempt.complete(this.#trailers);
  }

  #close(): void {
    const { rstCode } = this.#stream;
    const refused = !this.#responded && rstCode === constants.NGHTTP2_REFUSED_STREAM;
    this.#fail({
      kind: refused ? 'refused' : 'broken',
      message: `The backend ended its answer before it was whole (HTTP/2 error ${rstCode}).`,
    });
    this.#ended();
  }

  #fail(failure: TryFailure): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.#letBodyGo();
    if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_CANCEL);
    attempt?.failed(failure);
  }

  #letBodyGo(): void {
    this.#body?.detach();
    this.#body = undefined;
  }
}

function requestHeaders(request: ForwardRequest): OutgoingHttpHeaders | undefined {
  const { method, path, scheme, authority, body, upgrade } = request;
  if (!TARGET.test(path) || !AUTHORITY.test(authority) || !TOKEN.test(method)) return undefined;
  const fields = headersOf(request.fields);
  if (fields === undefined) return undefined;
  if (upgrade !== undefined) delete fields['sec-websocket-key'];
  return {
    ...fields,
    ':method': upgrade === undefined ? method : 'CONNECT',
    ':scheme': scheme,
    ':authority': authority,
    ':path': path,
    ...(upgrade === undefined ? {} : { ':protocol': upgrade }),
    ...(body?.length === undefined ? {} : { 'content-length': body.length }),
    ...(request.trailers ? { te: 'trailers' } : {}),
  };
}

function headersOf(fields: Fields): Record<string, string | string[]> | undefined {
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = (fields[at] ?? '').toLowerCase();
    const kind = kindOfField(name);
    if (kind === IMPOSSIBLE) return undefined;
    if (kind !== FORWARDED) continue;
    const value = writtenValue(fields[at + 1] ?? '');
    if (value === undefined) return undefined;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (typeof before === 'string') headers[name] = [before, value];
    else before.push(value);
  }
  return headers;
}

function statusOf(raw: readonly string[]): number {
  const at = raw.indexOf(':status');
  return at < 0 ? 0 : Number(raw[at + 1]);
}

/** Fields without pseudo-fields; undefined when a value could not be written again. */
function readable(raw: readonly string[]): Fields | undefined {
  const fields: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const value = raw[at + 1] ?? '';
    if (name.startsWith(':')) continue;
    if (NOT_READABLE.test(value)) return undefined;
    fields.push(name, value);
  }
  return fields;
}
