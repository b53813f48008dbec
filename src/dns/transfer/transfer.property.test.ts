import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DomainName, parseName } from '../name.ts';
import { formatRdata, parseRdata, type Rdata } from '../records/catalogue.ts';
import type { OwnedRRset } from '../rrset.ts';
import { zoneSource } from '../testing/zone-source.ts';
import { findTsig, signRequest, verifyRequest } from '../tsig.ts';
import { TYPE, typeName } from '../types.ts';
import { decodeMessage, encodeMessage, makeQuery } from '../wire/message.ts';
import { parseQuery } from '../wire/query.ts';
import { WireWriter } from '../wire/writer.ts';
import { compileZoneOrThrow, reviseZone, type Zone } from '../zone.ts';
import { AxfrReader } from './axfr-reader.ts';
import { differenceOf, type ZoneDifference } from './difference.ts';
import { Journal } from './journal.ts';
import { incrementalZone, packMessages, wholeZone } from './messages.ts';
import { compareSerials } from './serial.ts';
import { contentOf } from './zone-content.ts';

const ORIGIN = parseName('example.test');

interface Sketch {
  readonly name: number;
  readonly type: 'A' | 'TXT' | 'MX';
  readonly ttlSeconds: number;
  readonly data: readonly number[];
}

const sketches: fc.Arbitrary<readonly Sketch[]> = fc.uniqueArray(
  fc.record({
    name: fc.nat(12),
    type: fc.constantFrom('A', 'TXT', 'MX'),
    ttlSeconds: fc.constantFrom(60, 300),
    data: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 4 }),
  }),
  { selector: ({ name, type }) => `${name} ${type}`, maxLength: 20 },
);

const DATA: Record<Sketch['type'], (n: number) => string> = {
  A: (n) => `192.0.2.${n}`,
  TXT: (n) => `"text ${n}"`,
  MX: (n) => `${n} mail${n}.example.test.`,
};

/** The same routed name with another fallback in each version. */
function zoneOf(serial: number, records: readonly Sketch[], fallback: number): Zone {
  return compileZoneOrThrow(
    zoneSource({
      origin: ORIGIN,
      serial,
      records: records.map(({ name, type, ttlSeconds, data }) => ({
        name: `n${name}`,
        type,
        ttlSeconds,
        data: data.map(DATA[type]),
      })),
      routed: [
        {
          name: parseName('routed.example.test'),
          routed: {
            types: new Set([TYPE.A]),
            answer: () => ({ ttlSeconds: 1, records: [], ecsScope: 0 }),
            fallback: () => [
              { type: TYPE.A, ttlSeconds: 30, records: [parseRdata(TYPE.A, `203.0.113.${fallback}`)] },
            ],
          },
        },
      ],
    }),
  );
}

const line = (owner: DomainName, type: number, ttlSeconds: number, rdata: Rdata): string =>
  `${owner} ${ttlSeconds} ${typeName(type)} ${formatRdata(rdata)}`;
const linesOf = (sets: Iterable<OwnedRRset>): string[] =>
  [...sets].flatMap(({ owner, set }) =>
    set.records.map((rdata) => line(owner, set.type, set.ttlSeconds, rdata)),
  );

function difference(before: Zone, after: Zone, maxOctets = 1 << 20): ZoneDifference | undefined {
  const steps = differenceOf(before, after, maxOctets);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/** Messages of a transfer, decoded from the wire. */
function sent(sets: Iterable<OwnedRRset>, fullOctets?: number) {
  const bytes = encodeMessage(makeQuery(7, { name: ORIGIN, type: TYPE.AXFR, class: 1 }));
  const query = parseQuery(bytes);
  if (query === undefined) throw new Error('no query');
  const writer = new WireWriter();
  const messages: Uint8Array[] = [];
  for (const _ of packMessages(query, sets, writer, undefined, () => 0, fullOctets))
    messages.push(new Uint8Array(writer.buffer.subarray(0, writer.offset)));
  return messages;
}

describe('the difference of two versions of a zone', () => {
  it('turns the content of one into that of the other, and has nothing that both have', () => {
    fc.assert(
      fc.property(sketches, sketches, fc.nat(2), fc.nat(2), (first, second, x, y) => {
        const before = zoneOf(1, first, x);
        const after = zoneOf(2, second, y);
        const found = difference(before, after);
        const removed = linesOf(found?.removed ?? []);
        const added = linesOf(found?.added ?? []);
        const old = linesOf(contentOf(before));
        expect(removed.every((one) => old.includes(one))).toBe(true);
        const now = [...old.filter((one) => !removed.includes(one)), ...added];
        expect(now.toSorted()).toEqual(linesOf(contentOf(after)).toSorted());
        expect(removed.filter((one) => added.includes(one))).toEqual([]);
        if (x === y && JSON.stringify(first) === JSON.stringify(second)) expect(found?.octets).toBe(0);
      }),
    );
  });

  it('of a big zone is found in slices, between which the caller may do something else', () => {
    const records = (from: number) =>
      Array.from(
        { length: 1200 },
        (_, i): Sketch => ({
          name: from + i,
          type: 'TXT',
          ttlSeconds: 60,
          data: [1],
        }),
      );
    const steps = differenceOf(zoneOf(1, records(0), 0), zoneOf(2, records(600), 0), 1 << 20);
    let slices = 0;
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) slices += 1;
    expect(slices).toBeGreaterThanOrEqual(4);
    expect([step.value?.removed.length, step.value?.added.length]).toEqual([600, 600]);
  });

  it('of a zone and the same zone with a new serial is empty', () => {
    const zone = zoneOf(1, [{ name: 1, type: 'A', ttlSeconds: 60, data: [1] }], 0);
    const routed = zone.nodes.get(parseName('routed.example.test'))?.routed;
    if (routed === undefined) throw new Error('no routed name');
    const next = reviseZone(zone, 2, [{ name: parseName('routed.example.test'), routed }]);
    expect(difference(zone, next)).toMatchObject({ removed: [], added: [], octets: 0 });
  });

  it('of a zone and the same zone with another fallback is that fallback', () => {
    const zone = zoneOf(1, [{ name: 1, type: 'A', ttlSeconds: 60, data: [1] }], 0);
    const other = zoneOf(1, [], 1).nodes.get(parseName('routed.example.test'))?.routed;
    if (other === undefined) throw new Error('no routed name');
    const found = difference(
      zone,
      reviseZone(zone, 2, [{ name: parseName('routed.example.test'), routed: other }]),
    );
    expect([found?.removed, found?.added].map((sets) => linesOf(sets ?? []))).toEqual([
      ['routed.example.test. 30 A 203.0.113.0'],
      ['routed.example.test. 30 A 203.0.113.1'],
    ]);
  });

  it('is given up when it is too big to be worth it', () => {
    const many = Array.from(
      { length: 12 },
      (_, name): Sketch => ({ name, type: 'A', ttlSeconds: 60, data: [1] }),
    );
    expect(difference(zoneOf(1, [], 0), zoneOf(2, many, 0), 200)).toBeUndefined();
    expect(difference(zoneOf(1, many, 0), zoneOf(2, [], 0), 200)).toBeUndefined();
  });
});

describe('a journal', () => {
  const step = (from: number, to: number, octets = 10): ZoneDifference => {
    const { soa } = zoneOf(1, [], 0);
    return { from: { serial: from, soa }, to: { serial: to, soa }, removed: [], added: [], octets };
  };

  it('leads from each version it holds to the newest', () => {
    const journal = new Journal();
    journal.append(step(1, 2));
    journal.append(step(2, 5));
    expect(journal.between(1, 5)?.map(({ to }) => to.serial)).toEqual([2, 5]);
    expect(journal.between(2, 5)?.map(({ to }) => to.serial)).toEqual([5]);
    expect(journal.between(3, 5)).toBeUndefined();
    expect(journal.between(1, 2)).toBeUndefined();
  });

  it('forgets the oldest beyond its limits, and everything when the history breaks', () => {
    const journal = new Journal({ versions: 3, octets: 100 });
    for (let i = 0; i < 10; i += 1) journal.append(step(i, i + 1));
    expect(journal.versions).toBe(3);
    journal.append(step(10, 11, 85));
    expect([journal.versions, journal.octets]).toEqual([2, 95]);
    journal.append(step(11, 12, 101));
    expect([journal.versions, journal.octets]).toEqual([0, 0]);
    journal.append(step(12, 13));
    journal.append(step(20, 21));
    expect(journal.between(12, 21)).toBeUndefined();
    expect(journal.between(20, 21)).toHaveLength(1);
  });
});

describe('the messages of a transfer', () => {
  it('hold all records once, in their order, none longer than it may be', () => {
    fc.assert(
      fc.property(sketches, fc.constantFrom(undefined, 100, 200, 512), (records, fullOctets) => {
        const zone = zoneOf(9, records, 0);
        const messages = sent(wholeZone(zone, contentOf(zone)), fullOctets);
        const lines = messages.flatMap((bytes) => {
          const { answers, flags, id } = decodeMessage(bytes);
          expect([flags.response, flags.authoritative, id]).toEqual([true, true, 7]);
          // One record alone may be longer.
          if (answers.length > 1) expect(bytes.length).toBeLessThanOrEqual(fullOctets ?? 16_384);
          return answers.map((r) => line(r.name, r.type, r.ttlSeconds, r.rdata));
        });
        const soa = linesOf([{ owner: ORIGIN, set: zone.soa }]);
        expect(lines).toEqual([...soa, ...linesOf(contentOf(zone)), ...soa]);
      }),
    );
  });

  it('are read back by the client as the zone, with one SOA', () => {
    fc.assert(
      fc.property(sketches, (records) => {
        const zone = zoneOf(9, records, 0);
        const reader = new AxfrReader(ORIGIN, 7);
        const lines = sent(wholeZone(zone, contentOf(zone)), 300).flatMap((bytes) => {
          expect(reader.ended).toBe(false);
          return reader.accept(bytes).map((r) => line(r.name, r.type, r.ttlSeconds, r.rdata));
        });
        expect(reader.ended).toBe(true);
        expect(lines).toEqual([...linesOf([{ owner: ORIGIN, set: zone.soa }]), ...linesOf(contentOf(zone))]);
      }),
    );
  });

  it('of an IXFR frame each difference by the SOAs of both its versions', () => {
    const [a, b, c] = [1, 2, 3].map((serial) =>
      zoneOf(serial, [{ name: serial, type: 'A', ttlSeconds: 60, data: [serial] }], 0),
    );
    if (a === undefined || b === undefined || c === undefined) throw new Error('three zones');
    const differences = [difference(a, b), difference(b, c)].filter((d) => d !== undefined);
    const shape = sent(incrementalZone(c, differences))
      .flatMap((bytes) => decodeMessage(bytes).answers)
      .map(({ name, rdata }) => (rdata.type === 'SOA' ? `SOA ${rdata.serial}` : `${name}`));
    expect(shape).toEqual([
      'SOA 3',
      'SOA 1',
      'n1.example.test.',
      'SOA 2',
      'n2.example.test.',
      'SOA 2',
      'n2.example.test.',
      'SOA 3',
      'n3.example.test.',
      'SOA 3',
    ]);
  });

  it('have the OPT record and the signature that the query asks for, within the size', () => {
    const key = { name: parseName('k'), algorithm: 'hmac-sha256' as const, secret: new Uint8Array(32) };
    const bytes = encodeMessage({
      ...makeQuery(7, { name: ORIGIN, type: TYPE.AXFR, class: 1 }),
      edns: undefined,
    });
    const { message, answers } = signRequest(bytes, key, 1000);
    const query = parseQuery(message);
    const found = findTsig(message);
    if (query === undefined || found.kind !== 'found') throw new Error('no query');
    const verdict = verifyRequest(message, found.record, new Map([[key.name, [key]]]), 1000);
    if (verdict.kind !== 'verified') throw new Error(verdict.kind);
    const zone = zoneOf(9, [{ name: 1, type: 'TXT', ttlSeconds: 60, data: [1, 2, 3] }], 0);
    const writer = new WireWriter();
    let count = 0;
    for (const _ of packMessages(
      query,
      wholeZone(zone, contentOf(zone)),
      writer,
      verdict.chain,
      () => 1000,
      300,
    )) {
      const sentBytes = new Uint8Array(writer.buffer.subarray(0, writer.offset));
      expect(sentBytes.length).toBeLessThanOrEqual(300);
      expect(decodeMessage(sentBytes).edns).toBeUndefined();
      answers.accept(sentBytes, 1000);
      count += 1;
    }
    expect(count).toBeGreaterThan(1);
    expect(answers.complete).toBe(true);
    expect(sent([]).map((one) => decodeMessage(one).edns?.udpSize)).toEqual([1232]);
  });

  it('refuse a record that fits into no message', () => {
    const data = new Uint8Array(65_535);
    const set = {
      type: 65_400,
      ttlSeconds: 1,
      records: [{ type: 'OPAQUE' as const, code: 65_400, data }],
      wire: undefined,
    };
    const small = zoneOf(1, [], 0).soa;
    expect(() => sent([{ owner: ORIGIN, set }])).toThrow(/longer than a message/);
    expect(() =>
      sent([
        { owner: ORIGIN, set: small },
        { owner: ORIGIN, set },
      ]),
    ).toThrow(/longer than a message/);
  });
});

describe('serials', () => {
  it('are compared on the circle of RFC 1982', () => {
    expect(compareSerials(1, 1)).toBe(0);
    expect(compareSerials(1, 2)).toBe(-1);
    expect(compareSerials(2, 1)).toBe(1);
    expect(compareSerials(0xffff_ffff, 0)).toBe(-1);
    expect(compareSerials(0, 0xffff_ffff)).toBe(1);
    expect(compareSerials(0, 0x7fff_ffff)).toBe(-1);
    expect(compareSerials(0, 0x8000_0001)).toBe(1);
  });

  it('are opposite when they are exchanged, but for those half the circle apart', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), (a, b) => {
        if ((b - a) >>> 0 === 0x8000_0000) expect(compareSerials(a, b)).toBe(-1);
        else expect(compareSerials(a, b) + compareSerials(b, a)).toBe(0);
      }),
    );
  });
});
