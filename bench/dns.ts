import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { NODE_FLAGS } from '../cli/programs.ts';
import { openGeoDatabase } from '../nameserver/geo-database.ts';
import { agreesOn } from './dns-peers/agreement.ts';
import { coredns } from './dns-peers/coredns.ts';
import { gdnsd } from './dns-peers/gdnsd.ts';
import { geoDatabaseOf } from './dns-peers/geo-database.ts';
import { knot } from './dns-peers/knot.ts';
import { onPath, type Peer, startPeer } from './dns-peers/peer.ts';
import { powerdnsGeoip, powerdnsLua } from './dns-peers/powerdns.ts';
import { clientNetworks, dnsWorld, queryFile } from './dns-world.ts';
import { type Figure, higherIsBetter, lowerIsBetter, percentile } from './figure.ts';

/*
 * Our name server beside others on the same data: 10,000 geographic, weighted and failover names, a client subnet on half the
 * queries. One worker on one core; dnsperf on another. Rounds in turns, medians. `bare` is a `dgram` socket that sends each query
 * back: the most that Node's sockets give.
 */

const ROUNDS = 3;
const SECONDS = 4;
/** For the compilers and the caches of all of them. */
const WARM_UP_SECONDS = 4;
const SERVER_CORE = 0;
const CLIENT_CORE = 1;
/** For latencies all servers get the same load: this share of what PowerDNS can do, the slowest that a goal names. */
const LATENCY_LOAD = 0.6;

/** How long dnsperf waits for an answer. */
const LOST_MICROSECONDS = 5e6;

const run_ = promisify(execFile);

const node = (name: string, kind: string): Peer => ({
  name,
  find: () => process.execPath,
  install: '',
  configure: async ({ port, geoDatabase }) => ({
    arguments: [
      ...NODE_FLAGS,
      fileURLToPath(new URL('dns-server.ts', import.meta.url)),
      kind,
      String(port),
      geoDatabase,
    ],
  }),
});

const PORTOLAN = node('Portolan', 'portolan');
const FLOOR: Peer = { ...node('dgram floor', 'bare'), echoes: true };
const PEERS: readonly Peer[] = [gdnsd, knot, powerdnsGeoip, coredns, powerdnsLua];

export async function run(): Promise<readonly Figure[]> {
  const dnsperf = onPath('dnsperf');
  if (dnsperf === undefined || onPath('taskset') === undefined)
    throw new Error('dnsperf and taskset are needed: sudo apt-get install -y dnsperf util-linux');
  const work = await mkdtemp(join(tmpdir(), 'portolan-bench-dns-'));
  try {
    const world = dnsWorld();
    const networks = clientNetworks(await openGeoDatabase(undefined));
    const queries = join(work, 'queries');
    const geoDatabase = join(work, 'geo.mmdb');
    await writeFile(queries, queryFile(world, networks));
    await writeFile(geoDatabase, geoDatabaseOf(networks));

    const servers = [PORTOLAN, FLOOR];
    for (const peer of PEERS) {
      if (peer.find() === undefined) process.stderr.write(`  without ${peer.name}: ${peer.install}\n`);
      else servers.push(peer);
    }
    /** Runs a server for as long as `measure` takes. */
    const during = async <T>(server: Peer, measure: (port: number) => Promise<T>): Promise<T> => {
      const port = await freePort();
      const folder = join(work, `${server.name.replaceAll(' ', '-')}-${port}`);
      await mkdir(folder);
      const program = server.find() ?? '';
      const running = await startPeer(server, { program, world, folder, port, geoDatabase }, SERVER_CORE);
      try {
        return await measure(port);
      } finally {
        await running.stop();
      }
    };
    const load = (port: number, ...more: string[]): Promise<string> =>
      run_(
        'taskset',
        [
          '-c',
          String(CLIENT_CORE),
          dnsperf,
          '-B',
          '-d',
          queries,
          '-s',
          '127.0.0.1',
          '-p',
          String(port),
        ].concat(['-c', '8', '-q', '200', '-S', '0', ...more]),
        { maxBuffer: 1 << 30 },
      ).then(({ stdout }) => stdout);

    const rates = new Map<Peer, number[]>(servers.map((server) => [server, []]));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const server of servers) {
        const rate = await during(server, async (port) => {
          if (round === 0 && server !== FLOOR) await agreesOn(server.name, port, world, networks);
          await load(port, '-l', String(WARM_UP_SECONDS));
          return rateOf(await load(port, '-l', String(SECONDS)));
        });
        process.stderr.write(`  ${server.name}: ${Math.round(rate)} queries/s\n`);
        rates.get(server)?.push(rate);
      }
    }
    const median = (server: Peer): number => percentile(rates.get(server) ?? [], 50);
    const figures = servers.flatMap((server) =>
      server === PORTOLAN
        ? []
        : [
            higherIsBetter({
              bench: 'dns',
              case: 'udp-10k-routed-names-one-worker',
              ours: median(PORTOLAN),
              peerName: server.name,
              peer: median(server),
              unit: `queries/s over loopback, median of ${ROUNDS} rounds in turns`,
            }),
          ],
    );
    if (servers.includes(powerdnsGeoip)) {
      const offered = Math.floor(median(powerdnsGeoip) * LATENCY_LOAD);
      const latencies = new Map<Peer, number>();
      for (const server of [PORTOLAN, ...servers.filter((s) => s !== PORTOLAN && s !== powerdnsLua)]) {
        const p99 = await during(server, async (port) => {
          await load(port, '-l', String(WARM_UP_SECONDS), '-Q', String(offered));
          return p99Of(await load(port, '-l', String(SECONDS), '-Q', String(offered), '-v'));
        });
        process.stderr.write(`  ${server.name}: p99 ${p99.toFixed(0)} µs at ${offered} queries/s\n`);
        latencies.set(server, p99);
      }
      for (const [server, p99] of latencies) {
        if (server === PORTOLAN) continue;
        figures.push(
          lowerIsBetter({
            bench: 'dns',
            case: 'udp-p99',
            ours: latencies.get(PORTOLAN) ?? 0,
            peerName: server.name,
            peer: p99,
            unit: `µs at ${offered} queries/s`,
          }),
        );
      }
    }
    return figures;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function rateOf(report: string): number {
  const rate = Number(/Queries per second:\s+([\d.]+)/.exec(report)?.[1]);
  if (!(rate > 0)) throw new Error(`dnsperf says no rate: ${report.slice(-500)}`);
  return rate;
}

/**
 * The 99th percentile in microseconds, of the lines that `dnsperf -v` writes: `> NOERROR name A 0.000123`. A lost query, `> T name A`,
 * took as long as dnsperf waits for one.
 */
function p99Of(report: string): number {
  const latencies: number[] = Array.from(report.matchAll(/^> T /gm), () => LOST_MICROSECONDS);
  for (const match of report.matchAll(/^> \S+ \S+ \S+ (\d+\.\d+)$/gm)) latencies.push(Number(match[1]) * 1e6);
  return percentile(latencies, 99);
}

/** A port free for UDP a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
