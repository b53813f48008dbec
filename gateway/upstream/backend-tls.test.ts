import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CompiledBackend, GatewaySecrets } from '../../src/policy/model.ts';
import { type TestAuthority, testAuthority } from '../../test/support/certificates.ts';
import { get, partOf, send, testDeps } from './testing/forwarded.ts';
import { createUpstreams, type ManagedUpstreams } from './upstreams.ts';

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

type Tls = NonNullable<CompiledBackend['tls']>;

let authority: TestAuthority;
let stranger: TestAuthority;
beforeAll(async () => {
  authority = await testAuthority();
  stranger = await testAuthority('a stranger');
});

async function server(leaf: { dns?: string[]; uris?: string[] }, requestCert = false): Promise<number> {
  const { certificatePem, keyPem } = await authority.issue(leaf);
  const ca = requestCert ? { ca: authority.certificatePem, requestCert, rejectUnauthorized: true } : {};
  const made = createServer({ cert: certificatePem, key: keyPem, ...ca }, (request, response) => {
    const socket = request.socket;
    const name = 'servername' in socket ? String(socket.servername) : '';
    response.end(`sni ${name}`);
  });
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  open.push({ close: () => made.closeAllConnections() }, made);
  const address = made.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function upstreams(port: number, tls: Partial<Tls>, secrets: Partial<GatewaySecrets> = {}): ManagedUpstreams {
  const configured = { serverName: 'b.example.com', subjectAltNames: [], bundles: ['ns/ca/ca.crt'], ...tls };
  const made = createUpstreams(
    partOf([port], { tls: configured }),
    { certificates: {}, bundles: { 'ns/ca/ca.crt': authority.certificatePem }, values: {}, ...secrets },
    testDeps(),
  );
  open.unshift(made);
  return made;
}

describe('TLS to backends', () => {
  test('the server name is sent, and the certificate must be for it', async () => {
    const port = await server({ dns: ['b.example.com'] });
    expect(await send(upstreams(port, {}), get('/')).over).toMatchObject({ body: 'sni b.example.com' });
    const told = await send(upstreams(port, { serverName: 'c.example.com' }), get('/')).over;
    expect(told.error).toMatchObject({ code: 'BACKEND_UNAVAILABLE', status: 503 });
    expect(told.error?.message).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  test.each([
    ['hostname', 'b.example.com', true],
    ['hostname', 'd.example.com', false],
    ['uri', 'spiffe://example.com/b', true],
    ['uri', 'spiffe://example.com/c', false],
    ['uri', 'b.example.com', false],
    ['hostname', 'spiffe://example.com/b', false],
  ] as const)('subject alternative name %s %s: accepted is %s', async (type, value, accepted) => {
    const port = await server({ dns: ['b.example.com'], uris: ['spiffe://example.com/b'] });
    const tls = { serverName: 'other.example.com', subjectAltNames: [{ type, value }] };
    const told = await send(upstreams(port, tls), get('/')).over;
    expect(told.error === undefined).toBe(accepted);
  });

  test.each([
    ['of another authority', { bundles: ['ns/other/ca.crt'] }],
    ['without a bundle (the system does not know the authority)', { bundles: [] }],
    ['with a bundle that is missing', { bundles: ['ns/none/ca.crt'] }],
  ])('nothing is sent to a backend %s', async (_what, tls) => {
    const port = await server({ dns: ['b.example.com'] });
    const bundles = { 'ns/other/ca.crt': stranger.certificatePem };
    const told = await send(upstreams(port, tls, { bundles }), get('/')).over;
    expect(told.error).toMatchObject({ code: 'BACKEND_UNAVAILABLE', status: 503 });
  });

  test('the gateway shows its certificate where it has one', async () => {
    const port = await server({ dns: ['b.example.com'] }, true);
    expect((await send(upstreams(port, {}), get('/')).over).error).toBeDefined();
    const shown = await authority.issue({ dns: ['gateway.example.com'] });
    const to = upstreams(port, { clientCertificate: 'ns/client' }, { certificates: { 'ns/client': shown } });
    expect(await send(to, get('/')).over).toMatchObject({ body: 'sni b.example.com' });
  });

  test('connections of a bundle that changes are not kept', async () => {
    const port = await server({ dns: ['b.example.com'] });
    const first = upstreams(port, {});
    await send(first, get('/')).over;
    const part = partOf([port], {
      tls: { serverName: 'b.example.com', subjectAltNames: [], bundles: ['ns/ca/ca.crt'] },
    });
    const secrets = { certificates: {}, bundles: { 'ns/ca/ca.crt': stranger.certificatePem }, values: {} };
    const next = createUpstreams(part, secrets, testDeps(), first);
    open.unshift(next);
    expect((await send(next, get('/')).over).error).toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  });

  test('HTTP/2 is insisted on by ALPN', async () => {
    const { certificatePem, keyPem } = await authority.issue({ dns: ['b.example.com'] });
    const made = createSecureServer({ cert: certificatePem, key: keyPem }, (request, response) => {
      response.end(`h${request.httpVersion}`);
    });
    made.on('session', (session) => open.push({ close: () => session.destroy() }));
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    open.push(made);
    const address = made.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const tls = { serverName: 'b.example.com', subjectAltNames: [], bundles: ['ns/ca/ca.crt'] };
    const secrets = { certificates: {}, bundles: { 'ns/ca/ca.crt': authority.certificatePem }, values: {} };
    const to = createUpstreams(partOf([port], { protocol: 'h2', tls }), secrets, testDeps());
    const old = createUpstreams(
      partOf([await server({ dns: ['b.example.com'] })], { protocol: 'h2', tls }),
      secrets,
      testDeps(),
    );
    open.unshift(to, old);
    expect(await send(to, get('/')).over).toMatchObject({ body: 'h2.0' });
    const told = await send(old, get('/')).over;
    expect(told.error).toMatchObject({ code: 'BACKEND_UNAVAILABLE', status: 503 });
  });
});
