import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestAuthority, type TestCertificate, testAuthority } from '../support/certificates.ts';
import { quickest } from '../support/quickest.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Installation, startInstallation } from './gateway-agents/installation.ts';

const SUITE = 'gateways of three agents';
const curl = await requireServer('curl', SUITE);
const run = promisify(execFile);

const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const HOST = 'api.example.com';
const METHOD = '/shop.v1.Orders/Get';
const RECOGNISED_WITHIN_MS = 1_000;

describe.skipIf(!curl.available)(SUITE, () => {
  let at: Installation;
  let authority: TestAuthority;
  let backend: Server;
  let calls: grpc.Server;
  let key: string;
  let keyId: string;

  const secretOf = ({ certificatePem, keyPem }: TestCertificate) => ({
    kind: 'Secret',
    metadata: { name: 'tls' },
    spec: { stringData: { 'tls.crt': certificatePem, 'tls.key': keyPem } },
  });

  /** The status that curl, as people use it, gets; 0: no answer. */
  const statusOf = async (url: string, ...options: readonly string[]): Promise<number> => {
    const { stdout } = await run(curl.available ? curl.path : '', [
      ...['-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '5', '-H', `Host: ${HOST}`],
      ...options,
      url,
    ]).catch((error: unknown) => error as { readonly stdout: string });
    return Number(stdout);
  };
  const withKey = (text: string): readonly string[] => ['-H', `x-api-key: ${text}`];
  const everywhere = (path: string, ...options: readonly string[]): Promise<readonly number[]> =>
    Promise.all(at.agents.map(({ http }) => statusOf(`http://127.0.0.1:${http}${path}`, ...options)));
  const all = (status: number): readonly number[] => at.agents.map(() => status);
  const untilAll = (what: string, status: number, limitMs: number, ...options: readonly string[]) =>
    until(
      what,
      async () => JSON.stringify(await everywhere('/', ...options)) === JSON.stringify(all(status)),
      limitMs,
      20,
    );

  beforeAll(async () => {
    authority = await testAuthority();
    backend = createServer((_request, response) => response.end('from the backend')).listen(0, '127.0.0.1');
    await once(backend, 'listening');
    calls = new grpc.Server();
    const octets = { serialize: (b: Buffer) => b, deserialize: (b: Buffer) => b };
    calls.addService(
      {
        get: {
          path: METHOD,
          requestStream: false,
          responseStream: false,
          requestSerialize: octets.serialize,
          requestDeserialize: octets.deserialize,
          responseSerialize: octets.serialize,
          responseDeserialize: octets.deserialize,
        },
      },
      {
        get(call: grpc.ServerUnaryCall<Buffer, Buffer>, answer: grpc.sendUnaryData<Buffer>): void {
          const trailers = new grpc.Metadata();
          trailers.set('x-orders', '7');
          if (call.request.toString() === 'fail')
            answer({ code: grpc.status.NOT_FOUND, details: 'no such order', metadata: trailers });
          else answer(null, Buffer.from(`order ${call.request.toString()}`), trailers);
        },
      },
    );
    const callPort = await promisify(calls.bindAsync.bind(calls))(
      '127.0.0.1:0',
      grpc.ServerCredentials.createInsecure(),
    );
    at = await startInstallation();
    const endpoint = (port: number) => ({ endpoints: [{ address: '127.0.0.1', port }] });
    const parentRefs = [{ name: 'public' }];
    await at.apply(
      secretOf(await authority.issue({ dns: [HOST], commonName: 'first' })),
      {
        apiVersion: GATEWAY_API,
        kind: 'Gateway',
        metadata: { name: 'public' },
        spec: {
          gatewayClassName: 'portolan',
          listeners: [
            { name: 'http', port: 80, protocol: 'HTTP' },
            {
              name: 'https',
              port: 443,
              protocol: 'HTTPS',
              hostname: HOST,
              tls: { certificateRefs: [{ name: 'tls' }] },
            },
          ],
        },
      },
      {
        kind: 'Backend',
        metadata: { name: 'web' },
        spec: endpoint((backend.address() as AddressInfo).port),
      },
      { kind: 'Backend', metadata: { name: 'orders' }, spec: { ...endpoint(callPort), protocol: 'h2' } },
      {
        apiVersion: GATEWAY_API,
        kind: 'HTTPRoute',
        metadata: { name: 'web' },
        spec: {
          parentRefs,
          hostnames: [HOST],
          rules: [{ backendRefs: [{ group: 'portolan.dev', kind: 'Backend', name: 'web' }] }],
        },
      },
      {
        apiVersion: GATEWAY_API,
        kind: 'GRPCRoute',
        metadata: { name: 'orders' },
        spec: {
          parentRefs,
          hostnames: ['orders.example.com'],
          rules: [
            {
              matches: [{ method: { service: 'shop.v1.Orders' } }],
              backendRefs: [{ group: 'portolan.dev', kind: 'Backend', name: 'orders' }],
            },
          ],
        },
      },
      {
        kind: 'AuthPolicy',
        metadata: { name: 'keys' },
        spec: {
          targetRefs: [
            { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'web' },
            { group: 'gateway.networking.k8s.io', kind: 'GRPCRoute', name: 'orders' },
          ],
          rules: {
            authentication: { key: { apiKey: {} } },
            authorization: { admins: { cel: { expressions: ["!request.path.startsWith('/admin')"] } } },
          },
        },
      },
    );
    await untilAll('all gateways serve', 401, 60_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${at.log.slice(-4_000)}`);
    });
  }, 120_000);

  afterAll(async () => {
    await at?.close();
    calls.forceShutdown();
    backend.close();
  });

  it('let a new key pass everywhere within a second, and nobody without one', async () => {
    // The hub's commit and three curls come on top.
    const tookMs = await quickest(3, RECOGNISED_WITHIN_MS + 500, async () => {
      const made = performance.now();
      ({ key, id: keyId } = await at.createKey('shop'));
      await untilAll('the key is known', 200, 20_000, ...withKey(key));
      return performance.now() - made;
    });
    expect(tookMs).toBeLessThan(RECOGNISED_WITHIN_MS + 500);
    expect(await everywhere('/')).toEqual(all(401));
    expect(await everywhere('/admin', ...withKey(key))).toEqual(all(403));
    expect(await everywhere('/', ...withKey('ptk_wrong'))).toEqual(all(401));
  });

  it('speak HTTP/2, with TLS and by prior knowledge, as curl does', async () => {
    const ca = join(at.folder, 'ca.pem');
    await writeFile(ca, authority.certificatePem);
    expect(await everywhere('/', '--http2-prior-knowledge', ...withKey(key))).toEqual(all(200));
    for (const { https } of at.agents) {
      const options = ['--cacert', ca, '--resolve', `${HOST}:${https}:127.0.0.1`, ...withKey(key)];
      expect(await statusOf(`https://${HOST}:${https}/`, '--http2', ...options)).toBe(200);
      expect(await statusOf(`https://${HOST}:${https}/`, '--http1.1', ...options)).toBe(200);
    }
  });

  it('carry gRPC with its trailers, good calls and failing ones', async () => {
    for (const { http } of at.agents) {
      const client = new grpc.Client(`127.0.0.1:${http}`, grpc.credentials.createInsecure(), {
        'grpc.default_authority': 'orders.example.com',
      });
      const call = (what: string, text: string | undefined) =>
        new Promise<string>((resolve) => {
          const metadata = new grpc.Metadata();
          if (text !== undefined) metadata.set('x-api-key', text);
          let trailer = '';
          client
            .makeUnaryRequest(
              METHOD,
              (b: Buffer) => b,
              (b: Buffer) => b,
              Buffer.from(what),
              metadata,
              { deadline: Date.now() + 5_000 },
              (error, answer) =>
                setImmediate(() =>
                  resolve(
                    `${error === null ? answer?.toString() : `${error.code} ${error.details}`} ${trailer}`,
                  ),
                ),
            )
            .on('status', (status) => {
              trailer = String(status.metadata.get('x-orders')[0] ?? '');
            });
        });
      expect(await call('1', key)).toBe('order 1 7');
      expect(await call('fail', key)).toBe(`${grpc.status.NOT_FOUND} no such order 7`);
      expect(await call('1', undefined)).toMatch(new RegExp(`^${grpc.status.UNAUTHENTICATED} `));
      client.close();
    }
  });

  it('take a new certificate without dropping a connection that is kept alive', async () => {
    const agents = at.agents.map(
      () => new Agent({ keepAlive: true, maxSockets: 1, ca: authority.certificatePem, servername: HOST }),
    );
    const ask = (index: number): Promise<{ readonly status: number | undefined; readonly reused: boolean }> =>
      new Promise((resolve, reject) => {
        const sent = request(
          {
            host: '127.0.0.1',
            port: at.agents[index]?.https,
            agent: agents[index],
            headers: { host: HOST, 'x-api-key': key },
          },
          (response) => {
            response.resume();
            response.on('end', () => resolve({ status: response.statusCode, reused: sent.reusedSocket }));
          },
        );
        sent.on('error', reject).end();
      });
    const shown = async (port: number): Promise<string> => {
      const socket = connect({ host: '127.0.0.1', port, servername: HOST, ca: authority.certificatePem });
      await once(socket, 'secureConnect');
      const subject = socket.getPeerX509Certificate()?.subject ?? '';
      socket.destroy();
      return subject;
    };
    for (const index of at.agents.keys()) expect(await ask(index)).toEqual({ status: 200, reused: false });
    await at.apply(secretOf(await authority.issue({ dns: [HOST], commonName: 'second' })));
    for (const [index, { https }] of at.agents.entries()) {
      await until('the new one is shown', async () => (await shown(https)) === 'CN=second', 10_000);
      expect(await ask(index)).toEqual({ status: 200, reused: true });
    }
    for (const agent of agents) agent.destroy();
  });

  it('are shown by the hub where they answer', async () => {
    await until(
      'every cluster names its gateway',
      async () => {
        const clusters = await Promise.all(
          at.agents.map(({ name }) => at.client.get('Cluster', { namespace: 'default', name })),
        );
        return clusters.every((cluster, i) =>
          cluster?.status?.agent?.gateways?.includes(`http://127.0.0.1:${at.agents[i]?.http}`),
        );
      },
      15_000,
      200,
    );
  });

  it('refuse a revoked key everywhere within a second', async () => {
    const tookMs = await quickest(3, RECOGNISED_WITHIN_MS + 500, async () => {
      const { key: doomed, id } = await at.createKey('doomed');
      await untilAll('the key is known', 200, 20_000, ...withKey(doomed));
      const revoked = performance.now();
      await at.revokeKey(id);
      await untilAll('the key is refused', 401, 20_000, ...withKey(doomed));
      return performance.now() - revoked;
    });
    expect(tookMs).toBeLessThan(RECOGNISED_WITHIN_MS + 500);
    expect(keyId).toMatch(/^k-/);
  });

  it('I9 go on with their keys when the hub is gone, also after a restart', async () => {
    await at.killHub();
    expect(await everywhere('/', ...withKey(key))).toEqual(all(200));
    expect(await everywhere('/')).toEqual(all(401));
    await at.stopAgent(0);
    at.startAgent(0);
    await untilAll('the restarted agent serves', 200, 15_000, ...withKey(key));
    expect(await everywhere('/admin', ...withKey(key))).toEqual(all(403));
  });
});
