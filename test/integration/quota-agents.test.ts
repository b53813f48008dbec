import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { type Installation, startInstallation } from './gateway-agents/installation.ts';
import { certainlyAdmitted, type Hit, hit, possiblyAdmitted, startLoad } from './quota-agents/load.ts';

const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const HOST = 'api.example.com';
const WINDOW_MS = 4_000;
const PER_WINDOW = 120;
const EVER = 10_000;

/** Hub and agents as processes; what their gateways admit is counted outside. */
describe('one limit over the gateways of three agents', () => {
  let at: Installation;
  let backend: Server;
  let ports: readonly number[];

  const limited = (path: string, customer: string) => ({
    host: HOST,
    path,
    headers: { 'x-customer': customer },
  });
  const admitted = (hits: readonly Hit[]): number => hits.filter(({ status }) => status === 200).length;
  const counts = (path: string, customer: string): Promise<readonly number[]> =>
    Promise.all(ports.map(async (port) => (await hit(port, limited(path, customer))).status));

  beforeAll(async () => {
    backend = createServer((_request, response) => response.end('from the backend')).listen(0, '127.0.0.1');
    await once(backend, 'listening');
    at = await startInstallation('DE', true);
    ports = at.agents.map(({ http }) => http);
    const route = (name: string, path: string) => ({
      apiVersion: GATEWAY_API,
      kind: 'HTTPRoute',
      metadata: { name },
      spec: {
        parentRefs: [{ name: 'public' }],
        hostnames: [HOST],
        rules: [
          {
            matches: [{ path: { type: 'PathPrefix', value: path } }],
            backendRefs: [{ group: 'portolan.dev', kind: 'Backend', name: 'web' }],
          },
        ],
      },
    });
    const limit = (name: string, rate: { readonly limit: number; readonly window: string }) => ({
      kind: 'RateLimitPolicy',
      metadata: { name },
      spec: {
        targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name }],
        rules: { limits: { customers: { rates: [rate], counters: ["request.headers['x-customer']"] } } },
      },
    });
    await at.apply(
      {
        apiVersion: GATEWAY_API,
        kind: 'Gateway',
        metadata: { name: 'public' },
        spec: { gatewayClassName: 'portolan', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
      },
      {
        kind: 'Backend',
        metadata: { name: 'web' },
        spec: { endpoints: [{ address: '127.0.0.1', port: (backend.address() as AddressInfo).port }] },
      },
      route('window', '/window'),
      route('ever', '/ever'),
      limit('window', { limit: PER_WINDOW, window: `${WINDOW_MS / 1000}s` }),
      limit('ever', { limit: EVER, window: 'eternity' }),
    );
    await until(
      'every gateway admits',
      async () => (await counts('/window', 'probe')).every((status) => status === 200),
      90_000,
      50,
    );
  });

  afterAll(async () => {
    await at?.close();
    backend?.close();
  });

  it('I20 never admits more in a window, with an agent cut off in the middle, and all of it when everybody is there', async () => {
    const load = startLoad(ports, { ...limited('/window', 'alice'), concurrency: 3 });
    const windowNow = (): number => Math.floor(Date.now() / WINDOW_MS);
    const pass = (window: number) =>
      until(`window ${window} is over`, () => Promise.resolve(windowNow() > window), 10 * WINDOW_MS, 50);
    const first = windowNow() + 1;
    await pass(first + 1);
    at.part(1);
    const parted = windowNow();
    await pass(parted + 2);
    at.join(1);
    const joined = windowNow();
    await until(
      'the agent that was cut off admits again',
      async () => {
        const since = joined * WINDOW_MS;
        return load.hits.some(
          ({ port, status, sentMs }) => port === ports[1] && status === 200 && sentMs > since,
        );
      },
      30_000,
    );
    const back = windowNow();
    await pass(back + 2);
    await load.stop();

    const { hits } = load;
    for (const count of certainlyAdmitted(hits, WINDOW_MS).values())
      expect(count).toBeLessThanOrEqual(PER_WINDOW);
    // Whole windows with everybody there: nothing of the limit is lost.
    for (const window of [first, first + 1, back + 2])
      expect(possiblyAdmitted(hits, WINDOW_MS, window)).toBeGreaterThanOrEqual(PER_WINDOW);
    // Nobody but the agent that was cut off ever says that it does not know.
    const others = hits.filter(({ port }) => port !== ports[1]);
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([200, 429]));
    const alone = hits.filter(({ port }) => port === ports[1]);
    expect(new Set(alone.map(({ status }) => status))).toEqual(new Set([200, 429, 503]));
  });

  it('I20 admits exactly what there is, over an agent that is cut off and a hub that is killed', async () => {
    const load = startLoad(ports, { ...limited('/ever', 'bob'), concurrency: 1 });
    await until('some of it is used', () => Promise.resolve(admitted(load.hits) > EVER / 10), 30_000, 5);
    at.part(2);
    await until('more of it is used', () => Promise.resolve(admitted(load.hits) > EVER / 4), 30_000, 5);
    at.join(2);
    await at.killHub();
    await at.startHub();
    await until(
      'nothing is left',
      async () => admitted(load.hits) === EVER && load.hits.slice(-30).every(({ status }) => status === 429),
      60_000,
      50,
    );
    await load.stop();
    expect(admitted(load.hits)).toBe(EVER);
  });

  it('says in answers what is left and when to come back', async () => {
    const [port = 0] = ports;
    // Between two windows it is not known for a moment when the next one ends.
    const { value: open } = await until(
      'an answer says when its window ends',
      async () => {
        const answer = await hit(port, limited('/window', 'carol'));
        expect(answer.status).toBe(200);
        return answer.fields.ratelimit?.includes(';t=') === true && answer;
      },
      10_000,
    );
    expect(open.fields['ratelimit-policy']).toContain(`q=${PER_WINDOW};w=${WINDOW_MS / 1000}`);
    expect(open.fields.ratelimit).toMatch(/r=\d+;t=\d+/);
    const refused = await hit(port, limited('/ever', 'bob'));
    expect(refused.status).toBe(429);
    expect(refused.fields['x-ratelimit-remaining']).toBe('0');
  });
});
