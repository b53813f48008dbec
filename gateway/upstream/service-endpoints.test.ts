import { describe, expect, test } from 'vitest';
import type { CompiledBackend } from '../../src/policy/model.ts';
import { until } from '../../test/support/until.ts';
import { backend, open } from './testing/closed-after-each.ts';
import { echo, get, NO_SECRETS, partOf, send, testDeps } from './testing/forwarded.ts';
import { createUpstreams, type ManagedUpstreams, type UpstreamDeps } from './upstreams.ts';

const SERVICE = 'shop/web:80';

function world(
  names: readonly string[] | undefined,
  changes: Partial<CompiledBackend> = {},
  deps: Partial<UpstreamDeps> = {},
) {
  const services = new Map<string, readonly string[] | undefined>([[SERVICE, names]]);
  const all = testDeps({ services, ...deps });
  const part = (more: Partial<CompiledBackend> = {}) =>
    partOf([], { source: { kind: 'Service', name: 'shop/web' }, service: SERVICE, ...changes, ...more });
  const to = createUpstreams(part(), NO_SECRETS, all);
  open.unshift(to);
  return {
    to,
    services,
    become(next: readonly string[] | undefined, at: ManagedUpstreams = to): void {
      services.set(SERVICE, next);
      at.servicesChanged([SERVICE]);
    },
    /** The next configuration. */
    swap(more: Partial<CompiledBackend> = {}, from: ManagedUpstreams = to): ManagedUpstreams {
      const next = createUpstreams(part(more), NO_SECRETS, all, from);
      open.unshift(next);
      return next;
    },
  };
}

const bodyOf = async (to: ManagedUpstreams): Promise<string> => {
  const { body, error } = await send(to, get('/')).over;
  return error === undefined ? body : `${error.status} ${error.code}: ${error.message}`;
};
const statsOf = (to: ManagedUpstreams) => to.stats()[0]?.endpoints ?? [];

describe('a backend that is a Service', () => {
  test('sends to the endpoints that there are now: new ones at once, those that stay on their connections, the others no more', async () => {
    const [a, b, c] = [await backend(echo('a')), await backend(echo('b')), await backend(echo('c'))];
    const at = ({ port }: { readonly port: number }) => `127.0.0.1:${port}`;
    const { to, become } = world([at(a), at(b)]);
    expect((await Promise.all([bodyOf(to), bodyOf(to)])).sort()).toEqual(['a /', 'b /']);
    become([at(b), at(c)]);
    const after = [await bodyOf(to), await bodyOf(to), await bodyOf(to), await bodyOf(to)];
    expect([...after].sort()).toEqual(['b /', 'b /', 'c /', 'c /']);
    expect(b.sockets).toHaveLength(1);
    await until(
      'the connection to the one that went is closed',
      async () => a.sockets[0]?.destroyed === true,
      20_000,
      2,
    );
    expect(statsOf(to).map(({ endpoint }) => endpoint)).toEqual([at(b), at(c)]);
  });

  test('lets a request finish at an endpoint that goes meanwhile', async () => {
    let answer = (): void => {};
    const slow = await backend((socket) => {
      answer = () => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate');
    });
    const other = await backend(echo('other'));
    const { to, become } = world([`127.0.0.1:${slow.port}`]);
    const under = send(to, get('/'));
    await until(
      'it is there',
      async () => slow.received[0] !== undefined && slow.received[0] !== '',
      20_000,
      2,
    );
    become([`127.0.0.1:${other.port}`]);
    expect(await bodyOf(to)).toBe('other /');
    answer();
    expect((await under.over).body).toBe('late');
    await until('its connection is closed', async () => slow.sockets[0]?.destroyed === true, 20_000, 2);
  });

  test('a request whose endpoint went before it was connected goes to the one in its place', async () => {
    const refused = await backend(() => {});
    await refused.close();
    const other = await backend(echo('other'));
    const { to, become } = world([`127.0.0.1:${refused.port}`]);
    const under = send(to, get('/'));
    become([`127.0.0.1:${other.port}`]);
    expect((await under.over).body).toBe('other /');
  });

  test('keeps what it knows of endpoints that stay: who is left out stays left out', async () => {
    const bad = await backend((socket) => void socket.write('HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n'));
    const [good, third] = [await backend(echo('good')), await backend(echo('third'))];
    const names = [bad, good].map(({ port }) => `127.0.0.1:${port}`);
    const outlier = { consecutiveFailures: 1, baseEjectionMs: 60_000, maxEjectedPercent: 50 };
    const { to, become, swap } = world(names, { outlier });
    await bodyOf(to);
    await bodyOf(to);
    become([...names, `127.0.0.1:${third.port}`]);
    const left = statsOf(to).map(({ available }) => available);
    expect(left).toEqual([false, true, true]);
    const next = swap({ connectTimeoutMs: 3_000 });
    expect(statsOf(next).map(({ available }) => available)).toEqual(left);
    expect(good.sockets).toHaveLength(1);
  });

  test('a configuration that has it as before keeps connections, and endpoints go on changing under it', async () => {
    const [a, b] = [await backend(echo('a')), await backend(echo('b'))];
    const { to, swap, become } = world([`127.0.0.1:${a.port}`]);
    await bodyOf(to);
    const next = swap();
    expect(await bodyOf(next)).toBe('a /');
    expect(a.sockets).toHaveLength(1);
    become([`127.0.0.1:${b.port}`], next);
    expect(await bodyOf(next)).toBe('b /');
    // A request that began with the configuration before finds them as well.
    expect(await bodyOf(to)).toBe('b /');
  });

  test.each([
    [undefined, 'There is no such Service in the cluster.'],
    [[], 'No endpoint of the Service is ready.'],
  ])('with %j answers 503 and why', async (names, why) => {
    const { to } = world(names);
    expect(await bodyOf(to)).toBe(`503 BACKEND_UNAVAILABLE: ${why}`);
  });

  test('of which nothing is known yet answers 503, and serves as soon as it is', async () => {
    const a = await backend(echo('a'));
    const { to, become, services } = world([]);
    services.delete(SERVICE);
    to.servicesChanged([SERVICE]);
    expect(await bodyOf(to)).toBe('503 BACKEND_UNAVAILABLE: The endpoints of the Service are not known yet.');
    become([`127.0.0.1:${a.port}`]);
    expect(await bodyOf(to)).toBe('a /');
  });

  test('I32 an address that backends may not have is not connected to, whoever says that it is an endpoint', async () => {
    const a = await backend(echo('a'));
    const { to } = world([`127.0.0.1:${a.port}`], {}, { allowedRanges: [] });
    expect(await bodyOf(to)).toContain(
      '503 BACKEND_UNAVAILABLE: No connection to the backend: 127.0.0.1 lies in 127.0.0.0/8',
    );
    expect(a.sockets).toHaveLength(0);
  });

  test('active checks follow: one that goes is asked no more, one that comes is asked, one that stays keeps what is known of it', async () => {
    const timers: (() => void)[] = [];
    const after = (_: number, task: () => void): (() => void) => {
      timers.push(task);
      return () => void timers.splice(timers.indexOf(task), timers.includes(task) ? 1 : 0);
    };
    const tick = (): void => {
      for (const task of timers.splice(0)) task();
    };
    const ill = await backend((socket) => void socket.write('HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n'));
    const well = await backend(echo('well'));
    const healthCheck = {
      path: '/healthy',
      intervalMs: 1_000,
      timeoutMs: 500,
      fall: 1,
      rise: 1,
      statuses: [200],
    };
    const { to, become } = world([`127.0.0.1:${ill.port}`], { healthCheck }, { after });
    tick();
    await until('it fails', async () => statsOf(to)[0]?.available === false, 20_000, 2);
    become([`127.0.0.1:${ill.port}`, `127.0.0.1:${well.port}`]);
    expect(statsOf(to).map(({ available }) => available)).toEqual([false, true]);
    tick();
    await until(
      'the new one is asked',
      async () => well.received[0]?.includes('GET /healthy') === true,
      20_000,
      2,
    );
    become([`127.0.0.1:${well.port}`]);
    const asked = ill.received.join('').length;
    tick();
    await until(
      'the one that stays is asked again',
      async () => (well.received.join('').match(/healthy/g) ?? []).length > 1,
      20_000,
      2,
    );
    expect(ill.received.join('')).toHaveLength(asked);
  });
});
