import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareNames } from '../dnssec/canonical.ts';
import { verifyRRset } from '../dnssec/signature.ts';
import { SignatureCache } from '../dnssec/signature-cache.ts';
import { SigningBudget } from '../dnssec/signing-budget.ts';
import { makeZoneKeys, materialOf } from '../dnssec/testing/signing-material.ts';
import { createZoneSigner } from '../dnssec/zone-signer.ts';
import { type DomainName, parseName } from '../name.ts';
import type { RrsigRdata } from '../records/rrsig.ts';
import type { OwnedRRset } from '../rrset.ts';
import { zoneSource } from '../testing/zone-source.ts';
import { TYPE, typeName } from '../types.ts';
import { compileZoneOrThrow, type Zone } from '../zone.ts';
import type { RecordSource, ZoneSource } from '../zone-source.ts';
import { namesInOrder, signedContentOf } from './signed-content.ts';

const ORIGIN = parseName('example.test');
const NOW = 1_700_000_000;
const keys = makeZoneKeys();
const material = materialOf(ORIGIN, keys, NOW);
const signer = createZoneSigner(material, ORIGIN, {
  wallMs: () => NOW * 1000,
  budget: new SigningBudget(0, () => NOW * 1000), // a copy needs none
  kept: new SignatureCache(1),
  fleeting: new SignatureCache(1),
});

function zoneOf(records: readonly RecordSource[], routed: ZoneSource['routed'] = []): Zone {
  const zone = compileZoneOrThrow(
    zoneSource({
      origin: ORIGIN,
      records,
      routed,
    }),
  );
  return { ...zone, signer };
}

function namesOf(zone: Zone): readonly DomainName[] {
  const steps = namesInOrder(zone);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

const contentOf = (zone: Zone): readonly OwnedRRset[] => [...signedContentOf(zone, signer, namesOf(zone))];
const at = (content: readonly OwnedRRset[], owner: string): readonly string[] =>
  content.filter((one) => one.owner === owner).map(({ set }) => typeName(set.type));
const signaturesAt = (content: readonly OwnedRRset[], owner: string): readonly RrsigRdata[] =>
  content
    .filter((one) => one.owner === owner && one.set.type === TYPE.RRSIG)
    .flatMap(({ set }) => set.records)
    .filter((rdata) => rdata.type === 'RRSIG');
const nsecAt = (content: readonly OwnedRRset[], owner: string) => {
  const [rdata] = content.find((one) => one.owner === owner && one.set.type === TYPE.NSEC)?.set.records ?? [];
  return rdata?.type === 'NSEC' ? { next: rdata.next, types: rdata.types.map(typeName) } : undefined;
};

const RECORDS: readonly RecordSource[] = [
  { name: 'www', type: 'A', data: ['192.0.2.1', '192.0.2.2'] },
  { name: '*.wild', type: 'TXT', data: ['"any"'] },
  { name: 'a.deep.name', type: 'TXT', data: ['"deep"'] },
  { name: 'child', type: 'NS', data: ['ns.child.example.test.'] },
  { name: 'ns.child', type: 'A', data: ['192.0.2.9'] },
  { name: 'safe', type: 'NS', data: ['ns.example.net.'] },
  {
    name: 'safe',
    type: 'DS',
    data: ['12345 13 2 49FD46E6C4B45C55D4AC49FD46E6C4B45C55D4AC49FD46E6C4B45C55D4AC1234'],
  },
];
const routed = (name: string, fallback: boolean): ZoneSource['routed'][number] => ({
  name: parseName(`${name}.example.test`),
  routed: {
    types: new Set([TYPE.A, TYPE.AAAA]),
    answer: () => ({ ttlSeconds: 1, records: [], ecsScope: 0 }),
    fallback: () =>
      fallback
        ? [
            {
              type: TYPE.A,
              ttlSeconds: 45,
              records: [{ type: 'A', address: new Uint8Array([192, 0, 2, 7]) }],
            },
          ]
        : [],
  },
});

describe('the copy of a signed zone', () => {
  const content = contentOf(zoneOf(RECORDS, [routed('routed', true), routed('absent', false)]));

  it('has a good signature over every set that the zone answers for, and over no other', () => {
    const sets = content.filter(({ set }) => set.type !== TYPE.RRSIG);
    expect(sets.length).toBeGreaterThan(20);
    for (const { owner, set } of sets) {
      const signatures = signaturesAt(content, owner).filter(({ typeCovered }) => typeCovered === set.type);
      const delegated = owner === 'child.example.test.' || owner === 'safe.example.test.';
      const glue = owner === 'ns.child.example.test.';
      const unsigned = glue || (delegated && set.type === TYPE.NS);
      expect([owner, typeName(set.type), signatures.length]).toEqual([
        owner,
        typeName(set.type),
        unsigned ? 0 : 1,
      ]);
      const byHub = set.type === TYPE.DNSKEY || set.type === TYPE.CDS || set.type === TYPE.CDNSKEY;
      const { dnskey } = byHub ? keys.keySigning : keys.zoneSigning;
      for (const signature of signatures) {
        expect(verifyRRset({ owner, records: set.records }, signature, dnskey, NOW)).toBe(true);
        expect(signature.originalTtlSeconds).toBe(set.ttlSeconds);
      }
    }
    expect(signaturesAt(content, ORIGIN).map(({ typeCovered }) => typeName(typeCovered))).toContain('SOA');
  });

  it('is signed for as long as the set of keys is', () => {
    const [dnskey] = signaturesAt(content, ORIGIN).filter(({ typeCovered }) => typeCovered === TYPE.DNSKEY);
    const [www] = signaturesAt(content, 'www.example.test.');
    expect(www?.expiration).toBe(dnskey?.expiration);
    expect(www?.expiration).toBe(NOW + 21 * 86_400);
    expect(www?.inception).toBe(NOW - 3600);
  });

  it('has an NSEC chain through every name with data, once around', () => {
    const chain: string[] = [];
    for (let name: string = ORIGIN; !chain.includes(name); name = nsecAt(content, name)?.next ?? 'broken')
      chain.push(name);
    expect(chain).toEqual([
      'example.test.',
      'absent.example.test.',
      'child.example.test.',
      'a.deep.name.example.test.',
      'ns.example.test.',
      'routed.example.test.',
      'safe.example.test.',
      '*.wild.example.test.',
      'www.example.test.',
    ]);
    expect(content.filter(({ set }) => set.type === TYPE.NSEC)).toHaveLength(chain.length);
    expect(nsecAt(content, 'child.example.test.')?.types).toEqual(['NS', 'RRSIG', 'NSEC']);
    expect(nsecAt(content, 'safe.example.test.')?.types).toEqual(['NS', 'DS', 'RRSIG', 'NSEC']);
    expect(nsecAt(content, ORIGIN)?.types).toEqual([
      'NS',
      'SOA',
      'RRSIG',
      'NSEC',
      'DNSKEY',
      'CDS',
      'CDNSKEY',
    ]);
  });

  it('claims every type of a routed name, also those it has not, so that nobody concludes they do not exist', () => {
    expect(at(content, 'routed.example.test.')).toEqual(['A', 'RRSIG', 'NSEC', 'RRSIG']);
    expect(at(content, 'absent.example.test.')).toEqual(['NSEC', 'RRSIG']);
    for (const name of ['routed.example.test.', 'absent.example.test.'])
      expect(nsecAt(content, name)?.types).toEqual(['A', 'AAAA', 'RRSIG', 'NSEC']);
  });

  it('leaves out a name that is not in the zone', () => {
    const zone = zoneOf(RECORDS);
    const names = [...namesOf(zone), parseName('zzz.example.test')];
    const glue = [parseName('ns.zzz.example.test')];
    const owners = [...signedContentOf(zone, signer, names, glue)].map(({ owner }) => owner);
    expect(owners).not.toContain('zzz.example.test.');
    expect(owners).not.toContain('ns.zzz.example.test.');
  });

  it('has its names in canonical order, whatever octets and how many there are', () => {
    const label = fc
      .stringMatching(/^([a-z0-9*-]|\\\\(000|001|032|046|255)){1,4}$/)
      .map((l) => l.replaceAll('\\\\', '\\'));
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.')),
          { maxLength: 30 },
        ),
        (names) => {
          const zone = zoneOf(names.map((name) => ({ name, type: 'TXT', data: ['x'] })));
          const found = namesOf(zone);
          expect(found).toHaveLength(new Set([...names.map((n) => `${n}.`), 'ns.', '']).size);
          expect(found).toEqual(found.toSorted(compareNames));
        },
      ),
    );
    const shuffled = (i: number): string => `n${(i * 7919) % 5003}`;
    const ordered = (i: number): string => `z${String(i).padStart(4, '0')}`;
    for (const nameOf of [shuffled, ordered]) {
      const many = Array.from({ length: 5003 }, (_, i) => ({ name: nameOf(i), type: 'TXT', data: ['x'] }));
      const found = namesOf(zoneOf(many));
      expect(found).toHaveLength(5005);
      expect(found).toEqual(found.toSorted(compareNames));
    }
  });
});
