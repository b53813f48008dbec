import { createSocket } from 'node:dgram';
import { BroadcastChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { askNameServer } from '../../nameserver/ask.ts';
import { DEFAULT_NAME_SERVER_SETTINGS } from '../../nameserver/default-settings.ts';
import { createNameServerPool, type NameServerPoolOptions } from '../../nameserver/pool.ts';
import { RoutedTableImages } from '../../nameserver/routed-image.ts';
import { createRoutedTable, type RoutedTableInput } from '../../nameserver/routed-table.ts';
import { createNameServer } from '../../nameserver/server.ts';
import type { TableImage } from '../../nameserver/table-image.ts';
import { NO_TRANSFERS } from '../../nameserver/transfer-plan.ts';
import { parseName } from '../../src/dns/name.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { createStateView, type RuledTarget, type StateViewInput } from '../../src/health/state-view.ts';
import { NO_PENDING_CHANGE_MS } from '../../src/health/types.ts';
import { renderMetrics } from '../../src/telemetry/metric-text.ts';
import { matching } from '../support/matchers.ts';
import type { Death } from '../support/mortal-worker.ts';
import { quickest } from '../support/quickest.ts';
import { until } from '../support/until.ts';

const WWW = parseName('www.example.test');

/** A zone with one routed name (two endpoints, both in Germany) and one static record that says which table this is. */
const contentOf = (sequence: number): Pick<RoutedTableInput, 'routing'> => ({
  routing: {
    sequence,
    regions: {},
    zones: [
      {
        namespace: 'default',
        name: 'example-test',
        spec: {
          origin: parseName('example.test'),
          nameServers: [{ name: parseName('ns1.example.test'), addresses: ['192.0.2.53'] }],
          soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
          ttlSeconds: 300,
          records: [{ name: 'table', type: 'TXT', data: [`"${sequence}"`] }],
        },
      },
    ],
    policies: [
      {
        namespace: 'default',
        name: 'www',
        generation: 1,
        hostnames: [WWW],
        ttlSeconds: 30,
        minTtlSeconds: 5,
        endpoints: ['a', 'b'].map((name, at) => ({
          name,
          cluster: `default/${name}`,
          country: 'DE',
          capacity: 1,
          kind: 'addresses' as const,
          addresses: [{ address: `192.0.2.${at + 1}`, family: 4 as const, targetId: name }],
        })),
        geo: [],
        defaultTiers: [
          { members: [{ endpoint: 'a', weight: 1 }] },
          { members: [{ endpoint: 'b', weight: 1 }] },
        ],
        nextBest: 'none',
        residency: [],
        selection: { mode: 'weighted', maxAnswers: 1 },
        panicThresholdPercent: 0,
        capacityFloorPercent: 0,
        drainRampSeconds: 0,
      },
    ],
  },
});

const images = new RoutedTableImages();
const image = (sequence: number): TableImage => {
  const input = contentOf(sequence);
  const view = () => createStateView(NOTHING_KNOWN, () => 0);
  const built = createRoutedTable({ ...input, geo: undefined, view, random: Math.random });
  return { routed: images.imageOf(input, built), transfers: NO_TRANSFERS, geo: undefined };
};
const NOTHING_KNOWN: StateViewInput = {
  targets: new Map(),
  drains: new Map(),
  lastHealthy: new Map(),
  takenAtMs: 0,
  freshAtMs: 0,
};

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

const steady = (state: 'up' | 'down'): RuledTarget => ({ state, earliestChangeMs: NO_PENDING_CHANGE_MS });

async function pool(more: Partial<NameServerPoolOptions> = {}) {
  let targets: StateViewInput['targets'] = new Map([
    ['a', steady('up')],
    ['b', steady('up')],
  ]);
  const warnings: string[] = [];
  const monotonicMs = () => performance.now();
  const server = createNameServerPool({
    listen: [{ host: '127.0.0.1', port: 0 }],
    workers: 4,
    settings: DEFAULT_NAME_SERVER_SETTINGS,
    states: () => ({
      targets,
      drains: new Map(),
      lastHealthy: new Map(),
      takenAtMs: performance.now(),
      freshAtMs: performance.now(),
    }),
    monotonicMs,
    log: { warn: (_details, message) => warnings.push(message) },
    ...more,
  });
  cleanUp.push(() => server.close());
  await server.serve(image(1));
  const [bound] = await server.start();
  const port = bound?.port ?? 0;
  const ask = async (name = 'www.example.test', type: number = TYPE.A, timeoutMs = 5000) => {
    // A socket of its own each time: the kernel spreads clients over the threads.
    const reply = await askNameServer({ host: '127.0.0.1', port, name: parseName(name), type, timeoutMs });
    return reply.answers.map(({ data }) => data).join(' ');
  };
  const metric = (name: string): number => {
    const text = renderMetrics(server.stats().families);
    return Number(
      new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN,
    );
  };
  return {
    server,
    port,
    ask,
    metric,
    warnings,
    become(next: Record<string, 'up' | 'down'>) {
      targets = new Map(Object.entries(next).map(([id, state]) => [id, steady(state)]));
      server.statesChanged();
    },
  };
}

const many = (count: number) => Array.from({ length: count }, (_, at) => at);

describe('name server threads that share a port', () => {
  it('all answer, and are counted as one server', async () => {
    const { ask, metric, server } = await pool();
    expect(metric('portolan_dns_workers')).toBe(4);
    for (const _ of many(8)) await Promise.all(many(32).map(() => ask()));
    for (const worker of many(4))
      expect(metric(`portolan_dns_worker_responses_total{worker="${worker}"}`)).toBeGreaterThan(0);
    expect(server.stats().responses).toEqual([
      { zone: 'example.test.', transport: 'udp', rcode: 'NOERROR', count: 256 },
    ]);
  });

  it('follow a change of states within a second, all of them', async () => {
    const { ask, become } = await pool();
    const answers = async () => new Set(await Promise.all(many(64).map(() => ask())));
    expect(await answers()).toEqual(new Set(['192.0.2.1']));
    for (const [state, address] of [
      ['down', '192.0.2.2'],
      ['up', '192.0.2.1'],
    ] as const) {
      const best = await quickest(10, 1_000, async () => {
        become({ a: 'up', b: 'up' }); // a burst is one message
        become({ a: state, b: 'up' });
        const { tookMs } = await until(
          'every thread answers by the new state',
          async () => {
            const seen = await answers();
            return seen.size === 1 && seen.has(address);
          },
          20_000,
          1,
        );
        return tookMs;
      });
      expect(best).toBeLessThan(1_000);
    }
  });

  it('lose no query while tables are swapped, and answer from the new one once it is acknowledged', async () => {
    const { server, port, ask } = await pool();
    const load = startLoad(port);
    const seen: string[] = [];
    for (const sequence of many(20).map((at) => at + 2)) {
      await server.serve(image(sequence));
      // Acknowledged by all: whichever thread is asked, it answers from this table.
      seen.push(...(await Promise.all(many(8).map(() => ask('table.example.test', TYPE.TXT)))));
    }
    expect(seen).toEqual(many(20).flatMap((at) => many(8).map(() => `"${at + 2}"`)));
    const { sent, answered } = await load.stop();
    expect(sent).toBeGreaterThan(1000);
    expect(answered).toBe(sent);
  });

  it('answer SERVFAIL while there is nothing to answer from', async () => {
    const { server, port } = await pool();
    await server.serve(undefined);
    const question = { host: '127.0.0.1', port, name: WWW, type: TYPE.A, timeoutMs: 5000 };
    expect((await askNameServer(question)).rcode).toBe(RCODE.SERVFAIL);
  });

  it.each(['exit', 'throw'] as const)(
    'go on when one of them ends (%s); it begins again with the table and the states of now',
    async (by) => {
      const { server, ask, metric, warnings, become } = await pool({
        entry: new URL('../support/mortal-worker.ts', import.meta.url),
      });
      await server.serve(image(7));
      become({ a: 'down', b: 'up' });
      await until('the new state', async () => (await ask()) === '192.0.2.2', 5000);
      await Promise.all(many(64).map(() => ask()));
      const before = server.stats().responses[0]?.count ?? 0;
      kill(by, server.threadIds[1] ?? 0);
      // A client whose query was in the socket that went asks again, as any resolver does.
      let asked = 0;
      const restarted = until(
        'the thread is back',
        async () => {
          const answer = await ask('www.example.test', TYPE.A, 500).catch(() => ask());
          asked += 1;
          expect(answer).toBe('192.0.2.2');
          return metric('portolan_dns_worker_restarts_total') === 1 && metric('portolan_dns_workers') === 4;
        },
        20_000,
        5,
      );
      await restarted;
      const all = await Promise.all(many(128).map(() => ask('table.example.test', TYPE.TXT)));
      expect(new Set(all)).toEqual(new Set(['"7"']));
      expect(warnings).toEqual([matching(/thread ended; it is started again/)]);
      // Nothing that was counted is lost with the thread.
      expect(server.stats().responses[0]?.count).toBeGreaterThanOrEqual(before + asked + 128);
    },
  );

  it('keep the last good table when they cannot use one, also those that begin after it', async () => {
    const { server, ask, metric, warnings } = await pool({
      entry: new URL('../support/mortal-worker.ts', import.meta.url),
    });
    const table = () =>
      ask('table.example.test', TYPE.TXT, 500).catch(() => ask('table.example.test', TYPE.TXT));
    await server.serve(image(2));
    const broken = image(3);
    // Two zones with one origin: nobody can make a table of that.
    const zones = [...broken.routed.zones, ...broken.routed.zones];
    await server.serve({ ...broken, routed: { ...broken.routed, zones } });
    for (const _ of many(16)) expect(await table()).toBe('"2"');
    expect(warnings).toEqual(many(4).map((): unknown => matching(/keeps the last good one/)));
    kill('exit', server.threadIds[0] ?? 0);
    await until(
      'the thread is back',
      async () => {
        expect(await table()).toBe('"2"');
        return metric('portolan_dns_worker_restarts_total') === 1 && metric('portolan_dns_workers') === 4;
      },
      20_000,
      5,
    );
    for (const _ of many(16)) expect(await table()).toBe('"2"');
    await server.serve(image(4));
    for (const _ of many(16)) expect(await table()).toBe('"4"');
  });

  it('keep one swap waiting for a thread that begins again, no longer', async () => {
    const { server, metric } = await pool({
      entry: new URL('../support/mortal-worker.ts', import.meta.url),
    });
    kill('exit', server.threadIds[0] ?? 0);
    await Promise.all(many(5).map((at) => server.serve(image(at + 2))));
    await until('all are back', async () => metric('portolan_dns_workers') === 4, 20_000);
  });

  it('refuse a port that another process answers on, though it could be shared', async () => {
    const { port } = await pool();
    const second = pool({ listen: [{ host: '127.0.0.1', port }] });
    await expect(second).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    const other = createNameServer({ listen: [{ host: '127.0.0.1', port }], table: () => undefined });
    cleanUp.push(() => other.close());
    await expect(other.start()).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  });
});

function kill(by: Death['by'], threadId: number): void {
  const deaths = new BroadcastChannel('deaths');
  deaths.postMessage({ threadId, by } satisfies Death);
  deaths.close();
}

/** Sixteen clients, each with eight queries under way, until stopped. */
function startLoad(port: number) {
  let sent = 0;
  let answered = 0;
  let stopping = false;
  const query = (id: number): Buffer =>
    Buffer.concat([
      Buffer.from([id >> 8, id & 255, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
      Buffer.from('\u0003www\u0007example\u0004test\u0000\u0000\u0001\u0000\u0001', 'latin1'),
    ]);
  const clients = many(16).map(() => {
    const socket = createSocket('udp4');
    const next = (): void => {
      sent += 1;
      socket.send(query(sent & 0xffff), port, '127.0.0.1');
    };
    socket.on('message', (bytes) => {
      answered += (bytes[3] ?? 0) % 16 === RCODE.NOERROR ? 1 : 0;
      if (!stopping) next();
    });
    socket.bind(0, '127.0.0.1', () => {
      for (const _ of many(8)) next();
    });
    return socket;
  });
  return {
    async stop() {
      stopping = true;
      await until('the last answers', async () => answered === sent, 5000).catch(() => undefined);
      for (const socket of clients) socket.close();
      return { sent, answered };
    },
  };
}
