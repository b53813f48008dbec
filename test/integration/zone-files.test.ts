import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { INTERPRETED_TYPES } from '../../src/dns/records/catalogue.ts';
import { rdataKey } from '../../src/dns/rrset.ts';
import { typeName } from '../../src/dns/types.ts';
import { type FileRecord, readZoneFile } from '../../src/dns/zone-file/reader.ts';
import { writeZoneFile } from '../../src/dns/zone-file/writer.ts';
import { type Ran, runCli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { CLI_MAIN, type HubProcess, startHub } from '../support/hub-process.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';

/* Zone files and other servers: BIND and Knot read what is written here, BIND's own files and transfers are taken over. */

const SUITE = 'zone files beside BIND and Knot';
const named = await requireServer('named', SUITE);
const kzonecheck = await requireServer('kzonecheck', SUITE);
const exec = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'portolan-zone-files-'));
const origin = parseName('example.com');

/** One of each type, and spellings that programs differ in. */
const EVERY_TYPE = `$TTL 1h
$ORIGIN example.com.
@ SOA ns1 hostmaster 2026112101 2h 30m 2w 5m
@ NS ns1
@ NS ns.example.net.
@ MX 10 mail
@ TXT "v=spf1 -all" "second \\"string\\" \\\\ \\195\\188;"
@ CAA 0 issue "letsencrypt.org; validationmethods=dns-01"
@ HINFO "AMD64" "Linux"
@ RP admin.example.com. info
@ LOC 42 21 54 N 71 06 18 W -24m 30m
@ CERT PKIX 0 0 MIIBCgKCAQEA
@ APL 1:192.0.2.0/24 !1:192.0.2.64/28 2:2001:db8::/32
@ SPF "v=spf1 -all"
@ HTTPS 1 . alpn="h2,h3" port=443 ipv4hint=192.0.2.1
@ KX 10 mail
@ TYPE65280 \\# 4 0a000001
ns1 A 192.0.2.53
ns1 AAAA 2001:db8::53
mail A 192.0.2.3
www 60 CNAME web
web A 192.0.2.1
*.wild TXT wild
ptr PTR web
sub DNAME other.example.net.
_sip._tcp SRV 10 60 5060 mail
_443._tcp TLSA 3 1 1 0D6FCE3B0A5C4A4BB8A1F2E3D4C5B6A798897A6B5C4D3E2F1A0B9C8D7E6F5A4B
_smime SMIMEA 3 0 0 00ff
_key OPENPGPKEY AQIDBAU=
_dns SVCB 1 mail alpn=dot
host SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789
host EUI48 00-00-5e-00-53-2a
host EUI64 00-00-5e-ef-10-00-00-2a
host DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
host AFSDB 1 mail
host NAPTR 100 10 "S" "SIP+D2U" "" _sip._udp
host URI 10 1 "https://www.example.com/"
child NS ns.example.net.
child DS 55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17
`;
/** Made by a signer, never written by a person. */
const SIGNERS = ['DNSKEY', 'CDS', 'CDNSKEY', 'RRSIG', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'CSYNC', 'ZONEMD'];

function read(text: string): readonly FileRecord[] {
  const { found, problems } = readZoneFile(text, { origin });
  expect(problems).toEqual([]);
  return found;
}

const comparable = (records: readonly FileRecord[]): readonly string[] =>
  records.map((r) => `${r.owner} ${r.ttlSeconds} ${typeName(r.type)} ${rdataKey(r.rdata)}`).sort();

function written(records: readonly FileRecord[]): string {
  const sets = records.map((r) => ({
    owner: r.owner,
    type: r.type,
    ttlSeconds: r.ttlSeconds,
    records: [r.rdata],
  }));
  return [...writeZoneFile({ origin, ttlSeconds: 3600, sets })].join('');
}

describe.skipIf(!named.available || !kzonecheck.available)('a zone file with every type', () => {
  it('has every type that is interpreted here', () => {
    const types = new Set(read(EVERY_TYPE).map((r) => typeName(r.type)));
    expect(INTERPRETED_TYPES.filter((type) => !types.has(type) && !SIGNERS.includes(type))).toEqual([]);
  });

  it('is read by BIND as it is here, and its spelling of each record is read here as the same', async () => {
    const records = read(EVERY_TYPE);
    const file = join(folder, 'bind.zone');
    const out = join(folder, 'bind.out');
    writeFileSync(file, written(records));
    await exec('named-compilezone', [
      '-i',
      'none',
      '-k',
      'ignore',
      '-F',
      'text',
      '-o',
      out,
      'example.com',
      file,
    ]);
    expect(comparable(read(readFileSync(out, 'utf8')))).toEqual(comparable(records));
    await exec('named-compilezone', [
      '-i',
      'none',
      '-k',
      'ignore',
      '-s',
      'relative',
      '-o',
      out,
      'example.com',
      file,
    ]);
    expect(comparable(read(readFileSync(out, 'utf8')))).toEqual(comparable(records));
  });

  it('is read by BIND from the hand-written form to the same records', async () => {
    const file = join(folder, 'hand.zone');
    const out = join(folder, 'hand.out');
    writeFileSync(file, EVERY_TYPE);
    await exec('named-compilezone', ['-i', 'none', '-k', 'ignore', '-o', out, 'example.com', file]);
    expect(comparable(read(readFileSync(out, 'utf8')))).toEqual(comparable(read(EVERY_TYPE)));
  });

  it('is accepted by Knot', async () => {
    const file = join(folder, 'knot.zone');
    writeFileSync(file, written(read(EVERY_TYPE)));
    const { stdout, stderr } = await exec(kzonecheck.available ? kzonecheck.path : '', [
      '-o',
      'example.com',
      file,
    ]);
    expect(`${stdout}${stderr}`).not.toMatch(/error|fatal/i);
  });

  it('makes of $GENERATE what BIND makes of it', async () => {
    const text = `$TTL 60
@ SOA ns1 hostmaster 1 2 3 604800 5
@ NS ns.example.net.
$GENERATE 1-20/3 host-\${-1,3,x} A 192.0.2.$
$GENERATE 0-31/8 \${8,7,n} 120 IN PTR h\${0,2,o}
$GENERATE 1-3 t$ TXT "\\$ x$"
$GENERATE 1-3 @ MX "10 mail-$"
`;
    const file = join(folder, 'generate.zone');
    const out = join(folder, 'generate.out');
    writeFileSync(file, text);
    await exec('named-compilezone', ['-i', 'none', '-k', 'ignore', '-o', out, 'example.com', file]);
    const ours = comparable(read(text));
    expect(ours.length).toBe(2 + 7 + 4 + 3 + 3);
    expect(comparable(read(readFileSync(out, 'utf8')))).toEqual(ours);
  });
});

describe.skipIf(!named.available)('the command line', () => {
  let hub: HubProcess | undefined;
  let bind: ChildProcess | undefined;
  let port = 0;
  const home = join(folder, 'hub');

  const cli = (argv: readonly string[], stdin = ''): Promise<Ran> =>
    runCli(argv, {
      folder,
      stdin,
      env: { PORTOLAN_SERVER: hub?.api, PORTOLAN_TOKEN_FILE: join(home, 'admin.token') },
    });

  beforeAll(async () => {
    if (!named.available) return;
    await exec(process.execPath, [CLI_MAIN, 'init', '--dir', home, '-q'], {
      env: { ...process.env, HOME: folder },
    });
    hub = await startHub(home);
    writeFileSync(join(folder, 'every.zone'), EVERY_TYPE);
    writeFileSync(join(folder, 'tsig.key'), KEY);
    port = await freePort();
    writeFileSync(
      join(folder, 'named.conf'),
      `options { directory "${folder}"; pid-file none; session-keyfile "${join(folder, 'session.key')}";
        listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; check-integrity no; };
      controls { };
      include "${join(folder, 'tsig.key')}";
      zone "example.com" { type primary; file "${join(folder, 'every.zone')}"; check-names ignore; allow-transfer { key copy; }; };\n`,
    );
    const child = spawn(named.path, ['-g', '-n', '1', '-c', join(folder, 'named.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    bind = child;
    let said = '';
    child.stderr.on('data', (chunk) => {
      said = (said + String(chunk)).slice(-10_000);
    });
    await until(
      'named serves',
      async () => {
        if (child.exitCode !== null) throw new Error(said);
        return /\brunning\b/.test(said);
      },
      30_000,
    );
  });
  const ending = async (child: ChildProcess | undefined): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  };
  afterAll(async () => {
    await Promise.all([hub?.stop(), ending(bind)]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows with --dry-run the Zone and what is left out, and stores nothing', async () => {
    const { code, out, err } = await cli([
      'zone',
      'import',
      'example.com',
      '--file',
      'every.zone',
      '--dry-run',
    ]);
    expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^apiVersion: portolan\.dev\/v1alpha1\nkind: Zone\n/);
    expect(err).toContain('the hub has no zone example.com. yet');
    expect(err).toContain('the serial 2026112101 is not taken over');
    expect((await cli(['get', 'zones', '-A', '-o', 'name'])).out).toBe('');
  });

  it('names every line that is wrong, and stores nothing', async () => {
    const { code, err } = await cli(
      ['zone', 'import', 'example.com', '--file', '-'],
      `${EVERY_TYPE}bad A 192.0.2.300\n$INCLUDE other\n`,
    );
    expect(code).not.toBe(0);
    const line = EVERY_TYPE.split('\n').length;
    expect(err).toContain(`error ZONE_FILE_INVALID: -:${line}:7: A record`);
    expect(err).toContain(`-:${line + 1}:1: $INCLUDE is not followed`);
  });

  it('copies a zone from BIND with a TSIG key, exports it, and takes its own export for the same zone', async () => {
    const refused = await cli(['zone', 'import', 'example.com', '--axfr', `127.0.0.1:${port}`]);
    expect(refused.err).toMatch(/^error TRANSFER_REFUSED/m);
    const axfr = ['zone', 'import', 'example.com', '--axfr', `127.0.0.1:${port}`, '--tsig-file', 'tsig.key'];
    const imported = await cli(axfr);
    expect([imported.code, imported.out]).toEqual([0, 'zone/example-com created\n']);
    expect(imported.err).not.toContain('left out');

    const exported = await cli(['zone', 'export', 'example.com', '--file', 'export.zone']);
    expect([exported.code, exported.out, exported.err]).toEqual([0, '', 'export.zone written\n']);
    const ours = read(readFileSync(join(folder, 'export.zone'), 'utf8')).filter(
      (r) => r.rdata.type !== 'SOA',
    );
    expect(comparable(ours)).toEqual(comparable(read(EVERY_TYPE).filter((r) => r.rdata.type !== 'SOA')));

    const again = await cli(['zone', 'import', 'example.com', '--file', 'export.zone']);
    expect([again.code, again.out]).toEqual([0, 'zone/example-com unchanged\n']);
  });

  it('shows how a file differs from the stored zone, record by record', async () => {
    const text = EVERY_TYPE.replace('web A 192.0.2.1', 'web A 192.0.2.77').replace('2h 30m', '3h 30m');
    const { code, err } = await cli(['zone', 'import', 'example.com', '--file', '-', '--dry-run'], text);
    expect(code).toBe(0);
    const lines = err.split('\n').map((line) => line.trim());
    expect(lines.filter((line) => /^[-+~] /.test(line))).toEqual([
      '~ soa.refreshSeconds: 7200 → 10800',
      '- web 3600 A 192.0.2.1',
      '+ web 3600 A 192.0.2.77',
    ]);
  });

  it('finds the Zone of keys by its name and by its origin', async () => {
    const said = async (zone: string) => (await cli(['zone', 'dnssec', 'show', zone])).err;
    expect(await said('example-com')).toContain('Zone default/example-com is not signed');
    expect(await said('example.com')).toBe(await said('example-com'));
    expect(await said('nosuch')).toContain('Zone "default/nosuch" does not exist');
    expect(await said('nosuch.example')).toContain('the hub has no zone nosuch.example.');
  });

  it('gives routed names as comments, and their answer with --fallback', async () => {
    const applied = await cli(
      ['apply', '-f', '-'],
      `
apiVersion: portolan.dev/v1alpha1
kind: Cluster
metadata: {name: paris}
spec: {location: {country: FR}, addresses: [192.0.2.200]}
---
apiVersion: portolan.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: shop}
spec:
  hostnames: [shop.example.com]
  endpoints: [{name: paris, cluster: paris}]
  routing: {default: {tiers: [{members: [{endpoint: paris}]}]}}
`,
    );
    expect([applied.code, applied.err]).toEqual([0, '']);
    const plain = await cli(['zone', 'export', 'example.com']);
    expect(plain.out).toContain(
      '; shop.example.com. is routed by trafficpolicy default/shop and has no records in this file',
    );
    expect(plain.out).not.toMatch(/^shop /m);
    const { value } = await until(
      'the routed name is answered',
      async () => {
        const { out } = await cli(['zone', 'export', 'example.com', '--fallback']);
        return /^shop +\d* ?IN A 192\.0\.2\.200$/m.test(out) ? out : undefined;
      },
      20_000,
    );
    expect(value).toContain('its records above are the answer of one moment');
  });

  it('says what the hub does not have', async () => {
    const { code, err } = await cli(['zone', 'export', 'example.org']);
    expect(code).not.toBe(0);
    expect(err).toContain('error NOT_FOUND: the hub has no zone example.org.');
  });
});

const KEY = `key "copy" {
  algorithm hmac-sha256;
  secret "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ=";
};
`;
