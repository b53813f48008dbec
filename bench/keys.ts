/**
 * `npm run bench -- keys`: a million API keys in the memory of an agent's data process with two reader threads. Goals: at most
 * 250 MiB for the process, loaded from the disk in well under a second, no step longer than 20 ms, a revocation seen at once.
 * `PORTOLAN_BENCH_KEYS` takes another number of keys.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { NO_MARK, writeImage } from '../gateway/keys/image.ts';
import { createSharedKeyTable } from '../gateway/keys/writer.ts';
import { createClusterDigest, createHubDigest } from '../src/identity/api-key.ts';
import { type Figure, lowerIsBetter } from './figure.ts';

const KEYS = Number(process.env.PORTOLAN_BENCH_KEYS ?? 1_000_000);

const measured = z.object({
  keys: z.number(),
  found: z.array(z.number()),
  memoryMiB: z.number(),
  afterMiB: z.number(),
  loadMs: z.number(),
  stallMs: z.number(),
  knownUs: z.number(),
  unknownUs: z.number(),
  revocationMs: z.number(),
  longestApplyMs: z.number(),
});

export async function run(): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-bench-keys-'));
  try {
    const image = join(folder, 'keys.image');
    await makeImage(image);
    const program = fileURLToPath(new URL('keys-process.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program, image, String(KEYS), '2']);
    const figures = measured.parse(JSON.parse(stdout));
    if (figures.found.some((found) => found !== 200_000)) throw new Error('a key was not found');
    const figure = (name: string, ours: number, goal: number, unit: string): Figure =>
      lowerIsBetter({ bench: 'keys', case: name, ours, peerName: 'goal', peer: goal, unit });
    const many = `${KEYS} keys`;
    return [
      figure(`process with ${many}, two threads`, figures.memoryMiB, 250, 'MiB PSS'),
      figure(`the same after a tenth more came`, figures.afterMiB, 250, 'MiB PSS'),
      figure(`load of ${many} from the disk`, figures.loadMs, 1_000, 'ms'),
      figure('longest stall while loading', figures.stallMs, 20, 'ms'),
      figure('look-up of a known key', figures.knownUs, 10, 'µs'),
      figure('look-up of an unknown key', figures.unknownUs, 10, 'µs'),
      figure('revocation until both threads refuse', figures.revocationMs, 20, 'ms'),
      figure(
        'longest change, shards growing, while threads look keys up',
        figures.longestApplyMs,
        20,
        'ms of CPU',
      ),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeImage(path: string): Promise<void> {
  const table = createSharedKeyTable({ expected: KEYS });
  const hub = createHubDigest(Buffer.alloc(32, 1));
  const cluster = createClusterDigest(Buffer.alloc(32, 2));
  for (let i = 0; i < KEYS; i += 1) {
    table.apply({
      digest: cluster(hub(`bench-key-${i}`)),
      removed: false,
      id: `k-${i.toString(36).padStart(10, 'a')}`,
      namespace: 'default',
      principal: `application-${i}`,
      roles: [['reader', 'writer', 'admin'][i % 3] ?? 'reader'],
      plan: `plan-${i % 8}`,
      labels: {},
      attributes: {},
      expiresAtSeconds: 0,
      revoked: false,
    });
  }
  const file = await open(path, 'w');
  await writeImage(file, table, { mark: NO_MARK, heardWallMs: 0 });
  await file.close();
}
