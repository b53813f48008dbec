import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { respond } from '../respond.ts';
import { compileRRset, momentaryRRset } from '../rrset.ts';
import { RCODE, rcodeName, TYPE } from '../types.ts';
import { decodeMessage } from '../wire/message.ts';
import { parseQuery, type Query } from '../wire/query.ts';
import { answerLimit, encodeResponse } from '../wire/response.ts';
import { WireWriter } from '../wire/writer.ts';
import {
  A1,
  A2,
  CLIENT,
  checked,
  keys,
  NOW,
  origin,
  queryFor,
  type SignedTableOptions,
  signedTable,
} from './testing/signed-table.ts';
import { makeZoneKeys, materialOf } from './testing/signing-material.ts';

const { table } = signedTable();

function ask(
  name: string,
  type = 'A',
  flags: { dnssecOk?: boolean; compactOk?: boolean } = {},
  from = table,
) {
  const { rcode, answer, authority, additional } = respond(from, queryFor(name, type, flags), CLIENT);
  return {
    rcode: rcodeName(rcode),
    answer: checked(answer),
    authority: checked(authority),
    additional: checked(additional),
  };
}

const SOA = '+ signed.test. 60 SOA ns1.signed.test. hostmaster.signed.test. 7 7200 1800 1209600 60';
const nsec = (name: string, types: string, ttl = 60): string =>
  `+ ${name} ${ttl} NSEC \\000.${name} ${types}`;

describe('a signed zone', () => {
  it('answers as before without DO', () => {
    expect(ask('www.signed.test', 'A', { dnssecOk: false })).toMatchObject({
      answer: ['- www.signed.test. 300 A 192.0.2.80 | 192.0.2.8'],
    });
    expect(ask('no.signed.test', 'A', { dnssecOk: false, compactOk: true })).toMatchObject({
      rcode: 'NXDOMAIN',
      authority: [`-${SOA.slice(1)}`],
    });
    expect(ask('x.secure.signed.test', 'A', { dnssecOk: false }).authority).toHaveLength(1);
  });

  it('signs what is its own, and each alias on the way', () => {
    expect(ask('alias.signed.test')).toEqual({
      rcode: 'NOERROR',
      answer: [
        '+ alias.signed.test. 300 CNAME www.signed.test.',
        '+ www.signed.test. 300 A 192.0.2.80 | 192.0.2.8',
      ],
      authority: [],
      additional: [],
    });
    expect(ask('signed.test', 'NS')).toMatchObject({
      answer: ['+ signed.test. 300 NS ns1.signed.test. | ns.example.net.'],
      additional: ['+ ns1.signed.test. 300 A 192.0.2.53'],
    });
    expect(ask('signed.test', 'SOA').answer).toEqual([SOA.replace(' 60 SOA', ' 300 SOA')]);
  });

  it('signs what a wildcard stands for as if it were there (RFC 9824 section 3.3)', () => {
    const decision = respond(table, queryFor('a.b.wild.signed.test', 'A'), CLIENT);
    expect(checked(decision.answer)).toEqual(['+ a.b.wild.signed.test. 300 A 192.0.2.77']);
    expect(decision.answer[1]?.set.records[0]).toMatchObject({ type: 'RRSIG', labels: 5 });
    expect(decision.authority).toEqual([]);
    expect(ask('x.wild.signed.test', 'MX').authority).toEqual([
      SOA,
      nsec('x.wild.signed.test.', 'A RRSIG NSEC'),
    ]);
    expect(ask('q.walias.signed.test').answer.map((line) => line.split(' ')[3])).toEqual(['CNAME', 'A']);
  });

  it('denies a type by what there is at the name', () => {
    expect(ask('www.signed.test', 'MX')).toMatchObject({
      rcode: 'NOERROR',
      answer: [],
      authority: [SOA, nsec('www.signed.test.', 'A TXT RRSIG NSEC')],
    });
    expect(ask('signed.test', 'SRV').authority).toEqual([
      SOA,
      nsec('signed.test.', 'NS SOA MX RRSIG NSEC DNSKEY CDS CDNSKEY'),
    ]);
  });

  it('tells an empty non-terminal from a name that does not exist (RFC 9824 sections 3.1 and 3.2)', () => {
    expect(ask('ent.signed.test')).toMatchObject({
      rcode: 'NOERROR',
      authority: [SOA, nsec('ent.signed.test.', 'RRSIG NSEC')],
    });
    expect(ask('no.signed.test')).toMatchObject({
      rcode: 'NOERROR',
      answer: [],
      authority: [SOA, nsec('no.signed.test.', 'RRSIG NSEC NXNAME')],
    });
  });

  it('says NXDOMAIN beside the proof to who understands it (RFC 9824 section 5.1)', () => {
    expect(ask('no.signed.test', 'A', { compactOk: true })).toMatchObject({
      rcode: 'NXDOMAIN',
      authority: [SOA, nsec('no.signed.test.', 'RRSIG NSEC NXNAME')],
    });
    expect(ask('ent.signed.test', 'A', { compactOk: true }).rcode).toBe('NOERROR');
    expect(ask('dangling.signed.test', 'A', { compactOk: true })).toMatchObject({
      rcode: 'NXDOMAIN',
      answer: ['+ dangling.signed.test. 300 CNAME nowhere.signed.test.'],
      authority: [SOA, nsec('nowhere.signed.test.', 'RRSIG NSEC NXNAME')],
    });
  });

  it('signs a DNAME, not the CNAME that follows from it (RFC 6672 section 5.3.1)', () => {
    expect(ask('www.old.signed.test').answer).toEqual([
      '+ old.signed.test. 300 DNAME new.signed.test.',
      '- www.old.signed.test. 300 CNAME www.new.signed.test.',
      '+ www.new.signed.test. 300 A 192.0.2.6',
    ]);
    expect(ask('old.signed.test', 'A').authority.at(-1)).toBe(nsec('old.signed.test.', 'DNAME RRSIG NSEC'));
  });

  it('gives the DS of a delegation, or that there is none, but signs neither NS nor glue', () => {
    expect(ask('x.secure.signed.test')).toEqual({
      rcode: 'NOERROR',
      answer: [],
      authority: [
        '- secure.signed.test. 300 NS ns.secure.signed.test. | ns1.signed.test.',
        `+ secure.signed.test. 300 DS 1 13 2 ${'00'.repeat(32)}`,
      ],
      additional: ['- ns.secure.signed.test. 300 A 192.0.2.99', '+ ns1.signed.test. 300 A 192.0.2.53'],
    });
    expect(ask('x.insecure.signed.test')).toMatchObject({
      authority: [
        '- insecure.signed.test. 300 NS ns.insecure.signed.test.',
        nsec('insecure.signed.test.', 'NS RRSIG NSEC'),
      ],
      additional: ['- ns.insecure.signed.test. 300 A 192.0.2.98'],
    });
    expect(ask('secure.signed.test', 'DS').answer).toHaveLength(1);
    expect(ask('insecure.signed.test', 'DS').authority).toEqual([
      SOA,
      nsec('insecure.signed.test.', 'NS RRSIG NSEC'),
    ]);
  });

  it('has the keys that the hub signed, with or without DO', () => {
    for (const type of ['DNSKEY', 'CDS', 'CDNSKEY']) {
      const [line] = ask('signed.test', type).answer;
      expect(line).toMatch(new RegExp(`^\\+ signed.test. 3600 ${type} `));
      expect(ask('signed.test', type, { dnssecOk: false }).answer).toEqual([line?.replace('+', '-')]);
      expect(ask('www.signed.test', type).authority.at(-1)).toBe(
        nsec('www.signed.test.', 'A TXT RRSIG NSEC'),
      );
    }
    const rrsig = respond(table, queryFor('signed.test', 'DNSKEY'), CLIENT).answer[1]?.set.records[0];
    expect(rrsig).toMatchObject({ type: 'RRSIG', keyTag: keys.keySigning.keyTag });
  });

  it('answers for NSEC, RRSIG and ANY with one signature each', () => {
    const own = nsec('www.signed.test.', 'A TXT RRSIG NSEC');
    expect(ask('www.signed.test', 'NSEC').answer).toEqual([own]);
    expect(ask('www.signed.test', 'NSEC', { dnssecOk: false }).answer).toEqual([`-${own.slice(1)}`]);
    expect(ask('alias.signed.test', 'NSEC').answer).toEqual([nsec('alias.signed.test.', 'CNAME RRSIG NSEC')]);
    expect(ask('no.signed.test', 'NSEC').answer).toEqual([nsec('no.signed.test.', 'RRSIG NSEC NXNAME')]);
    expect(ask('no.signed.test', 'NSEC', { dnssecOk: false }).rcode).toBe('NXDOMAIN');
    const { answer } = respond(table, queryFor('www.signed.test', 'RRSIG'), CLIENT);
    expect(answer).toHaveLength(1);
    expect(answer[0]?.set.records).toMatchObject([{ type: 'RRSIG', typeCovered: TYPE.NSEC }]);
    expect(ask('www.signed.test', 'ANY').answer).toEqual(['+ www.signed.test. 3600 HINFO "RFC8482" ""']);
  });

  it('refuses to be asked for NXNAME (RFC 9824 section 3.5)', () => {
    expect(respond(table, queryFor('no.signed.test', 'NXNAME'), CLIENT)).toMatchObject({
      rcode: RCODE.FORMERR,
      authority: [],
    });
  });
});

describe('a routed name of a signed zone', () => {
  it('is signed over the TTL of its policy, so that a lower TTL needs no signature of its own', () => {
    const decision = respond(table, queryFor('api.signed.test', 'A'), CLIENT);
    expect(checked(decision.answer)).toEqual(['+ api.signed.test. 20 A 198.51.100.1 | 198.51.100.2']);
    expect(decision.answer[1]?.set.records[0]).toMatchObject({ originalTtlSeconds: 60 });
  });

  it('has every type in its bitmap that the policy can answer with, whatever it answers now', () => {
    expect(ask('api.signed.test', 'TXT').authority).toEqual([
      SOA,
      nsec('api.signed.test.', 'A AAAA RRSIG NSEC'),
    ]);
    expect(ask('moved.signed.test', 'NSEC').answer).toEqual([nsec('moved.signed.test.', 'CNAME RRSIG NSEC')]);
  });

  it('has not the type in its bitmap that is denied now, nor an alias beside it, for as long as that holds', () => {
    const denied = ask('api.signed.test', 'AAAA').authority;
    expect(denied).toEqual([SOA.replace(' 60 SOA', ' 20 SOA'), nsec('api.signed.test.', 'A RRSIG NSEC', 20)]);
    expect(ask('cdn.signed.test', 'MX').authority.at(-1)).toBe(
      nsec('cdn.signed.test.', 'A AAAA RRSIG NSEC', 20),
    );
  });

  it('below a wildcard is signed under the name asked for', () => {
    expect(ask('a.tenant.signed.test').answer).toEqual(['+ a.tenant.signed.test. 20 A 198.51.100.1']);
  });

  it('that is an alias is signed as that', () => {
    expect(ask('moved.signed.test').answer[0]).toBe('+ moved.signed.test. 20 CNAME www.signed.test.');
  });
});

describe('signatures', () => {
  /** A table on a clock of its own; `signatures` gives those of the answer. */
  function world(options: SignedTableOptions = {}) {
    let nowSeconds = NOW;
    const { table: clocked, resources } = signedTable({ nowMs: () => nowSeconds * 1000, ...options });
    const answerTo = (name: string, type = 'A') => respond(clocked, queryFor(name, type), CLIENT);
    return {
      resources,
      at: (seconds: number) => {
        nowSeconds = seconds;
      },
      answerTo,
      inceptionOf: (name: string): number | undefined => {
        const { answer } = answerTo(name);
        checked(answer, nowSeconds);
        const rrsig = answer.find(({ set }) => set.type === TYPE.RRSIG)?.set.records[0];
        return rrsig?.type === 'RRSIG' ? rrsig.inception : undefined;
      },
    };
  }

  it('are kept until a quarter of their lifetime is left, and made anew then', () => {
    const { at, inceptionOf } = world();
    const week = 7 * 86_400;
    expect(inceptionOf('www.signed.test')).toBe(NOW - 3600);
    at(NOW + 0.75 * week - 1);
    expect(inceptionOf('www.signed.test')).toBe(NOW - 3600);
    at(NOW + 0.75 * week + 1);
    expect(inceptionOf('www.signed.test')).toBe(NOW + 0.75 * week + 1 - 3600);
  });

  it('that begin in the future, because the clock was set back, are made anew', () => {
    const { at, inceptionOf } = world();
    inceptionOf('www.signed.test');
    at(NOW - 7200);
    expect(inceptionOf('www.signed.test')).toBe(NOW - 7200 - 3600);
  });

  it('are the same for a routed set in any order, with any TTL, compiled or not', () => {
    const { resources, answerTo } = world();
    const { answer, zone } = answerTo('api.signed.test');
    const { size } = resources.kept;
    const name = parseName('api.signed.test');
    const sets = [
      momentaryRRset(TYPE.A, 5, [A2, A1]),
      compileRRset(TYPE.A, 5, [A2, A1]),
      compileRRset(TYPE.A, 60, [A1, A2]),
    ];
    for (const set of sets)
      expect(zone?.signer?.signaturesOf(name, set, 60, false)?.records).toEqual(answer[1]?.set.records);
    expect(resources.kept.size).toBe(size);
    zone?.signer?.signaturesOf(name, compileRRset(TYPE.A, 60, [A1]), 60, false);
    expect(resources.kept.size).toBe(size + 1);
  });

  it('beyond the budget of a second are SERVFAIL, but names of the zone have a part of it to themselves', () => {
    const { at, answerTo } = world({ perSecond: 40 });
    const floods = Array.from({ length: 50 }, (_, i) => answerTo(`no${i}.signed.test`).rcode);
    // The SOA of the first answer took one; three quarters are for names that are made up.
    expect(floods.filter((rcode) => rcode === RCODE.NOERROR)).toHaveLength(29);
    expect(floods.at(-1)).toBe(RCODE.SERVFAIL);
    expect(answerTo('www.signed.test').rcode).toBe(RCODE.NOERROR);
    expect(answerTo('no0.signed.test').rcode).toBe(RCODE.NOERROR); // made before
    at(NOW + 1);
    expect(answerTo('no49.signed.test').rcode).toBe(RCODE.NOERROR);
  });

  it('that should be made anew serve on while the budget is out and they are valid', () => {
    const { at, answerTo, inceptionOf } = world({ perSecond: 8 });
    inceptionOf('www.signed.test');
    at(NOW + 6 * 86_400);
    for (const name of ['ent', 'alias', 'old', 'deep.ent', 'api', 'cdn', 'signed', 'secure', 'x.wild'])
      answerTo(`${name}.signed.test`, 'LOC');
    expect(answerTo('big.signed.test', 'TXT').rcode).toBe(RCODE.SERVFAIL);
    expect(inceptionOf('www.signed.test')).toBe(NOW - 3600);
  });

  it('over names that queries make up do not push out those of the zone, and take bounded room', () => {
    const { resources, answerTo } = world();
    answerTo('www.signed.test');
    const before = resources.kept.size;
    for (let i = 0; i < 400; i += 1) answerTo(`no${i}.signed.test`);
    expect(resources.kept.size).toBe(before + 1); // the SOA
    expect(resources.fleeting.size).toBeGreaterThan(20);
    expect(resources.fleeting.size).toBeLessThan(200);
    expect(resources.fleeting.octets).toBeLessThan(1.1e5);
  });

  it('are made by every key while there are two', () => {
    const other = makeZoneKeys();
    const one = materialOf(origin, keys, NOW);
    const two = { ...one, signers: [...one.signers, ...materialOf(origin, other, NOW).signers] };
    const { answerTo } = world({ material: two });
    const records = answerTo('www.signed.test').answer[1]?.set.records ?? [];
    expect(records.map((rdata) => rdata.type === 'RRSIG' && rdata.keyTag)).toEqual([
      keys.zoneSigning.keyTag,
      other.zoneSigning.keyTag,
    ]);
  });
});

describe('the encoded answer of a signed zone', () => {
  const writer = new WireWriter();
  function encoded(query: Query, transport: 'udp' | 'tcp' = 'udp') {
    encodeResponse(query, respond(table, query, CLIENT), writer, answerLimit(query, transport));
    return decodeMessage(writer.buffer.subarray(0, writer.offset));
  }

  it('I24 over UDP is cut with TC where its signatures do not fit into 1232 octets, and whole over TCP', () => {
    const query = queryFor('big.signed.test', 'TXT');
    const cut = encoded(query);
    expect(cut.flags.truncated).toBe(true);
    expect(cut.answers).toEqual([]);
    expect(encoded(queryFor('big.signed.test', 'TXT', { dnssecOk: false })).flags.truncated).toBe(false);
    const whole = encoded(query, 'tcp');
    expect(whole.flags.truncated).toBe(false);
    expect(whole.answers.map(({ type }) => type)).toEqual([...Array<number>(6).fill(TYPE.TXT), TYPE.RRSIG]);
  });

  it('copies DO, CO and CD, and never sets AD', () => {
    const query = queryFor('no.signed.test', 'A', { compactOk: true });
    query.bytes.set([0x01, 0x30], 2); // RD, AD and CD
    const reread = parseQuery(query.bytes);
    if (reread === undefined) throw new Error('the query was dropped');
    const answer = encoded(reread);
    expect(answer.edns).toMatchObject({ dnssecOk: true, compactOk: true });
    expect(answer.flags).toMatchObject({ authenticData: false, checkingDisabled: true, authoritative: true });
    expect(answer.rcode).toBe(RCODE.NXDOMAIN);
  });
});
