import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  KEY_BYTES,
  keyId,
  openValues,
  rewrapValues,
  type SecretIdentity,
  sealValues,
  unwrapKey,
  valueDigest,
  wrapKey,
} from './envelope.ts';

const kek = randomBytes(KEY_BYTES);
const other = randomBytes(KEY_BYTES);
const random = (length: number): Uint8Array => randomBytes(length);
const identity: SecretIdentity = {
  hubUid: 'h',
  namespace: 'default',
  kind: 'Secret',
  name: 's',
  uid: 'u',
  version: 3,
};
const values = { user: 'bär', password: 'hunter2', empty: '' };

describe('sealed values', () => {
  it('open again under the same key and identity', () => {
    expect(openValues(sealValues(values, identity, kek, random), identity, kek)).toEqual(values);
  });

  it('use a fresh data key and fresh nonces every time', () => {
    const [a, b] = [sealValues(values, identity, kek, random), sealValues(values, identity, kek, random)];
    const texts = [a.wrappedKey, b.wrappedKey, ...Object.values(a.fields), ...Object.values(b.fields)];
    expect(new Set(texts).size).toBe(texts.length);
    // Not only another nonce: the wrapped key of one does not open the fields of the other.
    expect(() => openValues({ ...a, wrappedKey: b.wrappedKey }, identity, kek)).toThrow(
      expect.objectContaining({ code: 'STORE_CORRUPT' }),
    );
  });

  it('refuse another key by name, before any decryption', () => {
    const sealed = sealValues(values, identity, kek, random);
    expect(() => openValues(sealed, identity, other)).toThrow(expect.objectContaining({ code: 'KEY_WRONG' }));
    const pretending = { ...sealed, keyId: keyId(other) };
    expect(() => openValues(pretending, identity, other)).toThrow(
      expect.objectContaining({ code: 'STORE_CORRUPT' }),
    );
  });

  it.each([{ hubUid: 'x' }, { namespace: 'x' }, { kind: 'x' }, { name: 'x' }, { uid: 'x' }, { version: 4 }])(
    'I33 do not open as something else: %o',
    (change) => {
      const sealed = sealValues(values, identity, kek, random);
      expect(() => openValues(sealed, { ...identity, ...change }, kek)).toThrow(
        expect.objectContaining({ code: 'STORE_CORRUPT' }),
      );
    },
  );

  it('I33 do not open under another field name', () => {
    const sealed = sealValues(values, identity, kek, random);
    const { user, password, ...rest } = sealed.fields;
    if (user === undefined || password === undefined) throw new Error('fields are missing');
    const swapped = { ...sealed, fields: { ...rest, user: password, password: user } };
    expect(() => openValues(swapped, identity, kek)).toThrow(
      expect.objectContaining({ code: 'STORE_CORRUPT' }),
    );
  });

  it('do not open when any byte changed or is missing', () => {
    const sealed = sealValues({ user: 'bär' }, identity, kek, random);
    const bytes = Buffer.from(sealed.fields.user ?? '', 'base64');
    for (let at = 0; at < bytes.length; at += 1) {
      const broken = Buffer.from(bytes);
      broken.writeUInt8(broken.readUInt8(at) ^ 1, at);
      const cut = bytes.subarray(0, at);
      for (const field of [broken, cut]) {
        const altered = { ...sealed, fields: { user: field.toString('base64') } };
        expect(() => openValues(altered, identity, kek), `byte ${at}`).toThrow(
          expect.objectContaining({ code: 'STORE_CORRUPT' }),
        );
      }
    }
  });

  it('keep their ciphertexts when they are wrapped with another key', () => {
    const sealed = sealValues(values, identity, kek, random);
    const rewrapped = rewrapValues(sealed, identity, { from: kek, to: other }, random);
    expect(rewrapped.fields).toEqual(sealed.fields);
    expect(openValues(rewrapped, identity, other)).toEqual(values);
    expect(() => openValues(rewrapped, identity, kek)).toThrow(
      expect.objectContaining({ code: 'KEY_WRONG' }),
    );
  });
});

describe('a wrapped key', () => {
  it('opens for the same purpose, hub and key only', () => {
    const key = random(32);
    const wrapped = wrapKey(key, 'signing', 'h', kek, random);
    expect(unwrapKey(wrapped, 'signing', 'h', kek)).toEqual(Buffer.from(key));
    expect(unwrapKey(wrapped, 'other', 'h', kek)).toBeUndefined();
    expect(unwrapKey(wrapped, 'signing', 'x', kek)).toBeUndefined();
    expect(unwrapKey(wrapped, 'signing', 'h', other)).toBeUndefined();
    expect(unwrapKey('', 'signing', 'h', kek)).toBeUndefined();
  });

  it('is refused for a key-encryption key of another length', () => {
    expect(() => wrapKey(random(32), 'signing', 'h', random(16), random)).toThrow(
      expect.objectContaining({ code: 'KEY_FILE_INVALID' }),
    );
  });
});

describe('the digest of a value', () => {
  it('is the same for the same field and value, and needs its key', () => {
    const digest = valueDigest(kek, 'user', 'x');
    expect(digest).toMatch(/^[0-9a-f]{12}$/);
    expect(valueDigest(kek, 'user', 'x')).toBe(digest);
    const others = [
      valueDigest(other, 'user', 'x'),
      valueDigest(kek, 'use', 'rx'),
      valueDigest(kek, 'user', 'y'),
    ];
    expect(others).not.toContain(digest);
  });
});
