import { hash } from 'node:crypto';

const PREFIX = 'ptk_';
const SECRET_BYTES = 24;
/** Octets that {@link newKeyId} asks for. */
export const ID_RANDOM_BYTES = 7;
const ID_LENGTH = 10;
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Octets of either pepper. */
export const PEPPER_BYTES = 32;
/** Octets of the digest that a cluster knows a key by. */
export const CLUSTER_DIGEST_BYTES = 16;
/** Longest key, and longest id of a pair, in characters. */
export const MAX_KEY_LENGTH = 512;
/** Keys weaker than this are imported with a warning: they resist guessing only as long as the peppers are secret. */
export const STRONG_KEY_BITS = 112;

/** A key as it is shown once, and the id it is known by afterwards. */
export interface NewApiKey {
  /** `ptk_` and 32 characters, 192 bits. Shown once, stored nowhere. */
  readonly text: string;
  /** `k-` and 10 characters of base32; may be shown and logged. */
  readonly id: string;
}

/** @param randomBytes the system's CSPRNG */
export function newApiKey(randomBytes: (count: number) => Uint8Array): NewApiKey {
  const text = PREFIX + Buffer.from(randomBytes(SECRET_BYTES)).toString('base64url');
  return { text, id: newKeyId(randomBytes) };
}

/** A public id alone, for a key that is brought along. */
export function newKeyId(randomBytes: (count: number) => Uint8Array): string {
  const bytes = Buffer.from(randomBytes(ID_RANDOM_BYTES));
  let rest = bytes.readUIntBE(0, 6);
  let id = '';
  for (let i = 0; i < ID_LENGTH - 1; i += 1) {
    id += BASE32[rest % 32] ?? '';
    rest = Math.floor(rest / 32);
  }
  id += BASE32[bytes.readUInt8(6) % 32] ?? '';
  return `k-${id}`;
}

const KEY_ID = /^k-[a-z2-7]{10}$/;

export function isKeyId(text: string): boolean {
  return KEY_ID.test(text);
}

/** What may be a key, or the id of a pair: visible ASCII, so that it travels unchanged in every header, cookie and query. */
export function isKeyText(text: string): boolean {
  return text.length >= 1 && text.length <= MAX_KEY_LENGTH && /^[\x21-\x7e]+$/.test(text);
}

/**
 * What the hub keeps of a key: SHA-256 of its pepper and the key, with the id of the pair when it has one, so that such a key is
 * never found without it. 64 hex digits.
 * @param pepper 32 octets
 */
export function hubDigest(pepper: Uint8Array, key: string, pairId?: string): string {
  return createHubDigest(pepper)(key, pairId);
}

/** As {@link hubDigest}, with the pepper prepared once. */
export function createHubDigest(pepper: Uint8Array): (key: string, pairId?: string) => string {
  const prefix = keyPrefix(pepper);
  return (key, pairId) => hash('sha256', prefix + pairText(key, pairId), 'hex');
}

/**
 * What a cluster knows the key by: the first 16 octets of SHA-256 over its own pepper and the hub's digest. Digests of one cluster
 * are worth nothing at another one.
 */
export function createClusterDigest(pepper: Uint8Array): (hubDigestHex: string) => Buffer {
  const prefix = clusterPrefix(pepper);
  return (digest) => hash('sha256', prefix + digest, 'buffer').subarray(0, CLUSTER_DIGEST_BYTES);
}

/**
 * From the key a request brought to the digest its cluster knows it by, as 32 characters of one octet each; the first 16 count. For
 * every request: a string costs the collector far less than a buffer.
 */
export function createKeyDigest(peppers: {
  readonly hub: Uint8Array;
  readonly cluster: Uint8Array;
}): (key: string, pairId: string | undefined) => string {
  const first = keyPrefix(peppers.hub);
  const second = clusterPrefix(peppers.cluster);
  return (key, pairId) =>
    hash('sha256', second + hash('sha256', first + pairText(key, pairId), 'hex'), 'binary');
}

/** Bits of a key as someone would need to guess it who knows only its alphabet; an upper bound. */
export function keyBits(key: string): number {
  const distinct = new Set(key).size;
  const alphabet = ALPHABETS.find(({ pattern }) => pattern.test(key))?.size ?? 94;
  // A key of few different characters was not drawn from its whole alphabet.
  return key.length * Math.log2(Math.min(alphabet, distinct < 8 ? distinct : alphabet));
}

const ALPHABETS = [
  { pattern: /^[0-9]+$/, size: 10 },
  { pattern: /^(?:[0-9a-f-]+|[0-9A-F-]+)$/, size: 16 },
  { pattern: /^(?:[0-9a-z]+|[0-9A-Z]+)$/, size: 36 },
  { pattern: /^[0-9A-Za-z_-]+$/, size: 64 },
] as const;

/*
 * The pepper stands before the key as text, and what follows has no separator inside: a pair's id and key are joined by NUL, which
 * neither may hold.
 */
function keyPrefix(pepper: Uint8Array): string {
  return `portolan key v1:${Buffer.from(pepper).toString('hex')}:`;
}

function clusterPrefix(pepper: Uint8Array): string {
  return `portolan cluster key v1:${Buffer.from(pepper).toString('hex')}:`;
}

function pairText(key: string, pairId: string | undefined): string {
  return pairId === undefined ? key : `${pairId}\0${key}`;
}
