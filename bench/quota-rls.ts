/**
 * `npm run bench -- quota-rls`: Envoy's rate limit service answered by an agent, beside envoyproxy/ratelimit with Redis (and Limitador where
 * `LIMITADOR_BIN` names its server), in turns: decisions a second and CPU for each. One counter that nobody exhausts, ten connections with
 * 20 calls at once each, the load by h2load on the same machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, toBinary } from '@bufbuild/protobuf';
import { RateLimitRequestSchema } from '../src/protocol/envoy/generated/envoy/service/ratelimit/v3/rls_pb.js';
import { freePort } from '../test/support/free-port.ts';
import { goProgram } from '../test/support/go-tools.ts';
import { until } from '../test/support/until.ts';
import { type Figure, higherIsBetter, lowerIsBetter, percentile } from './figure.ts';

const RATELIMIT = 'github.com/envoyproxy/ratelimit/src/service_cmd@v1.4.1-0.20260122083618-3fb702589d36';
const ROUNDS = Number(process.env.PORTOLAN_BENCH_ROUNDS ?? 7);
const CALLS = Number(process.env.PORTOLAN_BENCH_CALLS ?? 30_000);
const WORKERS = 2;

/** A service of some processes that answers `ShouldRateLimit` on a port. */
interface Arm {
  readonly name: string;
  readonly port: number;
  readonly children: readonly ChildProcess[];
}

export async function run(): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-bench-rls-'));
  const arms: Arm[] = [];
  try {
    const body = join(folder, 'request.bin');
    await writeFile(body, framed());
    const redis = await startRedis(folder);
    arms.push({ name: '', port: 0, children: [redis.child] });
    const ours = await portolan();
    const peers = [await envoyRatelimit(folder, redis), ...(await limitador(folder, redis.port))];
    arms.push(ours, ...peers);
    const measured = [ours, ...peers];
    for (const arm of measured) await load(arm, body, 2_000);
    const rates = new Map<Arm, number[]>(measured.map((arm) => [arm, []]));
    const costs = new Map<Arm, number[]>(measured.map((arm) => [arm, []]));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const arm of measured) {
        const before = await cpuMs(arm);
        const rate = await load(arm, body, CALLS);
        rates.get(arm)?.push(rate);
        costs.get(arm)?.push((((await cpuMs(arm)) - before) * 1000) / CALLS);
      }
    }
    const median = (of: ReadonlyMap<Arm, readonly number[]>, arm: Arm): number =>
      percentile(of.get(arm) ?? [], 50);
    return peers.flatMap((peer) => [
      higherIsBetter({
        bench: 'quota-rls',
        case: 'ShouldRateLimit, 200 at once',
        ours: median(rates, ours),
        peerName: peer.name,
        peer: median(rates, peer),
        unit: 'decisions/s',
      }),
      lowerIsBetter({
        bench: 'quota-rls',
        case: 'CPU for a decision',
        ours: median(costs, ours),
        peerName: peer.name,
        peer: median(costs, peer),
        unit: 'µs',
      }),
    ]);
  } finally {
    for (const { children } of arms) for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}

function framed(): Buffer {
  const message = toBinary(
    RateLimitRequestSchema,
    create(RateLimitRequestSchema, {
      domain: 'envoy',
      descriptors: [{ entries: [{ key: 'user', value: 'alice' }] }],
      hitsAddend: 1,
    }),
  );
  return Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
}

const METHOD = 'envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';

/** @returns calls a second. @throws Error when one was not answered */
async function load({ name, port }: Arm, body: string, calls: number): Promise<number> {
  const headers = ['-H', 'content-type: application/grpc', '-H', 'te: trailers'];
  const stdout = await output('h2load', [
    ...['-c', '10', '-m', '20', '-n', String(calls), '-d', body],
    ...headers,
    `http://127.0.0.1:${port}/${METHOD}`,
  ]);
  const rate = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(stdout)?.[1]);
  const good = Number(/status codes: (\d+) 2xx/.exec(stdout)?.[1]);
  if (!(rate > 0) || good !== calls) throw new Error(`${name}: ${stdout.slice(-600)}`);
  return rate;
}

/** User and system time of all processes, milliseconds (proc(5), 100 ticks a second). */
async function cpuMs({ children }: Arm): Promise<number> {
  let ticks = 0;
  for (const { pid } of children) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10;
}

async function portolan(): Promise<Arm> {
  const port = await freePort();
  const program = fileURLToPath(new URL('quota-rls-server.ts', import.meta.url));
  const child = spawn(process.execPath, [program, String(port), String(WORKERS)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const arm = { name: 'Portolan', port, children: [child] };
  await answers(arm);
  return arm;
}

interface Redis {
  readonly port: number;
  readonly child: ChildProcess;
}

async function startRedis(folder: string): Promise<Redis> {
  const port = await freePort();
  const child = spawn('redis-server', ['--port', String(port), '--save', '', '--dir', folder], {
    stdio: 'ignore',
  });
  return { port, child };
}

async function envoyRatelimit(folder: string, redis: Redis): Promise<Arm> {
  const program = await goProgram(RATELIMIT, 'service_cmd');
  const config = join(folder, 'ratelimit', 'config');
  await mkdir(config, { recursive: true });
  await writeFile(
    join(config, 'config.yaml'),
    'domain: envoy\ndescriptors:\n  - key: user\n    rate_limit: { unit: hour, requests_per_unit: 4000000000 }\n',
  );
  const port = await freePort();
  const child = spawn(program, {
    stdio: 'ignore',
    env: {
      ...process.env,
      USE_STATSD: 'false',
      LOG_LEVEL: 'error',
      REDIS_SOCKET_TYPE: 'tcp',
      REDIS_URL: `127.0.0.1:${redis.port}`,
      RUNTIME_ROOT: folder,
      RUNTIME_SUBDIRECTORY: 'ratelimit',
      RUNTIME_WATCH_ROOT: 'false',
      HOST: '127.0.0.1',
      GRPC_HOST: '127.0.0.1',
      DEBUG_HOST: '127.0.0.1',
      GRPC_PORT: String(port),
      PORT: String(await freePort()),
      DEBUG_PORT: String(await freePort()),
    },
  });
  const arm = { name: 'envoyproxy/ratelimit + Redis', port, children: [child, redis.child] };
  await answers(arm);
  return arm;
}

/** In memory, and with Redis behind a cache. */
async function limitador(folder: string, redisPort: number): Promise<readonly Arm[]> {
  const program = process.env.LIMITADOR_BIN;
  if (program === undefined) {
    process.stderr.write('quota-rls: without Limitador; LIMITADOR_BIN may name its server\n');
    return [];
  }
  const limits = join(folder, 'limits.yaml');
  await writeFile(
    limits,
    '- namespace: envoy\n  max_value: 4000000000\n  seconds: 3600\n  conditions: []\n  variables: ["descriptors[0].user"]\n',
  );
  const storages = [['memory'], ['redis_cached', `redis://127.0.0.1:${redisPort}`]];
  return Promise.all(
    storages.map(async (storage) => {
      const port = await freePort();
      const places = [
        ...['--rls-ip', '127.0.0.1', '--rls-port', String(port)],
        ...['--http-ip', '127.0.0.1', '--http-port', String(await freePort())],
      ];
      const child = spawn(program, [...places, limits, ...storage], { stdio: 'ignore' });
      const arm = { name: `Limitador, ${storage[0] ?? ''}`, port, children: [child] };
      await answers(arm);
      return arm;
    }),
  );
}

/** Once it answers the call with a status of gRPC. */
async function answers(arm: Arm): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-bench-rls-'));
  const body = join(folder, 'request.bin');
  await writeFile(body, framed());
  await until(`${arm.name} answers`, () => load(arm, body, 10), 60_000);
  await rm(folder, { recursive: true });
}

function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.once('error', () =>
      reject(new Error(`${program} is needed: sudo apt-get install -y nghttp2-client redis-server`)),
    );
    child.once('exit', () => resolve(text));
  });
}
