import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PortolanError } from '../../src/errors/error.ts';
import { batchLine, headLine, readSegment } from './segment.ts';
import { type UsageCount, UsageCounts } from './usage-counts.ts';

/*
 * Usage on its way to the hub, on the disk of the agent. Files:
 *   ID.new    nothing of it was ever given to the hub: may be added up with others
 *   ID.sent   given, perhaps in part, perhaps counted there: stays as it is until the hub has all of it
 * The name changes, durably, before the first batch is given away. A new start begins a new file, so that no (id, sequence) ever
 * stands for two things, whatever a crash cut off; the hub counts each (id, sequence) once (I34).
 */

export interface OutboxBatch {
  readonly outbox: string;
  readonly sequence: number;
  readonly counts: readonly UsageCount[];
}

export interface UsageOutboxOptions {
  /** Made when it is not there. */
  readonly folder: string;
  readonly newId: () => string;
  /** A file is closed when it has grown to this. */
  readonly segmentOctets?: number;
  /** Files that wait beyond this are added up by minute; when that is not enough, counts are dropped and told. */
  readonly maxOctets?: number;
  /** Hits that are lost to accounts: the disk is full or failed. */
  readonly lost: (amount: number, cause: PortolanError | undefined) => void;
}

export interface UsageOutbox {
  /** Resolves when the counts are on the disk; what could not be written is kept in memory and goes with the next. Never rejects. */
  append(counts: readonly UsageCount[]): Promise<void>;
  /** The batch after this place, oldest file first; undefined: nothing more is there. */
  next(
    after: { readonly outbox: string; readonly sequence: number } | undefined,
  ): Promise<OutboxBatch | undefined>;
  /** The hub has everything of this file up to here. */
  acknowledged(outbox: string, sequence: number): Promise<void>;
  readonly waitingOctets: number;
  close(): Promise<void>;
}

const SEGMENT_OCTETS = 4 * 1024 * 1024;
const MAX_OCTETS = 64 * 1024 * 1024;
/** In one message to the hub: some 200 kB. */
const BATCH_COUNTS = 2_000;
/** Accounts that are kept in memory while the disk fails. */
const MAX_KEPT = 100_000;

interface File {
  readonly id: string;
  readonly replaces: readonly string[];
  sent: boolean;
  octets: number;
  batches: number;
  acknowledged: number;
  /** Set on the one that is written to. */
  handle: FileHandle | undefined;
}

/** @throws PortolanError DATA_DIR_INVALID */
export async function openUsageOutbox(options: UsageOutboxOptions): Promise<UsageOutbox> {
  const { folder, newId, lost } = options;
  const segmentOctets = options.segmentOctets ?? SEGMENT_OCTETS;
  const maxOctets = options.maxOctets ?? MAX_OCTETS;
  const files = await openFolder(folder);
  const kept = new UsageCounts();
  let turn: Promise<unknown> = Promise.resolve();
  /** The file that is being given away, read once. */
  let reading: { readonly id: string; batches: (readonly UsageCount[])[] } | undefined;

  /** One after the other: a file is never moved, added up or removed while it is written or read. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  };
  const pathOf = (file: Pick<File, 'id' | 'sent'>): string =>
    join(folder, `${file.id}.${file.sent ? 'sent' : 'new'}`);
  const waitingOctets = (): number => files.reduce((sum, file) => sum + file.octets, 0);

  const create = async (replaces: readonly string[], counts: readonly UsageCount[]): Promise<File> => {
    const batches = inBatches(counts);
    const file: File = {
      id: newId(),
      replaces,
      sent: false,
      octets: 0,
      batches: batches.length,
      acknowledged: 0,
      handle: undefined,
    };
    const octets = Buffer.concat([headLine(file), ...batches.map(batchLine)]);
    const draft = join(folder, `${file.id}.tmp`);
    const handle = await open(draft, 'w', 0o600);
    try {
      await handle.writeFile(octets);
      await handle.sync();
      await rename(draft, pathOf(file));
      await syncFolder(folder);
    } catch (error) {
      await handle.close();
      await rm(draft, { force: true });
      await rm(pathOf(file), { force: true });
      throw error;
    }
    file.octets = octets.length;
    if (batches.length === 0) file.handle = handle;
    else await handle.close();
    return file;
  };

  const endFile = async (file: File): Promise<void> => {
    const { handle } = file;
    file.handle = undefined;
    await handle?.close().catch(() => undefined);
  };

  const remove = async (file: File): Promise<void> => {
    await endFile(file);
    // What it replaced must not outlive it, or it would count again at the next start.
    for (const id of file.replaces) await rm(pathOf({ id, sent: false }), { force: true });
    if (file.replaces.length > 0) await syncFolder(folder);
    files.splice(files.indexOf(file), 1);
    if (reading?.id === file.id) reading = undefined;
    await rm(pathOf(file), { force: true });
  };

  /** The file to write to; undefined: there is none and no room for one. */
  const current = async (): Promise<File | undefined> => {
    const last = files.at(-1);
    if (last?.handle !== undefined) {
      // What is counted while the hub is away goes into files that may still be added up.
      const stuck = last.sent && last.acknowledged < last.batches && last.octets > segmentOctets / 16;
      if (last.octets < segmentOctets && !stuck) return last;
      await endFile(last);
      if (last.acknowledged === last.batches) await remove(last);
    }
    await addUp();
    if (waitingOctets() >= maxOctets) return undefined;
    const file = await create([], []);
    files.push(file);
    return file;
  };

  /**
   * All files of which nothing was given away become one, with one number per account and minute; not before what came since the
   * last time is worth reading the rest again.
   */
  const addUp = async (): Promise<void> => {
    const old = files.filter((file) => !file.sent && file.handle === undefined);
    const largest = Math.max(0, ...old.map(({ octets }) => octets));
    const others = old.reduce((sum, { octets }) => sum + octets, 0) - largest;
    if (others === 0 || (others < largest && waitingOctets() < maxOctets)) return;
    const sum = new UsageCounts();
    for (const file of old) for (const batch of (await load(file)) ?? []) sum.add(batch);
    const file = await create(
      old.map(({ id }) => id),
      sum.take(),
    );
    // From here the new file counts, even when a crash leaves the old ones: its head says so.
    files.splice(files.indexOf(old[0] ?? file), 0, file);
    for (const one of old) await remove(one);
  };

  const load = async (file: File): Promise<(readonly UsageCount[])[] | undefined> => {
    const segment = readSegment(await readFile(pathOf(file)));
    return segment === undefined ? undefined : [...segment.batches];
  };

  const append = async (): Promise<void> => {
    const counts = kept.take();
    if (counts.length === 0) return;
    /** Nothing of these counts is on the disk: they go with the next. */
    const keep = (error: unknown): void => {
      if (counts.length <= MAX_KEPT) kept.add(counts);
      else lost(amountOf(counts), outboxError(folder, error));
    };
    let file: File | undefined;
    try {
      file = await current();
    } catch (error) {
      return keep(error);
    }
    if (file?.handle === undefined) return lost(amountOf(counts), undefined);
    const batches = inBatches(counts);
    const octets = Buffer.concat(batches.map(batchLine));
    try {
      await file.handle.writeFile(octets);
      await file.handle.datasync();
    } catch (error) {
      // Part of it may be there, and must not come to life when it is also written again: lost is better than counted twice.
      const clean = await cutBack(file.handle, file.octets);
      await endFile(file);
      return clean ? keep(error) : lost(amountOf(counts), outboxError(folder, error));
    }
    file.octets += octets.length;
    file.batches += batches.length;
    if (reading?.id === file.id) reading.batches.push(...batches);
  };

  return {
    get waitingOctets() {
      return waitingOctets();
    },
    append(counts) {
      kept.add(counts);
      return inTurn(append);
    },
    next(after) {
      return inTurn(async () => {
        let at =
          after === undefined
            ? 0
            : Math.max(
                0,
                files.findIndex(({ id }) => id === after.outbox),
              );
        for (; at < files.length; at += 1) {
          const file = files[at];
          if (file === undefined) break;
          const sequence = (after?.outbox === file.id ? after.sequence : file.acknowledged) + 1;
          if (sequence > file.batches) continue;
          if (!file.sent) {
            await rename(pathOf(file), pathOf({ id: file.id, sent: true }));
            file.sent = true;
            await syncFolder(folder);
          }
          if (reading?.id !== file.id) reading = { id: file.id, batches: (await load(file)) ?? [] };
          const counts = reading.batches[sequence - 1];
          if (counts !== undefined) return { outbox: file.id, sequence, counts };
        }
        return undefined;
      });
    },
    acknowledged(outbox, sequence) {
      return inTurn(async () => {
        const file = files.find(({ id }) => id === outbox);
        if (file === undefined) return;
        // Less than before: the hub was restored from a backup, and gets again what is still here.
        file.acknowledged = Math.min(sequence, file.batches);
        if (file.acknowledged === file.batches && file.handle === undefined) await remove(file);
      });
    },
    close: () =>
      inTurn(async () => {
        await append();
        for (const file of [...files]) {
          if (file.acknowledged === file.batches) await remove(file).catch(() => undefined);
          else await endFile(file);
        }
      }),
  };
}

function amountOf(counts: readonly UsageCount[]): number {
  return counts.reduce((sum, { amount }) => sum + amount, 0);
}

/** What an earlier process left, oldest first. Files that were added up into another one are removed. */
async function openFolder(folder: string): Promise<File[]> {
  const found: (File & { readonly first: number })[] = [];
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const [, id, state] = /^([\w-]+)\.(new|sent|tmp)$/.exec(name) ?? [];
      if (id === undefined) continue;
      const segment = state === 'tmp' ? undefined : readSegment(await readFile(path));
      if (segment === undefined || segment.batches.length === 0) {
        await rm(path, { force: true });
        continue;
      }
      found.push({
        id,
        sent: state === 'sent',
        octets: segment.octets,
        batches: segment.batches.length,
        acknowledged: 0,
        handle: undefined,
        replaces: segment.head.replaces,
        first: segment.batches[0]?.[0]?.minuteSeconds ?? 0,
      });
    }
    const replaced = new Set(found.flatMap(({ replaces }) => replaces));
    for (const { id, sent } of found)
      if (replaced.has(id)) await rm(join(folder, `${id}.${sent ? 'sent' : 'new'}`), { force: true });
    await syncFolder(folder);
    return found
      .filter(({ id }) => !replaced.has(id))
      .sort((a, b) => a.first - b.first)
      .map(({ first: _, ...file }) => file);
  } catch (error) {
    throw outboxError(folder, error);
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function cutBack(handle: FileHandle, octets: number): Promise<boolean> {
  try {
    await handle.truncate(octets);
    await handle.sync();
    return true;
  } catch {
    return false;
  }
}

function inBatches(counts: readonly UsageCount[]): (readonly UsageCount[])[] {
  const batches: (readonly UsageCount[])[] = [];
  for (let at = 0; at < counts.length; at += BATCH_COUNTS) batches.push(counts.slice(at, at + BATCH_COUNTS));
  return batches;
}

function outboxError(folder: string, error: unknown): PortolanError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new PortolanError('DISK_FULL', `no space left for the usage outbox in ${folder}`, { cause: error })
    : new PortolanError('DATA_DIR_INVALID', `the usage outbox in ${folder} cannot be used`, { cause: error });
}
