import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import fastify from 'fastify';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SigningKey, signingKey } from '../gateway/auth/testing/issuer.ts';
import { policyOf, wayOf } from '../gateway/auth/testing/world.ts';
import { PROTECTED } from '../gateway/external/testing/desk-world.ts';
import { createSharedKeyTable, type SharedKeyTable } from '../gateway/keys/writer.ts';
import { type AgentSocket, openAgentSocket } from '../gateway/plugins/agent-socket.ts';
import type { UsageCount } from '../gateway/usage/usage-counts.ts';
import { createClusterDigest, createHubDigest } from '../src/identity/api-key.ts';
import { type GatewayPart, type GatewaySecrets, NO_GATEWAY_SECRETS } from '../src/policy/model.ts';
import type { KeyEntry } from '../src/protocol/credential-entry.ts';
import { quickest } from '../test/support/quickest.ts';
import { until } from '../test/support/until.ts';
import { createPortolan, fastifyPortolan, middleware, type Portolan, protect } from './index.ts';

const HUB = Buffer.alloc(32, 1);
const CLUSTER = Buffer.alloc(32, 2);
const PEPPERS = { hub: HUB.toString('base64'), cluster: CLUSTER.toString('base64') };
const SECRETS: GatewaySecrets = { ...NO_GATEWAY_SECRETS, peppers: PEPPERS };

function keyOf(text: string, given: Partial<KeyEntry> = {}): KeyEntry {
  return {
    digest: createClusterDigest(CLUSTER)(createHubDigest(HUB)(text)),
    removed: false,
    id: `k-${text}`,
    namespace: 'shop',
    principal: 'billing',
    roles: ['reader'],
    plan: '',
    labels: {},
    attributes: {},
    expiresAtSeconds: 0,
    revoked: false,
    ...given,
  };
}

let folder: string;
let path: string;
let table: SharedKeyTable;
let agent: AgentSocket;
let portolan: Portolan;
const counted: UsageCount[] = [];
const openAgent = (): Promise<AgentSocket> =>
  openAgentSocket({
    path,
    keys: () => table.entries(),
    usage: (counts) => void counted.push(...counts),
    log: { warn: () => undefined },
  });
const apply = (entry: KeyEntry): void => {
  table.apply(entry);
  agent.keyChanged(entry);
};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-plugin-'));
  path = join(folder, 'plugin.sock');
  counted.length = 0;
  table = createSharedKeyTable();
  table.apply(keyOf('good'));
  agent = await openAgent();
  agent.configured(() => PROTECTED, SECRETS);
  agent.heard(0);
  portolan = createPortolan({ agent: `unix:${path}`, log: { warn: () => undefined } });
  await portolan.ready();
});
afterEach(async () => {
  await portolan.close();
  await agent.close();
  await rm(folder, { recursive: true });
});

interface Service extends AsyncDisposable {
  readonly url: string;
}
async function serve(listener: RequestListener): Promise<Service> {
  const server: Server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const ADAPTERS: Readonly<Record<string, () => Promise<Service>>> = {
  'node:http': () =>
    serve(
      protect(portolan, (message, reply) => {
        reply.end(JSON.stringify({ url: message.url, headers: message.headers, caller: message.portolan }));
      }),
    ),
  express: () => {
    const app = express();
    app.use(middleware(portolan));
    app.get(['/orders', '/admin', '/open'], (message, reply) => {
      const { originalUrl: url, headers } = message;
      reply.json({ url, headers, caller: message.portolan, query: message.query });
    });
    return serve(app);
  },
  fastify: async () => {
    const app = fastify();
    fastifyPortolan(app, portolan);
    for (const route of ['/orders', '/admin', '/open'])
      app.get(route, (request) => ({
        url: request.raw.url,
        headers: request.headers,
        caller: request.raw.portolan,
        query: request.query,
      }));
    await app.listen({ port: 0, host: '127.0.0.1' });
    return {
      url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
      [Symbol.asyncDispose]: () => app.close(),
    };
  },
};

const get = async (
  service: Service,
  target: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> => {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const asked = request(`${service.url}${target}`, {
      headers: { host: 'api.example.com', ...headers },
      agent: false,
    });
    asked.on('error', reject);
    asked.on('response', (reply) => {
      let body = '';
      reply.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body }));
    });
    asked.end();
  });
};

describe.each(Object.keys(ADAPTERS))('the plug-in in %s', (name) => {
  const start = (): Promise<Service> => ADAPTERS[name]?.() ?? Promise.reject(new Error(name));

  it('lets a known key pass, takes it and what the client made up away, and says who calls', async () => {
    await using service = await start();
    const reply = await get(service, '/orders', { 'x-api-key': 'good', 'x-principal': 'root' });
    expect(reply.status).toBe(200);
    const seen = JSON.parse(reply.body) as { headers: object; caller: object };
    expect(seen.caller).toMatchObject({ principal: 'billing', roles: ['reader'], keyId: 'k-good' });
    expect(seen.headers).toMatchObject({ 'x-principal': 'billing' });
    expect(seen.headers).not.toHaveProperty('x-api-key');
  });

  it('refuses as the gateway does', async () => {
    await using service = await start();
    const missing = await get(service, '/orders');
    expect([missing.status, (JSON.parse(missing.body) as { code: string }).code]).toEqual([
      401,
      'CREDENTIALS_MISSING',
    ]);
    expect((await get(service, '/orders', { 'x-api-key': 'bad' })).status).toBe(401);
    expect((await get(service, '/admin', { 'x-api-key': 'good' })).status).toBe(403);
    expect((await get(service, '/open', { 'x-principal': 'root' })).body).not.toContain('root');
    expect((await get(service, '/nobody')).status).toBe(403);
  });

  it('takes a key out of the query and of the cookies before the service sees them', async () => {
    await using service = await start();
    const query = await get(service, '/orders?page=2&api_key=good');
    expect(query.status).toBe(200);
    expect(query.body).toContain('page=2');
    expect(query.body.replace('k-good', '')).not.toContain('good');
    const cookie = await get(service, '/orders', { cookie: 'a=1; key=good' });
    expect([cookie.status, cookie.body.replace('k-good', '').includes('good')]).toEqual([200, false]);
  });
});

describe('what a service reads in another way than by request.headers and request.url', () => {
  it('express: a middleware that is mounted at a path is judged by the whole path', async () => {
    const app = express();
    app.use('/admin', middleware(portolan), (message, reply) => void reply.json(message.url));
    app.use('/v1', middleware(portolan), (_, reply) => void reply.end());
    await using service = await serve(app);
    // The policy of `/admin` wants a role; by what is left after the mount, `/open` would let everybody in.
    expect((await get(service, '/admin/open')).status).toBe(401);
    expect((await get(service, '/admin/orders', { 'x-api-key': 'good' })).status).toBe(403);
    expect((await get(service, '/v1/open')).status).toBe(403);
  });

  it('raw and distinct headers have neither the credential nor what the client made up', async () => {
    await using service = await serve(
      protect(portolan, (message, reply) => {
        reply.end(JSON.stringify([message.rawHeaders, message.headersDistinct]));
      }),
    );
    const { body } = await get(service, '/orders', {
      'X-Api-Key': 'good',
      'X-Principal': 'root',
      'X-Kept': 'mine',
    });
    const [raw, distinct] = JSON.parse(body) as [string[], Record<string, string[]>];
    expect(body).not.toMatch(/root|good/);
    expect(raw.slice(raw.indexOf('x-principal')).slice(0, 2)).toEqual(['x-principal', 'billing']);
    expect(raw[raw.indexOf('X-Kept') + 1]).toBe('mine');
    expect(distinct).toMatchObject({ 'x-principal': ['billing'], 'x-kept': ['mine'] });
    const cookie = await get(service, '/orders', { cookie: 'a=1; key=good' });
    expect(cookie.body).toContain('"cookie","a=1"');
    expect(cookie.body).toContain('"cookie":["a=1"]');
    expect(cookie.body).not.toContain('good');
  });

  it('HTTP/2: the query of the pseudo-header has no credential either', async () => {
    const { connect, createServer: createHttp2 } = await import('node:http2');
    const server = createHttp2((message, reply) => {
      protect(portolan, () => reply.end(JSON.stringify([message.url, message.headers, message.rawHeaders])))(
        message as unknown as Parameters<RequestListener>[0],
        reply as unknown as Parameters<RequestListener>[1],
      );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({
      ':path': '/orders?page=2&api_key=good',
      ':authority': 'api.example.com',
    });
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    session.close();
    server.close();
    expect(body).toContain('/orders?page=2');
    expect(body).not.toContain('good');
  });
});

describe('the plug-in', () => {
  it('refuses a revoked key within a second, and takes a new one', async () => {
    await using service = await serve(protect(portolan, (_, reply) => reply.end()));
    const status = async (key: string) => (await get(service, '/orders', { 'x-api-key': key })).status;
    const tookMs = await quickest(3, 1_000, async (round) => {
      apply(keyOf('good'));
      await until('the key holds', async () => (await status('good')) === 200, 20_000, 5);
      const started = performance.now();
      apply(keyOf('good', { revoked: true }));
      apply(keyOf(`new-${round}`));
      await until('the revocation holds', async () => (await status('good')) === 401, 20_000, 5);
      await until('the new key holds', async () => (await status(`new-${round}`)) === 200, 20_000, 5);
      return performance.now() - started;
    });
    expect(tookMs).toBeLessThan(1_000);
  });

  it('gives the agent what passed, and keeps it while the agent is away', async () => {
    await using service = await serve(protect(portolan, (_, reply) => reply.end()));
    await get(service, '/orders', { 'x-api-key': 'good' });
    const total = (): number => counted.reduce((sum, { amount }) => sum + amount, 0);
    await until('the hit is counted', async () => total() === 1, 20_000);
    await agent.close();
    await until('the link is down', async () => !portolan.connected, 20_000);
    expect((await get(service, '/orders', { 'x-api-key': 'good' })).status).toBe(200);
    table.apply(keyOf('good', { removed: true }));
    table.apply(keyOf('other'));
    agent = await openAgent();
    agent.configured(() => PROTECTED, SECRETS);
    await until('the hit of the time between is counted', async () => total() === 2, 20_000);
    // What changed meanwhile is made up for, also what is no longer there.
    const status = async (key: string) => (await get(service, '/orders', { 'x-api-key': key })).status;
    await until('the removed key is no key', async () => (await status('good')) === 401, 20_000);
    expect(await status('other')).toBe(200);
  });

  it('swaps the API key for a JWT by configuration alone, while the service runs', async () => {
    const key: SigningKey = await signingKey('one');
    await using service = await serve(
      protect(portolan, (message, reply) => reply.end(message.portolan?.principal)),
    );
    expect((await get(service, '/orders', { 'x-api-key': 'good' })).body).toBe('billing');
    const part: GatewayPart = {
      ...PROTECTED,
      auth: {
        ...PROTECTED.auth,
        keys: policyOf({
          authentication: [
            wayOf({
              type: 'jwt',
              credentials: [{ in: 'authorization', scheme: 'Bearer' }],
              issuer: 'https://issuer.example',
              jwks: 'shop/jwks/keys',
              audiences: ['orders'],
              algorithms: ['ES256'],
              leewaySeconds: 0,
              requiredClaims: [],
              principalClaim: 'sub',
              roleClaims: [],
              scopeClaims: [],
              outbound: { timeoutMs: 1000, bundles: [] },
            }),
          ],
        }),
      },
    };
    agent.configured(() => part, {
      ...SECRETS,
      values: { 'shop/jwks/keys': JSON.stringify({ keys: [key.jwk] }) },
    });
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer('https://issuer.example')
      .setAudience('orders')
      .setSubject('anna')
      .setExpirationTime('1m')
      .sign(key.privateKey);
    const withToken = () => get(service, '/orders', { authorization: `Bearer ${token}` });
    await until('the token is taken', async () => (await withToken()).status === 200, 20_000);
    expect((await withToken()).body).toBe('anna');
    expect((await get(service, '/orders', { 'x-api-key': 'good' })).status).toBe(401);
  });

  it('refuses everybody until configuration and keys are here, and says what to do when the agent is not', async () => {
    const lonely = createPortolan({
      agent: `unix:${join(folder, 'nobody.sock')}`,
      log: { warn: () => undefined },
    });
    await using service = await serve(protect(lonely, (_, reply) => reply.end()));
    expect((await get(service, '/open')).status).toBe(503);
    await expect(lonely.ready(20)).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
    await lonely.close();
    expect(() => createPortolan({ agent: 'http://127.0.0.1:1' })).toThrow(/is no socket/);
  });

  it.each(['20.19.0', '22.11.0'])('says on Node.js %s that it is too old', (version) => {
    const versions = Object.getOwnPropertyDescriptor(process, 'versions');
    Object.defineProperty(process, 'versions', { configurable: true, value: { node: version } });
    try {
      expect(() => createPortolan({ agent: `unix:${path}` })).toThrow(/needs 22\.12 or later/);
    } finally {
      Object.defineProperty(process, 'versions', { ...versions });
    }
  });

  it('does not get the private keys of listeners', async () => {
    const { connect } = await import('node:net');
    agent.configured(() => PROTECTED, {
      ...SECRETS,
      certificates: { 'shop/tls': { certificatePem: 'c', keyPem: 'canary-private-key' } },
    });
    const socket = connect(path);
    let said = '';
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
    });
    await until('all is said', async () => said.includes('keysEnd'), 20_000);
    socket.destroy();
    expect(said).toContain('"configuration"');
    expect(said).not.toContain('canary-private-key');
  });
});
