import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { zoneSource } from '../src/dns/testing/zone-source.ts';
import { compileZoneOrThrow } from '../src/dns/zone.ts';
import { requireServer } from '../test/support/servers.ts';
import { createNameServer } from './server.ts';

const SUITE = 'answers read by kdig and delv';
const kdigProgram = await requireServer('kdig', SUITE);
const delvProgram = await requireServer('delv', SUITE);

/** type, and data in the spelling that every reader gives back */
const DATA: readonly (readonly [string, string])[] = [
  ['A', '192.0.2.1'],
  ['AAAA', '2001:db8::1'],
  ['AFSDB', '1 afs.example.test.'],
  ['CAA', '128 issue "ca.example.net; a=b"'],
  ['CERT', '1 8 5 AQIDBA=='],
  ['DNAME', 'elsewhere.example.net.'],
  ['HINFO', '"X86" "LNX"'],
  ['HTTPS', '1 . alpn=h2,h3 port=8443'],
  ['LOC', '52 14 5.000 N 0 8 50.500 E 10.00m 1.00m 100.00m 10.00m'],
  ['MX', '10 mail.example.test.'],
  ['NAPTR', '100 10 "S" "SIP+D2U" "!^.*$!sip:a@b!" _sip._udp.example.test.'],
  ['OPENPGPKEY', 'mQINBA=='],
  ['PTR', 'x.example.test.'],
  ['RP', 'admin.example.test. text.example.test.'],
  ['SMIMEA', '3 0 0 308201'],
  ['SRV', '1 2 3 sip.example.test.'],
  ['SSHFP', '1 1 123456789ABCDEF67890123456789ABCDEF67890'],
  ['SVCB', '0 svc.example.test.'],
  ['TLSA', `3 1 1 ${'5A'.repeat(32)}`],
  ['TXT', '"two" "strings; \\"quoted\\" \\255"'],
  ['TYPE65400', '\\# 3 010203'],
  ['URI', '10 1 "https://example.test/"'],
];

const zone = compileZoneOrThrow(
  zoneSource({
    serial: 2026,
    nameServers: [{ name: parseName('ns1.example.test'), addresses: ['127.0.0.1'] }],
    records: DATA.map(([type, data]) => ({ name: type.toLowerCase(), type, data: [data] })),
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

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: 20_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`));
    });
  });
}

/** The data of the answers, with white space and what is a matter of taste evened out. */
function dataIn(output: string, type: string): readonly string[] {
  return output
    .split('\n')
    .filter((line) => !line.startsWith(';') && new RegExp(`\\sIN\\s+${type}\\s`).test(line))
    .map((line) => even(line.replace(/^.*?\sIN\s+\S+\s+/, ''), type));
}
function even(data: string, type: string): string {
  const spaced = data.trim().replace(/\s+/g, ' ');
  if (type === 'LOC') return spaced.replace(/\.0+(?= |m)/g, '');
  if (type === 'TXT' || type === 'NAPTR' || type === 'URI') return spaced;
  // Hexadecimal and base64 are broken into groups by some, parameters quoted by others, certificate types named.
  return spaced
    .replaceAll('"', '')
    .replace(/^PKIX 8 RSASHA1/, '1 8 5')
    .replaceAll(' ', '')
    .toUpperCase();
}

describe.skipIf(!kdigProgram.available)('answers read by kdig', () => {
  it.each(DATA)('%s %s is read as it was written, over UDP and TCP', async (type, data) => {
    const ask = [
      `@127.0.0.1`,
      '-p',
      String(port),
      '+noall',
      '+answer',
      `${type.toLowerCase()}.example.test`,
      type,
    ];
    for (const transport of ['+notcp', '+tcp'])
      expect(dataIn(await run('kdig', [transport, ...ask]), type)).toEqual([even(data, type)]);
  });
});

describe.skipIf(!delvProgram.available)('answers read by delv', () => {
  it.each(DATA)('%s %s is read as it was written', async (type, data) => {
    const output = await run('delv', [
      ...['@127.0.0.1', '-p', String(port), '-i', '+norrcomments'],
      ...[`${type.toLowerCase()}.example.test`, type],
    ]);
    expect(dataIn(output, type)).toEqual([even(data, type)]);
  });
});
