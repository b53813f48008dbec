import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { PortolanError } from '../../errors/error.ts';
import { type DomainName, parseName } from '../name.ts';
import { codeOf, formatRdata, parseRdata, type Rdata } from '../records/catalogue.ts';
import { respond } from '../respond.ts';
import { AnswerTable } from '../table.ts';
import { CLASS, TYPE } from '../types.ts';
import { compileZoneOrThrow } from '../zone.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery, type ResourceRecord } from './message.ts';
import { parseQuery } from './query.ts';
import { answerLimit, encodeResponse } from './response.ts';
import { WireWriter } from './writer.ts';

vi.setConfig({ testTimeout: 60_000 }); // thousands of runs each, on machines that do other things too

// --- every value a record can have

const spell = (octets: Uint8Array): string =>
  Array.from(octets, (octet) => `\\${String(octet).padStart(3, '0')}`).join('');
const anyLabel = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'abcxyz019-_*'), minLength: 1, maxLength: 12 }),
  fc.uint8Array({ minLength: 1, maxLength: 63 }).map(spell),
);
const name: fc.Arbitrary<DomainName> = fc
  .array(anyLabel, { maxLength: 3 })
  .map((labels) => parseName(labels.length === 0 ? '.' : labels.join('.')));
/** Names with common ends, so that compression has something to do. */
const kin = fc
  .tuple(
    fc.array(fc.constantFrom('a', 'b', 'www', 'x.y'), { maxLength: 3 }),
    fc.constantFrom('example.com', 'example.net'),
  )
  .map(([labels, end]) => parseName([...labels, end].join('.')));
const anyName = fc.oneof(name, kin);

const u8 = fc.nat({ max: 0xff });
const u16 = fc.nat({ max: 0xffff });
const u32 = fc.nat({ max: 0xffff_ffff });
const seconds = fc.nat({ max: 0x7fff_ffff });
const octets = (most: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: most });

const someOctets = fc.uint8Array({ minLength: 1, maxLength: 60 });
/** Of LOC: a digit and a power of ten. */
const precision = fc
  .record({ digit: fc.nat({ max: 9 }), exponent: fc.nat({ max: 9 }) })
  .map((p) => (p.digit === 0 ? { digit: 0, exponent: 0 } : p));
const aplItem = fc.oneof(
  fc.record({
    family: fc.constant(1 as const),
    prefixLength: fc.nat({ max: 32 }),
    negated: fc.boolean(),
    address: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  }),
  fc.record({
    family: fc.constant(2 as const),
    prefixLength: fc.nat({ max: 128 }),
    negated: fc.boolean(),
    address: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  }),
);

const svcParams = fc
  .tuple(
    fc.option(fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 3 }), {
      nil: undefined,
    }),
    fc.boolean(),
    fc.option(u16, { nil: undefined }),
    fc.uniqueArray(fc.record({ key: fc.integer({ min: 8, max: 65534 }), value: octets(40) }), {
      selector: (p) => p.key,
      maxLength: 4,
    }),
  )
  .map(([alpn, noDefault, port, others]) => {
    const params = [...others];
    if (alpn !== undefined) {
      params.push({ key: 1, value: Uint8Array.from(alpn.flatMap((id) => [id.length, ...id])) });
      if (noDefault) params.push({ key: 2, value: new Uint8Array() });
    }
    if (port !== undefined) params.push({ key: 3, value: Uint8Array.of(port >> 8, port & 0xff) });
    const keys = params.map((param) => param.key).sort((a, b) => a - b);
    if (keys.length > 0)
      params.push({ key: 0, value: Uint8Array.from(keys.flatMap((key) => [key >> 8, key & 0xff])) });
    return params.sort((a, b) => a.key - b.key);
  });

const binding = <T extends 'SVCB' | 'HTTPS'>(type: T) =>
  fc.oneof(
    fc.record({
      type: fc.constant(type),
      priority: fc.constant(0),
      target: anyName,
      params: fc.constant([]),
    }),
    fc.record({
      type: fc.constant(type),
      priority: fc.integer({ min: 1, max: 0xffff }),
      target: anyName,
      params: svcParams,
    }),
  );

const rdata: fc.Arbitrary<Rdata> = fc.oneof(
  fc.record({ type: fc.constant('A' as const), address: fc.uint8Array({ minLength: 4, maxLength: 4 }) }),
  fc.record({ type: fc.constant('AAAA' as const), address: fc.uint8Array({ minLength: 16, maxLength: 16 }) }),
  fc.record({ type: fc.constant('NS' as const), target: anyName }),
  fc.record({ type: fc.constant('CNAME' as const), target: anyName }),
  fc.record({ type: fc.constant('PTR' as const), target: anyName }),
  fc.record({ type: fc.constant('MX' as const), preference: u16, exchange: anyName }),
  fc.record({
    type: fc.constant('SOA' as const),
    primary: anyName,
    mailbox: anyName,
    serial: u32,
    refreshSeconds: seconds,
    retrySeconds: seconds,
    expireSeconds: seconds,
    minimumSeconds: seconds,
  }),
  fc.record({
    type: fc.constant('TXT' as const),
    strings: fc.array(octets(255), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant('CAA' as const),
    flags: u8,
    tag: fc.string({ unit: fc.constantFrom(...'abz09'), minLength: 1, maxLength: 15 }),
    value: octets(60),
  }),
  fc.record({ type: fc.constant('SRV' as const), priority: u16, weight: u16, port: u16, target: anyName }),
  fc.record({ type: fc.constantFrom('AFSDB' as const, 'KX' as const), preference: u16, host: anyName }),
  fc.record({ type: fc.constant('RP' as const), mailbox: anyName, text: anyName }),
  fc.record({ type: fc.constant('HINFO' as const), cpu: octets(255), os: octets(255) }),
  fc.record({
    type: fc.constant('NAPTR' as const),
    order: u16,
    preference: u16,
    flags: octets(255),
    services: octets(255),
    regexp: octets(255),
    replacement: anyName,
  }),
  fc.record({ type: fc.constant('URI' as const), priority: u16, weight: u16, target: someOctets }),
  fc.record({ type: fc.constant('SSHFP' as const), algorithm: u8, digestType: u8, fingerprint: someOctets }),
  fc.record({
    type: fc.constantFrom('TLSA' as const, 'SMIMEA' as const),
    usage: u8,
    selector: u8,
    matchingType: u8,
    data: someOctets,
  }),
  fc.record({ type: fc.constantFrom('OPENPGPKEY' as const, 'DHCID' as const), data: someOctets }),
  fc.record({
    type: fc.constant('CERT' as const),
    format: u16,
    keyTag: u16,
    algorithm: u8,
    data: someOctets,
  }),
  fc.record({
    type: fc.constant('SPF' as const),
    strings: fc.array(octets(255), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ type: fc.constant('EUI48' as const), address: fc.uint8Array({ minLength: 6, maxLength: 6 }) }),
  fc.record({ type: fc.constant('EUI64' as const), address: fc.uint8Array({ minLength: 8, maxLength: 8 }) }),
  fc.record({
    type: fc.constant('LOC' as const),
    sizeCentimetres: precision,
    horizontalCentimetres: precision,
    verticalCentimetres: precision,
    latitude: fc.integer({ min: -324_000_000, max: 324_000_000 }),
    longitude: fc.integer({ min: -648_000_000, max: 648_000_000 }),
    altitudeCentimetres: fc.integer({ min: -10_000_000, max: 0xffff_ffff - 10_000_000 }),
  }),
  fc.record({ type: fc.constant('APL' as const), items: fc.array(aplItem, { minLength: 1, maxLength: 4 }) }),
  binding('SVCB'),
  binding('HTTPS'),
  fc.record({
    type: fc.constant('OPAQUE' as const),
    code: fc.integer({ min: 258, max: 0xffff }),
    data: octets(100),
  }),
);

const record: fc.Arbitrary<ResourceRecord> = fc
  .tuple(anyName, seconds, rdata)
  .map(([owner, ttlSeconds, data]) => ({
    name: owner,
    type: codeOf(data),
    class: CLASS.IN,
    ttlSeconds,
    rdata: data,
  }));

const message: fc.Arbitrary<Message> = fc
  .record({
    id: u16,
    opcode: fc.nat({ max: 15 }),
    flags: fc.record({
      response: fc.boolean(),
      authoritative: fc.boolean(),
      truncated: fc.boolean(),
      recursionDesired: fc.boolean(),
      recursionAvailable: fc.boolean(),
      authenticData: fc.boolean(),
      checkingDisabled: fc.boolean(),
    }),
    questions: fc.array(fc.record({ name: anyName, type: u16, class: u16 }), { maxLength: 2 }),
    answers: fc.array(record, { maxLength: 6 }),
    authorities: fc.array(record, { maxLength: 3 }),
    additionals: fc.array(record, { maxLength: 3 }),
    edns: fc.option(
      fc.record({
        udpSize: u16,
        version: u8,
        dnssecOk: fc.boolean(),
        options: fc.array(fc.record({ code: u16, data: octets(20) }), { maxLength: 3 }),
      }),
      { nil: undefined },
    ),
    rcode: fc.nat({ max: 0xfff }),
  })
  .map((m) => ({ ...m, rcode: m.edns === undefined ? m.rcode & 0xf : m.rcode }));

// --- properties

describe('the codec', () => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(message, (m) => {
        expect(decodeMessage(encodeMessage(m))).toEqual(m);
      }),
      { numRuns: 2000 },
    );
  });

  it('parses the presentation form it writes', () => {
    fc.assert(
      fc.property(rdata, (data) => {
        expect(parseRdata(codeOf(data), formatRdata(data))).toEqual(data);
      }),
      { numRuns: 3000 },
    );
  });

  it('compresses: names with a common end take less room than in full', () => {
    const owner = parseName('www.example.com');
    const one: ResourceRecord = {
      name: owner,
      type: TYPE.NS,
      class: CLASS.IN,
      ttlSeconds: 1,
      rdata: { type: 'NS', target: parseName('ns1.example.com') },
    };
    const empty = { ...blank, questions: [{ name: owner, type: TYPE.NS, class: CLASS.IN }] };
    const added = encodeMessage({ ...empty, answers: [one] }).length - encodeMessage(empty).length;
    expect(added).toBe(2 + 10 + 4 + 2); // pointer, head, `ns1`, pointer
  });
});

describe('beside dns-packet', () => {
  const plain = fc
    .array(fc.string({ unit: fc.constantFrom(...'abc019-'), minLength: 1, maxLength: 10 }), {
      minLength: 1,
      maxLength: 4,
    })
    .map((labels) => labels.join('.'));
  const words = fc.string({ unit: fc.constantFrom(...'abc 019-:!'), minLength: 1, maxLength: 20 });
  const digest = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((octets) => Buffer.from(octets));
  const answer: fc.Arbitrary<dnsPacket.Answer> = fc
    .tuple(
      plain,
      fc.nat({ max: 100_000 }),
      fc.oneof(
        fc.record({ type: fc.constant('A' as const), data: fc.ipV4() }),
        fc.record({ type: fc.constant('NS' as const), data: plain }),
        fc.record({ type: fc.constant('CNAME' as const), data: plain }),
        fc.record({ type: fc.constant('PTR' as const), data: plain }),
        fc.record({
          type: fc.constant('MX' as const),
          data: fc.record({ preference: u16, exchange: plain }),
        }),
        fc.record({
          type: fc.constant('SRV' as const),
          data: fc.record({ priority: u16, weight: u16, port: u16, target: plain }),
        }),
        fc.record({
          type: fc.constant('TXT' as const),
          data: fc.array(
            fc.string({ minLength: 1, maxLength: 30 }).map((text) => Buffer.from(text)),
            { minLength: 1, maxLength: 3 },
          ),
        }),
        fc.record({ type: fc.constant('AAAA' as const), data: fc.ipV6() }),
        fc.record({ type: fc.constant('DNAME' as const), data: plain }),
        fc.record({ type: fc.constant('HINFO' as const), data: fc.record({ cpu: words, os: words }) }),
        fc.record({ type: fc.constant('RP' as const), data: fc.record({ mbox: plain, txt: plain }) }),
        fc.record({
          type: fc.constant('CAA' as const),
          data: fc.record({
            flags: fc.constantFrom(0, 128),
            tag: fc.constantFrom('issue', 'iodef'),
            value: words,
          }),
        }),
        fc.record({
          type: fc.constant('NAPTR' as const),
          data: fc.record({
            order: u16,
            preference: u16,
            flags: words,
            services: words,
            regexp: words,
            replacement: plain,
          }),
        }),
        fc.record({
          type: fc.constant('SSHFP' as const),
          data: fc.record({
            algorithm: fc.constant(1),
            hash: fc.constant(1),
            fingerprint: fc
              .uint8Array({ minLength: 20, maxLength: 20 })
              .map((o) => Buffer.from(o).toString('hex')),
          }),
        }),
        fc.record({
          type: fc.constant('TLSA' as const),
          data: fc.record({ usage: u8, selector: u8, matchingType: u8, certificate: digest }),
        }),
        fc.record({
          type: fc.constant('DS' as const),
          data: fc.record({ keyTag: u16, algorithm: u8, digestType: u8, digest }),
        }),
        fc.record({
          type: fc.constant('DNSKEY' as const),
          data: fc.record({ flags: u16, algorithm: u8, key: digest }),
        }),
        fc.record({
          type: fc.constant('NSEC' as const),
          data: fc.record({
            nextDomain: plain,
            rrtypes: fc.constant<string[]>(['A', 'MX', 'RRSIG', 'NSEC', 'CAA']),
          }),
        }),
        fc.record({
          type: fc.constant('RRSIG' as const),
          data: fc.record({
            typeCovered: fc.constantFrom('A', 'MX', 'CAA'),
            algorithm: u8,
            labels: u8,
            originalTTL: seconds,
            expiration: u32,
            inception: u32,
            keyTag: u16,
            signersName: plain,
            signature: digest,
          }),
        }),
        fc.record({
          type: fc.constant('SOA' as const),
          data: fc.record({
            mname: plain,
            rname: plain,
            serial: u32,
            refresh: seconds,
            retry: seconds,
            expire: seconds,
            minimum: seconds,
          }),
        }),
      ),
    )
    .map(([owner, ttl, data]) => ({ name: owner, ttl, class: 'IN' as const, ...data }));

  it('re-encodes what dns-packet wrote so that dns-packet reads the same', () => {
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1, maxLength: 8 }), u16, (answers, id) => {
        const theirs = dnsPacket.encode({
          type: 'response',
          id,
          flags: dnsPacket.AUTHORITATIVE_ANSWER,
          answers,
        });
        const ours = encodeMessage(decodeMessage(theirs));
        expect(ours.length).toBeLessThanOrEqual(theirs.length);
        expect(dnsPacket.decode(Buffer.from(ours)).answers).toEqual(dnsPacket.decode(theirs).answers);
      }),
      { numRuns: 1000 },
    );
  });
});

const blank: Message = {
  id: 1,
  opcode: 0,
  rcode: 0,
  flags: {
    response: false,
    authoritative: false,
    truncated: false,
    recursionDesired: false,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
  },
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
  edns: undefined,
};

/** A query for this zone with options that may be wrong. */
const ours: fc.Arbitrary<Message> = fc
  .tuple(
    kin,
    u16,
    fc.constantFrom(1, 2, 5, 6, 43, 255, 252),
    fc.array(fc.record({ code: fc.constantFrom(8, 10), data: octets(12) }), { maxLength: 2 }),
  )
  .map(([asked, id, type, ednsOptions]) => makeQuery(id, { name: asked, type, class: 1 }, { ednsOptions }));
const mostly = <T>(value: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ arbitrary: fc.constant(value), weight: 3 }, { arbitrary: other, weight: 1 });
/** Octets near a valid message: some overwritten, cut short, or with more behind. */
const damaged = fc
  .tuple(
    fc.oneof(message, ours),
    fc.array(fc.tuple(fc.nat(), u8), { maxLength: 4 }),
    mostly(0, fc.nat({ max: 40 })),
    mostly(new Uint8Array(), octets(4)),
  )
  .map(([m, changes, cut, tail]) => {
    const bytes = encodeMessage(m);
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    return new Uint8Array([...bytes.subarray(0, Math.max(0, bytes.length - cut)), ...tail]);
  });
/** A header that says "query", and anything after it. */
const queryLike = fc
  .tuple(fc.uint8Array({ minLength: 12, maxLength: 80 }), fc.constantFrom(0, 1, 1, 1, 2))
  .map(([bytes, questions]) => {
    bytes.set([0, 0, 0, questions, 0, 0, 0, 0, 0], 2);
    return bytes;
  });
const hostile = fc.oneof(fc.uint8Array({ maxLength: 300 }), damaged, damaged, queryLike);

describe('I23 no octets can do harm', () => {
  const zone = compileZoneOrThrow({
    origin: parseName('example.com'),
    serial: 1,
    nameServers: [{ name: parseName('ns.example.com'), addresses: ['192.0.2.53'] }],
    soa: { refreshSeconds: 1, retrySeconds: 1, expireSeconds: 1, minimumSeconds: 1 },
    ttlSeconds: 60,
    records: [
      { name: '*', type: 'A', data: ['192.0.2.1'] },
      { name: 'www', type: 'CNAME', data: ['a.example.com.'] },
      { name: 'x.y', type: 'NS', data: ['ns.x.y.example.com.'] },
      { name: 'ns.x.y', type: 'A', data: ['192.0.2.2'] },
    ],
    routed: [],
  });
  const table = new AnswerTable([zone]);
  const writer = new WireWriter();

  it('I23 a message is decoded or refused as malformed, nothing else', () => {
    let refused = 0;
    let decoded = 0;
    fc.assert(
      fc.property(hostile, (bytes) => {
        try {
          decodeMessage(bytes);
          decoded += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(PortolanError);
          expect(error).toMatchObject({ code: 'DNS_WIRE_MALFORMED' });
          refused += 1;
        }
      }),
      { numRuns: 6_000 },
    );
    expect(refused).toBeGreaterThan(1000);
    expect(decoded).toBeGreaterThan(100);
  });

  it('I23 any datagram is dropped or gets an answer that can be read and fits', () => {
    let answered = 0;
    let found = 0;
    fc.assert(
      fc.property(fc.oneof(hostile, hostile, ours.map(encodeMessage)), (bytes) => {
        const query = parseQuery(bytes);
        if (query === undefined) {
          expect(bytes.length < 12 || ((bytes[2] ?? 0) & 0x80) !== 0).toBe(true);
          return;
        }
        answered += 1;
        const client = { family: 4, bytes: new Uint8Array(4), prefixLength: 32, source: 'resolver' } as const;
        encodeResponse(query, respond(table, query, client), writer, answerLimit(query, 'udp'));
        const answer = writer.buffer.subarray(0, writer.offset);
        expect(answer.length).toBeLessThanOrEqual(1232);
        const decodedAnswer = decodeMessage(answer);
        expect(decodedAnswer.id).toBe(query.id);
        expect(decodedAnswer.flags.response).toBe(true);
        if (decodedAnswer.answers.length > 0) found += 1;
      }),
      { numRuns: 6_000 },
    );
    expect(answered).toBeGreaterThan(1000);
    expect(found).toBeGreaterThan(25);
  });

  it('I23 compression pointers cannot loop or multiply work', () => {
    const self = Buffer.from('000100000001000000000000c00c00010001', 'hex');
    const pair = Buffer.from('000100000001000000000000c00ec00c00010001', 'hex');
    const forward = Buffer.from('000100000001000000000000c00e0161000001 0001'.replace(' ', ''), 'hex');
    for (const bytes of [self, pair, forward]) {
      expect(() => decodeMessage(bytes)).toThrowError(
        expect.objectContaining({ code: 'DNS_WIRE_MALFORMED' }),
      );
    }
    // 65,535 octets of pointers, each to the one before it: a chain as long as can be.
    const chain = new Uint8Array(0x3ffe);
    chain.set([0, 1, 0, 0, 0, 0, 0x0f, 0xff, 0, 0, 0, 0, 0], 0);
    for (let at = 14; at + 2 <= chain.length; at += 2) {
      const target = at - 2 === 12 ? 12 : at - 2;
      chain[at] = 0xc0 | (target >> 8);
      chain[at + 1] = target & 0xff;
    }
    const before = process.cpuUsage(); // other programs take the processor, too
    try {
      decodeMessage(chain);
    } catch (error) {
      expect(error).toMatchObject({ code: 'DNS_WIRE_MALFORMED' });
    }
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000); // microseconds
  });
});
