import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createClusterDigest,
  createKeyDigest,
  hubDigest,
  isKeyId,
  isKeyText,
  keyBits,
  MAX_KEY_LENGTH,
  newApiKey,
  STRONG_KEY_BITS,
} from './api-key.ts';

const visible = fc.stringMatching(/^[\x21-\x7e]{1,80}$/);
const octets = (digest: string) => Buffer.from(digest, 'latin1').subarray(0, 16);
const pepper = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('an API key', () => {
  it('has 192 random bits, and an id of 50 that says nothing of them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 31, maxLength: 31 }), (bytes) => {
        let at = 0;
        const { text, id } = newApiKey((count) => {
          at += count;
          return bytes.slice(at - count, at);
        });
        expect(text).toBe(`ptk_${Buffer.from(bytes.slice(0, 24)).toString('base64url')}`);
        expect(isKeyId(id)).toBe(true);
        expect(isKeyText(text)).toBe(true);
        expect(keyBits(text)).toBeGreaterThanOrEqual(bytes.every((b) => b === bytes[0]) ? 0 : 30);
      }),
    );
    const ids = new Set(Array.from({ length: 2_000 }, () => newApiKey(randomBytes).id));
    expect(ids.size).toBe(2_000);
    const characters = new Set([...ids].flatMap((id) => [...id.slice(2)]));
    expect(characters.size).toBe(32);
  });

  it('is kept at the hub as SHA-256 of pepper and key', () => {
    const bytes = Buffer.alloc(32, 7);
    const expected = createHash('sha256')
      .update(`portolan key v1:${'07'.repeat(32)}:ptk_x`)
      .digest('hex');
    expect(hubDigest(bytes, 'ptk_x')).toBe(expected);
  });

  it('is found by a cluster under the digest that the hub made for it, and under no other', () => {
    fc.assert(
      fc.property(
        visible,
        fc.option(visible, { nil: undefined }),
        pepper,
        pepper,
        pepper,
        (key, pairId, hub, cluster, other) => {
          fc.pre(Buffer.compare(cluster, other) !== 0);
          const known = hubDigest(hub, key, pairId);
          const digest = createClusterDigest(cluster)(known);
          expect(digest).toHaveLength(16);
          const asked = octets(createKeyDigest({ hub, cluster })(key, pairId));
          expect(asked.equals(digest)).toBe(true);
          expect(createClusterDigest(other)(known).equals(digest)).toBe(false);
          expect(octets(createKeyDigest({ hub, cluster: other })(key, pairId)).equals(digest)).toBe(false);
        },
      ),
    );
  });

  it('of a pair is another one without the id, and with the id in the key', () => {
    fc.assert(
      fc.property(visible, visible, pepper, (key, pairId, hub) => {
        const paired = hubDigest(hub, key, pairId);
        for (const other of [
          hubDigest(hub, key),
          hubDigest(hub, `${pairId}${key}`),
          hubDigest(hub, pairId, key + (key === pairId ? 'x' : '')),
        ])
          expect(other).not.toBe(paired);
      }),
    );
  });

  it('that is brought along must be visible ASCII, and is weighed by its alphabet', () => {
    for (const text of ['', 'a b', 'ä', 'a\0b', 'a\n', 'x'.repeat(MAX_KEY_LENGTH + 1)])
      expect(isKeyText(text)).toBe(false);
    for (const weak of ['secret', '123456789012', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'Passw0rd!'])
      expect(keyBits(weak)).toBeLessThan(STRONG_KEY_BITS);
    for (const strong of [
      newApiKey(randomBytes).text,
      randomBytes(16).toString('hex'),
      '2f1b5c9e-8d1f-4b7a-9c3e-1f2a3b4c5d6e',
    ])
      expect(keyBits(strong)).toBeGreaterThanOrEqual(STRONG_KEY_BITS);
  });
});
