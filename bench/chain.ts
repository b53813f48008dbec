import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  ARMS,
  type Arm,
  ENDPOINTS,
  hostOf,
  KEYS,
  keyOf,
  SERVICES,
  type ServiceName,
  type ServicesOrder,
} from './chain-plan.ts';
import { type Figure, lowerIsBetter, percentile } from './figure.ts';

/*
 * The Light-4j load: four services with 25 endpoints each (A calls B and C, B calls D), 100 clients with a key each, 10 at a time. Every
 * request makes four hops; each service is a process of its own, and so is the agent. Arms: nobody asks; each service asks the agent each
 * time; each decides by itself (`portolan/plugin`); every call goes through the gateway. Arms take turns in rounds. 20,000 requests per
 * arm, and 50,000; with PORTOLAN_CHAIN_MILLION=1 also 1,000,000. PORTOLAN_CHAIN_REQUESTS=2000 is one short run.
 */

const CONCURRENT = 10;
const HOPS = 4;
const ROUNDS = 10;
const DENIED = [0, 0.02] as const;
const GOAL_MS_PER_HOP = 0.1;

interface Timed {
  /** Milliseconds of the requests that passed. */
  readonly passed: number[];
  denied: number;
}

export async function run(): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-chain-'));
  const children: ChildProcess[] = [];
  try {
    const services = SERVICES.map((name) => start('chain-service.ts', [name, folder], children));
    const [a = 0, b = 0, c = 0, d = 0] = await Promise.all(
      services.map(async (service) => ((await said(service)) as { readonly port: number }).port),
    );
    const ports: Record<ServiceName, number> = { a, b, c, d };
    const deskPort = await freePort();
    const agent = start('chain-agent.ts', [folder, String(deskPort), JSON.stringify(ports)], children);
    const { gatewayPort } = (await said(agent)) as { gatewayPort: number };
    const figures: Figure[] = [];
    for (const requests of counts())
      for (const denied of DENIED)
        figures.push(...(await measure(requests, denied, { ports, gatewayPort, deskPort }, services)));
    return figures;
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

function counts(): readonly number[] {
  const own = Number(process.env.PORTOLAN_CHAIN_REQUESTS ?? 0);
  if (own > 0) return [own];
  return process.env.PORTOLAN_CHAIN_MILLION === '1' ? [20_000, 50_000, 1_000_000] : [20_000, 50_000];
}

async function measure(
  requests: number,
  denied: number,
  places: Omit<ServicesOrder, 'arm'>,
  services: readonly ChildProcess[],
): Promise<readonly Figure[]> {
  const times = new Map<Arm, Timed>(ARMS.map((arm) => [arm, { passed: [], denied: 0 }]));
  const perRound = Math.ceil(requests / ROUNDS);
  for (let round = 0; round < ROUNDS; round += 1) {
    // Each arm is first as often as last.
    for (const arm of round % 2 === 0 ? ARMS : ARMS.toReversed()) {
      await Promise.all(
        services.map(async (service) => {
          const ready = said(service);
          service.send({ arm, ...places } satisfies ServicesOrder);
          await ready;
        }),
      );
      const port = arm === 'at the gateway' ? places.gatewayPort : places.ports.a;
      const timed = times.get(arm);
      // Nobody refuses in the unmanaged arm: its clients all have a key that is not looked at.
      if (timed !== undefined) await load(port, perRound, arm === 'unmanaged' ? 0 : denied, timed);
    }
  }
  const mean = (arm: Arm): number => {
    const { passed } = times.get(arm) ?? { passed: [] };
    return passed.reduce((sum, ms) => sum + ms, 0) / passed.length;
  };
  const base = mean('unmanaged');
  const label = `${requests.toLocaleString('en')} requests, ${denied * 100} % denied`;
  for (const arm of ARMS) {
    const { passed, denied: no } = times.get(arm) ?? { passed: [0], denied: 0 };
    process.stderr.write(
      `chain: ${label}: ${arm}: mean ${mean(arm).toFixed(3)} ms, p99 ${percentile(passed, 99).toFixed(3)} ms, ${passed.length} passed, ${no} denied\n`,
    );
  }
  return ARMS.filter((arm) => arm !== 'unmanaged').map((arm) =>
    lowerIsBetter({
      bench: 'chain',
      case: `${label}: ${arm}, added per hop`,
      ours: Math.max(0, (mean(arm) - base) / HOPS),
      peerName: 'goal',
      peer: GOAL_MS_PER_HOP,
      unit: 'ms',
    }),
  );
}

async function load(port: number, requests: number, denied: number, timed: Timed): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENT });
  let sent = 0;
  const one = async (): Promise<void> => {
    while (sent < requests) {
      const number = sent;
      sent += 1;
      const wrong = denied > 0 && number % Math.round(1 / denied) === 0;
      const key = wrong ? 'ptk_nobody' : keyOf(number % KEYS);
      const started = performance.now();
      const status = await get(agent, port, `/endpoint/${number % ENDPOINTS}`, key);
      const tookMs = performance.now() - started;
      if (status !== (wrong ? 401 : 200)) throw new Error(`request ${number} got ${status}`);
      if (wrong) timed.denied += 1;
      else timed.passed.push(tookMs);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, one));
  agent.destroy();
}

function get(agent: Agent, port: number, path: string, key: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, agent, headers: { host: hostOf('a'), 'x-api-key': key } },
      (reply) => {
        reply.resume();
        reply.on('end', () => resolve(reply.statusCode ?? 0));
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

function start(file: string, args: readonly string[], children: ChildProcess[]): ChildProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  children.push(child);
  return child;
}

async function said(child: ChildProcess): Promise<unknown> {
  const [message] = (await once(child, 'message')) as [unknown];
  return message;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
