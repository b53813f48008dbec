import { invalid } from '../src/identity/snapshot-refusal.ts';
import type { SignedSnapshot } from '../src/identity/snapshot-signing.ts';
import type { DnsPart, SnapshotContent } from '../src/protocol/snapshot.ts';

export { invalid };

const MAGIC = Buffer.from('PTLSNAP1');

/**
 * One file, so that parts of two snapshots can never mix: magic, header length (u32), header (JSON), part bytes, bytes of all pieces.
 * A file without pieces is what releases before them wrote and read.
 * @param signed with every piece that its frame names
 */
export function encodeSnapshotFile(signed: SignedSnapshot): Uint8Array {
  const header = Buffer.from(
    JSON.stringify({
      manifest: Buffer.from(signed.manifest).toString('base64'),
      signature: Buffer.from(signed.signature).toString('base64'),
      keyId: signed.keyId,
      parts: signed.parts.map((part) => ({ name: part.name, size: part.content.length })),
      ...(signed.pieces.length === 0 ? {} : { pieces: signed.pieces.map((piece) => piece.length) }),
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  const parts = signed.parts.map((part) => part.content);
  return Buffer.concat([MAGIC, length, header, ...parts, ...signed.pieces]);
}

/**
 * The snapshot in a file, nothing of it believed yet. Its parts and pieces are views into `bytes`: whoever keeps one keeps the file.
 * @throws PortolanError SNAPSHOT_INVALID when the bytes are no snapshot file or are cut short
 */
export function decodeSnapshotFile(bytes: Uint8Array): SignedSnapshot {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = MAGIC.length + 4;
  if (file.length < start || !file.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw invalid('it is not a snapshot file');
  }
  const end = start + file.readUInt32BE(MAGIC.length);
  const header = object(parseJson(file.subarray(start, end), 'its header'), 'its header');
  const parts: { name: string; content: Uint8Array }[] = [];
  let at = end;
  const next = (size: unknown): Uint8Array => {
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || at + size > file.length)
      throw invalid('it is cut short');
    at += size;
    return file.subarray(at - size, at);
  };
  for (const item of list(header.parts, 'parts')) {
    const part = object(item, 'parts');
    parts.push({ name: text(part.name, 'name'), content: next(part.size) });
  }
  const pieces = header.pieces === undefined ? [] : list(header.pieces, 'pieces').map(next);
  if (at !== file.length) throw invalid('it has bytes after its last part');
  return {
    manifest: Buffer.from(text(header.manifest, 'manifest'), 'base64'),
    signature: Buffer.from(text(header.signature, 'signature'), 'base64'),
    keyId: text(header.keyId, 'keyId'),
    parts,
    pieces,
  };
}

/**
 * One part of a snapshot that was verified. The cast is the boundary of trust: the hub's signature vouches for the shape, and
 * the sacrificial check has tried these very bytes out.
 */
export function readPart<N extends keyof SnapshotContent>(
  content: Uint8Array,
  name: N,
): Required<SnapshotContent>[N] {
  return parseJson(content, `part ${name}`) as Required<SnapshotContent>[N];
}

/** The bytes of one part. @throws PortolanError SNAPSHOT_INVALID when there is none of that name */
export function partOf(signed: SignedSnapshot, name: keyof SnapshotContent): Uint8Array {
  const part = signed.parts.find((candidate) => candidate.name === name);
  if (part === undefined) throw invalid(`part "${name}" is missing`);
  return part.content;
}

/** The secrets of a name server; none when the hub sent none. */
export function readDnsPart(signed: SignedSnapshot): DnsPart {
  const part = signed.parts.find((candidate) => candidate.name === 'dns');
  return part === undefined ? { signing: {}, tsigKeys: {} } : readPart(part.content, 'dns');
}

export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (cause) {
    throw invalid(`${what} is not JSON`, cause);
  }
}

function object(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${what} is not an object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`${what} is not a list`);
  return value;
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw invalid(`${what} is not text`);
  return value;
}
