import { describe, expect, test } from 'vitest';
import { until } from '../../test/support/until.ts';
import { backend, closedPort, OK, open, upstreams } from './testing/closed-after-each.ts';
import { BACKEND, CHOICE, echo, get, NO_SECRETS, partOf, send, testDeps } from './testing/forwarded.ts';
import { createUpstreams } from './upstreams.ts';

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
