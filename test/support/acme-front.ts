import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as requestHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { registeredDomain } from '../../src/certificates/names.ts';
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

export interface FrontLimits {
  /** Certificates for exactly the same names. */
  readonly certificatesPerNameSet?: Limit;
  /** Certificates per registered domain, but for renewals of the same names. */
  readonly certificatesPerDomain?: Limit;
  readonly ordersPerAccount?: Limit;
  /** Failed validations of one name. */
  readonly failuresPerName?: Limit;
}

export interface Limit {
  readonly count: number;
  readonly windowMs: number;
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
  /** The connection breaks: before the CA has the request, or after it acted and before its answer is passed on. */
  | { readonly kind: 'drop'; readonly when: 'before' | 'after' }
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
const status = z.object({ status: z.string() });
const authorization = z.object({ status: z.string(), identifier: z.object({ value: z.string() }) });

interface Order {
  readonly names: readonly string[];
  readonly exempt: boolean;
}

/** @param upstream asked for each request: pebble may be another one after a restart */
export async function startAcmeFront(upstream: () => Pebble, limits: FrontLimits = {}): Promise<AcmeFront> {
  const authority = await testAuthority('the TLS of the front');
  const tls = await authority.issue({ dns: ['localhost'], ips: ['127.0.0.1'] });
  const requests: FrontRequest[] = [];
  const orders = new Map<string, Order>();
  /** Instants by what is counted. */
  const counts = new Map<string, number[]>();
  const failed = new Set<string>();
  const issued = new Set<string>();
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });

  const count = (key: string): void => void counts.set(key, [...(counts.get(key) ?? []), Date.now()]);
  /** Milliseconds until one more is allowed; 0: now. */
  function waitFor(key: string, limit: Limit | undefined): number {
    if (limit === undefined) return 0;
    const now = Date.now();
    const recent = (counts.get(key) ?? []).filter((atMs) => atMs > now - limit.windowMs);
    const frees = recent.at(-limit.count);
    return recent.length < limit.count || frees === undefined ? 0 : Math.max(1, frees + limit.windowMs - now);
  }

  /** As Boulder has it: a renewal that says what it replaces is exempt from all, one of the same names from the domain's. */
  function limitOf(account: string, names: readonly string[], replaces: string | undefined) {
    if (replaces !== undefined) return undefined;
    const set = names.join(' ');
    const renewal = (counts.get(`set ${set}`)?.length ?? 0) > 0;
    const { ordersPerAccount, certificatesPerNameSet, certificatesPerDomain, failuresPerName } = front.limits;
    const waits: readonly (readonly [string, number])[] = [
      [
        'too many new orders from this account',
        renewal ? 0 : waitFor(`account ${account}`, ordersPerAccount),
      ],
      [
        `too many certificates already issued for this exact set of identifiers: ${set}`,
        waitFor(`set ${set}`, certificatesPerNameSet),
      ],
      ...(renewal ? [] : [...new Set(names.map((name) => registeredDomain(name)))]).map(
        (domain) =>
          [
            `too many certificates already issued for "${domain}"`,
            waitFor(`domain ${domain}`, certificatesPerDomain),
          ] as const,
      ),
      ...names.map(
        (name) =>
          [
            `too many failed authorizations for "${name}"`,
            waitFor(`failure ${name}`, failuresPerName),
          ] as const,
      ),
    ];
    return waits.find(([, waitMs]) => waitMs > 0);
  }

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

  /** What the CA's answer means for the counts. */
  function learn(request: FrontRequest, account: string, answer: IncomingMessage, body: Buffer): void {
    const ok = (answer.statusCode ?? 0) < 300;
    if (!ok) return;
    const id = request.path.split('/').at(-1) ?? '';
    if (request.action === 'newOrder' && request.names !== undefined) {
      const orderId = answer.headers.location?.split('/').at(-1) ?? '';
      orders.set(orderId, { names: request.names, exempt: request.replaces !== undefined });
      if (request.replaces === undefined) count(`account ${account}`);
    }
    if (request.action === 'finalize' || request.action === 'order') {
      const order = orders.get(id);
      const state = status.safeParse(json(body.toString())).data?.status;
      if (order === undefined || (state !== 'valid' && state !== 'processing') || issued.has(id)) return;
      issued.add(id);
      if (order.exempt) return;
      const set = order.names.join(' ');
      const renewal = counts.has(`set ${set}`);
      count(`set ${set}`);
      if (!renewal)
        for (const domain of new Set(order.names.map((name) => registeredDomain(name))))
          count(`domain ${domain}`);
    }
    if (request.action === 'authorization') {
      const found = authorization.safeParse(json(body.toString())).data;
      if (found?.status !== 'invalid' || failed.has(id)) return;
      failed.add(id);
      count(`failure ${found.identifier.value}`);
    }
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
    if (fault?.kind === 'drop' && fault.when === 'before') return drop(request, incoming);
    if (fault?.kind === 'answer')
      return refuse(
        incoming,
        out,
        { type: 'serverInternal', detail: 'the service is down for maintenance', status: fault.status },
        fault.retryAfterSeconds,
      );
    const over = names === undefined ? undefined : limitOf(account, names, order?.replaces);
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
    learn(request, account, answer.response, answer.body);
    if (fault?.kind === 'drop') return drop(request, incoming);
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

function drop(request: FrontRequest, incoming: IncomingMessage): void {
  request.status = 0;
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
