import http from 'node:http';
import http2 from 'node:http2';
import type { Readable, Writable } from 'node:stream';

/** How a column's clients speak. */
export type Protocol = 'HTTP/1.1' | 'h2c' | 'HTTP/2 over TLS' | 'gRPC';

/** Where one gateway answers. */
export interface Address {
  /** What stands for ports 80 and 443 of its Gateway. */
  readonly http: number;
  readonly https: number;
}

export interface Opening {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** There is nothing to send. */
  readonly empty: boolean;
  /** Authority of the gateway's certificate, PEM. */
  readonly ca: string;
}

export interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** One request on its way, the same over both versions of HTTP. */
export interface Exchange {
  /** The request's body; end it. */
  readonly out: Writable;
  /** The answer, as soon as its head is there; rejects when there is none. */
  readonly answer: Promise<Head & { readonly body: Readable; trailers(): Head['headers'] }>;
  /** Status codes of informational answers so far. */
  readonly informational: readonly number[];
  /** Goes away: RST_STREAM, or the connection where there are no streams. */
  cancel(): void;
  /** Ends the connection. */
  close(): void;
}

/** Connections that requests of one client share. */
export class Connections {
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #sessions = new Map<number, http2.ClientHttp2Session>();

  get agent(): http.Agent {
    return this.#agent;
  }

  session(port: number, connect: () => http2.ClientHttp2Session): http2.ClientHttp2Session {
    const known = this.#sessions.get(port);
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const made = connect();
    this.#sessions.set(port, made);
    return made;
  }

  close(): void {
    this.#agent.destroy();
    for (const session of this.#sessions.values()) session.destroy();
  }
}

/** Begins one request: on a connection of its own, which it may break, unless some are shared. */
export function open(protocol: Protocol, at: Address, asked: Opening, shared?: Connections): Exchange {
  return protocol === 'HTTP/1.1'
    ? openHttp1(at, asked, shared)
    : openHttp2(protocol === 'HTTP/2 over TLS', at, asked, shared);
}

function openHttp1(
  { http: port }: Address,
  { host, method, path, headers }: Opening,
  shared: Connections | undefined,
): Exchange {
  const informational: number[] = [];
  const req = http.request({
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: { ...headers, host },
    agent: shared?.agent ?? false,
  });
  req.on('information', ({ statusCode }) => informational.push(statusCode));
  req.on('continue', () => informational.push(100));
  const answer = new Promise<Awaited<Exchange['answer']>>((resolve, reject) => {
    req.on('error', reject);
    req.on('response', (res) => {
      res.on('error', () => {});
      resolve({ status: res.statusCode ?? 0, headers: res.headers, body: res, trailers: () => res.trailers });
    });
  });
  answer.catch(() => {});
  const close = (): void => void req.destroy();
  return { out: req, answer, informational, cancel: close, close: shared === undefined ? close : () => {} };
}

function openHttp2(
  secure: boolean,
  at: Address,
  { host, method, path, headers, empty, ca }: Opening,
  shared: Connections | undefined,
): Exchange {
  const connect = (): http2.ClientHttp2Session => {
    const made = secure
      ? http2.connect(`https://127.0.0.1:${at.https}`, { ca, servername: host })
      : http2.connect(`http://127.0.0.1:${at.http}`);
    // Its streams hear of it.
    return made.on('error', () => {});
  };
  const session = shared?.session(secure ? at.https : at.http, connect) ?? connect();
  const informational: number[] = [];
  const stream = session.request(
    { ...headers, ':method': method, ':path': path, ':authority': host },
    { endStream: empty },
  );
  stream.on('headers', ({ ':status': status }) => informational.push(Number(status)));
  stream.on('continue', () => informational.push(100));
  const answer = new Promise<Awaited<Exchange['answer']>>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('close', () => reject(new Error(`the stream ended with ${stream.rstCode} and no answer`)));
    let trailers: Head['headers'] = {};
    stream.on('trailers', (received: http2.IncomingHttpHeaders) => {
      trailers = received;
    });
    stream.on('response', ({ ':status': status, ...fields }) =>
      resolve({ status: Number(status), headers: fields, body: stream, trailers: () => trailers }),
    );
  });
  answer.catch(() => {});
  return {
    out: stream,
    answer,
    informational,
    cancel: () => stream.close(http2.constants.NGHTTP2_CANCEL),
    close: () => {
      if (shared === undefined) session.destroy();
    },
  };
}

/** Switches a connection of HTTP/1.1 to `websocket`, sends `text` and resolves when it came back. */
export function upgrade({ http: port }: Address, host: string, text: string): Promise<void> {
  const headers = {
    host,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16, 7).toString('base64'),
  };
  const req = http.request({ host: '127.0.0.1', port, path: '/', headers, agent: false });
  return new Promise((resolve, reject) => {
    req.on('error', reject);
    req.on('response', ({ statusCode }) => reject(new Error(`${statusCode} instead of 101`)));
    req.on('upgrade', (_res, socket, head) => {
      let echoed = head.toString();
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`the connection ended after "${echoed}"`)));
      socket.on('data', (chunk: Buffer) => {
        echoed += chunk.toString();
        if (echoed !== text) return;
        resolve();
        socket.destroy();
      });
      socket.write(text);
    });
    req.end();
  });
}
