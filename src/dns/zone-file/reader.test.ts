import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { formatRdata } from '../records/catalogue.ts';
import { typeName } from '../types.ts';
import { readZoneFile, SIGNING_TYPES, ZoneFileReader } from './reader.ts';

const origin = parseName('example.com');

/** `owner TTL type data` of each record; fails when the file has a problem. */
function records(text: string): readonly string[] {
  const { found, problems } = readZoneFile(text, { origin });
  expect(problems).toEqual([]);
  return found.map((r) => `${r.owner} ${r.ttlSeconds} ${typeName(r.type)} ${formatRdata(r.rdata)}`);
}

/** `line:column code message` of each problem. */
function problems(text: string, maxProblems = 50): readonly string[] {
  return readZoneFile(text, { origin, maxProblems }).problems.map(
    (p) => `${p.line}:${p.column} ${p.code} ${p.message}`,
  );
}

describe('a zone file', () => {
  it('is read as RFC 1035 section 5 has it', () => {
    const text = `$TTL 1h30m ; a comment
@  IN SOA ns1 hostmaster.example.com. (
        2024010101 ; serial
        2h 30m 2w
        5m )
   NS ns1
   NS ns2.example.net.
ns1 A 192.0.2.53
    300 IN AAAA 2001:db8::53
www IN 60 CNAME web ; TTL after the class
mail 60 IN MX 10 mail
txt TXT "semi;colon (and parentheses)" plain ( "next line"
  ) ; done
$ORIGIN sub
a A 192.0.2.1
@ A 192.0.2.2
b.example.com. A 192.0.2.3
`;
    expect(records(text)).toEqual([
      'example.com. 5400 SOA ns1.example.com. hostmaster.example.com. 2024010101 7200 1800 1209600 300',
      'example.com. 5400 NS ns1.example.com.',
      'example.com. 5400 NS ns2.example.net.',
      'ns1.example.com. 5400 A 192.0.2.53',
      'ns1.example.com. 300 AAAA 2001:db8::53',
      'www.example.com. 60 CNAME web.example.com.',
      'mail.example.com. 60 MX 10 mail.example.com.',
      'txt.example.com. 5400 TXT "semi;colon (and parentheses)" "plain" "next line"',
      'a.sub.example.com. 5400 A 192.0.2.1',
      'sub.example.com. 5400 A 192.0.2.2',
      'b.example.com. 5400 A 192.0.2.3',
    ]);
  });

  it.each([
    ['Windows line ends and no line end at all', '$TTL 60\r\na A 192.0.2.1\r\nb A 192.0.2.2', ['a', 'b']],
    [
      'tabs, blank lines and lines of comments',
      '$TTL 60\n\n; nothing\n\ta.b\tA\t192.0.2.1\n'.replace('\ta', 'a'),
      ['a.b'],
    ],
    ['escapes in names', '$TTL 60\na\\.b A 192.0.2.1\n\\097c A 192.0.2.2\n', ['a\\046b', 'ac']],
    ['wildcards and underscores', '$TTL 60\n* A 192.0.2.1\n_sip._tcp A 192.0.2.2\n', ['*', '_sip._tcp']],
    ['names outside ASCII', '$TTL 60\nbücher A 192.0.2.1\n', ['xn--bcher-kva']],
    ['upper case', '$ttl 60\nWWW in a 192.0.2.1\n', ['www']],
    ['the class as a number', '$TTL 60\na CLASS1 A 192.0.2.1\n', ['a']],
  ])('may have %s', (_, text, owners) => {
    expect(records(text).map((r) => r.split(' ')[0])).toEqual(owners.map((o) => `${o}.example.com.`));
  });

  it('takes the octets of any type, known or not (RFC 3597)', () => {
    expect(
      records('$TTL 60\na TYPE65280 \\# 4 ( 0a00 0001 )\nb TYPE1 \\# 4 c0000201\nc A \\# 4 c0000202\n'),
    ).toEqual([
      'a.example.com. 60 TYPE65280 \\# 4 0a000001',
      'b.example.com. 60 A 192.0.2.1',
      'c.example.com. 60 A 192.0.2.2',
    ]);
  });

  it('takes a TTL from the record, $TTL, the record before or the SOA, in this order (RFC 2308 section 4)', () => {
    expect(
      records('a 10 A 192.0.2.1\nb A 192.0.2.2\n$TTL 20\nc A 192.0.2.3\nd 30 A 192.0.2.4\ne A 192.0.2.5\n'),
    ).toEqual([
      'a.example.com. 10 A 192.0.2.1',
      'b.example.com. 10 A 192.0.2.2',
      'c.example.com. 20 A 192.0.2.3',
      'd.example.com. 30 A 192.0.2.4',
      'e.example.com. 20 A 192.0.2.5',
    ]);
    expect(records('@ SOA ns1 host 1 2 3 4 55\na A 192.0.2.1\n')[1]).toBe('a.example.com. 55 A 192.0.2.1');
  });

  it('reads the types it is to skip without looking at their data', () => {
    const skipped: string[] = [];
    const { found, problems: wrong } = readZoneFile(
      '$TTL 60\na A 192.0.2.1\n  RRSIG A 13 3 60 (\n    nonsense )\n  NSEC3PARAM x\nb A 192.0.2.2\n',
      {
        origin,
        skips: (type) => SIGNING_TYPES.has(type),
        onSkipped: ({ owner, type, line }) => skipped.push(`${line} ${owner} ${typeName(type)}`),
      },
    );
    expect(wrong).toEqual([]);
    expect(found).toHaveLength(2);
    expect(skipped).toEqual(['3 a.example.com. RRSIG', '5 a.example.com. NSEC3PARAM']);
  });

  it('may be given in pieces cut anywhere', () => {
    const text = '$TTL 60\na TXT "one" (\n "two" )\r\nb A 192.0.2.1\n$GENERATE 1-3 c$ A 192.0.2.$\n';
    const whole = readZoneFile(text, { origin }).found;
    expect(whole).toHaveLength(5);
    for (let size = 1; size < 12; size += 1) {
      const found: unknown[] = [];
      const reader = new ZoneFileReader({ origin, onRecord: (record) => found.push(record) });
      for (let at = 0; at < text.length; at += size) reader.push(text.slice(at, at + size));
      expect(reader.end().problems).toEqual([]);
      expect(found, `pieces of ${size}`).toEqual(whole);
    }
  });
});

describe('$GENERATE', () => {
  it('makes a record for each value', () => {
    expect(records('$TTL 60\n$GENERATE 1-5/2 host-$ A 192.0.2.$\n')).toEqual([
      'host-1.example.com. 60 A 192.0.2.1',
      'host-3.example.com. 60 A 192.0.2.3',
      'host-5.example.com. 60 A 192.0.2.5',
    ]);
  });

  it.each([
    ['{0,3}', 'x007'],
    ['{-2}', 'x5'],
    ['{8,4,x}', 'x000f'],
    ['{8,4,X}', 'x000f'], // names are lower case
    ['{3,0,o}', 'x12'],
    ['{10,4,n}', 'x1.1'],
    ['{493,7,N}', 'x4.f.1.0'],
  ])('spells its value as $%s says', (form, owner) => {
    expect(records(`$TTL 60\n$GENERATE 7-7 x$${form} 120 IN A 192.0.2.1\n`)).toEqual([
      `${owner}.example.com. 120 A 192.0.2.1`,
    ]);
  });

  it('takes quoted data for several words, as BIND does', () => {
    expect(records('$TTL 60\n$GENERATE 1-2 @ MX "10  mail-$"\n')).toEqual([
      'example.com. 60 MX 10 mail-1.example.com.',
      'example.com. 60 MX 10 mail-2.example.com.',
    ]);
  });

  it('leaves an escaped $ alone', () => {
    expect(records('$TTL 60\n$GENERATE 1-1 a TXT x "\\$5 for $" "$$"\n')).toEqual([
      'a.example.com. 60 TXT "x" "$5 for 1" "$"',
    ]);
  });

  it.each([
    ['$GENERATE 5-1 a$ A 192.0.2.$', '1:11 ZONE_FILE_INVALID $GENERATE takes'],
    ['$GENERATE 1-2/0 a$ A 192.0.2.$', '1:11 ZONE_FILE_INVALID $GENERATE takes'],
    ['$GENERATE', '1:1 ZONE_FILE_INVALID $GENERATE takes'],
    ['$GENERATE 1-2 a$', '1:11 ZONE_FILE_INVALID $GENERATE takes'],
    ['$GENERATE 1-4000000000 a$ A 192.0.2.1', '1:11 ZONE_FILE_INVALID $GENERATE takes'],
    ['$GENERATE 0-100000 a$ 60 A 192.0.2.1', '1:1 ZONE_FILE_INVALID $GENERATE lines make 100001 records'],
    [`$GENERATE 1-9 a$\{-5} 60 A 192.0.2.1`, `1:15 ZONE_FILE_INVALID $\{-5} is no form of the counter for 1`],
    ['$GENERATE 250-300 a$ 60 A 192.0.2.$', '1:27 DNS_RECORD_INVALID A record: "192.0.2.256"'],
  ])('is bounded and told once when it is wrong: %s', (text, start) => {
    const found = problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]?.slice(0, start.length)).toBe(start);
  });
});

describe('what is wrong in a zone file', () => {
  it.each([
    ['a A 192.0.2.1', '1:1 ZONE_FILE_INVALID the record has no TTL'],
    ['  60 A 192.0.2.1', '1:3 ZONE_FILE_INVALID the line begins with white space'],
    ['a 60 A', '1:1 DNS_RECORD_INVALID A record: the address is missing'],
    ['a 60 IN', '1:1 ZONE_FILE_INVALID the record has no type'],
    ['a 60 B 192.0.2.1', '1:6 DNS_RECORD_INVALID "B" is no record type'],
    ['a 60 "A" 192.0.2.1', '1:6 DNS_RECORD_INVALID "A" is no record type'],
    ['a 60 ANY x', '1:6 ZONE_FILE_INVALID the class ANY is not served'],
    ['a 60 OPT x', '1:6 DNS_RECORD_INVALID "OPT" exists in messages only'],
    ['a 60 CH A 192.0.2.1', '1:6 ZONE_FILE_INVALID the class CH is not served'],
    ['a 1x A 192.0.2.1', '1:3 ZONE_FILE_INVALID "1x" is no TTL'],
    ['a 4294967295 A 192.0.2.1', '1:3 ZONE_FILE_INVALID "4294967295" is no TTL'],
    ['a 60 A 192.0.2', '1:8 DNS_RECORD_INVALID A record'],
    ['a..b 60 A 192.0.2.1', '1:1 DNS_NAME_INVALID'],
    [`${'x'.repeat(64)} 60 A 192.0.2.1`, '1:1 DNS_NAME_INVALID'],
    ['a 60 MX 10 b..c', '1:9 DNS_RECORD_INVALID MX record: the mail server'],
    ['a 60 TXT "open', '1:10 ZONE_FILE_INVALID this double quote is not closed'],
    ['a 60 TXT al="open', '1:10 ZONE_FILE_INVALID a double quote in this word'],
    ['a 60 A 192.0.2.1 )', '1:18 ZONE_FILE_INVALID a parenthesis is closed'],
    ['a 60 A ( 192.0.2.1', '1:8 ZONE_FILE_INVALID this parenthesis is never closed'],
    [`a 60 TXT ${'('.repeat(17)}`, '1:26 ZONE_FILE_INVALID parentheses stand 16 deep'],
    ['a 60 TXT x\\', '1:11 ZONE_FILE_INVALID the line ends with a lone backslash'],
    ['$INCLUDE other.zone', '1:1 ZONE_FILE_INVALID $INCLUDE is not followed'],
    ['$FOO 1', '1:1 ZONE_FILE_INVALID $FOO is no directive'],
    ['$ORIGIN', '1:1 ZONE_FILE_INVALID $ORIGIN takes one word'],
    ['$TTL', '1:1 ZONE_FILE_INVALID $TTL takes one word'],
    ['a 60 CLASS5 A 192.0.2.1', '1:6 ZONE_FILE_INVALID the class CLASS5 is not served'],
    ['a 60 CLASS123456 A 192.0.2.1', '1:6 DNS_RECORD_INVALID "CLASS123456" is no record type'],
    ['a 60 "IN" A 192.0.2.1', '1:6 DNS_RECORD_INVALID "IN" is no record type'],
    ['$ORIGIN a b', '1:1 ZONE_FILE_INVALID $ORIGIN takes one word'],
    ['$TTL soon\na A 192.0.2.1', '1:6 ZONE_FILE_INVALID "soon" is no time'],
    ['$ORIGIN a..b', '1:9 DNS_NAME_INVALID'],
  ])('%s', (text, start) => {
    const found = problems(text);
    expect(found.map((p) => p.slice(0, start.length))).toEqual([start]);
    expect(readZoneFile(text, { origin }).problems[0]?.fix).not.toBe('');
  });

  it('is told all at once, each with its place, and does not hide what is right', () => {
    const text = `$TTL 60
a A 192.0.2.300
b A 192.0.2.1
  AAAA nonsense
c..d A 192.0.2.2
  TXT "its owner is wrong, so this is not a record of b"
e MX ten (
   mail )
`;
    const { found, problems: wrong } = readZoneFile(text, { origin });
    expect(wrong.map((p) => `${p.line}:${p.column} ${p.code}`)).toEqual([
      '2:5 DNS_RECORD_INVALID',
      '4:8 DNS_RECORD_INVALID',
      '5:1 DNS_NAME_INVALID',
      '7:6 DNS_RECORD_INVALID',
    ]);
    expect(found.map((r) => `${r.line} ${r.owner} ${typeName(r.type)}`)).toEqual(['3 b.example.com. A']);
  });

  it('is not told of data that is skipped, but of its owner', () => {
    const skipped: unknown[] = [];
    const { problems: wrong } = readZoneFile('a..b 60 RRSIG nonsense\n', {
      origin,
      skips: (type) => SIGNING_TYPES.has(type),
      onSkipped: (record) => skipped.push(record),
    });
    expect(wrong.map((p) => p.code)).toEqual(['DNS_NAME_INVALID']);
    expect(skipped).toEqual([]);
  });

  it('is not read on after the bound, whatever still comes', () => {
    const reader = new ZoneFileReader({ origin, onRecord: () => undefined, maxProblems: 1 });
    reader.push('nonsense\nmore nonsense\n');
    reader.push('a 60 A 192.0.2.1\n');
    expect(reader.end()).toMatchObject({ records: 0, stopped: true });
  });

  it('ends the reading after a bound', () => {
    const result = readZoneFile('nonsense\n'.repeat(10_000), { origin, maxProblems: 7 });
    expect(result.problems).toHaveLength(7);
    expect(result.stopped).toBe(true);
  });

  it('lets no control characters of the file into its messages', () => {
    for (const text of [
      'a 60 A \u001b[2J',
      'a 60 \u001b]0;x\u0007',
      '\u009b1m 60 A 192.0.2.1',
      '$\u001bX y',
    ]) {
      const messages = readZoneFile(text, { origin }).problems.map((p) => p.message);
      expect(messages).toHaveLength(1);
      expect(messages.join('')).not.toMatch(/\p{Cc}/u);
    }
  });

  it('lets no line of $GENERATE stand for gigabytes', () => {
    const line = `$GENERATE 0-99999 a TXT ${Array.from({ length: 250 }, () => '$' + '{0,255}').join(' ')}\n`;
    const result = readZoneFile(`$TTL 60\n${line}`, { origin, skips: () => true });
    expect(line.length).toBeLessThan(3000);
    expect(result.problems.map(({ message }) => message)).toEqual([
      '$GENERATE lines make more than 64000000 characters up to here',
    ]);
  });

  it('keeps its messages short, whatever stands in the file', () => {
    for (const text of [
      `a 60 ${'X'.repeat(100_000)}`,
      `${'x'.repeat(100_000)} 60 A 192.0.2.1`,
      `a 60 A ${'1'.repeat(100_000)}`,
    ]) {
      const [problem, ...more] = readZoneFile(text, { origin }).problems;
      expect(more).toEqual([]);
      expect(problem?.message.length).toBeLessThanOrEqual(300);
    }
  });
});
