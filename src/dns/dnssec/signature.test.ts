import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { parseRdata, type Rdata } from '../records/catalogue.ts';
import type { DnskeyRdata } from '../records/dnskey.ts';
import type { RrsigRdata } from '../records/rrsig.ts';
import { TYPE } from '../types.ts';
import { DIGEST_TYPE, dsOf, generateKey, keyPairOf, keyTagOf, privateKeyFrom } from './key.ts';
import { presign, readPresigned } from './presigned.ts';
import { signRRset, verifyRRset } from './signature.ts';

const origin = parseName('example.net');
const www = parseName('www.example.net');

const rdata = <T extends Rdata['type']>(
  type: T & keyof typeof TYPE,
  text: string,
): Extract<Rdata, { type: T }> => {
  const parsed = parseRdata(TYPE[type], text);
  if (parsed.type !== type) throw new Error(`${type} is not interpreted`);
  return parsed as Extract<Rdata, { type: T }>;
};

/** RFC 6605 section 6.1. */
const published = {
  dnskey: rdata(
    'DNSKEY',
    '257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==',
  ),
  ds: '55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17',
  a: rdata('A', '192.0.2.1'),
  rrsig: rdata(
    'RRSIG',
    'A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==',
  ),
};
const THEN = Date.UTC(2010, 7, 20) / 1000;

describe('the example of RFC 6605 section 6.1', () => {
  it('has the key tag and the DS that it says', () => {
    expect(keyTagOf(published.dnskey)).toBe(55648);
    expect(dsOf(origin, published.dnskey, DIGEST_TYPE.SHA256)).toEqual(rdata('DS', published.ds));
  });

  it('verifies, and not when anything about it is changed', () => {
    const { a, rrsig, dnskey } = published;
    const verified = (
      records: readonly Rdata[] = [a],
      owner = www,
      signature: RrsigRdata = rrsig,
      key: DnskeyRdata = dnskey,
      at = THEN,
    ): boolean => verifyRRset({ owner, records }, signature, key, at);
    expect(verified()).toBe(true);
    expect(verified([rdata('A', '192.0.2.2')])).toBe(false);
    expect(verified([a, rdata('A', '192.0.2.2')])).toBe(false);
    expect(verified([])).toBe(false);
    expect(verified([a], parseName('ftp.example.net'))).toBe(false);
    expect(verified([a], www, { ...rrsig, originalTtlSeconds: 3601 })).toBe(false);
    expect(verified([a], www, { ...rrsig, typeCovered: TYPE.AAAA })).toBe(false);
    expect(verified([a], www, { ...rrsig, keyTag: 1 })).toBe(false);
    expect(verified([a], www, { ...rrsig, labels: 4 })).toBe(false);
    expect(verified([a], www, rrsig, generateKey(257).dnskey)).toBe(false);
    expect(verified([a], www, rrsig, dnskey, rrsig.inception - 1)).toBe(false);
    expect(verified([a], www, rrsig, dnskey, rrsig.expiration + 1)).toBe(false);
    expect(verified([a], www, rrsig, dnskey, rrsig.expiration)).toBe(true);
  });
});

describe('keys', () => {
  it('are P-256, and what is stored gives the same key again', () => {
    const key = generateKey(256);
    expect(key.dnskey).toMatchObject({ flags: 256, protocol: 3, algorithm: 13 });
    expect(key.dnskey.publicKey).toHaveLength(64);
    expect(keyPairOf(key.privateKey, 256)).toEqual(key);
    expect(keyPairOf(key.privateKey, 257).dnskey.publicKey).toEqual(key.dnskey.publicKey);
    expect(keyPairOf(key.privateKey, 257).keyTag).toBe((key.keyTag + 1) & 0xffff);
  });

  it('have digests of 32 and of 48 octets', () => {
    const { dnskey, keyTag } = generateKey(257);
    expect(dsOf(origin, dnskey, DIGEST_TYPE.SHA256)).toMatchObject({ keyTag, digestType: 2 });
    expect(dsOf(origin, dnskey, DIGEST_TYPE.SHA256).digest).toHaveLength(32);
    expect(dsOf(origin, dnskey, DIGEST_TYPE.SHA384).digest).toHaveLength(48);
  });

  it('are refused when they are not that, and verify nothing', () => {
    expect(() => keyPairOf(new Uint8Array([1, 2, 3]), 256)).toThrowError(/not PKCS #8/);
    const rrsig = { ...published.rrsig };
    const short = { ...published.dnskey, publicKey: new Uint8Array(63) };
    const verified = (dnskey: DnskeyRdata): boolean =>
      verifyRRset(
        { owner: www, records: [published.a] },
        { ...rrsig, keyTag: keyTagOf(dnskey) },
        dnskey,
        THEN,
      );
    expect(verified(short)).toBe(false);
    const nowhere = { ...published.dnskey, publicKey: new Uint8Array(64) };
    expect(verified(nowhere)).toBe(false);
  });
});

describe('a signature', () => {
  const key = generateKey(256);
  const signingKey = { signer: origin, keyTag: key.keyTag, privateKey: privateKeyFrom(key.privateKey) };
  const validity = { inceptionSeconds: THEN - 3600, expirationSeconds: THEN + 86_400 };

  it('does not depend on the order of the records', () => {
    const records = [rdata('A', '192.0.2.9'), rdata('A', '192.0.2.1'), rdata('A', '10.0.0.1')];
    const rrsig = signRRset({ owner: www, records, originalTtlSeconds: 60 }, signingKey, validity);
    expect(rrsig).toMatchObject({ labels: 3, originalTtlSeconds: 60, signer: origin, algorithm: 13 });
    expect(verifyRRset({ owner: www, records: [...records].reverse() }, rrsig, key.dnskey, THEN)).toBe(true);
  });

  it('of a wildcard verifies for what is expanded from it (RFC 4035 section 5.3.2)', () => {
    const records = [rdata('A', '192.0.2.9')];
    const owner = parseName('*.example.net');
    const rrsig = signRRset({ owner, records, originalTtlSeconds: 60 }, signingKey, validity);
    expect(rrsig.labels).toBe(2);
    const verified = (name: string): boolean =>
      verifyRRset({ owner: parseName(name), records }, rrsig, key.dnskey, THEN);
    expect(verified('a.b.example.net')).toBe(true);
    expect(verified('*.example.net')).toBe(true);
    expect(verified('a.example.org')).toBe(false);
  });
});

describe('a presigned set', () => {
  it('holds the set and one signature of every key', () => {
    const keys = [generateKey(257), generateKey(257)];
    const zone = generateKey(256);
    const records = [...keys, zone].map(({ dnskey }) => dnskey);
    const presigned = presign(origin, 3600, records, keys, {
      inceptionSeconds: THEN,
      expirationSeconds: THEN + 1000,
    });
    expect(JSON.parse(JSON.stringify(presigned))).toEqual(presigned);
    const { set, signatures } = readPresigned(TYPE.DNSKEY, presigned);
    expect(set).toMatchObject({ type: TYPE.DNSKEY, ttlSeconds: 3600, records });
    expect(signatures.ttlSeconds).toBe(3600);
    const verified = signatures.records.map((rrsig, i) => {
      const dnskey = keys[i]?.dnskey;
      return (
        rrsig.type === 'RRSIG' &&
        dnskey !== undefined &&
        verifyRRset({ owner: origin, records: set.records }, rrsig, dnskey, THEN + 1)
      );
    });
    expect(verified).toEqual([true, true]);
  });
});
