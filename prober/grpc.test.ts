import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import { status as grpcStatus, Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestAuthority, type TestAuthority } from './testing/authority.ts';
import { type ListeningServer, listen, probeOnce, saying, targetOf } from './testing/probing.ts';

/** grpc.health.v1 spelt by hand on the server's side, so that both sides do not share one mistake. */
const HEALTH: ServiceDefinition = {
  Check: {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (value: Buffer) => value,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (value: Buffer) => value,
  },
};
const STATUS: Readonly<Record<string, number>> = { '': 1, 'shop.Cart': 1, 'shop.Sick': 2, 'shop.New': 0 };

async function serveHealth(
  credentials = ServerCredentials.createInsecure(),
): Promise<{ port: number; server: Server }> {
  const server = new Server();
  server.addService(HEALTH, {
    Check: (call: { request: Buffer }, callback: (error: object | null, value?: Buffer) => void) => {
      const service = call.request.length === 0 ? '' : call.request.subarray(2).toString();
      const status = STATUS[service];
      if (status === undefined) callback({ code: grpcStatus.NOT_FOUND, details: 'unknown service' });
      else if (service === 'shop.New') callback(null, Buffer.alloc(0));
      else callback(null, Buffer.from([0x08, status]));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, server };
}

describe('the gRPC probe', () => {
  let authority: TestAuthority;
  const started: Server[] = [];
  const servers: ListeningServer[] = [];
  beforeAll(async () => {
    authority = await createTestAuthority();
  });
  afterEach(async () => {
    for (const server of started.splice(0)) server.forceShutdown();
    for (const server of servers.splice(0)) await server.close();
  });
  const probe = async (port: number, check: Readonly<Record<string, unknown>> = {}, ca?: string) =>
    saying(
      await probeOnce(targetOf({ protocol: 'grpc', port, ...check }, port), ca === undefined ? {} : { ca }),
    );

  it('asks the health service in plain text', async () => {
    const { port, server } = await serveHealth();
    started.push(server);
    expect(await probe(port)).toBe('ok');
    expect(await probe(port, { service: 'shop.Cart' })).toBe('ok');
    expect(await probe(port, { service: 'shop.Sick' })).toBe('gRPC health NOT_SERVING');
    expect(await probe(port, { service: 'shop.New' })).toBe('gRPC health UNKNOWN');
    expect(await probe(port, { service: 'shop.Nothing' })).toBe(
      'gRPC health knows no service "shop.Nothing" (NOT_FOUND)',
    );
  });

  it('asks over verified TLS', async () => {
    const { cert, key } = await authority.issue(['api.example.com']);
    const credentials = ServerCredentials.createSsl(null, [
      { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) },
    ]);
    const { port, server } = await serveHealth(credentials);
    started.push(server);
    const tls = { tls: true, caSecret: { name: 'ca', key: 'ca.crt' } };
    expect(await probe(port, tls, authority.ca)).toBe('ok');
    expect(await probe(port, { ...tls, serverName: 'b.example' }, authority.ca)).toBe(
      'certificate is for api.example.com, not b.example',
    );
  });

  it('says that the server has no health service', async () => {
    const server = new Server();
    started.push(server);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    expect(await probe(port)).toBe('the server has no grpc.health.v1 service (UNIMPLEMENTED)');
  });

  it('says that the port speaks something else', async () => {
    const http1 = await listen(createHttpServer((_request, response) => void response.end('hello')));
    const http2 = await listen(
      createHttp2Server((_request, response) => {
        response.statusCode = 404;
        response.end();
      }),
    );
    const web = await listen(createHttp2Server((_request, response) => void response.end('hello')));
    const refused = await listen(createTcpServer());
    servers.push(http1, http2, web);
    await refused.close();
    expect(await probe(http1.port)).toBe('the server does not speak HTTP/2 on this port');
    expect(await probe(http2.port)).toBe('HTTP 404 instead of a gRPC answer');
    expect(await probe(web.port)).toBe('the answer is not gRPC');
    expect(await probe(refused.port)).toBe('connection refused');
  });

  it.each([
    [
      'a frame cut short',
      Buffer.from([0, 0, 0, 0, 9, 8, 1]),
      'the gRPC answer is not one uncompressed message',
    ],
    [
      'a compressed frame',
      Buffer.from([1, 0, 0, 0, 2, 8, 1]),
      'the gRPC answer is not one uncompressed message',
    ],
    ['no frame', Buffer.alloc(0), 'the gRPC answer is not one uncompressed message'],
    ['a broken message', Buffer.from([0, 0, 0, 0, 1, 8]), 'the gRPC answer is not a health response'],
    ['an unknown field before the status', Buffer.from([0, 0, 0, 0, 5, 0x12, 1, 65, 8, 1]), 'ok'],
    ['a long body', Buffer.alloc(9_000), 'the gRPC answer is too long for a health response'],
  ])('meets %s with a clear word', async (_what, body, detail) => {
    const server = createHttp2Server();
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(body);
    });
    const listening = await listen(server);
    servers.push(listening);
    expect(await probe(listening.port)).toBe(detail);
    await vi.waitFor(() => expect(listening.connections()).toBe(0), 20_000);
  });

  it('ends at the timeout, and when the server goes away', async () => {
    const silent = await listen(createTcpServer((socket) => void socket.resume()));
    const closing = await listen(createTcpServer((socket) => socket.once('data', () => socket.end())));
    servers.push(silent, closing);
    expect(await probe(silent.port, { timeoutMs: 500 })).toBe('timeout after 500 ms (no gRPC answer)');
    expect(await probe(closing.port)).toMatch(/^connection (closed|reset) before the gRPC answer$/);
    await vi.waitFor(() => expect(silent.connections()).toBe(0), 20_000);
  });
});
