import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type DomainName, parseName } from '../name.ts';
import { codeOf, parseRdata, type Rdata } from '../records/catalogue.ts';
import { rdataKey } from '../rrset.ts';
import { TYPE } from '../types.ts';
import { readZoneFile, ZoneFileReader } from './reader.ts';
import { type FileSet, writeZoneFile } from './writer.ts';

vi.setConfig({ testTimeout: 180_000 });

const origin = parseName('example.com');
const spell = (octets: Uint8Array): string =>
  Array.from(octets, (octet) => `\\${String(octet).padStart(3, '0')}`).join('');
const label = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'abcxyz019-_*'), minLength: 1, maxLength: 8 }),
  fc.uint8Array({ minLength: 1, maxLength: 20 }).map(spell),
);
const under = (end: string): fc.Arbitrary<DomainName> =>
  fc.array(label, { maxLength: 3 }).map((labels) => parseName([...labels, end].join('.')));
const owner = fc.oneof(under('example.com'), under('example.net'));
const octets = fc.uint8Array({ minLength: 1, maxLength: 40 });
const u16 = fc.nat({ max: 0xffff });
const rdata: fc.Arbitrary<Rdata> = fc.oneof(
  fc.record({ type: fc.constant('A' as const), address: fc.uint8Array({ minLength: 4, maxLength: 4 }) }),
  fc.record({ type: fc.constant('MX' as const), preference: u16, exchange: owner }),
  fc.record({ type: fc.constant('TXT' as const), strings: fc.array(octets, { minLength: 1, maxLength: 3 }) }),
  fc.record({
    type: fc.constant('NAPTR' as const),
    order: u16,
    preference: u16,
    flags: octets,
    services: octets,
    regexp: octets,
    replacement: owner,
  }),
  fc.record({
    type: fc.constant('TLSA' as const),
    usage: fc.nat({ max: 255 }),
    selector: fc.constant(1),
    matchingType: fc.constant(1),
    data: octets,
  }),
  fc.record({
    type: fc.constant('OPAQUE' as const),
    code: fc.integer({ min: 60_000, max: 0xffff }),
    data: octets,
  }),
  fc.constant(parseRdata(TYPE.APL, '')),
  fc.constant(parseRdata(TYPE.HTTPS, '1 . alpn="h2,h3" port=443')),
  fc.constant(parseRdata(TYPE.SOA, 'ns1.example.com. hostmaster.example.com. 7 3600 600 604800 300')),
);

const content = fc
  .array(fc.record({ owner, ttlSeconds: fc.nat({ max: 0x7fff_ffff }), data: rdata }), { maxLength: 30 })
  .map((entries) => {
    const sets = new Map<string, FileSet>();
    for (const { owner: name, ttlSeconds, data } of entries) {
      const key = `${name} ${codeOf(data)}`;
      sets.set(key, { owner: name, type: codeOf(data), ttlSeconds, records: [data] });
    }
    return [...sets.values()];
  });

const flat = (sets: readonly FileSet[]): readonly string[] =>
  sets.flatMap((s) => s.records.map((r) => `${s.owner} ${s.type} ${s.ttlSeconds} ${rdataKey(r)}`)).sort();

describe('a zone file that was written', () => {
  it('is read as what was written, in pieces of any size', () => {
    fc.assert(
      fc.property(
        content,
        fc.nat({ max: 1000 }),
        fc.integer({ min: 1, max: 200 }),
        (sets, ttlSeconds, size) => {
          const text = [
            ...writeZoneFile({ origin, ttlSeconds, sets, head: ['a\nb'], tail: ['c (\r\n'] }),
          ].join('');
          const found: FileSet[] = [];
          const reader = new ZoneFileReader({
            origin: parseName('other.example'),
            onRecord: (r) =>
              found.push({ owner: r.owner, type: r.type, ttlSeconds: r.ttlSeconds, records: [r.rdata] }),
          });
          for (let at = 0; at < text.length; at += size) reader.push(text.slice(at, at + size));
          expect(reader.end().problems).toEqual([]);
          expect(flat(found)).toEqual(flat(sets));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is the same text for the same content in any order', () => {
    const shuffled = content.chain((sets) =>
      fc.tuple(fc.constant(sets), fc.shuffledSubarray(sets, { minLength: sets.length })),
    );
    fc.assert(
      fc.property(shuffled, ([sets, others]) => {
        const text = (list: readonly FileSet[]): string =>
          [...writeZoneFile({ origin, ttlSeconds: 60, sets: list })].join('');
        expect(text(others)).toBe(text(sets));
      }),
      { numRuns: 200 },
    );
  });
});

describe('any text', () => {
  const piece = fc.constantFrom(
    '(',
    ')',
    '"',
    ';',
    '\\',
    '\n',
    ' ',
    '\t',
    '@',
    '$',
    '$TTL 5\n',
    '$ORIGIN ',
    '$GENERATE 1-9 ',
    'a',
    'A',
    'IN',
    '60',
    'TXT',
    '1.2.3.4',
    '\\# 1 00',
    '\r\n',
    '\0',
    'ü',
    `$\{0,9,n}`,
    'SOA',
    'MX',
  );

  it('is read to its end without an exception, problems bounded and in their place', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 60 }), (parts) => {
        const text = parts.join('');
        const lines = text.split('\n').length;
        const { problems } = readZoneFile(text, { origin, maxProblems: 5 });
        expect(problems.length).toBeLessThanOrEqual(5);
        for (const p of problems) {
          expect(p.line).toBeGreaterThanOrEqual(1);
          expect(p.line).toBeLessThanOrEqual(lines);
          expect(p.column).toBeGreaterThanOrEqual(1);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

/** Milliseconds of processor time: other programs take the processor, too. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Best of three. */
function timeOf(work: () => void): number {
  const times = [0, 1, 2].map(() => {
    const start = cpuMs();
    work();
    return cpuMs() - start;
  });
  return Math.min(...times);
}

describe('the time of reading', () => {
  // Four times as much takes about four times as long; were it quadratic, it would take sixteen.
  it.each([
    ['one long line', (n: number) => 'x'.repeat(n)],
    ['one long line in small pieces', (n: number) => ' '.repeat(n)],
    ['an open parenthesis', (n: number) => `a 60 TXT (\n${'x\n'.repeat(n / 2)}`],
    ['parentheses alone', (n: number) => '(\n'.repeat(n / 2)],
    ['double quotes', (n: number) => '"'.repeat(n)],
    ['backslashes in a name', (n: number) => `a 60 NS ${'\\\\'.repeat(n / 2)}.`],
    ['lines of nothing', (n: number) => '\n'.repeat(n)],
    ['long base64 in many words', (n: number) => `a 60 OPENPGPKEY (\n${'AAAA\n'.repeat(n / 5)})`],
    ['one record of many strings', (n: number) => `a 60 TXT ${'"a" '.repeat(n / 4)}`],
  ])('grows no faster than the text: %s', (_, make) => {
    const read = (text: string) => () => {
      const reader = new ZoneFileReader({
        origin,
        onRecord: () => undefined,
        maxProblems: Number.MAX_SAFE_INTEGER,
      });
      for (let at = 0; at < text.length; at += 997) reader.push(text.slice(at, at + 997));
      reader.end();
    };
    const [small, big] = [make(100_000), make(400_000)];
    const least = 20; // below this, milliseconds say nothing
    expect(timeOf(read(big))).toBeLessThan(10 * Math.max(timeOf(read(small)), least));
  });

  it('is some seconds for a million records', () => {
    let records = 0;
    const reader = new ZoneFileReader({ origin, onRecord: () => (records += 1) });
    const start = cpuMs();
    reader.push('$TTL 300\n');
    for (let block = 0; block < 1000; block += 1) {
      let text = '';
      for (let i = 0; i < 1000; i += 1) text += `host-${block}-${i} IN A 10.${block % 256}.${i % 256}.7\n`;
      reader.push(text);
    }
    expect(reader.end().problems).toEqual([]);
    expect(records).toBe(1_000_000);
    expect(cpuMs() - start).toBeLessThan(30_000); // two to three without coverage on an idle machine
  });
});
