import { createHash, timingSafeEqual } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { SHARDS, SLOT_BYTES } from './layout.ts';
import type { SharedKeyTable } from './writer.ts';

/*
 * A table as a file: magic, length of the head (u32), the head as JSON, the slots, the records, SHA-256 over all of it. It is read
 * straight into the shared buffers: a million keys in tens of milliseconds, in steps that hold nobody up.
 */

const MAGIC = Buffer.from('PTLKEYS1', 'latin1');
const STEP = 1 << 20;
const MAX_HEAD = 16 << 20;

/** Where in the hub's feed the keys of a file stand. */
export interface KeyMark {
  /** Id of the feed; empty: none. */
  readonly feed: string;
  /** Fencing epoch of the hub that said so. */
  readonly epoch: number;
  readonly sequence: number;
  /** Hex; what the next delta names as its previous hash. */
  readonly hash: string;
}

export const NO_MARK: KeyMark = { feed: '', epoch: 0, sequence: 0, hash: '' };

const count = z.number().int().nonnegative();
const headSchema = z.object({
  mark: z.object({ feed: z.string(), epoch: count, sequence: count, hash: z.string() }),
  heardWallMs: z.number(),
  table: z.object({
    size: count,
    slotsUsed: count,
    arenaUsed: count,
    garbage: count,
    regions: z.array(count).length(SHARDS),
    occupied: z.array(count).length(SHARDS),
    profiles: z.array(count),
  }),
});

export interface ImageFacts {
  readonly mark: KeyMark;
  /** When the hub last said that nothing is missing, wall clock. */
  readonly heardWallMs: number;
}

/** Writes the whole table and syncs it to the disk. The caller gives the file its name. @throws the errors of the file system */
export async function writeImage(file: FileHandle, table: SharedKeyTable, facts: ImageFacts): Promise<void> {
  const { head, shared } = table;
  const text = Buffer.from(JSON.stringify({ ...facts, table: head }), 'utf8');
  const front = Buffer.alloc(MAGIC.length + 4 + text.length);
  MAGIC.copy(front);
  front.writeUInt32LE(text.length, MAGIC.length);
  text.copy(front, MAGIC.length + 4);
  const digest = createHash('sha256');
  const put = async (bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length; at += STEP) {
      // A copy: the file system's threads must not read what this thread may change.
      const part = Buffer.from(bytes.subarray(at, at + STEP));
      digest.update(part);
      await writeAll(file, part);
    }
  };
  await put(front);
  await put(new Uint8Array(shared.slots, 0, head.slotsUsed * SLOT_BYTES));
  await put(new Uint8Array(shared.arena, 0, head.arenaUsed));
  await writeAll(file, digest.digest());
  await file.sync();
}

/**
 * Reads a file into an empty table; readers see nothing of it before its digest was checked.
 * @throws PortolanError KEY_FEED_INVALID when the file is damaged; the table is then of no use any more
 */
export async function readImage(path: string, table: SharedKeyTable): Promise<ImageFacts> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const digest = createHash('sha256');
    const take = async (bytes: Uint8Array): Promise<void> => {
      for (let at = 0; at < bytes.length; at += STEP) {
        const part = bytes.subarray(at, at + STEP);
        await readAll(file, part);
        digest.update(part);
      }
    };
    const front = Buffer.alloc(MAGIC.length + 4);
    await take(front);
    const length = front.readUInt32LE(MAGIC.length);
    if (!front.subarray(0, MAGIC.length).equals(MAGIC) || length > MAX_HEAD)
      throw new Error('it is no table of keys');
    const text = Buffer.alloc(length);
    await take(text);
    const { table: head, ...facts } = headSchema.parse(JSON.parse(text.toString('utf8')));
    table.reserve(head.slotsUsed, head.arenaUsed);
    await take(new Uint8Array(table.shared.slots, 0, head.slotsUsed * SLOT_BYTES));
    await take(new Uint8Array(table.shared.arena, 0, head.arenaUsed));
    const expected = Buffer.alloc(32);
    await readAll(file, expected);
    if (!timingSafeEqual(expected, digest.digest())) throw new Error('its digest does not fit');
    table.adopt(head);
    return facts;
  } catch (cause) {
    throw new PortolanError('KEY_FEED_INVALID', `${path} cannot be used: ${messageOf(cause)}`, { cause });
  } finally {
    await file?.close();
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}

async function readAll(file: FileHandle | undefined, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const read = (await file?.read(bytes, at, bytes.length - at))?.bytesRead ?? 0;
    if (read === 0) throw new Error('it ends too early');
    at += read;
  }
}
