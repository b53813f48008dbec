import { describe, expect, it } from 'vitest';
import type { ClientAddress } from './client.ts';
import { parseName } from './name.ts';
import { parseRdata } from './records/catalogue.ts';
import { respond } from './respond.ts';
import { compileRRset } from './rrset.ts';
import { AnswerTable } from './table.ts';
import { OPCODE, RCODE, TYPE, typeName } from './types.ts';
import { encodeMessage, type Message, makeQuery } from './wire/message.ts';
import { parseQuery } from './wire/query.ts';
import { compileZone, compileZoneOrThrow, reviseZone } from './zone.ts';
import type { RecordSource, ZoneSource } from './zone-source.ts';

const n = parseName;
const CLIENT: ClientAddress = { family: 4, bytes: new Uint8Array(4), prefixLength: 32, source: 'resolver' };
const record = (name: string, type: string, ...data: string[]): RecordSource => ({ name, type, data });
const source = (
  origin: string,
  records: readonly RecordSource[],
  change: Partial<ZoneSource> = {},
): ZoneSource => ({
  origin: n(origin),
  serial: 1,
  nameServers: [{ name: n('ns.elsewhere.invalid'), addresses: [] }],
  soa: { refreshSeconds: 1, retrySeconds: 1, expireSeconds: 1, minimumSeconds: 1 },
  ttlSeconds: 60,
  records,
  routed: [],
  ...change,
});

function ask(zone: ZoneSource, name: string, type: number, change: Partial<Message> = {}) {
  const query = parseQuery(encodeMessage({ ...makeQuery(1, { name: n(name), type, class: 1 }), ...change }));
  if (query === undefined) throw new Error('the query was dropped');
  const decision = respond(new AnswerTable([compileZoneOrThrow(zone)]), query, CLIENT);
  const brief = ({ owner, set }: { owner: string; set: { type: number } }): string =>
    `${owner} ${typeName(set.type)}`;
  return {
    rcode: decision.rcode,
    answer: decision.answer.map(brief),
    authority: decision.authority.map(brief),
    additional: decision.additional.map(brief),
  };
}

describe('an answer', () => {
  it('gives a redirection once, however often the aliases come back to it', () => {
    const zone = source('example.test', [
      record('old', 'DNAME', 'new.example.test.'),
      record('x.new', 'CNAME', 'y.old.example.test.'),
      record('y.new', 'A', '192.0.2.1'),
    ]);
    expect(ask(zone, 'x.old.example.test', TYPE.A).answer).toEqual([
      'old.example.test. DNAME',
      'x.old.example.test. CNAME',
      'x.new.example.test. CNAME',
      'y.old.example.test. CNAME',
      'y.new.example.test. A',
    ]);
  });

  it('has of the names of servers their addresses, and nothing else that stands there', () => {
    const zone = source('example.test', [
      record('child', 'NS', 'ns.example.test.'),
      record('ns', 'A', '192.0.2.1'),
      record('ns', 'TXT', '"not an address"'),
    ]);
    expect(ask(zone, 'x.child.example.test', TYPE.A).additional).toEqual(['ns.example.test. A']);
  });

  it('to a NOTIFY is NOTIMP here: who takes those answers them before', () => {
    expect(ask(source('example.test', []), 'example.test', TYPE.SOA, { opcode: OPCODE.NOTIFY }).rcode).toBe(
      RCODE.NOTIMP,
    );
  });

  it('to ANY at a routed alias whose routing fails is SERVFAIL', () => {
    const routed = {
      types: new Set<number>([TYPE.CNAME]),
      answer: () => {
        throw new Error('a bug');
      },
    };
    const zone = source('example.test', [], { routed: [{ name: n('app.example.test'), routed }] });
    expect(ask(zone, 'app.example.test', TYPE.ANY).rcode).toBe(RCODE.SERVFAIL);
  });

  it('takes the set that a routed name has ready, when it is of the type asked for', () => {
    const ready = compileRRset(TYPE.A, 20, [parseRdata(TYPE.A, '192.0.2.9')]);
    const routed = {
      types: new Set<number>([TYPE.A, TYPE.AAAA]),
      answer: () => ({ ttlSeconds: 20, records: ready.records, set: ready, ecsScope: 0 }),
    };
    const zone = source('example.test', [], { routed: [{ name: n('app.example.test'), routed }] });
    expect(ask(zone, 'app.example.test', TYPE.A).answer).toEqual(['app.example.test. A']);
    // An A set for AAAA is a mistake of the routing.
    expect(ask(zone, 'app.example.test', TYPE.AAAA).rcode).toBe(RCODE.SERVFAIL);
  });

  it('from a table of names that holds nothing, not even its apex, is that there is no such name', () => {
    const zone = compileZoneOrThrow(source('example.test', []));
    const nothing = { get: () => undefined, values: () => [], size: 0 };
    const query = parseQuery(
      encodeMessage(makeQuery(1, { name: n('a.example.test'), type: TYPE.A, class: 1 })),
    );
    if (query === undefined) throw new Error('the query was dropped');
    expect(respond(new AnswerTable([{ ...zone, nodes: nothing }]), query, CLIENT).rcode).toBe(RCODE.NXDOMAIN);
  });

  it('about DS of the root comes from the root itself: there is nothing above', () => {
    const root = source('.', [record('ns.elsewhere.invalid', 'A', '192.0.2.1')]);
    expect(ask(root, 'ns.elsewhere.invalid', TYPE.A).answer).toEqual(['ns.elsewhere.invalid. A']);
    expect(ask(root, '.', TYPE.DS)).toMatchObject({
      rcode: RCODE.NOERROR,
      authority: ['. SOA'],
    });
  });
});

describe('a zone source', () => {
  const violations = (zone: ZoneSource): readonly string[] => {
    const result = compileZone(zone);
    return result.ok ? [] : result.violations.map(({ path, message }) => `${path}: ${message}`);
  };

  it('may leave the glue of one delegation to another one', () => {
    const records = [record('a', 'NS', 'ns.b.example.test.'), record('b', 'NS', 'ns.elsewhere.invalid.')];
    expect(violations(source('example.test', records))).toEqual([]);
    expect(violations(source('example.test', [record('a', 'NS', 'ns.a.example.test.')]))).toEqual([
      'records[0].data[0]: the name server ns.a.example.test. lies in the zone but has no address there',
    ]);
  });

  it('that writes the zone itself as a relative name is told of "@"', () => {
    const result = compileZone(source('example.test', [record('example.test', 'A', '192.0.2.1')]));
    expect(result.ok ? [] : result.violations.map(({ fix }) => fix)).toEqual([
      'Write "example.test." with the dot at the end, or "@".',
    ]);
  });

  it('whose origin leaves no room for hostmaster has its own name as mailbox', () => {
    const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(59)}`;
    const [soa] = compileZoneOrThrow(source(long, [])).soa.records;
    expect(soa).toMatchObject({ type: 'SOA', mailbox: `${long}.` });
  });

  it('that has one or several faults is refused with the first, and how many more there are', () => {
    const bad = record('a', 'A', 'nonsense');
    expect(() => compileZoneOrThrow(source('example.test', [bad]))).toThrowError(/[^)]$/);
    expect(() => compileZoneOrThrow(source('example.test', [bad, bad, bad]))).toThrowError(/\(and 2 more\)$/);
  });
});

describe('a zone', () => {
  const routed = {
    types: new Set([TYPE.A]),
    answer: () => ({ ttlSeconds: 1, records: [parseRdata(TYPE.A, '192.0.2.9')], ecsScope: 0 }),
  };
  const zone = compileZoneOrThrow(
    source('example.test', [], { routed: [{ name: n('app.example.test'), routed }] }),
  );

  it('is revised in the names it routes; others stay what they are', () => {
    const revised = reviseZone(zone, 2, [
      { name: n('app.example.test'), routed },
      { name: n('other.example.test'), routed },
    ]);
    expect(revised.serial).toBe(2);
    expect(revised.nodes.get(n('app.example.test'))?.routed).toBe(routed);
    expect(revised.nodes.get(n('other.example.test'))).toBeUndefined();
  });

  it('that was not compiled here cannot be revised', () => {
    const other = { ...zone, nodes: new Map() };
    expect(() => reviseZone(other, 2, [])).toThrowError(expect.objectContaining({ code: 'INTERNAL' }));
  });
});
