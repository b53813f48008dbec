import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type DomainName, parseName } from '../name.ts';
import { parseRdata, type Rdata } from '../records/catalogue.ts';
import { compileRRset, momentaryRRset, type RRset } from '../rrset.ts';
import { TYPE } from '../types.ts';
import { compileZoneOrThrow } from '../zone.ts';
import { typesAt } from './denial.ts';
import { privateKeyFrom } from './key.ts';
import type { SigningMaterial } from './material.ts';
import { signRRset, verifyRRset } from './signature.ts';
import { type CachedSignatures, SignatureCache } from './signature-cache.ts';
import { signSection } from './signed-sections.ts';
import { SigningBudget } from './signing-budget.ts';
import { successorOf } from './successor.ts';
import { makeZoneKeys, materialOf } from './testing/signing-material.ts';
import { createZoneSigner, type ZoneSigner } from './zone-signer.ts';

const NOW = 1_800_000_000;
const origin = parseName('signed.test');
const www = parseName('www.signed.test');
const keys = makeZoneKeys();
const set = compileRRset(TYPE.A, 300, [parseRdata(TYPE.A, '192.0.2.1')]);

function signerOf(material: SigningMaterial, perSecond = 1e6): ZoneSigner {
  return createZoneSigner(material, origin, {
    wallMs: () => NOW * 1000,
    budget: new SigningBudget(perSecond, () => NOW * 1000),
    kept: new SignatureCache(1e6),
    fleeting: new SignatureCache(1e5),
  });
}

describe('signing', () => {
  it('for a copy of the zone lasts as long as the signatures over its keys', () => {
    const material = materialOf(origin, keys, NOW);
    const [signature] = signerOf(material).signaturesForCopy(www, set).records;
    expect(signature).toMatchObject({ type: 'RRSIG', expiration: NOW + 21 * 86_400 });
    if (signature?.type !== 'RRSIG') throw new Error('there is no signature');
    expect(verifyRRset({ owner: www, records: set.records }, signature, keys.zoneSigning.dnskey, NOW)).toBe(
      true,
    );
  });

  it('needs nothing for the parent', () => {
    const { dnskey, signers, signatureValiditySeconds } = materialOf(origin, keys, NOW);
    const signer = signerOf({ dnskey, signers, signatureValiditySeconds });
    expect([...signer.presigned.keys()]).toEqual([TYPE.DNSKEY]);
    expect([...signerOf(materialOf(origin, keys, NOW)).presigned.keys()]).toEqual([
      TYPE.DNSKEY,
      TYPE.CDS,
      TYPE.CDNSKEY,
    ]);
  });

  it('gives a signature the TTL that its set has in this answer', () => {
    const signer = signerOf(materialOf(origin, keys, NOW));
    const signatures = signer.signaturesOf(www, set, 300, false);
    const brief = momentaryRRset(TYPE.A, 20, set.records);
    const part = {
      owner: www,
      set: brief,
      originalTtlSeconds: 300,
      signing: 'zone',
      ...(signatures && { signatures }),
    } as const;
    expect(signSection([part], signer)?.map((each) => [each.set.type, each.set.ttlSeconds])).toEqual([
      [TYPE.A, 20],
      [TYPE.RRSIG, 20],
    ]);
  });

  describe('of a large set', () => {
    const addresses = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) =>
        parseRdata(TYPE.A, `10.0.${(from + i) >> 8}.${(from + i) & 0xff}`),
      );
    const servers = Array.from({ length: 500 }, (_, i) => parseRdata(TYPE.NS, `ns${i}.example.net.`));

    it('reads the set once, however often it is asked for', () => {
      let reads = 0;
      const counted: RRset = {
        ...momentaryRRset(TYPE.NS, 300, []),
        get records() {
          reads += 1;
          return servers;
        },
      };
      const signer = signerOf(materialOf(origin, keys, NOW));
      const first = signer.signaturesOf(www, counted, 300, false);
      const readOnce = reads;
      for (let i = 0; i < 10; i += 1) expect(signer.signaturesOf(www, counted, 300, false)).toBe(first);
      expect(reads - readOnce).toBeLessThanOrEqual(10); // to see how large it is
    });

    it('does not decode a set that is encoded', () => {
      const signer = signerOf(materialOf(origin, keys, NOW));
      const compiled = compileRRset(TYPE.A, 300, addresses(0, 400));
      const signatures = signer.signaturesOf(www, compiled, 300, false);
      const again: RRset = {
        ...compiled,
        get records(): never {
          throw new Error('its records were asked for');
        },
      };
      expect(signer.signaturesOf(www, again, 300, false)).toBe(signatures);
    });

    it.each([
      ['addresses', TYPE.A, addresses(0, 400), addresses(1, 400)],
      ['names', TYPE.NS, servers, servers.slice(1)],
    ])('signs it anew only when its records differ: %s', (_what, type, records, others) => {
      const signer = signerOf(materialOf(origin, keys, NOW));
      const signed = (of: readonly Rdata[]): RRset | undefined =>
        signer.signaturesOf(www, compileRRset(type, 300, of), 300, false);
      const signatures = signed(records);
      expect(signed([...records].reverse())).toBe(signatures);
      expect(signed(others)).not.toBe(signatures);
      const [made] = signatures?.records ?? [];
      if (made?.type !== 'RRSIG') throw new Error('there is no signature');
      expect(verifyRRset({ owner: www, records }, made, keys.zoneSigning.dnskey, NOW)).toBe(true);
    });
  });

  it('of no records covers no type', () => {
    const key = { signer: origin, keyTag: 1, privateKey: privateKeyFrom(keys.zoneSigning.privateKey) };
    const validity = { inceptionSeconds: NOW, expirationSeconds: NOW + 1 };
    expect(signRRset({ owner: www, records: [], originalTtlSeconds: 1 }, key, validity).typeCovered).toBe(0);
  });

  it('takes private keys on P-256 only', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
    expect(() => privateKeyFrom(privateKey.export({ format: 'der', type: 'pkcs8' }))).toThrowError(
      expect.objectContaining({ code: 'DNSSEC_KEY_INVALID' }),
    );
  });
});

describe('signatures that are kept', () => {
  const entry = (): CachedSignatures => ({
    records: [],
    inceptionSeconds: 0,
    refreshSeconds: 1,
    expirationSeconds: 2,
    encoded: set,
  });

  it('stay while they are asked for, and go when they are not', () => {
    const cache = new SignatureCache(8000);
    const kept = entry();
    cache.set('kept', kept);
    for (let i = 0; i < 50; i += 1) {
      cache.set(`other ${i}`, entry());
      expect(cache.get('kept')).toBe(kept);
    }
    expect(cache.get('other 0')).toBeUndefined();
    expect(cache.octets).toBeLessThan(9000);
    expect(cache.size).toBeGreaterThan(1);
  });
});

describe('a denial', () => {
  it('at the apex of a zone that is not signed knows of no keys', () => {
    const zone = compileZoneOrThrow({
      origin,
      serial: 1,
      nameServers: [{ name: parseName('ns.elsewhere.invalid'), addresses: [] }],
      soa: { refreshSeconds: 1, retrySeconds: 1, expireSeconds: 1, minimumSeconds: 1 },
      ttlSeconds: 60,
      records: [],
      routed: [],
    });
    expect(typesAt(zone, zone.apex)).toEqual([TYPE.NS, TYPE.SOA, TYPE.RRSIG, TYPE.NSEC]);
  });

  it('in the root zone names the next name there', () => {
    const root = parseName('.');
    expect(successorOf(root, root)).toBe('\\000.');
    const long = [63, 63, 63, 60].map((length) => 'a'.repeat(length)).join('.');
    // 254 octets: no room for a label, and the first label is full: its last octet goes up.
    expect(successorOf(parseName(long), root)).toBe(`${long.slice(0, 62)}b${long.slice(63)}.`);
    const last =
      `${'\\255'.repeat(63)}.${'\\255'.repeat(63)}.${'\\255'.repeat(63)}.${'\\255'.repeat(61)}.` as DomainName;
    expect(successorOf(last, root)).toBe('.');
    expect(successorOf(last, origin)).toBe(origin); // not below it: nothing but the end of the chain is left
    const full =
      `${'\\255'.repeat(63)}.${'\\255'.repeat(63)}.${'\\255'.repeat(63)}.${'a'.repeat(61)}.` as DomainName;
    expect(successorOf(full, root)).toBe(`${'a'.repeat(60)}b.`);
  });
});
