import { describe, expect, it } from 'vitest';
import type { FieldViolation } from '../errors/error.ts';
import { parseName } from './name.ts';
import type { RoutedName } from './routed.ts';
import { TYPE } from './types.ts';
import { compileZone, compileZoneOrThrow, reviseZone } from './zone.ts';
import type { RecordSource, ZoneSource } from './zone-source.ts';

const n = parseName;
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const something: unknown = expect.anything();

function source(change: Partial<ZoneSource> = {}): ZoneSource {
  return {
    origin: n('example.test'),
    serial: 7,
    nameServers: [{ name: n('ns1.example.test'), addresses: ['192.0.2.53', '2001:db8::53'] }],
    soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
    ttlSeconds: 300,
    records: [],
    routed: [],
    ...change,
  };
}

function routed(...types: number[]): RoutedName {
  return { types: new Set(types), answer: () => ({ ttlSeconds: 1, records: [], ecsScope: 0 }) };
}

const ROUTED = routed(TYPE.A, TYPE.AAAA);

function violationsOf(change: Partial<ZoneSource>): readonly FieldViolation[] {
  const result = compileZone(source(change));
  return result.ok ? [] : result.violations;
}

const record = (name: string, type: string, ...data: string[]): RecordSource => ({ name, type, data });

describe('a zone', () => {
  it('has SOA, NS and the addresses of its name servers without being told', () => {
    const zone = compileZoneOrThrow(source());
    expect(zone.apex.sets.map((set) => set.type)).toEqual([TYPE.SOA, TYPE.NS]);
    expect(zone.nodes.get(n('ns1.example.test'))?.sets.map((set) => set.type)).toEqual([TYPE.A, TYPE.AAAA]);
    expect(zone.soa.records).toEqual([
      {
        type: 'SOA',
        primary: 'ns1.example.test.',
        mailbox: 'hostmaster.example.test.',
        serial: 7,
        refreshSeconds: 7200,
        retrySeconds: 1800,
        expireSeconds: 1_209_600,
        minimumSeconds: 60,
      },
    ]);
    expect(zone.negativeSoa.ttlSeconds).toBe(60);
  });

  it('takes names relative to the origin, `@`, and absolute ones', () => {
    const zone = compileZoneOrThrow(
      source({
        records: [
          record('@', 'MX', '10 mail.example.net.'),
          record('www', 'A', '192.0.2.1'),
          record('a.b.example.test.', 'A', '192.0.2.1'),
        ],
      }),
    );
    expect([...zone.nodes.values()].map(({ name }) => name).sort()).toEqual([
      'a.b.example.test.',
      'b.example.test.', // an empty non-terminal
      'example.test.',
      'ns1.example.test.',
      'www.example.test.',
    ]);
  });

  it('lets other types stand beside a routed name, also at the apex and at a wildcard', () => {
    const change: Partial<ZoneSource> = {
      records: [
        record('@', 'MX', '10 mail.example.net.'),
        record('@', 'HTTPS', '1 . alpn=h2'),
        record('*.api', 'TXT', '"x"'),
        record('www', 'CAA', '0 issue "ca.example"'),
      ],
      routed: ['example.test', '*.api.example.test', 'www.example.test'].map((name) => ({
        name: n(name),
        routed: ROUTED,
      })),
    };
    expect(violationsOf(change)).toEqual([]);
  });

  it('finds an address for a name server at a routed name or a wildcard', () => {
    const nameServers = [{ name: n('ns.example.test'), addresses: [] }];
    expect(violationsOf({ nameServers, routed: [{ name: n('ns.example.test'), routed: ROUTED }] })).toEqual(
      [],
    );
    expect(violationsOf({ nameServers, records: [record('*', 'A', '192.0.2.1')] })).toEqual([]);
    expect(violationsOf({ nameServers: [{ name: n('ns.example.net'), addresses: [] }] })).toEqual([]);
  });

  it('throws with every violation when asked to', () => {
    const wrong = source({ records: [record('@', 'A', 'x'), record('@', 'MX', 'y')] });
    expect(() => compileZoneOrThrow(wrong)).toThrowError(
      expect.objectContaining({
        code: 'DNS_ZONE_INVALID',
        message: matching(/records\[0\]\.data\[0\].*and 1 more/),
        violations: [something, something],
      }),
    );
  });
});

describe('a DNAME', () => {
  it('may stand at the apex, beside other data, and DS at a delegation', () => {
    const records = [
      record('a', 'DNAME', 'x.example.test.'),
      record('a', 'A', '192.0.2.1'),
      record('b', 'NS', 'ns.example.net.'),
      record('b', 'DS', '1 13 2 00'),
    ];
    expect(violationsOf({ records })).toEqual([]);
    const nameServers = [{ name: n('ns.example.net'), addresses: [] }];
    expect(violationsOf({ nameServers, records: [record('@', 'DNAME', 'example.net.')] })).toEqual([]);
  });
});

describe('what a zone refuses', () => {
  const glue = record('ns.child', 'A', '192.0.2.9');
  it.each<[string, Partial<ZoneSource>, string, string]>([
    [
      'wrong data',
      { records: [record('a', 'A', '192.0.2.1', '1.2.3')] },
      'records[0].data[1]',
      'DNS_RECORD_INVALID',
    ],
    ['no data', { records: [record('a', 'A')] }, 'records[0].data', 'DNS_RECORD_INVALID'],
    ['an unknown type', { records: [record('a', 'AAAAA', 'x')] }, 'records[0].type', 'DNS_RECORD_INVALID'],
    ['a type of messages', { records: [record('a', 'ANY', 'x')] }, 'records[0].type', 'DNS_RECORD_INVALID'],
    [
      'a wrong TTL',
      { records: [{ ...record('a', 'A', '192.0.2.1'), ttlSeconds: -1 }] },
      'records[0].ttlSeconds',
      'DNS_RECORD_INVALID',
    ],
    ['a wrong name', { records: [record('a..b', 'A', '192.0.2.1')] }, 'records[0].name', 'DNS_NAME_INVALID'],
    [
      'a name too long',
      { records: [record(`${'a.'.repeat(125)}a`, 'A', '192.0.2.1')] },
      'records[0].name',
      'DNS_NAME_INVALID',
    ],
    [
      'a name that only looks absolute',
      { records: [record('www.example.test', 'A', '192.0.2.1')] },
      'records[0].name',
      'DNS_NAME_INVALID',
    ],
    [
      'a record out of the zone',
      { records: [record('www.example.net.', 'A', '192.0.2.1')] },
      'records[0].name',
      'DNS_RECORD_OUT_OF_ZONE',
    ],
    [
      'a routed name out of the zone',
      { routed: [{ name: n('example.net'), routed: ROUTED }] },
      'routed[0]',
      'DNS_RECORD_OUT_OF_ZONE',
    ],
    [
      'unquoted text with spaces',
      { records: [record('@', 'TXT', 'v=spf1 -all')] },
      'records[0].data[0]',
      'DNS_RECORD_INVALID',
    ],
    [
      'the same data twice',
      { records: [record('a', 'A', '192.0.2.1', '192.0.2.1')] },
      'records[0].data[1]',
      'DNS_RECORD_DUPLICATE',
    ],
    [
      'the same data twice, spelt otherwise',
      { records: [record('a', 'NS', 'B.example.net.', 'b.example.net')] },
      'records[0].data[1]',
      'DNS_RECORD_DUPLICATE',
    ],
    [
      'one set in two entries',
      { records: [record('a', 'A', '192.0.2.1'), record('A', 'A', '192.0.2.2')] },
      'records[1]',
      'DNS_RECORD_DUPLICATE',
    ],
    [
      'a name server address given twice',
      { records: [record('ns1', 'A', '192.0.2.1')] },
      'records[0]',
      'DNS_RECORD_DUPLICATE',
    ],
    [
      'a routed name twice',
      {
        routed: [
          { name: n('a.example.test'), routed: ROUTED },
          { name: n('a.example.test'), routed: ROUTED },
        ],
      },
      'routed[1]',
      'DNS_RECORD_DUPLICATE',
    ],
    ['no name server', { nameServers: [] }, 'nameServers', 'DNS_ZONE_INVALID'],
    [
      'a name server address that is none',
      { nameServers: [{ name: n('ns.example.net'), addresses: ['x'] }] },
      'nameServers[0].addresses[0]',
      'DNS_RECORD_INVALID',
    ],
    [
      'a name server without address',
      { nameServers: [{ name: n('ns.example.test'), addresses: [] }] },
      'nameServers[0].name',
      'DNS_GLUE_MISSING',
    ],
    [
      'a delegation without glue',
      { records: [record('child', 'NS', 'ns.child.example.test.')] },
      'records[0].data[0]',
      'DNS_GLUE_MISSING',
    ],
    [
      'a name server that is an alias',
      {
        nameServers: [{ name: n('ns.example.test'), addresses: [] }],
        records: [record('ns', 'CNAME', 'x.example.net.')],
      },
      'nameServers[0].name',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'records that signing makes',
      { records: [record('@', 'DNSKEY', '257 3 13 AQIDBA==')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'DS without a delegation',
      { records: [record('a', 'DS', '1 13 2 00')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    ['DS at the apex', { records: [record('@', 'DS', '1 13 2 00')] }, 'records[0]', 'DNS_RECORD_CONFLICT'],
    [
      'two DNAMEs at a name',
      { records: [record('a', 'DNAME', 'a.example.net.', 'b.example.net.')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'a DNAME beside a CNAME',
      { records: [record('a', 'CNAME', 'a.example.net.'), record('a', 'DNAME', 'b.example.net.')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'a DNAME beside a delegation',
      { records: [record('a', 'NS', 'a.example.net.'), record('a', 'DNAME', 'b.example.net.')] },
      'records[1]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'a DNAME at a wildcard',
      { records: [record('*', 'DNAME', 'a.example.net.')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'a DNAME to below itself',
      { records: [record('a', 'DNAME', 'b.a.example.test.')] },
      'records[0].data[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'records below a DNAME',
      { records: [record('a', 'DNAME', 'a.example.net.'), record('c.b.a', 'A', '192.0.2.1')] },
      'records[1]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'routed names below a DNAME',
      {
        records: [record('a', 'DNAME', 'a.example.net.')],
        routed: [{ name: n('b.a.example.test'), routed: ROUTED }],
      },
      'routed[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'SOA as a record',
      { records: [record('@', 'SOA', 'a.b. c.d. 1 2 3 4 5')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'NS of the apex as a record',
      { records: [record('@', 'NS', 'ns.example.net.')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'a delegated wildcard',
      { records: [record('*', 'NS', 'ns.example.net.')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'CNAME at the apex',
      { records: [record('@', 'CNAME', 'x.example.net.')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'CNAME beside other data',
      { records: [record('a', 'CNAME', 'x.example.net.'), record('a', 'TXT', '"t"')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'two CNAMEs',
      { records: [record('a', 'CNAME', 'x.example.net.', 'y.example.net.')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'an alias of itself',
      { records: [record('a', 'CNAME', 'a.example.test.')] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'A at a routed name',
      { records: [record('a', 'A', '192.0.2.1')], routed: [{ name: n('a.example.test'), routed: ROUTED }] },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'CNAME at a routed name',
      {
        records: [record('a', 'CNAME', 'b.example.net.')],
        routed: [{ name: n('a.example.test'), routed: ROUTED }],
      },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'NS at a routed name',
      {
        records: [record('a', 'NS', 'b.example.net.')],
        routed: [{ name: n('a.example.test'), routed: ROUTED }],
      },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'TXT beside a routed alias',
      {
        records: [record('a', 'TXT', '"t"')],
        routed: [{ name: n('a.example.test'), routed: routed(TYPE.CNAME) }],
      },
      'records[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'a routed alias at the apex',
      { routed: [{ name: n('example.test'), routed: routed(TYPE.CNAME) }] },
      'routed[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'a routed name below a delegation',
      {
        records: [record('child', 'NS', 'ns.child.example.test.'), glue],
        routed: [{ name: n('a.child.example.test'), routed: ROUTED }],
      },
      'routed[0]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'data below a delegation',
      { records: [record('child', 'NS', 'ns.child.example.test.'), glue, record('x.child', 'TXT', '"t"')] },
      'records[2]',
      'DNS_RECORD_CONFLICT',
    ],
    [
      'a set too large for a message',
      {
        records: [
          record('a', 'TXT', ...Array.from({ length: 300 }, (_, i) => `"${String(i).padStart(250, 'x')}"`)),
        ],
      },
      'records[0]',
      'DNS_RECORD_INVALID',
    ],
  ])('%s', (_what, change, path, code) => {
    const found = violationsOf(change);
    expect(found).toContainEqual(expect.objectContaining({ path, code }));
    for (const violation of found) {
      expect(violation.message).not.toBe('');
      expect(violation.fix).not.toBe('');
    }
  });

  it('two aliases that lead to each other, naming both', () => {
    const found = violationsOf({
      records: [record('a', 'CNAME', 'b.example.test.'), record('b', 'CNAME', 'a.example.test.')],
    });
    expect(found.map((violation) => violation.path)).toEqual(['records[0]', 'records[1]']);
  });
});

describe('a zone that only changes what routes its names', () => {
  const names = ['example.test', '*.example.test', 'www.example.test', '*.deep.api.example.test'].map((t) =>
    n(t),
  );
  const records = [
    record('www', 'TXT', '"beside a routed name"'),
    record('sub', 'NS', 'ns.elsewhere.test.'),
    record('alias', 'CNAME', 'www.example.test.'),
    record('deep.api', 'MX', '10 mail.elsewhere.test.'),
  ];
  const before = names.map((name) => ({ name, routed: routed(TYPE.A, TYPE.AAAA) }));

  it('becomes what compiling it anew would make, and the old one stays as it was', () => {
    const old = compileZoneOrThrow(source({ records, routed: before }));
    const kept = structuredClone(old.soa);
    const after = before.map((entry, at) =>
      at === 1 ? entry : { ...entry, routed: routed(TYPE.A, TYPE.AAAA) },
    );
    const revised = reviseZone(old, 8, after);
    const anew = compileZoneOrThrow(source({ records, routed: after, serial: 8 }));
    expect(revised).toEqual(anew);
    for (const { name, routed: own } of after) expect(revised.nodes.get(name)?.routed).toBe(own);
    expect(revised.nodes.get(n('deep.api.example.test'))?.wildcard?.routed).toBe(after[3]?.routed);
    expect(revised.apex).toBe(revised.nodes.get(n('example.test')));
    expect(revised.apex.wildcard?.routed).toBe(before[1]?.routed);
    expect(old.soa).toEqual(kept);
    expect(old.nodes.get(n('www.example.test'))?.routed).toBe(before[2]?.routed);
  });

  it('cannot have a routed name at or below a delegation', () => {
    for (const name of ['sub.example.test', 'www.sub.example.test'])
      expect(violationsOf({ records, routed: [{ name: n(name), routed: ROUTED }] })).not.toEqual([]);
  });
});
