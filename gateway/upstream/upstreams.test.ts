import { PassThrough, Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import type { CompiledBackend, CompiledRetry } from '../../src/policy/model.ts';
import { until } from '../../test/support/until.ts';
import {
  AMONG,
  BACKEND,
  CHOICE,
  echo,
  get,
  NO_SECRETS,
  partOf,
  type RawBackend,
  rawBackend,
  send,
  testDeps,
} from './testing/forwarded.ts';
import { createUpstreams, type ManagedUpstreams, type UpstreamDeps } from './upstreams.ts';

const open: (RawBackend | ManagedUpstreams)[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function backend(answer: Parameters<typeof rawBackend>[0]): Promise<RawBackend> {
  const made = await rawBackend(answer);
  open.unshift(made);
  return made;
}

function upstreams(
  ports: readonly number[],
  changes: Partial<CompiledBackend> = {},
  deps: Partial<UpstreamDeps> = {},
): ManagedUpstreams {
  const made = createUpstreams(partOf(ports, changes), NO_SECRETS, testDeps(deps));
  open.unshift(made);
  return made;
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const RETRY: CompiledRetry = {
  attempts: 2,
  codes: [503],
  backoffMs: 0,
  budget: { percent: 100, intervalMs: 10_000, minPerSecond: 100 },
};
const bodyOf = (chunks: readonly string[], length?: number) => ({
  stream: Readable.from(chunks.map((chunk) => Buffer.from(chunk))),
  length,
  trailers: () => [],
});
/** A port nobody listens on: it was just given back. */
async function closedPort(): Promise<number> {
  const made = await rawBackend(() => {});
  await made.close();
  return made.port;
}

describe('forwarding', () => {
  test('a request is written as it was given, and its answer comes back', async () => {
    const server = await backend((socket) => socket.write(OK));
    const told = await send(
      upstreams([server.port]),
      get('/a?b=c', {
        fields: ['accept', '*/*', 'x-id', '1', 'transfer-encoding', 'chunked', 'host', 'evil'],
      }),
    ).over;
    expect(told).toMatchObject({ body: 'ok', error: undefined });
    expect(told.head).toMatchObject({
      status: 200,
      endpoint: `127.0.0.1:${server.port}`,
      retries: 0,
      bodiless: false,
    });
    expect(server.received).toEqual([
      'GET /a?b=c HTTP/1.1\r\nhost: api.example.com\r\naccept: */*\r\nx-id: 1\r\n\r\n',
    ]);
  });

  test('one connection carries one request after the other', async () => {
    const server = await backend(echo('a'));
    const to = upstreams([server.port]);
    for (const path of ['/1', '/2', '/3']) expect((await send(to, get(path)).over).body).toBe(`a ${path}`);
    expect(server.sockets).toHaveLength(1);
  });

  test.each([
    ['a line break in a value', { fields: ['x-a', 'b\r\nevil: 1'] }],
    ['characters that Latin-1 cuts down to a line break, in a path', { path: '/\u010d\u010aevil' }],
    ['a name that is no token', { fields: ['x a', 'b'] }],
    ['a method with a space', { method: 'GET /x HTTP/1.1\r\n' }],
  ])('I26 %s is not sent', async (_what, changes) => {
    const server = await backend((socket) => socket.write(OK));
    const told = await send(upstreams([server.port]), get('/', changes)).over;
    expect(told.error).toMatchObject({ code: 'REQUEST_MALFORMED', status: 500 });
    expect(server.received.join('')).toBe('');
  });

  test('characters beyond Latin-1 in a value go as UTF-8', async () => {
    const server = await backend((socket) => socket.write(OK));
    await send(upstreams([server.port]), get('/', { fields: ['x-name', 'č\u010a'.slice(0, 1)] })).over;
    expect(Buffer.from(server.received[0] ?? '', 'latin1').toString('utf8')).toContain('x-name: č\r\n');
  });

  test('I26 an answer with octets behind it is passed on, and its connection closed', async () => {
    const server = await backend((socket) =>
      socket.write(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`),
    );
    const to = upstreams([server.port]);
    const told = [await send(to, get('/1')).over, await send(to, get('/2')).over];
    expect(told.map(({ body }) => body)).toEqual(['ok', 'ok']);
    expect(server.sockets).toHaveLength(2);
  });

  test('I26 octets that come while a connection is idle close it', async () => {
    const server = await backend((socket) => {
      socket.write(OK);
      setImmediate(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'));
    });
    const to = upstreams([server.port]);
    expect((await send(to, get('/1')).over).body).toBe('ok');
    await until(
      'the connection is closed',
      async () => to.stats()[0]?.endpoints[0]?.connections === 0,
      20_000,
      2,
    );
    expect((await send(to, get('/2')).over).body).toBe('ok');
  });

  test('I26 an answer that breaks the protocol is a 502 and its connection is closed', async () => {
    const server = await backend((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    );
    const to = upstreams([server.port]);
    const told = await send(to, get('/')).over;
    expect(told.error).toMatchObject({ code: 'BACKEND_BROKEN', status: 502 });
    expect(told.error?.message).toBe('The backend sent both content-length and transfer-encoding.');
    expect(to.stats()[0]?.endpoints[0]).toMatchObject({ connections: 0, active: 0 });
  });

  test('a body that ends early is cut off after its head', async () => {
    const server = await backend((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    const told = await send(upstreams([server.port]), get('/')).over;
    expect(told).toMatchObject({ body: 'abc', error: { code: 'BACKEND_BROKEN' } });
    expect(told.head?.status).toBe(200);
  });

  test('a body up to the close, chunks and trailers come through', async () => {
    const server = await backend((socket, received) => {
      if (received.startsWith('GET /close')) socket.end('HTTP/1.1 200 OK\r\n\r\nto the end');
      else
        socket.write(
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\nX-Sum: 4\r\n\r\n',
        );
    });
    const to = upstreams([server.port]);
    expect(await send(to, get('/close')).over).toMatchObject({ body: 'to the end', error: undefined });
    expect(await send(to, get('/chunks')).over).toMatchObject({ body: 'abcd', trailers: ['x-sum', '4'] });
  });

  test('100 and 103 are passed on', async () => {
    const server = await backend((socket) =>
      socket.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`),
    );
    const told = await send(upstreams([server.port]), get('/')).over;
    expect(told).toMatchObject({ informational: [100, 103], body: 'ok' });
  });

  test('a client that is slow slows the backend down', async () => {
    const chunk = 'x'.repeat(100_000);
    let written = 0;
    const server = await backend((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n');
      const more = (): void => {
        while (written < 500 && socket.write(chunk)) written += 1;
        if (written < 500) socket.once('drain', more);
      };
      more();
    });
    const told = send(upstreams([server.port]), get('/'), CHOICE, () => false);
    await until('the first octets', async () => told.body.length > 0, 20_000, 5);
    const before = told.body.length;
    await until(
      'the backend is held back',
      async () => server.sockets[0]?.writableNeedDrain === true,
      20_000,
      5,
    );
    expect(told.body.length).toBe(before);
    told.forwarding.drained();
    await until('more octets', async () => told.body.length > before, 20_000, 5);
    expect(told.body.length).toBeLessThan(10_000_000);
    told.forwarding.abort();
  });

  test('a client that goes away closes the connection, whatever is still to come', async () => {
    const server = await backend((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'),
    );
    const to = upstreams([server.port]);
    const told = send(to, get('/'));
    await until('the first octets', async () => told.body === 'abc', 20_000, 2);
    told.forwarding.abort();
    await until('the connection is closed', async () => server.sockets[0]?.destroyed === true, 20_000, 2);
    expect(told.error).toBeUndefined();
    expect(to.stats()[0]?.endpoints[0]).toMatchObject({ connections: 0, active: 0 });
  });
});

describe('request bodies', () => {
  const untilAll =
    (answer: string, end: string) => (socket: { write(text: string): unknown }, received: string) => {
      if (received.endsWith(end)) socket.write(answer);
    };

  test('a body with a length leaves with its head in one write', async () => {
    const server = await backend(untilAll(OK, 'hello'));
    const told = await send(
      upstreams([server.port]),
      get('/', { method: 'POST', body: bodyOf(['hello'], 5) }),
    ).over;
    expect(told.body).toBe('ok');
    expect(server.received).toEqual([
      'POST / HTTP/1.1\r\nhost: api.example.com\r\ncontent-length: 5\r\n\r\nhello',
    ]);
  });

  test('a body without a length goes in chunks', async () => {
    const server = await backend(untilAll(OK, '0\r\n\r\n'));
    const to = upstreams([server.port]);
    const told = await send(to, get('/', { method: 'POST', body: bodyOf(['hello', ' world']) })).over;
    expect(told.body).toBe('ok');
    expect(server.received[0]).toContain(
      'transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
    );
  });

  test('a POST without a body says so', async () => {
    const server = await backend((socket) => socket.write(OK));
    await send(upstreams([server.port]), get('/', { method: 'POST' })).over;
    expect(server.received[0]).toContain('content-length: 0\r\n');
  });

  test.each([
    ['longer', ['hello', 'evil'], 5],
    ['shorter', ['hel'], 5],
  ])(
    'I26 a body %s than its length never shares a connection with another request',
    async (_what, chunks, length) => {
      const server = await backend(() => {});
      const to = upstreams([server.port]);
      const told = await send(to, get('/', { method: 'POST', body: bodyOf(chunks, length) })).over;
      expect(told.error).toMatchObject({ code: 'REQUEST_MALFORMED' });
      expect(server.received.join('')).not.toContain('evil');
      expect(to.stats()[0]?.endpoints[0]?.connections).toBe(0);
    },
  );

  test('an answer before the body is through is passed on, and its connection not used again', async () => {
    const server = await backend((socket) =>
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n'),
    );
    const to = upstreams([server.port]);
    const stream = new Readable({ read: () => {} });
    stream.push('begun');
    const body = { stream, length: 1_000, trailers: () => [] };
    const told = await send(to, get('/', { method: 'POST', body })).over;
    expect(told.head?.status).toBe(413);
    expect(to.stats()[0]?.endpoints[0]?.connections).toBe(0);
    stream.destroy();
  });

  test('a body waits for the 100 its client asked for, and stays away when the answer is another', async () => {
    const server = await backend((socket, received) => {
      if (received.endsWith('hello')) socket.write(OK);
      else if (!received.includes('POST /no')) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      else socket.write('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n');
    });
    const to = upstreams([server.port]);
    const post = (path: string) =>
      send(to, get(path, { method: 'POST', fields: ['expect', '100-continue'], body: bodyOf(['hello'], 5) }))
        .over;
    expect(await post('/yes')).toMatchObject({ informational: [100], body: 'ok' });
    expect((await post('/no')).head?.status).toBe(417);
    expect(server.received.join('').split('hello')).toHaveLength(2);
  });

  test('a backend that is slow slows the client down', async () => {
    const server = await backend(() => {});
    let pulled = 0;
    const stream = new Readable({
      read() {
        pulled += 1;
        this.push(pulled > 500 ? null : Buffer.alloc(100_000));
      },
    });
    const to = upstreams([server.port]);
    const told = send(
      to,
      get('/', { method: 'POST', body: { stream, length: undefined, trailers: () => [] } }),
    );
    await until('a connection', async () => server.sockets[0]?.pause() !== undefined, 20_000, 1);
    let before = -1;
    const waits = async (): Promise<boolean> => {
      const same = before === pulled;
      before = pulled;
      return same && pulled > 1;
    };
    await until('the client waits', waits, 20_000, 50);
    expect(pulled).toBeLessThan(400);
    told.forwarding.abort();
  });
});

describe('connections', () => {
  test('a kept connection that the backend closes meanwhile costs a request without a body nothing', async () => {
    const server = await backend((socket, received, connection) => {
      const requests = received.split('\r\n\r\n').length - 1;
      if (connection === 0 && requests === 2) socket.destroy();
      else socket.write(OK);
    });
    const to = upstreams([server.port]);
    expect((await send(to, get('/1')).over).body).toBe('ok');
    expect((await send(to, get('/2')).over).body).toBe('ok');
    expect(server.sockets).toHaveLength(2);
  });

  test('a POST is not sent twice when its connection breaks', async () => {
    const server = await backend((socket, received) => {
      if (received.split('\r\n\r\n').length - 1 === 2) socket.destroy();
      else socket.write(OK);
    });
    const to = upstreams([server.port]);
    await send(to, get('/1')).over;
    const told = await send(to, get('/2', { method: 'POST' })).over;
    expect(told.error).toMatchObject({ code: 'BACKEND_BROKEN', status: 502 });
    expect(server.sockets).toHaveLength(1);
  });

  test('the one used last is taken first', async () => {
    const waiting: (() => void)[] = [];
    const server = await backend((socket) => void waiting.push(() => socket.write(OK)));
    const to = upstreams([server.port]);
    const told = [send(to, get('/1')), send(to, get('/2'))];
    await until('both requests', async () => waiting.length === 2, 20_000, 2);
    for (const [at, one] of told.entries()) {
      waiting[at]?.();
      await one.over;
    }
    const third = send(to, get('/3'));
    await until('the third request', async () => waiting.length === 3, 20_000, 2);
    expect(server.received[1]).toContain('GET /3');
    waiting[2]?.();
    await third.over;
  });

  test('requests beyond the connections wait, and beyond those are 503', async () => {
    const waiting: (() => void)[] = [];
    const server = await backend((socket) => void waiting.push(() => socket.write(OK)));
    const to = upstreams([server.port], { limits: { maxConnections: 1, maxPendingRequests: 1 } });
    const first = send(to, get('/1'));
    const second = send(to, get('/2'));
    const third = await send(to, get('/3')).over;
    expect(third.error).toMatchObject({ code: 'BACKEND_OVERLOADED', status: 503 });
    for (const told of [first, second]) {
      await until('a request', async () => waiting.length > 0, 20_000, 2);
      waiting.shift()?.();
      expect((await told.over).body).toBe('ok');
    }
    expect(server.sockets).toHaveLength(1);
  });

  test('a request that is given up while it waits leaves the queue', async () => {
    const server = await backend(() => {});
    const to = upstreams([server.port], { limits: { maxConnections: 1, maxPendingRequests: 1 } });
    const first = send(to, get('/1'));
    const second = send(to, get('/2'));
    second.forwarding.abort();
    expect(to.stats()[0]?.endpoints[0]?.pending).toBe(1);
    first.forwarding.abort();
    expect(to.stats()[0]?.endpoints[0]).toMatchObject({ pending: 0, active: 0 });
  });

  test('connection: close and HTTP/1.0 are not kept', async () => {
    const server = await backend((socket, received) =>
      socket.write(
        received.startsWith('GET /1')
          ? OK.replace('OK\r\n', 'OK\r\nConnection: close\r\n')
          : OK.replace('1.1', '1.0'),
      ),
    );
    const to = upstreams([server.port]);
    for (const path of ['/1', '/2', '/3']) await send(to, get(path)).over;
    expect(server.sockets).toHaveLength(3);
  });

  test('a backend that says how long it keeps connections gets no request at the end of that', async () => {
    let now = 0;
    const server = await backend((socket) =>
      socket.write(OK.replace('OK\r\n', 'OK\r\nKeep-Alive: timeout=5\r\n')),
    );
    const to = upstreams([server.port], {}, { monotonicMs: () => now });
    await send(to, get('/1')).over;
    now = 3_000;
    await send(to, get('/2')).over;
    expect(server.sockets).toHaveLength(1);
    now = 7_500;
    await send(to, get('/3')).over;
    expect(server.sockets).toHaveLength(2);
  });

  test('WebSockets: after a 101 octets go both ways', async () => {
    const server = await backend((socket, received) => {
      if (received.endsWith('ping')) socket.write('pong');
      else
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello',
        );
    });
    const to = upstreams([server.port]);
    const told = await send(to, get('/', { upgrade: 'websocket', fields: ['sec-websocket-key', 'abc'] }))
      .over;
    expect(told.head?.status).toBe(101);
    expect(server.received[0]).toContain('connection: upgrade\r\nupgrade: websocket\r\n');
    let came = '';
    told.socket?.on('data', (chunk: Buffer) => {
      came += chunk.toString();
    });
    told.socket?.resume();
    told.socket?.write('ping');
    await until('both parts', async () => came === 'hellopong', 20_000, 2);
    expect(to.stats()[0]?.endpoints[0]).toMatchObject({ connections: 1, active: 1 });
    told.socket?.destroy();
    await until('it is closed', async () => to.stats()[0]?.endpoints[0]?.connections === 0, 20_000, 2);
  });

  test('TLS passthrough: a connection to an endpoint that takes it', async () => {
    const server = await backend((socket, received) => socket.write(received.toUpperCase()));
    const to = upstreams([await closedPort(), server.port]);
    const socket = await new Promise<NodeJS.ReadWriteStream | undefined>((resolve) =>
      to.connect(CHOICE, resolve),
    );
    const answer = new Promise((resolve) => socket?.once('data', (data: Buffer) => resolve(data.toString())));
    socket?.write('abc');
    expect(await answer).toBe('ABC');
  });
});

describe('addresses (I32)', () => {
  test.each([
    ['127.0.0.1', 'loopback'],
    ['169.254.169.254', 'metadata'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['fe80::1', 'link-local'],
  ])('I32 %s is refused unless the operator allows it', async (address, why) => {
    const to = upstreams([], { endpoints: [{ address, port: 9, weight: 1 }] }, { allowedRanges: [] });
    const told = await send(to, get('/')).over;
    expect(told.error).toMatchObject({ code: 'BACKEND_UNAVAILABLE', status: 503 });
    expect(told.error?.message).toContain(why);
  });

  test('I32 a name is looked up once, and refused when one of its addresses is forbidden', async () => {
    const server = await backend((socket) => socket.write(OK));
    let asked = 0;
    const endpoints = [{ address: 'b.example.com', port: server.port, weight: 1 }];
    const resolve = async () => {
      asked += 1;
      return asked === 1 ? ['127.0.0.1'] : ['127.0.0.1', '169.254.169.254'];
    };
    let now = 0;
    const deps = { resolve, monotonicMs: () => now };
    const to = upstreams([], { endpoints, idleTimeoutMs: 1 }, deps);
    for (let at = 0; at < 3; at += 1) {
      expect((await send(to, get('/')).over).body).toBe('ok');
      now += 5_000;
    }
    expect(asked).toBe(1);
    now += 30_000;
    await send(to, get('/')).over;
    await until('the second answer', async () => asked === 2, 20_000, 1);
    now += 100;
    const told = await send(to, get('/')).over;
    expect(told.error?.message).toContain('b.example.com resolves to 169.254.169.254');
  });

  test('what the resolver said last goes on while it fails', async () => {
    const server = await backend((socket) => socket.write(OK));
    let asked = 0;
    let now = 0;
    const resolve = () => {
      asked += 1;
      return asked === 1 ? Promise.resolve(['127.0.0.1']) : Promise.reject(new Error('SERVFAIL'));
    };
    const endpoints = [{ address: 'b.example.com', port: server.port, weight: 1 }];
    const to = upstreams([], { endpoints, idleTimeoutMs: 1 }, { resolve, monotonicMs: () => now });
    for (let at = 0; at < 4; at += 1) {
      expect((await send(to, get('/')).over).body).toBe('ok');
      now += 31_000;
    }
    expect(asked).toBeGreaterThan(1);
  });
});

describe('retries', () => {
  const failing = (times: number, status = 503) => {
    let asked = 0;
    return (socket: { write(text: string): unknown }) => {
      asked += 1;
      socket.write(asked <= times ? `HTTP/1.1 ${status} Oh\r\nContent-Length: 4\r\n\r\nfail` : OK);
    };
  };

  test('a listed code is tried again, and the connection kept', async () => {
    const server = await backend(failing(2));
    const told = await send(upstreams([server.port]), get('/', { retry: RETRY })).over;
    expect(told).toMatchObject({ body: 'ok', head: { status: 200, retries: 2 } });
    expect(server.sockets.length).toBeLessThanOrEqual(2);
  });

  test('the last answer is passed on when the attempts are used up', async () => {
    const server = await backend(failing(9));
    const told = await send(upstreams([server.port]), get('/', { retry: RETRY })).over;
    expect(told).toMatchObject({ body: 'fail', head: { status: 503, retries: 2 } });
  });

  test('other codes, and rules without retries, are passed on', async () => {
    const server = await backend(failing(9, 500));
    const to = upstreams([server.port]);
    expect((await send(to, get('/', { retry: RETRY })).over).head).toMatchObject({ status: 500, retries: 0 });
    expect((await send(to, get('/')).over).head).toMatchObject({ status: 500, retries: 0 });
  });

  test('a retry goes to another endpoint', async () => {
    const bad = await backend(failing(9));
    const good = await backend(echo('good'));
    const to = upstreams([bad.port, good.port]);
    for (let at = 0; at < 4; at += 1)
      expect((await send(to, get('/', { retry: RETRY })).over).body).toBe('good /');
  });

  test('a small body is sent again', async () => {
    let asked = 0;
    const server = await backend((socket, received) => {
      if (!received.endsWith('hello')) return;
      asked += 1;
      socket.write(asked === 1 ? 'HTTP/1.1 503 Oh\r\nContent-Length: 0\r\n\r\n' : OK);
    });
    const request = get('/', { method: 'POST', body: bodyOf(['hel', 'lo'], 5), retry: RETRY });
    expect(await send(upstreams([server.port]), request).over).toMatchObject({
      body: 'ok',
      head: { retries: 1 },
    });
  });

  test.each([
    ['that says so', 80_003, 'end'],
    ['in chunks', undefined, 'end\r\n0\r\n\r\n'],
  ])('a body %s, longer than what is kept, is never sent twice', async (_what, length, end) => {
    let asked = 0;
    const server = await backend((socket, received) => {
      if (!received.endsWith(end)) return;
      asked += 1;
      socket.write('HTTP/1.1 503 Oh\r\nContent-Length: 0\r\n\r\n');
    });
    const body = bodyOf(['x'.repeat(40_000), 'x'.repeat(40_000), 'end'], length);
    const request = get('/', { method: 'POST', body, retry: RETRY, timeouts: { requestMs: 5_000 } });
    expect((await send(upstreams([server.port]), request).over).head).toMatchObject({
      status: 503,
      retries: 0,
    });
    expect(asked).toBe(1);
  });

  test('a POST that the backend may have acted on is not sent again when the connection breaks', async () => {
    let asked = 0;
    const server = await backend((socket) => {
      asked += 1;
      socket.destroy();
    });
    const to = upstreams([server.port]);
    const told = await send(to, get('/', { method: 'POST', retry: RETRY })).over;
    expect(told.error).toMatchObject({ code: 'BACKEND_BROKEN', retries: 0 });
    expect(asked).toBe(1);
    expect((await send(to, get('/', { retry: RETRY })).over).error).toMatchObject({ retries: 2 });
  });

  test('where nobody listens, the other endpoint takes the request, with a retry of the rule or without', async () => {
    const good = await backend(echo('good'));
    const to = upstreams([await closedPort(), good.port]);
    for (let at = 0; at < 4; at += 1) expect((await send(to, get('/')).over).body).toBe('good /');
    const body = bodyOf(['hello'], 5);
    expect((await send(to, get('/', { method: 'POST', body })).over).error).toBeUndefined();
  });

  test('the budget keeps retries a share of the requests', async () => {
    const server = await backend(failing(1_000));
    const to = upstreams([server.port], {
      outlier: { consecutiveFailures: 0, baseEjectionMs: 1, maxEjectedPercent: 0 },
    });
    const retry: CompiledRetry = { ...RETRY, budget: { percent: 20, intervalMs: 60_000, minPerSecond: 0 } };
    for (let at = 0; at < 50; at += 1) await send(to, get('/', { retry })).over;
    expect(to.stats()[0]?.counts.retries).toBe(10);
  });
});

describe('time', () => {
  test('a request that takes too long is a 504, and its connection closed', async () => {
    const server = await backend(() => {});
    const to = upstreams([server.port]);
    const told = await send(to, get('/', { timeouts: { requestMs: 30 } })).over;
    expect(told.error).toMatchObject({ code: 'BACKEND_TIMEOUT', status: 504 });
    await until('it is closed', async () => server.sockets[0]?.destroyed === true, 20_000, 2);
    expect(to.stats()[0]?.counts.timeouts).toBe(1);
  });

  test('a try that takes too long makes room for another one', async () => {
    let asked = 0;
    const server = await backend((socket) => {
      asked += 1;
      if (asked > 1) socket.write(OK);
    });
    const request = get('/', { timeouts: { requestMs: 20_000, backendRequestMs: 250 }, retry: RETRY });
    expect(await send(upstreams([server.port]), request).over).toMatchObject({
      body: 'ok',
      head: { retries: 1 },
    });
  });

  test('an answer that does not end in time is cut off', async () => {
    const server = await backend((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'),
    );
    const told = await send(upstreams([server.port]), get('/', { timeouts: { requestMs: 300 } })).over;
    expect(told).toMatchObject({ body: 'abc', error: { code: 'BACKEND_TIMEOUT' } });
  });

  describe('of silence', () => {
    /** Upstreams whose time passes by hand. */
    function byHand(port: number) {
      let now = 0;
      const ticks: (() => void)[] = [];
      const after = (delayMs: number, task: () => void) => {
        if (delayMs < 1_000) ticks.push(task);
        return () => {};
      };
      const to = upstreams([port], {}, { monotonicMs: () => now, after });
      const pass = (ms: number): void => {
        now += ms;
        for (const tick of ticks.splice(0)) tick();
      };
      return { to, pass };
    }
    const patient = { timeouts: { headMs: 60_000 } };

    test('a backend that says nothing is given up', async () => {
      const server = await backend(() => {});
      const { to, pass } = byHand(server.port);
      const sent = send(to, get('/', patient));
      await until('it is asked', async () => server.received.length > 0, 20_000, 2);
      pass(59_000);
      expect(sent.error).toBeUndefined();
      pass(1_000);
      expect((await sent.over).error).toMatchObject({ code: 'BACKEND_TIMEOUT', status: 504 });
    });

    test('an answer that has begun may take as long as it likes', async () => {
      const server = await backend((socket) =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc'),
      );
      const { to, pass } = byHand(server.port);
      const sent = send(to, get('/', patient));
      await until('it has begun', async () => sent.body === 'abc', 20_000, 2);
      pass(600_000);
      expect(sent.error).toBeUndefined();
      server.sockets[0]?.write('def');
      expect(await sent.over).toMatchObject({ body: 'abcdef', error: undefined });
    });

    test('it begins anew while the body of the request moves', async () => {
      const server = await backend(() => {});
      const { to, pass } = byHand(server.port);
      const stream = new PassThrough();
      const body = { stream, length: 6, trailers: () => [] };
      const sent = send(to, get('/', { ...patient, method: 'POST', body }));
      stream.write('abc');
      await until('it moved', async () => server.received.join('').endsWith('abc'), 20_000, 2);
      pass(60_000);
      expect(sent.error).toBeUndefined();
      pass(60_000);
      expect((await sent.over).error).toMatchObject({ code: 'BACKEND_TIMEOUT' });
    });
  });
});

describe('health', () => {
  const failsAlways = (socket: { write(text: string): unknown }) =>
    void socket.write('HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n');
  const outlier = { consecutiveFailures: 2, baseEjectionMs: 1_000, maxEjectedPercent: 50 };

  test('an endpoint that fails often in a row is left out, longer each time, and comes back', async () => {
    let now = 100_000;
    const bad = await backend(failsAlways);
    const good = await backend(echo('good'));
    const to = upstreams([bad.port, good.port], { outlier }, { monotonicMs: () => now });
    const statuses = async (count: number): Promise<number> => {
      let failures = 0;
      for (let at = 0; at < count; at += 1)
        if ((await send(to, get('/')).over).head?.status === 500) failures += 1;
      return failures;
    };
    expect(await statuses(4)).toBe(2);
    expect(await statuses(6)).toBe(0);
    now += 1_001;
    expect(await statuses(4)).toBe(2);
    now += 1_001;
    expect(await statuses(6)).toBe(0);
    now += 1_001;
    expect(await statuses(4)).toBe(2);
  });

  test('never more than the share that may be left out, and when all are, all are asked', async () => {
    const bad = [await backend(failsAlways), await backend(failsAlways)];
    const ports = bad.map(({ port }) => port);
    const half = upstreams(ports, { outlier });
    for (let at = 0; at < 12; at += 1) await send(half, get('/')).over;
    expect(half.stats()[0]?.endpoints.filter(({ available }) => available)).toHaveLength(1);
    const all = upstreams(ports, { outlier: { ...outlier, maxEjectedPercent: 100 } });
    for (let at = 0; at < 12; at += 1) expect((await send(all, get('/')).over).head?.status).toBe(500);
    expect(all.stats()[0]?.endpoints.filter(({ available }) => available)).toHaveLength(0);
  });

  test('active checks leave an endpoint out and take it back', async () => {
    let well = false;
    const one = await backend((socket, received) => {
      const last = received.split('\r\n\r\n').at(-2) ?? '';
      const status = last.startsWith('GET /healthz') && !well ? '503 Oh' : '200 OK';
      socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 3\r\n\r\none`);
    });
    const two = await backend((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo'));
    const healthCheck = {
      path: '/healthz',
      intervalMs: 10,
      timeoutMs: 5_000,
      fall: 2,
      rise: 2,
      statuses: [200],
    };
    const to = upstreams([one.port, two.port], { healthCheck });
    const available = () => to.stats()[0]?.endpoints.map((endpoint) => endpoint.available);
    await until('it is left out', async () => available()?.[0] === false, 20_000, 5);
    for (let at = 0; at < 4; at += 1) expect((await send(to, get('/')).over).body).toBe('two');
    well = true;
    await until('it is back', async () => available()?.[0] === true, 20_000, 5);
    const bodies = new Set([(await send(to, get('/')).over).body, (await send(to, get('/')).over).body]);
    expect(bodies).toEqual(new Set(['one', 'two']));
  });
});

describe('choice and sessions', () => {
  test('weights decide among backends; weight 0 takes nothing', () => {
    const to = upstreams([]);
    const among = [
      { backend: 'a', weight: 1, filters: [] },
      { backend: 'b', weight: 0, filters: [] },
      { backend: 'c', weight: 3, filters: [] },
    ];
    const chosen = (random: number) => to.choose(among, undefined, undefined, random)?.target.backend;
    expect([0, 0.24, 0.26, 0.99].map(chosen)).toEqual(['a', 'a', 'c', 'c']);
    expect(to.choose([{ backend: 'b', weight: 0, filters: [] }], undefined, undefined, 0)).toBeUndefined();
    expect(to.choose([], undefined, undefined, 0)).toBeUndefined();
  });

  const persistence = { scope: 'r', type: 'cookie', name: 's', lifetime: 'session' } as const;

  test('a session leads back to its endpoint, until that is gone', async () => {
    const [one, two] = [await backend(echo('one')), await backend(echo('two'))];
    const to = upstreams([one.port, two.port]);
    const endpoint = `127.0.0.1:${two.port}`;
    const value = to.sessionValue(persistence, CHOICE, endpoint);
    for (let at = 0; at < 4; at += 1) {
      const choice = to.choose(AMONG, persistence, value, 0.5) ?? CHOICE;
      expect(choice.endpoint).toBe(endpoint);
      expect((await send(to, get('/'), choice).over).body).toBe('two /');
    }
    expect(value).not.toContain('127');
    const without = createUpstreams(partOf([one.port]), NO_SECRETS, testDeps(), to);
    open.unshift(without);
    expect(without.choose(AMONG, persistence, value, 0.5)?.endpoint).toBeUndefined();
  });

  test('a session stays with a backend whose weight became 0 (GEP-1619)', () => {
    const to = upstreams([1_234]);
    const among = [
      { backend: BACKEND, weight: 0, filters: [] },
      { backend: 'other', weight: 1, filters: [] },
    ];
    const value = to.sessionValue(persistence, CHOICE, '127.0.0.1:1234');
    expect(to.choose(among, persistence, undefined, 0)?.target.backend).toBe('other');
    expect(to.choose(among, persistence, value, 0)?.target.backend).toBe(BACKEND);
  });

  test('a value that was made up, changed, or sealed with another key is nothing', () => {
    const to = upstreams([1_234]);
    const value = to.sessionValue(persistence, CHOICE, '127.0.0.1:1234');
    const others = [
      'abc',
      '',
      `${value}A`,
      (value.startsWith('A') ? 'B' : 'A') + value.slice(1),
      value.slice(0, -3) + (value.at(-3) === 'A' ? 'B' : 'A') + value.slice(-2),
      upstreams([1_234]).sessionValue(persistence, CHOICE, '127.0.0.1:1234'),
    ];
    expect(to.choose(AMONG, persistence, value, 0)?.endpoint).toBe('127.0.0.1:1234');
    for (const other of others) expect(to.choose(AMONG, persistence, other, 0)?.endpoint).toBeUndefined();
  });

  test('the session of one rule leads nowhere under another (GEP-1619)', () => {
    const to = upstreams([1_234]);
    const value = to.sessionValue(persistence, CHOICE, '127.0.0.1:1234');
    expect(to.choose(AMONG, { ...persistence, scope: 'other' }, value, 0)?.endpoint).toBeUndefined();
    expect(to.choose(AMONG, persistence, value, 0)?.endpoint).toBe('127.0.0.1:1234');
  });

  test('sessions end after their absolute and idle time', () => {
    let now = 1_000_000;
    const to = upstreams([1_234], {}, { wallMs: () => now });
    const limits = { ...persistence, absoluteTimeoutMs: 100_000, idleTimeoutMs: 40_000 };
    const endpoint = '127.0.0.1:1234';
    let value = to.sessionValue(persistence, CHOICE, endpoint);
    for (let at = 0; at < 3; at += 1) {
      now += 30_000;
      const choice = to.choose(AMONG, limits, value, 0) ?? CHOICE;
      expect(choice.endpoint).toBe(endpoint);
      value = to.sessionValue(persistence, choice, endpoint);
    }
    now += 30_000;
    expect(to.choose(AMONG, limits, value, 0)?.endpoint).toBeUndefined();
    value = to.sessionValue(persistence, CHOICE, endpoint);
    now += 41_000;
    expect(to.choose(AMONG, limits, value, 0)?.endpoint).toBeUndefined();
  });

  test('a backend that does not exist, and one without endpoints, say so', async () => {
    const to = upstreams([]);
    const unknown = { target: { backend: 'x', weight: 1, filters: [] } };
    expect((await send(to, get('/'), unknown).over).error).toMatchObject({
      code: 'BACKEND_UNRESOLVED',
      status: 500,
    });
    expect((await send(to, get('/')).over).error).toMatchObject({ code: 'BACKEND_UNAVAILABLE', status: 503 });
  });
});

describe('a new configuration', () => {
  test('keeps the connections of backends that stay, and of endpoints of changed ones', async () => {
    const server = await backend(echo('a'));
    const first = upstreams([server.port]);
    await send(first, get('/1')).over;
    const same = createUpstreams(partOf([server.port]), NO_SECRETS, testDeps(), first);
    open.unshift(same);
    await send(same, get('/2')).over;
    const other = createUpstreams(partOf([server.port], { balance: 'random' }), NO_SECRETS, testDeps(), same);
    open.unshift(other);
    await send(other, get('/3')).over;
    expect(server.sockets).toHaveLength(1);
  });

  test('closes those of endpoints that are gone, when they are done', async () => {
    const waiting: (() => void)[] = [];
    const server = await backend((socket) => void waiting.push(() => socket.write(OK)));
    const other = await backend(echo('b'));
    const first = upstreams([server.port]);
    const told = send(first, get('/1'));
    await until('the request', async () => waiting.length === 1, 20_000, 2);
    const next = createUpstreams(partOf([other.port]), NO_SECRETS, testDeps(), first);
    open.unshift(next);
    expect((await send(next, get('/2')).over).body).toBe('b /2');
    waiting[0]?.();
    expect((await told.over).body).toBe('ok');
    await until('it is closed', async () => server.sockets[0]?.destroyed === true, 20_000, 2);
    expect(next.stats().map(({ backend: id }) => id)).toEqual([BACKEND]);
  });
});

describe('mirrors', () => {
  test('a copy of the request with its body goes out, and its answer nowhere', async () => {
    const main = await backend((socket, received) => received.endsWith('hello') && socket.write(OK));
    const copy = await backend((socket, received) => received.endsWith('hello') && socket.write(OK));
    const part = partOf([main.port]);
    const mirrored = partOf([copy.port], {}, 'default/m:80');
    const to = createUpstreams(
      { ...part, backends: { ...part.backends, ...mirrored.backends } },
      NO_SECRETS,
      testDeps(),
    );
    open.unshift(to);
    const request = get('/', { method: 'POST', body: bodyOf(['hel', 'lo'], 5) });
    const told = send(to, request);
    to.mirror('default/m:80', request);
    expect((await told.over).body).toBe('ok');
    await until('the copy', async () => copy.received[0]?.endsWith('hello'), 20_000, 2);
  });

  test('a copy that does not keep up is dropped, and its original goes on', async () => {
    const main = await backend((socket, received) => received.endsWith('0\r\n\r\n') && socket.write(OK));
    const part = partOf([main.port]);
    const mirrored = partOf(
      [9],
      { endpoints: [{ address: 'm.example.com', port: 9, weight: 1 }] },
      'default/m:80',
    );
    const to = createUpstreams(
      { ...part, backends: { ...part.backends, ...mirrored.backends } },
      NO_SECRETS,
      testDeps({ resolve: () => new Promise(() => {}) }),
    );
    open.unshift(to);
    const chunks = Array.from({ length: 20 }, () => 'x'.repeat(10_000));
    const request = get('/', { method: 'POST', body: bodyOf(chunks) });
    to.mirror('default/m:80', request);
    expect((await send(to, request).over).body).toBe('ok');
    const counts = to.stats().find(({ backend: id }) => id === 'default/m:80')?.counts;
    expect(counts).toMatchObject({ mirrored: 1, mirrorsDropped: 1 });
  });
});
