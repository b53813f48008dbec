import { describe, expect, it } from 'vitest';
import { containing } from '../../../test/support/matchers.ts';
import { parseName } from '../name.ts';
import { parseRdata } from '../records/catalogue.ts';
import { TYPE } from '../types.ts';
import { compileZone } from '../zone.ts';
import { type FileRecord, readZoneFile, SIGNING_TYPES } from './reader.ts';
import { type NameServer, type TakenOver, takeOver } from './take-over.ts';

const origin = parseName('example.com');
const HEAD = `$TTL 3600
@ SOA ns1 hostmaster 2024010101 7200 1800 1209600 300
@ NS ns1
@ NS ns.example.net.
ns1 A 192.0.2.53
ns1 AAAA 2001:db8::53
`;

function result(text: string, nameServers?: readonly NameServer[]) {
  const skipped: Omit<FileRecord, 'rdata' | 'ttlSeconds'>[] = [];
  const { found, problems } = readZoneFile(text, {
    origin,
    skips: (type) => SIGNING_TYPES.has(type),
    onSkipped: (record) => skipped.push(record),
  });
  expect(problems).toEqual([]);
  return takeOver(origin, found, skipped, nameServers);
}

function taken(text: string, nameServers?: readonly NameServer[]): TakenOver {
  const outcome = result(text, nameServers);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.violations));
  return outcome.taken;
}

function violations(text: string): readonly string[] {
  const outcome = result(text);
  return outcome.ok ? [] : outcome.violations.map((v) => `${v.path}: ${v.code} ${v.message}`);
}

/** Nothing a zone of ours would refuse. */
function served({ spec }: TakenOver): void {
  const compiled = compileZone({ ...spec, serial: 1, routed: [] });
  expect(compiled.ok ? [] : compiled.violations).toEqual([]);
}

describe('taking a zone over', () => {
  it('makes SOA, name servers, glue and records of a Zone from it', () => {
    const zone = taken(`${HEAD}www 60 A 192.0.2.1
www 60 A 192.0.2.2
@ MX 10 mail
mail A 192.0.2.3
*.wild TXT "x y"
child NS ns.child
child DS 12345 13 2 AABB
ns.child A 192.0.2.54
`);
    expect(zone.spec).toEqual({
      origin,
      nameServers: [
        { name: 'ns1.example.com.', addresses: ['192.0.2.53', '2001:db8::53'] },
        { name: 'ns.example.net.', addresses: [] },
      ],
      soa: {
        mname: 'ns1.example.com.',
        rname: 'hostmaster.example.com.',
        refreshSeconds: 7200,
        retrySeconds: 1800,
        expireSeconds: 1_209_600,
        minimumSeconds: 300,
      },
      ttlSeconds: 3600,
      records: [
        { name: '@', type: 'MX', data: ['10 mail.example.com.'] },
        { name: 'child', type: 'NS', data: ['ns.child.example.com.'] },
        { name: 'child', type: 'DS', data: ['12345 13 2 AABB'] },
        { name: 'ns.child', type: 'A', data: ['192.0.2.54'] },
        { name: 'mail', type: 'A', data: ['192.0.2.3'] },
        { name: '*.wild', type: 'TXT', data: ['"x y"'] },
        { name: 'www', type: 'A', ttlSeconds: 60, data: ['192.0.2.1', '192.0.2.2'] },
      ],
    });
    expect(zone.leftOut).toEqual([]);
    expect(zone.notes).toEqual([containing('the serial 2024010101 is not taken over')]);
    served(zone);
  });

  it('names what it leaves out, and why', () => {
    const zone = taken(`${HEAD}www A 192.0.2.1
www RRSIG A 13 3 60 (what a signer wrote)
@ DNSKEY 257 3 13 AAAA
elsewhere.example.net. A 192.0.2.9
child NS ns.example.net.
a.child TXT "never answered"
child MX 10 mail.example.net.
`);
    expect(zone.leftOut.map((l) => `${l.line} ${l.owner} ${l.type}: ${l.reason}`)).toEqual([
      '8 www.example.com. RRSIG: it belongs to the signatures of the source; Portolan signs with keys of its own (spec.dnssec)',
      '9 example.com. DNSKEY: it belongs to the signatures of the source; Portolan signs with keys of its own (spec.dnssec)',
      '10 elsewhere.example.net. A: it does not lie in example.com.',
      '12 a.child.example.com. TXT: it lies at or below the delegation child.example.com. and is never answered from here',
      '13 child.example.com. MX: it lies at or below the delegation child.example.com. and is never answered from here',
    ]);
    served(zone);
  });

  it('says what it changes', () => {
    const zone = taken(`$TTL 3600
@ 60 SOA ns1 hostmaster 1 7200 1800 86400 300
@ NS ns1
ns1 120 A 192.0.2.53
www 60 A 192.0.2.1
www 30 A 192.0.2.2
www 60 A 192.0.2.1
`);
    expect(zone.notes).toEqual([
      'line 6: the A records of www.example.com. have several TTLs; all get 30 (RFC 2181 section 5.2)',
      'line 7: the same A record of www.example.com. stands before; it is taken once',
      'the A records of ns1.example.com. get the TTL of the name servers: 3600 instead of 120',
      containing('the serial 1 is not taken over'),
      'the SOA record gets the TTL of the name servers: 3600 instead of 60',
      'the expire time is 604800 instead of 86400: a Zone expires after a week at the soonest',
    ]);
    expect(zone.spec.records).toEqual([
      { name: 'www', type: 'A', ttlSeconds: 30, data: ['192.0.2.1', '192.0.2.2'] },
    ]);
    expect(zone.spec.soa.expireSeconds).toBe(604_800);
    served(zone);
  });

  it('gives the zone other name servers when they are named', () => {
    const zone = taken(`${HEAD}www A 192.0.2.1\n`, [
      { name: parseName('ns1.example.com'), addresses: ['198.51.100.1'] },
      { name: parseName('ns2.example.com'), addresses: ['198.51.100.2'] },
    ]);
    expect(zone.spec.nameServers.map((s) => s.name)).toEqual(['ns1.example.com.', 'ns2.example.com.']);
    expect(zone.spec.records).toEqual([{ name: 'www', type: 'A', data: ['192.0.2.1'] }]);
    expect(zone.notes).toContain(
      'the name servers are those of --name-server instead of ns1.example.com., ns.example.net.',
    );
    expect(zone.notes).toContain(
      'the addresses of the name server ns1.example.com. are 198.51.100.1 instead of 192.0.2.53',
    );
    served(zone);
  });

  it('writes a name in full when its relative form looks complete', () => {
    const zone = taken(`${HEAD}www.example.com.example.com. A 192.0.2.1\n`);
    expect(zone.spec.records[0]?.name).toBe('www.example.com.example.com.');
    served(zone);
  });

  it.each([
    [
      'no SOA',
      '$TTL 60\n@ NS ns.example.net.\n',
      'records: DNS_ZONE_INVALID there is no SOA record at example.com.',
    ],
    [
      'the SOA of another zone',
      '$TTL 60\nsub SOA ns host 1 2 3 4 5\n@ NS ns.example.net.\n',
      'line 2: DNS_ZONE_INVALID the SOA record is at sub.example.com., but the zone is example.com.',
    ],
    [
      'two SOA records',
      `${HEAD}@ SOA ns2 host 1 2 3 4 5\n`,
      'line 7: DNS_ZONE_INVALID the zone has 2 SOA records',
    ],
    [
      'no name server',
      '$TTL 60\n@ SOA ns host 1 2 3 4 5\n',
      'records: DNS_ZONE_INVALID there is no NS record at example.com.',
    ],
    [
      '14 name servers',
      `$TTL 60\n@ SOA ns host 1 2 3 4 5\n$GENERATE 1-14 @ NS ns$.example.net.\n`,
      'line 3: ZONE_TOO_LARGE the zone has 14 name servers; at most 13 are allowed',
    ],
    [
      '1,001 records in a set',
      `${HEAD}$GENERATE 1-1001 a TXT $\n`,
      'line 7: ZONE_TOO_LARGE a.example.com. has 1001 TXT records; at most 1000 are allowed',
    ],
    [
      '9 addresses of a server',
      `${HEAD}$GENERATE 1-8 ns1 A 192.0.2.$\n`,
      'line 3: ZONE_TOO_LARGE the name server ns1.example.com. has 10 addresses; at most 8 are allowed',
    ],
  ])('refuses %s', (_, text, expected) => {
    expect(violations(text)).toEqual([expected]);
  });

  it('leaves signatures out of a transfer, too, and tells a place without lines', () => {
    const at = (owner: string, type: number, text: string): FileRecord => ({
      owner: parseName(owner),
      type,
      ttlSeconds: 60,
      rdata: parseRdata(type, text),
      line: 0,
    });
    const records = [
      at('example.com', TYPE.SOA, 'ns.example.net. host.example.net. 1 2 3 4 5'),
      at('example.com', TYPE.NS, 'ns.example.net.'),
      at('example.com', TYPE.NSEC3PARAM, '\\# 5 0100000000'),
      at('a.example.com', TYPE.A, '192.0.2.1'),
      at('a.example.com', TYPE.A, '192.0.2.1'),
    ];
    const outcome = takeOver(origin, records);
    expect(outcome.ok ? outcome.taken.leftOut.map((l) => `${l.line} ${l.type}`) : []).toEqual([
      '0 NSEC3PARAM',
    ]);
    expect(outcome.ok ? outcome.taken.notes[0] : '').toBe(
      'the same A record of a.example.com. stands before; it is taken once',
    );
    const two = takeOver(origin, [...records, at('example.com', TYPE.SOA, 'b. c. 1 2 3 4 5')]);
    expect(two.ok ? [] : two.violations.map((v) => v.path)).toEqual(['records']);
    const nothing = takeOver(origin, []);
    expect(nothing.ok ? [] : nothing.violations.map((v) => v.code)).toEqual([
      'DNS_ZONE_INVALID',
      'DNS_ZONE_INVALID',
    ]);
  });

  it('I36 refuses more record sets than a Zone holds, with a way out', { timeout: 60_000 }, () => {
    function* many(): Iterable<FileRecord> {
      const at = (owner: string, type: number, text: string): FileRecord => ({
        owner: parseName(owner),
        type,
        ttlSeconds: 60,
        rdata: parseRdata(type, text),
        line: 0,
      });
      yield at('example.com', TYPE.SOA, 'ns.example.net. host.example.net. 1 2 3 4 5');
      yield at('example.com', TYPE.NS, 'ns.example.net.');
      for (let i = 0; i <= 100_000; i += 1) yield at(`h${i}.example.com`, TYPE.A, '192.0.2.1');
    }
    const outcome = takeOver(origin, many());
    expect(outcome.ok).toBe(false);
    expect(outcome.ok ? [] : outcome.violations).toEqual([
      {
        path: 'records',
        code: 'ZONE_TOO_LARGE',
        message: 'the zone has 100001 record sets; a Zone holds at most 100000',
        fix: containing('Delegate a part of it'),
      },
    ]);
  });
});
