import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { z } from 'zod';
import { NODE_FLAGS } from '../cli/programs.ts';
import { type Pebble, requirePebble, startPebble } from '../test/support/pebble.ts';
import { pythonTools } from '../test/support/python-tools.ts';
import { type Figure, higherIsBetter, lowerIsBetter } from './figure.ts';

/*
 * Certificates: a look at ten thousand stored ones, and a thousand new ones from a real CA (pebble, every challenge good) beside certbot, which gets
 * them one after the other. Certbot is measured over fewer, as its time for each is the same.
 */

const ISSUED = 1_000;
const PEER_ISSUED = 20;
const CERTBOT = 'certbot==5.1.0';

const run_ = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const note = (text: string): void => void process.stderr.write(`  ${text}\n`);

const passed = z.object({
  records: z.number(),
  due: z.number(),
  readCpu: z.number(),
  startCpu: z.number(),
  passCpu: z.number(),
  workingMegabytes: z.number(),
  megabytes: z.number(),
});
const issued = z.object({
  issued: z.number(),
  seconds: z.number(),
  cpuSeconds: z.number(),
  failure: z.string().optional(),
});

export async function run(): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-bench-certs-'));
  // Inside the checkout, where packages are found.
  const cache = join(root, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const built = await mkdtemp(join(cache, 'bench-certs-'));
  try {
    // As the hub is built: memory is that of the program, not of what reads TypeScript.
    await build({
      absWorkingDir: root,
      entryPoints: { process: 'bench/certs-process.ts' },
      outdir: built,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
      packages: 'external',
      platform: 'node',
      format: 'esm',
    });
    const measured = measuredBy(join(built, 'process.mjs'));
    return [...(await storedFigures(folder, measured)), ...(await issuedFigures(folder, measured))];
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(built, { recursive: true, force: true });
  }
}

type Measured = (args: readonly string[], input?: string) => Promise<string>;

async function storedFigures(folder: string, measured: Measured): Promise<readonly Figure[]> {
  const file = join(folder, 'stored.db');
  await measured(['fill', file]);
  const figures = passed.parse(JSON.parse(await measured(['pass', file])));
  if (figures.records !== 10_000) throw new Error(`${figures.records} certificates were read, not 10,000`);
  const figure = (name: string, ours: number, goal: number, unit: string): Figure =>
    lowerIsBetter({ bench: 'certs', case: name, ours, peerName: 'goal', peer: goal, unit });
  return [
    figure('renewal pass over 10,000 stored certificates', figures.passCpu, 1, 's CPU'),
    figure('10,000: read at the start', figures.readCpu, 1, 's CPU'),
    figure('10,000: what is wanted and the first pass', figures.startCpu, 1, 's CPU'),
    figure('10,000: resident with the process', figures.workingMegabytes, 200, 'MB'),
    figure('10,000: resident after a collection', figures.megabytes, 200, 'MB'),
  ];
}

async function issuedFigures(folder: string, measured: Measured): Promise<readonly Figure[]> {
  const state = await requirePebble('bench certs');
  if (!state.available) {
    note('pebble is not there: no certificates are issued');
    return [];
  }
  const pebble = await startPebble({ alwaysValid: true });
  try {
    const ours = issued.parse(
      JSON.parse(
        await measured(
          ['issue', join(folder, 'issued.db'), pebble.directory, String(ISSUED)],
          pebble.serverCa,
        ),
      ),
    );
    if (ours.issued !== ISSUED)
      throw new Error(`${ours.issued} of ${ISSUED} certificates were issued: ${ours.failure ?? ''}`);
    note(`${ISSUED} in ${ours.seconds.toFixed(1)} s, ${ours.cpuSeconds.toFixed(1)} s CPU of the hub`);
    const peer = await certbotRate(folder, pebble);
    const rate = ours.issued / ours.seconds;
    return [
      higherIsBetter({
        bench: 'certs',
        case: '1,000 certificates from pebble, default parallelism',
        ours: rate,
        peerName: peer === undefined ? 'none measured' : 'certbot, one after the other',
        peer: peer ?? 0,
        unit: 'certificates/s',
      }),
    ];
  } finally {
    await pebble.stop();
  }
}

/** Certificates a second; undefined where certbot cannot be had. */
async function certbotRate(folder: string, pebble: Pebble): Promise<number | undefined> {
  const bin = await pythonTools('certbot', [CERTBOT]).catch((error: unknown) => {
    note(`certbot cannot be had: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
  if (bin === undefined) return undefined;
  const roots = join(folder, 'pebble.pem');
  await writeFile(roots, pebble.serverCa);
  const home = (name: string): string => join(folder, 'certbot', name);
  const common = [
    ...['--config-dir', home('config'), '--work-dir', home('work'), '--logs-dir', home('logs')],
    ...['--server', pebble.directory, '--non-interactive', '--agree-tos'],
  ];
  const env = { ...process.env, REQUESTS_CA_BUNDLE: roots };
  const certbot = (args: readonly string[]): Promise<unknown> =>
    run_(join(bin, 'certbot'), [...args, ...common], { env, timeout: 120_000 });
  await certbot(['register', '--register-unsafely-without-email']);
  const startedMs = performance.now();
  for (let i = 0; i < PEER_ISSUED; i += 1)
    await certbot([
      ...['certonly', '--manual', '--preferred-challenges', 'dns', '--manual-auth-hook', 'true'],
      ...['--key-type', 'ecdsa', '--required-profile', 'default', '-d', `c${i}.example.com`],
    ]);
  const seconds = (performance.now() - startedMs) / 1000;
  note(`certbot: ${PEER_ISSUED} in ${seconds.toFixed(1)} s`);
  return PEER_ISSUED / seconds;
}

/** What a process of its own measured, started as a hub is. */
function measuredBy(program: string): Measured {
  return (args, input = '') =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [...NODE_FLAGS, '--expose-gc', program, ...args], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let out = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
      });
      child.on('error', reject);
      child.on('close', (code) =>
        code === 0 ? resolve(out) : reject(new Error(`measuring ${args[0] ?? ''} ended with ${code}`)),
      );
      child.stdin.end(input);
    });
}
