import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, get, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSharedKeyTable } from '../../gateway/keys/writer.ts';
import { partOf, ruleOf } from '../../gateway/testing/gateway-fixture.ts';
import { keyFolder, openKeyFiles } from '../../spoke-agent/credentials/files.ts';
import { createHubStandIn } from '../../spoke-agent/testing/hub-stand-in.ts';
import { createKeyDigest, newApiKey } from '../../src/identity/api-key.ts';
import type { CompiledAuth } from '../../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { freePort } from '../support/free-port.ts';
import { quickest } from '../support/quickest.ts';
import { until } from '../support/until.ts';

const MAIN = fileURLToPath(new URL('../../spoke-agent/main.ts', import.meta.url));
/** A tenth of it on a machine that does nothing else. */
const COLD_START_MS = 15_000;
const DENY = { status: 401, headers: {} };

let dataDir: string;
let backend: Server;
let agent: ChildProcess | undefined;
let output = '';

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'portolan-gateway-'));
  backend = createServer((_request, response) => response.end('from the backend')).listen(0, '127.0.0.1');
  await once(backend, 'listening');
});
afterEach(async () => {
  await end('SIGKILL');
  backend.close();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});

async function end(signal: NodeJS.Signals): Promise<void> {
  if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
  const gone = once(agent, 'exit');
  agent.kill(signal);
  await gone;
}

function start(port: number): number {
  agent = spawn(
    process.execPath,
    [
      MAIN,
      ...['--data-dir', dataDir, '--no-dns', '--admin', '127.0.0.1:0', '--peer-listen', '127.0.0.1:0'],
      ...['--gateway-port', `80=${port}`, '--allow-range', '127.0.0.0/8'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  agent.stderr?.on('data', (bytes: Buffer) => {
    output += bytes.toString();
  });
  return performance.now();
}

function statusOf(port: number, path: string, key?: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = key === undefined ? {} : { 'x-api-key': key };
    get({ host: '127.0.0.1', port, path, agent: false, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}

/** A cluster whose hub is gone: everything an agent has lies in its folder. */
async function prepare(): Promise<{ readonly good: string; readonly revoked: string }> {
  const hub = await createHubStandIn();
  await hub.join(dataDir);
  const auth: CompiledAuth = {
    source: [{ kind: 'AuthPolicy', name: 'default/keys' }],
    when: [],
    authentication: [
      {
        name: 'key',
        when: [],
        method: {
          type: 'apiKey',
          credentials: [{ in: 'header', name: 'x-api-key' }],
          namespaces: ['default'],
          labels: {},
        },
        defaults: {},
        overrides: {},
      },
    ],
    metadata: [],
    authorization: [
      { name: 'a', when: [], check: { type: 'cel', expressions: ["request.path != '/admin'"] } },
    ],
    response: { headers: [], unauthenticated: DENY, unauthorized: { ...DENY, status: 403 } },
    decisions: { mode: 'strict', ttlSeconds: 10, negativeTtlSeconds: 2 },
    maxStalenessSeconds: 0,
  };
  const part = partOf((backend.address() as AddressInfo).port, {
    rules: [ruleOf('all', { auth: 'keys' })],
    auth: { keys: auth },
  });
  const peppers = { hub: randomBytes(32), cluster: randomBytes(32) };
  const secrets = {
    ...NO_GATEWAY_SECRETS,
    peppers: { hub: peppers.hub.toString('base64'), cluster: peppers.cluster.toString('base64') },
  };
  await hub.store(dataDir, hub.snapshot({ gateway: { part, secrets } }));

  const table = createSharedKeyTable();
  const digestOf = createKeyDigest(peppers);
  const add = (revoked: boolean): string => {
    const { text, id } = newApiKey(randomBytes);
    table.apply({
      digest: Buffer.from(digestOf(text, undefined), 'latin1').subarray(0, 16),
      removed: false,
      id,
      namespace: 'default',
      principal: 'shop',
      roles: [],
      plan: '',
      labels: {},
      attributes: {},
      expiresAtSeconds: 0,
      revoked,
    });
    return text;
  };
  const keys = { good: add(false), revoked: add(true) };
  await mkdir(keyFolder(dataDir), { recursive: true });
  const files = openKeyFiles(keyFolder(dataDir), (error) => {
    throw error;
  });
  const mark = { feed: 'feed', epoch: 1, sequence: 2, hash: '00'.repeat(32) };
  await files.save(1, table, { mark, heardWallMs: Date.now() });
  return keys;
}

it('I10 a gateway serves from the disk, with its keys and policies, without the hub and without a name server', async () => {
  const { good, revoked } = await prepare();
  const port = await freePort();
  const tookMs = await quickest(5, COLD_START_MS, async () => {
    await end('SIGKILL');
    const startedMs = start(port);
    await until('the gateway answers', async () => (await statusOf(port, '/')) === 401, 30_000).catch(
      (error) => {
        throw new Error(`${error}\n${output}`);
      },
    );
    return performance.now() - startedMs;
  });
  expect([
    await statusOf(port, '/', good),
    await statusOf(port, '/admin', good),
    await statusOf(port, '/', revoked),
    await statusOf(port, '/', 'ptk_unknown'),
  ]).toEqual([200, 403, 401, 401]);
  expect(tookMs).toBeLessThan(COLD_START_MS);

  const facts = JSON.parse(await readFile(join(dataDir, 'agent.json'), 'utf8')) as {
    readonly admin: string;
    readonly gateways: readonly string[];
  };
  expect(facts.gateways).toEqual([`http://127.0.0.1:${port}`]);
  expect((await fetch(`http://${facts.admin}/readyz`)).status).toBe(200);
  const metrics = await (await fetch(`http://${facts.admin}/metrics`)).text();
  expect(metrics).toMatch(/^portolan_gateway_keys 2$/m);
  expect(metrics).toMatch(/^portolan_gateway_requests_total\{.*status="2xx".*\} 1$/m);
  await end('SIGTERM');
  expect(agent?.exitCode).toBe(0);
});

it('says in /readyz that a listener is not served, and why', async () => {
  await prepare();
  const other = createTcpServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  start(port);
  const { value } = await until(
    'it is not ready, and says why',
    async () => {
      const { admin } = JSON.parse(await readFile(join(dataDir, 'agent.json'), 'utf8')) as {
        readonly admin: string;
      };
      const reply = await fetch(`http://${admin}/readyz`);
      return reply.status === 503 ? await reply.text() : undefined;
    },
    30_000,
  );
  expect(value).toContain(`listener default/gateway/http: 127.0.0.1:${port} is in use by another program`);
  other.close();
  await until(
    'it takes the port once it is free, and says so',
    async () => {
      const { admin, gateways } = JSON.parse(await readFile(join(dataDir, 'agent.json'), 'utf8')) as {
        readonly admin: string;
        readonly gateways: readonly string[];
      };
      return gateways.length === 1 && (await fetch(`http://${admin}/readyz`)).status === 200;
    },
    30_000,
  );
});
