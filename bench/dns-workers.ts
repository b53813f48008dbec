import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { NODE_FLAGS } from '../cli/programs.ts';
import { openGeoDatabase } from '../nameserver/geo-database.ts';
import { onPath } from './dns-peers/peer.ts';
import { clientNetworks, dnsWorld, queryFile } from './dns-world.ts';
import { type Figure, higherIsBetter, lowerIsBetter, percentile } from './figure.ts';

/*
 * What name server threads cost and give: resident memory of each with 10,000 routed names after all of them were asked for, and
 * queries a second of one thread and of two. Bundled, as the product ships. On a machine with two cores the client takes one of them, so
 * that two threads cannot show what they could.
 */

const ROUNDS = 3;
const SECONDS = 4;
/** A thread's heap without code is 14 MB (an empty one, Node 24); the rest is ours. */
const GOAL_MEGABYTES_PER_THREAD = 40;

const run_ = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));

export async function run(): Promise<readonly Figure[]> {
  const dnsperf = onPath('dnsperf');
  if (dnsperf === undefined) throw new Error('dnsperf is needed: sudo apt-get install -y dnsperf');
  // Inside the checkout, where packages are found.
  const cache = join(root, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'bench-dns-workers-'));
  try {
    await build({
      absWorkingDir: root,
      entryPoints: { server: 'bench/dns-workers-server.ts', 'dns-worker': 'nameserver/worker.ts' },
      outdir: work,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
      packages: 'external',
      platform: 'node',
      format: 'esm',
    });
    const queries = join(work, 'queries');
    await writeFile(queries, queryFile(dnsWorld(), clientNetworks(await openGeoDatabase(undefined))));
    const load = async (port: number, seconds: number): Promise<number> => {
      const options = ['-B', '-d', queries, '-s', '127.0.0.1', '-p', String(port), '-c', '16', '-q', '400'];
      const { stdout } = await run_(dnsperf, [...options, '-S', '0', '-l', String(seconds)], {
        maxBuffer: 1 << 26,
      });
      const rate = /Queries per second:\s+([\d.]+)/.exec(stdout)?.[1];
      if (rate === undefined) throw new Error(`dnsperf says no rate:\n${stdout}`);
      return Number(rate);
    };

    const resident = new Map<number, number>();
    const rates = new Map<number, number[]>();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const workers of [1, 2, 4]) {
        const server = await start(join(work, 'server.mjs'), workers);
        try {
          await load(server.port, 2); // every name and place once
          if (round === 0) resident.set(workers, (await server.resident()) / 1e6);
          if (workers > 2) continue;
          const rate = await load(server.port, SECONDS);
          rates.set(workers, [...(rates.get(workers) ?? []), rate]);
          process.stderr.write(`  ${workers} threads: ${Math.round(rate)} queries/s\n`);
        } finally {
          server.stop();
        }
      }
    }
    for (const [workers, megabytes] of resident)
      process.stderr.write(`  ${workers} threads: ${megabytes.toFixed(0)} MB resident\n`);
    const median = (workers: number): number => percentile(rates.get(workers) ?? [], 50);
    return [
      lowerIsBetter({
        bench: 'dns-workers',
        case: 'resident-memory-of-a-thread-10k-routed-names',
        ours: ((resident.get(4) ?? 0) - (resident.get(1) ?? 0)) / 3,
        peerName: 'goal',
        peer: GOAL_MEGABYTES_PER_THREAD,
        unit: 'MB',
      }),
      higherIsBetter({
        bench: 'dns-workers',
        case: 'two-threads-beside-one',
        ours: median(2),
        peerName: 'one thread',
        peer: median(1),
        unit: `queries/s over loopback, median of ${ROUNDS} rounds in turns`,
      }),
    ];
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Server {
  readonly port: number;
  /** Octets. */
  resident(): Promise<number>;
  stop(): void;
}

async function start(program: string, workers: number): Promise<Server> {
  const child: ChildProcessWithoutNullStreams = spawn(process.execPath, [
    ...NODE_FLAGS,
    program,
    String(workers),
  ]);
  child.stderr.pipe(process.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (field: string): Promise<number> => {
    const line = await lines.next();
    const said: unknown = line.done === true ? undefined : JSON.parse(line.value);
    const value: unknown =
      typeof said === 'object' && said !== null && field in said ? Reflect.get(said, field) : undefined;
    if (typeof value !== 'number') throw new Error(`the server says no ${field}`);
    return value;
  };
  const port = await next('port');
  return {
    port,
    async resident() {
      child.stdin.write('\n');
      return await next('rss');
    },
    stop: () => void child.stdin.end(),
  };
}
