import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestAuthority, type TestAuthority } from './testing/authority.ts';
import { type ListeningServer, listen, probeOnce, saying, targetOf } from './testing/probing.ts';

let authority: TestAuthority;
let stranger: TestAuthority;
beforeAll(async () => {
  authority = await createTestAuthority();
  stranger = await createTestAuthority('Stranger CA');
});

const servers: ListeningServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serveTls(options: TlsOptions): Promise<ListeningServer> {
  const server = createTlsServer(options);
  server.on('tlsClientError', () => undefined);
  const listening = await listen(server);
  servers.push(listening);
  return listening;
}

const caSecret = { name: 'ca', key: 'ca.crt' };
const probe = async (
  server: ListeningServer,
  check: Readonly<Record<string, unknown>> = {},
  ca = authority.ca,
) => saying(await probeOnce(targetOf({ protocol: 'tls', caSecret, ...check }, server.port), { ca }));

describe('the TLS probe', () => {
  it('succeeds when the chain and the name are right, and closes', async () => {
    const names: (string | false | null)[] = [];
    const server = createTlsServer(await authority.issue(['api.example.com']), (socket) =>
      names.push(socket.servername),
    );
    const listening = await listen(server);
    servers.push(listening);
    expect(await probe(listening)).toBe('ok');
    await vi.waitFor(() => expect(names).toEqual(['api.example.com']), 20_000);
    await vi.waitFor(() => expect(listening.connections()).toBe(0), 20_000);
  });

  it('says whose certificate it is when the name is wrong', async () => {
    const server = await serveTls(await authority.issue(['a.example']));
    expect(await probe(server, { serverName: 'b.example' })).toBe(
      'certificate is for a.example, not b.example',
    );
    expect(await probe(server, { serverName: 'a.example' })).toBe('ok');
    const many = await serveTls(
      await authority.issue(['a.example', 'c.example', 'd.example', 'e.example', 'f.example']),
    );
    expect(await probe(many, { serverName: 'b.example' })).toBe(
      'certificate is for a.example, c.example, d.example and 2 more, not b.example',
    );
  });

  it('says since when a certificate is expired, or from when it is valid', async () => {
    const expired = await serveTls(await authority.issue(['api.example.com'], { from: -30, to: -3.5 }));
    expect(await probe(expired)).toBe('certificate expired 3 days ago');
    const lately = await serveTls(await authority.issue(['api.example.com'], { from: -30, to: -0.1 }));
    expect(await probe(lately)).toBe('certificate expired less than a day ago');
    const early = await serveTls(await authority.issue(['api.example.com'], { from: 3, to: 30 }));
    expect(await probe(early)).toMatch(/^certificate is not valid before \d{4}-\d\d-\d\dT/);
  });

  it('trusts the bundle of the check and nothing else', async () => {
    const server = await serveTls(await stranger.issue(['api.example.com']));
    const untrusted = 'certificate issuer is not trusted, or the chain is incomplete (issued by Stranger CA)';
    expect(await probe(server)).toBe(untrusted);
    expect(await probe(server, {}, stranger.ca)).toBe('ok');
    const withoutBundle = targetOf({ protocol: 'tls' }, server.port);
    expect(saying(await probeOnce(withoutBundle))).toBe(untrusted);
    expect(saying(await probeOnce(targetOf({ protocol: 'tls', caSecret }, server.port)))).toBe(
      'unable: the CA bundle (Secret ca, key ca.crt) is not available here',
    );
  });

  it('does not blame the endpoint for a CA bundle that cannot be read', async () => {
    const server = await serveTls(await authority.issue(['api.example.com']));
    expect(await probe(server, {}, 'not PEM')).toBe('unable: the CA bundle holds no PEM certificate');
    expect(
      await probe(server, {}, '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n'),
    ).toBe('unable: certificate 1 of the CA bundle cannot be read');
  });

  it('says that a chain ends at an untrusted root', async () => {
    const leaf = await stranger.issue(['api.example.com']);
    const server = await serveTls({ ...leaf, cert: leaf.cert + stranger.ca });
    expect(await probe(server)).toBe(
      'certificate chain ends at a root that is not trusted (issued by Stranger CA)',
    );
  });

  it('verifies an address by its own name and sends no SNI for it', async () => {
    const server = await serveTls(await authority.issue(['api.example.com']));
    expect(await probe(server, { serverName: '127.0.0.1' })).toBe(
      'certificate is for api.example.com, not 127.0.0.1',
    );
  });

  it('says that the other side does not speak TLS, or nothing at all', async () => {
    const plain = await listen(
      createTcpServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad\r\n\r\n'))),
    );
    const silent = await listen(createTcpServer((socket) => void socket.resume()));
    const closing = await listen(createTcpServer((socket) => socket.once('data', () => socket.destroy())));
    servers.push(plain, silent, closing);
    expect(await probe(plain)).toBe('the server does not speak TLS on this port');
    expect(await probe(silent, { timeoutMs: 500 })).toBe('timeout after 500 ms (no TLS answer)');
    expect(await probe(closing)).toBe('connection closed during the TLS handshake');
    await vi.waitFor(() => expect(silent.connections()).toBe(0), 20_000);
  });

  it('names the alert of a server that refuses the handshake', async () => {
    const server = await serveTls({
      ...(await authority.issue(['api.example.com'])),
      ALPNProtocols: ['h2'],
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    });
    expect(await probe(server)).toMatch(/^TLS handshake failed: .*(version|handshake)/);
  });
});

describe('the HTTPS probe', () => {
  it('verifies and then asks', async () => {
    const listening = await listen(
      createHttpsServer(await authority.issue(['web.example', 'api.example.com']), (request, response) => {
        response.statusCode = request.url === '/down' ? 503 : 200;
        response.end(`hello ${request.headers.host}`);
      }),
    );
    servers.push(listening);
    const https = (check: Readonly<Record<string, unknown>>) =>
      probe(listening, { protocol: 'https', ...check });
    expect(await https({ bodyContains: 'hello api.example.com' })).toBe('ok');
    expect(await https({ host: 'web.example:8443', bodyContains: 'hello web.example:8443' })).toBe('ok');
    expect(await https({ host: 'else.example' })).toBe(
      'certificate is for web.example, api.example.com, not else.example',
    );
    expect(await https({ host: 'else.example', serverName: 'web.example' })).toBe('ok');
    expect(await https({ path: '/down' })).toBe('HTTP 503, expected 200-399');
    await vi.waitFor(() => expect(listening.connections()).toBe(0), 20_000);
  });
});
