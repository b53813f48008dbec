import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { isLeftover, publish, writeDraft } from './durable-file.ts';
import {
  type Addressee,
  decodeSnapshotFile,
  encodeSnapshotFile,
  invalid,
  type OpenedSnapshot,
  openSnapshot,
  type SignedSnapshot,
  type VerifySignature,
} from './snapshot-file.ts';

/** A snapshot that is on the disk and was believed when it was read. */
export interface StoredSnapshot extends OpenedSnapshot {
  /** Never written again once it has this name. */
  readonly path: string;
}

/** The newest snapshot ever accepted: nothing older is, and nothing else of the same version. */
export interface HighWater {
  readonly epoch: number;
  readonly version: number;
  readonly hash: string;
  /** Hash of the one accepted before it, to which a damaged disk may fall back. */
  readonly previousHash: string;
}

export interface SnapshotStoreOptions {
  readonly directory: string;
  readonly addressee: Addressee;
  readonly agentVersion: string;
  readonly verify: VerifySignature;
  /** Tries the candidate file out where a crash or a loop does no harm; throws what is wrong with it (I11). */
  readonly check: (path: string) => Promise<void>;
  /** Told of every snapshot on the disk that cannot be used, and why. */
  readonly onDamaged: (path: string, error: PortolanError) => void;
}

export interface SnapshotStore {
  /** The newest usable snapshot on the disk, the previous one when the newest is damaged (I10). */
  load(): Promise<StoredSnapshot | undefined>;
  /**
   * Checks a snapshot from the hub, writes it and makes it the newest. When it throws, the last good one stays.
   * @throws PortolanError SNAPSHOT_INVALID, UNSUPPORTED, DISK_FULL, DATA_DIR_INVALID
   */
  accept(signed: SignedSnapshot): Promise<StoredSnapshot>;
}

const FILE_NAME = /^snapshot-(\d{12})-(\d{12})-[0-9a-f]{12}\.snap$/;
const HIGH_WATER = 'high-water.json';

/**
 * Snapshots of one agent: the current and the previous one, each a file of its own that is written once, and a high-water
 * mark that refuses a rollback. One writer (the control process); the data process only loads.
 */
export function createSnapshotStore(options: SnapshotStoreOptions): SnapshotStore {
  const { directory } = options;
  const markPath = join(directory, HIGH_WATER);

  const read = async (path: string): Promise<StoredSnapshot> => ({
    ...openSnapshot(decodeSnapshotFile(await readFile(path)), options),
    path,
  });

  const load = async (): Promise<StoredSnapshot | undefined> => {
    const mark = await readHighWater(markPath);
    for (const name of await snapshotNames(directory)) {
      const path = join(directory, name);
      try {
        const stored = await read(path);
        const rolledBack = mark !== undefined && !mayLoad(stored, mark);
        if (rolledBack) throw invalid('it is older than one already seen');
        return stored;
      } catch (error) {
        options.onDamaged(
          path,
          new PortolanError('SNAPSHOT_INVALID', `${path}: ${messageOf(error)}`, { cause: error }),
        );
      }
    }
    return undefined;
  };

  const accept = async (signed: SignedSnapshot): Promise<StoredSnapshot> => {
    const opened = openSnapshot(signed, options);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const before = await load();
    const mark = (await readHighWater(markPath)) ?? (before === undefined ? undefined : markOf(before, ''));
    if (mark !== undefined) refuseRollback(opened, mark);
    if (before !== undefined && before.hash === opened.hash) return before;

    const path = join(directory, fileName(opened));
    const draft = await writeDraft(path, encodeSnapshotFile(signed));
    try {
      await options.check(draft);
    } catch (error) {
      await rm(draft, { force: true });
      throw PortolanError.from(error, 'SNAPSHOT_INVALID');
    }
    let markDraft: string;
    try {
      markDraft = await writeDraft(markPath, Buffer.from(JSON.stringify(markOf(opened, before?.hash ?? ''))));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    // Both are on the disk before either has its name, so a full disk changes nothing. The file comes first: a crash
    // between the two leaves a newer file than the mark, which load() accepts.
    await publish(draft, path);
    await publish(markDraft, markPath);
    await prune(directory, new Set([path, before?.path]));
    return { ...opened, path };
  };

  // One at a time, whatever the caller does: the high-water mark is read and written in between.
  let last: Promise<unknown> = Promise.resolve();
  return {
    load,
    accept(signed) {
      const next = last.then(() => accept(signed));
      last = next.catch(() => undefined);
      return next;
    },
  };
}

/** The newest accepted one, its direct predecessor, or one whose mark a crash kept from being written. */
function mayLoad(stored: OpenedSnapshot, mark: HighWater): boolean {
  return stored.hash === mark.hash || stored.hash === mark.previousHash || isNewer(stored, mark);
}

function refuseRollback(opened: OpenedSnapshot, mark: HighWater): void {
  if (isNewer(opened, mark) || opened.hash === mark.hash) return;
  const { epoch, version } = opened.manifest;
  const what = `epoch ${epoch} version ${version}`;
  if (epoch === mark.epoch && version === mark.version) {
    throw invalid(`${what} was already seen with other content`);
  }
  throw invalid(`${what} is older than epoch ${mark.epoch} version ${mark.version}, which was already seen`);
}

function isNewer({ manifest }: OpenedSnapshot, mark: HighWater): boolean {
  return manifest.epoch > mark.epoch || (manifest.epoch === mark.epoch && manifest.version > mark.version);
}

function markOf({ manifest, hash }: OpenedSnapshot, previousHash: string): HighWater {
  return { epoch: manifest.epoch, version: manifest.version, hash, previousHash };
}

function fileName({ manifest, hash }: OpenedSnapshot): string {
  const digits = (value: number): string => String(value).padStart(12, '0');
  return `snapshot-${digits(manifest.epoch)}-${digits(manifest.version)}-${hash.slice(0, 12)}.snap`;
}

/** Newest first. */
async function snapshotNames(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  return names
    .filter((name) => FILE_NAME.test(name))
    .sort()
    .reverse();
}

/** A mark that cannot be read counts as none: the signatures still hold, and the next accepted snapshot writes it anew. */
async function readHighWater(path: string): Promise<HighWater | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { epoch, version, hash, previousHash } = value as Record<string, unknown>;
    if (typeof epoch !== 'number' || typeof version !== 'number') return undefined;
    if (typeof hash !== 'string' || typeof previousHash !== 'string') return undefined;
    return { epoch, version, hash, previousHash };
  } catch {
    return undefined;
  }
}

async function prune(directory: string, keep: ReadonlySet<string | undefined>): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (keep.has(path) || !(FILE_NAME.test(name) || isLeftover(name))) continue;
    await rm(path, { force: true });
  }
}
