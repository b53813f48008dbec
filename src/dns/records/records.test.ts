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
  ['HINFO', 'AMD64 "Linux 6"', '"AMD64" "Linux 6"', `05${hex('AMD64')}07${hex('Linux 6')}`],
  ['RP', 'example.com. .', 'example.com. .', `${EXAMPLE}00`],
  ['AFSDB', '1 example.com.', '1 example.com.', `0001${EXAMPLE}`],
  ['KX', '10 example.com.', '10 example.com.', `000a${EXAMPLE}`],
  [
    'NAPTR',
    '100 50 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .',
    '100 50 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .',
    `0064003201${hex('u')}07${hex('E2U+sip')}1b${hex('!^.*$!sip:info@example.com!')}00`,
  ],
  [
    'URI',
    '10 1 "https://example.com/"',
    '10 1 "https://example.com/"',
    `000a0001${hex('https://example.com/')}`,
  ],
  ['SSHFP', '4 2 0a0b 0c', '4 2 0A0B0C', '04020a0b0c'],
  ['TLSA', '3 1 1 d2abde24 0d7cd3ee', '3 1 1 D2ABDE240D7CD3EE', '030101d2abde240d7cd3ee'],
  ['SMIMEA', '3 0 0 00ff', '3 0 0 00FF', '03000000ff'],
  ['OPENPGPKEY', 'AQID BAU=', 'AQIDBAU=', '0102030405'],
  ['DHCID', 'AAECAwQ', 'AAECAwQ=', '0001020304'],
  ['CERT', 'pkix 1 ECDSAP256SHA256 AQID', 'PKIX 1 13 AQID', '000100010d010203'],
  ['CERT', '9 65535 255 AQID', '9 65535 255 AQID', '0009ffffff010203'],
  // RFC 1876 section 3 and its examples: cambridge-net, and a tower below sea level.
  [
    'LOC',
    '42 21 54 N 71 06 18 W -24m 30m',
    '42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m',
    '0033161389172dd070be15f000988d20',
  ],
  [
    'LOC',
    '0 S 180 E 0',
    '0 0 0.000 N 180 0 0.000 E 0.00m 1m 10000m 10m',
    '00121613 80000000 a69fb200 00989680',
  ],
  [
    'LOC',
    '1 2 3.5 S 4 5 6.789 E 1.5m 0.05m 0m 90000000m',
    '1 2 3.500 S 4 5 6.789 E 1.50m 0.05m 0.00m 90000000m',
    '00500099 7fc72f14 80e06865 00989716',
  ],
  ['SPF', '"v=spf1 -all"', '"v=spf1 -all"', `0b${hex('v=spf1 -all')}`],
  ['EUI48', '00-00-5E-00-53-2a', '00-00-5e-00-53-2a', '00005e00532a'],
  ['EUI64', '00-00-5e-ef-10-00-00-2a', '00-00-5e-ef-10-00-00-2a', '00005eef1000002a'],
  // RFC 3123 section 7.
  [
    'APL',
    '1:192.168.32.0/21 !1:192.168.38.0/28',
    '1:192.168.32.0/21 !1:192.168.38.0/28',
    '00011503c0a820 00011c83c0a826',
  ],
  ['APL', '1:224.0.0.0/4 2:FF00:0:0::/8', '1:224.0.0.0/4 2:ff00::/8', '00010401e0 00020801ff'],
  ['APL', '', '\\# 0', ''],
  ['DNAME', 'Example.COM', 'example.com.', EXAMPLE],
  ['DNSKEY', '257 3 13 AQID BA==', '257 3 13 AQIDBA==', '0101030d01020304'],
  ['CDNSKEY', '0 3 0 AA==', '0 3 0 AA==', '00000300' + '00'],
  [
    'DS',
    '55648 13 2 b4c8c1fe2e7477127b27115656ad6256 f424625bf5c1e2770ce6d6e37df61d17',
    '55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17',
    'd9600d02b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17',
  ],
  ['CDS', '0 0 0 00', '0 0 0 00', '0000000000'],
  // RFC 4034 section 4.3.
  [
    'NSEC',
    'example.com. A MX RRSIG NSEC TYPE1234',
    'example.com. A MX RRSIG NSEC TYPE1234',
    `${EXAMPLE}0006400100000003041b${'00'.repeat(26)}20`,
  ],
  [
    'NSEC',
    '\\000.example.com. NXNAME NSEC RRSIG',
    '\\000.example.com. RRSIG NSEC NXNAME',
    `0100${EXAMPLE}0011000000000003${'00'.repeat(10)}80`,
  ],
  [
    'RRSIG',
    'A 13 3 3600 20100909100439 20100812100439 55648 Example.com. AQID BA==',
    'A 13 3 3600 20100909100439 20100812100439 55648 example.com. AQIDBA==',
    `00010d0300000e104c88b1374c63c737d960${EXAMPLE}01020304`,
  ],
  [
    'RRSIG',
    'TYPE1234 13 0 0 4294967295 0 0 . AA==',
    'TYPE1234 13 0 0 21060207062815 19700101000000 0 . AA==',
    '04d20d0000000000ffffffff00000000' + '0000' + '00' + '00',
  ],
  ['TYPE65400', '\\# 3 01 02 03', '\\# 3 010203', '010203'],
  ['TYPE65400', '\\# 0', '\\# 0', ''],
  ['A', '\\# 4 c0000201', '192.0.2.1', 'c0000201'],
];

describe('record types', () => {
  it.each(CASES)('%s %s', (type, text, canonical, expected) => {
    const rdata = parseRdata(code(type), text);
    expect(formatRdata(rdata)).toBe(canonical);
    const octets = expected.replaceAll(' ', '');
    expect(wire(type, text)).toBe(octets);
    expect(codeOf(rdata)).toBe(code(type));
    expect(decodeRdata(code(type), new WireReader(Buffer.from(octets, 'hex')))).toEqual(rdata);
    expect(parseRdata(code(type), canonical)).toEqual(rdata);
  });

  it('has a case for every type of the catalogue', () => {
    expect(new Set(CASES.map(([type]) => type))).toEqual(new Set([...INTERPRETED_TYPES, 'TYPE65400']));
  });

  it.each(INTERPRETED_TYPES)('%s may be written as octets too (RFC 3597 section 5)', (type) => {
    const [, text = ''] = CASES.find(([known, , canonical]) => known === type && canonical !== '\\# 0') ?? [];
    const full = wire(type, text);
    const octets = type === 'SOA' ? full.replace('c000', EXAMPLE) : full; // no message to point into
    const rdata = parseRdata(code(type), `\\# ${octets.length / 2} ${octets}`);
    expect(rdata.type).toBe(type);
    expect(type === 'SOA' ? octets : wire(type, formatRdata(rdata))).toBe(octets);
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
    ['SSHFP', '4 2', 'the fingerprint is missing'],
    ['SSHFP', '4 2 0a0', 'even number'],
    ['TLSA', '3 1 1 xyz0', 'even number'],
    ['OPENPGPKEY', '', 'the data is missing'],
    ['OPENPGPKEY', 'AQ*D', 'not base64'],
    ['DHCID', 'A', 'not base64'],
    ['CERT', 'NOPE 0 0 AQID', 'from 0 to 65535'],
    ['URI', '10 1 ""', 'the target is empty'],
    ['EUI48', '00:00:5e:00:53:2a', 'joined by hyphens'],
    ['EUI64', '00-00-5e-00-53-2a', '8 pairs'],
    ['APL', '3:192.0.2.0/24', 'not a block'],
    ['APL', '1:192.0.2.0/33', 'not a block'],
    ['APL', '2:192.0.2.0/24', 'not a block'],
    ['LOC', '91 N 0 E 0m', 'from 0 to 90'],
    ['LOC', '1 60 N 0 E 0m', 'from 0 to 90'],
    ['LOC', '1 2 3 4 N 0 E 0m', 'where degrees'],
    ['LOC', 'N 0 E 0m', 'where degrees'],
    ['LOC', '1 N 1 E', 'the altitude is missing'],
    ['LOC', '1 N 1 E high', 'not metres'],
    ['LOC', '1 N 1 E -100001m', 'the altitude is not'],
    ['LOC', '1 N 1 E 0m -1m', 'the size is not'],
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
    ['SPF', ''],
    ['URI', '000a0001'],
    ['SSHFP', '0402'],
    ['TLSA', '030101'],
    ['CERT', '0001000000'],
    ['DHCID', ''],
    ['OPENPGPKEY', ''],
    ['EUI48', '00005e0053'],
    ['APL', '000315 03c0a820'],
    ['APL', '00011505c0a8200101'],
    ['APL', '00012103c0a820'],
    ['APL', '00011503c0a800'],
    ['LOC', '01331613891716d070be15f000988d20'],
    ['LOC', '003a1613891716d070be15f000988d20'],
    ['LOC', '00013613891716d070be15f000988d20'],
    ['LOC', '00331613ffffffff70be15f000988d20'],
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

describe('data that only a stranger sends', () => {
  const decoded = (type: string, octets: string): unknown =>
    formatRdata(decodeRdata(code(type), new WireReader(Buffer.from(octets.replaceAll(' ', ''), 'hex'))));
  const svcb = (params: string): string => `0001 00 ${params}`;
  const nsec = (bitmap: string): string => `00 ${bitmap}`;

  it.each([
    ['SVCB', svcb('0002 0001 00'), 'no-default-alpn with a value'],
    ['SVCB', svcb('0001 0003 026832 0003 0001 35'), 'a port of one octet'],
    ['SVCB', svcb('0004 0000'), 'no address in a hint'],
    ['SVCB', svcb('0004 0003 c00002'), 'half an address in a hint'],
    ['SVCB', svcb('0005 0000'), 'an empty ech'],
    ['SVCB', svcb('0001 0000'), 'an empty alpn'],
    ['SVCB', svcb('0001 0001 00'), 'an empty protocol in alpn'],
    ['SVCB', svcb('0001 0002 0268'), 'a protocol that is cut off'],
    ['SVCB', svcb('0000 0000'), 'an empty mandatory'],
    ['SVCB', svcb('0000 0003 000100'), 'half a key in mandatory'],
    ['SVCB', svcb('0000 0002 0000'), 'mandatory that names itself'],
    ['SVCB', svcb('0000 0002 ffff'), 'mandatory that names the invalid key'],
    ['SVCB', svcb('0000 0002 0003'), 'mandatory that names what is not there'],
    ['NSEC', nsec('00 01 40 00 01 40'), 'windows out of order'],
    ['NSEC', nsec('00 00'), 'an empty window'],
    ['NSEC', nsec(`00 21 ${'ff'.repeat(33)}`), 'a window that is too long'],
    ['NSEC', nsec('00 02 40 00'), 'a window that ends with zeros'],
  ])('%s %s is malformed: %s', (type, octets) => {
    expect(() => decoded(type, octets)).toThrowError(expect.objectContaining({ code: 'DNS_WIRE_MALFORMED' }));
  });

  it.each([
    ['SVCB', svcb('0001 0003 026832'), '1 . alpn="h2"'],
    ['SVCB', svcb('0001 0003 026832 0002 0000'), '1 . alpn="h2" no-default-alpn'],
    ['SVCB', svcb('0005 0003 010203'), '1 . ech="AQID"'],
    ['NSEC', nsec('00 01 40 01 01 40'), '. A CAA'],
  ])('%s %s is %s', (type, octets, text) => {
    expect(decoded(type, octets)).toBe(text);
  });
});

describe('text that is wrong in its own way', () => {
  const AFTER = 'A 13 2 300';
  const REST = '1 example.com. AQID';
  it.each([
    ['SVCB', '1 . ipv4hint', 'a value it does not allow'],
    ['SVCB', '1 . port', 'a value it does not allow'],
    ['SVCB', '1 . port=x', 'a value it does not allow'],
    ['SVCB', '1 . port=70000', 'a value it does not allow'],
    ['SVCB', '1 . ech=AQI', 'a value it does not allow'],
    ['SVCB', '1 . ech', 'a value it does not allow'],
    ['SVCB', '1 . mandatory', 'a value it does not allow'],
    ['SVCB', '1 . mandatory=nonsense', 'a value it does not allow'],
    ['SVCB', '1 . mandatory=port,nonsense,key9 port=1', 'a value it does not allow'],
    ['SVCB', '1 . alpn="h2\\\\"', 'a value it does not allow'],
    ['SVCB', '1 . no-default-alpn=1 alpn=h2', 'a value it does not allow'],
    ['SVCB', `1 . key9="${'x'.repeat(65_536)}"`, 'longer than 65535 octets'],
    ['NSEC', 'example.com. A NONSENSE', '"NONSENSE" is no record type'],
    ['RRSIG', `NONSENSE 13 2 300 0 0 ${REST}`, '"NONSENSE" is no record type'],
    ['RRSIG', `${AFTER} tomorrow 0 ${REST}`, 'not a time'],
    ['RRSIG', `${AFTER} 4294967296 0 ${REST}`, 'not a time'],
    ['RRSIG', `${AFTER} 20260231000000 0 ${REST}`, 'not a date that exists'],
    ['RRSIG', `${AFTER} 20261301000000 0 ${REST}`, 'not a date that exists'],
    ['RRSIG', `${AFTER} 19691231235959 0 ${REST}`, 'not between 1970 and 2106'],
    ['RRSIG', `${AFTER} 21070101000000 0 ${REST}`, 'not between 1970 and 2106'],
    ['CERT', '', 'is missing'],
  ])('%s %s: %s', (type, text, problem) => {
    expect(() => parseRdata(code(type), text)).toThrowError(
      expect.objectContaining({ code: 'DNS_RECORD_INVALID', message: containing(problem) }),
    );
  });

  it('takes times of signatures as seconds, and names relative to the root', () => {
    expect(formatRdata(parseRdata(code('RRSIG'), `${AFTER} 86400 20260101000000 ${REST}`))).toContain(
      ' 19700102000000 ',
    );
    expect(formatRdata(parseRdata(code('NS'), 'ns.test', parseName('.')))).toBe('ns.test.');
  });
});
