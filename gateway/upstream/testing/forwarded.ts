import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type {
  CompiledBackend,
  GatewayPart,
  GatewaySecrets,
  WeightedBackend,
} from '../../../src/policy/model.ts';
import type { Fields } from '../../request.ts';
import type {
  BackendChoice,
  ForwardError,
  Forwarding,
  ForwardRequest,
  ForwardSink,
  ResponseHead,
  Upstreams,
} from '../contract.ts';
import type { UpstreamDeps } from '../upstreams.ts';

/** Everything a sink was told, and a promise for its end. */
export interface Forwarded {
  readonly informational: number[];
  head: ResponseHead | undefined;
  body: string;
  trailers: Fields;
  error: ForwardError | undefined;
  socket: Duplex | undefined;
  readonly forwarding: Forwarding;
  readonly over: Promise<Forwarded>;
}

export const BACKEND = 'default/b:80';
export const AMONG: readonly WeightedBackend[] = [{ backend: BACKEND, weight: 1, filters: [] }];
export const CHOICE: BackendChoice = { target: { backend: BACKEND, weight: 1, filters: [] } };
export const NO_SECRETS: GatewaySecrets = { certificates: {}, bundles: {}, values: {} };

export function get(path: string, changes: Partial<ForwardRequest> = {}): ForwardRequest {
  return {
    method: 'GET',
    path,
    scheme: 'http',
    authority: 'api.example.com',
    fields: [],
    body: undefined,
    timeouts: {},
    retry: undefined,
    trailers: false,
    ...changes,
  };
}

/** @param full answers of `data`: false asks the backend to wait */
export function send(
  upstreams: Upstreams,
  request: ForwardRequest,
  choice: BackendChoice = CHOICE,
  full: (chunk: Uint8Array) => boolean = () => true,
): Forwarded {
  let settle: (forwarded: Forwarded) => void = () => {};
  const over = new Promise<Forwarded>((resolve) => {
    settle = resolve;
  });
  const told: Omit<Forwarded, 'forwarding'> = {
    informational: [],
    head: undefined,
    body: '',
    trailers: [],
    error: undefined,
    socket: undefined,
    over,
  };
  let forwarding: Forwarding | undefined;
  const forwarded: Forwarded = Object.defineProperty(told, 'forwarding', {
    get: () => forwarding,
    enumerable: false,
  }) as Forwarded;
  const sink: ForwardSink = {
    informational: (status) => void forwarded.informational.push(status),
    head: (head) => {
      forwarded.head = head;
    },
    data: (chunk) => {
      forwarded.body += Buffer.from(chunk).toString('latin1');
      return full(chunk);
    },
    end: (trailers) => {
      forwarded.trailers = trailers;
      settle(forwarded);
    },
    error: (error) => {
      forwarded.error = error;
      settle(forwarded);
    },
    upgraded: (head, socket) => {
      forwarded.head = head;
      forwarded.socket = socket;
      settle(forwarded);
    },
  };
  forwarding = upstreams.forward(choice, request, sink);
  return forwarded;
}

export function partOf(
  ports: readonly number[],
  changes: Partial<CompiledBackend> = {},
  id = BACKEND,
): GatewayPart {
  const backend: CompiledBackend = {
    source: { kind: 'Backend', name: 'default/b' },
    endpoints: ports.map((port) => ({ address: '127.0.0.1', port, weight: 1 })),
    protocol: 'http/1.1',
    balance: 'roundRobin',
    connectTimeoutMs: 2_000,
    idleTimeoutMs: 10_000,
    limits: { maxConnections: 10, maxPendingRequests: 10 },
    outlier: { consecutiveFailures: 5, baseEjectionMs: 30_000, maxEjectedPercent: 100 },
    ...changes,
  };
  return { ports: [], rules: {}, backends: { [id]: backend }, auth: {}, edge: {} };
}

export function testDeps(changes: Partial<UpstreamDeps> = {}): UpstreamDeps {
  return {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
    after: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    },
    random: () => 0.5,
    resolve: () => Promise.reject(new Error('there is no resolver')),
    allowedRanges: ['127.0.0.0/8'],
    log: { warn: () => {} },
    ...changes,
  };
}

/** A backend that says exactly what a test wants, on a real socket. */
export interface RawBackend {
  readonly port: number;
  /** Connections there have been, and what each has received, Latin-1. */
  readonly received: string[];
  readonly sockets: Socket[];
  close(): Promise<void>;
}

/** @param answer called with all that came on a connection whenever more comes, and how many requests were answered on it */
export async function rawBackend(
  answer: (socket: Socket, received: string, connection: number) => void,
): Promise<RawBackend> {
  const received: string[] = [];
  const sockets: Socket[] = [];
  const server: Server = createServer({ noDelay: true }, (socket) => {
    const connection = sockets.push(socket) - 1;
    received.push('');
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received[connection] += chunk.toString('latin1');
      answer(socket, received[connection] ?? '', connection);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    received,
    sockets,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** Answers each request with a body that names it; requests have no bodies. */
export function echo(name: string, fields = ''): Parameters<typeof rawBackend>[0] {
  let answered = new WeakMap<Socket, number>();
  return (socket, received) => {
    const requests = received.split('\r\n\r\n').length - 1;
    for (let done = answered.get(socket) ?? 0; done < requests; done += 1) {
      const path = received.split('\r\n\r\n')[done]?.split(' ')[1] ?? '';
      const body = `${name} ${path}`;
      socket.write(`HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`, 'latin1');
    }
    answered = answered.set(socket, requests);
  };
}
