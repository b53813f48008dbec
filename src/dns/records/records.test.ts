import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { parseType, TYPE } from '../types.ts';
import { WireReader } from '../wire/reader.ts';
import { WireWriter } from '../wire/writer.ts';
import {
  codeOf,
  compressesNames,
  decodeRdata,
  encodeRdata,
  formatRdata,
  INTERPRETED_TYPES,
  parseRdata,
} from './catalogue.ts';
import { parseSeconds } from './fields.ts';

const containing = (text: string): unknown => expect.stringContaining(text);

function code(type: string): number {
  const found = parseType(type);
  if (found === undefined) throw new Error(`no type ${type}`);
  return found;
}

function wire(type: string, text: string): string {
  const writer = new WireWriter();
  encodeRdata(parseRdata(code(type), text), writer);
  return writer.buffer.toString('hex', 0, writer.offset);
}

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
const EXAMPLE = `07${hex('example')}03${hex('com')}00`;

/** type, presentation text, canonical text, wire form */
const CASES: readonly (readonly [string, string, string, string])[] = [
  ['A', '192.0.2.1', '192.0.2.1', 'c0000201'],
  ['AAAA', '2001:DB8:0:0::1', '2001:db8::1', '20010db8000000000000000000000001'],
  ['NS', 'Example.COM', 'example.com.', EXAMPLE],
  ['CNAME', 'example.com.', 'example.com.', EXAMPLE],
  ['PTR', 'example.com.', 'example.com.', EXAMPLE],
  ['MX', '10 example.com.', '10 example.com.', `000a${EXAMPLE}`],
  ['MX', '0 .', '0 .', '000000'],
  [
    'SOA',
    'example.com. hostmaster.example.com. 4294967295 1h 600 1w 5m',
    'example.com. hostmaster.example.com. 4294967295 3600 600 604800 300',
    // The second name is a pointer: SOA is one of the types that compress.
    `${EXAMPLE}0a${hex('hostmaster')}c000ffffffff00000e100000025800093a800000012c`,
  ],
  ['TXT', '"v=spf1 -all"', '"v=spf1 -all"', `0b${hex('v=spf1 -all')}`],
  ['TXT', 'plain "two words" ""', '"plain" "two words" ""', `05${hex('plain')}09${hex('two words')}00`],
  ['TXT', '"a\\"b\\\\c\\010"', '"a\\"b\\\\c\\010"', `06${hex('a"b\\c')}0a`],
  ['TXT', '"grüße"', '"gr\\195\\188\\195\\159e"', '076772c3bcc39f65'],
  ['TXT', '"a;b(c)"', '"a;b(c)"', `06${hex('a;b(c)')}`],
  ['CAA', '0 issue "letsencrypt.org"', '0 issue "letsencrypt.org"', `0005${hex('issueletsencrypt.org')}`],
  ['CAA', '128 ISSUEWILD ";"', '128 issuewild ";"', `8009${hex('issuewild;')}`],
  ['SRV', '10 60 5060 example.com.', '10 60 5060 example.com.', `000a003c13c4${EXAMPLE}`],
  // RFC 9460 appendix D.
  ['HTTPS', '0 example.com.', '0 example.com.', `0000${EXAMPLE}`],
  ['SVCB', '1 .', '1 .', '000100'],
  ['SVCB', '16 example.com. port=53', '16 example.com. port="53"', `0010${EXAMPLE}000300020035`],
  [
    'SVCB',
    '1 example.com. key667=hello',
    '1 example.com. key667="hello"',
    `0001${EXAMPLE}029b0005${hex('hello')}`,
  ],
  [
    'SVCB',
    '1 example.com. key667="hello\\210qoo"',
    '1 example.com. key667="hello\\210qoo"',
    `0001${EXAMPLE}029b0009${hex('hello')}d2${hex('qoo')}`,
  ],
  [
    'SVCB',
    '1 example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
    '1 example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
    `0001${EXAMPLE}0006002020010db800000000000000000000000120010db8000000000000000000530001`,
  ],
  [
    'SVCB',
    '16 example.com. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1',
    '16 example.com. mandatory="alpn,ipv4hint" alpn="h2,h3-19" ipv4hint="192.0.2.1"',
    `0010${EXAMPLE}0000000400010004000100090268320568332d313900040004c0000201`,
  ],
  [
    'SVCB',
    '16 example.com. alpn="f\\\\\\\\oo\\\\,bar,h2"',
    '16 example.com. alpn="f\\\\\\\\oo\\\\,bar,h2"',
    `0010${EXAMPLE}0001000c08665c6f6f2c626172026832`,
  ],
  ['HTTPS', '1 . alpn=h3 no-default-alpn', '1 . alpn="h3" no-default-alpn', '0001000001000302683300020000'],
  ['HTTPS', '1 . ech=AEX+DQ==', '1 . ech="AEX+DQ=="', '000100000500040045fe0d'],
  ['HTTPS', '1 . key3="\\001\\187"', '1 . port="443"', '0001000003000201bb'],
  ['TYPE65400', '\\# 3 01 02 03', '\\# 3 010203', '010203'],
  ['TYPE65400', '\\# 0', '\\# 0', ''],
  ['A', '\\# 4 c0000201', '192.0.2.1', 'c0000201'],
];

describe('record types', () => {
  it.each(CASES)('%s %s', (type, text, canonical, expected) => {
    const rdata = parseRdata(code(type), text);
    expect(formatRdata(rdata)).toBe(canonical);
    expect(wire(type, text)).toBe(expected);
    expect(codeOf(rdata)).toBe(code(type));
    expect(decodeRdata(code(type), new WireReader(Buffer.from(expected, 'hex')))).toEqual(rdata);
    expect(parseRdata(code(type), canonical)).toEqual(rdata);
  });

  it('has a case for every type of the catalogue', () => {
    expect(new Set(CASES.map(([type]) => type))).toEqual(new Set([...INTERPRETED_TYPES, 'TYPE65400']));
  });

  it('compresses names only where RFC 3597 allows it', () => {
    const compressing = INTERPRETED_TYPES.filter((type) => compressesNames(code(type)));
    expect(compressing).toEqual(['CNAME', 'MX', 'NS', 'PTR', 'SOA']);
    expect(compressesNames(65400)).toBe(false);
  });

  it('reads names relative to an origin when there is one', () => {
    const origin = parseName('example.com');
    expect(formatRdata(parseRdata(TYPE.MX, '10 mail', origin))).toBe('10 mail.example.com.');
    expect(formatRdata(parseRdata(TYPE.NS, '@', origin))).toBe('example.com.');
    expect(formatRdata(parseRdata(TYPE.NS, 'ns.example.net.', origin))).toBe('ns.example.net.');
  });
});

describe('wrong record data', () => {
  it.each([
    ['A', '1.2.3', 'not an IPv4 address'],
    ['A', '', 'is missing'],
    ['A', '192.0.2.1 192.0.2.2', 'one field too many'],
    ['AAAA', '192.0.2.1', 'not an IPv6 address'],
    ['CNAME', 'www', 'not a complete domain name'],
    ['CNAME', 'a..b.', 'empty label'],
    ['MX', '70000 mail.example.com.', 'from 0 to 65535'],
    ['MX', 'mail.example.com. 10', 'not a whole number'],
    ['MX', '10', 'the mail server is missing'],
    ['SOA', 'a.example. b.example. 1 2 3 4 soon', 'not a time'],
    ['TXT', `"${'x'.repeat(256)}"`, '256 octets'],
    ['TXT', '"open', 'not closed'],
    ['TXT', 'v=DMARC1; p=none', 'outside double quotes'],
    ['TXT', '"a""b"', 'space is missing'],
    ['TXT', '"a\\300"', 'bad escape'],
    ['TXT', 'a\nb', 'line break'],
    ['TXT', 'end\\', 'lone backslash'],
    ['TXT', Array.from({ length: 300 }, () => `"${'x'.repeat(250)}"`).join(' '), 'octets; at most 65535'],
    ['TXT', 'x'.repeat(200_000), 'characters; at most'],
    ['CAA', '0 is-sue "x"', 'letters and digits'],
    ['CAA', '300 issue "x"', 'from 0 to 255'],
    ['SRV', '1 2 3', 'the target is missing'],
    ['HTTPS', '0 . alpn=h2', 'takes no parameters'],
    ['HTTPS', '1 . no-default-alpn', 'needs alpn'],
    ['HTTPS', '1 . no-default-alpn=yes alpn=h2', 'does not allow'],
    ['HTTPS', '1 . alpn=h2 alpn=h3', 'stands twice'],
    ['HTTPS', '1 . alpn', 'does not allow'],
    ['HTTPS', '1 . alpn="h2,,h3"', 'does not allow'],
    ['HTTPS', '1 . mandatory=port', 'names port, which is not there'],
    ['HTTPS', '1 . mandatory=mandatory', 'does not allow'],
    ['HTTPS', '1 . mandatory=port,port port=1', 'does not allow'],
    ['HTTPS', '1 . port=65536', 'does not allow'],
    ['HTTPS', '1 . ipv4hint=192.0.2.300', 'does not allow'],
    ['HTTPS', '1 . ipv6hint=', 'does not allow'],
    ['HTTPS', '1 . ech=***', 'does not allow'],
    ['HTTPS', '1 . key3="\\001"', 'does not allow'],
    ['HTTPS', '1 . key65535=x', 'no known service parameter'],
    ['HTTPS', '1 . colour=red', 'no known service parameter'],
    ['TYPE65400', 'hello', 'length and hexadecimal digits'],
    ['TYPE65400', '\\# 4 010203', 'says 4 octets but there are 3'],
    ['TYPE65400', '\\# 1 0g', 'hexadecimal'],
    ['A', '\\# 3 c00002', 'ends too early'],
    ['A', '\\# 5 c000020101', 'left over'],
  ])('%s %.60s: %s', (type, text, reason) => {
    expect(() => parseRdata(code(type), text)).toThrowError(
      expect.objectContaining({ code: 'DNS_RECORD_INVALID', message: containing(reason) }),
    );
  });

  it('shows an example of the type that can be typed', () => {
    for (const type of INTERPRETED_TYPES) {
      let message = '';
      try {
        parseRdata(code(type), '(');
      } catch (error) {
        message = error instanceof Error ? error.message : '';
      }
      const example = /an example is: (.*)$/.exec(message)?.[1] ?? '';
      expect(formatRdata(parseRdata(code(type), example)), type).not.toBe('');
    }
  });

  it.each([
    ['SVCB', '000100000300020035000100030268 32'],
    ['SVCB', '00010000030002003500030002 0035'],
    ['SVCB', '000100000300010a'],
    ['SVCB', '00010000020000'],
    ['SVCB', '000100000100 03ff6832'],
    ['CAA', '0003692d78'],
    ['TXT', ''],
    ['TXT', '0561'],
    ['A', 'c00002'],
    ['A', 'c000020101'],
    ['MX', '000a4100'],
    ['NS', 'c000'],
  ])('%s with the wire form %s is malformed', (type, octets) => {
    const bytes = Buffer.from(octets.replaceAll(' ', ''), 'hex');
    expect(() => decodeRdata(code(type), new WireReader(bytes))).toThrowError(
      expect.objectContaining({ code: 'DNS_WIRE_MALFORMED' }),
    );
  });
});

describe('times', () => {
  it.each([
    ['0', 0],
    ['3600', 3600],
    ['1h30m', 5400],
    ['1W2d', 777_600],
    ['2147483647', 2_147_483_647],
    ['2147483648', undefined],
    ['1x', undefined],
    ['-1', undefined],
    ['', undefined],
  ])('%s is %s seconds', (text, seconds) => expect(parseSeconds(text)).toBe(seconds));
});
