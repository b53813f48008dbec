import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Installation, startInstallation } from '../test/integration/gateway-agents/installation.ts';
import { type Figure, lowerIsBetter, percentile } from './figure.ts';

/*
 * `npm run bench -- revocation`: a hub and three agents as processes, each gateway under load over ten connections with a key that stays,
 * while other keys are made and revoked. Time from the command to the hub until every gateway lets the key pass, and until every gateway
 * refuses it, asked over connections of their own.
 */

const ROUNDS = 20;
const CONNECTIONS = 10;
const GOAL_MS = 1_000;
const GIVEN_UP_MS = 120_000;
const HOST = 'api.example.com';

export async function run(): Promise<readonly Figure[]> {
  const backend = createServer((_request, response) => response.end('x'.repeat(64))).listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const at = await startInstallation();
  const load = { on: true, passed: 0, refused: 0 };
  try {
    await configure(at, (backend.address() as AddressInfo).port);
    const stays = await at.createKey('stays');
    await untilAll(at, stays.key, 200);
    const began = performance.now();
    const loads = at.agents.flatMap(({ http }) => ask(load, http, stays.key));
    const [known, refused]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const made = performance.now();
      const { key, id } = await at.createKey(`round-${round}`);
      await untilAll(at, key, 200);
      known.push(performance.now() - made);
      const revoked = performance.now();
      await at.revokeKey(id);
      await untilAll(at, key, 401);
      refused.push(performance.now() - revoked);
    }
    const seconds = (performance.now() - began) / 1_000;
    load.on = false;
    await Promise.all(loads);
    if (load.refused > 0) throw new Error(`${load.refused} requests with a good key were refused`);
    process.stderr.write(
      `revocation: ${Math.round(load.passed / seconds)} requests/s at three agents together meanwhile\n`,
    );
    const figure = (name: string, ours: number): Figure =>
      lowerIsBetter({
        bench: 'revocation',
        case: name,
        ours,
        peerName: 'goal',
        peer: GOAL_MS,
        unit: 'ms',
      });
    return [
      figure('key made until the slowest of three agents takes it, median', percentile(known, 50)),
      figure('the same, longest', Math.max(...known)),
      figure('key revoked until the slowest of three agents refuses it, median', percentile(refused, 50)),
      figure('the same, longest', Math.max(...refused)),
    ];
  } finally {
    load.on = false;
    await at.close();
    backend.closeAllConnections();
    backend.close();
  }
}

async function configure(at: Installation, port: number): Promise<void> {
  await at.apply(
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name: 'public' },
      spec: { gatewayClassName: 'portolan', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
    },
    { kind: 'Backend', metadata: { name: 'web' }, spec: { endpoints: [{ address: '127.0.0.1', port }] } },
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'web' },
      spec: {
        parentRefs: [{ name: 'public' }],
        hostnames: [HOST],
        rules: [{ backendRefs: [{ group: 'portolan.dev', kind: 'Backend', name: 'web' }] }],
      },
    },
    {
      kind: 'AuthPolicy',
      metadata: { name: 'keys' },
      spec: {
        targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'web' }],
        rules: { authentication: { key: { apiKey: {} } } },
      },
    },
  );
}

/** Asks over and over, one request at a time on each connection. */
function ask(
  load: { on: boolean; passed: number; refused: number },
  port: number,
  key: string,
): readonly Promise<void>[] {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const one = async (): Promise<void> => {
    while (load.on) {
      if ((await statusOf(agent, port, key)) === 200) load.passed += 1;
      else load.refused += 1;
    }
  };
  return Array.from({ length: CONNECTIONS }, one);
}

const own = new Agent({ keepAlive: true });

async function untilAll(at: Installation, key: string, status: number): Promise<void> {
  const end = performance.now() + GIVEN_UP_MS;
  for (;;) {
    const found = await Promise.all(at.agents.map(({ http }) => statusOf(own, http, key).catch(() => 0)));
    if (found.every((one) => one === status)) return;
    if (performance.now() > end) throw new Error(`the agents answer ${found.join()}, not ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function statusOf(agent: Agent, port: number, key: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent, headers: { host: HOST, 'x-api-key': key } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    }).on('error', reject);
  });
}
