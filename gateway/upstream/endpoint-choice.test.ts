import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { until } from '../../test/support/until.ts';
import { backend, open, upstreams } from './testing/closed-after-each.ts';
import {
  AMONG,
  BACKEND,
  CHOICE,
  echo,
  get,
  NO_SECRETS,
  partOf,
  send,
  testDeps,
} from './testing/forwarded.ts';
import { createUpstreams } from './upstreams.ts';

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

  const hangs = () => {};
  const longAnswer = (socket: { write(text: string): unknown }) =>
    void socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(100_000)}`);
  const unsent = () => ({ stream: new Readable({ read: () => {} }), length: 10, trailers: () => [] });
  const timeouts = { requestMs: 40 };
  const takesAll = (): boolean => true;
  test.each([
    ['is late', 1, hangs, get('/', { timeouts }), takesAll],
    ['waits for the body of the request', 2, hangs, get('/', { timeouts, body: unsent() }), takesAll],
    ['waits for the answer to be taken', 2, longAnswer, get('/', { timeouts }), (): boolean => false],
    [
      'has only as long as its client says',
      2,
      hangs,
      get('/', { timeouts, deadlineOfClient: true }),
      takesAll,
    ],
  ])('an endpoint that %s leaves %i of two', async (_what, left, answer, request, takes) => {
    const both = [await backend(answer), await backend(answer)];
    const ports = both.map(({ port }) => port);
    const to = upstreams(ports, { outlier: { ...outlier, consecutiveFailures: 1 } });
    const sent = [send(to, request, CHOICE, takes), send(to, request, CHOICE, takes)];
    for (const { over } of sent) expect((await over).error?.code).toBe('BACKEND_TIMEOUT');
    expect(to.stats()[0]?.endpoints.filter(({ available }) => available)).toHaveLength(left);
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
