import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { PortolanError } from '../errors/error.ts';

/** Length of the key-encryption key and of every data key, in bytes (AES-256). */
export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Cryptographically secure random bytes. */
export type RandomBytes = (length: number) => Uint8Array;

/** What a ciphertext belongs to; all of it is authenticated, so a value moved elsewhere does not open. */
export interface SecretIdentity {
  readonly hubUid: string;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  /** Grows with every change of the values, so that fields of two versions cannot be mixed. */
  readonly version: number;
}

/** The values of one version: its own data key, wrapped, and every field sealed with it. All base64. */
export interface SealedValues {
  /** Which key-encryption key wraps the data key, see {@link keyId}. */
  readonly keyId: string;
  readonly wrappedKey: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** A short public name of a key-encryption key: tells two keys apart and reveals neither. 16 hex digits. */
export function keyId(kek: Uint8Array): string {
  return subkey(kek, '', 'key id').toString('hex').slice(0, 16);
}

/** Seals every field under a fresh data key. */
export function sealValues(
  values: Readonly<Record<string, string>>,
  identity: SecretIdentity,
  kek: Uint8Array,
  random: RandomBytes,
): SealedValues {
  const dataKey = random(KEY_BYTES);
  const fields = Object.entries(values).map(
    ([field, value]) =>
      [field, encrypt(dataKey, Buffer.from(value, 'utf8'), valueContext(identity, field), random)] as const,
  );
  return {
    keyId: keyId(kek),
    wrappedKey: wrapKey(dataKey, wrapContext(identity), identity.hubUid, kek, random),
    fields: Object.fromEntries(fields),
  };
}

/** Opens what {@link sealValues} made. Throws KEY_WRONG for another key and STORE_CORRUPT for an altered or moved ciphertext. */
export function openValues(
  sealed: SealedValues,
  identity: SecretIdentity,
  kek: Uint8Array,
): Record<string, string> {
  const dataKey = openDataKey(sealed, identity, kek);
  const fields = Object.entries(sealed.fields).map(([field, text]) => {
    const plain = decrypt(dataKey, text, valueContext(identity, field));
    if (plain === undefined) throw altered(identity, field);
    return [field, plain.toString('utf8')] as const;
  });
  return Object.fromEntries(fields);
}

/** Wraps the same data key with another key-encryption key; the ciphertexts stay as they are. */
export function rewrapValues(
  sealed: SealedValues,
  identity: SecretIdentity,
  keys: { readonly from: Uint8Array; readonly to: Uint8Array },
  random: RandomBytes,
): SealedValues {
  const dataKey = openDataKey(sealed, identity, keys.from);
  return {
    keyId: keyId(keys.to),
    wrappedKey: wrapKey(dataKey, wrapContext(identity), identity.hubUid, keys.to, random),
    fields: sealed.fields,
  };
}

/** Wraps a key of the hub's own, such as a signing key; `purpose` is authenticated. Base64. */
export function wrapKey(
  key: Uint8Array,
  purpose: string,
  hubUid: string,
  kek: Uint8Array,
  random: RandomBytes,
): string {
  return encrypt(subkey(kek, hubUid, 'wrap'), key, purpose, random);
}

/** Opens what {@link wrapKey} made; `undefined` when the key-encryption key, hub or purpose differs or the text was altered. */
export function unwrapKey(
  wrapped: string,
  purpose: string,
  hubUid: string,
  kek: Uint8Array,
): Uint8Array | undefined {
  return decrypt(subkey(kek, hubUid, 'wrap'), wrapped, purpose);
}

/** The first 12 hex digits of a keyed digest: shows whether two values are equal, helps nobody to guess one. */
export function valueDigest(digestKey: Uint8Array, field: string, value: string): string {
  return createHmac('sha256', digestKey)
    .update(canonicalList([field, value]))
    .digest('hex')
    .slice(0, 12);
}

/** HKDF-SHA-256 (RFC 5869): one independent key per use and hub. */
function subkey(kek: Uint8Array, hubUid: string, use: string): Buffer {
  if (kek.length !== KEY_BYTES) {
    throw new PortolanError(
      'KEY_FILE_INVALID',
      `The key-encryption key has ${kek.length} bytes, not ${KEY_BYTES}.`,
    );
  }
  return Buffer.from(hkdfSync('sha256', kek, hubUid, `portolan envelope v1 ${use}`, KEY_BYTES));
}

/** AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; base64 of nonce, ciphertext, tag. */
function encrypt(key: Uint8Array, plain: Uint8Array, context: string, random: RandomBytes): string {
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(context, 'utf8'));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function decrypt(key: Uint8Array, text: string, context: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(context, 'utf8'));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  const head = decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES));
  try {
    return Buffer.concat([head, decipher.final()]);
  } catch {
    return undefined; // the tag does not fit: another key, another context, or altered bytes
  }
}

function openDataKey(sealed: SealedValues, identity: SecretIdentity, kek: Uint8Array): Uint8Array {
  const wanted = keyId(kek);
  if (sealed.keyId !== wanted) {
    throw new PortolanError(
      'KEY_WRONG',
      `Secret ${identity.namespace}/${identity.name} is encrypted under key ${sealed.keyId}; the key given is ${wanted}.`,
    );
  }
  const dataKey = unwrapKey(sealed.wrappedKey, wrapContext(identity), identity.hubUid, kek);
  if (dataKey === undefined) throw altered(identity, 'the data key');
  return dataKey;
}

function altered(identity: SecretIdentity, what: string): PortolanError {
  return new PortolanError(
    'STORE_CORRUPT',
    `Secret ${identity.namespace}/${identity.name}: ${what} does not authenticate; it was altered, moved or rolled back.`,
  );
}

/** A list as JSON: unlike joined text, no two lists have the same bytes. */
function canonicalList(parts: readonly (string | number)[]): string {
  return JSON.stringify(parts);
}

function wrapContext(id: SecretIdentity): string {
  return canonicalList(['data key', id.hubUid, id.namespace, id.kind, id.name, id.uid, id.version]);
}

function valueContext(id: SecretIdentity, field: string): string {
  return canonicalList(['value', id.hubUid, id.namespace, id.kind, id.name, id.uid, id.version, field]);
}
