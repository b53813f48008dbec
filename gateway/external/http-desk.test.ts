import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containing } from '../../test/support/matchers.ts';
import { type DeskWorld, deskWorld, PROTECTED } from './testing/desk-world.ts';

let world: DeskWorld;
beforeAll(async () => {
  world = await deskWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

const CLIENT = {
  'x-forwarded-method': 'GET',
  'x-forwarded-uri': '/orders/7?page=2',
  'x-forwarded-host': 'api.example.com',
  'x-forwarded-proto': 'http',
  'x-forwarded-for': '198.51.100.7',
};

function ask(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  path = '/authorize',
  port = world.httpPort,
): Promise<Answer> {
  const sent = Object.fromEntries(
    Object.entries({ ...CLIENT, ...headers }).filter(([, value]) => value !== undefined),
  );
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: sent }, (reply) => {
      let body = '';
      reply.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('auth_request and forward_auth', () => {
  it('says yes with the headers for the backend, counts the hit, and logs without the query', async () => {
    world.hits.length = 0;
    const answer = await ask({ 'x-api-key': 'good' });
    expect(answer).toMatchObject({ status: 200, headers: { 'x-principal': 'billing' }, body: '' });
    expect(world.hits).toMatchObject([
      {
        namespace: 'default',
        principal: 'billing',
        keyId: 'k-billing',
        route: 'default/orders',
        metric: 'hits',
        amount: 1,
      },
    ]);
    const record = world.records.at(-1);
    expect(record).toMatchObject({ listener: 'external', route: 'default/orders', status: 200 });
    expect(record?.request?.source.address).toBe('198.51.100.7');
  });

  it.each([
    ['without a key', {}, 401, 'CREDENTIALS_MISSING'],
    ['with an unknown key', { 'x-api-key': 'bad' }, 401, 'CREDENTIALS_INVALID'],
    ['with a key that may not', { 'x-api-key': 'good', 'x-forwarded-uri': '/admin' }, 403, 'ACCESS_DENIED'],
    ['for a host of nobody', { 'x-forwarded-host': 'other.example' }, 403, 'HOST_UNKNOWN'],
    ['for a path of nobody', { 'x-forwarded-uri': '/else' }, 403, 'ROUTE_NOT_FOUND'],
    [
      'for a path that servers read differently',
      { 'x-forwarded-uri': '/open/..%2fadmin' },
      400,
      'PATH_DOUBTFUL',
    ],
  ])('says no %s, and counts nothing', async (_, headers, status, code) => {
    world.hits.length = 0;
    expect(await ask(headers)).toMatchObject({ status, body: containing(code) });
    expect(world.hits).toEqual([]);
  });

  it('never says yes by a path that it resolved itself: the proxy goes on with the one that was sent', async () => {
    const edge = Object.fromEntries(
      Object.entries(PROTECTED.edge).map(([id, given]) => [
        id,
        { ...given, path: { doubtful: 'keep' as const } },
      ]),
    );
    await using kept = await deskWorld({ ...PROTECTED, edge });
    const status = async (uri: string) =>
      (await ask({ 'x-forwarded-uri': uri }, '/authorize', kept.httpPort)).status;
    for (const uri of ['/orders/../open', '/orders/%2e%2E/open', '/orders/..//open', '//open', '/./open'])
      expect([uri, await status(uri)]).toEqual([uri, 400]);
    expect(await status('/open/a%2fb;c?to=/../')).toBe(200);
  });

  it('lets everybody pass where the route has no policy, and counts nothing', async () => {
    world.hits.length = 0;
    const answer = await ask({ 'x-forwarded-uri': '/open', 'x-principal': 'root' });
    expect(answer).toMatchObject({ status: 200, headers: { 'x-principal': '' } });
    expect(world.hits).toEqual([]);
  });

  it('decides by the policy that the proxy names in its own path, and by no other', async () => {
    expect((await ask({ 'x-api-key': 'good' }, '/authorize/shop/admins')).status).toBe(403);
    expect(
      (await ask({ 'x-api-key': 'good', 'x-forwarded-host': 'any.example' }, '/authorize/shop/api')).status,
    ).toBe(200);
    expect((await ask({ 'x-api-key': 'good' }, '/authorize/shop/unknown')).status).toBe(403);
    expect((await ask({ 'x-api-key': 'good' }, '/authorize/shop')).status).toBe(404);
    expect((await ask({ 'x-api-key': 'good' }, '/')).status).toBe(404);
  });

  it.each(['x-forwarded-method', 'x-forwarded-uri', 'x-forwarded-host', 'x-forwarded-proto'])(
    'refuses a request without %s, and one with two of them',
    async (name) => {
      const without = await ask({ 'x-api-key': 'good', [name]: undefined });
      expect(without.status).toBe(400);
      expect(without.body).toContain(name);
      const value = CLIENT[name as keyof typeof CLIENT];
      expect((await ask({ 'x-api-key': 'good', [name]: [value, value] })).status).toBe(400);
    },
  );

  it('refuses everybody but the proxies that may ask, whatever they say', async () => {
    await using strict = await deskWorld(undefined, ['192.0.2.1']);
    expect((await ask({ 'x-api-key': 'good' }, '/authorize', strict.httpPort)).status).toBe(403);
  });

  it('refuses everybody before a configuration has come', async () => {
    const { createAuthorizationDesk } = await import('./desk.ts');
    const desk = createAuthorizationDesk({
      name: 'external',
      authorizer: {
        decide: () => {
          throw new Error('nobody is asked');
        },
      },
      usage: { count: () => undefined },
      telemetry: { ended: () => undefined },
      wallMs: () => 0,
      monotonicMs: () => 0,
      random: Math.random,
      country: () => undefined,
      log: { warn: () => undefined },
    });
    expect(desk.ready).toBe(false);
    expect(
      await desk.decide({
        method: 'GET',
        scheme: 'http',
        authority: 'api.example.com',
        target: '/open',
        fields: [],
        httpVersion: '1.1',
        source: { address: '192.0.2.1', port: 1, peer: '192.0.2.1', trusted: false },
        tls: undefined,
      }),
    ).toMatchObject({ allowed: false, denied: { status: 503, code: 'AUTH_UNAVAILABLE' } });
  });
});
