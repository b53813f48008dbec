import { Agent as HttpAgent, type IncomingMessage, request as plainRequest } from 'node:http';
import { Agent as HttpsAgent, request as secureRequest } from 'node:https';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import type { KubeBounds } from './bounds.ts';
import { type Asked, refusalOf, silenceOf } from './failures.ts';

/** What makes a TLS connection that of this client. The same reference as long as nothing in it changes. */
export interface KubeTls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface KubeAuthorisation {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls?: KubeTls;
  /** Goes through a proxy, when the configuration names one. */
  readonly agent?: HttpAgent;
}

/** Where an API server is, and who asks. */
export interface KubeAccess {
  /** `https://host:port`, with a path in front of the API where a proxy wants one. */
  readonly server: string;
  readonly namespace: string;
  /**
   * Asked before each request; cheap when nothing changed. `refused` was answered by 401: a token that is kept is read anew.
   * @throws PortolanError KUBERNETES_UNAVAILABLE
   */
  authorise(refused?: KubeAuthorisation): Promise<KubeAuthorisation>;
}

export interface KubeRequest {
  readonly asked: Asked;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** Default: `application/json`. */
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  /** A status that is no failure. */
  readonly fine?: number;
}

export interface KubeAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** An answer beyond `answerBytes`. */
export class AnswerTooLong extends Error {
  constructor(maxBytes: number) {
    super(`the answer is longer than ${maxBytes} bytes`);
    this.name = 'AnswerTooLong';
  }
}

/** Probes of a connection that says nothing: after this and ten more seconds without an answer the kernel gives it up. */
const KEEP_ALIVE_MS = 30_000;

/** Requests and watches to one API server. */
export class KubeConnection {
  readonly #access: KubeAccess;
  readonly #bounds: KubeBounds;
  readonly #random: () => number;
  readonly #secure: boolean;
  #tls: KubeTls | undefined;
  #shared: HttpAgent | undefined;
  #own: HttpAgent | undefined;
  /** The last request was not answered. */
  #away = false;
  readonly #waiting = new Set<() => void>();

  constructor(access: KubeAccess, bounds: KubeBounds, random: () => number) {
    this.#access = access;
    this.#bounds = bounds;
    this.#random = random;
    this.#secure = access.server.startsWith('https:');
  }

  /** See `KubeClient.whenBack`. */
  whenBack(task: () => void): () => void {
    this.#waiting.add(task);
    return () => void this.#waiting.delete(task);
  }

  /**
   * One request and its whole answer. A token that is no longer good is read anew once; `Retry-After` is obeyed within the bounds.
   * @throws PortolanError, AnswerTooLong
   */
  async ask(request: KubeRequest): Promise<KubeAnswer> {
    let refused: KubeAuthorisation | undefined;
    for (let tries = 1; ; tries += 1) {
      const { status, headers, text, authorisation } = await this.#once(request, refused);
      if (status >= 200 && status < 300) return { status, body: parsed(request.asked, text) };
      if (status === request.fine) return { status, body: undefined };
      const again = tries <= this.#bounds.retries;
      if (status === 401 && refused === undefined && again) {
        refused = authorisation;
        continue;
      }
      // Both mean that the server did nothing yet, so that a create can be sent again as well.
      const afterMs = status === 429 || status === 503 ? retryAfterMs(headers['retry-after']) : undefined;
      if (!again || afterMs === undefined || afterMs > this.#bounds.retryAfterMs)
        throw refusalOf(request.asked, status, jsonOrNothing(text));
      await pause(request, afterMs * (1 + this.#random() / 4));
    }
  }

  /** Chunks of an answer that goes on, on a connection of its own. `silenceMs` is asked again after each chunk: how long none may come. */
  async *stream(
    request: KubeRequest & { readonly signal: AbortSignal },
    silenceMs: () => number,
    onOpen?: () => void,
  ): AsyncGenerator<Buffer, void, undefined> {
    const { asked, signal } = request;
    let silent = false;
    const late = new AbortController();
    let timer = setTimeout(() => late.abort(), this.#bounds.requestMs);
    const stop = () => late.abort();
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) return;
      const response = await this.#opened(request, late.signal);
      const watchSilence = () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          silent = true;
          response.destroy();
        }, silenceMs());
      };
      watchSilence();
      onOpen?.();
      for await (const chunk of response) {
        if (Buffer.isBuffer(chunk)) yield chunk;
        await nextTurn();
        watchSilence();
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const quiet = silent || late.signal.aborted;
      throw silenceOf(asked, quiet ? new Error('nothing came for too long') : thrown);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  async #opened(request: KubeRequest, signal: AbortSignal): Promise<IncomingMessage> {
    let refused: KubeAuthorisation | undefined;
    for (;;) {
      const authorisation = await this.#access.authorise(refused);
      const response = await this.#send(request, authorisation, signal, 'own');
      const status = response.statusCode ?? 0;
      if (status === 200) return response;
      const text = await bodyOf(response, this.#bounds.answerBytes);
      if (status !== 401 || refused !== undefined)
        throw refusalOf(request.asked, status, jsonOrNothing(text));
      refused = authorisation;
    }
  }

  async #once(request: KubeRequest, refused: KubeAuthorisation | undefined) {
    const { asked, signal } = request;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.#bounds.requestMs);
    const stop = () => late.abort();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      signal?.throwIfAborted();
      const authorisation = await this.#access.authorise(refused);
      const response = await this.#send(request, authorisation, late.signal, 'shared');
      const text = await bodyOf(response, this.#bounds.answerBytes);
      return { status: response.statusCode ?? 0, headers: response.headers, text, authorisation };
    } catch (thrown) {
      if (thrown instanceof AnswerTooLong) throw thrown;
      const tooLate = late.signal.aborted && signal?.aborted !== true;
      throw silenceOf(asked, tooLate ? new Error(`not within ${this.#bounds.requestMs} ms`) : thrown);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  }

  async #send(
    request: KubeRequest,
    authorisation: KubeAuthorisation,
    signal: AbortSignal,
    connection: 'shared' | 'own',
  ): Promise<IncomingMessage> {
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const headers = {
      accept: 'application/json',
      'user-agent': 'portolan',
      ...(body !== undefined && {
        'content-type': request.contentType ?? 'application/json',
        // Of a DELETE with a body node would send none, and the body would be read as the next request.
        'content-length': Buffer.byteLength(body),
      }),
      ...authorisation.headers,
    };
    const open = this.#secure ? secureRequest : plainRequest;
    const agent = authorisation.agent ?? this.#agent(authorisation.tls, connection);
    const url = `${this.#access.server}${request.path}`;
    for (;;) {
      let reused = false;
      try {
        return await new Promise<IncomingMessage>((resolve, reject) => {
          const sent = open(url, { method: request.method, headers, agent, signal });
          sent.on('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
          sent.on('response', (response) => {
            this.#answered();
            resolve(response);
          });
          sent.on('error', (error) => {
            reused = sent.reusedSocket;
            reject(error);
          });
          sent.end(body);
        });
      } catch (thrown) {
        // The server had closed a connection that was kept: all but a create may be sent again, and each try uses up one such connection.
        if (!reused || signal.aborted || request.method === 'POST') {
          // Whoever called a request off knows nothing of the server.
          if (request.signal?.aborted !== true) this.#away = true;
          throw thrown;
        }
      }
    }
  }

  #answered(): void {
    if (!this.#away) return;
    this.#away = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const task of waiting) task();
  }

  #agent(tls: KubeTls | undefined, connection: 'shared' | 'own'): HttpAgent {
    if (this.#shared === undefined || this.#own === undefined || this.#tls !== tls) {
      if (this.#shared !== undefined) endWhenIdle(this.#shared);
      this.#tls = tls;
      const kept = { keepAlive: true, maxSockets: this.#bounds.connections, scheduling: 'lifo' as const };
      this.#shared = this.#secure ? new HttpsAgent({ ...tls, ...kept }) : new HttpAgent(kept);
      this.#own = this.#secure ? new HttpsAgent({ ...tls, keepAlive: false }) : new HttpAgent();
    }
    return connection === 'shared' ? this.#shared : this.#own;
  }
}

/** Connections of the old credentials end with the requests that are on them. */
function endWhenIdle(agent: HttpAgent): void {
  agent.maxFreeSockets = 0;
  for (const idle of Object.values(agent.freeSockets)) for (const socket of idle ?? []) socket.destroy();
}

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > maxBytes) throw new AnswerTooLong(maxBytes);
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parsed(asked: Asked, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw silenceOf(asked, new Error('what it says is no JSON'));
  }
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Seconds (RFC 9110 section 10.2.3); API servers send no dates. */
function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined;
}

async function pause({ asked, signal }: KubeRequest, delayMs: number): Promise<void> {
  try {
    await wait(delayMs, undefined, signal === undefined ? {} : { signal });
  } catch (thrown) {
    throw silenceOf(asked, thrown);
  }
}
