import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import type { CompiledBackend } from '../../../src/policy/model.ts';
import { until } from '../../../test/support/until.ts';
import { CHOICE, get, NO_SECRETS, partOf, send, testDeps } from '../testing/forwarded.ts';
import { createUpstreams, type ManagedUpstreams } from '../upstreams.ts';

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

interface H2Backend {
  readonly port: number;
  readonly server: Http2Server;
  readonly sessions: { readonly count: number };
}

type Handler = (
  stream: ServerHttp2Stream,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
) => void;

async function backend(
  handler: Handler,
  settings: { maxConcurrentStreams?: number; enableConnectProtocol?: boolean } = {},
): Promise<H2Backend> {
  const server = createServer({ settings });
  const sessions = { count: 0 };
  server.on('session', (session) => {
    sessions.count += 1;
    open.push({ close: () => session.destroy() });
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const plain: Record<string, string | readonly string[] | undefined> = {};
    for (const [name, value] of Object.entries(headers)) plain[name] = value;
    handler(stream, plain);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({ close: () => server.close() });
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, server, sessions };
}

function upstreams(port: number, changes: Partial<CompiledBackend> = {}): ManagedUpstreams {
  const made = createUpstreams(partOf([port], { protocol: 'h2', ...changes }), NO_SECRETS, testDeps());
  open.unshift(made);
  return made;
}

const bodyOf = (chunks: readonly string[], trailers: readonly string[] = []) => ({
  stream: Readable.from(chunks.map((chunk) => Buffer.from(chunk))),
  length: undefined,
  trailers: () => trailers,
});

describe('HTTP/2 to backends', () => {
  test('many requests share one connection', async () => {
    const server = await backend((stream, headers) => {
      stream.respond({ ':status': 200, 'x-path': String(headers[':path']), 'set-cookie': ['a=1', 'b=2'] });
      stream.end('ok');
    });
    const to = upstreams(server.port);
    const told = await Promise.all(['/1', '/2', '/3'].map((path) => send(to, get(path)).over));
    expect(told.map(({ body, head }) => [body, head?.status])).toEqual([
      ['ok', 200],
      ['ok', 200],
      ['ok', 200],
    ]);
    expect(told[1]?.head?.fields).toEqual(
      expect.arrayContaining(['x-path', '/2', 'set-cookie', 'a=1', 'set-cookie', 'b=2']),
    );
    expect(server.sessions.count).toBe(1);
  });

  test('gRPC: trailers both ways', async () => {
    let came: unknown;
    let te: unknown;
    const server = await backend((stream, headers) => {
      te = headers.te;
      stream.on('trailers', (trailers) => {
        came = trailers['x-client'];
      });
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.on('data', (chunk) => stream.write(chunk));
      stream.on('end', () => stream.end());
    });
    const request = get('/s/m', {
      method: 'POST',
      trailers: true,
      body: bodyOf(['ab', 'cd'], ['x-client', '1']),
    });
    const told = await send(upstreams(server.port), request).over;
    expect(told).toMatchObject({ body: 'abcd', trailers: ['grpc-status', '0'], error: undefined });
    expect([came, te]).toEqual(['1', 'trailers']);
  });

  test('gRPC: an answer of trailers only has no body', async () => {
    const server = await backend((stream) =>
      stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true }),
    );
    const told = await send(upstreams(server.port), get('/s/m', { trailers: true })).over;
    expect(told.head).toMatchObject({ bodiless: true });
    expect(told.head?.fields).toEqual(expect.arrayContaining(['grpc-status', '12']));
  });

  test.each([
    ['before its head', (stream: ServerHttp2Stream) => stream.close(2)],
    [
      'without an error, before its length is reached',
      (stream: ServerHttp2Stream) => {
        stream.respond({ ':status': 200, 'content-length': '10' });
        stream.write('abc', () => stream.close(0));
      },
    ],
  ])('an answer that is reset %s is not taken for whole', async (_what, handler) => {
    const server = await backend((stream) => handler(stream));
    const to = upstreams(server.port);
    const told = await send(to, get('/')).over;
    expect(told.error).toMatchObject({ code: 'BACKEND_BROKEN', status: 502 });
    expect(to.stats()[0]?.endpoints[0]).toMatchObject({ active: 0 });
  });

  /** A frame of stream 1 (RFC 9113 §4.1). */
  const frame = (type: number, flags: number, payload: readonly number[], stream = 1): Buffer =>
    Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream, ...payload]);
  const PREFACE_OCTETS = 24;
  const HEADERS_200 = frame(1, 4, [0x88]);
  const DATA = frame(0, 0, [...Buffer.from('abc')]);

  // By hand: node:http2 ends a stream properly before it resets it.
  test('a body that is reset is not taken for whole', async () => {
    const frames = [HEADERS_200, DATA, frame(3, 0, [0, 0, 0, 8])];
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.write(frame(4, 0, [], 0));
      let came = Buffer.alloc(0);
      let at = PREFACE_OCTETS;
      socket.on('data', (chunk) => {
        came = Buffer.concat([came, chunk]);
        for (; at + 9 <= came.length; at += 9 + came.readUIntBE(at, 3))
          if (came[at + 3] === 1) for (const one of frames) socket.write(one);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => server.close() });
    const address = server.address();
    const to = upstreams(typeof address === 'object' && address !== null ? address.port : 0);
    const told = await send(to, get('/')).over;
    expect(told).toMatchObject({ body: 'abc', error: { code: 'BACKEND_BROKEN', status: 502 } });
  });

  test('a request the backend says it did not look at is sent again', async () => {
    let asked = 0;
    const server = await backend((stream) => {
      asked += 1;
      if (asked === 1) stream.close(7);
      else {
        stream.respond({ ':status': 200 });
        stream.end('ok');
      }
    });
    const told = await send(upstreams(server.port), get('/', { method: 'POST' })).over;
    expect(told).toMatchObject({ body: 'ok', head: { retries: 1 } });
  });

  test('after GOAWAY requests under way end, and new ones get a new connection', async () => {
    const streams: ServerHttp2Stream[] = [];
    const server = await backend((stream) => void streams.push(stream));
    const to = upstreams(server.port);
    const first = send(to, get('/1'));
    await until('the first request', async () => streams.length === 1, 20_000, 2);
    streams[0]?.session?.goaway(0);
    await until(
      'the session is left',
      async () => {
        const second = send(to, get('/2'));
        const before = server.sessions.count;
        await until('a stream', async () => streams.length > 1, 20_000, 2);
        second.forwarding.abort();
        streams.length = 1;
        return before === 2 || server.sessions.count === 2;
      },
      20_000,
      5,
    );
    streams[0]?.respond({ ':status': 200 });
    streams[0]?.end('ok');
    expect((await first.over).body).toBe('ok');
  });

  test('no more streams at a time than the backend takes; more connections, then waiting, then 503', async () => {
    const streams: ServerHttp2Stream[] = [];
    const server = await backend((stream) => void streams.push(stream), { maxConcurrentStreams: 1 });
    const to = upstreams(server.port, { limits: { maxConnections: 2, maxPendingRequests: 1 } });
    const warm = send(to, get('/0'));
    await until('a connection', async () => streams.length === 1, 20_000, 2);
    const second = send(to, get('/1'));
    await until('a second connection', async () => streams.length === 2, 20_000, 2);
    const third = send(to, get('/2'));
    expect((await send(to, get('/3')).over).error).toMatchObject({ code: 'BACKEND_OVERLOADED' });
    for (const [at, told] of [warm, second, third].entries()) {
      await until('its stream', async () => streams.length > at, 20_000, 2);
      streams[at]?.respond({ ':status': 200 });
      streams[at]?.end('ok');
      expect((await told.over).body).toBe('ok');
    }
    expect(server.sessions.count).toBe(2);
  });

  test('a client that is slow slows the backend down', async () => {
    let written = 0;
    const server = await backend((stream) => {
      stream.respond({ ':status': 200 });
      const more = (): void => {
        while (written < 20_000_000 && stream.write(Buffer.alloc(50_000))) written += 50_000;
        if (written < 20_000_000) stream.once('drain', more);
      };
      more();
    });
    const to = upstreams(server.port);
    const told = send(to, get('/'), CHOICE, () => false);
    await until('the first octets', async () => told.body.length > 0, 20_000, 5);
    let before = -1;
    const waits = async (): Promise<boolean> => {
      const same = before === written;
      before = written;
      return same;
    };
    await until('the backend waits', waits, 20_000, 50);
    expect(written).toBeLessThan(2_000_000);
    told.forwarding.abort();
  });

  test('a client that goes away resets its stream alone', async () => {
    const streams: ServerHttp2Stream[] = [];
    const server = await backend((stream) => void streams.push(stream));
    const to = upstreams(server.port);
    const first = send(to, get('/1'));
    const second = send(to, get('/2'));
    await until('both', async () => streams.length === 2, 20_000, 2);
    first.forwarding.abort();
    await until('the reset', async () => streams[0]?.rstCode === 8, 20_000, 2);
    streams[1]?.respond({ ':status': 200 });
    streams[1]?.end('ok');
    expect((await second.over).body).toBe('ok');
  });

  test('what speaks no HTTP/2 is no backend, and says so in time', async () => {
    const silent = createTcpServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => silent.close() });
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const to = upstreams(port, { connectTimeoutMs: 100 });
    expect((await send(to, get('/')).over).error).toMatchObject({ code: 'BACKEND_UNAVAILABLE', status: 503 });
  });

  test('WebSockets over HTTP/2, where the backend takes them (RFC 8441)', async () => {
    const server = await backend(
      (stream, headers) => {
        stream.respond({ ':status': headers[':protocol'] === 'websocket' ? 200 : 400 });
        stream.on('data', (chunk) => stream.write(chunk));
      },
      { enableConnectProtocol: true },
    );
    const fields = ['sec-websocket-key', 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version', '13'];
    const told = await send(upstreams(server.port), get('/', { upgrade: 'websocket', fields })).over;
    expect(told.head).toMatchObject({ status: 101 });
    // The example of RFC 6455 §1.3.
    expect(told.head?.fields).toEqual(expect.arrayContaining(['s3pPLMBiTxaQ9kYGzzhZRbK+xOo=']));
    const echoed = new Promise((resolve) =>
      told.socket?.once('data', (chunk: Buffer) => resolve(String(chunk))),
    );
    told.socket?.resume();
    told.socket?.write('ping');
    expect(await echoed).toBe('ping');
    told.socket?.destroy();
  });

  test('and where it does not, the answer is a 502 that says so', async () => {
    const server = await backend(() => {});
    const told = await send(upstreams(server.port), get('/', { upgrade: 'websocket' })).over;
    expect(told.error).toMatchObject({ code: 'BACKEND_BROKEN', status: 502 });
  });
});
