import { open, readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import type { KeyEntry } from '../../src/protocol/credential-entry.ts';

/*
 * Changes of keys after an image, one frame per delta: length and CRC-32 of the text (u32 each), then the text. A frame is on the
 * disk before the hub is told so. What a crash left half written ends the journal.
 */

const HEAD = 8;
const MAX_FRAME = 64 << 20;

const place = z.object({ sequence: z.number().int().nonnegative(), hash: z.string() });
const strings = z.record(z.string(), z.string());
const entrySchema = z.object({
  digest: z.string().regex(/^[0-9a-f]{32}$/),
  removed: z.boolean(),
  id: z.string(),
  namespace: z.string(),
  principal: z.string(),
  roles: z.array(z.string()),
  plan: z.string(),
  labels: strings,
  attributes: strings,
  expiresAtSeconds: z.number().int().nonnegative(),
  revoked: z.boolean(),
});
const frameSchema = z.object({
  feed: z.string(),
  epoch: z.number().int().nonnegative(),
  from: place,
  to: place,
  /** When it came, wall clock. */
  wallMs: z.number(),
  entries: z.array(entrySchema),
});

export type JournalFrame = Omit<z.output<typeof frameSchema>, 'entries'> & {
  readonly entries: readonly KeyEntry[];
};

export function encodeFrame(frame: JournalFrame): Buffer {
  const entries = frame.entries.map((entry) => ({
    ...entry,
    digest: Buffer.from(entry.digest).toString('hex'),
  }));
  const text = Buffer.from(JSON.stringify({ ...frame, entries }), 'utf8');
  const bytes = Buffer.alloc(HEAD + text.length);
  bytes.writeUInt32LE(text.length, 0);
  bytes.writeUInt32LE(crc32(text), 4);
  text.copy(bytes, HEAD);
  return bytes;
}

export interface JournalPart {
  readonly frames: readonly JournalFrame[];
  /** Where the last whole frame ends. */
  readonly end: number;
}

/** Whole frames from `offset` on; none when there is no such file. */
export async function readJournal(path: string, offset = 0): Promise<JournalPart> {
  const bytes = await readFrom(path, offset);
  const frames: JournalFrame[] = [];
  let at = 0;
  while (at + HEAD <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + HEAD + length;
    if (length > MAX_FRAME || end > bytes.length) break;
    const text = bytes.subarray(at + HEAD, end);
    if (crc32(text) !== bytes.readUInt32LE(at + 4)) break;
    const frame = parseFrame(text);
    if (frame === undefined) break;
    frames.push(frame);
    at = end;
  }
  return { frames, end: offset + at };
}

function parseFrame(text: Buffer): JournalFrame | undefined {
  try {
    const { entries, ...rest } = frameSchema.parse(JSON.parse(text.toString('utf8')));
    return {
      ...rest,
      entries: entries.map((entry) => ({ ...entry, digest: Buffer.from(entry.digest, 'hex') })),
    };
  } catch {
    return undefined;
  }
}

async function readFrom(path: string, offset: number): Promise<Buffer> {
  if (offset === 0) return readFile(path).catch(() => Buffer.alloc(0));
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return Buffer.alloc(0);
  try {
    const { size } = await file.stat();
    if (size <= offset) return Buffer.alloc(0);
    const bytes = Buffer.alloc(size - offset);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** The end of a journal that one process writes. */
export interface JournalWriter {
  readonly octets: number;
  /** Resolves when all of it is on the disk. @throws PortolanError DISK_FULL, DATA_DIR_INVALID; it then ends as it did before */
  append(frames: readonly JournalFrame[]): Promise<void>;
  close(): Promise<void>;
}

/** Opens, or makes, a journal and cuts off what a crash left behind `end`. */
export async function openJournal(path: string, end: number): Promise<JournalWriter> {
  try {
    const file = await open(path, 'a', 0o600);
    await file.truncate(end);
    await file.sync();
    let octets = end;
    return {
      get octets() {
        return octets;
      },
      async append(frames) {
        const bytes = Buffer.concat(frames.map(encodeFrame));
        try {
          for (let at = 0; at < bytes.length; )
            at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
          await file.datasync();
          octets += bytes.length;
        } catch (cause) {
          await file.truncate(octets).catch(() => undefined);
          throw writeError(path, cause);
        }
      },
      close: () => file.close(),
    };
  } catch (cause) {
    throw writeError(path, cause);
  }
}

function writeError(path: string, cause: unknown): PortolanError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new PortolanError('DISK_FULL', `no space left to write ${path}`, { cause })
    : new PortolanError('DATA_DIR_INVALID', `${path} cannot be written`, { cause });
}
