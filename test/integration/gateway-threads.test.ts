import { once } from 'node:events';
import { Agent, createServer, get, type Server } from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { connect } from 'node:tls';
import { BroadcastChannel } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createGatewayService, type GatewayService } from '../../gateway/service.ts';
import { EDGE } from '../../gateway/testing/gateway-fixture.ts';
import { openGeoDatabase } from '../../nameserver/geo-database.ts';
import type { GatewayPart, GatewayPort } from '../../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { piecesOf } from '../../src/policy/piece-bytes.ts';
import { type TestAuthority, testAuthority } from '../support/certificates.ts';
import { until } from '../support/until.ts';

/* Gateway threads as the agent runs them, without agent and hub. */

let backend: Server;
let authority: TestAuthority;
let service: GatewayService | undefined;
const log: string[] = [];

beforeAll(async () => {
  authority = await testAuthority();
  backend = createServer((_request, response) => response.end('from the backend'));
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
});
afterAll(() => backend.close());
afterEach(async () => {
  await service?.close();
  service = undefined;
  log.length = 0;
});

function partOf(ports: readonly Partial<GatewayPort>[], statusCode?: 301): GatewayPart {
  const listener = (port: number, protocol: string) => ({
    id: `default/gw/${port}`,
    source: { kind: 'Gateway', name: 'default/gw' },
    ...(protocol === 'https' ? { tls: { certificates: ['default/cert'] } } : {}),
    hosts: [
      {
        matches: [{ rule: 'r', path: { type: 'prefix' as const, value: '/' }, headers: [], query: [] }],
      },
    ],
  });
  return {
    ports: ports.map(({ port = 80, protocol = 'http' }) => ({
      port,
      protocol,
      edge: 'e',
      listeners: [listener(port, protocol)],
    })),
    rules: {
      r: {
        id: 'r',
        source: { kind: 'HTTPRoute', name: 'default/r' },
        filters: statusCode === undefined ? [] : [{ type: 'redirect', hostname: 'elsewhere', statusCode }],
        backends: [{ backend: 'b', weight: 1, filters: [] }],
        callers: [],
        timeouts: {},
        edge: 'e',
      },
    },
    backends: {
      b: {
        source: { kind: 'Backend', name: 'default/b' },
        endpoints: [{ address: '127.0.0.1', port: (backend.address() as AddressInfo).port, weight: 1 }],
        protocol: 'http/1.1',
        balance: 'roundRobin',
        connectTimeoutMs: 1_000,
        idleTimeoutMs: 30_000,
        limits: { maxConnections: 100, maxPendingRequests: 100 },
        outlier: { consecutiveFailures: 5, baseEjectionMs: 1_000, maxEjectedPercent: 50 },
      },
    },
    auth: {},
    edge: { e: EDGE },
  };
}

function start(options: { readonly ports?: Record<string, number>; readonly workers?: number } = {}) {
  const note = (_details: object, message: string): void => void log.push(message);
  service = createGatewayService({
    settings: {
      host: '127.0.0.1',
      ports: options.ports ?? { '80': 0, '443': 0 },
      workers: options.workers ?? 1,
      graceSeconds: 1,
      accessLog: {},
      authorization: { trustedPeers: [] },
    },
    allowedRanges: ['127.0.0.0/8'],
    keys: undefined,
    monotonicMs: () => performance.now(),
    after: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    log: { info: note, warn: note, error: note },
    entry: new URL('../support/mortal-gateway.ts', import.meta.url),
  });
  return service;
}

const portOf = (running: GatewayService, port = 80): number =>
  running.bound.find((bound) => bound.port === port)?.boundPort ?? 0;

function statusAt(port: number, headers: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, headers, agent: new Agent({ keepAlive: false }) }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}

describe('the threads of a gateway', () => {
  it('share the port, take a new configuration, and are there only while there is something to serve', async () => {
    const running = start({ workers: 2 });
    expect(running.threadIds).toEqual([]);
    await running.serve(piecesOf(partOf([{ port: 80 }])), NO_GATEWAY_SECRETS, undefined);
    expect(running.threadIds).toHaveLength(2);
    const port = portOf(running);
    expect(await Promise.all([1, 2, 3, 4].map(() => statusAt(port)))).toEqual([200, 200, 200, 200]);
    await running.serve(piecesOf(partOf([{ port: 80 }], 301)), NO_GATEWAY_SECRETS, undefined);
    expect([portOf(running), await statusAt(port), await statusAt(port)]).toEqual([port, 301, 301]);
    await running.serve(piecesOf(partOf([])), NO_GATEWAY_SECRETS, undefined);
    expect(running.threadIds).toEqual([]);
    await expect(statusAt(port)).rejects.toThrow();
  });

  it('start again when one ends, on the same port, with the configuration of now', async () => {
    const running = start();
    await running.serve(piecesOf(partOf([{ port: 80 }])), NO_GATEWAY_SECRETS, undefined);
    const [victim] = running.threadIds;
    const port = portOf(running);
    const deaths = new BroadcastChannel('gateway-deaths');
    deaths.postMessage(victim);
    await until(
      'another thread serves',
      async () => {
        const [id] = running.threadIds;
        return id !== undefined && id !== victim && (await statusAt(port).catch(() => 0)) === 200;
      },
      10_000,
    );
    deaths.close();
    expect(log).toContain('a gateway thread ended; it is started again and the others go on');
    const restarts = running.metrics().find(({ name }) => name === 'portolan_gateway_worker_restarts_total');
    expect(restarts?.samples[0]?.value).toBe(1);
  });

  it('leave a port to whoever has it, say so, serve the rest, and take it when it is free', async () => {
    const other = createTcpServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const taken = (other.address() as AddressInfo).port;
    const running = start({ ports: { '80': 0, '81': taken } });
    await running.serve(piecesOf(partOf([{ port: 80 }, { port: 81 }])), NO_GATEWAY_SECRETS, undefined);
    expect([...running.problems]).toEqual([
      ['default/gw/81', `127.0.0.1:${taken} is in use by another program`],
    ]);
    expect(await statusAt(portOf(running))).toBe(200);
    other.close();
    await once(other, 'close');
    await until('the port is taken', async () => running.problems.size === 0, 20_000);
    expect(await statusAt(taken)).toBe(200);
  });

  it('refuse clients whose data must stay elsewhere, by where their address lies', async () => {
    const { database } = await openGeoDatabase(undefined);
    if (database === undefined) throw new Error('the packaged database has its octets');
    const geo = new SharedArrayBuffer(database.length);
    new Uint8Array(geo).set(database);
    const rule = { region: 'EU', countries: ['DE'], inside: false, hostnames: ['eu.example'] };
    const part = partOf([{ port: 80 }]);
    const residency = { rules: [{ ...rule, unknown: 'allow' as const }] };
    const running = start();
    await running.serve(
      piecesOf({
        ...part,
        edge: {
          e: {
            ...EDGE,
            clientAddress: { proxyProtocol: 'off', trustedProxies: ['127.0.0.0/8'] },
            residency,
          },
        },
      }),
      NO_GATEWAY_SECRETS,
      geo,
    );
    const from = (client: string, host = 'eu.example') =>
      statusAt(portOf(running), { host, 'x-forwarded-for': client });
    expect([
      await from('217.95.168.1'),
      await from('204.246.233.1'),
      await from('217.95.168.1', 'other.example'),
      await from('10.0.0.1'),
    ]).toEqual([403, 200, 200, 200]);
  });

  it('swap a certificate without dropping a connection that is kept alive', async () => {
    const [before, after] = await Promise.all([
      authority.issue({ dns: ['a.example'], commonName: 'before' }),
      authority.issue({ dns: ['a.example'], commonName: 'after' }),
    ]);
    const running = start();
    const serve = (certificate: typeof before) =>
      running.serve(
        piecesOf(partOf([{ port: 443, protocol: 'https' }])),
        { ...NO_GATEWAY_SECRETS, certificates: { 'default/cert': certificate } },
        undefined,
      );
    await serve(before);
    const port = portOf(running, 443);
    const agent = new TlsAgent({ keepAlive: true, maxSockets: 1, ca: authority.certificatePem });
    const ask = (): Promise<{ readonly status: number | undefined; readonly reused: boolean }> =>
      new Promise((resolve, reject) => {
        const sent = httpsRequest({ host: '127.0.0.1', port, servername: 'a.example', agent }, (response) => {
          response.resume();
          response.on('end', () => resolve({ status: response.statusCode, reused: sent.reusedSocket }));
        });
        sent.on('error', reject).end();
      });
    expect(await ask()).toEqual({ status: 200, reused: false });
    await serve(after);
    expect(await ask()).toEqual({ status: 200, reused: true });
    agent.destroy();
    const fresh = connect({ host: '127.0.0.1', port, servername: 'a.example', ca: authority.certificatePem });
    await once(fresh, 'secureConnect');
    expect(fresh.getPeerX509Certificate()?.subject).toBe('CN=after');
    fresh.destroy();
  });
});
