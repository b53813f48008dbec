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
import { isLeftover, publish, writeDraft } from './durable-file.ts';
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
  /** Tries the candidate file out where a crash or a loop does no harm; throws what is wrong with it (I11). */
  readonly check: (path: string) => Promise<void>;
  /** Told of every snapshot on the disk that cannot be used, and why. */
  readonly onDamaged: (error: PortolanError) => void;
}

export interface SnapshotStore {
  /** The newest usable snapshot on the disk, the previous one when the newest is damaged (I10). */
  load(): Promise<StoredSnapshot | undefined>;
  /**
   * Verifies a snapshot from the hub, tries it out, writes it and makes it the newest. When it throws, the last good stays.
   * @throws PortolanError SNAPSHOT_INVALID, UNSUPPORTED, DISK_FULL, DATA_DIR_INVALID
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

  const load = async (): Promise<StoredSnapshot | undefined> => {
    const mark = await readMark(markPath);
    for (const name of await snapshotNames(directory)) {
      const path = join(directory, name);
      try {
        const verified = verify(decodeSnapshotFile(await readFile(path)));
        if (mark !== undefined && !mayLoad(verified, mark))
          throw invalid('it is older than one already seen');
        return { ...verified, path };
      } catch (cause) {
        options.onDamaged(new PortolanError('SNAPSHOT_INVALID', `${path}: ${messageOf(cause)}`, { cause }));
      }
    }
    return undefined;
  };

  const accept = async (signed: SignedSnapshot): Promise<StoredSnapshot> => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const before = await load();
    const mark = (await readMark(markPath)) ?? (before === undefined ? undefined : markOf(before, ''));
    const verified = verify(signed, mark, (sha256) => before?.pieces.get(sha256));
    if (before !== undefined && before.mark.hash === verified.mark.hash) return before;

    const path = join(directory, fileName(verified));
    const drafts: string[] = [];
    try {
      const draft = await writeDraft(
        path,
        encodeSnapshotFile({ ...signed, pieces: [...verified.pieces.values()] }),
      );
      drafts.push(draft);
      await options.check(draft);
      const next = Buffer.from(JSON.stringify(markOf(verified, before?.mark.hash ?? '')));
      const markDraft = await writeDraft(markPath, next);
      drafts.push(markDraft);
      // Both are on the disk before either has its name, so a full disk changes nothing. The snapshot comes first: a crash
      // between the two leaves a file that is newer than the mark, which load() accepts.
      await publish(draft, path);
      await publish(markDraft, markPath);
    } catch (error) {
      for (const draft of drafts) await rm(draft, { force: true });
      throw PortolanError.from(error, 'SNAPSHOT_INVALID');
    }
    await prune(directory, new Set([path, before?.path]));
    return { ...verified, path };
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

/** The newest accepted one, its direct predecessor, or one whose mark a crash kept from being written. */
function mayLoad({ mark: found }: VerifiedSnapshot, mark: HighWater): boolean {
  if (found.hash === mark.hash || found.hash === mark.previousHash) return true;
  return found.epoch > mark.epoch || (found.epoch === mark.epoch && found.version > mark.version);
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
