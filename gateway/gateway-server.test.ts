import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CompiledAuth, CompiledFilter, CompiledMatch, CompiledRule } from '../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../src/policy/model.ts';
import { until } from '../test/support/until.ts';
import type { AuthDecision } from './auth/contract.ts';
import { ask, type Protocol, RawClient } from './testing/clients.ts';
import {
  backendAt,
  EDGE,
  matchOf,
  partOf,
  type RunningGateway,
  ruleOf,
  startGateway,
} from './testing/gateway-fixture.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

const seen: Seen[] = [];
/** Requests whose client went away, by path. */
const aborted = new Set<string>();
let hanging = 0;

/** A backend that does what the path says. */
const backend = http.createServer((req, res) => {
  let body = '';
  const url = req.url ?? '';
  res.on('close', () => {
    if (!res.writableFinished) aborted.add(url);
  });
  req.on('error', () => {});
  if (url === '/hang') {
    hanging += 1;
    return;
  }
  if (url === '/flood') {
    const chunk = Buffer.alloc(65_536, 'x');
    const more = (): void => {
      for (let full = false; !full && !res.destroyed; ) full = !res.write(chunk);
    };
    res.on('drain', more);
    more();
    return;
  }
  if (url === '/slow-tail') {
    res.write('first ');
    setImmediate(() => res.end('last'));
    return;
  }
  if (url === '/broken-off') {
    res.writeHead(200, { 'content-length': '100' });
    res.write('half', () => res.destroy());
    return;
  }
  req.on('data', (chunk: Buffer) => {
    body += chunk.toString();
  });
  req.on('end', () => {
    seen.push({ method: req.method ?? '', url, headers: req.headers, body });
    res.setHeader('server', 'secret/1.0');
    res.setHeader('set-cookie', ['a=1', 'b=2']);
    res.end(url === '/big' ? 'y'.repeat(300_000) : `${req.method} ${body}`);
  });
});

/** gRPC as its clients and servers speak it: one message back, then the status in trailers. */
const grpcBackend = http2.createServer();
grpcBackend.on('stream', (stream, headers) => {
  const messages: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => messages.push(chunk));
  stream.on('error', () => {});
  stream.on('end', () => {
    if (headers[':path'] === '/test.Echo/Fail') {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' },
        { endStream: true },
      );
      return;
    }
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
    stream.end(Buffer.concat(messages));
  });
});

let port = 0;
let grpcPort = 0;

beforeAll(async () => {
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => grpcBackend.listen(0, '127.0.0.1', resolve));
  port = (backend.address() as AddressInfo).port;
  grpcPort = (grpcBackend.address() as AddressInfo).port;
});

afterAll(() => {
  backend.closeAllConnections();
  backend.close();
  grpcBackend.close();
});

const BOTH: readonly Protocol[] = ['HTTP/1.1', 'HTTP/2'];

/** Waits for the record of the request, which comes after the last octet. */
async function recordsOf(gateway: RunningGateway, count: number) {
  await until('the records', async () => gateway.records.length >= count, 20_000, 5);
  return gateway.records;
}

const PROTECTED: CompiledAuth = {
  source: [],
  when: [],
  authentication: [],
  metadata: [],
  authorization: [],
  response: {
    headers: [['X-User', '"ann"']],
    unauthenticated: { status: 401, headers: {} },
    unauthorized: { status: 403, headers: {} },
  },
  decisions: { mode: 'none', ttlSeconds: 0, negativeTtlSeconds: 0 },
  maxStalenessSeconds: 0,
};

const ALLOWED: AuthDecision = {
  allowed: true,
  principal: {
    name: 'ann',
    rule: 'keys',
    method: 'apiKey',
    roles: [],
    scopes: [],
    identity: {},
    keyId: 'k-1',
  },
  metadata: {},
  set: ['x-user', 'ann'],
  removed: ['x-user', 'x-api-key'],
  removedQuery: ['key'],
  removedCookies: ['token'],
};

const DENIED: AuthDecision = {
  allowed: false,
  status: 401,
  code: 'CREDENTIALS_MISSING',
  fields: ['www-authenticate', 'APIKEY'],
  contentType: 'text/plain',
  body: 'who are you?',
};

describe.each(BOTH)('over %s', (protocol) => {
  test('a request and its answer pass, and are recorded once', async () => {
    await using gateway = await startGateway(partOf(port));
    const answer = await ask(protocol, gateway.port(), {
      method: 'POST',
      path: '/echo?x=1',
      body: 'hello',
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'v=1' },
    });
    expect(answer).toMatchObject({ status: 200, body: 'POST hello' });
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    const last = seen.at(-1);
    expect(last?.headers.host).toBe('a.example');
    expect(last?.headers.tracestate).toBe('v=1');
    expect(last?.headers.traceparent).toMatch(
      /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad)[0-9a-f]{16}-01$/,
    );
    const [record, ...others] = await recordsOf(gateway, 1);
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      listener: 'default/gateway/http',
      rule: 'all',
      route: 'default/all',
      status: 200,
      code: '',
      received: 5,
      sent: 10,
      backend: 'service',
      endpoint: `127.0.0.1:${port}`,
      traceId: '0af7651916cd43dd8448eb211c80319c',
      request: { path: '/echo', query: 'x=1', host: 'a.example', httpVersion: protocol.slice(5) },
    });
    expect(record?.endMs).toBeGreaterThan(record?.startMs ?? Infinity);
  });

  test('bodies without an announced length pass, and so do large answers', async () => {
    await using gateway = await startGateway(partOf(port));
    const body = 'z'.repeat(200_000);
    const echoed = await ask(protocol, gateway.port(), { method: 'PUT', body, streamed: true });
    expect(echoed.body).toBe(`PUT ${body}`);
    expect((await ask(protocol, gateway.port(), { path: '/big' })).body).toHaveLength(300_000);
    expect((await ask(protocol, gateway.port(), { path: '/slow-tail' })).body).toBe('first last');
    const [first] = await recordsOf(gateway, 3);
    expect(first).toMatchObject({ received: 200_000, sent: 200_004 });
  });

  test.each([
    ['a host that nobody has', { headers: { host: 'b.other' } }, 404, 'HOST_UNKNOWN'],
    ['a path that no rule has', { path: '/nothing' }, 404, 'ROUTE_NOT_FOUND'],
    ['a doubtful path', { path: '/api/%2e%2e/x' }, 400, 'PATH_DOUBTFUL'],
    [
      'a body announced too long',
      { method: 'POST', path: '/api', body: 'x'.repeat(1001) },
      413,
      'BODY_TOO_LARGE',
    ],
    [
      'a body that grows too long',
      { method: 'POST', path: '/api', body: 'x'.repeat(1001), streamed: true },
      413,
      'BODY_TOO_LARGE',
    ],
    ['a header that is too long', { headers: { cookie: 'c'.repeat(5000) } }, 431, 'HEADERS_TOO_LARGE'],
    ['a rule without a backend', { path: '/none' }, 500, 'BACKEND_UNRESOLVED'],
    ['a backend that is down', { path: '/down' }, 503, 'BACKEND_UNAVAILABLE'],
  ])('%s is refused with a problem document and recorded', async (_what, asked, status, code) => {
    await using gateway = await startGateway(
      partOf(port, {
        rules: [
          ruleOf('api'),
          ruleOf('none', { backends: [{ weight: 1, filters: [] }] }),
          ruleOf('down', { backends: [{ backend: 'down', weight: 1, filters: [] }] }),
        ],
        backends: { down: backendAt(1) },
        hosts: [
          {
            hostname: '*.example',
            matches: ['api', 'none', 'down'].map((rule) =>
              matchOf(rule, { path: { type: 'prefix', value: `/${rule}` } }),
            ),
          },
        ],
        edge: { limits: { ...EDGE.limits, maxBodyBytes: 1000, maxHeaderBytes: 4096 } },
      }),
    );
    const answer = await ask(protocol, gateway.port(), asked);
    expect(answer.status, answer.body).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({ status, code });
    const records = await recordsOf(gateway, 1);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({ status, code, firstByteMs: 0 });
  });

  test('identities that a policy sets are never the client’s, and credentials stay here', async () => {
    await using gateway = await startGateway(
      partOf(port, {
        auth: { keys: PROTECTED },
        rules: [ruleOf('protected', { auth: 'keys' }), ruleOf('open')],
        matches: [matchOf('protected', { path: { type: 'prefix', value: '/p' } }), matchOf('open')],
      }),
      {
        decide: (_auth, _request, place) => {
          expect(place).toEqual({
            route: { name: 'protected', namespace: 'default', rule: '0' },
            port: 80,
          });
          return Promise.resolve(ALLOWED);
        },
      },
    );
    const headers = {
      'x-user': 'root',
      x_user: 'root',
      'x-api-key': 'secret',
      cookie: 'a=1; token=secret; b=2',
    };
    await ask(protocol, gateway.port(), { path: '/p?a=1&key=secret&b=2', headers });
    expect(seen.at(-1)?.url).toBe('/p?a=1&b=2');
    expect(seen.at(-1)?.headers).toMatchObject({ 'x-user': 'ann', cookie: 'a=1; b=2' });
    expect(seen.at(-1)?.headers).not.toHaveProperty('x-api-key');
    expect(seen.at(-1)?.headers).not.toHaveProperty('x_user');
    await ask(protocol, gateway.port(), { path: '/open', headers });
    expect(seen.at(-1)?.url).toBe('/open');
    expect(seen.at(-1)?.headers).not.toHaveProperty('x-user');
    expect(seen.at(-1)?.headers).not.toHaveProperty('x_user');
    await recordsOf(gateway, 2);
    expect(gateway.hits).toEqual([
      {
        namespace: 'default',
        principal: 'ann',
        keyId: 'k-1',
        route: 'default/protected',
        metric: 'hits',
        amount: 1,
        wallMs: gateway.records[0]?.request?.wallMs,
      },
    ]);
  });

  test.each(['/p', '/open'])(
    'no spelling of a name gets a client’s word to %s as the policy’s or the gateway’s',
    async (path) => {
      const trusted = 'believed_user';
      const auth: CompiledAuth = {
        ...PROTECTED,
        authentication: [
          {
            name: 'proxy',
            when: [],
            method: { type: 'plain', header: trusted },
            defaults: {},
            overrides: {},
          },
        ],
        response: { ...PROTECTED.response, headers: [['Is_Role', '"member"']] },
      };
      await using gateway = await startGateway(
        partOf(port, {
          auth: { keys: auth },
          rules: [ruleOf('protected', { auth: 'keys' }), ruleOf('open')],
          matches: [matchOf('protected', { path: { type: 'prefix', value: '/p' } }), matchOf('open')],
        }),
        { decide: () => ({ ...ALLOWED, set: ['is_role', 'member'], removed: ['is_role', trusted] }) },
      );
      const names = ['is-role', 'is_role', 'believed_user', 'believed-user'];
      const own = [
        'x_forwarded_for',
        'x-forwarded_for',
        'x_forwarded_proto',
        'x_real_ip',
        'x_request_id',
        'content_type',
      ];
      await ask(protocol, gateway.port(), {
        path,
        headers: Object.fromEntries([...names, ...own].map((name) => [name, 'made-up'])),
      });
      expect(JSON.stringify(seen.at(-1)?.headers)).not.toContain('made-up');
      expect(seen.at(-1)?.headers.is_role).toBe(path === '/p' ? 'member' : undefined);
    },
  );

  test('a denial is what the policy says, now or later', async () => {
    for (const decision of [DENIED, Promise.resolve(DENIED)]) {
      await using gateway = await startGateway(
        partOf(port, { auth: { keys: PROTECTED }, rules: [ruleOf('p', { auth: 'keys' })] }),
        { decide: () => decision },
      );
      const before = seen.length;
      const answer = await ask(protocol, gateway.port(), { method: 'POST', body: 'x'.repeat(100_000) });
      expect(answer).toMatchObject({ status: 401, body: 'who are you?' });
      expect(answer.headers).toMatchObject({ 'www-authenticate': 'APIKEY', 'content-type': 'text/plain' });
      expect(seen.length).toBe(before);
      const records = await recordsOf(gateway, 1);
      expect(records).toHaveLength(1);
      expect(records[0]).toMatchObject({ status: 401, code: 'CREDENTIALS_MISSING' });
      expect(gateway.hits).toEqual([]);
    }
  });

  test('a client that goes away ends the request at the backend, and is recorded once', async () => {
    await using gateway = await startGateway(partOf(port));
    aborted.clear();
    const before = hanging;
    const arrived = (): Promise<unknown> => until('the request', async () => hanging > before, 20_000, 5);
    if (protocol === 'HTTP/1.1') {
      const client = new RawClient(gateway.port(), 'GET /hang HTTP/1.1\r\nHost: a\r\n\r\n');
      await arrived();
      client.socket.destroy();
    } else {
      const client = http2.connect(`http://127.0.0.1:${gateway.port()}`);
      const stream = client.request({ ':path': '/hang', ':authority': 'a' });
      stream.on('error', () => {});
      stream.on('close', () => client.close());
      await arrived();
      stream.close(http2.constants.NGHTTP2_CANCEL);
    }
    const records = await recordsOf(gateway, 1);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({ status: 499, code: 'CLIENT_GONE' });
    await until('the backend to hear of it', async () => aborted.has('/hang'), 20_000, 5);
  });

  test('an answer that breaks off is seen to be broken off', async () => {
    await using gateway = await startGateway(partOf(port));
    await expect(ask(protocol, gateway.port(), { path: '/broken-off' })).rejects.toThrow();
    const records = await recordsOf(gateway, 1);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({ status: 200, code: 'BACKEND_BROKEN' });
  });

  test('a client that never takes its answer is cut off', async () => {
    await using gateway = await startGateway(
      partOf(port, { edge: { limits: { ...EDGE.limits, bodyIdleTimeoutMs: 300 } } }),
    );
    let stop: () => void;
    if (protocol === 'HTTP/1.1') {
      const client = new RawClient(gateway.port(), 'GET /flood HTTP/1.1\r\nHost: a\r\n\r\n');
      client.socket.pause();
      stop = () => client.socket.destroy();
    } else {
      const client = http2.connect(`http://127.0.0.1:${gateway.port()}`);
      client.request({ ':path': '/flood', ':authority': 'a' }).on('error', () => {});
      client.on('error', () => {});
      stop = () => client.destroy();
    }
    const [record] = await recordsOf(gateway, 1);
    expect(record).toMatchObject({ status: 200, code: 'REQUEST_TIMEOUT' });
    stop();
  });

  test('header sections up to the limit pass, also beyond what Node has by default', async () => {
    await using gateway = await startGateway(
      partOf(port, { edge: { limits: { ...EDGE.limits, maxHeaderBytes: 60_000 } } }),
    );
    const headers = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`x-${at}`, 'v'.repeat(4000)]));
    // The backend's own limit is what is met then.
    expect((await ask(protocol, gateway.port(), { headers })).status).toBe(431);
    expect(seen.at(-1)?.headers).not.toHaveProperty('x-0');
    expect((await recordsOf(gateway, 1))[0]).toMatchObject({ code: '', status: 431 });
  });

  test('requests keep the configuration they began with, connections outlive it', async () => {
    await using gateway = await startGateway(
      partOf(port, { auth: { keys: PROTECTED }, rules: [ruleOf('old', { auth: 'keys' })] }),
      {
        decide: () =>
          gateway.server
            .serve(partOf(port, { rules: [ruleOf('new')] }), NO_GATEWAY_SECRETS)
            .then(() => ALLOWED),
      },
    );
    expect((await ask(protocol, gateway.port())).status).toBe(200);
    expect((await ask(protocol, gateway.port())).status).toBe(200);
    const records = await recordsOf(gateway, 2);
    expect(records.map(({ rule }) => rule)).toEqual(['old', 'new']);
  });

  const filtered = (
    filters: readonly CompiledFilter[],
    match: Partial<CompiledMatch> = {},
    rule: Partial<CompiledRule> = {},
  ) => partOf(port, { rules: [ruleOf('r', { filters, ...rule })], matches: [matchOf('r', match)] });

  test('headers are changed by the rule, then by the backend’s filters', async () => {
    const changes = { set: [['X-Set', '1']], add: [['X-Add', '2']], remove: ['X-Gone'] } as const;
    await using gateway = await startGateway(
      filtered(
        [
          { type: 'requestHeaders', changes },
          {
            type: 'responseHeaders',
            changes: { set: [['Server', 'edge']], add: [['X-Out', '1']], remove: [] },
          },
        ],
        {},
        {
          backends: [
            {
              backend: 'service',
              weight: 1,
              filters: [
                { type: 'requestHeaders', changes: { set: [['X-Set', '3']], add: [], remove: [] } },
                { type: 'requestHeaders', changes: { set: [['Content-Length', '3']], add: [], remove: [] } },
              ],
            },
          ],
        },
      ),
    );
    const headers = { 'x-gone': '1', 'x-set': '0', 'x-add': '1' };
    const answer = await ask(protocol, gateway.port(), { headers });
    expect(answer.headers).toMatchObject({ server: 'edge', 'x-out': '1' });
    expect(seen.at(-1)?.headers).toMatchObject({ 'x-set': '3', 'x-add': '1, 2' });
    expect(seen.at(-1)?.headers).not.toHaveProperty('x-gone');
  });

  test.each([
    ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
    ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
    ['/foo', '/foo', '/xyz', '/xyz'],
    ['/foo/', '/foo', '/xyz', '/xyz/'],
    ['/foo/bar', '/foo', '', '/bar'],
    ['/foo/bar', '/foo', '/', '/bar'],
    ['/foo/', '/foo', '/', '/'],
    ['/foo', '/foo', '/', '/'],
    ['/foo', '/', '/xyz', '/xyz/foo'],
  ])('%s under %s with %s in its place is %s', async (path, prefix, value, expected) => {
    await using gateway = await startGateway(
      filtered([{ type: 'rewrite', hostname: 'in.example', path: { type: 'prefix', value } }], {
        path: { type: 'prefix', value: prefix },
      }),
    );
    await ask(protocol, gateway.port(), { path: `${path}?q=1` });
    expect(seen.at(-1)).toMatchObject({ url: `${expected}?q=1`, headers: { host: 'in.example' } });
    expect(seen.at(-1)?.headers['x-forwarded-host']).toBe('a.example');
  });

  test.each([
    [{}, 'http://a.example/foo/bar?q=1'],
    [{ scheme: 'https' as const }, 'https://a.example/foo/bar?q=1'],
    [{ scheme: 'https' as const, port: 8443 }, 'https://a.example:8443/foo/bar?q=1'],
    [{ scheme: 'http' as const, port: 443 }, 'http://a.example:443/foo/bar?q=1'],
    [{ port: 8080 }, 'http://a.example:8080/foo/bar?q=1'],
    [{ hostname: 'b.example' }, 'http://b.example/foo/bar?q=1'],
    [{ path: { type: 'full' as const, value: '/x' } }, 'http://a.example/x?q=1'],
    [{ path: { type: 'prefix' as const, value: '/x' } }, 'http://a.example/x/bar?q=1'],
  ])('a redirect by %j leads to %s', async (filter, location) => {
    await using gateway = await startGateway(
      filtered([{ type: 'redirect', statusCode: 308, ...filter }], {
        path: { type: 'prefix', value: '/foo' },
      }),
    );
    const answer = await ask(protocol, gateway.port(), {
      path: '/foo/bar?q=1',
      headers: { host: 'a.example:12345' },
    });
    expect(answer).toMatchObject({ status: 308, body: '', headers: { location } });
  });

  test('CORS: a preflight is answered here, before anybody asks for credentials', async () => {
    await using gateway = await startGateway(
      partOf(port, {
        auth: { keys: PROTECTED },
        rules: [
          ruleOf('api', {
            auth: 'keys',
            filters: [
              {
                type: 'cors',
                cors: {
                  allowOrigins: ['https://*.example.com'],
                  allowMethods: ['GET', 'POST'],
                  allowHeaders: ['X-Mine'],
                  exposeHeaders: ['X-Out'],
                  allowCredentials: true,
                  maxAgeSeconds: 60,
                },
              },
            ],
          }),
        ],
        matches: [matchOf('api', { method: 'POST' })],
      }),
      { decide: () => DENIED },
    );
    const origin = 'https://shop.example.com';
    const preflight = await ask(protocol, gateway.port(), {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'X-Mine',
        'access-control-max-age': '60',
        vary: 'origin',
      },
    });
    const foreign = await ask(protocol, gateway.port(), {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.com', 'access-control-request-method': 'POST' },
    });
    expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
    // Pages may read why they were refused.
    const denied = await ask(protocol, gateway.port(), { method: 'POST', body: 'x', headers: { origin } });
    expect(denied).toMatchObject({
      status: 401,
      headers: { 'access-control-allow-origin': origin, 'access-control-expose-headers': 'X-Out' },
    });
  });

  test('a mirror gets a copy with the body, and its answer is dropped', async () => {
    const copies: string[] = [];
    const mirror = http.createServer((req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      req.on('end', () => {
        copies.push(`${req.method} ${req.url} ${body}`);
        res.end('from the mirror');
      });
    });
    await new Promise<void>((resolve) => mirror.listen(0, '127.0.0.1', resolve));
    const { port: mirrorPort } = mirror.address() as AddressInfo;
    try {
      await using gateway = await startGateway({
        ...partOf(port, {
          rules: [ruleOf('r', { filters: [{ type: 'mirror', backend: 'mirror', fraction: 1 }] })],
          backends: { mirror: backendAt(mirrorPort) },
        }),
      });
      const answer = await ask(protocol, gateway.port(), { method: 'POST', path: '/m?x=1', body: 'copied' });
      expect(answer.body).toBe('POST copied');
      await until('the copy', async () => copies.length > 0, 20_000);
      expect(copies).toEqual(['POST /m?x=1 copied']);
    } finally {
      mirror.closeAllConnections();
      mirror.close();
    }
  });

  test('I5 a client whose data must stay elsewhere is refused by its own address', async () => {
    await using gateway = await startGateway(
      partOf(port, {
        edge: {
          clientAddress: { proxyProtocol: 'off', trustedProxies: ['127.0.0.0/8'] },
          residency: {
            rules: [{ region: 'eu', countries: ['DE'], unknown: 'allow', inside: false, hostnames: [] }],
          },
        },
      }),
      { country: (address) => (address === '203.0.113.7' ? 'DE' : undefined) },
    );
    const answer = await ask(protocol, gateway.port(), {
      headers: { 'x-forwarded-for': '203.0.113.7, 127.0.0.2' },
    });
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'RESIDENCY_REFUSED' });
    expect(
      (await ask(protocol, gateway.port(), { headers: { 'x-forwarded-for': '203.0.113.8' } })).status,
    ).toBe(200);
    expect(seen.at(-1)?.headers['x-forwarded-for']).toBe('203.0.113.8, 127.0.0.1');
  });
});

describe('gRPC', () => {
  const grpc = { 'content-type': 'application/grpc', te: 'trailers' };
  const part = () =>
    partOf(port, {
      backends: { service: backendAt(grpcPort, { protocol: 'h2' }) },
      matches: [matchOf('all', { path: { type: 'prefix', value: '/test.Echo' } })],
    });

  test('messages, status and trailers pass both ways', async () => {
    await using gateway = await startGateway(part());
    const answer = await ask('HTTP/2', gateway.port(), {
      method: 'POST',
      path: '/test.Echo/Say',
      headers: grpc,
      body: '\0\0\0\0\u0002hi',
    });
    expect(answer).toMatchObject({
      status: 200,
      body: '\0\0\0\0\u0002hi',
      trailers: { 'grpc-status': '0', 'grpc-message': 'fine' },
    });
    const failed = await ask('HTTP/2', gateway.port(), {
      method: 'POST',
      path: '/test.Echo/Fail',
      headers: grpc,
      body: 'x',
    });
    expect(failed).toMatchObject({ status: 200, headers: { 'grpc-status': '5' } });
  });

  test('a refusal is a gRPC status', async () => {
    await using gateway = await startGateway(part());
    const answer = await ask('HTTP/2', gateway.port(), {
      method: 'POST',
      path: '/test.Other/Say',
      headers: grpc,
      body: 'x',
    });
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/grpc', 'grpc-status': '12' },
      body: '',
    });
    expect(answer.headers['grpc-message']).toMatch(/^ROUTE_NOT_FOUND: /);
    expect((await recordsOf(gateway, 1))[0]).toMatchObject({ status: 404, code: 'ROUTE_NOT_FOUND' });
  });
});
