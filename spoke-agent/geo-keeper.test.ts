import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { packagedGeoDatabase } from '../nameserver/geo-database.ts';
import { PortolanError } from '../src/errors/error.ts';
import { sha256Hex } from '../src/identity/digest.ts';
import { openGeoFiles } from './geo-files.ts';
import { createGeoKeeper, type GeoKeeper } from './geo-keeper.ts';

let dataDir: string;
let keeper: GeoKeeper;
let fetched: string[];
let asked: number;
/** Timers that wait, to be run by hand. */
let timers: (() => void)[];
let hub: Map<string, Buffer>;
let failure: PortolanError | undefined;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'portolan-geo-'));
  fetched = [];
  asked = 0;
  timers = [];
  hub = new Map();
  failure = undefined;
  keeper = createGeoKeeper({
    files: openGeoFiles(dataDir),
    read: async (sha256, offset) => {
      asked += 1;
      if (failure !== undefined) throw failure;
      const file = hub.get(sha256) ?? Buffer.alloc(0);
      return { total: file.length, content: file.subarray(offset, offset + 1000) };
    },
    onFetched: (_sha256, path) => fetched.push(path),
    clock: {
      after: (_delayMs, task) => {
        timers.push(task);
        return () => {
          timers = timers.filter((t) => t !== task);
        };
      },
    },
    random: () => 0.5,
    log: { info: () => undefined, warn: () => undefined },
  });
});
afterEach(async () => {
  keeper.close();
  await rm(dataDir, { recursive: true });
});

function database(): string {
  const bytes = randomBytes(3_500);
  const sha256 = sha256Hex(bytes);
  hub.set(sha256, bytes);
  return sha256;
}

describe("an agent keeps the hub's GeoIP database", () => {
  it('fetching it in parts, once, and finding it again after a restart', async () => {
    const sha256 = database();
    keeper.want(sha256);
    await vi.waitFor(() => expect(fetched).toHaveLength(1), 20_000);
    expect(asked).toBe(4);
    expect((await readFile(fetched[0] ?? '')).equals(hub.get(sha256) ?? Buffer.alloc(0))).toBe(true);
    expect(await openGeoFiles(dataDir).find(sha256)).toBe(fetched[0]);
    keeper.want(sha256);
    expect(asked).toBe(4);
  });

  it('but not the packaged one, which it has', async () => {
    const packaged = sha256Hex(await readFile(packagedGeoDatabase()));
    expect(await openGeoFiles(dataDir).find(packaged)).toBe(packagedGeoDatabase());
    keeper.want(packaged);
    const other = database();
    keeper.want(other);
    await vi.waitFor(() => expect(fetched).toHaveLength(1), 20_000);
    expect(fetched[0]).toContain(other);
    expect(asked).toBe(4);
  });

  it('refuses what has another content, keeps nothing of it, and tries again', async () => {
    const sha256 = database();
    const good = hub.get(sha256) ?? Buffer.alloc(0);
    hub.set(sha256, Buffer.concat([good.subarray(1), good.subarray(0, 1)]));
    keeper.want(sha256);
    await vi.waitFor(() => expect(timers).toHaveLength(1), 20_000);
    expect(fetched).toEqual([]);
    expect(await openGeoFiles(dataDir).find(sha256)).toBeUndefined();
    hub.set(sha256, good);
    timers[0]?.();
    await vi.waitFor(() => expect(fetched).toHaveLength(1), 20_000);
  });

  it('waits for the hub to come back', async () => {
    failure = new PortolanError('HUB_UNREACHABLE', 'there is no stream to the hub');
    keeper.want(database());
    await vi.waitFor(() => expect(timers).toHaveLength(1), 20_000);
    failure = undefined;
    keeper.hubIsBack();
    await vi.waitFor(() => expect(fetched).toHaveLength(1), 20_000);
    expect(timers).toEqual([]);
  });

  it('and the one before it for a rollback, no more', async () => {
    for (let n = 1; n <= 4; n += 1) {
      keeper.want(database());
      await vi.waitFor(() => expect(fetched).toHaveLength(n), 20_000);
    }
    await vi.waitFor(async () => expect(await readdir(join(dataDir, 'geoip'))).toHaveLength(2), 20_000);
    expect(await openGeoFiles(dataDir).find([...hub.keys()].at(-1) ?? '')).toBeDefined();
    expect(await openGeoFiles(dataDir).find('../../etc/passwd')).toBeUndefined();
  });
});
