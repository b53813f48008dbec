import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ImageFacts, type KeyMark, NO_MARK, readImage, writeImage } from '../../gateway/keys/image.ts';
import { createSharedKeyTable, type SharedKeyTable } from '../../gateway/keys/writer.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { type JournalFrame, readJournal } from './journal.ts';

/*
 * Keys on an agent's disk: images, each with the journal of what changed after it. The last two of them are kept, so that a damaged
 * image falls back to the one before, both journals replayed. The control process writes, the data process reads.
 */

const IMAGE = /^keys-(\d{9})\.image$/;
const OURS = /^keys-\d{9}\.(image|journal)(\..*tmp)?$/;

/** Where the keys of a data directory lie. */
export function keyFolder(dataDir: string): string {
  return join(dataDir, 'keys');
}

/** How far the files were read. */
export interface KeyPosition {
  readonly mark: KeyMark;
  /** When the hub last said that nothing is missing, wall clock; 0: never. */
  readonly heardWallMs: number;
  readonly generation: number;
  /** Octets of that generation's journal. */
  readonly journalEnd: number;
}

export const NO_POSITION: KeyPosition = { mark: NO_MARK, heardWallMs: 0, generation: 0, journalEnd: 0 };

export interface LoadedKeys {
  readonly table: SharedKeyTable;
  readonly position: KeyPosition;
  /** Digests that the journals revoke, whether or not the table could be read up to there. */
  readonly revoked: readonly string[];
}

export interface KeyFiles {
  readonly directory: string;
  journalPath(generation: number): string;
  /**
   * The newest image that is whole, and what the journals say after it. Without any: an empty table.
   * @param into an empty table to read it into
   */
  load(into?: SharedKeyTable): Promise<LoadedKeys>;
  /** What came after `position`, in order; `undefined` when the journals do not go on from there. */
  after(position: KeyPosition): Promise<FoundChanges | undefined>;
  /** Writes an image as the next generation, durably, and clears what is older than the one before. */
  save(generation: number, table: SharedKeyTable, facts: ImageFacts): Promise<void>;
}

export interface FoundChanges {
  readonly frames: readonly JournalFrame[];
  readonly position: KeyPosition;
}

export function openKeyFiles(directory: string, onDamaged: (error: PortolanError) => void): KeyFiles {
  const named = (generation: number, what: string): string =>
    join(directory, `keys-${String(generation).padStart(9, '0')}.${what}`);
  const journalPath = (generation: number): string => named(generation, 'journal');

  const generations = async (): Promise<readonly number[]> => {
    const names = await readdir(directory).catch(() => []);
    return names.flatMap((name) => IMAGE.exec(name)?.[1] ?? []).map(Number);
  };

  async function after(position: KeyPosition): Promise<FoundChanges | undefined> {
    const newest = Math.max(position.generation, ...(await generations()));
    const frames: JournalFrame[] = [];
    let current = position;
    for (let generation = position.generation; generation <= newest; generation += 1) {
      const offset = generation === current.generation ? current.journalEnd : 0;
      const part = await readJournal(journalPath(generation), offset);
      for (const frame of part.frames) {
        if (!follows(frame, current.mark)) return undefined;
        frames.push(frame);
        current = { ...current, mark: markOf(frame), heardWallMs: frame.wallMs };
      }
      current = { ...current, generation, journalEnd: part.end };
    }
    return { frames, position: current };
  }

  return {
    directory,
    journalPath,
    after,
    async load(into) {
      const known = (await generations()).toSorted((a, b) => b - a);
      const newest = known[0] ?? 0;
      const table = into ?? createSharedKeyTable();
      let position: KeyPosition = { ...NO_POSITION, generation: known.at(-1) ?? 0 };
      for (const generation of known) {
        try {
          const facts = await readImage(named(generation, 'image'), table);
          position = { ...facts, generation, journalEnd: 0 };
          break;
        } catch (thrown) {
          // Nothing of it was seen; the table is as empty as it was.
          onDamaged(PortolanError.from(thrown));
        }
      }
      const revoked: string[] = [];
      for (let generation = position.generation; generation <= newest; generation += 1) {
        const { frames, end } = await readJournal(journalPath(generation));
        position = { ...position, generation, journalEnd: end };
        for (const frame of frames) {
          const fits = position.mark.feed !== '' && follows(frame, position.mark);
          for (const entry of frame.entries) {
            if (entry.revoked) revoked.push(Buffer.from(entry.digest).toString('hex'));
            // What cannot be put in its place still takes a key away.
            if (fits || (entry.revoked && table.get(entry.digest) !== undefined)) table.apply(entry);
          }
          if (fits) position = { ...position, mark: markOf(frame), heardWallMs: frame.wallMs };
        }
      }
      return { table, position, revoked };
    },
    async save(generation, table, facts) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const path = named(generation, 'image');
      const draft = `${path}.${process.pid}.tmp`;
      try {
        const file = await open(draft, 'w', 0o600);
        try {
          await writeImage(file, table, facts);
        } finally {
          await file.close();
        }
        await rename(draft, path);
        const folder = await open(directory, 'r');
        try {
          await folder.sync();
        } finally {
          await folder.close();
        }
      } catch (cause) {
        await rm(draft, { force: true });
        const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
        throw code === 'ENOSPC' || code === 'EDQUOT'
          ? new PortolanError('DISK_FULL', `no space left to write ${path}`, { cause })
          : new PortolanError('DATA_DIR_INVALID', `${path} cannot be written`, { cause });
      }
      const keep = new Set([generation, generation - 1].flatMap((g) => [named(g, 'image'), journalPath(g)]));
      for (const name of await readdir(directory)) {
        const other = join(directory, name);
        if (OURS.test(name) && !keep.has(other)) await rm(other, { force: true });
      }
    },
  };
}

/** True when the frame begins where the mark stands. */
export function follows(frame: Pick<JournalFrame, 'feed' | 'epoch' | 'from'>, mark: KeyMark): boolean {
  return (
    frame.feed === mark.feed &&
    frame.epoch >= mark.epoch &&
    frame.from.sequence === mark.sequence &&
    frame.from.hash === mark.hash
  );
}

function markOf(frame: JournalFrame): KeyMark {
  return { feed: frame.feed, epoch: frame.epoch, sequence: frame.to.sequence, hash: frame.to.hash };
}
