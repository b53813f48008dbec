import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { z } from 'zod';
import type { SnapshotContent, SnapshotManifest, SnapshotParts } from '../protocol/snapshot.ts';
import { canonicalJson } from './canonical-json.ts';
import { spkiSha256Of } from './csr.ts';
import { sha256Hex } from './digest.ts';
import { NO_PIECES, type Pieces, verifyPieces } from './snapshot-pieces.ts';
import { invalid } from './snapshot-refusal.ts';

/** The signature covers this context, then the manifest's exact bytes: it can never be taken for one of another protocol. */
const CONTEXT = Buffer.from('portolan-snapshot-v1\0', 'utf8');

/** An Ed25519 key that signs snapshots; separate from the CA. */
export interface SnapshotSigner {
  readonly keyId: string;
  readonly publicKeyPem: string;
  sign(manifest: Uint8Array): Uint8Array;
}

/** Public keys an agent accepts. */
export interface SnapshotKey {
  /** Hex SHA-256 of the SPKI. */
  readonly id: string;
  /** SPKI PEM, Ed25519. */
  readonly publicKeyPem: string;
}

/** A snapshot as it travels and rests on disk. */
export interface SignedSnapshot {
  /** Canonical JSON of `SnapshotManifest`, UTF-8. */
  readonly manifest: Uint8Array;
  /** Ed25519, 64 octets. */
  readonly signature: Uint8Array;
  readonly keyId: string;
  readonly parts: readonly { readonly name: string; readonly content: Uint8Array }[];
  /** Those that part `gatewayFrame` names, in its order and each once; on the way from the hub, without those that the agent has. */
  readonly pieces: readonly Uint8Array[];
}

/** Identifies a snapshot: lower (epoch, version) are older; `hash` is the hex SHA-256 of the manifest's bytes. */
export interface SnapshotMark {
  readonly epoch: number;
  readonly version: number;
  readonly hash: string;
}

export interface VerifiedSnapshot {
  readonly manifest: SnapshotManifest;
  readonly mark: SnapshotMark;
  /** Exact bytes of every part this program knows. */
  readonly parts: SnapshotParts;
  /** All that part `gatewayFrame` names; none without it. */
  readonly pieces: Pieces;
}

const counter = z.number().int().nonnegative();
const manifestSchema = z.object({
  hub: z.string().min(1),
  cluster: z.string().min(1),
  epoch: counter,
  version: counter,
  previous: z.string().regex(/^([0-9a-f]{64})?$/),
  issuedAtMs: counter,
  minimumAgent: z.string(),
  parts: z
    .array(
      z.object({
        name: z.string().min(1).max(64),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        size: counter,
      }),
    )
    .max(64),
});

/** In the order they are signed; a part that is missing here would neither be sent nor read. */
export const SNAPSHOT_PARTS = Object.keys({
  routing: true,
  probes: true,
  peers: true,
  dns: true,
  gateway: true,
  gatewayFrame: true,
  gatewaySecrets: true,
} satisfies Record<keyof SnapshotContent, true>) as readonly (keyof SnapshotContent)[];

/** A new Ed25519 key, PKCS#8 PEM; seal it before it rests anywhere. */
export function newSnapshotKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

export function openSnapshotSigner(privateKeyPem: string): SnapshotSigner {
  const privateKey = createPrivateKey(privateKeyPem);
  const publicKey = createPublicKey(privateKeyPem);
  return {
    keyId: spkiSha256Of(publicKey),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    sign: (manifest) => sign(null, Buffer.concat([CONTEXT, manifest]), privateKey),
  };
}

/**
 * Signs a snapshot whose parts are these exact bytes, in this order.
 * @param pieces what part `gatewayFrame` names, or those of it that the agent lacks: covered by the frame's digests
 */
export function signSnapshot(
  head: Omit<SnapshotManifest, 'parts'>,
  content: SnapshotParts,
  signer: SnapshotSigner,
  pieces: readonly Uint8Array[] = [],
): SignedSnapshot & { readonly mark: SnapshotMark } {
  const parts = SNAPSHOT_PARTS.flatMap((name) => {
    const bytes = content[name];
    return bytes === undefined ? [] : [{ name, content: bytes }];
  });
  const manifest: SnapshotManifest = {
    ...head,
    parts: parts.map(({ name, content: bytes }) => ({ name, sha256: digestOf(bytes), size: bytes.length })),
  };
  const bytes = Buffer.from(canonicalJson(manifest), 'utf8');
  return {
    manifest: bytes,
    signature: signer.sign(bytes),
    keyId: signer.keyId,
    parts,
    pieces,
    mark: { epoch: head.epoch, version: head.version, hash: sha256Hex(bytes) },
  };
}

const digests = new WeakMap<Uint8Array, string>();

/** All agents share the bytes of the biggest part: it is hashed once. Bytes that were signed must not change. */
function digestOf(bytes: Uint8Array): string {
  let digest = digests.get(bytes);
  if (digest === undefined) {
    digest = sha256Hex(bytes);
    digests.set(bytes, digest);
  }
  return digest;
}

/** True when one of `keys`, the one named, signed exactly these bytes. A stored key that is not what its id says counts as none. */
export function signatureFits(
  keys: readonly SnapshotKey[],
  manifest: Uint8Array,
  signature: Uint8Array,
  keyId: string,
): boolean {
  const key = keys.find((known) => known.id === keyId);
  if (key === undefined) return false;
  const publicKey = createPublicKey(key.publicKeyPem);
  if (publicKey.asymmetricKeyType !== 'ed25519' || spkiSha256Of(publicKey) !== key.id) return false;
  return verify(null, Buffer.concat([CONTEXT, manifest]), publicKey, signature);
}

/**
 * Checks everything that can be checked without reading the parts (but for which pieces a frame names): the key is known, the signature fits the manifest's
 * exact bytes, it was made by this hub for this cluster, every part is there, whole and unchanged, and it is not older
 * than `highWater`. The mark itself may come again (the hub repeats the last snapshot on every connect). Parts and
 * manifest members of a newer hub that this program does not know are covered by the signature and ignored (I12).
 * @throws PortolanError SNAPSHOT_INVALID with the reason; SNAPSHOT_INCOMPLETE when only pieces are missing
 */
export function verifySnapshot(
  snapshot: SignedSnapshot,
  expected: {
    readonly keys: readonly SnapshotKey[];
    readonly hubUid: string;
    readonly clusterUid: string;
    /** The newest snapshot this agent has ever accepted. */
    readonly highWater?: SnapshotMark | undefined;
    /** Pieces of snapshots before, which need not come again; they were verified when they were read. */
    readonly knownPiece?: ((sha256: string) => Uint8Array | undefined) | undefined;
  },
): VerifiedSnapshot {
  if (!expected.keys.some((known) => known.id === snapshot.keyId)) {
    throw invalid('it is signed with a key this agent does not know');
  }
  if (!signatureFits(expected.keys, snapshot.manifest, snapshot.signature, snapshot.keyId)) {
    throw invalid('its signature does not fit');
  }
  const manifest = parseManifest(snapshot.manifest);
  if (manifest.hub !== expected.hubUid) throw invalid('it was made by another hub');
  if (manifest.cluster !== expected.clusterUid) throw invalid('it was made for another cluster');
  const mark = { epoch: manifest.epoch, version: manifest.version, hash: sha256Hex(snapshot.manifest) };
  if (expected.highWater !== undefined) refuseRollback(mark, expected.highWater);

  const names = new Set(snapshot.parts.map((part) => part.name));
  if (names.size !== snapshot.parts.length) throw invalid('a part comes twice');
  if (snapshot.parts.length !== manifest.parts.length) {
    throw invalid(`it has ${snapshot.parts.length} parts, its manifest lists ${manifest.parts.length}`);
  }
  const checked = new Map<string, Uint8Array>();
  for (const listed of manifest.parts) {
    const part = snapshot.parts.find((candidate) => candidate.name === listed.name);
    if (part === undefined) throw invalid(`part "${listed.name}" is missing`);
    if (part.content.length !== listed.size) {
      throw invalid(`part "${listed.name}" has ${part.content.length} octets instead of ${listed.size}`);
    }
    const digest = Buffer.from(sha256Hex(part.content), 'hex');
    if (!timingSafeEqual(digest, Buffer.from(listed.sha256, 'hex'))) {
      throw invalid(`part "${listed.name}" was changed`);
    }
    checked.set(listed.name, part.content);
  }
  const known = (name: keyof SnapshotContent): Uint8Array => {
    const content = checked.get(name);
    if (content === undefined) throw invalid(`part "${name}" is missing`);
    return content;
  };
  const optional = SNAPSHOT_PARTS.flatMap((name) => {
    const content = checked.get(name);
    return content === undefined ? [] : [[name, content] as const];
  });
  const parts: SnapshotParts = {
    ...Object.fromEntries(optional),
    routing: known('routing'),
    probes: known('probes'),
    peers: known('peers'),
  };
  const listed = manifest.parts.flatMap((part) => {
    const name = SNAPSHOT_PARTS.find((candidate) => candidate === part.name);
    return name === undefined ? [] : [{ ...part, name }];
  });
  if (parts.gatewayFrame !== undefined && parts.gateway !== undefined)
    throw invalid('it has its gateway twice: whole and in pieces');
  if (parts.gatewayFrame === undefined && snapshot.pieces.length > 0)
    throw invalid('it has pieces and no frame that names them');
  const pieces =
    parts.gatewayFrame === undefined
      ? NO_PIECES
      : verifyPieces(parts.gatewayFrame, snapshot.pieces, expected.knownPiece ?? (() => undefined));
  return { manifest: { ...manifest, parts: listed }, mark, parts, pieces };
}

function parseManifest(bytes: Uint8Array): z.output<typeof manifestSchema> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid('its manifest is not JSON', error);
  }
  if (!Buffer.from(canonicalJson(json), 'utf8').equals(bytes))
    throw invalid('its manifest is not in canonical form');
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw invalid('its manifest lacks members', parsed.error);
  return parsed.data;
}

function refuseRollback(mark: SnapshotMark, highWater: SnapshotMark): void {
  const older =
    mark.epoch < highWater.epoch || (mark.epoch === highWater.epoch && mark.version < highWater.version);
  const names = `epoch ${mark.epoch} version ${mark.version}`;
  if (older) {
    throw invalid(
      `${names} is older than epoch ${highWater.epoch} version ${highWater.version}, seen before`,
    );
  }
  const same = mark.epoch === highWater.epoch && mark.version === highWater.version;
  if (same && mark.hash !== highWater.hash) throw invalid(`another snapshot with ${names} was seen before`);
}
