import { expect } from 'vitest';
import { matching } from '../../support/matchers.ts';
import { until } from '../../support/until.ts';
import type { Behaviours, Show } from './behaviour.ts';
import { type Asked, echoOf, type World } from './world.ts';

/** Name of the rule that took the request. */
async function ruleOf(world: World, asked: Asked): Promise<unknown> {
  return echoOf(await world.ask('match', asked)).headers['x-rule'];
}

const rules =
  (...cases: readonly (readonly [Asked, string])[]): Show =>
  async (world) => {
    for (const [asked, rule] of cases) expect(await ruleOf(world, asked), JSON.stringify(asked)).toBe(rule);
  };

const changes: Show = async (world) => {
  const headers = { 'x-set': 'theirs', 'x-add': 'one', 'x-gone': '1' };
  const answer = await world.ask('changes', { headers });
  const seen = echoOf(answer).headers;
  expect(seen).toMatchObject({ 'x-set': 'ours', 'x-add': matching(/^one, ?two$/) });
  expect(seen).not.toHaveProperty('x-gone');
  expect(answer.headers).toMatchObject({ 'x-out': 'set' });
  expect(answer.headers).not.toHaveProperty('x-backend-secret');
};

const mirror: Show = async (world) => {
  await world.each(async ({ ask, trace }) => {
    const answer = await ask('mirror', { method: 'POST', body: 'copied' });
    expect(echoOf(answer).body).toBe('copied');
    expect(echoOf(answer).backend).not.toMatch(/mirror/);
    await until('the copy', async () => trace.copies.length > 0, 20_000, 5);
    return trace.copies;
  });
};

const weights: Show = async (world) => {
  await world.each(async ({ ask }) => {
    const counts = new Map<string, number>();
    for (let asked = 0; asked < 60; asked += 10) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask('weights')));
      for (const { backend } of answers.map(echoOf)) counts.set(backend, (counts.get(backend) ?? 0) + 1);
    }
    const ofA = counts.get('a') ?? counts.get('rpc-a') ?? 0;
    // 3 : 1 : 0, by chance: 45 of 60, five deviations either way.
    expect(counts.size).toBe(2);
    expect(ofA).toBeGreaterThan(28);
  });
};

const callers: Show = async (world) => {
  expect(echoOf(await world.ask('callers')).backend).toMatch(/a$/);
  const partner = await world.ask('callers', { headers: { 'x-team': 'partner' } });
  expect(echoOf(partner).backend).toMatch(/b$/);
};

const session: Show = async (world) => {
  await world.each(async ({ ask }) => {
    const first = await ask('session');
    const cookie = [first.headers['set-cookie'] ?? []].flat().find((text) => text.startsWith('sid='));
    const secure = world.protocol === 'HTTP/2 over TLS' ? '; Secure' : '';
    expect(cookie?.replace(/=[^;]+/, '=')).toBe(`sid=; Path=/; HttpOnly; SameSite=Lax${secure}`);
    const headers = { cookie: (cookie ?? '').split(';')[0] ?? '' };
    const others = await Promise.all(Array.from({ length: 6 }, () => ask('session', { headers })));
    expect(new Set(others.map((answer) => echoOf(answer).backend))).toEqual(new Set([echoOf(first).backend]));
  });
};

export const ROUTING: Behaviours = {
  'match.path': {
    title: 'matches paths: exact, by whole elements of a prefix, by expression',
    http: rules(
      [{ path: '/prefix' }, 'prefix'],
      [{ path: '/prefix/' }, 'prefix'],
      [{ path: '/prefix/x?y=1' }, 'prefix'],
      [{ path: '/prefixed' }, 'any'],
      [{ path: '/prefix/longer/exact' }, 'exact'],
      [{ path: '/prefix/longer/exact/not' }, 'longer'],
      [{ path: '/re/42' }, 'regex'],
      [{ path: '/re/x' }, 'any'],
    ),
    grpc: rules(
      [{ path: '/t.Echo/Exact' }, 'method'],
      [{ path: '/t.Echo/Other' }, 'service'],
      [{ path: '/t.Regular/GetAll' }, 'regex'],
    ),
  },
  'match.header': {
    title: 'matches headers',
    http: rules(
      [{ headers: { 'X-VERSION': 'two' } }, 'header'],
      [{ headers: { 'x-version': 'v4' } }, 'header-regex'],
      [{ headers: { 'x-version': 'v9' } }, 'any'],
    ),
    grpc: rules(
      [{ headers: { 'x-version': 'two' } }, 'header'],
      [{ headers: { 'x-version': 'one' } }, 'service'],
    ),
  },
  'match.query': {
    title: 'matches query parameters',
    http: rules([{ path: '/?animal=whale' }, 'query'], [{ path: '/?animal=whales' }, 'any']),
    grpc: 'Calls of gRPC have no query, and a GRPCRoute has no match for one.',
  },
  'match.method': {
    title: 'matches the method',
    http: rules([{ method: 'POST', body: 'x' }, 'post'], [{ method: 'PUT', body: 'x' }, 'any']),
    grpc: 'Every call of gRPC is a POST; the method of the service is matched as its path.',
  },
  'match.precedence': {
    title: 'prefers exact paths, then longer ones, then methods, then more headers, then queries',
    http: rules(
      [{ path: '/prefix/longer/exact', headers: { 'x-version': 'two' } }, 'exact'],
      [{ path: '/prefix/longer', method: 'POST', body: 'x' }, 'longer'],
      [{ method: 'POST', body: 'x', headers: { 'x-version': 'two' } }, 'post'],
      [{ headers: { 'x-version': 'two', 'x-team': 'red' } }, 'headers'],
      [{ path: '/?animal=whale', headers: { 'x-version': 'two' } }, 'header'],
    ),
    grpc: rules(
      [{ path: '/t.Echo/Exact', headers: { 'x-version': 'two' } }, 'method'],
      [{ path: '/t.Echo/Other', headers: { 'x-version': 'two', 'x-any': '1' } }, 'header'],
      [{ path: '/t.Echo/Other', headers: { 'x-any': '1' } }, 'service'],
      [{ path: '/t.Else/Other', headers: { 'x-any': '1' } }, 'any'],
    ),
  },
  'filter.headers': { title: 'changes headers of requests and answers', http: changes, grpc: changes },
  'filter.redirect': {
    title: 'redirects by host, scheme, port and path',
    http: async (world) => {
      const host = 'redirect.gw.example';
      const leads = async (path: string): Promise<string> => {
        const { status, headers } = await world.ask('redirect', { path });
        return `${status} ${String(headers.location)}`;
      };
      const plain = world.protocol === 'HTTP/2 over TLS' ? 'https' : 'http';
      expect(await leads('/host/x?q=1')).toBe(`301 ${plain}://other.example/host/x?q=1`);
      expect(await leads('/scheme/x')).toBe(`302 https://${host}:8443/scheme/x`);
      expect(await leads('/prefix/x?q=1')).toBe(`308 ${plain}://${host}/new/x?q=1`);
      expect(await leads('/full/x')).toBe(`307 ${plain}://${host}/whole`);
    },
    grpc: 'A GRPCRoute has no redirects.',
  },
  'filter.rewrite': {
    title: 'rewrites host and path for the backend',
    http: async (world) => {
      const asBackendSees = async (path: string): Promise<unknown> =>
        echoOf(await world.ask('rewrite', { path })).path;
      expect(await asBackendSees('/prefix/x?q=1')).toBe('/new/x?q=1');
      expect(await asBackendSees('/prefix')).toBe('/new');
      expect(await asBackendSees('/strip/x')).toBe('/x');
      const { path, headers } = echoOf(await world.ask('rewrite', { path: '/full/x' }));
      expect(path).toBe('/whole');
      expect(headers).toMatchObject({ host: 'inner.example', 'x-forwarded-host': 'rewrite.gw.example' });
    },
    grpc: 'A GRPCRoute has no rewrites: path and host are the name of the call.',
  },
  'filter.mirror': {
    title: 'gives a mirror its copy, body and all, and drops its answer',
    http: mirror,
    grpc: mirror,
  },
  'filter.cors': {
    title: 'answers preflights, and tells pages what they may read',
    http: async (world) => {
      const origin = 'https://shop.example.com';
      const preflight = await world.ask('cors', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'PUT' },
      });
      expect(preflight).toMatchObject({
        status: 204,
        headers: {
          'access-control-allow-origin': origin,
          'access-control-allow-credentials': 'true',
          'access-control-allow-methods': 'GET, PUT',
          'access-control-allow-headers': 'X-Mine',
          'access-control-max-age': '60',
        },
      });
      const answer = await world.ask('cors', { headers: { origin } });
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-expose-headers': 'X-Out',
      });
      const foreign = await world.ask('cors', { headers: { origin: 'https://evil.example.net' } });
      expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
    },
    grpc: 'Pages cannot speak gRPC, and a GRPCRoute has no CORS filter.',
  },
  'route.weights': { title: 'shares requests among backends by weight', http: weights, grpc: weights },
  'route.callers': { title: 'sends some callers to other backends', http: callers, grpc: callers },
  'route.session': { title: 'keeps a session at the endpoint that began it', http: session, grpc: session },
  'route.timeout': {
    title: 'gives up a backend that is too slow',
    http: async (world) => {
      const answer = await world.ask('timeouts', { headers: { 'x-do': 'hang' } });
      expect(answer.status).toBe(504);
      expect(JSON.parse(answer.body)).toMatchObject({ status: 504 });
    },
    grpc: 'A GRPCRoute has no timeouts; the deadline of a call is passed to the backend, which keeps it.',
  },
  'route.retry': {
    title: 'tries again what the route says, and no more',
    http: async (world) => {
      await world.each(async ({ ask, trace }) => {
        const { status } = await ask('retries', { headers: { 'x-do': 'flaky' } });
        expect({ status, arrived: trace.arrived }).toEqual({ status: 200, arrived: 2 });
      });
      await world.each(async ({ ask, trace }) => {
        const { status } = await ask('plain', { headers: { 'x-do': 'flaky' } });
        expect({ status, arrived: trace.arrived }).toEqual({ status: 503, arrived: 1 });
      });
    },
    grpc: 'A GRPCRoute has no retries; clients of gRPC make their own.',
  },
};
