import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { until } from '../../test/support/until.ts';
import { backend, bodyOf, OK, open, upstreams } from './testing/closed-after-each.ts';
import { CHOICE, echo, get, NO_SECRETS, partOf, send, testDeps } from './testing/forwarded.ts';
import { createUpstreams } from './upstreams.ts';

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
