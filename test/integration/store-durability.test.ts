import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { copyFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DurableStore, openStore, type StoreConfig } from '../../hub/store/open.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { seededRandom } from '../support/random.ts';
import { requireServer } from '../support/servers.ts';

const CHILD = fileURLToPath(new URL('store-child.ts', import.meta.url));
const ROUNDS = 12;
const kek = randomBytes(32);
const dependencies = { kek, wallClock: Date.now, random: (length: number) => randomBytes(length) };

/** What a killed writer said. */
interface Said {
  readonly started: ReadonlySet<number>;
  readonly acknowledged: ReadonlySet<number>;
}

function placeOf(config: StoreConfig): string {
  return config.kind === 'sqlite' ? config.file : config.url;
}

function startWriter(config: StoreConfig, first: number): ChildProcess {
  const child = spawn(
    process.execPath,
    [CHILD, config.kind, placeOf(config), kek.toString('hex'), String(first)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  return child;
}

/** Runs a writer and kills it after `acks` acknowledged writes and `thenMs` more. */
async function killedWriter(config: StoreConfig, first: number, acks: number, thenMs: number): Promise<Said> {
  const child = startWriter(config, first);
  const started = new Set<number>();
  const acknowledged = new Set<number>();
  if (child.stdout === null) throw new Error('the child has no output');
  const lines = createInterface({ input: child.stdout });
  const enough = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      const [verb, n] = line.split(' ');
      if (verb === 'start') started.add(Number(n));
      if (verb === 'ack') acknowledged.add(Number(n));
      if (acknowledged.size >= acks) resolve();
    });
  });
  const closed = once(lines, 'close');
  await Promise.race([enough, once(child, 'exit')]);
  await delay(thenMs);
  child.kill('SIGKILL');
  await closed;
  return { started, acknowledged };
}

/** Which of `numbers` the store has, each checked for being whole. */
async function present(store: DurableStore, numbers: Iterable<number>): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  for (const n of numbers) {
    const name = `n${n}`;
    const cluster = await store.get({ kind: 'Cluster', namespace: 'default', name });
    const secret = await store.secretData({ kind: 'Secret', namespace: 'default', name });
    if (n % 3 === 2) {
      expect([cluster, secret]).toEqual([undefined, undefined]);
      // The next number tells whether the one before was kept.
      if ((await store.increment(name)) === 2) found.add(n);
      continue;
    }
    if (n % 3 === 1 && cluster !== undefined) expect(secret, `values of ${name}`).toEqual({ value: `v${n}` });
    if (cluster === undefined) expect(secret, `${name} is half applied`).toBeUndefined();
    else found.add(n);
  }
  return found;
}

async function killAtRandomPoints(config: StoreConfig, seed: number): Promise<void> {
  const random = seededRandom(seed);
  let total = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const said = await killedWriter(config, round * 1_000_000, 1 + Math.floor(random() * 60), random() * 15);
    expect(said.acknowledged.size, `round ${round} of seed ${seed}`).toBeGreaterThan(0);
    const store = await openStore(config, dependencies);
    try {
      const kept = await present(store, said.started);
      const lost = [...said.acknowledged].filter((n) => !kept.has(n));
      expect(lost, `acknowledged and lost in round ${round} of seed ${seed}`).toEqual([]);
      const chain = await store.verifyAudit();
      expect(chain).not.toHaveProperty('brokenAt');
      const rows = (await store.list()).items.length;
      expect(chain.entries).toBe(rows);
    } finally {
      await store.close();
    }
    total += said.acknowledged.size;
  }
  expect(total).toBeGreaterThan(ROUNDS);
}

describe('durability of the SQLite store', () => {
  let folder: string;
  let config: StoreConfig & { kind: 'sqlite' };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'portolan-durable-'));
    config = { kind: 'sqlite', file: join(folder, 'store.db') };
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('I19 kill -9 at random points loses no acknowledged write and leaves none half applied', async () => {
    await killAtRandomPoints(config, 20_261_121);
  });

  it('I19 what was not synced in full is dropped whole: a torn log gives back every commit before it', async () => {
    const store = await openStore(config, dependencies);
    const marks: { readonly n: number; readonly walBytes: number }[] = [];
    const { stat } = await import('node:fs/promises');
    for (let n = 0; n < 12; n += 1) {
      const key = { kind: 'Secret', namespace: 'default', name: `n${n}` } as const;
      await store.commit([{ type: 'create', key, spec: { stringData: { value: `v${n}` } } }], {
        actor: { id: 'hub', display: 'hub' },
      });
      marks.push({ n, walBytes: (await stat(`${config.file}-wal`)).size });
    }
    // The files as a crash would leave them, taken while the store is open: nothing is checkpointed.
    const crashed = join(folder, 'crashed.db');
    await copyFile(config.file, crashed);
    await copyFile(`${config.file}-wal`, join(folder, 'wal.kept'));
    await store.close();
    for (const { n, walBytes } of marks) {
      for (const torn of [0, -1, -1_000]) {
        const file = join(folder, `torn-${n}-${-torn}.db`);
        await copyFile(crashed, file);
        await copyFile(join(folder, 'wal.kept'), `${file}-wal`);
        await truncate(`${file}-wal`, walBytes + torn);
        const reopened = await openStore({ kind: 'sqlite', file }, dependencies);
        const names = (await reopened.list()).items.map((object) => object.metadata.name);
        // Cut after commit n: all up to n are there. Cut inside it: all before it, and nothing of it.
        const kept = torn === 0 ? n + 1 : n;
        expect(new Set(names), `cut ${torn} bytes at commit ${n}`).toEqual(
          new Set(Array.from({ length: kept }, (_, i) => `n${i}`)),
        );
        expect(await reopened.verifyAudit()).toEqual({ entries: kept });
        await reopened.close();
      }
    }
  });
});

const traced = 'fsync before acknowledge, by system-call trace';
const strace = await requireServer('strace', traced);
describe.skipIf(!strace.available)(traced, () => {
  it('I19 every acknowledge of the SQLite store follows a sync of the log that began after the write began', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portolan-trace-'));
    try {
      const trace = join(folder, 'trace');
      const args = ['-f', '-y', '-e', 'trace=write,pwrite64,fsync,fdatasync', '-s', '24', '-o', trace];
      const file = join(folder, 'store.db');
      const program = [process.execPath, CHILD, 'sqlite', file, kek.toString('hex'), '0', '30'];
      const child = spawn(strace.available ? strace.path : '', [...args, ...program], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      expect(await once(child, 'exit')).toEqual([0, null]);
      const { readFile } = await import('node:fs/promises');
      const calls = whole((await readFile(trace, 'utf8')).split('\n'));
      // Per acknowledge: after the last write to the log there must be a sync of it.
      let acknowledged = 0;
      let logWrites = 0;
      let unsynced = false;
      for (const call of calls) {
        if (/pwrite64\(\d+<[^>]*store\.db-wal>/.test(call)) {
          logWrites += 1;
          unsynced = true;
        } else if (/(fsync|fdatasync)\(\d+<[^>]*store\.db-wal>\)\s*= 0/.test(call)) {
          unsynced = false;
        } else if (/write\(1<[^>]*>, "ack /.test(call)) {
          acknowledged += 1;
          expect(unsynced, `not synced before: ${call}`).toBe(false);
          expect(logWrites, `nothing was written before: ${call}`).toBeGreaterThan(0);
        }
      }
      expect(acknowledged).toBe(30);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/**
 * Calls that strace cut in two, because another thread called something meanwhile, in one line again: where they ended. So a sync counts from its
 * end, and a write from its beginning, where it stays as well.
 */
function whole(lines: readonly string[]): readonly string[] {
  const begun = new Map<string, string>();
  return lines.map((line) => {
    const [, thread = '', call = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (call.endsWith(' <unfinished ...>')) {
      begun.set(thread, call.slice(0, -' <unfinished ...>'.length));
      return call.startsWith('pwrite64(') || call.startsWith('write(') ? line : '';
    }
    const [, rest] = /^<\.\.\. \w+ resumed>(.*)$/.exec(call) ?? [];
    const first = begun.get(thread) ?? '';
    return rest === undefined || first.startsWith('write(') ? line : `${thread} ${first}${rest}`;
  });
}

const onPostgres = 'durability of the PostgreSQL store';
const postgresql = await requireServer('postgresql', onPostgres);
describe.skipIf(!postgresql.available)(onPostgres, () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  it('I19 kill -9 at random points loses no acknowledged write and leaves none half applied', async () => {
    await killAtRandomPoints({ kind: 'postgres', url: await server.createDatabase() }, 20_261_122);
  });

  it('I19 a database that crashes while it takes writes has every acknowledged one afterwards', async () => {
    const config: StoreConfig = { kind: 'postgres', url: await server.createDatabase() };
    const store = await openStore(config, dependencies);
    const actor = { id: 'hub', display: 'hub' };
    const acknowledged: string[] = [];
    const failures: unknown[] = [];
    let stop = false;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let i = 0; !stop; i += 1) {
        const name = `w${writer}-${i}`;
        const key = { kind: 'Cluster', namespace: 'default', name } as const;
        try {
          await store.commit(
            [{ type: 'create', key, spec: { location: { country: 'DE' }, addresses: [] } }],
            { actor },
          );
          acknowledged.push(name);
        } catch (error) {
          failures.push(error);
          stop = true;
        }
      }
    });
    await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(40);
    await server.crash();
    await Promise.all(writers);
    expect(failures.length).toBeGreaterThan(0);
    for (const failure of failures) expect(failure).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await server.start();
    // The same store goes on by itself.
    await store.ping();
    const names = new Set((await store.list()).items.map((object) => object.metadata.name));
    expect(acknowledged.filter((name) => !names.has(name))).toEqual([]);
    expect(await store.verifyAudit()).toEqual({ entries: names.size });
    await store.close();
  });
});
