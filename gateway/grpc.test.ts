import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CompiledAuth } from '../src/policy/model.ts';
import { matching } from '../test/support/matchers.ts';
import { until } from '../test/support/until.ts';
import type { AuthDenied } from './auth/contract.ts';
import { grpcTimeoutMs } from './grpc.ts';
import { ask } from './testing/clients.ts';
import { backendAt, partOf, ruleOf, startGateway } from './testing/gateway-fixture.ts';

interface Seen {
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
}

const seen: Seen[] = [];
const backend = http2.createServer();
backend.on('stream', (stream, headers) => {
  let trailers: http2.IncomingHttpHeaders = {};
  stream.on('error', () => {});
  stream.on('trailers', (received: http2.IncomingHttpHeaders) => {
    trailers = received;
  });
  stream.resume();
  stream.on('end', () => {
    seen.push({ headers, trailers });
    if (headers[':path'] === '/t.Slow/Get') return;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end();
  });
});

const sessions = new Set<http2.ServerHttp2Session>();
backend.on('session', (session) => sessions.add(session));
let port = 0;

beforeAll(async () => {
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  port = (backend.address() as AddressInfo).port;
});

afterAll(() => {
  for (const session of sessions) session.destroy();
  backend.close();
});

const KEYS: CompiledAuth = {
  source: [],
  when: [],
  authentication: [],
  metadata: [],
  authorization: [],
  response: {
    headers: [['x-user', 'auth.principal']],
    unauthenticated: { status: 401, headers: {} },
    unauthorized: { status: 403, headers: {} },
  },
  decisions: { mode: 'none', ttlSeconds: 0, negativeTtlSeconds: 0 },
  maxStalenessSeconds: 0,
};

const HEADERS = { 'content-type': 'application/grpc', te: 'trailers' };
const MESSAGE = '\0\0\0\0\u0002hi';
const call = { method: 'POST', path: '/t.Echo/Say', headers: HEADERS, body: MESSAGE };
const part = (auth = false) =>
  partOf(port, {
    backends: { service: backendAt(port, { protocol: 'h2' }) },
    rules: [ruleOf('all', auth ? { auth: 'keys' } : {})],
    ...(auth ? { auth: { keys: KEYS } } : {}),
  });
/** A call whose message is followed by these trailers. */
async function sendTrailers(
  at: number,
  headers: http2.OutgoingHttpHeaders,
  trailers: http2.OutgoingHttpHeaders,
) {
  const client = http2.connect(`http://127.0.0.1:${at}`);
  try {
    const before = seen.length;
    const stream = client.request(
      { ':method': 'POST', ':path': '/t.Echo/Say', ':authority': 'a.example', ...headers },
      { waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.resume();
    stream.end(MESSAGE);
    await until('the backend has the call', () => Promise.resolve(seen.length > before), 5000, 5);
    return Object.fromEntries(Object.entries(seen.at(-1)?.trailers ?? {}));
  } finally {
    client.destroy();
  }
}

describe('trailers of a call', () => {
  test('pass to a backend that speaks HTTP/2', async () => {
    await using gateway = await startGateway(part());
    expect(await sendTrailers(gateway.port(), HEADERS, { 'x-checksum': '42' })).toMatchObject({
      'x-checksum': '42',
    });
  });

  test('I27 say nothing that a policy looked at in the head, or that only a policy or a proxy says', async () => {
    await using gateway = await startGateway(part(true), {
      decide: () => ({
        allowed: true,
        principal: { name: 'shop', rule: 'key', method: 'apiKey', roles: [], scopes: [], identity: {} },
        metadata: {},
        set: ['x-user', 'shop'],
        removed: ['x-user', 'x-api-key'],
        removedQuery: [],
        removedCookies: [],
      }),
    });
    const hostile = {
      ...{ 'x-user': 'root', x_user: 'root', 'x-api-key': 'k', authorization: 'Bearer x', cookie: 'a=b' },
      ...{
        'x-forwarded-for': '6.6.6.6',
        x_forwarded_for: '6.6.6.6',
        'client-cert': ':x:',
        'x-original-url': '/',
      },
      ...{ 'content-type': 'text/html', 'content-encoding': 'gzip', 'cache-control': 'no-store', host: 'b' },
      ...{
        'if-match': '*',
        range: 'bytes=0-1',
        'set-cookie': 'a=b',
        'grpc-timeout': '1H',
        'user-agent': 'x',
      },
    };
    const passed = await sendTrailers(gateway.port(), HEADERS, { ...hostile, 'x-kept': '1' });
    expect(passed).toEqual({ 'x-kept': '1' });
    expect(seen.at(-1)?.headers['x-user']).toBe('shop');
  });

  test('are dropped where no call of gRPC gives them a meaning', async () => {
    await using gateway = await startGateway(part());
    const trailers = await sendTrailers(gateway.port(), { te: 'trailers' }, { 'x-checksum': '42' });
    expect(trailers).toEqual({});
  });
});

describe('the deadline of a call', () => {
  test.each([
    ['99999999H', 99_999_999 * 3_600_000],
    ['2M', 120_000],
    ['1S', 1000],
    ['250m', 250],
    ['1500u', 1.5],
    ['500000n', 0.5],
  ])('%s are %d ms', (written, ms) => expect(grpcTimeoutMs(written)).toBeCloseTo(ms, 6));

  test.each(['', '1', 'S', '-1S', '1.5S', '123456789S', '1s', '1 S', '1S '])('%j is none', (written) =>
    expect(grpcTimeoutMs(written)).toBeUndefined(),
  );

  test('holds although the rule has none: the status says so, and the backend is told of its end', async () => {
    await using gateway = await startGateway(part());
    const answer = await ask('HTTP/2', gateway.port(), {
      ...call,
      path: '/t.Slow/Get',
      headers: { ...HEADERS, 'grpc-timeout': '100m' },
    });
    expect(answer.headers).toMatchObject({
      'grpc-status': '4',
      'grpc-message': matching(/^BACKEND_TIMEOUT: /),
    });
    expect(seen.at(-1)?.headers['grpc-timeout'], 'the backend has the same deadline').toBe('100m');
  });

  test('that cannot be read is no call', async () => {
    await using gateway = await startGateway(part());
    const answer = await ask('HTTP/2', gateway.port(), {
      ...call,
      headers: { ...HEADERS, 'grpc-timeout': 'soon' },
    });
    expect(answer.headers).toMatchObject({
      'grpc-status': '13',
      'grpc-message': 'REQUEST_MALFORMED: grpc-timeout is no time.',
    });
  });
});

describe('a denial of a call', () => {
  const denied: AuthDenied = {
    allowed: false,
    status: 401,
    code: 'CREDENTIALS_MISSING',
    fields: [
      'cache-control',
      'no-store',
      'www-authenticate',
      'APIKEY realm="x"',
      'x-login',
      'https://login.example',
    ],
    contentType: 'application/problem+json',
    body: '{}',
  };
  const answerTo = async (changes: Partial<AuthDenied>) => {
    await using gateway = await startGateway(part(true), { decide: () => ({ ...denied, ...changes }) });
    const answer = await ask('HTTP/2', gateway.port(), call);
    await until('the call is recorded', () => Promise.resolve(gateway.records.length === 1), 5000, 5);
    return { ...answer, logged: gateway.records[0]?.status };
  };

  test('has the headers of the policy, and the code where it has no words', async () => {
    expect(await answerTo({})).toMatchObject({
      status: 200,
      body: '',
      logged: 401,
      headers: {
        'content-type': 'application/grpc',
        'grpc-status': '16',
        'grpc-message': matching(/^CREDENTIALS_MISSING: The request carries/),
        'www-authenticate': 'APIKEY realm="x"',
        'x-login': 'https://login.example',
      },
    });
  });

  test('has the words of the policy, percent-encoded and no longer than clients take', async () => {
    const { headers } = await answerTo({ message: 'zürich 100%', contentType: 'text/plain', body: 'x' });
    expect(headers['grpc-message']).toBe('z%C3%BCrich 100%25');
    const long = await answerTo({ message: 'y'.repeat(50_000) });
    expect(long.headers['grpc-message']).toHaveLength(1024);
  });

  test.each([
    [402, '7'],
    [403, '7'],
    [404, '12'],
    [418, '7'],
    [429, '8'],
    [503, '14'],
  ])('a status of %d is %s', async (status, code) => {
    expect((await answerTo({ status })).headers['grpc-status']).toBe(code);
  });

  test.each([
    ['HTTP/1.1', 'application/grpc'],
    ['HTTP/2', 'application/grpc-web+proto'],
    ['HTTP/2', 'application/grpcx'],
  ] as const)('is one of HTTP for what is no call: %s, %s', async (protocol, type) => {
    await using gateway = await startGateway(part(true), { decide: () => denied });
    const headers = { 'content-type': type };
    const { status } = await ask(protocol, gateway.port(), { ...call, headers });
    expect(status).toBe(401);
  });

  test('takes the status that the policy names in its headers', async () => {
    const { headers } = await answerTo({ fields: ['grpc-status', '9', 'grpc-message', 'not now'] });
    expect(headers).toMatchObject({ 'grpc-status': '9', 'grpc-message': 'not now' });
  });
});
