import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { keyFolder } from '../../spoke-agent/credentials/files.ts';
import { readJournal } from '../../spoke-agent/credentials/journal.ts';
import { type TestAuthority, type TestCertificate, testAuthority } from '../support/certificates.ts';
import { matching } from '../support/matchers.ts';
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
const admin = z.object({ admin: z.string() });
const health = z.object({ controlPid: z.number() });

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

  const adminOf = async (name: string): Promise<string> => {
    const facts = admin.parse(JSON.parse(await readFile(join(at.folder, name, 'agent.json'), 'utf8')));
    return `http://${facts.admin}`;
  };
  const metricsOf = async (name: string): Promise<string> =>
    await (await fetch(`${await adminOf(name)}/metrics`)).text();
  const keysAt = async (name: string): Promise<number> =>
    Number(/^portolan_gateway_keys (\d+)$/m.exec(await metricsOf(name))?.[1] ?? -1);
  const factsOf = async (name: string) =>
    health.parse(await (await fetch(`${await adminOf(name)}/healthz`)).json());

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
    at = await startInstallation('DE', true);
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
  });

  afterAll(async () => {
    await at?.close();
    calls.forceShutdown();
    backend.close();
  });

  it('let a new key pass everywhere within a second, and nobody without one', async () => {
    // The hub's commit and three curls come on top.
    const tookMs = await quickest(10, RECOGNISED_WITHIN_MS + 500, async () => {
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
    const tookMs = await quickest(10, RECOGNISED_WITHIN_MS + 500, async () => {
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

  it('I29 I33 hold no key in any file, line or figure, wherever a client put it', async () => {
    const canary = `canary${randomBytes(12).toString('hex')}`;
    const sent = [withKey(key), withKey(canary)];
    for (const name of [
      'authorization: APIKEY',
      'authorization: Bearer',
      'cookie: key=',
      'referer: http://a/?k=',
    ])
      for (const text of [key, canary]) sent.push(['-H', `${name} ${text}`]);
    for (const options of sent) await everywhere('/', ...options);
    for (const text of [key, canary]) await everywhere(`/?api_key=${text}`);
    await until('the access logs', async () => at.said.split('\n').length > 3 * sent.length, 20_000);
    const texts = new Map([
      ['stdout', at.said],
      ['stderr', at.log],
      ...(await Promise.all(
        at.agents.map(async ({ name }) => [`metrics of ${name}`, await metricsOf(name)] as const),
      )),
    ]);
    for (const file of await readdir(at.folder, { recursive: true, withFileTypes: true }))
      if (file.isFile()) {
        const path = join(file.parentPath, file.name);
        texts.set(path, await readFile(path, 'latin1'));
      }
    const secret = Buffer.from(key.slice('ptk_'.length), 'base64url');
    const forms = [key.slice('ptk_'.length), secret.toString('hex'), secret.toString('latin1'), canary];
    const found = [...texts].filter(([, text]) => forms.some((form) => text.includes(form)));
    expect(found.map(([where]) => where)).toEqual([]);
    // What is looked for would be found: the public id is in the lines, and in the files of hub and agents.
    const known = [...texts].filter(([, text]) => text.includes(keyId)).map(([where]) => where);
    expect(known).toEqual(
      expect.arrayContaining(['stdout', matching(/portolan\.db/), matching(/keys-\d+\.(image|journal)/)]),
    );
  });

  it('I19 lose no key, and take none twice, when one is killed after a key is on its disk and before the hub is told', async () => {
    const victim = 1;
    const { name, http } = at.agents[victim] ?? { name: '', http: 0 };
    const folder = keyFolder(join(at.folder, name));
    const stateOf = async (id: string): Promise<string | undefined> => {
      const { clusters } = await at.describeKey(id);
      return clusters.find(({ cluster }) => cluster === `default/${name}`)?.state;
    };
    const { id: before } = await at.createKey('before');
    await until('the hub knows', async () => (await stateOf(before)) === 'live', 20_000);
    const [newest = ''] = (await readdir(folder))
      .filter((file) => file.endsWith('.journal'))
      .toSorted()
      .reverse();
    const journal = join(folder, newest);
    const frames = (await readJournal(journal)).frames.length;
    const images = (await readdir(folder)).filter((file) => file.endsWith('.image'));
    const keys = await keysAt(name);
    const { controlPid } = await factsOf(name);

    at.mute(victim);
    const caught = await at.createKey('caught');
    await until(
      'it is on the disk',
      async () => (await readJournal(journal)).frames.length > frames,
      20_000,
      1,
    );
    process.kill(controlPid, 'SIGKILL');
    await at.stopAgent(victim);
    expect(await stateOf(caught.id)).not.toBe('live');

    // From its disk alone: the hub cannot be reached.
    at.part(victim);
    at.startAgent(victim);
    await until('it serves', async () => (await statusOf(`http://127.0.0.1:${http}/`)) === 401, 30_000);
    expect(await statusOf(`http://127.0.0.1:${http}/`, ...withKey(caught.key))).toBe(200);
    const later = await at.createKey('later');
    at.join(victim);
    await until('it has caught up', async () => (await stateOf(later.id)) === 'live', 30_000);
    expect(await stateOf(caught.id)).toBe('live');
    await until(
      'the key passes',
      async () => (await statusOf(`http://127.0.0.1:${http}/`, ...withKey(later.key))) === 200,
      20_000,
    );
    expect(await keysAt(name)).toBe(keys + 2);
    // Each change stands in the journal once, one behind the other, and no page had to be read.
    const written = (await readJournal(journal)).frames.filter(({ entries }) => entries.length > 0);
    const ids = written.flatMap(({ entries }) => entries.map(({ id }) => id));
    expect(ids.filter((id) => id === caught.id || id === later.id)).toEqual([caught.id, later.id]);
    expect((await readdir(folder)).filter((file) => file.endsWith('.image'))).toEqual(images);
  });

  it('whose disk takes no keys let them pass by asking the hub for each', async () => {
    const index = 2;
    const { name, http } = at.agents[index] ?? { name: '', http: 0 };
    const folder = keyFolder(join(at.folder, name));
    const status = (...options: readonly string[]) => statusOf(`http://127.0.0.1:${http}/`, ...options);
    await at.stopAgent(index);
    await rm(folder, { recursive: true, maxRetries: 20, retryDelay: 50 });
    await writeFile(folder, 'no folder');
    at.startAgent(index);
    await until('a key passes', async () => (await status(...withKey(key))) === 200, 30_000);
    const fresh = await at.createKey('fresh');
    await until('a new one, too', async () => (await status(...withKey(fresh.key))) === 200, 20_000);
    expect(await keysAt(name)).toBe(0);
    expect(await status(...withKey('ptk_wrong'))).toBe(401);
    await rm(folder);
    // A new stream tries at once what failed before.
    at.part(index);
    at.join(index);
    await until('the keys are on its disk', async () => (await keysAt(name)) > 0, 60_000, 100);
    expect(await status(...withKey(key))).toBe(200);
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
