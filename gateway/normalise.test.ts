import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { normalise } from './normalise.ts';
import { normalisePath } from './normalise-path.ts';
import { partOf, type RunningGateway, startGateway } from './testing/gateway-fixture.ts';

/** What reached the backend, as the backend's own parser read it. */
interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

let backend: http.Server;
let gateway: RunningGateway;
const seen: Seen[] = [];

beforeAll(async () => {
  backend = http.createServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => {
      body += chunk.toString('latin1');
    });
    req.on('end', () => {
      seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body });
      res.end('ok');
    });
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  gateway = await startGateway(partOf((backend.address() as AddressInfo).port));
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  backend.closeAllConnections();
  backend.close();
});

/** Sends octets as they are, then says no more; @returns everything that came back until the gateway closed or answered. */
function sendRaw(octets: string, answers = 1): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(gateway.port(), '127.0.0.1');
    let text = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer to ${JSON.stringify(octets)}: ${text}`));
    }, 5000);
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const whole = text.split(/HTTP\/1\.1 (?!100)\d{3} /).length - 1;
      if (whole >= answers && /\r\n\r\n(?:ok|\{.*\n)$/s.test(text)) done();
    });
    socket.on('close', done);
    socket.on('error', () => {});
    socket.write(Buffer.from(octets, 'latin1'));
  });
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);

const CHUNKED = '5\r\nhello\r\n0\r\n\r\n';

/** One request each, followed by a second one hidden in its body or tail wherever two readings are possible. */
const REFUSED: readonly (readonly [what: string, octets: string, status: number])[] = [
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
  ['two equal Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['no Host in HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 400],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 400],
  ['userinfo in Host', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 400],
  ['a path in Host', 'GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n', 400],
  ['two hosts in one Host', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 400],
  ['a port out of range', 'GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n', 400],
  ['an escaped Host', 'GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n', 400],
  ['two Authorizations', 'GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nAuthorization: y\r\n\r\n', 400],
  ['another host in absolute form', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['userinfo in absolute form', 'GET http://x@a/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['another scheme in absolute form', 'GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['asterisk form', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 400],
  ['TRACE', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n', 501],
  ['HTTP/2.0 as a word', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 400],
  ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 400],
  ['HTTP/0.9', 'GET /\r\n\r\n', 400],
  [
    'CL.TE',
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
    400,
  ],
  [
    'TE.CL',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${CHUNKED}`,
    400,
  ],
  [
    'two equal Content-Lengths',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab',
    400,
  ],
  [
    'two Content-Lengths',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 0\r\n\r\nab',
    400,
  ],
  ['a list of lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\nab', 400],
  ['a signed length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nab', 400],
  ['a hexadecimal length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x2\r\n\r\nab', 400],
  ['an endless length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nab', 400],
  [
    'TE identity, chunked',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n${CHUNKED}`,
    400,
  ],
  [
    'TE chunked, identity',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n${CHUNKED}`,
    400,
  ],
  [
    'TE gzip, chunked',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n${CHUNKED}`,
    400,
  ],
  [
    'TE twice',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
    400,
  ],
  ['TE xchunked', `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n${CHUNKED}`, 400],
  ['TE in quotes', `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "chunked"\r\n\r\n${CHUNKED}`, 400],
  [
    'TE after a vertical tab',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n${CHUNKED}`,
    400,
  ],
  [
    'TE with a space before its colon',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n${CHUNKED}`,
    400,
  ],
  [
    'TE in a folded line',
    `POST / HTTP/1.1\r\nHost: a\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
    400,
  ],
  ['TE in HTTP/1.0', `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`, 400],
  [
    'a chunk size behind a bare LF',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n',
    400,
  ],
  [
    'a negative chunk size',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n',
    400,
  ],
  ['bare LFs', 'GET / HTTP/1.1\nHost: a\n\n', 400],
  ['a bare CR in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: 1\r\n\r\n', 400],
  ['NUL in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n', 400],
  ['a control character in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: y\x01z\r\n\r\n', 400],
  ['a space before the first field', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 400],
  ['Connection that names Host', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n', 400],
  [
    'Connection that names Content-Length',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: content-length\r\n\r\nab',
    400,
  ],
  ['an unknown expectation', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n', 400],
  ['a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a header bomb by number', `GET / HTTP/1.1\r\nHost: a\r\n${'A: b\r\n'.repeat(300)}\r\n`, 431],
  ['a header bomb by length', `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${'c'.repeat(65_536)}\r\n\r\n`, 431],
];

describe('I26 requests that can be read in two ways', () => {
  test.each(REFUSED)(
    '%s is refused, and nothing of it reaches the backend',
    async (_what, octets, status) => {
      const before = seen.length;
      const answer = await sendRaw(`${octets}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(statusOf(answer), answer).toBe(status);
      // The connection goes with it: what follows may be part of it in another reading.
      expect(seen.slice(before)).toEqual([]);
    },
  );

  test('of two pipelined requests each gets its own answer', async () => {
    const before = seen.length;
    const answer = await sendRaw(
      `POST /one HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}GET /two HTTP/1.1\r\nHost: a\r\n\r\n`,
      2,
    );
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    const urls = seen.slice(before).map(({ url, body }) => `${url} ${body}`);
    expect(urls.toSorted()).toEqual(['/one hello', '/two ']);
  });
});

describe('what the backend is told', () => {
  test('of the client it hears everything but what belongs to the connection', async () => {
    await sendRaw(
      'GET http://A.example.:8080/x?y=1 HTTP/1.1\r\nHost: a.example:8080\r\nConnection: close, x-mine\r\nX-Mine: 1\r\n' +
        'Keep-Alive: 5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nX-Kept: yes\r\n' +
        'Proxy-Authorization: secret\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6\r\n' +
        'X-Real-IP: 6.6.6.6\r\nClient-Cert: :x:\r\nX-Request-Id: mine\r\nX-Original-URL: /admin\r\nX_Rewrite_Url: /admin\r\n' +
        'X-Envoy-Original-Path: /admin\r\nx-envoy-retry-on: 5xx\r\nProxy: http://evil\r\nX-Forwarded-Prefix: /admin\r\n\r\n',
    );
    const last = seen.at(-1);
    expect(last?.url).toBe('/x?y=1');
    const { traceparent, 'x-request-id': id, ...rest } = last?.headers ?? {};
    expect(rest).toEqual({
      host: 'a.example:8080',
      'x-kept': 'yes',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'a.example:8080',
    });
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });

  test('trailers of a request are dropped', async () => {
    await sendRaw(
      'POST /t HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nab\r\n0\r\nX-T: 1\r\n\r\n',
    );
    expect(seen.at(-1)).toMatchObject({ url: '/t', body: 'ab' });
    expect(seen.at(-1)?.headers.trailer).toBeUndefined();
  });
});

/** Pseudo-fields and fields that an HTTP/2 client may send, and which nghttp2 lets through. */
const REFUSED_H2: readonly (readonly [what: string, headers: http2.OutgoingHttpHeaders])[] = [
  ['Host and :authority that differ', { ':path': '/', ':authority': 'a', host: 'b' }],
  ['userinfo in :authority', { ':path': '/', ':authority': 'x@a' }],
  ['a fragment', { ':path': '/a#b', ':authority': 'a' }],
  ['a path without a slash', { ':path': 'a', ':authority': 'a' }],
  ['an absolute path', { ':path': 'http://a/', ':authority': 'a' }],
  ['dot segments', { ':path': '/a/../b', ':authority': 'a' }],
];

test.each(REFUSED_H2)('I26 over HTTP/2, %s is refused', async (_what, headers) => {
  const before = seen.length;
  const client = http2.connect(`http://127.0.0.1:${gateway.port()}`);
  try {
    const status = await new Promise<number>((resolve, reject) => {
      const stream = client.request(headers);
      stream.on('response', (head) => resolve(head[':status'] ?? 0));
      // nghttp2 may refuse it by itself.
      stream.on('error', () => resolve(400));
      client.on('error', reject);
    });
    expect(status).toBe(400);
    expect(seen.length).toBe(before);
  } finally {
    client.close();
  }
});

test.each([
  ['two Authorizations', ['authorization', 'x', 'Authorization', 'y']],
  ['two Content-Types', ['content-type', 'a/b', 'content-type', 'c/d']],
  ['two Origins', ['origin', 'a', 'origin', 'b']],
  ['Connection', ['connection', 'close']],
  ['Transfer-Encoding', ['transfer-encoding', 'chunked']],
  ['TE that is not trailers', ['te', 'gzip']],
])('I26 of HTTP/2, which Node’s own client would not send: %s is refused', (_what, rawFields) => {
  const raw = { method: 'GET', target: '/', httpVersion: '2', authority: 'a' };
  const rules = { scheme: 'http', keepDoubtfulPaths: false, maxHeaderBytes: 1000 } as const;
  expect(normalise({ ...raw, rawFields }, rules)).toMatchObject({ code: 'REQUEST_MALFORMED' });
  expect(normalise({ ...raw, rawFields: ['cookie', 'a=1', 'cookie', 'b=2'] }, rules)).toMatchObject({
    fields: ['cookie', 'a=1; b=2'],
  });
});

describe('paths', () => {
  const ok = (path: string, query = ''): unknown => ({ path, query });
  test.each([
    ['/', ok('/')],
    ['/a/b', ok('/a/b')],
    ['/a/', ok('/a/')],
    ['/.well-known/x', ok('/.well-known/x')],
    ['/a/...', ok('/a/...')],
    ['/a..b/c.', ok('/a..b/c.')],
    ['/%61%7e%2D', ok('/a~-')],
    ['/%c3%a4', ok('/%C3%A4')],
    ['/a|b', ok('/a%7Cb')],
    ['/a?b=//../;%2f', ok('/a', 'b=//../;%2f')],
  ])('%s has one reading', (target, expected) => {
    expect(normalisePath(target, false)).toEqual(expected);
    expect(normalisePath(target, true)).toEqual(expected);
  });

  test.each([
    ['/a//b', '/a/b'],
    ['//a', '/a'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/../../b', '/b'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/.%2e/b', '/b'],
    ['/a/%2e', '/a/'],
    ['/a;b=1/c', '/a;b=1/c'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%5cb', '/a%5Cb'],
    ['/a\\b', '/a%5Cb'],
    ['/a%0ab', '/a%0Ab'],
    ['/a%7f', '/a%7F'],
    ['/%c0%af', '/%C0%AF'],
    ['/%ff', '/%FF'],
  ])('I26 %s is refused as doubtful, or where the operator keeps such paths it is %s', (target, kept) => {
    expect(normalisePath(target, false)).toMatchObject({ fault: 'doubtful' });
    expect(normalisePath(target, true)).toEqual({ path: kept, query: '' });
  });

  test.each(['/%00', '/%', '/%4', '/%zz', '/a b', '/a#b', '/a?b#c', '/\u00e4', '/a?\u00e4', '/a\t'])(
    'I26 %s is refused whatever the operator says',
    (target) => {
      expect(normalisePath(target, false)).toMatchObject({ fault: 'malformed' });
      expect(normalisePath(target, true)).toMatchObject({ fault: 'malformed' });
    },
  );
});
