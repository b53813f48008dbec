import { createHash } from 'node:crypto';
import { PortolanError } from '../src/errors/error.ts';
import type { SnapshotContent, SnapshotManifest } from '../src/protocol/snapshot.ts';

/** A snapshot as it travels: exact bytes, nothing believed yet. The stream's `Snapshot` message fits. */
export interface SignedSnapshot {
  readonly manifest: Uint8Array;
  readonly signature: Uint8Array;
  readonly keyId: string;
  readonly parts: readonly { readonly name: string; readonly content: Uint8Array }[];
}

/** Checks the signature over the manifest's exact bytes with a key this agent trusts. */
export type VerifySignature = (manifest: Uint8Array, signature: Uint8Array, keyId: string) => boolean;

/** Signature, part hashes and addressee are right; what the parts say is not yet checked. */
export interface OpenedSnapshot {
  readonly manifest: SnapshotManifest;
  /** Hex SHA-256 of the manifest bytes. */
  readonly hash: string;
  readonly parts: ReadonlyMap<string, Uint8Array>;
}

/** Whose snapshots this agent takes. */
export interface Addressee {
  readonly hub: string;
  /** `namespace/name` or uid, as the hub writes it into the manifest. */
  readonly cluster: string;
}

const MAGIC = Buffer.from('PTLSNAP1');
const REQUIRED_PARTS: readonly (keyof SnapshotContent)[] = ['routing', 'probes', 'peers'];

/** One file, so that parts of two snapshots can never mix: magic, header length (u32), header (JSON), part bytes. */
export function encodeSnapshotFile(signed: SignedSnapshot): Uint8Array {
  const header = Buffer.from(
    JSON.stringify({
      manifest: Buffer.from(signed.manifest).toString('base64'),
      signature: Buffer.from(signed.signature).toString('base64'),
      keyId: signed.keyId,
      parts: signed.parts.map((part) => ({ name: part.name, size: part.content.length })),
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  return Buffer.concat([MAGIC, length, header, ...signed.parts.map((part) => part.content)]);
}

/** @throws PortolanError SNAPSHOT_INVALID when the bytes are no snapshot file or are cut short. */
export function decodeSnapshotFile(bytes: Uint8Array): SignedSnapshot {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = MAGIC.length + 4;
  if (file.length < start || !file.subarray(0, MAGIC.length).equals(MAGIC))
    throw invalid('it is not a snapshot file');
  const end = start + file.readUInt32BE(MAGIC.length);
  const header = object(parseJson(file.subarray(start, end), 'its header'), 'its header');
  const parts: { name: string; content: Uint8Array }[] = [];
  let at = end;
  for (const item of array(header['parts'], 'parts')) {
    const part = object(item, 'parts');
    const size = integer(part['size'], 'size');
    if (at + size > file.length) throw invalid('it is cut short');
    parts.push({ name: text(part['name'], 'name'), content: file.subarray(at, at + size) });
    at += size;
  }
  if (at !== file.length) throw invalid('it has bytes after its last part');
  return {
    manifest: Buffer.from(text(header['manifest'], 'manifest'), 'base64'),
    signature: Buffer.from(text(header['signature'], 'signature'), 'base64'),
    keyId: text(header['keyId'], 'keyId'),
    parts,
  };
}

/**
 * Believes a snapshot: the signature covers the manifest, the manifest covers every part, and it is meant for this agent.
 * @throws PortolanError SNAPSHOT_INVALID, UNSUPPORTED (made for a newer agent)
 */
export function openSnapshot(
  signed: SignedSnapshot,
  trust: { readonly verify: VerifySignature; readonly addressee: Addressee; readonly agentVersion: string },
): OpenedSnapshot {
  if (!trust.verify(signed.manifest, signed.signature, signed.keyId)) {
    throw invalid(`no trusted key signed it (key "${signed.keyId}")`);
  }
  const manifest = parseManifest(signed.manifest);
  const { hub, cluster } = trust.addressee;
  if (manifest.hub !== hub || manifest.cluster !== cluster) {
    throw invalid(
      `it is for cluster ${manifest.cluster} of hub ${manifest.hub}, not for ${cluster} of ${hub}`,
    );
  }
  if (compareVersions(trust.agentVersion, manifest.minimumAgent) < 0) {
    throw new PortolanError(
      'UNSUPPORTED',
      `the snapshot needs agent ${manifest.minimumAgent} or later; this is ${trust.agentVersion}`,
      { fix: 'Update the agent; the last good snapshot stays in use.' },
    );
  }
  const parts = new Map<string, Uint8Array>();
  for (const { name, content } of signed.parts) {
    if (parts.has(name)) throw invalid(`part ${name} occurs twice`);
    parts.set(name, content);
  }
  if (parts.size !== manifest.parts.length) throw invalid('its parts are not those of its manifest');
  for (const { name, sha256, size } of manifest.parts) {
    const content = parts.get(name);
    if (content === undefined || content.length !== size || sha256Hex(content) !== sha256) {
      throw invalid(`part ${name} is not what the manifest says`);
    }
  }
  for (const name of REQUIRED_PARTS) if (!parts.has(name)) throw invalid(`part ${name} is missing`);
  return { manifest, hash: sha256Hex(signed.manifest), parts };
}

/** Reads one part of an opened snapshot. The hub's signature vouches for its shape, `snapshot-check.ts` has tried it out. */
export function readPart<N extends keyof SnapshotContent>(
  opened: OpenedSnapshot,
  name: N,
): SnapshotContent[N] {
  return parseJson(opened.parts.get(name) ?? new Uint8Array(), `part ${name}`) as SnapshotContent[N];
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export const invalid = (why: string, cause?: unknown): PortolanError =>
  new PortolanError(
    'SNAPSHOT_INVALID',
    `the snapshot is refused: ${why}`,
    cause === undefined ? {} : { cause },
  );

function parseManifest(bytes: Uint8Array): SnapshotManifest {
  const m = object(parseJson(bytes, 'its manifest'), 'its manifest');
  return {
    hub: text(m['hub'], 'hub'),
    cluster: text(m['cluster'], 'cluster'),
    epoch: integer(m['epoch'], 'epoch'),
    version: integer(m['version'], 'version'),
    previous: text(m['previous'], 'previous'),
    issuedAtMs: integer(m['issuedAtMs'], 'issuedAtMs'),
    minimumAgent: text(m['minimumAgent'], 'minimumAgent'),
    parts: array(m['parts'], 'parts').map((item) => {
      const part = object(item, 'parts');
      // A part with a name this agent does not know is kept and covered by its hash, and otherwise ignored.
      const name = text(part['name'], 'name') as keyof SnapshotContent;
      return { name, sha256: text(part['sha256'], 'sha256'), size: integer(part['size'], 'size') };
    }),
  };
}

/** Numbers of `1.2.3`, a pre-release suffix left out. */
function compareVersions(a: string, b: string): number {
  const numbers = (version: string): number[] => version.split('-', 1).join().split('.').map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < 3; i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (cause) {
    throw invalid(`${what} is not JSON`, cause);
  }
}

function object(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${what} is not an object`);
  return value as Readonly<Record<string, unknown>>;
}

function array(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`${what} is not a list`);
  return value;
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw invalid(`${what} is not text`);
  return value;
}

function integer(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw invalid(`${what} is not a whole number`);
  return value;
}
