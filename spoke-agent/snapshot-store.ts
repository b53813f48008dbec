import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import {
  type SignedSnapshot,
  type SnapshotKey,
  type SnapshotMark,
  type VerifiedSnapshot,
  verifySnapshot,
} from '../src/identity/snapshot-signing.ts';
import { beginDraft, type Draft, isLeftover, publishAll } from './durable-file.ts';
import type { CheckedFile } from './sacrificial-check.ts';
import { decodeSnapshotFile, encodeSnapshotFile, invalid } from './snapshot-file.ts';

/** A snapshot that is on the disk and was verified when it was read. */
export interface StoredSnapshot extends VerifiedSnapshot {
  /** Never written again once it has this name. */
  readonly path: string;
}

export interface SnapshotStoreOptions {
  readonly directory: string;
  readonly hubUid: string;
  readonly clusterUid: string;
  readonly agentVersion: string;
  /** Keys that may sign; read at every use, because the hub rotates them. */
  readonly keys: () => readonly SnapshotKey[];
  /**
   * Tries the candidate file out where a crash or a loop does no harm; throws what is wrong with it (I11).
   * @param before the newest one that can be used
   */
  readonly check: (candidate: CheckedFile, before: CheckedFile | undefined) => Promise<void>;
  /** Told of every snapshot on the disk that cannot be used, and why. */
  readonly onDamaged: (error: PortolanError) => void;
}

export interface SnapshotStore {
  /** The newest usable snapshot on the disk, the previous one when the newest is damaged (I10). */
  load(): Promise<StoredSnapshot | undefined>;
  /**
   * Verifies a snapshot from the hub, tries it out, writes it and makes it the newest. When it throws, the last good stays.
   * @param signed without pieces that the snapshots on the disk have
   * @throws PortolanError SNAPSHOT_INVALID, SNAPSHOT_INCOMPLETE, UNSUPPORTED, DISK_FULL, DATA_DIR_INVALID
   */
  accept(signed: SignedSnapshot): Promise<StoredSnapshot>;
}

/** The newest snapshot ever accepted: nothing older is, and nothing else of the same version. */
interface HighWater extends SnapshotMark {
  /** Hash of the one accepted before it, to which a damaged disk may fall back. */
  readonly previousHash: string;
}

const FILE_NAME = /^snapshot-(\d{12})-(\d{12})-[0-9a-f]{12}\.snap$/;
const MARK_NAME = 'high-water.json';

/**
 * Snapshots of one agent: the current and the previous one, each a file that is written once, and a high-water mark that
 * refuses a rollback. One writer: the control process. The data process only reads the file it is told of.
 */
export function createSnapshotStore(options: SnapshotStoreOptions): SnapshotStore {
  const { directory } = options;
  const markPath = join(directory, MARK_NAME);
  const verify = (
    signed: SignedSnapshot,
    highWater?: HighWater,
    knownPiece?: (sha256: string) => Uint8Array | undefined,
  ): VerifiedSnapshot => {
    const { hubUid, clusterUid } = options;
    const verified = verifySnapshot(signed, {
      keys: options.keys(),
      hubUid,
      clusterUid,
      highWater,
      knownPiece,
    });
    requireAgent(verified.manifest.minimumAgent, options.agentVersion);
    return verified;
  };

  /** Those on the disk that can be used, newest first; each is read when it is asked for. */
  async function* usable(mark: HighWater | undefined): AsyncGenerator<StoredSnapshot, undefined> {
    for (const name of await snapshotNames(directory)) {
      const path = join(directory, name);
      let found: StoredSnapshot | undefined;
      try {
        const verified = verify(decodeSnapshotFile(await readFile(path)));
        if (mark !== undefined && !mayLoad(verified, mark))
          throw invalid('it is older than one already seen');
        found = { ...verified, path };
      } catch (cause) {
        options.onDamaged(new PortolanError('SNAPSHOT_INVALID', `${path}: ${messageOf(cause)}`, { cause }));
      }
      if (found !== undefined) yield found;
    }
    return undefined;
  }

  const load = async (): Promise<StoredSnapshot | undefined> =>
    (await usable(await readMark(markPath)).next()).value;

  const accept = async (signed: SignedSnapshot): Promise<StoredSnapshot> => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const known = await readMark(markPath);
    const files = usable(known);
    const before = (await files.next()).value;
    const mark = known ?? (before === undefined ? undefined : markOf(before, ''));
    const verified = await complete(signed, mark, before, files);
    if (before !== undefined && before.mark.hash === verified.mark.hash) return before;

    const path = join(directory, fileName(verified));
    const drafts: string[] = [];
    const drafted = async (draft: Draft): Promise<Draft> => {
      drafts.push(draft.path);
      return draft;
    };
    try {
      const draft = await drafted(
        await beginDraft(path, encodeSnapshotFile({ ...signed, pieces: [...verified.pieces.values()] })),
      );
      // It is tried out while the disk is still at it.
      await all([
        options.check({ path: draft.path, hash: verified.mark.hash }, checkedFile(before)),
        draft.synced,
        beginDraft(markPath, Buffer.from(JSON.stringify(markOf(verified, before?.mark.hash ?? ''))))
          .then(drafted)
          .then(({ synced }) => synced),
      ]);
      const [snapshotDraft = '', markDraft = ''] = drafts;
      // Both are on the disk before either has its name, so a full disk changes nothing. The snapshot comes first: a crash
      // between the two leaves a file that is newer than the mark, which load() accepts. Where a power cut keeps the second name alone,
      // the mark knows the snapshot before.
      await publishAll([
        { draft: snapshotDraft, path },
        { draft: markDraft, path: markPath },
      ]);
    } catch (error) {
      for (const draft of drafts) await rm(draft, { force: true });
      throw PortolanError.from(error, 'SNAPSHOT_INVALID');
    }
    await prune(directory, new Set([path, before?.path]));
    return { ...verified, path };
  };

  /**
   * With the pieces of the one before; those of the one before that are looked at only when that is not enough: the hub knows what was
   * served last, which may not be what was accepted last.
   */
  const complete = async (
    signed: SignedSnapshot,
    mark: HighWater | undefined,
    before: StoredSnapshot | undefined,
    older: AsyncGenerator<StoredSnapshot, undefined>,
  ): Promise<VerifiedSnapshot> => {
    try {
      return verify(signed, mark, (sha256) => before?.pieces.get(sha256));
    } catch (error) {
      if (PortolanError.from(error).code !== 'SNAPSHOT_INCOMPLETE' || before === undefined) throw error;
      const previous = (await older.next()).value;
      if (previous === undefined) throw error;
      return verify(signed, mark, (sha256) => before.pieces.get(sha256) ?? previous.pieces.get(sha256));
    }
  };

  // One at a time, whatever the caller does: the mark is read and written in between.
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

/** All have settled when it does: nothing is written any more after one has failed. */
async function all(tasks: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(tasks)) {
    if (result.status === 'rejected') throw result.reason;
  }
}

/** The newest accepted one, its direct predecessor, or one whose mark a crash kept from being written. */
function mayLoad({ mark: found }: VerifiedSnapshot, mark: HighWater): boolean {
  if (found.hash === mark.hash || found.hash === mark.previousHash) return true;
  return found.epoch > mark.epoch || (found.epoch === mark.epoch && found.version > mark.version);
}

/** As the sacrificial check takes it. */
export function checkedFile(
  stored: Pick<StoredSnapshot, 'path' | 'mark'> | undefined,
): CheckedFile | undefined {
  return stored === undefined ? undefined : { path: stored.path, hash: stored.mark.hash };
}

function markOf({ mark }: VerifiedSnapshot, previousHash: string): HighWater {
  return { ...mark, previousHash };
}

function requireAgent(minimum: string, own: string): void {
  const numbers = (version: string): readonly number[] =>
    version
      .replace(/[-+].*$/, '')
      .split('.')
      .map(Number);
  const [needed, have] = [numbers(minimum), numbers(own)];
  for (let i = 0; i < 3; i += 1) {
    const difference = (have[i] ?? 0) - (needed[i] ?? 0);
    if (difference > 0) return;
    if (difference < 0) {
      throw new PortolanError('UNSUPPORTED', `the snapshot needs agent ${minimum} or later; this is ${own}`, {
        fix: 'Update the agent; its last good snapshot stays in use.',
      });
    }
  }
}

function fileName({ mark }: VerifiedSnapshot): string {
  const digits = (value: number): string => String(value).padStart(12, '0');
  return `snapshot-${digits(mark.epoch)}-${digits(mark.version)}-${mark.hash.slice(0, 12)}.snap`;
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
async function readMark(path: string): Promise<HighWater | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { epoch, version, hash, previousHash } = value as Partial<Record<keyof HighWater, unknown>>;
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
