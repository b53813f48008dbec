import { create, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { messageOf, PortolanError } from '../errors/error.ts';
import { type SnapshotKey, type SnapshotSigner, signatureFits } from '../identity/snapshot-signing.ts';
import type { KeyEntry } from './credential-entry.ts';
import {
  type CredentialDelta,
  type CredentialDeltaBody,
  CredentialDeltaBodySchema,
  CredentialDeltaSchema,
  type CredentialEntry,
  CredentialEntrySchema,
  type CredentialPage,
  CredentialPageBodySchema,
  CredentialPageSchema,
} from './generated/portolan_pb.js';

/*
 * API keys on their way from the hub to a cluster. Deltas and pages are signed with the snapshot key over their exact octets, each
 * with a context of its own before them, so that one is never taken for the other or for a snapshot.
 */
const DELTA_CONTEXT = Buffer.from('portolan-key-delta-v1\0', 'utf8');
const PAGE_CONTEXT = Buffer.from('portolan-key-page-v1\0', 'utf8');

/** A place in the hub's feed of key changes. */
export interface FeedPlace {
  /** Random id; another one after the hub was restored from a backup. */
  readonly feed: string;
  readonly sequence: number;
  /** Hex SHA-256, of the chain at that sequence; empty at 0. */
  readonly hash: string;
}

/** Whom a message is for, and from which of the hub's starts. */
export interface FeedHead {
  readonly hub: string;
  /** Uid of the cluster. */
  readonly cluster: string;
  /** Fencing epoch of the hub that says so. */
  readonly epoch: number;
}

export interface KeyDelta extends FeedHead {
  readonly feed: string;
  readonly from: FeedPlace;
  readonly to: FeedPlace;
  readonly entries: readonly KeyEntry[];
}

export interface KeyPage extends FeedHead {
  /** Of the moment before the first page was read. */
  readonly place: FeedPlace;
  /** What to ask the next page with; empty: there is none. */
  readonly next: Uint8Array;
  readonly entries: readonly KeyEntry[];
}

export function signDelta(delta: Omit<KeyDelta, 'feed'>, signer: SnapshotSigner): CredentialDelta {
  const body = toBinary(
    CredentialDeltaBodySchema,
    create(CredentialDeltaBodySchema, {
      hub: delta.hub,
      cluster: delta.cluster,
      feed: delta.to.feed,
      epoch: BigInt(delta.epoch),
      fromSequence: BigInt(delta.from.sequence),
      toSequence: BigInt(delta.to.sequence),
      previousHash: octets(delta.from.hash),
      hash: octets(delta.to.hash),
      entries: delta.entries.map(toWire),
    }),
  );
  return create(CredentialDeltaSchema, { body, ...signed(DELTA_CONTEXT, body, signer) });
}

export function signPage(page: KeyPage, signer: SnapshotSigner): CredentialPage {
  const { feed, sequence, hash } = page.place;
  const body = toBinary(
    CredentialPageBodySchema,
    create(CredentialPageBodySchema, {
      hub: page.hub,
      cluster: page.cluster,
      feed,
      epoch: BigInt(page.epoch),
      sequence: BigInt(sequence),
      hash: octets(hash),
      next: Uint8Array.from(page.next),
      entries: page.entries.map(toWire),
    }),
  );
  return create(CredentialPageSchema, { body, ...signed(PAGE_CONTEXT, body, signer) });
}

/** What an agent checks a message against. */
export interface FeedTrust {
  readonly keys: readonly SnapshotKey[];
  readonly hubUid: string;
  readonly clusterUid: string;
}

/** @throws PortolanError KEY_FEED_INVALID */
export function readDelta(message: CredentialDelta, trust: FeedTrust): KeyDelta {
  const body = opened(DELTA_CONTEXT, message, CredentialDeltaBodySchema, trust);
  const from = { feed: body.feed, sequence: Number(body.fromSequence), hash: hex(body.previousHash) };
  const to = { feed: body.feed, sequence: Number(body.toSequence), hash: hex(body.hash) };
  if (to.sequence < from.sequence) throw invalid('it goes backwards');
  return { ...headOf(body), feed: body.feed, from, to, entries: body.entries.map(fromWire) };
}

/** @throws PortolanError KEY_FEED_INVALID */
export function readPage(message: CredentialPage, trust: FeedTrust): KeyPage {
  const body = opened(PAGE_CONTEXT, message, CredentialPageBodySchema, trust);
  const place = { feed: body.feed, sequence: Number(body.sequence), hash: hex(body.hash) };
  return { ...headOf(body), place, next: body.next, entries: body.entries.map(fromWire) };
}

export function toWire(entry: KeyEntry): CredentialEntry {
  const { id, digest, roles, expiresAtSeconds, ...rest } = entry;
  if (entry.removed)
    return create(CredentialEntrySchema, { digest: Uint8Array.from(digest), removed: true, keyId: id });
  return create(CredentialEntrySchema, {
    ...rest,
    keyId: id,
    digest: Uint8Array.from(digest),
    roles: [...roles],
    expiresAtSeconds: BigInt(expiresAtSeconds),
  });
}

/** @throws PortolanError KEY_FEED_INVALID */
export function fromWire(entry: CredentialEntry): KeyEntry {
  if (entry.digest.length !== 16) throw invalid('a digest has not 16 octets');
  const { digest, removed, keyId, namespace, principal, roles, plan, labels, attributes, revoked } = entry;
  const expiresAtSeconds = Number(entry.expiresAtSeconds);
  if (expiresAtSeconds > 0xffffffff) throw invalid('a key expires after the year 2106');
  return {
    digest,
    removed,
    id: keyId,
    namespace,
    principal,
    roles,
    plan,
    labels,
    attributes,
    expiresAtSeconds,
    revoked,
  };
}

function signed(context: Buffer, body: Uint8Array, signer: SnapshotSigner) {
  return { signature: Uint8Array.from(signer.sign(Buffer.concat([context, body]))), keyId: signer.keyId };
}

function opened<D extends typeof CredentialDeltaBodySchema | typeof CredentialPageBodySchema>(
  context: Buffer,
  message: { readonly body: Uint8Array; readonly signature: Uint8Array; readonly keyId: string },
  schema: D,
  trust: FeedTrust,
): MessageShape<D> {
  const covered = Buffer.concat([context, message.body]);
  if (!signatureFits(trust.keys, covered, message.signature, message.keyId))
    throw invalid('its signature does not fit');
  let body: MessageShape<D>;
  try {
    body = fromBinary(schema, message.body);
  } catch (cause) {
    throw new PortolanError('KEY_FEED_INVALID', `the change of keys is refused: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (body.hub !== trust.hubUid) throw invalid('it was made by another hub');
  if (body.cluster !== trust.clusterUid) throw invalid('it was made for another cluster');
  if (body.feed === '') throw invalid('it names no feed');
  return body;
}

function headOf(body: Pick<CredentialDeltaBody, 'hub' | 'cluster' | 'epoch'>): FeedHead {
  return { hub: body.hub, cluster: body.cluster, epoch: Number(body.epoch) };
}

function invalid(reason: string): PortolanError {
  return new PortolanError('KEY_FEED_INVALID', `the change of keys is refused: ${reason}`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function octets(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}
