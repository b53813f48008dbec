import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../test/support/free-port.ts';
import { onPath } from './dns-peers/peer.ts';
import { type Figure, higherIsBetter, lowerIsBetter, percentile } from './figure.ts';
import { fullHttp2Load, fullLoad, pacedLatencies } from './gateway-load.ts';
import { caddy } from './gateway-peers/caddy.ts';
import { envoy, envoyApiKey, envoyJwt } from './gateway-peers/envoy.ts';
import { haproxy } from './gateway-peers/haproxy.ts';
import { backendConfiguration, nginx, nginxLua } from './gateway-peers/nginx.ts';
import {
  type GatewayPeer,
  type GatewaySite,
  type RunningGateway,
  startGateway,
} from './gateway-peers/peer.ts';
import { portolanJwt, portolanKey, portolanPlain } from './gateway-peers/portolan.ts';

/*
 * Our gateway beside others in front of the same backend (nginx): rounds in turns, medians. The proxy has one core, wrk and the
 * backend the other one; all proxies run all the time, and one is asked at a time. Ours is as shipped: metrics and access log on.
 */

const PROXY_CORE = '0';
/** Two workers have all of a machine with two cores; the load takes part of one of them, from everybody alike. */
const TWO_CORES = '0,1';
const LOAD_CORE = '1';
const CONNECTIONS = 10;
const KEYS = 1_000;
/** For compilers and caches. */
const WARM_UP_SECONDS = 4;
/** For latencies all get this share of what Envoy does. */
const PACED = 0.7;
const ISSUER = 'https://issuer.bench.example';
const AUDIENCE = 'bench';

const PEERS: readonly GatewayPeer[] = [
  portolanPlain,
  portolanKey,
  portolanJwt,
  envoy,
  envoyApiKey,
  envoyJwt,
  nginx,
  nginxLua,
  haproxy,
  caddy,
];

interface Arm {
  readonly peer: GatewayPeer;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly running: RunningGateway;
}

interface Case {
  readonly name: string;
  readonly octets: number;
  /** A connection for each request; HTTP/2: ten at a time on each of the connections. */
  readonly clients: 'keepAlive' | 'newConnections' | 'http2';
  readonly workers: 1 | 2;
}

const CASES: readonly Case[] = [
  { name: 'keep-alive-64B', octets: 64, clients: 'keepAlive', workers: 1 },
  { name: 'keep-alive-1KB', octets: 1_024, clients: 'keepAlive', workers: 1 },
  { name: 'two-workers-64B', octets: 64, clients: 'keepAlive', workers: 2 },
  { name: 'new-connections-64B', octets: 64, clients: 'newConnections', workers: 1 },
  { name: 'http2-64B', octets: 64, clients: 'http2', workers: 1 },
];

/** BENCH_CASES and BENCH_ARMS (parts of names, with commas between), BENCH_ROUNDS and BENCH_SECONDS shorten it while something is tried out. */
const chosen = (name: string, parts: string | undefined): boolean =>
  parts === undefined || parts.split(',').some((part) => name.includes(part));
const rounds = (): number => Number(process.env.BENCH_ROUNDS ?? 10);
const seconds = (): number => Number(process.env.BENCH_SECONDS ?? 2);

export async function run(): Promise<readonly Figure[]> {
  const wrk = onPath('wrk');
  const h2load = onPath('h2load');
  const nginxProgram = onPath('nginx');
  if (wrk === undefined || h2load === undefined || nginxProgram === undefined)
    throw new Error(
      'wrk, h2load and nginx are needed: sudo apt-get install -y wrk nghttp2-client nginx util-linux',
    );
  const work = await mkdtemp(join(tmpdir(), 'portolan-bench-gateway-'));
  const figures: Figure[] = [];
  try {
    const keys = Array.from(
      { length: KEYS },
      (_, at) => `ptk_${createHash('sha256').update(`key ${at}`).digest('base64url').slice(0, 32)}`,
    );
    const { token, jwks } = issueToken();
    const jwksFile = join(work, 'jwks.json');
    await writeFile(jwksFile, JSON.stringify(jwks));
    for (const one of CASES.filter(({ name }) => chosen(name, process.env.BENCH_CASES))) {
      const folder = join(work, one.name);
      await mkdir(folder);
      const backendPort = await freePort();
      const backend = spawn(
        'taskset',
        [
          '-c',
          LOAD_CORE,
          nginxProgram,
          '-c',
          await backendConfiguration(folder, backendPort, one.octets),
          '-p',
          folder,
        ],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      );
      const arms: Arm[] = [];
      try {
        await listening(backendPort, backend);
        for (const peer of PEERS) {
          if (!chosen(peer.name, process.env.BENCH_ARMS)) continue;
          if (one.clients === 'http2' && peer.http2 !== true) continue;
          const program = await peer.find();
          if (program === undefined) {
            process.stderr.write(`  without ${peer.name}: ${peer.install}\n`);
            continue;
          }
          const own = join(folder, peer.name.replaceAll(/[^A-Za-z]+/g, '-'));
          await mkdir(own);
          const port = await freePort();
          const site: GatewaySite = {
            program,
            folder: own,
            port,
            backendPort,
            keys,
            jwks: { file: jwksFile, issuer: ISSUER, audience: AUDIENCE },
            workers: one.workers,
          };
          const headers = headersOf(peer, keys, token);
          const cores = one.workers === 1 ? PROXY_CORE : TWO_CORES;
          const running = await startGateway(peer, site, cores, { headers });
          arms.push({ peer, url: `http://127.0.0.1:${port}/items/1`, headers, running });
        }
        figures.push(...(await measure(one, arms, { wrk, h2load, work })));
      } finally {
        await Promise.all(arms.map(({ running }) => running.stop()));
        backend.kill('SIGTERM');
      }
    }
    return figures;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function measure(
  one: Case,
  arms: readonly Arm[],
  { wrk, h2load, work }: { readonly wrk: string; readonly h2load: string; readonly work: string },
): Promise<readonly Figure[]> {
  const load = (arm: Arm) => ({
    core: LOAD_CORE,
    url: arm.url,
    headers: arm.headers,
    connections: CONNECTIONS,
    seconds: seconds(),
    newConnections: one.clients === 'newConnections',
  });
  const full = (arm: Arm, duration: number) =>
    one.clients === 'http2'
      ? fullHttp2Load({ ...load(arm), program: h2load, seconds: duration })
      : fullLoad({ ...load(arm), program: wrk, seconds: duration });
  for (const arm of arms) await full(arm, WARM_UP_SECONDS);
  const rates = new Map<Arm, number[]>(arms.map((arm) => [arm, []]));
  const cpu = new Map<Arm, number[]>(arms.map((arm) => [arm, []]));
  for (let round = 0; round < rounds(); round += 1) {
    // In another order each time, so that nobody always follows the same one.
    for (const arm of [...arms.slice(round % arms.length), ...arms.slice(0, round % arms.length)]) {
      const before = arm.running.cpuMicros();
      const result = await full(arm, seconds());
      if (result.failures > 0) throw new Error(`${arm.peer.name}: ${result.failures} requests failed`);
      rates.get(arm)?.push(result.rate);
      cpu.get(arm)?.push((arm.running.cpuMicros() - before) / result.requests);
    }
  }
  const rate = (arm: Arm): number => percentile(rates.get(arm) ?? [], 50);
  const micros = (arm: Arm): number => percentile(cpu.get(arm) ?? [], 50);
  for (const arm of arms)
    process.stderr.write(
      `  ${one.name}: ${arm.peer.name}: ${Math.round(rate(arm))} requests/s, ${micros(arm).toFixed(1)} µs CPU, ` +
        `${(arm.running.rssBytes() / 2 ** 20).toFixed(0)} MB\n`,
    );
  const ours = arms.filter(({ peer }) => peer.name.startsWith('Portolan'));
  const others = arms.filter(({ peer }) => !peer.name.startsWith('Portolan'));
  const plain = arms.find(({ peer }) => peer === envoy);
  const figures: Figure[] = [];
  for (const own of ours) {
    for (const other of others) {
      if (other.peer.arm !== 'plain' && other.peer.arm !== own.peer.arm) continue;
      const named = { bench: 'gateway', case: `${one.name} ${own.peer.arm}`, peerName: other.peer.name };
      figures.push(
        higherIsBetter({
          ...named,
          ours: rate(own),
          peer: rate(other),
          unit: `requests/s on ${one.workers === 1 ? 'one core' : 'two cores'}, median of ${rounds()}`,
        }),
        lowerIsBetter({ ...named, ours: micros(own), peer: micros(other), unit: 'µs of CPU a request' }),
      );
    }
  }
  if (plain === undefined || one.clients !== 'keepAlive' || one.workers > 1) return figures;
  const offered = Math.floor(rate(plain) * PACED);
  const latency = new Map<Arm, { readonly p50: number; readonly p99: number }>();
  for (const arm of arms) {
    const runs: { p50: number; p99: number; failures: number }[] = [];
    for (let round = 0; round < Math.max(3, Math.ceil(rounds() / 3)); round += 1)
      runs.push(
        await pacedLatencies({
          ...load(arm),
          program: h2load,
          rate: offered,
          logFile: join(work, 'latencies'),
        }),
      );
    const failures = runs.reduce((sum, each) => sum + each.failures, 0);
    if (failures > 0) throw new Error(`${arm.peer.name}: ${failures} requests failed at ${offered} a second`);
    const p50 = percentile(
      runs.map((each) => each.p50),
      50,
    );
    const p99 = percentile(
      runs.map((each) => each.p99),
      50,
    );
    latency.set(arm, { p50, p99 });
    process.stderr.write(
      `  ${one.name}: ${arm.peer.name}: p50 ${p50} µs, p99 ${p99} µs at ${offered} requests/s\n`,
    );
  }
  for (const own of ours) {
    for (const other of others) {
      if (other.peer.arm !== 'plain' && other.peer.arm !== own.peer.arm) continue;
      const [mine, theirs] = [latency.get(own), latency.get(other)];
      if (mine === undefined || theirs === undefined) continue;
      const named = { bench: 'gateway', peerName: other.peer.name, unit: `µs at ${offered} requests/s` };
      figures.push(
        lowerIsBetter({
          ...named,
          case: `${one.name} ${own.peer.arm} p50`,
          ours: mine.p50,
          peer: theirs.p50,
        }),
        lowerIsBetter({
          ...named,
          case: `${one.name} ${own.peer.arm} p99`,
          ours: mine.p99,
          peer: theirs.p99,
        }),
      );
    }
  }
  return figures;
}

function headersOf(
  peer: GatewayPeer,
  keys: readonly string[],
  token: string,
): Readonly<Record<string, string>> {
  switch (peer.arm) {
    case 'plain':
      return {};
    case 'key':
      return { 'x-api-key': keys[500] ?? '' };
    case 'jwt':
      return { authorization: `Bearer ${token}` };
  }
}

/** A token that lasts longer than the bench, signed with a key made for it. */
function issueToken(): { readonly token: string; readonly jwks: object } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const signed = `${part({ alg: 'ES256', kid: 'bench', typ: 'JWT' })}.${part({ iss: ISSUER, aud: AUDIENCE, sub: 'client', iat: now, exp: now + 86_400 })}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' };
  return { token: `${signed}.${signature.toString('base64url')}`, jwks: { keys: [jwk] } };
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const until = performance.now() + 10_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error('the backend ended');
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      (r) => r.ok,
      () => false,
    );
    if (answered) return;
    if (performance.now() > until) throw new Error('the backend does not answer');
    await sleep(50);
  }
}
