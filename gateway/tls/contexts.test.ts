import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { alpnCertificate } from '../../src/certificates/alpn-certificate.ts';
import {
  type CompiledListenerTls,
  type GatewayPart,
  type GatewaySecrets,
  NO_GATEWAY,
  NO_GATEWAY_SECRETS,
} from '../../src/policy/model.ts';
import {
  strangeKey,
  type TestAuthority,
  type TestCertificate,
  testAuthority,
} from '../../test/support/certificates.ts';
import type { ConnectionTls } from '../request.ts';
import { createTlsContexts } from './contexts.ts';
import type { TlsContexts } from './contract.ts';

const PORT = 443;
let authority: TestAuthority;
let exact: TestCertificate;
let wildcard: TestCertificate;
let other: TestCertificate;
let renewed: TestCertificate;
let client: TestCertificate;

beforeAll(async () => {
  authority = await testAuthority();
  exact = await authority.issue({ dns: ['api.example.com'] });
  renewed = await authority.issue({ dns: ['api.example.com'], commonName: 'renewed' });
  wildcard = await authority.issue({ dns: ['*.example.com'] });
  other = await authority.issue({ dns: ['other.example'] });
  client = await authority.issue({ commonName: 'partner', uris: ['spiffe://example/partner'] });
});

let contexts: TlsContexts;
let server: Server;
let refused: string[];
let accepted: { readonly connection: ConnectionTls; readonly chain: number }[];
const sockets = new Set<Socket>();

beforeEach(async () => {
  contexts = createTlsContexts();
  refused = [];
  accepted = [];
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    contexts.accept(socket, PORT, 1_000, {
      secure(tls, connection) {
        accepted.push({ connection, chain: connection.peerChain().length });
        tls.on('error', () => undefined);
        tls.on('data', (chunk) => tls.write(chunk));
      },
      refused: (reason) => refused.push(reason),
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  server.close();
  await once(server, 'close');
});

interface ListenerSpec {
  readonly hostname?: string;
  readonly certificates?: readonly string[];
  readonly clientCa?: CompiledListenerTls['clientCa'];
}

function partOf(...listeners: readonly ListenerSpec[]): GatewayPart {
  return {
    ...NO_GATEWAY,
    ports: [
      {
        port: PORT,
        protocol: 'https',
        edge: 'e',
        listeners: listeners.map(({ hostname, certificates = [], clientCa }, i) => ({
          id: `default/gw/l${i}`,
          source: { kind: 'Gateway', name: 'default/gw' },
          ...(hostname === undefined ? {} : { hostname }),
          tls: { certificates, ...(clientCa === undefined ? {} : { clientCa }) },
          hosts: [],
        })),
      },
    ],
  };
}

function secretsOf(
  certificates: Readonly<Record<string, TestCertificate>>,
  bundles: GatewaySecrets['bundles'] = {},
): GatewaySecrets {
  return { ...NO_GATEWAY_SECRETS, certificates, bundles };
}

/** Connects and waits until an octet came back, so that a refusal after the handshake (TLS 1.3) is seen too. */
async function dial(options: ConnectionOptions & { readonly keep?: boolean }): Promise<TLSSocket> {
  const { port } = server.address() as AddressInfo;
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: authority.certificatePem,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ['h2', 'http/1.1'],
    ...options,
  });
  await once(socket, 'secureConnect');
  await new Promise<void>((resolve, reject) => {
    socket.once('data', () => resolve());
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
    socket.write('x');
  });
  if (options.keep !== true) socket.destroy();
  else sockets.add(socket);
  return socket;
}

async function namesShown(servername: string | undefined): Promise<string> {
  const socket = await dial({ ...(servername === undefined ? {} : { servername }), keep: true });
  const shown = socket.getPeerX509Certificate();
  socket.destroy();
  return `${shown?.subject} ${shown?.subjectAltName}`;
}

describe('TLS of a gateway', () => {
  it('shows the certificate of the most specific listener, and the first one to a client that names none', async () => {
    contexts.configure(
      partOf(
        { hostname: '*.example.com', certificates: ['d/wild'] },
        { hostname: 'api.example.com', certificates: ['d/api'] },
      ),
      secretsOf({ 'd/api': exact, 'd/wild': wildcard }),
    );
    expect(await namesShown('api.example.com')).toContain('DNS:api.example.com');
    expect(await namesShown('API.example.com')).toContain('DNS:api.example.com');
    expect(await namesShown('www.example.com')).toContain('DNS:*.example.com');
    expect(await namesShown(undefined)).toContain('DNS:*.example.com');
    expect(accepted.map(({ connection }) => connection.serverName)).toEqual([
      'api.example.com',
      'api.example.com',
      'www.example.com',
      undefined,
    ]);
  });

  it('chooses among the certificates of one listener by their names', async () => {
    contexts.configure(
      partOf({ certificates: ['d/api', 'd/other'] }),
      secretsOf({ 'd/api': exact, 'd/other': other }),
    );
    expect(await namesShown('other.example')).toContain('DNS:other.example');
    expect(await namesShown('unknown.example')).toContain('DNS:api.example.com');
  });

  it('refuses a server name that no listener has', async () => {
    contexts.configure(
      partOf({ hostname: 'api.example.com', certificates: ['d/api'] }),
      secretsOf({ 'd/api': exact }),
    );
    await expect(dial({ servername: 'other.example' })).rejects.toThrow();
    expect(refused).toEqual(['no listener has this server name']);
  });

  it('speaks TLS 1.2 and 1.3 and nothing older, with h2 before http/1.1', async () => {
    contexts.configure(partOf({ certificates: ['d/api'] }), secretsOf({ 'd/api': exact }));
    const modern = await dial({ keep: true });
    expect([modern.getProtocol(), modern.alpnProtocol]).toEqual(['TLSv1.3', 'h2']);
    const older = await dial({ maxVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'], keep: true });
    expect([older.getProtocol(), older.alpnProtocol]).toEqual(['TLSv1.2', 'http/1.1']);
    await expect(
      dial({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow();
  });

  it('gives new handshakes the new certificate and leaves connections alone', async () => {
    const part = partOf({ hostname: 'api.example.com', certificates: ['d/api'] });
    contexts.configure(part, secretsOf({ 'd/api': exact }));
    const standing = await dial({ servername: 'api.example.com', keep: true });
    contexts.configure(part, secretsOf({ 'd/api': renewed }));
    expect(await namesShown('api.example.com')).toContain('CN=renewed');
    const echo = once(standing, 'data');
    standing.write('still here');
    expect(String((await echo)[0])).toBe('still here');
  });

  it('skips a pair that does not fit and says which, and refuses the listener only when none is left', () => {
    const broken = { certificatePem: other.certificatePem, keyPem: strangeKey() };
    const problems = contexts.configure(
      partOf({ hostname: 'a.example', certificates: ['d/broken', 'd/api'] }, { certificates: ['d/broken'] }),
      secretsOf({ 'd/api': exact, 'd/broken': broken }),
    );
    expect([...problems.certificates]).toEqual([
      ['d/broken', 'the private key belongs to another certificate'],
    ]);
    expect([...problems.listeners]).toEqual([
      [
        'default/gw/l1',
        'no certificate can be used (d/broken: the private key belongs to another certificate)',
      ],
    ]);
  });

  it('prefers a certificate of the agent’s own files for the names it holds', async () => {
    contexts.configure(partOf({ certificates: ['d/wild'] }), secretsOf({ 'd/wild': wildcard }));
    contexts.setFiles([{ name: 'api.crt', ...exact }]);
    expect(await namesShown('api.example.com')).toContain('DNS:api.example.com');
    expect(await namesShown('www.example.com')).toContain('DNS:*.example.com');
  });

  it('resumes a session at another thread that has the same ticket keys, and not with others', async () => {
    const part = partOf({ certificates: ['d/api'] });
    const keys = randomBytes(48);
    const thread = (ticketKeys: Uint8Array): void => {
      contexts = createTlsContexts();
      contexts.setTicketKeys(ticketKeys);
      contexts.configure(part, secretsOf({ 'd/api': exact }));
    };
    thread(keys);
    const first = await dial({ maxVersion: 'TLSv1.2', keep: true });
    const session = first.getSession();
    if (session === undefined) throw new Error('no session');
    thread(keys);
    expect((await dial({ maxVersion: 'TLSv1.2', session, keep: true })).isSessionReused()).toBe(true);
    contexts.setTicketKeys(randomBytes(48));
    expect((await dial({ maxVersion: 'TLSv1.2', session, keep: true })).isSessionReused()).toBe(false);
  });

  it('of a set shows the best: the host itself before a wildcard, the one that is valid longest, never an ended one beside a valid one', async () => {
    const issue = (dns: string, days: number, commonName: string): Promise<TestCertificate> =>
      authority.issue({ dns: [dns], days, commonName });
    const set = {
      short: await issue('api.example.com', 3, 'short'),
      long: await issue('api.example.com', 20, 'long'),
      ended: await issue('api.example.com', -1, 'ended'),
      wild: await issue('*.example.com', 30, 'wild'),
      gone: await issue('gone.example.com', -1, 'gone'),
    };
    contexts.configure(partOf({ certificates: ['certificatepolicy/d/p'] }), {
      ...secretsOf(set),
      sets: { 'certificatepolicy/d/p': ['ended', 'short', 'long', 'wild', 'gone'] },
    });
    expect(await namesShown('api.example.com')).toContain('CN=long');
    expect(await namesShown('www.example.com')).toContain('CN=wild');
    expect(await namesShown('gone.example.com')).toContain('CN=wild');
    // What no certificate has, and who names nothing: the first that is valid.
    expect(await namesShown('a.b.other.example')).toContain('CN=short');
    expect(await namesShown(undefined)).toContain('CN=short');
  });

  it('a listener whose policy has no certificate yet waits, and is no problem', () => {
    const problems = contexts.configure(partOf({ certificates: ['certificatepolicy/d/p'] }), {
      ...secretsOf({}),
      sets: { 'certificatepolicy/d/p': [] },
    });
    expect([[...problems.listeners], [...problems.certificates]]).toEqual([[], []]);
    expect([...problems.waiting]).toEqual([
      ['default/gw/l0', 'waiting for the first certificate of certificatepolicy/d/p'],
    ]);
  });

  it('a certificate whose key this agent should have, and has not, is a problem', () => {
    const problems = contexts.configure(
      partOf({ certificates: ['d/api'] }),
      secretsOf({ 'd/api': { ...exact, keyPem: '' } }),
    );
    expect([...problems.certificates.values()]).toEqual(['its key, which this agent made, is not there']);
  });

  describe('tls-alpn-01', () => {
    const NAME = 'api.example.com';
    const configure = async (
      part: GatewayPart,
      certificates: Record<string, TestCertificate>,
    ): Promise<string> => {
      const made = await alpnCertificate({
        name: NAME,
        keyAuthorization: 'token.thumb',
        nowMs: Date.now(),
        randomBytes,
      });
      contexts.configure(part, {
        ...secretsOf(certificates),
        sets: { 'certificatepolicy/d/p': [] },
        challenges: { http: {}, tlsAlpn: { [NAME]: made } },
      });
      return made.certificatePem;
    };
    const ask = (servername: string, ...protocols: readonly string[]): Promise<string> =>
      new Promise((resolve) => {
        const { port } = server.address() as AddressInfo;
        const socket = connect({
          host: '127.0.0.1',
          port,
          servername,
          rejectUnauthorized: false,
          ALPNProtocols: [...protocols],
        });
        let shown = '';
        socket.once('secureConnect', () => {
          const protocol = socket.alpnProtocol;
          shown = `${protocol === false ? 'none' : protocol} ${socket.getPeerX509Certificate()?.subject}`;
          // Else the server keeps it: it waits for a request.
          if (protocol !== 'acme-tls/1') socket.destroy();
        });
        socket.on('error', () => resolve('refused'));
        socket.on('close', () => resolve(shown));
        socket.resume();
      });

    it('is answered on a port without any certificate, and the connection ends after the handshake', async () => {
      const pem = await configure(partOf({ certificates: ['certificatepolicy/d/p'] }), {});
      expect(await ask(NAME, 'acme-tls/1')).toBe('acme-tls/1 CN=portolan acme-tls/1');
      const { X509Certificate } = await import('node:crypto');
      const extension = Buffer.from('06082b0601050507011f0101ff', 'hex');
      expect(new X509Certificate(pem).raw.includes(extension), 'the critical extension of RFC 8737').toBe(
        true,
      );
      expect(await ask(NAME, 'h2')).toBe('refused');
      expect(accepted).toEqual([]);
    });

    it('is shown to nobody else, and disturbs nobody else', async () => {
      await configure(partOf({ hostname: '*.example.com', certificates: ['d/wild'] }), {
        'd/wild': wildcard,
      });
      expect(await ask(NAME, 'h2', 'http/1.1')).toBe('h2 CN=*.example.com');
      expect(await ask(NAME, 'http/1.1', 'acme-tls/1')).toBe('http/1.1 CN=*.example.com');
      expect(await ask('www.example.com', 'acme-tls/1')).toBe('refused');
      expect(await ask(NAME, 'acme-tls/1')).toBe('acme-tls/1 CN=portolan acme-tls/1');
    });

    it('is over once it is not wanted any more', async () => {
      const part = partOf({ hostname: '*.example.com', certificates: ['d/wild'] });
      await configure(part, { 'd/wild': wildcard });
      contexts.configure(part, secretsOf({ 'd/wild': wildcard }));
      expect(await ask(NAME, 'acme-tls/1')).toBe('refused');
    });
  });

  it('does not resume a session of before the certificate was replaced', async () => {
    const part = partOf({ certificates: ['d/api'] });
    contexts.setTicketKeys(randomBytes(48));
    contexts.configure(part, secretsOf({ 'd/api': exact }));
    const first = await dial({ maxVersion: 'TLSv1.2', keep: true });
    const session = first.getSession();
    if (session === undefined) throw new Error('no session');
    contexts.configure(part, secretsOf({ 'd/api': exact }));
    expect((await dial({ maxVersion: 'TLSv1.2', session, keep: true })).isSessionReused()).toBe(true);
    contexts.configure(part, secretsOf({ 'd/api': renewed }));
    const next = await dial({ maxVersion: 'TLSv1.2', session, keep: true });
    expect(next.isSessionReused()).toBe(false);
    expect(next.getPeerX509Certificate()?.subject).toContain('renewed');
  });

  it('gives up on a handshake that does not come', async () => {
    contexts.configure(partOf({ certificates: ['d/api'] }), secretsOf({ 'd/api': exact }));
    const { port } = server.address() as AddressInfo;
    const { createConnection } = await import('node:net');
    const silent = createConnection(port, '127.0.0.1');
    await once(silent, 'close');
    expect(refused).toEqual(['the handshake took too long']);
  });

  it('takes octets that were read before it, as after a PROXY header', async () => {
    contexts.configure(partOf({ certificates: ['d/api'] }), secretsOf({ 'd/api': exact }));
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('data', (chunk) => {
        socket.pause();
        socket.unshift(chunk);
        contexts.accept(socket, PORT, 1_000, {
          secure: (tls) => void tls.on('data', (data) => tls.write(data)),
          refused: (reason) => refused.push(reason),
        });
      });
    });
    expect(await namesShown('api.example.com')).toContain('DNS:api.example.com');
    expect(refused).toEqual([]);
  });
});

describe('client certificates', () => {
  const clientCa = (mode: 'require' | 'request') => ({ bundles: ['d/ca/ca.crt'], mode });
  const secrets = () =>
    secretsOf({ 'd/api': exact, 'd/other': other }, { 'd/ca/ca.crt': authority.certificatePem });
  const shown = () => ({ cert: client.certificatePem, key: client.keyPem });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('are demanded and verified (%s)', async (version) => {
    const stranger = await (await testAuthority('another authority')).issue({ commonName: 'stranger' });
    contexts.configure(partOf({ certificates: ['d/api'], clientCa: clientCa('require') }), secrets());
    const at = { minVersion: version, maxVersion: version };
    await dial({ ...at, ...shown() });
    expect(accepted[0]?.chain).toBe(2);
    await expect(dial(at)).rejects.toThrow();
    await expect(dial({ ...at, cert: stranger.certificatePem, key: stranger.keyPem })).rejects.toThrow();
    expect(accepted).toHaveLength(1);
  });

  it('that were only asked for may be missing or strange, and then there are none', async () => {
    const stranger = await (await testAuthority('another authority')).issue({ commonName: 'stranger' });
    contexts.configure(partOf({ certificates: ['d/api'], clientCa: clientCa('request') }), secrets());
    await dial({});
    await dial({ cert: stranger.certificatePem, key: stranger.keyPem });
    await dial(shown());
    expect(accepted.map(({ chain }) => chain)).toEqual([0, 0, 2]);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'of one listener are not carried to another of the port by a resumed session (%s)',
    async (version) => {
      contexts.setTicketKeys(randomBytes(48));
      contexts.configure(
        partOf(
          { hostname: 'other.example', certificates: ['d/other'] },
          { hostname: 'api.example.com', certificates: ['d/api'], clientCa: clientCa('require') },
        ),
        secrets(),
      );
      const at = { minVersion: version, maxVersion: version };
      const open = await dial({ ...at, servername: 'other.example', keep: true });
      const session = open.getSession();
      expect(accepted[0]?.chain).toBe(0);
      await expect(
        dial({ ...at, servername: 'api.example.com', ...(session === undefined ? {} : { session }) }),
      ).rejects.toThrow();
      await dial({ ...at, servername: 'api.example.com', ...shown() });
      expect(accepted).toHaveLength(2);
    },
  );

  it('that cannot be verified close the listener rather than open it to everybody', () => {
    const problems = contexts.configure(
      partOf({ certificates: ['d/api'], clientCa: { bundles: ['d/none/ca.crt'], mode: 'require' } }),
      secrets(),
    );
    expect(problems.listeners.get('default/gw/l0')).toContain('client certificates cannot be verified');
  });
});
