import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import type { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';
import { joinRequest, MAX_JOIN_BODY_OCTETS, renewRequest } from '../../src/protocol/join-messages.ts';
import type { Enrolment } from './enrolment.ts';
import { type ListenAddress, listenAt } from './listening.ts';
import { type BudgetOptions, createRequestBudget } from './request-budget.ts';
import type { HubCertificate } from './server-certificate.ts';

export interface JoinListenerOptions {
  readonly listen: ListenAddress;
  readonly certificate: HubCertificate;
  readonly caBundlePem: string;
  readonly enrolment: Enrolment;
  readonly clock: LinkClock;
  /** Requests per source; default 120 at once, then 10 a second. */
  readonly budget?: BudgetOptions;
  /** Told of failures that are the hub's own (codes INTERNAL, STORE_…). */
  readonly onError?: (error: PortolanError) => void;
}

export interface JoinListener {
  readonly host: string;
  readonly port: number;
  /** Stops listening; idle connections end at once, requests under way within a second. */
  close(): Promise<void>;
}

const DEFAULT_BUDGET: BudgetOptions = { burst: 120, perSecond: 10, maxSources: 10_000 };
/** A join is two small messages: slower than this is not an agent. */
const REQUEST_TIMEOUT_MS = 15_000;
const CHECK_EVERY_MS = 5_000;
/** Requests under way when the hub stops. */
const CLOSE_GRACE_MS = 1_000;
const MAX_CONNECTIONS = 512;

interface Reply {
  readonly status: number;
  readonly type: 'application/json' | 'application/problem+json' | 'application/x-pem-file';
  readonly body: string;
}

/**
 * The HTTPS listener where agents get their identity. It asks for no client certificate and is separate from the agent
 * link: whoever has none can reach nothing else. Errors are problem details (RFC 9457).
 * @throws PortolanError PORT_IN_USE, CONFIG_INVALID
 */
export async function createJoinListener(options: JoinListenerOptions): Promise<JoinListener> {
  const budget = createRequestBudget(options.budget ?? DEFAULT_BUDGET, options.clock.monotonicMs);
  const server = createServer(
    {
      ...tlsOf(options.certificate.current()),
      minVersion: 'TLSv1.3',
      handshakeTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      maxHeaderSize: 8_192,
      keepAliveTimeout: 5_000,
    },
    (request, response) => void serve(request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  // Of all connections, also those that have not said anything yet, which would keep close() waiting.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  options.certificate.onChange((pair) => server.setSecureContext(tlsOf(pair)));

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let reply: Reply;
    try {
      if (!budget.take(request.socket.remoteAddress ?? '')) {
        throw new PortolanError('RATE_LIMITED', 'too many requests from this address');
      }
      reply = await answer(request, options);
    } catch (thrown) {
      const error = PortolanError.from(thrown);
      if (error.status >= 500) options.onError?.(error);
      reply = {
        status: error.status,
        type: 'application/problem+json',
        body: JSON.stringify(error.toProblem()),
      };
    }
    const complete = request.complete;
    response.writeHead(reply.status, {
      'content-type': reply.type,
      'content-length': Buffer.byteLength(reply.body),
      'cache-control': 'no-store',
      'x-portolan-wall-ms': String(Math.floor(options.clock.wallMs())),
      ...(reply.status === 429 ? { 'retry-after': '1' } : {}),
      // What was refused before its body was read has left the connection in no state to go on.
      ...(complete ? {} : { connection: 'close' }),
    });
    response.end(reply.body);
  };

  const { host, port } = await listenAt(server, options.listen, 'join listener');
  // Such as no descriptors left to accept with: the listener goes on.
  server.on('error', (error) => options.onError?.(PortolanError.from(error)));
  return {
    host,
    port,
    close: () =>
      new Promise((resolve) => {
        const cancel = options.clock.after(CLOSE_GRACE_MS, () => {
          for (const socket of sockets) socket.destroy();
        });
        server.close(() => {
          cancel();
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

async function answer(request: IncomingMessage, options: JoinListenerOptions): Promise<Reply> {
  const route = `${request.method ?? ''} ${request.url ?? ''}`;
  switch (route) {
    case 'GET /ca':
      return { status: 200, type: 'application/x-pem-file', body: options.caBundlePem };
    case 'GET /challenge':
      return json({
        challenge: options.enrolment.challenge(),
        hubWallMs: Math.floor(options.clock.wallMs()),
      });
    case 'POST /join':
      return json(await options.enrolment.join(await body(request, joinRequest)));
    case 'POST /renew': {
      const certificateChainPem = await options.enrolment.renew(await body(request, renewRequest));
      return json({ certificateChainPem, hubWallMs: Math.floor(options.clock.wallMs()) });
    }
    default:
      throw new PortolanError('NOT_FOUND', 'this listener serves only /ca, /join, /challenge and /renew', {
        fix: 'Use the hub API address for anything else.',
      });
  }
}

function json(value: unknown): Reply {
  return { status: 200, type: 'application/json', body: JSON.stringify(value) };
}

/** @throws PortolanError PAYLOAD_TOO_LARGE, VALIDATION_FAILED; messages never quote the body, which holds a secret */
async function body<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > MAX_JOIN_BODY_OCTETS) {
      throw new PortolanError(
        'PAYLOAD_TOO_LARGE',
        `the request is larger than ${MAX_JOIN_BODY_OCTETS} octets`,
      );
    }
    chunks.push(bytes);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new PortolanError('VALIDATION_FAILED', 'the request is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new PortolanError('VALIDATION_FAILED', 'the request does not have the expected members', {
    violations: parsed.error.issues.map((issue) => ({
      path: issue.path.join('.'),
      code: 'VALIDATION_FAILED',
      message: issue.code,
      fix: 'Use an agent of this or the previous release.',
    })),
  });
}

function tlsOf(pair: { readonly certificatePem: string; readonly privateKeyPem: string }) {
  return { cert: pair.certificatePem, key: pair.privateKeyPem };
}
