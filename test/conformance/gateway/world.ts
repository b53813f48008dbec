import { once } from 'node:events';
import { expect } from 'vitest';
import { z } from 'zod';
import { type Backends, grpcMessage, grpcMessages, type Trace } from './backends.ts';
import { type Address, Connections, type Exchange, open, type Protocol, upgrade } from './clients.ts';
import { DOMAIN } from './documents.ts';

/** What a row's test asks. */
export interface Asked {
  readonly method?: string;
  /** For gRPC: `/t.Echo/Say` when left out. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Without an announced length. */
  readonly streamed?: boolean;
}

const echo = z.object({
  backend: z.string(),
  method: z.string(),
  path: z.string(),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
  body: z.string(),
});

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  readonly informational: readonly number[];
  readonly body: string;
}

/** What the backend says it saw. */
export function echoOf({ body }: Answered): z.output<typeof echo> {
  return echo.parse(JSON.parse(body));
}

/** One gateway of a column. */
export interface Site {
  /** One request and its whole answer. @param host first label of the host */
  ask(host: string, asked?: Asked): Promise<Answered>;
  /** One request that the test sends and reads itself. */
  open(host: string, asked?: Asked): Exchange;
  /** Switches a connection of HTTP/1.1 to `websocket`, sends `text` and resolves when it comes back. */
  upgrade(host: string, text: string): Promise<void>;
  /** What the backends saw of this site's requests of this test. */
  readonly trace: Trace;
}

/** What a row's test has: the gateways of one column, which must all do the same. */
export interface World {
  readonly protocol: Protocol;
  /** Does it at every gateway at once. @returns what all of them gave, which must not differ */
  each<T>(act: (site: Site) => Promise<T>): Promise<T>;
  /** Asks every gateway at once; answers must agree in all but what is of one request alone. */
  ask(host: string, asked?: Asked): Promise<Answered>;
  /** A key that the policies accept: `{'x-api-key': …}`. */
  readonly credentials: Readonly<Record<string, string>>;
  /** Ends the connections of its requests. */
  close(): void;
}

/** What every column gives the suite. */
export interface Column {
  readonly addresses: readonly Address[];
  readonly key: string;
  readonly ca: string;
  close(): Promise<void>;
}

/** Fields that are of one request or one gateway alone. */
const OWN = [
  'date',
  'x-request-id',
  'traceparent',
  'x-token',
  'host',
  ':authority',
  'set-cookie',
  'ratelimit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'retry-after',
];
let tokens = 0;

export function worldOf(protocol: Protocol, column: Column, backends: Backends): World {
  const connections = new Connections();
  const siteOf = (address: Address): Site => {
    tokens += 1;
    const token = `token-${tokens}`;
    const opened = (host: string, asked: Asked = {}, on?: Connections): Exchange => {
      const grpc = protocol === 'gRPC';
      const { method = grpc ? 'POST' : 'GET', path = grpc ? '/t.Echo/Say' : '/', headers = {}, body } = asked;
      const opening = {
        host: `${grpc ? 'rpc-' : ''}${host}.${DOMAIN}`,
        method,
        path,
        headers: {
          'x-token': token,
          ...(grpc ? { 'content-type': 'application/grpc', te: 'trailers' } : {}),
          ...(body === undefined || asked.streamed === true || grpc
            ? {}
            : { 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
        empty: body === undefined && !grpc && method !== 'POST' && method !== 'CONNECT',
        ca: column.ca,
      };
      return open(protocol, address, opening, on);
    };
    return {
      open: (host, asked) => opened(host, asked),
      upgrade: (host, text) => upgrade(address, `${host}.${DOMAIN}`, text),
      trace: backends.trace(token),
      async ask(host, asked = {}) {
        const exchange = opened(host, asked, connections);
        try {
          exchange.out.on('error', () => {});
          if (protocol === 'gRPC') exchange.out.write(grpcMessage(asked.body ?? ''));
          else if (asked.body !== undefined) exchange.out.write(asked.body);
          exchange.out.end();
          const { status, headers, body, trailers } = await exchange.answer;
          const chunks: Buffer[] = [];
          body.on('data', (chunk: Buffer) => chunks.push(chunk));
          if (!body.readableEnded) await once(body, 'end');
          const octets = Buffer.concat(chunks);
          return {
            status,
            headers,
            trailers: trailers(),
            informational: [...exchange.informational],
            body: (protocol === 'gRPC' ? grpcMessages(octets) : octets).toString(),
          };
        } finally {
          exchange.close();
        }
      },
    };
  };
  const each: World['each'] = async (act) => {
    const [first, ...others] = await Promise.all(column.addresses.map((address) => act(siteOf(address))));
    if (first === undefined && others.length > 0) expect(others).toEqual(others.map(() => undefined));
    for (const other of others) expect(shared(other), 'all gateways do the same').toEqual(shared(first));
    // At least one gateway was asked, so there is a first.
    return first as Awaited<ReturnType<typeof act>>;
  };
  return {
    protocol,
    each,
    ask: (host, asked) => each((site) => site.ask(host, asked)),
    credentials: { 'x-api-key': column.key },
    close: () => connections.close(),
  };
}

/** Without what is of one request alone, in texts of JSON as well. */
function shared(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shared);
  if (typeof value === 'string' && value.startsWith('{')) return shared(JSON.parse(value));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !OWN.includes(name) && name !== 'requestId' && name !== 'content-length')
      .map(([name, inner]) => [name, shared(inner)]),
  );
}
