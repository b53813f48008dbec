import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PortolanError } from '../src/errors/error.ts';
import { sha256Hex } from '../src/identity/digest.ts';
import type { SignedSnapshot } from '../src/identity/snapshot-signing.ts';
import { NO_GATEWAY_SECRETS } from '../src/policy/model.ts';
import {
  createSnapshotStore,
  type SnapshotStore,
  type SnapshotStoreOptions,
  type StoredSnapshot,
} from './snapshot-store.ts';
import { createHubStandIn, type HubStandIn } from './testing/hub-stand-in.ts';

let hub: HubStandIn;
let directory: string;
let damaged: PortolanError[];

beforeEach(async () => {
  hub = await createHubStandIn();
  directory = await mkdtemp(join(tmpdir(), 'portolan-snapshots-'));
  damaged = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const openStore = (overrides: Partial<SnapshotStoreOptions> = {}): SnapshotStore =>
  createSnapshotStore({
    directory,
    hubUid: hub.hubUid,
    clusterUid: hub.clusterUid,
    agentVersion: '0.1.0',
    keys: () => hub.keys,
    check: () => Promise.resolve(),
    onDamaged: (error) => damaged.push(error),
    ...overrides,
  });

const refusal = async (accepting: Promise<unknown>): Promise<PortolanError> => {
  try {
    await accepting;
  } catch (error) {
    if (error instanceof PortolanError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

const files = async (): Promise<readonly string[]> =>
  (await readdir(directory)).filter((name) => name.endsWith('.snap')).sort();

describe('accepting a snapshot', () => {
  it('is found again by the next process', async () => {
    const accepted = await openStore().accept(hub.snapshot({ version: 7 }));
    const loaded = await openStore().load();
    expect(loaded?.mark).toEqual(accepted.mark);
    expect(loaded?.mark.version).toBe(7);
    expect(loaded?.path).toBe(accepted.path);
    expect(JSON.parse(Buffer.from(loaded?.parts.routing ?? []).toString())).toMatchObject({ sequence: 7 });
  });

  it("keeps the secrets of name servers in files that only the agent's user can read", async () => {
    const key = { name: 'transfer.', algorithm: 'hmac-sha256', secret: 'c2VjcmV0c2VjcmV0c2VjcmV0' } as const;
    const dns = { signing: {}, tsigKeys: { 'default/key': key } };
    await openStore().accept(hub.snapshot({ dns }));
    const loaded = await openStore().load();
    expect(JSON.parse(Buffer.from(loaded?.parts.dns ?? []).toString())).toEqual(dns);
    expect((await stat(loaded?.path ?? '')).mode & 0o777).toBe(0o600);
  });

  it('keeps the current and the previous one, and nothing else', async () => {
    const store = openStore();
    for (const version of [1, 2, 3]) await store.accept(hub.snapshot({ version }));
    expect((await files()).map((name) => name.slice(0, 34))).toEqual([
      'snapshot-000000000001-000000000002',
      'snapshot-000000000001-000000000003',
    ]);
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('takes the same snapshot again without writing it', async () => {
    let checks = 0;
    const store = openStore({
      check: async () => {
        checks += 1;
      },
    });
    const snapshot = hub.snapshot();
    const first = await store.accept(snapshot);
    expect((await store.accept(snapshot)).mark).toEqual(first.mark);
    expect(checks).toBe(1);
  });

  it('I11 keeps the last good one when the sacrificial check refuses', async () => {
    const good = await openStore().accept(hub.snapshot({ version: 1 }));
    const store = openStore({
      check: () => Promise.reject(new PortolanError('SNAPSHOT_INVALID', 'it does not compile')),
    });
    const error = await refusal(store.accept(hub.snapshot({ version: 2 })));
    expect(error.code).toBe('SNAPSHOT_INVALID');
    expect((await store.load())?.mark).toEqual(good.mark);
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('tries out the very bytes that are published', async () => {
    let tried: Buffer | undefined;
    const store = openStore({
      check: async ({ path }) => {
        tried = await readFile(path);
      },
    });
    const accepted = await store.accept(hub.snapshot());
    expect(tried?.equals(await readFile(accepted.path))).toBe(true);
  });
});

describe('a gateway in pieces', () => {
  const piece = (name: string): Uint8Array => Buffer.from(`{"${name}":1}`);
  /** @param sent those that travel */
  const pieced = (version: number, named: readonly string[], sent: readonly string[]): SignedSnapshot =>
    hub.snapshot({
      version,
      frame: {
        frame: {
          ports: [],
          pieces: named.map((name) => ({ sha256: sha256Hex(piece(name)), size: piece(name).length })),
        },
        sent: sent.map(piece),
      },
    });
  const textsOf = (loaded: StoredSnapshot | undefined): readonly string[] =>
    [...(loaded?.pieces.values() ?? [])].map((bytes) => Buffer.from(bytes).toString());

  it('I10 is one whole file, however few pieces came, and a file of a release without pieces is read', async () => {
    const store = openStore();
    const old = await store.accept(hub.snapshot({ version: 1 }));
    expect((await readFile(old.path)).includes('"pieces"')).toBe(false);
    await store.accept(pieced(2, ['a', 'b', 'c', 'd'], ['d', 'b', 'a', 'c']));
    await store.accept(pieced(3, ['a', 'x', 'c', 'd'], ['x']));
    await store.accept(pieced(4, ['a', 'y', 'c', 'c'], ['y']));
    // Whatever was before is gone, and may be.
    for (const name of (await files()).slice(0, -1)) await rm(join(directory, name));
    const loaded = await openStore().load();
    expect(loaded?.mark.version).toBe(4);
    expect(textsOf(loaded)).toEqual(['a', 'y', 'c'].map((name) => `{"${name}":1}`));
    expect(damaged).toEqual([]);
  });

  it('has pieces of the one before the last, which the hub may be thinking of', async () => {
    const store = openStore();
    await store.accept(pieced(1, ['a', 'b'], ['a', 'b']));
    await store.accept(pieced(2, ['a', 'x'], ['x']));
    expect(textsOf(await store.accept(pieced(3, ['a', 'b'], [])))).toEqual(['{"a":1}', '{"b":1}']);
  });

  it('that lacks one is refused as incomplete, changes nothing, and is taken when all of it comes', async () => {
    const store = openStore();
    const good = await store.accept(pieced(1, ['a', 'b'], ['a', 'b']));
    const error = await refusal(store.accept(pieced(2, ['a', 'x'], [])));
    expect(error.code).toBe('SNAPSHOT_INCOMPLETE');
    expect((await store.load())?.mark).toEqual(good.mark);
    expect((await store.accept(pieced(2, ['a', 'x'], ['a', 'x']))).mark.version).toBe(2);
  });

  it('I10 with a damaged piece falls back, and no snapshot is completed with what was damaged', async () => {
    const store = openStore();
    const previous = await store.accept(pieced(1, ['a', 'b'], ['a', 'b']));
    const { path } = await store.accept(pieced(2, ['a', 'x'], ['x']));
    const bytes = await readFile(path);
    bytes[bytes.length - 2] = (bytes[bytes.length - 2] ?? 0) ^ 1;
    await writeFile(path, bytes);
    expect((await openStore().load())?.mark).toEqual(previous.mark);
    expect((await refusal(store.accept(pieced(3, ['x', 'b'], [])))).code).toBe('SNAPSHOT_INCOMPLETE');
    expect(textsOf(await store.accept(pieced(4, ['a', 'z'], ['z'])))).toEqual(['{"a":1}', '{"z":1}']);
  });

  it.each([
    ['twice, whole and in pieces', { parts: ['gateway', 'gatewayFrame'] }, 'twice'],
    ['without a frame, but with pieces', { parts: [] }, 'no frame'],
  ])('%s is refused', async (_, { parts }, why) => {
    const part = {
      part: { ports: [], rules: {}, backends: {}, auth: {}, edge: {} },
      secrets: NO_GATEWAY_SECRETS,
    };
    const { frame } = { frame: { ports: [], pieces: [{ sha256: sha256Hex(piece('a')), size: 7 }] } };
    const signed = hub.snapshot({
      ...(parts.includes('gateway') ? { gateway: part } : {}),
      ...(parts.includes('gatewayFrame') ? { frame: { frame, sent: [piece('a')] } } : {}),
    });
    const error = await refusal(openStore().accept({ ...signed, pieces: [piece('a')] }));
    expect(error.code).toBe('SNAPSHOT_INVALID');
    expect(error.message).toContain(why);
  });
});

describe('refusing a snapshot', () => {
  it('of another signer', async () => {
    const other = await createHubStandIn();
    const error = await refusal(openStore().accept(other.snapshot()));
    expect(error.code).toBe('SNAPSHOT_INVALID');
    expect(await files()).toEqual([]);
  });

  it.each(['routing', 'probes', 'peers'])('whose part %s was changed', async (part) => {
    const signed = hub.snapshot();
    const parts = signed.parts.map((each) => {
      if (each.name !== part) return each;
      const content = Buffer.from(each.content);
      content[content.length - 2] = (content[content.length - 2] ?? 0) ^ 1;
      return { ...each, content };
    });
    expect((await refusal(openStore().accept({ ...signed, parts }))).code).toBe('SNAPSHOT_INVALID');
  });

  it('whose manifest was changed', async () => {
    const signed = hub.snapshot({ version: 3 });
    const manifest = Buffer.from(
      Buffer.from(signed.manifest).toString().replace('"version":3', '"version":4'),
    );
    expect(manifest.equals(signed.manifest)).toBe(false);
    expect((await refusal(openStore().accept({ ...signed, manifest }))).code).toBe('SNAPSHOT_INVALID');
  });

  it.each([
    ['an older version', { epoch: 2, version: 4 }],
    ['an older epoch with a higher version', { epoch: 1, version: 9 }],
    ['the same version with other content', { epoch: 2, version: 5, routing: { regions: { EU: ['DE'] } } }],
  ])('that is %s (rollback)', async (_, recipe) => {
    const store = openStore();
    const good = await store.accept(hub.snapshot({ epoch: 2, version: 5 }));
    expect((await refusal(store.accept(hub.snapshot(recipe)))).code).toBe('SNAPSHOT_INVALID');
    expect((await openStore().load())?.mark).toEqual(good.mark);
  });

  it('that needs a newer agent', async () => {
    const error = await refusal(openStore().accept(hub.snapshot({ minimumAgent: '0.2.0' })));
    expect(error.code).toBe('UNSUPPORTED');
  });
});

describe('a damaged disk', () => {
  const damage = async (name: string, change: (bytes: Buffer) => Buffer): Promise<void> => {
    const path = join(directory, name);
    await writeFile(path, change(await readFile(path)));
  };
  const newest = async (): Promise<string> => (await files()).at(-1) ?? '';

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 10)],
    ['empty', () => Buffer.alloc(0)],
    [
      'with a flipped bit in a part',
      (bytes: Buffer) => {
        bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 4;
        return bytes;
      },
    ],
    [
      'with a flipped bit in its header',
      (bytes: Buffer) => {
        bytes[40] = (bytes[40] ?? 0) ^ 4;
        return bytes;
      },
    ],
  ])('I10 falls back to the previous snapshot when the current one is %s', async (_, change) => {
    const store = openStore();
    const previous = await store.accept(hub.snapshot({ version: 1 }));
    await store.accept(hub.snapshot({ version: 2 }));
    await damage(await newest(), change);
    expect((await openStore().load())?.mark).toEqual(previous.mark);
    expect(damaged.map((error) => error.code)).toEqual(['SNAPSHOT_INVALID']);
  });

  it('is healed when the hub sends the current one again', async () => {
    const store = openStore();
    await store.accept(hub.snapshot({ version: 1 }));
    const signed = hub.snapshot({ version: 2 });
    const current = await store.accept(signed);
    await damage(await newest(), (bytes) => bytes.subarray(0, 50));
    await openStore().accept(signed);
    damaged = [];
    expect((await openStore().load())?.mark).toEqual(current.mark);
    expect(damaged).toEqual([]);
  });

  it('still refuses a rollback when the newest file is gone', async () => {
    const store = openStore();
    await store.accept(hub.snapshot({ version: 1 }));
    await store.accept(hub.snapshot({ version: 5 }));
    await rm(join(directory, await newest()));
    expect((await openStore().load())?.mark.version).toBe(1);
    expect((await refusal(openStore().accept(hub.snapshot({ version: 4 })))).code).toBe('SNAPSHOT_INVALID');
  });

  it('does not load an old snapshot that somebody put back', async () => {
    const store = openStore();
    await store.accept(hub.snapshot({ version: 1 }));
    const [old = ''] = await files();
    const kept = await readFile(join(directory, old));
    await store.accept(hub.snapshot({ version: 2 }));
    await store.accept(hub.snapshot({ version: 3 }));
    for (const name of await files()) await rm(join(directory, name));
    await writeFile(join(directory, old), kept);
    expect(await openStore().load()).toBeUndefined();
    expect(damaged).toHaveLength(1);
  });

  it('loads the one before when a power cut kept the new mark and not the new file, and then takes the new one', async () => {
    const store = openStore();
    const before = await store.accept(hub.snapshot({ version: 1 }));
    const signed = hub.snapshot({ version: 2 });
    const { path } = await store.accept(signed);
    await rm(path);
    expect((await openStore().load())?.mark).toEqual(before.mark);
    expect((await openStore().accept(signed)).mark.version).toBe(2);
    expect(damaged).toEqual([]);
  });

  it('loads without a high-water mark, and a newer file than the mark says', async () => {
    const store = openStore();
    await store.accept(hub.snapshot({ version: 1 }));
    const mark = await readFile(join(directory, 'high-water.json'));
    const newer = await store.accept(hub.snapshot({ version: 2 }));
    await writeFile(join(directory, 'high-water.json'), mark);
    expect((await openStore().load())?.mark).toEqual(newer.mark);
    await rm(join(directory, 'high-water.json'));
    expect((await openStore().load())?.mark).toEqual(newer.mark);
  });
});

describe('a full disk', () => {
  const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

  // A small tmpfs is a real full disk; mounting one needs root.
  it.skipIf(!isRoot)('keeps the last good snapshot and says DISK_FULL', async () => {
    const mounted = join(directory, 'small');
    await mkdir(mounted);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mounted], { stdio: 'pipe' });
    } catch (error) {
      if (process.env.CI === 'true') throw error;
      return expect(error).toBeDefined(); // a container without the right to mount
    }
    try {
      directory = mounted;
      const store = openStore();
      const good = await store.accept(hub.snapshot({ version: 1 }));
      const large = {
        regions: Object.fromEntries(Array.from({ length: 9_000 }, (_, i) => [`R${i}`, ['DE']])),
      };
      const error = await refusal(store.accept(hub.snapshot({ version: 2, routing: large })));
      expect(error.code).toBe('DISK_FULL');
      expect((await openStore().load())?.mark).toEqual(good.mark);
      expect((await readdir(mounted)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      // Once there is room again, it goes on.
      expect((await store.accept(hub.snapshot({ version: 3 }))).mark.version).toBe(3);
    } finally {
      execFileSync('umount', [mounted]);
      directory = join(mounted, '..');
    }
  });
});
