import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../cli/programs.ts';
import { freePort } from '../test/support/free-port.ts';
import { onPath } from './dns-peers/peer.ts';
import { type Figure, lowerIsBetter, percentile } from './figure.ts';
import { pacedLatencies } from './gateway-load.ts';
import { type RunningGateway, startGateway } from './gateway-peers/peer.ts';
import { portolanPlain } from './gateway-peers/portolan.ts';

/*
 * I26: latency of good clients (h2load, ten connections at a fixed rate) while others attack, beside the same without: the two in turns, medians.
 * The gateway has one core; backend, good clients and attackers the other one, the attackers with the lowest priority there.
 */

const PROXY_CORE = '0';
const LOAD_CORE = '1';
const RATE = 1_000;
/** Answers of 1 KB, but for those that are to pile up. */
const OCTETS = 1_024;
const STALLED_OCTETS = 1_000_000;
const GOAL = 2;
const SETTLED_MS = 4_000;
const ATTACKS = ['slowloris', 'rapid-reset', 'header-flood', 'stalled-answers'] as const;

/** BENCH_ROUNDS and BENCH_SECONDS shorten it while something is tried out. */
const rounds = (): number => Number(process.env.BENCH_ROUNDS ?? 5);
const seconds = (): number => Number(process.env.BENCH_SECONDS ?? 4);

export async function run(): Promise<readonly Figure[]> {
  const h2load = onPath('h2load');
  if (h2load === undefined)
    throw new Error('h2load is needed: sudo apt-get install -y nghttp2-client util-linux');
  const work = await mkdtemp(join(tmpdir(), 'portolan-bench-attack-'));
  try {
    const figures: Figure[] = [];
    for (const attack of ATTACKS) figures.push(...(await measure(attack, { h2load, work })));
    return figures;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function measure(
  attack: (typeof ATTACKS)[number],
  { h2load, work }: { readonly h2load: string; readonly work: string },
): Promise<readonly Figure[]> {
  const folder = join(work, attack);
  await mkdir(folder);
  const [backendPort, port] = [await freePort(), await freePort()];
  const octets = attack === 'stalled-answers' ? STALLED_OCTETS : OCTETS;
  const backend = spawn(
    'taskset',
    [
      '-c',
      LOAD_CORE,
      process.execPath,
      fileOf('gateway-attack-backend.ts'),
      String(octets),
      String(backendPort),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  let gateway: RunningGateway | undefined;
  try {
    await listening(backendPort);
    const jwks = { file: '/dev/null', issuer: '', audience: '' };
    const site = { program: process.execPath, folder, port, backendPort, keys: [], jwks, workers: 1 };
    gateway = await startGateway(portolanPlain, site, PROXY_CORE, { headers: {} });
    const load = {
      program: h2load,
      core: LOAD_CORE,
      url: `http://127.0.0.1:${port}/items/1`,
      headers: {},
      connections: 10,
      rate: octets === OCTETS ? RATE : RATE / 10,
      logFile: join(folder, 'latencies'),
    };
    await pacedLatencies({ ...load, seconds: 4 });
    const calm: number[] = [];
    const attacked: number[] = [];
    const failures: number[] = [];
    for (let round = 0; round < rounds(); round += 1) {
      calm.push((await pacedLatencies({ ...load, seconds: seconds() })).p99);
      const attacker = await begin(attack, port);
      try {
        const seen = await pacedLatencies({ ...load, seconds: seconds() });
        attacked.push(seen.p99);
        failures.push(seen.failures);
      } finally {
        attacker.kill('SIGKILL');
      }
      // For the gateway to notice that they are gone.
      await sleep(500);
    }
    const [ours, peer] = [percentile(attacked, 50), percentile(calm, 50)];
    process.stderr.write(
      `  ${attack}: p99 ${(peer / 1_000).toFixed(2)} ms calm, ${(ours / 1_000).toFixed(2)} ms attacked, ` +
        `${failures.reduce((sum, n) => sum + n, 0)} failed, ${(gateway.rssBytes() / 2 ** 20).toFixed(0)} MB\n`,
    );
    const named = { bench: 'gateway-attack', case: attack };
    return [
      lowerIsBetter({
        ...named,
        ours: ours / peer,
        peerName: 'goal',
        peer: GOAL,
        unit: `× p99 of good clients without attack (${(peer / 1_000).toFixed(2)} ms), median of ${rounds()}`,
      }),
      lowerIsBetter({
        ...named,
        ours: failures.reduce((sum, n) => sum + n, 0),
        peerName: 'goal',
        peer: 0,
        unit: 'requests of good clients that failed',
      }),
    ];
  } finally {
    await gateway?.stop();
    backend.kill('SIGTERM');
  }
}

async function begin(attack: string, port: number): Promise<ChildProcess> {
  const file = fileOf('gateway-attackers.ts');
  const child = spawn(
    'taskset',
    ['-c', LOAD_CORE, 'nice', '-n', '19', process.execPath, ...NODE_FLAGS, file, attack, String(port)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', () => reject(new Error(`the attackers (${attack}) ended`)));
  });
  // So that all of their connections stand, and the gateway has seen what they are.
  await sleep(SETTLED_MS);
  return child;
}

function fileOf(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url));
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (connected) return;
    await sleep(50);
  }
  throw new Error('the backend does not listen');
}
