import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AskedLimits, createAskedLimits } from '../gateway/external/asked-limits.ts';
import { PROTECTED } from '../gateway/external/testing/desk-world.ts';
import { quotaWorld } from '../gateway/external/testing/quota-world.ts';
import { createSharedKeyTable } from '../gateway/keys/writer.ts';
import { type AgentSocket, openAgentSocket } from '../gateway/plugins/agent-socket.ts';
import type { UsageHit } from '../gateway/usage/contract.ts';
import { createClusterDigest, createHubDigest } from '../src/identity/api-key.ts';
import type { GatewayPart, QuotaPart } from '../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../src/policy/model.ts';
import { compiled, stored } from '../src/policy/testing/gateway-objects.ts';
import { matching } from '../test/support/matchers.ts';
import { until } from '../test/support/until.ts';
import { createPortolan, type Portolan, protect } from './index.ts';

/** Seconds: an hour from when the window began. */
const SOON = /^3[56]\d\d$/;

/* Limits of requests that a service serves itself: its agent counts them with those of the gateway. */

const HUB = new Uint8Array(32).fill(1);
const CLUSTER = new Uint8Array(32).fill(2);

function limitedPart(onHubLoss: string): { readonly part: GatewayPart; readonly quota: QuotaPart } {
  const policy = stored('RateLimitPolicy', 'customers', {
    domain: 'any',
    rules: {
      limits: {
        customer: {
          counters: ['auth.identity.id'],
          rates: [{ limit: 3, window: '1h' }],
          metric: 'orders',
          onHubLoss,
        },
      },
    },
  });
  const { quota } = compiled(policy).part;
  const id = quota?.domains.any;
  const { orders } = PROTECTED.rules;
  if (quota === undefined || id === undefined || orders === undefined) throw new Error('no limit');
  const part = { ...PROTECTED, quota, rules: { ...PROTECTED.rules, orders: { ...orders, quota: id } } };
  return { part, quota };
}

let folder: string;
let agent: AgentSocket;
let portolan: Portolan;
let server: Server;
let asked: number[];
let accounted: UsageHit[];

async function begin(onHubLoss: string): Promise<void> {
  const { part, quota } = limitedPart(onHubLoss);
  const world = quotaWorld(quota);
  const limits: AskedLimits = createAskedLimits(
    world.gate,
    () => world.policies,
    () => undefined,
    { count: (hit) => accounted.push(hit) },
  );
  const table = createSharedKeyTable();
  const entry = {
    removed: false,
    namespace: 'shop',
    principal: 'billing',
    roles: ['reader'],
    plan: '',
    labels: {},
    attributes: {},
    expiresAtSeconds: 0,
    revoked: false,
  };
  for (const [key, principal] of [
    ['good', 'billing'],
    ['other', 'sales'],
  ] as const)
    table.apply({
      ...entry,
      digest: createClusterDigest(CLUSTER)(createHubDigest(HUB)(key)),
      id: `k-${key}`,
      principal,
    });
  const path = join(folder, 'plugin.sock');
  agent = await openAgentSocket({
    path,
    keys: () => table.entries(),
    usage: () => undefined,
    limits: (one) => {
      asked.push(one.port);
      return limits(one);
    },
    log: { warn: () => undefined },
  });
  const peppers = {
    hub: Buffer.from(HUB).toString('base64'),
    cluster: Buffer.from(CLUSTER).toString('base64'),
  };
  agent.configured(() => part, { ...NO_GATEWAY_SECRETS, peppers });
  agent.heard(0);
  portolan = createPortolan({ agent: `unix:${path}`, log: { warn: () => undefined } });
  await portolan.ready();
  server = createServer(protect(portolan, (_, reply) => reply.end('served'))).listen(0, '127.0.0.1');
  await until('the service listens', () => Promise.resolve(server.listening), 5_000);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-plugin-limits-'));
  asked = [];
  accounted = [];
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await portolan.close();
  await agent.close();
  await rm(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly code: unknown;
}

function get(path: string, key = 'good'): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  const headers = { host: 'api.example.com', 'x-api-key': key };
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers, agent: false }, (reply) => {
      let body = '';
      reply.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      reply.on('end', () => {
        const { code } = (body.startsWith('{') ? JSON.parse(body) : {}) as { code?: unknown };
        resolve({ status: reply.statusCode ?? 0, headers: reply.headers, code });
      });
    })
      .on('error', reject)
      .end();
  });
}

it('counts each caller with the agent, and refuses with the fields of the gateway', async () => {
  await begin('floor');
  const answers = await Promise.all(Array.from({ length: 8 }, () => get('/orders')));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
  const over = answers.filter(({ status }) => status === 429);
  expect(over).toHaveLength(5);
  expect(over[0]?.headers['retry-after']).toMatch(SOON);
  expect(over[0]?.code).toBe('QUOTA_EXCEEDED');
  const other = await get('/orders', 'other');
  expect([other.status, other.headers.ratelimit]).toEqual([200, matching(/^"customer";r=2;t=3[56]\d\d$/)]);
});

it('I34 accounts with the agent what limits of a metric admit, once for each request that passes', async () => {
  await begin('floor');
  await Promise.all(Array.from({ length: 8 }, () => get('/orders')));
  expect(
    accounted.map(({ principal, keyId, route, metric, amount }) => [principal, keyId, route, metric, amount]),
  ).toEqual(Array.from({ length: 3 }, () => ['billing', 'k-good', 'default/orders', 'orders', 1]));
});

it('asks about nothing that no limit is for, or that is refused anyway', async () => {
  await begin('floor');
  expect((await get('/open')).status).toBe(200);
  expect((await get('/orders', 'bad')).status).toBe(401);
  expect(asked).toEqual([]);
});

it('refuses while the agent does not answer', async () => {
  await begin('floor');
  await agent.close();
  await until('the agent is away', () => Promise.resolve(!portolan.connected), 5_000);
  const answer = await get('/orders');
  expect([answer.status, answer.code]).toEqual([503, 'QUOTA_UNAVAILABLE']);
});

it('lets everybody pass then where the limit says so', async () => {
  await begin('allow');
  await agent.close();
  await until('the agent is away', () => Promise.resolve(!portolan.connected), 5_000);
  const answers = await Promise.all(Array.from({ length: 5 }, () => get('/orders')));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});
