import { describe, expect, it } from 'vitest';
import type { ClientAddress } from './client.ts';
import { parseName } from './name.ts';
import { formatRdata, parseRdata } from './records/catalogue.ts';
import { respond } from './respond.ts';
import type { RoutedAnswer, RoutedName, RoutedQuery } from './routed.ts';
import type { OwnedRRset } from './rrset.ts';
import { AnswerTable, EMPTY_TABLE } from './table.ts';
import { parseType, RCODE, rcodeName, TYPE, typeName } from './types.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery } from './wire/message.ts';
import { parseQuery, type Query } from './wire/query.ts';
import { answerLimit, encodeResponse } from './wire/response.ts';
import { WireWriter } from './wire/writer.ts';
import { compileZoneOrThrow } from './zone.ts';
import type { RecordSource, ZoneSource } from './zone-source.ts';

const containing = (text: string): unknown => expect.stringContaining(text);

const n = parseName;
const CLIENT: ClientAddress = {
  family: 4,
  bytes: Uint8Array.of(192, 0, 2, 1),
  prefixLength: 32,
  source: 'resolver',
};
const soa = { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 };
const record = (name: string, type: string, ...data: string[]): RecordSource => ({ name, type, data });

function routes(types: readonly number[], answer: (query: RoutedQuery) => Partial<RoutedAnswer>): RoutedName {
  return {
    types: new Set(types),
    answer: (query) => ({ ttlSeconds: 20, records: [], ecsScope: 0, ...answer(query) }),
  };
}

const ADDRESSES = [TYPE.A, TYPE.AAAA];
const asked: RoutedQuery[] = [];
const byClient = routes(ADDRESSES, (query) => {
  asked.push(query);
  const records = query.type === TYPE.A ? [parseRdata(TYPE.A, `198.51.100.${query.client.bytes[0]}`)] : [];
  return { records, ecsScope: 24 };
});

const base: ZoneSource = {
  origin: n('example.test'),
  serial: 7,
  nameServers: [{ name: n('ns1.example.test'), addresses: ['192.0.2.53', '2001:db8::53'] }],
  soa,
  ttlSeconds: 300,
  records: [
    record('@', 'MX', '10 mail.example.test.'),
    record('mail', 'A', '192.0.2.25'),
    record('www', 'CNAME', 'web.example.test.'),
    record('web', 'A', '192.0.2.80', '192.0.2.81'),
    record('to-routed', 'CNAME', 'api.example.test.'),
    record('out', 'CNAME', 'www.example.net.'),
    record('dangling', 'CNAME', 'nowhere.example.test.'),
    record('to-child', 'CNAME', 'x.child.example.test.'),
    record('deep.ent', 'A', '192.0.2.5'),
    record('*.wild', 'A', '192.0.2.77'),
    record('*.wild', 'TXT', '"w"'),
    record('exists.wild', 'TXT', '"e"'),
    record('below.ent2.wild', 'A', '192.0.2.6'),
    record('*.alias', 'CNAME', 'web.example.test.'),
    record('loop.w', 'A', '192.0.2.7'),
    record('*.w', 'CNAME', 'again.w.example.test.'),
    record('child', 'NS', 'ns.child.example.test.', 'ns2.example.net.'),
    record('child', 'DS', '1 2 3 0405'),
    record('ns.child', 'A', '192.0.2.99'),
    record('api', 'TXT', '"beside"'),
    ...Array.from({ length: 20 }, (_, i) => record(`c${i}`, 'CNAME', `c${i + 1}.example.test.`)),
    record('c20', 'A', '192.0.2.20'),
  ],
  routed: [
    { name: n('example.test'), routed: byClient },
    { name: n('api.example.test'), routed: byClient },
    { name: n('*.tenants.example.test'), routed: byClient },
    {
      name: n('moved.example.test'),
      routed: routes([TYPE.CNAME], () => ({
        records: [parseRdata(TYPE.CNAME, 'api.example.test.')],
        ecsScope: 16,
        ttlSeconds: 9,
      })),
    },
    {
      name: n('fine.example.test'),
      routed: routes([TYPE.CNAME], () => ({
        records: [parseRdata(TYPE.CNAME, 'api.example.test.')],
        ecsScope: 28,
      })),
    },
    {
      name: n('mixed.example.test'),
      routed: routes([...ADDRESSES, TYPE.CNAME], ({ type }) => {
        const records = [
          parseRdata(TYPE.A, '192.0.2.1'),
          parseRdata(TYPE.CNAME, 'web.example.test.'),
          parseRdata(TYPE.A, '192.0.2.2'),
        ];
        return { records: type === TYPE.A ? records : records.slice(1, 2) };
      }),
    },
    { name: n('brief.example.test'), routed: routes(ADDRESSES, () => ({ ttlSeconds: 3 })) },
    {
      name: n('throws.example.test'),
      routed: routes(ADDRESSES, () => {
        throw new Error('a bug');
      }),
    },
    {
      name: n('wrong.example.test'),
      routed: routes(ADDRESSES, () => ({ records: [parseRdata(TYPE.AAAA, '::1')] })),
    },
    {
      name: n('undeclared.example.test'),
      routed: routes(ADDRESSES, () => ({ records: [parseRdata(TYPE.CNAME, 'web.example.test.')] })),
    },
  ],
};
const zone = compileZoneOrThrow(base);
const child = compileZoneOrThrow({
  ...base,
  origin: n('sub.example.test'),
  nameServers: [{ name: n('ns.example.net'), addresses: [] }],
  records: [record('www', 'A', '192.0.2.200')],
  routed: [],
});
const table = new AnswerTable([zone, child]);

interface Ask {
  readonly subnet?: string;
  readonly change?: Partial<Message>;
}

function queryFor(name: string, type: string, { subnet, change }: Ask = {}): Query {
  const ednsOptions =
    subnet === undefined ? [] : [{ code: 8, data: new Uint8Array(Buffer.from(subnet, 'hex')) }];
  const message = makeQuery(1, { name: n(name), type: parseType(type) ?? 0, class: 1 }, { ednsOptions });
  const query = parseQuery(encodeMessage({ ...message, ...change }));
  if (query === undefined) throw new Error('the query was dropped');
  return query;
}

const lines = (sets: readonly OwnedRRset[]): string[] =>
  sets.flatMap(({ owner, set }) =>
    set.records.map((rdata) => `${owner} ${set.ttlSeconds} ${typeName(set.type)} ${formatRdata(rdata)}`),
  );

function ask(name: string, type = 'A') {
  const decision = respond(table, queryFor(name, type), CLIENT);
  return {
    status: `${rcodeName(decision.rcode)}${decision.authoritative ? ' aa' : ''}`,
    answer: lines(decision.answer),
    authority: lines(decision.authority),
    additional: lines(decision.additional),
    scope: decision.ecsScope,
    zone: decision.zone?.origin,
    failure: decision.failure,
  };
}

const SOA = (ttl: number): string =>
  `example.test. ${ttl} SOA ns1.example.test. hostmaster.example.test. 7 7200 1800 1209600 60`;

describe('static answers', () => {
  it('gives the records of the name and type', () => {
    expect(ask('web.example.test')).toMatchObject({
      status: 'NOERROR aa',
      answer: ['web.example.test. 300 A 192.0.2.80', 'web.example.test. 300 A 192.0.2.81'],
      authority: [],
      scope: 0,
    });
  });

  it('says NODATA with the SOA at its negative TTL (RFC 2308)', () => {
    expect(ask('web.example.test', 'MX')).toMatchObject({
      status: 'NOERROR aa',
      answer: [],
      authority: [SOA(60)],
    });
  });

  it('says NXDOMAIN with the SOA', () => {
    expect(ask('nope.example.test')).toMatchObject({
      status: 'NXDOMAIN aa',
      answer: [],
      authority: [SOA(60)],
    });
  });

  it('says NODATA at an empty non-terminal (RFC 8020)', () => {
    expect(ask('ent.example.test')).toMatchObject({ status: 'NOERROR aa', answer: [], authority: [SOA(60)] });
    expect(ask('other.ent.example.test').status).toBe('NXDOMAIN aa');
  });

  it('adds the addresses of name servers to NS', () => {
    expect(ask('example.test', 'NS')).toMatchObject({
      answer: ['example.test. 300 NS ns1.example.test.'],
      additional: ['ns1.example.test. 300 A 192.0.2.53', 'ns1.example.test. 300 AAAA 2001:db8::53'],
    });
  });

  it('refuses names outside all zones, and other classes', () => {
    expect(ask('example.net')).toMatchObject({
      status: 'REFUSED',
      answer: [],
      authority: [],
      zone: undefined,
    });
    expect(respond(EMPTY_TABLE, queryFor('example.test', 'A'), CLIENT).rcode).toBe(RCODE.REFUSED);
    const chaos = queryFor('example.test', 'A', {
      change: { questions: [{ name: n('example.test'), type: 16, class: 3 }] },
    });
    expect(respond(table, chaos, CLIENT).rcode).toBe(RCODE.REFUSED);
  });

  it('answers from the zone with the longest origin', () => {
    expect(ask('www.sub.example.test')).toMatchObject({
      answer: ['www.sub.example.test. 300 A 192.0.2.200'],
      zone: 'sub.example.test.',
    });
    expect(ask('x.sub.example.test')).toMatchObject({ status: 'NXDOMAIN aa', zone: 'sub.example.test.' });
  });

  it('asks the parent zone for DS at the apex of another zone (RFC 4035 section 3.1.4.1)', () => {
    expect(ask('sub.example.test', 'DS')).toMatchObject({ status: 'NXDOMAIN aa', zone: 'example.test.' });
    expect(ask('example.test', 'DS')).toMatchObject({ status: 'NOERROR aa', zone: 'example.test.' });
  });

  it.each([
    ['AXFR', 'REFUSED'],
    ['IXFR', 'REFUSED'],
    ['MAILB', 'NOTIMP'],
    ['MAILA', 'NOTIMP'],
    ['OPT', 'FORMERR'],
    ['TSIG', 'FORMERR'],
    ['NXNAME', 'FORMERR'],
  ])('gives the query type %s %s', (type, status) => expect(ask('example.test', type).status).toBe(status));

  it('keeps one zone for one origin', () => {
    expect(() => new AnswerTable([zone, zone])).toThrowError(
      expect.objectContaining({ code: 'ZONE_CLAIMED' }),
    );
  });
});

describe('wildcards (RFC 4592)', () => {
  it.each([
    ['a.wild.example.test', 'A', ['a.wild.example.test. 300 A 192.0.2.77']],
    ['a.b.c.wild.example.test', 'A', ['a.b.c.wild.example.test. 300 A 192.0.2.77']],
    ['*.wild.example.test', 'A', ['*.wild.example.test. 300 A 192.0.2.77']],
    [
      'a.alias.example.test',
      'A',
      [
        'a.alias.example.test. 300 CNAME web.example.test.',
        'web.example.test. 300 A 192.0.2.80',
        'web.example.test. 300 A 192.0.2.81',
      ],
    ],
  ])('cover %s', (name, type, answer) =>
    expect(ask(name, type)).toMatchObject({ status: 'NOERROR aa', answer }),
  );

  it.each([
    ['the wildcard has no such type', 'a.wild.example.test', 'MX', 'NOERROR aa'],
    ['the name itself exists', 'exists.wild.example.test', 'A', 'NOERROR aa'],
    ['an empty non-terminal exists', 'ent2.wild.example.test', 'A', 'NOERROR aa'],
    ['a name between exists', 'x.exists.wild.example.test', 'A', 'NXDOMAIN aa'],
    ['the closest encloser has no wildcard', 'x.ent2.wild.example.test', 'A', 'NXDOMAIN aa'],
    ['it is the parent of the wildcard', 'wild.example.test', 'A', 'NOERROR aa'],
  ])('do not answer where %s', (_why, name, type, status) => {
    expect(ask(name, type)).toMatchObject({ status, answer: [], authority: [SOA(60)] });
  });
});

describe('aliases', () => {
  it('are followed inside the zone', () => {
    expect(ask('www.example.test').answer).toEqual([
      'www.example.test. 300 CNAME web.example.test.',
      'web.example.test. 300 A 192.0.2.80',
      'web.example.test. 300 A 192.0.2.81',
    ]);
  });

  it('are not followed when asked for, or out of the zone', () => {
    expect(ask('www.example.test', 'CNAME').answer).toEqual([
      'www.example.test. 300 CNAME web.example.test.',
    ]);
    expect(ask('out.example.test')).toMatchObject({
      status: 'NOERROR aa',
      answer: ['out.example.test. 300 CNAME www.example.net.'],
      authority: [],
    });
  });

  it('end in the response code of the last name (RFC 6604)', () => {
    expect(ask('dangling.example.test')).toMatchObject({
      status: 'NXDOMAIN aa',
      answer: ['dangling.example.test. 300 CNAME nowhere.example.test.'],
      authority: [SOA(60)],
    });
    expect(ask('www.example.test', 'MX')).toMatchObject({ status: 'NOERROR aa', authority: [SOA(60)] });
  });

  it.each(['RRSIG', 'NSEC'])('are not followed for %s, which their own names have', (type) => {
    expect(ask('www.example.test', type)).toMatchObject({
      status: 'NOERROR aa',
      answer: [],
      authority: [SOA(60)],
    });
  });

  it('into a delegation give the referral behind them', () => {
    expect(ask('to-child.example.test')).toMatchObject({
      status: 'NOERROR aa',
      answer: ['to-child.example.test. 300 CNAME x.child.example.test.'],
      authority: [
        'child.example.test. 300 NS ns.child.example.test.',
        'child.example.test. 300 NS ns2.example.net.',
      ],
    });
  });

  it('that go round through a wildcard end', () => {
    expect(ask('first.w.example.test').answer).toEqual([
      'first.w.example.test. 300 CNAME again.w.example.test.',
      'again.w.example.test. 300 CNAME again.w.example.test.',
    ]);
  });

  it('of great length end where they are', () => {
    const { status, answer } = ask('c0.example.test');
    expect(status).toBe('NOERROR aa');
    expect(answer).toHaveLength(13);
    expect(ask('c10.example.test').answer.at(-1)).toBe('c20.example.test. 300 A 192.0.2.20');
  });
});

describe('delegations', () => {
  it.each(['child.example.test', 'x.y.child.example.test', 'ns.child.example.test'])(
    'refer for %s',
    (name) => {
      expect(ask(name)).toMatchObject({
        status: 'NOERROR',
        answer: [],
        authority: [
          'child.example.test. 300 NS ns.child.example.test.',
          'child.example.test. 300 NS ns2.example.net.',
        ],
        additional: ['ns.child.example.test. 300 A 192.0.2.99'],
      });
    },
  );

  it('keep DS on this side', () => {
    expect(ask('child.example.test', 'DS')).toMatchObject({
      status: 'NOERROR aa',
      answer: ['child.example.test. 300 DS 1 2 3 0405'],
    });
    expect(ask('x.child.example.test', 'DS').status).toBe('NOERROR');
  });
});

describe('routed names', () => {
  it('answer by the client, also at the apex, below a wildcard and behind an alias', () => {
    asked.length = 0;
    expect(ask('api.example.test')).toMatchObject({
      answer: ['api.example.test. 20 A 198.51.100.192'],
      scope: 24,
    });
    expect(ask('example.test').answer).toEqual(['example.test. 20 A 198.51.100.192']);
    expect(ask('a.b.tenants.example.test').answer).toEqual(['a.b.tenants.example.test. 20 A 198.51.100.192']);
    expect(ask('to-routed.example.test')).toMatchObject({
      answer: [
        'to-routed.example.test. 300 CNAME api.example.test.',
        'api.example.test. 20 A 198.51.100.192',
      ],
      scope: 24,
    });
    expect(asked.map((query) => query.name)).toEqual([
      'api.example.test.',
      'example.test.',
      'a.b.tenants.example.test.',
      'api.example.test.',
    ]);
    expect(asked[0]?.client).toBe(CLIENT);
  });

  it('keep their static records', () => {
    expect(ask('api.example.test', 'TXT')).toMatchObject({
      answer: ['api.example.test. 300 TXT "beside"'],
      scope: 0,
    });
    expect(ask('example.test', 'MX').answer).toEqual(['example.test. 300 MX 10 mail.example.test.']);
    expect(ask('api.example.test', 'MX')).toMatchObject({
      status: 'NOERROR aa',
      authority: [SOA(60)],
      scope: 0,
    });
  });

  it('without an address of the family are NODATA, for no longer than the decision holds', () => {
    expect(ask('api.example.test', 'AAAA')).toMatchObject({
      status: 'NOERROR aa',
      authority: [SOA(20)],
      scope: 24,
    });
    expect(ask('brief.example.test')).toMatchObject({ status: 'NOERROR aa', authority: [SOA(3)] });
  });

  it('may be an alias, which stands for every type', () => {
    expect(ask('moved.example.test')).toMatchObject({
      answer: ['moved.example.test. 9 CNAME api.example.test.', 'api.example.test. 20 A 198.51.100.192'],
      scope: 24, // the finer of both decisions
    });
    expect(ask('fine.example.test').scope).toBe(28);
    expect(ask('moved.example.test', 'TXT').answer).toEqual([
      'moved.example.test. 9 CNAME api.example.test.',
      'api.example.test. 300 TXT "beside"',
    ]);
    expect(ask('moved.example.test', 'CNAME').answer).toEqual([
      'moved.example.test. 9 CNAME api.example.test.',
    ]);
    expect(ask('moved.example.test', 'ANY').answer).toEqual([
      'moved.example.test. 9 CNAME api.example.test.',
    ]);
  });

  it('may answer with addresses or an alias, but only one of them at a time', () => {
    expect(ask('mixed.example.test').answer).toEqual([
      'mixed.example.test. 20 A 192.0.2.1',
      'mixed.example.test. 20 A 192.0.2.2',
    ]);
    expect(ask('mixed.example.test', 'AAAA').answer).toEqual([
      'mixed.example.test. 20 CNAME web.example.test.',
    ]);
  });

  it.each([
    ['throw', 'throws.example.test', 'a bug'],
    ['give records of another type', 'wrong.example.test', 'record, which is not A'],
    ['give an alias they did not declare', 'undeclared.example.test', 'record, which is not A'],
  ])('that %s get SERVFAIL', (_what, name, failure) => {
    const result = ask(name);
    expect(result).toMatchObject({ status: 'SERVFAIL', answer: [], authority: [], zone: 'example.test.' });
    expect(result.failure).toMatchObject({ message: containing(failure) });
  });
});

describe('I24 ANY is answered minimally (RFC 8482)', () => {
  it.each([
    ['example.test', [`example.test. 3600 HINFO "RFC8482" ""`]],
    ['api.example.test', [`api.example.test. 3600 HINFO "RFC8482" ""`]],
    ['a.wild.example.test', [`a.wild.example.test. 3600 HINFO "RFC8482" ""`]],
    ['www.example.test', ['www.example.test. 300 CNAME web.example.test.']],
    ['ent.example.test', []],
  ])('%s', (name, answer) => expect(ask(name, 'ANY')).toMatchObject({ status: 'NOERROR aa', answer }));
});

describe('the encoded answer', () => {
  const writer = new WireWriter();
  function encoded(
    query: Query,
    transport: 'udp' | 'tcp' = 'udp',
    from: AnswerTable = table,
  ): Message & { readonly size: number } {
    encodeResponse(query, respond(from, query, CLIENT), writer, answerLimit(query, transport));
    return { ...decodeMessage(writer.buffer.subarray(0, writer.offset)), size: writer.offset };
  }
  const many = (count: number, size: number): RecordSource =>
    record('big', 'TXT', ...Array.from({ length: count }, (_, i) => `"${String(i).padStart(size, 'x')}"`));
  const bigTable = new AnswerTable([
    compileZoneOrThrow({
      ...base,
      routed: [],
      records: [
        many(12, 80),
        record('huge', 'TXT', ...Array.from({ length: 200 }, (_, i) => `"${String(i).padStart(200, 'x')}"`)),
        record('child', 'NS', ...Array.from({ length: 13 }, (_, i) => `ns${i}.child.example.test.`)),
        ...Array.from({ length: 13 }, (_, i) =>
          record(`ns${i}.child`, 'AAAA', ...[1, 2, 3, 4].map((k) => `2001:db8::${i}:${k}`)),
        ),
      ],
    }),
  ]);
  const noEdns: Ask = { change: { edns: undefined } };

  it('copies id, question, RD and CD, and is never RA or AD', () => {
    const message = makeQuery(
      77,
      { name: n('web.example.test'), type: TYPE.A, class: 1 },
      { recursionDesired: true },
    );
    const query = parseQuery(
      encodeMessage({ ...message, flags: { ...message.flags, checkingDisabled: true, authenticData: true } }),
    );
    if (query === undefined) return expect.unreachable();
    const answer = encoded(query);
    expect(answer).toMatchObject({ id: 77, rcode: 0, questions: message.questions });
    expect(answer.flags).toEqual({
      response: true,
      authoritative: true,
      truncated: false,
      recursionDesired: true,
      recursionAvailable: false,
      authenticData: false,
      checkingDisabled: true,
    });
    expect(answer.edns).toEqual({ udpSize: 1232, version: 0, dnssecOk: false, options: [] });
  });

  it('has EDNS only when the query has, and copies DO', () => {
    expect(encoded(queryFor('web.example.test', 'A', noEdns)).edns).toBeUndefined();
    const dnssecOk = queryFor('web.example.test', 'A', {
      change: { edns: { udpSize: 4096, version: 0, dnssecOk: true, options: [] } },
    });
    expect(encoded(dnssecOk).edns).toMatchObject({ dnssecOk: true, udpSize: 1232 });
  });

  it('keeps the case of the question', () => {
    const bytes = encodeMessage(makeQuery(1, { name: n('web.example.test'), type: TYPE.A, class: 1 }));
    bytes.set(Buffer.from('wEb'), 13);
    const query = parseQuery(bytes);
    if (query === undefined) return expect.unreachable();
    encodeResponse(query, respond(table, query, CLIENT), writer, 1232);
    expect(writer.buffer.toString('latin1', 13, 16)).toBe('wEb');
  });

  it.each([
    ['api.example.test', '0001 18 00 c00002', '0001 18 18 c00002'],
    ['moved.example.test', '0001 10 00 c000', '0001 10 18 c000'],
    ['api.example.test', '0001 00 00', '0001 00 00'],
    ['api.example.test', '0000 00 00', '0000 00 00'],
    ['web.example.test', '0001 18 00 c00002', '0001 18 00 c00002'],
    ['nope.example.test', '0001 18 00 c00002', '0001 18 00 c00002'],
    ['api.example.test', '0002 38 00 20010db8000000', '0002 38 18 20010db8000000'],
  ])('I25 to %s with the subnet %s tells the scope: %s', (name, sent, expected) => {
    const query = queryFor(name, 'A', { subnet: sent.replaceAll(' ', '') });
    const options = encoded(query).edns?.options.map((option) => Buffer.from(option.data).toString('hex'));
    expect(options).toEqual([expected.replaceAll(' ', '')]);
  });

  it('I25 decides by the subnet and not by the sender', () => {
    asked.length = 0;
    const query = queryFor('api.example.test', 'A', { subnet: '00011800cb0071' });
    const client: ClientAddress = {
      family: 4,
      bytes: Uint8Array.of(203, 0, 113, 0),
      prefixLength: 24,
      source: 'ecs',
    };
    respond(table, query, client);
    expect(asked[0]?.client).toBe(client);
  });

  it('I24 over UDP is cut at 512 octets without EDNS and at 1232 with, whatever the client offers', () => {
    const offers = (udpSize: number): Ask => ({
      change: { edns: { udpSize, version: 0, dnssecOk: false, options: [] } },
    });
    expect(answerLimit(queryFor('a', 'A', noEdns), 'udp')).toBe(512);
    expect(answerLimit(queryFor('a', 'A', offers(100)), 'udp')).toBe(512);
    expect(answerLimit(queryFor('a', 'A', offers(1000)), 'udp')).toBe(1000);
    expect(answerLimit(queryFor('a', 'A', offers(4096)), 'udp')).toBe(1232);
    expect(answerLimit(queryFor('a', 'A'), 'tcp')).toBe(65535);
  });

  it('that does not fit is empty with TC, and whole over TCP', () => {
    const query = queryFor('big.example.test', 'TXT', noEdns);
    expect(encoded(query, 'udp', bigTable)).toMatchObject({
      flags: { truncated: true, authoritative: true },
      answers: [],
      rcode: 0,
    });
    const whole = encoded(query, 'tcp', bigTable);
    expect(whole.flags.truncated).toBe(false);
    expect(whole.answers).toHaveLength(12);
    expect(encoded(queryFor('big.example.test', 'TXT'), 'udp', bigTable).flags.truncated).toBe(false);
    expect(encoded(queryFor('huge.example.test', 'TXT'), 'tcp', bigTable).answers).toHaveLength(200);
  });

  it('I24 never exceeds the limit, for every limit', () => {
    for (const name of ['big.example.test', 'child.example.test', 'nope.example.test']) {
      const query = queryFor(name, name.startsWith('big') ? 'TXT' : 'A', { subnet: '00011800c00002' });
      const decision = respond(bigTable, query, CLIENT);
      for (let limit = 512; limit <= 1400; limit += 7) {
        encodeResponse(query, decision, writer, limit);
        expect(writer.offset).toBeLessThanOrEqual(limit);
        decodeMessage(writer.buffer.subarray(0, writer.offset));
      }
    }
  });

  it('of a referral whose glue does not fit has TC (RFC 9471)', () => {
    const query = queryFor('x.child.example.test', 'A');
    expect(encoded(query, 'udp', bigTable)).toMatchObject({ flags: { truncated: true }, authorities: [] });
    const whole = encoded(query, 'tcp', bigTable);
    expect(whole.authorities).toHaveLength(13);
    expect(whole.additionals).toHaveLength(52);
  });

  it('leaves helpful addresses out rather than set TC', () => {
    const crowded = new AnswerTable([
      compileZoneOrThrow({
        ...base,
        routed: [],
        records: [],
        nameServers: Array.from({ length: 13 }, (_, i) => ({
          name: n(`ns${i}.example.test`),
          addresses: ['2001:db8::1', '2001:db8::2'],
        })),
      }),
    ]);
    const answer = encoded(queryFor('example.test', 'NS', noEdns), 'udp', crowded);
    expect(answer.flags.truncated).toBe(false);
    expect(answer.answers).toHaveLength(13);
    expect(answer.additionals.length).toBeGreaterThan(0);
    expect(answer.additionals.length).toBeLessThan(26);
  });

  it('to EDNS version 1 is BADVERS', () => {
    const query = queryFor('web.example.test', 'A', {
      change: { edns: { udpSize: 1232, version: 1, dnssecOk: false, options: [] } },
    });
    expect(encoded(query)).toMatchObject({ rcode: RCODE.BADVERS, edns: { version: 0 }, answers: [] });
  });

  it('to what cannot be read is a header alone', () => {
    const query = parseQuery(Buffer.from('abcd01000001000000000000c00c', 'hex'));
    if (query === undefined) return expect.unreachable();
    expect(encoded(query)).toMatchObject({ id: 0xabcd, rcode: RCODE.FORMERR, questions: [], size: 12 });
    const update = queryFor('example.test', 'SOA', { change: { opcode: 5 } });
    expect(encoded(update)).toMatchObject({ opcode: 5, rcode: RCODE.NOTIMP, questions: [], size: 12 });
  });

  it('for the root zone works as for any other', () => {
    const root = new AnswerTable([
      compileZoneOrThrow({
        ...base,
        origin: n('.'),
        nameServers: [{ name: n('a.root-servers.net'), addresses: ['192.0.2.4'] }],
        records: [],
        routed: [],
      }),
    ]);
    expect(encoded(queryFor('.', 'NS'), 'udp', root)).toMatchObject({
      rcode: 0,
      answers: [{ name: '.', rdata: { type: 'NS', target: 'a.root-servers.net.' } }],
    });
    expect(encoded(queryFor('nope', 'A'), 'udp', root)).toMatchObject({
      rcode: RCODE.NXDOMAIN,
      authorities: [{ name: '.' }],
    });
  });
});
