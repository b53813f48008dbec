import { once } from 'node:events';
import { createServer, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import type { Readable } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { createGatewayService, type GatewayService } from '../../gateway/service.ts';
import { backendAt, matchOf, partOf, ruleOf } from '../../gateway/testing/gateway-fixture.ts';
import type { BackendProtocol, GatewayPart } from '../../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { piecesOf } from '../../src/policy/piece-bytes.ts';
import { until } from '../support/until.ts';

/* Pods that come and go behind real gateway threads, under load. */

const open: (GatewayService | HttpAgent | Pod)[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) {
    if (one instanceof HttpAgent) one.destroy();
    else await one.close();
  }
});

interface Pod {
  /** `address:port` */
  readonly name: string;
  readonly requests: () => number;
  readonly connections: () => number;
  close(): Promise<void>;
}

async function pod(protocol: BackendProtocol): Promise<Pod> {
  let requests = 0;
  let connections = 0;
  const answer = (request: Readable, respond: (name: string) => void): void => {
    requests += 1;
    request.resume();
    request.on('end', () => setTimeout(() => respond(name), 2));
  };
  const server: Server =
    protocol === 'h2'
      ? createHttp2Server((request, response) => answer(request, (text) => response.end(text)))
      : createServer((request, response) => answer(request, (text) => response.end(text)));
  server.on('connection', (socket) => {
    connections += 1;
    socket.on('close', () => {
      connections -= 1;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const name = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const made: Pod = {
    name,
    requests: () => requests,
    connections: () => connections,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return made;
}

function start(workers: number): GatewayService {
  const service = createGatewayService({
    settings: {
      host: '127.0.0.1',
      ports: { '80': 0 },
      workers,
      graceSeconds: 0.1,
      accessLog: { file: '/dev/null' },
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
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  open.unshift(service);
  return service;
}

const SERVICES = { 'http/1.1': 'shop/web:80', h2: 'shop/grpc:443' } as const;

function routes(timeoutMs?: number): GatewayPart {
  const of = (protocol: BackendProtocol) => {
    const service = SERVICES[protocol];
    const backend = backendAt(0, {
      source: { kind: 'Service', name: service },
      endpoints: [],
      service,
      protocol,
    });
    return [`service/${service}`, backend] as const;
  };
  const rule = (id: string, protocol: BackendProtocol) =>
    ruleOf(id, {
      backends: [{ backend: `service/${SERVICES[protocol]}`, weight: 1, filters: [] }],
      ...(timeoutMs === undefined ? {} : { timeouts: { requestMs: timeoutMs } }),
    });
  return partOf(0, {
    rules: [rule('plain', 'http/1.1'), rule('streams', 'h2')],
    matches: [
      matchOf('plain', { path: { type: 'prefix', value: '/http/1.1' } }),
      matchOf('streams', { path: { type: 'prefix', value: '/h2' } }),
    ],
    backends: Object.fromEntries([of('http/1.1'), of('h2')]),
  });
}

/** Requests one after the other until it is told to end, every second with a body. */
function client(port: number, protocol: BackendProtocol) {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 });
  open.push(agent);
  let going = true;
  let count = 0;
  const failures: string[] = [];
  const once = (): Promise<string> =>
    new Promise((resolve) => {
      const method = count % 2 === 0 ? 'GET' : 'POST';
      const request = httpRequest(
        { host: '127.0.0.1', port, path: `/${protocol}/x`, method, agent },
        (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            body += chunk;
          });
          response.on('end', () =>
            resolve(response.statusCode === 200 ? '' : `${response.statusCode} ${body}`),
          );
          response.on('error', (error) => resolve(error.message));
        },
      );
      request.on('error', (error) => resolve(error.message));
      request.end(method === 'POST' ? 'some body' : undefined);
    });
  const over = (async () => {
    while (going) {
      const failure = await once();
      count += 1;
      if (failure !== '') failures.push(failure);
    }
  })();
  return {
    count: () => count,
    failures,
    async end(): Promise<void> {
      going = false;
      await over;
    },
  };
}

it.each(['http/1.1', 'h2'] as const)(
  'endpoints of a Service (%s) are replaced again and again under load, also while configurations change, and no request fails',
  async (protocol) => {
    const service = start(2);
    const name = SERVICES[protocol];
    let pods = [await pod(protocol), await pod(protocol)];
    open.push(...pods);
    const tell = (): void => service.endpoints(new Map([[name, pods.map((one) => one.name).sort()]]));
    tell();
    await service.serve(piecesOf(routes()), NO_GATEWAY_SECRETS, undefined);
    const port = service.bound[0]?.boundPort ?? 0;
    const clients = Array.from({ length: 8 }, () => client(port, protocol));
    const all = (): number => clients.reduce((sum, one) => sum + one.count(), 0);
    for (let round = 0; round < 6; round += 1) {
      const [gone, stays] = pods;
      const fresh = await pod(protocol);
      open.push(fresh);
      pods = [stays, fresh].filter((one) => one !== undefined);
      tell();
      if (round % 3 === 1)
        await service.serve(piecesOf(routes(10_000 + round)), NO_GATEWAY_SECRETS, undefined);
      await until('the new one has requests', async () => fresh.requests() > 0, 20_000, 2);
      await until('the old one has no connection any more', async () => gone?.connections() === 0, 20_000, 2);
      const had = gone?.requests() ?? 0;
      const before = all();
      await until('more requests are over', async () => all() > before + 16, 20_000, 2);
      expect(gone?.requests()).toBe(had);
      await gone?.close();
    }
    await Promise.all(clients.map((one) => one.end()));
    expect(clients.flatMap(({ failures }) => failures)).toEqual([]);
    expect(all()).toBeGreaterThan(6 * 16);
  },
);

it('a thread that starts has the endpoints of now; a Service that loses all of them is 503 with the reason, and serves again', async () => {
  const service = start(1);
  const one = await pod('http/1.1');
  open.push(one);
  await service.serve(piecesOf(routes()), NO_GATEWAY_SECRETS, undefined);
  const url = `http://127.0.0.1:${service.bound[0]?.boundPort ?? 0}/http/1.1/x`;
  const asked = async (): Promise<string> => {
    const reply = await fetch(url, { headers: { connection: 'close' } });
    return `${reply.status} ${await reply.text()}`;
  };
  expect(await asked()).toContain('503 ');
  expect(await asked()).toContain('The endpoints of the Service are not known yet.');
  const give = (names: readonly string[] | undefined): void =>
    service.endpoints(new Map([[SERVICES['http/1.1'], names]]));
  give([one.name]);
  await until('it serves', async () => (await asked()) === `200 ${one.name}`, 20_000, 2);
  give([]);
  await until(
    'it has none',
    async () => (await asked()).includes('No endpoint of the Service is ready.'),
    20_000,
    2,
  );
  // Without a port there is no thread; with the next configuration there is another one.
  give([one.name]);
  await service.serve(piecesOf({ ...routes(), ports: [] }), NO_GATEWAY_SECRETS, undefined);
  expect(service.threadIds).toEqual([]);
  await service.serve(piecesOf(routes()), NO_GATEWAY_SECRETS, undefined);
  const again = await fetch(`http://127.0.0.1:${service.bound[0]?.boundPort ?? 0}/http/1.1/x`);
  expect(`${again.status} ${await again.text()}`).toBe(`200 ${one.name}`);
});
