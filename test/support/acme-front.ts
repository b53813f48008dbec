import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as requestHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { createCaLimits, type FrontLimits } from './acme-limits.ts';
import { testAuthority } from './certificates.ts';
import type { Pebble } from './pebble.ts';

/** What stands before a CA in tests: Boulder's rate limits, which pebble lacks, and a network that fails. */
export interface AcmeFront extends AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  /** PEM to trust, to speak with it. */
  readonly serverCa: string;
  /** May be changed at any time. */
  limits: FrontLimits;
  /** Asked for every request; may be changed at any time. */
  fault: (request: FrontRequest) => Fault | undefined;
  /** In place of the CA's suggestions: by ARI id. */
  renewalWindow: ((ariId: string) => RenewalWindow | undefined) | undefined;
  /** Every request so far, in the order in which they came. */
  readonly requests: readonly FrontRequest[];
  stop(): Promise<void>;
}

export interface RenewalWindow {
  readonly startMs: number;
  readonly endMs: number;
  readonly explanationUrl?: string;
  readonly retryAfterSeconds?: number;
}

export type FrontAction =
  | 'directory'
  | 'newNonce'
  | 'newAccount'
  | 'account'
  | 'newOrder'
  | 'order'
  | 'orders'
  | 'authorization'
  | 'challenge'
  | 'finalize'
  | 'certificate'
  | 'revoke'
  | 'renewalInfo'
  | 'other';

export interface FrontRequest {
  readonly action: FrontAction;
  readonly path: string;
  readonly atMs: number;
  /** Of a new order. */
  readonly names?: readonly string[];
  readonly replaces?: string;
  readonly profile?: string;
  /** Of the answer, once there is one; 0: dropped. */
  status?: number;
}

export type Fault =
  | { readonly kind: 'answer'; readonly status: number; readonly retryAfterSeconds?: number }
  /**
   * The connection breaks: before the CA has the request, or after it acted and before its answer is passed on. What it refused is passed
   * on: a nonce that it does not take (pebble throws some away) is no act.
   */
  | { readonly kind: 'drop'; readonly when: 'before' | 'after'; readonly dropped?: () => void }
  | { readonly kind: 'delay'; readonly ms: number };

/** Paths of pebble, which differ from Boulder's on purpose. */
const ACTIONS: readonly (readonly [string, FrontAction])[] = [
  ['/dir', 'directory'],
  ['/nonce-plz', 'newNonce'],
  ['/sign-me-up', 'newAccount'],
  ['/my-account/', 'account'],
  ['/order-plz', 'newOrder'],
  ['/my-order/', 'order'],
  ['/list-orderz/', 'orders'],
  ['/authZ/', 'authorization'],
  ['/chalZ/', 'challenge'],
  ['/finalize-order/', 'finalize'],
  ['/certZ/', 'certificate'],
  ['/revoke-cert', 'revoke'],
  ['/draft-ietf-acme-ari-03/renewalInfo/', 'renewalInfo'],
];

const jws = z.object({ protected: z.string(), payload: z.string() });
const newOrder = z.object({
  identifiers: z.array(z.object({ value: z.string() })),
  replaces: z.string().optional(),
  profile: z.string().optional(),
});
const kid = z.object({ kid: z.string() });
/** @param upstream asked for each request: pebble may be another one after a restart */
export async function startAcmeFront(upstream: () => Pebble, limits: FrontLimits = {}): Promise<AcmeFront> {
  const authority = await testAuthority('the TLS of the front');
  const tls = await authority.issue({ dns: ['localhost'], ips: ['127.0.0.1'] });
  const requests: FrontRequest[] = [];
  const counted = createCaLimits();
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });

  interface Forwarded {
    readonly method?: string | undefined;
    readonly url?: string | undefined;
    readonly headers: IncomingMessage['headers'];
  }

  const forward = (
    { method, url, headers }: Forwarded,
    body: Buffer,
  ): Promise<{ response: IncomingMessage; body: Buffer }> =>
    new Promise((resolve, reject) => {
      const ca = upstream();
      // Host goes on as it came: what is signed has the front's address in it.
      const asked = requestHttps(
        { host: '127.0.0.1', port: ca.port, ca: ca.serverCa, agent, method, path: url, headers },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('end', () => resolve({ response, body: Buffer.concat(parts) }));
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });

  async function freshNonce({ headers: { host } }: IncomingMessage): Promise<string | undefined> {
    const headers = { host, 'user-agent': 'front' };
    const { response } = await forward({ method: 'HEAD', url: '/nonce-plz', headers }, Buffer.alloc(0));
    const nonce = response.headers['replay-nonce'];
    return typeof nonce === 'string' ? nonce : undefined;
  }

  async function refuse(
    incoming: IncomingMessage,
    out: ServerResponse,
    problem: { readonly type: string; readonly detail: string; readonly status: number },
    retryAfterSeconds: number | undefined,
  ): Promise<void> {
    const nonce = await freshNonce(incoming).catch(() => undefined);
    out.writeHead(problem.status, {
      'Content-Type': 'application/problem+json',
      ...(nonce === undefined ? {} : { 'Replay-Nonce': nonce }),
      ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
    });
    out.end(JSON.stringify({ ...problem, type: `urn:ietf:params:acme:error:${problem.type}` }));
  }

  async function serve(incoming: IncomingMessage, out: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const path = incoming.url ?? '/';
    const action =
      ACTIONS.find(([prefix]) => (prefix.endsWith('/') ? path.startsWith(prefix) : path === prefix))?.[1] ??
      'other';
    const signed = jws.safeParse(json(body.toString())).data;
    const account = signed === undefined ? '' : (kid.safeParse(decoded(signed.protected)).data?.kid ?? '');
    const order =
      action === 'newOrder' && signed !== undefined
        ? newOrder.safeParse(decoded(signed.payload)).data
        : undefined;
    const names = order?.identifiers.map(({ value }) => value.toLowerCase()).sort();
    const request: FrontRequest = {
      action,
      path,
      atMs: Date.now(),
      ...(names === undefined ? {} : { names }),
      ...(order?.replaces === undefined ? {} : { replaces: order.replaces }),
      ...(order?.profile === undefined ? {} : { profile: order.profile }),
    };
    requests.push(request);
    out.on('finish', () => {
      request.status = out.statusCode;
    });
    const fault = front.fault(request);
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    if (fault?.kind === 'drop' && fault.when === 'before') return drop(fault, request, incoming);
    if (fault?.kind === 'answer')
      return refuse(
        incoming,
        out,
        { type: 'serverInternal', detail: 'the service is down for maintenance', status: fault.status },
        fault.retryAfterSeconds,
      );
    const over =
      names === undefined ? undefined : counted.passed(front.limits, account, names, order?.replaces);
    if (over !== undefined) {
      const [detail, waitMs] = over;
      return refuse(
        incoming,
        out,
        {
          type: 'rateLimited',
          detail: `${detail}, retry after ${new Date(Date.now() + waitMs).toISOString()}`,
          status: 429,
        },
        Math.ceil(waitMs / 1000),
      );
    }
    const answer = await forward(incoming, body);
    const acted = (answer.response.statusCode ?? 500) < 300;
    if (acted)
      counted.learn(request, account, answer.response.headers.location, json(answer.body.toString()));
    if (fault?.kind === 'drop' && acted) return drop(fault, request, incoming);
    const window = action === 'renewalInfo' ? front.renewalWindow?.(path.split('/').at(-1) ?? '') : undefined;
    if (window !== undefined) return suggest(out, window);
    out.writeHead(answer.response.statusCode ?? 502, answer.response.headers);
    out.end(answer.body);
  }

  const server = createServer({ cert: tls.certificatePem, key: tls.keyPem }, (incoming, out) => {
    serve(incoming, out).catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    agent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const front: AcmeFront = {
    directory: `https://127.0.0.1:${port}/dir`,
    port,
    serverCa: authority.certificatePem,
    limits,
    fault: () => undefined,
    renewalWindow: undefined,
    requests,
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return front;
}

function drop(
  { dropped }: Extract<Fault, { readonly kind: 'drop' }>,
  request: FrontRequest,
  incoming: IncomingMessage,
): void {
  request.status = 0;
  dropped?.();
  incoming.socket.destroy();
}

function suggest(
  out: ServerResponse,
  { startMs, endMs, explanationUrl, retryAfterSeconds = 21_600 }: RenewalWindow,
): void {
  out.writeHead(200, { 'Content-Type': 'application/json', 'Retry-After': String(retryAfterSeconds) });
  out.end(
    JSON.stringify({
      suggestedWindow: { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() },
      ...(explanationUrl === undefined ? {} : { explanationURL: explanationUrl }),
    }),
  );
}

function decoded(text: string): unknown {
  return json(Buffer.from(text, 'base64url').toString());
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
