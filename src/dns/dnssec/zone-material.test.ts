import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { TYPE } from '../types.ts';
import { generateKey, KEY_FLAGS, type KeyPair } from './key.ts';
import type { KeyPlan } from './key-plan.ts';
import { readPresigned } from './presigned.ts';
import type { ZoneKey } from './rollover-state.ts';
import { verifyRRset } from './signature.ts';
import { apexExpiryMs, presignedApex, publicDigest, signingMaterial } from './zone-material.ts';

const ORIGIN = parseName('example.com');
const SETTINGS = {
  dnskeyTtlSeconds: 300,
  dnskeyValiditySeconds: 21 * 86_400,
  signatureValiditySeconds: 7 * 86_400,
};
const NOW = 1_790_000_000_500;

const pairs = new Map<string, KeyPair>([
  ['ksk', generateKey(KEY_FLAGS.keySigning)],
  ['zsk', generateKey(KEY_FLAGS.zoneSigning)],
]);
const pairOf = (id: string): KeyPair => pairs.get(id) ?? generateKey(KEY_FLAGS.zoneSigning);
const key = (role: 'ksk' | 'zsk'): ZoneKey => ({
  id: role,
  keyTag: pairOf(role).keyTag,
  role,
  state: 'active',
  createdAtMs: 0,
  sinceMs: 0,
  revision: 1,
  ds: [],
});
const plan: KeyPlan = {
  published: [key('ksk'), key('zsk')],
  keySigners: [key('ksk')],
  zoneSigners: [key('zsk')],
  parent: [key('ksk')],
};
const made = (of: Partial<KeyPlan> = {}, atHand?: ReturnType<typeof presignedApex>, nowMs = NOW) =>
  presignedApex(ORIGIN, { ...plan, ...of }, pairOf, SETTINGS, nowMs, atHand);

describe('the sets of the apex that the hub signs', () => {
  it('are signed by the key-signing key, from an hour ago until their validity ends', () => {
    const apex = made();
    const sets = [
      [TYPE.DNSKEY, apex.dnskey],
      [TYPE.CDS, apex.cds],
      [TYPE.CDNSKEY, apex.cdnskey],
    ] as const;
    for (const [type, presigned] of sets) {
      if (presigned === undefined) throw new Error('it is not there');
      const { set, signatures } = readPresigned(type, presigned);
      const [rrsig] = signatures.records;
      if (rrsig?.type !== 'RRSIG') throw new Error('it is not signed');
      const { dnskey } = pairOf('ksk');
      expect(verifyRRset({ owner: ORIGIN, records: set.records }, rrsig, dnskey, NOW / 1000)).toBe(true);
      expect(rrsig.expiration * 1000).toBe(apexExpiryMs(apex, SETTINGS));
      expect(rrsig.inception).toBe(Math.floor(NOW / 1000) - 3600);
    }
  });

  it('stay as they are until they are due, or keys or settings change', () => {
    const first = made();
    expect(made({}, first, NOW + 7 * 86_400_000)).toBe(first);
    expect(made({}, first, NOW + 7 * 86_400_000 + 1)).not.toBe(first);
    expect(made({ published: [key('ksk')] }, first)).not.toBe(first);
    expect(made({ parent: undefined }, first).cds).toBeUndefined();
  });

  it('ask for no DS by the records of RFC 8078', () => {
    const { cds, cdnskey } = made({ parent: 'delete' });
    expect(cds?.records).toEqual([Buffer.from([0, 0, 0, 0, 0]).toString('base64')]);
    expect(cdnskey?.records).toEqual([Buffer.from([0, 0, 3, 0, 0]).toString('base64')]);
  });
});

describe('what name servers get', () => {
  it('is the sets and the private zone-signing key, not the key-signing key', () => {
    const material = signingMaterial(made(), plan, pairOf, SETTINGS);
    expect(material.signers.map((signer) => signer.keyTag)).toEqual([pairOf('zsk').keyTag]);
    const secret = (id: string): string => Buffer.from(pairOf(id).privateKey).toString('base64');
    expect(JSON.stringify(material)).toContain(secret('zsk'));
    expect(JSON.stringify(material)).not.toContain(secret('ksk'));
    expect(material.signatureValiditySeconds).toBe(SETTINGS.signatureValiditySeconds);
    const quiet = signingMaterial(made({ parent: undefined }), plan, pairOf, SETTINGS);
    expect('cds' in quiet || 'cdnskey' in quiet).toBe(false);
  });

  it('has a digest of what is public: of who signs, and not of how the private key is spelled', () => {
    const material = signingMaterial(made(), plan, pairOf, SETTINGS);
    const [signer] = material.signers;
    if (signer === undefined) throw new Error('nobody signs');
    const digest = publicDigest(material);
    expect(publicDigest({ ...material, signers: [{ ...signer, privateKey: 'other' }] })).toBe(digest);
    expect(publicDigest({ ...material, signers: [{ ...signer, keyTag: 1 }] })).not.toBe(digest);
    expect(publicDigest({ ...material, dnskey: { ...material.dnskey, ttlSeconds: 1 } })).not.toBe(digest);
  });
});
