import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { parseRdata } from '../src/dns/records/catalogue.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { zoneSource } from '../src/dns/testing/zone-source.ts';
import { TYPE } from '../src/dns/types.ts';
import { compileZoneOrThrow } from '../src/dns/zone.ts';
import { requireServer } from '../test/support/servers.ts';
import { createNameServer } from './server.ts';

const SUITE = 'answers seen by dig';
const digServer = await requireServer('dig', SUITE);

const zone = compileZoneOrThrow(
  zoneSource({
    serial: 2026,
    nameServers: [{ name: parseName('ns1.example.test'), addresses: ['192.0.2.53', '2001:db8::53'] }],
    records: [
      { name: '@', type: 'MX', data: ['10 mail.example.test.'] },
      { name: '@', type: 'CAA', data: ['0 issue "letsencrypt.org"'] },
      {
        name: '@',
        type: 'HTTPS',
        data: ['1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1 key65280="x y"'],
      },
      { name: '_sip._tcp', type: 'SRV', data: ['10 60 5060 sip.example.test.'] },
      { name: 'www', type: 'CNAME', data: ['api.example.test.'] },
      { name: 'odd', type: 'TYPE65400', data: ['\\# 3 010203'] },
      {
        name: 'big',
        type: 'TXT',
        data: Array.from({ length: 20 }, (_, i) => `"${String(i).padStart(100, 'x')}"`),
      },
      { name: 'child', type: 'NS', data: ['ns.child.example.test.'] },
      { name: 'ns.child', type: 'A', data: ['192.0.2.99'] },
    ],
    routed: ['api.example.test', '*.tenants.example.test'].map((name) => ({
      name: parseName(name),
      routed: {
        types: new Set([TYPE.A, TYPE.AAAA]),
        answer: ({ type, client }) => ({
          ttlSeconds: 20,
          ecsScope: 24,
          records: type === TYPE.A ? [parseRdata(TYPE.A, `198.51.100.${client.bytes[0]}`)] : [],
        }),
      },
    })),
  }),
);
const table = new AnswerTable([zone]);
const server = createNameServer({ listen: [{ host: '127.0.0.1', port: 0 }], table: () => table });
let port = 0;

beforeAll(async () => {
  const [bound] = await server.start();
  port = bound?.port ?? 0;
});
afterAll(() => server.close());

function dig(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      'dig',
      ['@127.0.0.1', '-p', String(port), '+norec', '+tries=2', '+time=3', ...args],
      (error, stdout) => {
        if (error === null) resolve(stdout.trim());
        else reject(new Error(`dig ${args.join(' ')}: ${error.message}\n${stdout}`));
      },
    );
  });
}

describe.skipIf(!digServer.available)(SUITE, () => {
  it('+short +subnet= reads the routed answer for a client', async () => {
    expect(await dig('+short', '+subnet=203.0.113.0/24', 'api.example.test')).toBe('198.51.100.203');
    expect(await dig('+short', 'www.example.test')).toBe('api.example.test.\n198.51.100.127');
    expect(await dig('+short', 'x.tenants.example.test')).toBe('198.51.100.127');
  });

  it('I25 shows the scope of the answer, and none without the option', async () => {
    expect(await dig('+subnet=203.0.113.0/24', 'api.example.test')).toContain(
      'CLIENT-SUBNET: 203.0.113.0/24/24',
    );
    expect(await dig('+subnet=203.0.113.0/24', 'example.test', 'MX')).toContain(
      'CLIENT-SUBNET: 203.0.113.0/24/0',
    );
    expect(await dig('+subnet=0', 'api.example.test')).toMatch(/CLIENT-SUBNET: 0(\.0\.0\.0)?\/0\/0/);
    expect(await dig('api.example.test')).not.toContain('CLIENT-SUBNET');
  });

  it('reads every kind of record as it was written', async () => {
    expect(await dig('+short', 'example.test', 'CAA')).toBe('0 issue "letsencrypt.org"');
    expect(await dig('+short', 'example.test', 'TYPE65')).toMatch(
      /^1 \. alpn="h2,h3" port=8443 ipv4hint=192\.0\.2\.1 ipv6hint=2001:db8::1 key65280="x y"$/,
    );
    expect(await dig('+short', '_sip._tcp.example.test', 'SRV')).toBe('10 60 5060 sip.example.test.');
    expect(await dig('+short', 'odd.example.test', 'TYPE65400')).toBe('\\# 3 010203');
    expect(await dig('+short', 'example.test', 'SOA')).toBe(
      'ns1.example.test. hostmaster.example.test. 2026 7200 1800 1209600 60',
    );
  });

  it('+tcp gets the same answer', async () => {
    expect(await dig('+tcp', '+short', 'example.test', 'MX')).toBe('10 mail.example.test.');
  });

  it('is told of truncation and asks again over TCP', async () => {
    expect(await dig('+ignore', '+bufsize=512', 'big.example.test', 'TXT')).toMatch(
      /flags: qr aa tc;.*ANSWER: 0/,
    );
    const whole = await dig('+bufsize=512', 'big.example.test', 'TXT');
    expect(whole).toContain('ANSWER: 20');
    expect(whole).toContain('(TCP)');
  });

  it.each([
    [
      'NXDOMAIN with the SOA',
      ['nope.example.test'],
      /status: NXDOMAIN[\s\S]*flags: qr aa;[\s\S]*example\.test\.\s+60\s+IN\s+SOA/,
    ],
    [
      'NODATA with the SOA',
      ['api.example.test', 'AAAA'],
      /status: NOERROR[\s\S]*ANSWER: 0, AUTHORITY: 1[\s\S]*\s20\s+IN\s+SOA/,
    ],
    ['REFUSED outside', ['example.net'], /status: REFUSED[\s\S]*flags: qr;/],
    [
      'a referral with glue',
      ['x.child.example.test'],
      /flags: qr;[\s\S]*ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 2[\s\S]*ns\.child\.example\.test\.\s+300\s+IN\s+A\s+192\.0\.2\.99/,
    ],
    ['I24 a minimal ANY', ['+notcp', 'example.test', 'ANY'], /ANSWER: 1,[\s\S]*HINFO\s+"RFC8482" ""/],
    ['BADVERS', ['+edns=1', '+noednsneg', 'example.test'], /status: BADVERS[\s\S]*EDNS: version: 0/],
    [
      'NOTIMP for another opcode',
      ['+opcode=15', '+noedns', '+header-only', 'example.test'],
      /status: NOTIMP/,
    ],
    ['REFUSED for a transfer', ['+tcp', '-t', 'ixfr=1', 'example.test'], /Transfer failed/],
    [
      'NODATA for an unknown type',
      ['example.test', 'TYPE1234'],
      /status: NOERROR[\s\S]*ANSWER: 0, AUTHORITY: 1/,
    ],
    [
      'an unknown EDNS option ignored',
      ['+ednsopt=100', 'example.test', 'SOA'],
      /status: NOERROR[\s\S]*ANSWER: 1/,
    ],
  ])('sees %s', async (_what, args, expected) => {
    expect(await dig(...args)).toMatch(expected);
  });

  it('finds no question, no EDNS and DO as RFC 8906 wants them', async () => {
    expect(await dig('+noedns', 'example.test', 'SOA')).not.toContain('OPT PSEUDOSECTION');
    expect(await dig('+dnssec', 'example.test', 'SOA')).toMatch(/EDNS: version: 0, flags: do; udp: 1232/);
    expect(await dig('+noedns', '+header-only', 'example.test')).toMatch(/status: FORMERR/);
  });
});
