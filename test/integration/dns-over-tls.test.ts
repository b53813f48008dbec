import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createNameServer, type OwnNameServer } from '../../nameserver/server.ts';
import { nameServerSettings } from '../../nameserver/settings.ts';
import { createTestAuthority, type TestAuthority } from '../../prober/testing/authority.ts';
import { parseName } from '../../src/dns/name.ts';
import { AnswerTable } from '../../src/dns/table.ts';
import { zoneSource } from '../../src/dns/testing/zone-source.ts';
import { CLASS, EDNS_OPTION, TYPE } from '../../src/dns/types.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery } from '../../src/dns/wire/message.ts';
import { compileZoneOrThrow } from '../../src/dns/zone.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';

const SUITE = 'DNS over TLS by kdig and dig';
const kdig = await requireServer('kdig', SUITE);
const dig = await requireServer('dig', SUITE);

const HOST = 'dns.example.test';
const zone = compileZoneOrThrow(
  zoneSource({
    records: [
      { name: 'www', type: 'A', data: ['192.0.2.1'] },
      {
        name: 'huge',
        type: 'TXT',
        data: Array.from({ length: 60 }, (_, i) => `"${String(i).padStart(200, 'x')}"`),
      },
    ],
  }),
);
const table = new AnswerTable([zone]);

const folder = mkdtempSync(join(tmpdir(), 'portolan-dot-'));
const certFile = join(folder, 'dns.crt');
const keyFile = join(folder, 'dns.key');
const caFile = join(folder, 'ca.crt');
const warnings: string[] = [];
let authority: TestAuthority;
let server: OwnNameServer;
let port = 0;

async function writeCertificate(): Promise<string> {
  const { cert, key } = await authority.issue([HOST]);
  writeFileSync(keyFile, key);
  writeFileSync(certFile, cert);
  return cert;
}

const serverWith = (tls: object, more: object = {}): OwnNameServer =>
  createNameServer({
    listen: [],
    table: () => table,
    settings: nameServerSettings.parse({ tls: { listen: ['127.0.0.1:0'], certFile, keyFile, ...tls } }),
    lookEveryMs: 20,
    log: { warn: (_details, message) => void warnings.push(message) },
    ...more,
  });

beforeAll(async () => {
  authority = await createTestAuthority();
  writeFileSync(caFile, authority.ca);
  await writeCertificate();
  server = serverWith({});
  await server.start();
  port = server.tlsListen()[0]?.port ?? 0;
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const sockets: TLSSocket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

function open(options: { session?: Buffer; protocols?: string[]; at?: number } = {}): Promise<TLSSocket> {
  const socket = connect({
    port: options.at ?? port,
    host: '127.0.0.1',
    servername: HOST,
    ca: authority.ca,
    ALPNProtocols: options.protocols ?? ['dot'],
    ...(options.session === undefined ? {} : { session: options.session }),
  });
  sockets.push(socket);
  return new Promise((resolve, reject) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

function exchange(socket: TLSSocket, message: Message): Promise<Buffer> {
  const bytes = encodeMessage(message);
  socket.write(Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]));
  return new Promise((resolve, reject) => {
    let pending = Buffer.alloc(0);
    socket.once('close', () => reject(new Error('closed without an answer')));
    socket.on('data', function more(chunk: Buffer) {
      pending = Buffer.concat([pending, chunk]);
      if (pending.length < 2 || pending.length < 2 + pending.readUInt16BE(0)) return;
      socket.off('data', more);
      resolve(pending.subarray(2, 2 + pending.readUInt16BE(0)));
    });
  });
}

const query = (
  name = 'www.example.test',
  options: readonly { code: number; data: Uint8Array }[] = [],
): Message =>
  makeQuery(7, { name: parseName(name), type: TYPE.A, class: CLASS.IN }, { ednsOptions: options });

function run(program: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, ['@127.0.0.1', '-p', String(port), ...args], { timeout: 20_000 }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${stdout}`));
    });
  });
}

describe(SUITE, () => {
  it.skipIf(!kdig.available)('answers kdig, which checks the certificate', async () => {
    const text = await run(
      'kdig',
      '+tls',
      `+tls-ca=${caFile}`,
      `+tls-hostname=${HOST}`,
      'www.example.test',
      'A',
    );
    expect(text).toContain('192.0.2.1');
    expect(text).toMatch(/TLS session \(TLS1\.3\)/);
  });

  it.skipIf(!dig.available)('answers dig, with answers as large as over TCP', async () => {
    expect(await run('dig', '+tls', '+short', 'www.example.test', 'A')).toBe('192.0.2.1\n');
    expect(await run('dig', '+tls', 'huge.example.test', 'TXT')).toMatch(/flags: qr aa rd;.*ANSWER: 60/);
  });
});

describe('DNS over TLS (RFC 7858)', () => {
  it('speaks `dot`, and nothing else to who offers something else', async () => {
    expect((await open()).alpnProtocol).toBe('dot');
    await expect(open({ protocols: ['h2', 'http/1.1'] })).rejects.toThrow();
  });

  it('answers several queries on a connection, and counts them as such', async () => {
    const socket = await open();
    for (let i = 0; i < 3; i += 1) {
      expect(decodeMessage(await exchange(socket, query())).answers).toHaveLength(1);
    }
    const counted = server.stats().responses.filter(({ transport }) => transport === 'tls');
    expect(counted.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(3);
  });

  it('pads answers to 468 octets for who pads the query (RFC 8467), and only then', async () => {
    const socket = await open();
    const padding = [{ code: EDNS_OPTION.PADDING, data: new Uint8Array(20) }];
    for (const name of ['www.example.test', 'nowhere.example.test', `${'x'.repeat(60)}.example.test`]) {
      expect((await exchange(socket, query(name, padding))).length).toBe(468);
    }
    expect((await exchange(socket, query())).length).toBeLessThan(200);
    const huge = {
      ...query('huge.example.test', padding),
      questions: [{ name: parseName('huge.example.test'), type: TYPE.TXT, class: CLASS.IN }],
    };
    const large = await exchange(socket, huge);
    expect(large.length).toBeGreaterThan(12_000);
    expect(large.length % 468).toBe(0);
  });

  it('resumes a session', async () => {
    const first = await open();
    const ticket = new Promise<Buffer>((resolve) => first.once('session', resolve));
    await exchange(first, query());
    const again = await open({ session: await ticket });
    expect(again.isSessionReused()).toBe(true);
    expect(decodeMessage(await exchange(again, query())).answers).toHaveLength(1);
  });

  it('takes a new certificate when the files change, and keeps the old one while they are broken', async () => {
    const open1 = await open();
    const fingerprint = async (): Promise<string> => (await open()).getPeerCertificate().fingerprint256;
    const before = await fingerprint();
    writeFileSync(certFile, 'not a certificate');
    await until('a warning', async () => warnings.length > 0, 5000);
    expect(await fingerprint()).toBe(before);
    await writeCertificate();
    await until('the new certificate', async () => (await fingerprint()) !== before, 5000);
    expect(decodeMessage(await exchange(open1, query())).answers).toHaveLength(1); // connections stay
  });

  it('closes connections that never shake hands, or say nonsense, and answers others meanwhile', async () => {
    const own = serverWith({}, { tcp: { idleMs: 300 } });
    await own.start();
    const at = own.tlsListen()[0]?.port ?? 0;
    const silent = connectTcp(at, '127.0.0.1');
    const closed = new Promise<void>((resolve) => silent.once('close', () => resolve()));
    const rude = connectTcp(at, '127.0.0.1');
    rude.on('error', () => undefined);
    rude.write('GET / HTTP/1.1\r\n\r\n');
    const refused = new Promise<void>((resolve) => rude.once('close', () => resolve()));
    expect(decodeMessage(await exchange(await open({ at }), query())).answers).toHaveLength(1);
    await Promise.all([closed, refused]);
    await until('no connection', async () => own.stats().tcpConnections === 0, 5000);
    await own.close();
  });

  it('has the limits of TCP for each source', async () => {
    const own = serverWith({}, { tcp: { connectionsPerSource: 2 } });
    await own.start();
    const at = own.tlsListen()[0]?.port ?? 0;
    await open({ at });
    await open({ at });
    await expect(open({ at })).rejects.toThrow();
    await own.close();
  });

  it('does not start with files that cannot be used', async () => {
    await expect(serverWith({ keyFile: caFile }).start()).rejects.toMatchObject({
      code: 'DNS_TLS_FILES_INVALID',
    });
  });
});
