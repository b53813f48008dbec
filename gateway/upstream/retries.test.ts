import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { CompiledRetry } from '../../src/policy/model.ts';
import { until } from '../../test/support/until.ts';
import { backend, bodyOf, closedPort, OK, RETRY, upstreams } from './testing/closed-after-each.ts';
import { echo, get, send } from './testing/forwarded.ts';

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
