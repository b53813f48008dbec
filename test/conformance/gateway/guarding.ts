import { expect } from 'vitest';
import type { Behaviours, Show } from './behaviour.ts';
import { type Answered, type Asked, echoOf, type World } from './world.ts';

const HTTP_AS_GRPC: Readonly<Record<number, string>> = {
  401: '16',
  403: '7',
  429: '8',
  404: '12',
  413: '8',
  500: '13',
  503: '14',
  431: '8',
};

/** A refusal of the gateway itself: a problem document, or a status of gRPC without messages. */
function expectRefused(world: World, answer: Answered, status: number, code: string): void {
  if (world.protocol === 'gRPC') {
    expect(answer).toMatchObject({ status: 200, body: '' });
    const said = { ...answer.headers, ...answer.trailers };
    expect(said['grpc-status'], String(said['grpc-message'])).toBe(HTTP_AS_GRPC[status]);
    expect(said['grpc-message']).toMatch(new RegExp(`^${code}: `));
    return;
  }
  expect(answer.status, answer.body).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(JSON.parse(answer.body)).toMatchObject({ status, code });
}

const refused =
  (host: string, asked: Asked, status: number, code: string): Show =>
  async (world) =>
    expectRefused(world, await world.ask(host, asked), status, code);

const auth: Show = async (world) => {
  expectRefused(world, await world.ask('auth'), 401, 'CREDENTIALS_MISSING');
  expectRefused(
    world,
    await world.ask('auth', { headers: { 'x-api-key': 'ptk_wrong' } }),
    401,
    'CREDENTIALS_INVALID',
  );
  expectRefused(
    world,
    await world.ask('auth', { headers: { ...world.credentials, 'x-report': '1' } }),
    403,
    'ACCESS_DENIED',
  );
  expect(echoOf(await world.ask('auth', { headers: world.credentials })).backend).toMatch(/a$/);
};

const spoofed: Show = async (world) => {
  const headers = { ...world.credentials, 'x-user': 'root', x_user: 'root' };
  const seen = echoOf(await world.ask('auth', { headers })).headers;
  expect(seen).toMatchObject({ 'x-user': 'shop' });
  expect(seen).not.toHaveProperty('x_user');
  expect(seen, 'the key stays at the gateway').not.toHaveProperty('x-api-key');
  // Where no policy sets it the name is still no client's to say.
  const open = echoOf(await world.ask('plain', { headers: { 'x-user': 'root' } })).headers;
  expect(open).not.toHaveProperty('x-user');
};

const edge: Show = async (world) => {
  const answer = await world.ask('limits');
  expect(answer.headers).toMatchObject({ 'x-frame-options': 'DENY' });
  expect(answer.headers).not.toHaveProperty('x-backend-secret');
  const over = await world.ask('limits', { method: 'POST', body: 'x'.repeat(1_001) });
  expect(over.headers).toMatchObject({ 'x-frame-options': 'DENY' });
};

const bodies: Show = async (world) => {
  const fits = await world.ask('limits', { method: 'POST', body: 'x'.repeat(900) });
  expect(echoOf(fits).body).toHaveLength(900);
  for (const streamed of [false, true]) {
    const over = await world.ask('limits', { method: 'POST', body: 'x'.repeat(1_001), streamed });
    expectRefused(world, over, 413, 'BODY_TOO_LARGE');
  }
};

const forwarded: Show = async (world) => {
  const headers = {
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-proto': 'gopher',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
  const seen = echoOf(await world.ask('plain', { headers })).headers;
  // Nobody trusts this client, so what it says of others is dropped.
  expect(seen['x-forwarded-for']).toBe('127.0.0.1');
  expect(seen['x-forwarded-proto']).toBe(world.protocol === 'HTTP/2 over TLS' ? 'https' : 'http');
  expect(seen['x-request-id']).toMatch(/./);
  expect(seen.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad)[0-9a-f]{16}-01$/);
};

const rates: Show = async (world) => {
  const limited = await world.ask('rates', { headers: { 'x-limited': '1' } });
  expectRefused(world, limited, 429, 'QUOTA_EXCEEDED');
  // A limit of none: to come again is of no use.
  expect(limited.headers['retry-after']).toBeUndefined();
  expect(limited.headers['ratelimit-policy']).toContain('"nobody";q=0;w=60');
  const free = await world.ask('rates');
  expect(echoOf(free).backend).toMatch(/a$/);
  expect(free.headers['ratelimit-policy']).toBe('"plenty";q=1000000;w=86400');
  expect(free.headers['x-ratelimit-limit']).toBe('1000000');
};

const large: Asked = { headers: { 'x-large': 'v'.repeat(40_000) } };

export const GUARDING: Behaviours = {
  'auth.answers': {
    title: 'says 401 without a good key, 403 where the policy forbids, 200 else',
    http: auth,
    grpc: auth,
  },
  'auth.denial': {
    title: 'denies with the status, headers and body of the policy',
    http: async (world) => {
      const answer = await world.ask('shaped');
      expect(answer).toMatchObject({
        status: 418,
        body: 'who are you, shaped.gw.example?',
        headers: { 'x-login': 'https://login.example.com' },
      });
    },
    grpc: async (world) => {
      expect(await world.ask('shaped')).toMatchObject({
        status: 200,
        body: '',
        headers: {
          'grpc-status': '7',
          'grpc-message': 'who are you, rpc-shaped.gw.example?',
          'x-login': 'https://login.example.com',
        },
      });
    },
  },
  'auth.spoofed': {
    title: 'takes identities from nobody but the policy (I27)',
    http: spoofed,
    grpc: spoofed,
  },
  'limits.answers': {
    title: 'refuses what a limit does not admit, and tells what is left (429)',
    http: rates,
    grpc: rates,
  },
  'edge.residency': {
    title: 'refuses clients whose data must stay elsewhere (I5)',
    http: refused('residency', {}, 403, 'RESIDENCY_REFUSED'),
    grpc: refused('residency', {}, 403, 'RESIDENCY_REFUSED'),
  },
  'edge.body': { title: 'refuses bodies beyond the limit, announced or growing', http: bodies, grpc: bodies },
  'edge.header': {
    title: 'refuses headers beyond the limit',
    http: refused('plain', large, 431, 'HEADERS_TOO_LARGE'),
    // Such a header is not read to its end, so nobody knows that it is a call; clients of gRPC understand the status.
    grpc: async (world) => expect((await world.ask('plain', large)).status).toBe(431),
  },
  'edge.path': {
    title: 'refuses paths that servers read differently',
    http: async (world) => {
      for (const path of ['/a/%2e%2e/b', '/a//b', '/a%2fb', '/a;x=1/b'])
        expectRefused(world, await world.ask('plain', { path }), 400, 'PATH_DOUBTFUL');
    },
    grpc: 'The path of a call is the name of a service and its method, which have no such characters.',
  },
  'edge.answers': { title: 'sets its headers on answers and refusals alike', http: edge, grpc: edge },
  'edge.forwarded': {
    title: 'tells the backend of the client what it knows itself',
    http: forwarded,
    grpc: forwarded,
  },
  'refusal.host': {
    title: 'knows no host that no route has',
    http: refused('nobody', {}, 404, 'HOST_UNKNOWN'),
    grpc: refused('nobody', {}, 404, 'HOST_UNKNOWN'),
  },
  'refusal.route': {
    title: 'knows no path that no rule has',
    http: refused('broken', { path: '/else' }, 404, 'ROUTE_NOT_FOUND'),
    grpc: refused('broken', { path: '/t.Else/Get' }, 404, 'ROUTE_NOT_FOUND'),
  },
  'refusal.backend': {
    title: 'says that a backend is down, or is not there',
    http: async (world) => {
      await refused('broken', { path: '/down' }, 503, 'BACKEND_UNAVAILABLE')(world);
      await refused('broken', { path: '/none' }, 500, 'BACKEND_UNRESOLVED')(world);
    },
    grpc: async (world) => {
      await refused('broken', { path: '/t.Down/Get' }, 503, 'BACKEND_UNAVAILABLE')(world);
      await refused('broken', { path: '/t.None/Get' }, 500, 'BACKEND_UNRESOLVED')(world);
    },
  },
};
