import { describe, expect, it } from 'vitest';
import type { ClientAddress } from './client.ts';
import { parseName } from './name.ts';
import { formatRdata } from './records/catalogue.ts';
import { respond } from './respond.ts';
import { AnswerTable } from './table.ts';
import { zoneSource } from './testing/zone-source.ts';
import { parseType, rcodeName, typeName } from './types.ts';
import { encodeMessage, makeQuery } from './wire/message.ts';
import { parseQuery } from './wire/query.ts';
import { compileZoneOrThrow } from './zone.ts';

const CLIENT: ClientAddress = {
  family: 4,
  bytes: new Uint8Array(4),
  prefixLength: 32,
  source: 'resolver',
};
const LONG = `${'l'.repeat(60)}.${'m'.repeat(60)}.${'n'.repeat(60)}.example.test.`;

const zone = compileZoneOrThrow(
  zoneSource({
    serial: 7,
    nameServers: [{ name: parseName('ns.example.net'), addresses: [] }],
    records: [
      { name: 'old', type: 'DNAME', ttlSeconds: 120, data: ['new.example.test.'] },
      { name: 'old', type: 'TXT', data: ['"at it"'] },
      { name: 'www.new', type: 'A', data: ['192.0.2.1'] },
      { name: '*.wild.new', type: 'A', data: ['192.0.2.2'] },
      { name: 'away', type: 'DNAME', data: ['example.net.'] },
      { name: 'root', type: 'DNAME', data: ['.'] },
      { name: 'long', type: 'DNAME', data: [LONG] },
      { name: 'ping', type: 'DNAME', data: ['pong.example.test.'] },
      { name: 'pong', type: 'DNAME', data: ['ping.example.test.'] },
      { name: 'alias', type: 'CNAME', data: ['www.old.example.test.'] },
      { name: '*.w', type: 'CNAME', data: ['www.old.example.test.'] },
      { name: 'child', type: 'NS', data: ['ns.example.net.'] },
      { name: 'into', type: 'DNAME', data: ['child.example.test.'] },
    ],
  }),
);
const apex = compileZoneOrThrow(
  zoneSource({
    origin: parseName('moved.test'),
    serial: 7,
    nameServers: [{ name: parseName('ns.example.net'), addresses: [] }],
    records: [
      { name: '@', type: 'DNAME', data: ['example.test.'] },
      { name: '@', type: 'A', data: ['192.0.2.9'] },
    ],
  }),
);
const table = new AnswerTable([zone, apex]);

function ask(name: string, type = 'A') {
  const query = parseQuery(
    encodeMessage(makeQuery(1, { name: parseName(name), type: parseType(type) ?? 0, class: 1 })),
  );
  if (query === undefined) throw new Error('the query was dropped');
  const { rcode, answer, authority, source } = respond(table, query, CLIENT);
  return {
    rcode: rcodeName(rcode),
    answer: answer.flatMap(({ owner, set }) =>
      set.records.map((rdata) => `${owner} ${set.ttlSeconds} ${typeName(set.type)} ${formatRdata(rdata)}`),
    ),
    authority: authority.map(({ owner, set }) => `${owner} ${typeName(set.type)}`),
    source,
  };
}

const OLD = 'old.example.test. 120 DNAME new.example.test.';

describe('a DNAME (RFC 6672)', () => {
  it('redirects what lies below it by a CNAME of the same TTL, and is followed inside the zone', () => {
    expect(ask('www.old.example.test')).toEqual({
      rcode: 'NOERROR',
      answer: [
        OLD,
        'www.old.example.test. 120 CNAME www.new.example.test.',
        'www.new.example.test. 300 A 192.0.2.1',
      ],
      authority: [],
      source: 'old.example.test.',
    });
    expect(ask('a.b.wild.old.example.test').answer.at(-1)).toBe('a.b.wild.new.example.test. 300 A 192.0.2.2');
  });

  it('leaves its own name alone', () => {
    expect(ask('old.example.test', 'TXT').answer).toEqual(['old.example.test. 300 TXT "at it"']);
    expect(ask('old.example.test', 'DNAME').answer).toEqual([OLD]);
    expect(ask('old.example.test', 'A')).toMatchObject({ answer: [], authority: ['example.test. SOA'] });
  });

  it('has the response code of the name it leads to', () => {
    expect(ask('no.old.example.test')).toMatchObject({
      rcode: 'NXDOMAIN',
      answer: [OLD, 'no.old.example.test. 120 CNAME no.new.example.test.'],
    });
    expect(ask('www.old.example.test', 'MX')).toMatchObject({
      rcode: 'NOERROR',
      authority: ['example.test. SOA'],
    });
  });

  it('ends the search for CNAME and ANY, and is no obstacle to any other type', () => {
    const alias = [OLD, 'www.old.example.test. 120 CNAME www.new.example.test.'];
    expect(ask('www.old.example.test', 'CNAME').answer).toEqual(alias);
    expect(ask('www.old.example.test', 'ANY').answer).toEqual(alias);
    expect(ask('www.old.example.test', 'DNAME').answer).toEqual(alias);
  });

  it('leads out of the zone, to the root, and into a delegation', () => {
    expect(ask('a.b.away.example.test').answer.at(-1)).toBe(
      'a.b.away.example.test. 300 CNAME a.b.example.net.',
    );
    expect(ask('a.b.root.example.test').answer.at(-1)).toBe('a.b.root.example.test. 300 CNAME a.b.');
    expect(ask('x.into.example.test').authority).toEqual(['child.example.test. NS']);
  });

  it('is YXDOMAIN with the DNAME when the name would be too long', () => {
    const fits = ask(`${'x'.repeat(50)}.long.example.test`);
    expect(fits.rcode).toBe('NXDOMAIN');
    const [dname] = fits.answer;
    const tooLong = ask(`${'x'.repeat(60)}.long.example.test`);
    expect(tooLong).toEqual({
      rcode: 'YXDOMAIN',
      answer: [dname],
      authority: [],
      source: 'long.example.test.',
    });
  });

  it('stands once in an answer that it redirects twice, and rounds end', () => {
    const { rcode, answer } = ask('www.ping.example.test');
    expect(rcode).toBe('NOERROR');
    expect(answer).toEqual([
      'ping.example.test. 300 DNAME pong.example.test.',
      'www.ping.example.test. 300 CNAME www.pong.example.test.',
      'pong.example.test. 300 DNAME ping.example.test.',
      'www.pong.example.test. 300 CNAME www.ping.example.test.',
    ]);
  });

  it('is met behind an alias and behind a wildcard', () => {
    const path = (name: string): readonly string[] =>
      ask(name).answer.map((line) => line.split(' ').slice(0, 3).join(' '));
    const rest = [
      'old.example.test. 120 DNAME',
      'www.old.example.test. 120 CNAME',
      'www.new.example.test. 300 A',
    ];
    expect(path('alias.example.test')).toEqual(['alias.example.test. 300 CNAME', ...rest]);
    expect(path('q.w.example.test')).toEqual(['q.w.example.test. 300 CNAME', ...rest]);
  });

  it('at the apex redirects all of the zone but the apex', () => {
    expect(ask('moved.test').answer).toEqual(['moved.test. 300 A 192.0.2.9']);
    expect(ask('x.moved.test')).toMatchObject({
      rcode: 'NOERROR',
      answer: ['moved.test. 300 DNAME example.test.', 'x.moved.test. 300 CNAME x.example.test.'],
    });
    expect(ask('moved.test', 'SOA').answer).toHaveLength(1);
  });
});
