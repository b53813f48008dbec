import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DomainName,
  isAtOrBelow,
  labelsOf,
  MAX_NAME_OCTETS,
  OCTET_TEXT,
  parseName,
  wireLengthOf,
} from '../name.ts';
import { parseRdata, type Rdata } from '../records/catalogue.ts';
import { TYPE } from '../types.ts';
import { canonicalOrder, canonicalRdata, compareNames, signedLabels } from './canonical.ts';
import { generateKey, privateKeyFrom } from './key.ts';
import { signRRset, verifyRRset } from './signature.ts';
import { successorOf } from './successor.ts';

const origin = parseName('example');
/** Octets that are next to something: the ends, and upper case, which canonical names do not have. */
const octet = fc.oneof(
  fc.constantFrom(0x00, 0x01, 0x2a, 0x2e, 0x40, 0x5b, 0x7a, 0xc8, 0xfe, 0xff),
  fc.nat({ max: 255 }).filter((value) => value < 0x41 || value > 0x5a),
);
const label = (minLength: number, maxLength: number) =>
  fc
    .array(octet, { minLength, maxLength })
    .map((octets) => octets.map((value) => OCTET_TEXT[value] ?? '').join(''));
const nameOf = (labels: readonly string[]): DomainName => [...labels, origin].join('.') as DomainName;
const shortName = fc.array(label(1, 4), { maxLength: 3 }).map(nameOf);
/** Names with little room or none: 245 to 255 octets, whose first label may be full. */
const longName = fc
  .tuple(label(33, 63), fc.constantFrom('a', 'b'), label(1, 63))
  .map(([first, letter, second]) => nameOf([first, second, letter.repeat(60), letter.repeat(60)]))
  .filter((name) => wireLengthOf(name) <= MAX_NAME_OCTETS);
const fullName = fc.constantFrom(0xff, 0x40, 0x61).chain((value) =>
  fc.integer({ min: 50, max: 55 }).map((length) => {
    const text = OCTET_TEXT[value] ?? '';
    return nameOf([text.repeat(length), text.repeat(63), text.repeat(63), text.repeat(61)]);
  }),
);
const name = fc.oneof(shortName, longName, fullName).filter((one) => wireLengthOf(one) <= MAX_NAME_OCTETS);

describe('canonical order of names (RFC 4034 section 6.1)', () => {
  it('is that of the example', () => {
    const ordered = [
      'example',
      'a.example',
      'yljkjljk.a.example',
      'Z.a.example',
      'zABC.a.EXAMPLE',
      'z.example',
      '\\001.z.example',
      '*.z.example',
      '\\200.z.example',
    ].map(parseName);
    const shuffled = [...ordered].sort().reverse();
    expect(shuffled.sort(compareNames)).toEqual(ordered);
  });

  it('is total', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(Math.sign(compareNames(a, b))).toBe(-Math.sign(compareNames(b, a)) + 0);
        expect(compareNames(a, b) === 0).toBe(a === b);
      }),
    );
  });
});

describe('the successor of a name', () => {
  it('comes after it, is a name of the zone, and leaves no room between (RFC 4471)', () => {
    let special = 0;
    fc.assert(
      fc.property(name, name, (one, other) => {
        const next = successorOf(one, origin);
        expect(wireLengthOf(next)).toBeLessThanOrEqual(MAX_NAME_OCTETS);
        expect(labelsOf(next).every((text) => text.replace(/\\\d{3}/g, 'x').length <= 63)).toBe(true);
        expect(isAtOrBelow(next, origin)).toBe(true);
        if (!next.startsWith('\\000.')) special += 1;
        if (next === origin) return; // the last name of the zone
        expect(compareNames(one, next)).toBeLessThan(0);
        expect(compareNames(one, other) < 0 && compareNames(other, next) < 0).toBe(false);
      }),
      { numRuns: 2000 },
    );
    expect(special).toBeGreaterThan(100);
  });

  it('is `\\000.` in front of it where that fits', () => {
    expect(successorOf(parseName('a.example'), origin)).toBe('\\000.a.example.');
    const full = nameOf(['a'.repeat(53), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(63)]);
    expect(wireLengthOf(full)).toBe(255);
    expect(successorOf(full, origin)).toBe(`${'a'.repeat(52)}b.${full.slice(54)}`);
    const at = nameOf([`${'a'.repeat(52)}\\064`, 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(63)]);
    expect(successorOf(at, origin)).toBe(`${'a'.repeat(52)}[.${full.slice(54)}`);
    const nearlyFull = nameOf(['a'.repeat(52), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(63)]);
    expect(successorOf(nearlyFull, origin)).toBe(`${'a'.repeat(52)}\\000.${full.slice(54)}`);
    const last = nameOf(['\\255'.repeat(53), '\\255'.repeat(63), '\\255'.repeat(63), '\\255'.repeat(63)]);
    expect(successorOf(last, origin)).toBe(origin);
  });
});

describe('canonical sets', () => {
  it('are ordered as octet strings, the shorter first (RFC 4034 section 6.3)', () => {
    const texts = ['"b"', '"a"', '"aa"', '""', '"a" "b"'];
    const ordered = canonicalOrder(texts.map((text) => parseRdata(TYPE.TXT, text)));
    expect(ordered.map((octets) => Buffer.from(octets).toString('hex'))).toEqual([
      '00',
      '0161',
      '01610162',
      '0162',
      '026161',
    ]);
  });

  it('have the names of all types in full and in lower case (RFC 4034 section 6.2)', () => {
    const soa = parseRdata(TYPE.SOA, 'NS.Example.com. Admin.EXAMPLE.com. 1 2 3 4 5');
    const text = Buffer.from(canonicalRdata(soa)).toString('latin1');
    expect(text.match(/example/g)).toHaveLength(2);
  });

  it('count labels without the root and a leading asterisk', () => {
    expect(['.', 'example', '*.example', 'a.*.example'].map((text) => signedLabels(parseName(text)))).toEqual(
      [0, 1, 1, 3],
    );
  });

  it('have signatures that verify, in any order of the records, and that no other set verifies with', () => {
    const key = generateKey(256);
    const signing = { signer: origin, keyTag: key.keyTag, privateKey: privateKeyFrom(key.privateKey) };
    const record = fc
      .uint8Array({ maxLength: 40 })
      .map((data): Rdata => ({ type: 'OPAQUE', code: 65400, data }));
    const set = fc.uniqueArray(record, {
      minLength: 1,
      maxLength: 6,
      selector: (rdata) => Buffer.from(canonicalRdata(rdata)).toString('hex'),
    });
    fc.assert(
      fc.property(name, set, fc.nat({ max: 2 ** 31 - 1 }), record, (owner, records, ttl, stranger) => {
        const validity = { inceptionSeconds: 100, expirationSeconds: 200 };
        const rrsig = signRRset({ owner, records, originalTtlSeconds: ttl }, signing, validity);
        const verifies = (made: readonly Rdata[]): boolean =>
          verifyRRset({ owner, records: made }, rrsig, key.dnskey, 150);
        expect(verifies(records.toReversed())).toBe(true);
        expect(verifies([...records, stranger])).toBe(false);
        expect(records.length > 1 && verifies(records.slice(1))).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});
