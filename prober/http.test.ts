import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { statusExpected } from './http.ts';
import { type ListeningServer, listen, probeOnce, saying, targetOf } from './testing/probing.ts';

describe('the HTTP probe', () => {
  const servers: ListeningServer[] = [];
  const serve = async (listener: RequestListener) => {
    const server = await listen(createServer(listener));
    servers.push(server);
    return server;
  };
  const serveBytes = async (answer: string) => {
    const server = await listen(createTcpServer((socket) => socket.once('data', () => socket.end(answer))));
    servers.push(server);
    return server;
  };
  const probe = async (server: ListeningServer, check: Readonly<Record<string, unknown>> = {}) =>
    saying(await probeOnce(targetOf({ protocol: 'http', ...check }, server.port)));
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  it('asks as the check says, on a connection that it closes', async () => {
    const seen: IncomingMessage[] = [];
    const server = await serve((request, response) => {
      seen.push(request);
      response.end();
    });
    const headers = { 'X-Probe': 'yes', Connection: 'keep-alive', 'Content-Length': '7' };
    expect(await probe(server, { path: '/healthz?deep=1', method: 'HEAD', headers })).toBe('ok');
    const [request] = seen;
    expect(request?.method).toBe('HEAD');
    expect(request?.url).toBe('/healthz?deep=1');
    expect(request?.headers).toMatchObject({
      host: 'api.example.com',
      'x-probe': 'yes',
      connection: 'close',
    });
    expect(request?.headers['content-length']).toBeUndefined();
    await vi.waitFor(() => expect(server.connections()).toBe(0), 20_000);
  });

  it('sends the Host header of the check, and one of its headers only when it names none', async () => {
    const hosts: (string | undefined)[] = [];
    const server = await serve((request, response) => {
      hosts.push(request.headers.host);
      response.end();
    });
    await probe(server, { host: 'other.example:8080', headers: { Host: 'ignored.example' } });
    await probe(server, { headers: { Host: 'header.example' } });
    expect(hosts).toEqual(['other.example:8080', 'header.example']);
  });

  it('judges the status and follows no redirect', async () => {
    const paths: (string | undefined)[] = [];
    const server = await serve((request, response) => {
      paths.push(request.url);
      response.writeHead(Number(request.url?.slice(1)), { location: '/200' }).end();
    });
    expect(await probe(server, { path: '/503' })).toBe('HTTP 503, expected 200-399');
    expect(await probe(server, { path: '/302' })).toBe('ok');
    expect(await probe(server, { path: '/302', expectedStatuses: [200, '400-499'] })).toBe(
      'HTTP 302, expected 200, 400-499',
    );
    expect(await probe(server, { path: '/404', expectedStatuses: [200, '400-499'] })).toBe('ok');
    expect(paths).toEqual(['/503', '/302', '/302', '/404']);
  });

  it('finds text across chunks within the first 64 KiB of the body, and not after', async () => {
    const server = await serve((request, response) => {
      const before = 'x'.repeat(Number(request.url?.slice(1)));
      response.write(`${before}he`);
      response.end('althy');
    });
    const limit = 64 * 1024;
    expect(await probe(server, { path: '/10', bodyContains: 'healthy' })).toBe('ok');
    expect(await probe(server, { path: `/${limit - 7}`, bodyContains: 'healthy' })).toBe('ok');
    expect(await probe(server, { path: `/${limit - 6}`, bodyContains: 'healthy' })).toBe(
      'HTTP 200, but the first 64 KiB of the body does not contain "healthy"',
    );
    expect(await probe(server, { path: '/3', bodyContains: 'sick' })).toBe(
      'HTTP 200, but the body (10 octets) does not contain "sick"',
    );
  });

  it('stops reading a body that never ends', async () => {
    const server = await serve((_request, response) => {
      const pump = () => {
        while (response.write('y'.repeat(16_384)));
        response.once('drain', pump);
      };
      pump();
    });
    expect(await probe(server, { bodyContains: 'never there' })).toContain('the first 64 KiB');
    await vi.waitFor(() => expect(server.connections()).toBe(0), 20_000);
  });

  it('covers connecting, headers and body with one timeout', async () => {
    const silent = await serve(() => undefined);
    expect(await probe(silent, { timeoutMs: 500 })).toBe('timeout after 500 ms (no HTTP response)');
    const halfway = await serve((_request, response) => void response.write('half'));
    expect(await probe(halfway, { timeoutMs: 500, bodyContains: 'whole' })).toBe(
      'timeout after 500 ms (HTTP 200, the body is incomplete)',
    );
    await vi.waitFor(() => expect(silent.connections() + halfway.connections()).toBe(0), 20_000);
  });

  it.each([
    ['SSH-2.0-OpenSSH_9.2\r\n', 'the answer is not HTTP/1.1'],
    ['', 'connection closed before the HTTP response ended'],
    [`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 'the HTTP response headers are too large'],
    [
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      'HTTP 101, expected 200-399',
    ],
    ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n', 'ok'],
  ])('meets an answer beginning with %.30j with %j', async (answer, detail) => {
    expect(await probe(await serveBytes(answer))).toBe(detail);
  });

  it('says that a body was cut off', async () => {
    const server = await serveBytes('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort');
    expect(await probe(server, { bodyContains: 'long' })).toBe(
      'connection closed before the HTTP response ended',
    );
  });

  it('presents a name under a wildcard that the wildcard covers', async () => {
    const hosts: (string | undefined)[] = [];
    const server = await serve((request, response) => {
      hosts.push(request.headers.host);
      response.end();
    });
    await probeOnce(targetOf({ protocol: 'http' }, server.port, { defaultHost: '*.shop.example.com.' }));
    expect(hosts).toEqual(['portolan-probe.shop.example.com']);
  });
});

describe('expected statuses', () => {
  it.each([
    [200, ['200-399'], true],
    [399, ['200-399'], true],
    [400, ['200-399'], false],
    [199, ['200-399'], false],
    [204, [204], true],
    [205, [204, '300-302', 404], false],
    [404, [204, '300-302', 404], true],
    [0, ['200-399'], false],
  ])('%i in %j is %s', (status, expected, result) => {
    expect(statusExpected(status, expected)).toBe(result);
  });
});
