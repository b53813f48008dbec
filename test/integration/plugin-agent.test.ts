import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROTECTED } from '../../gateway/external/testing/desk-world.ts';
import { gatewaySettings } from '../../gateway/settings.ts';
import type { OutboxBatch } from '../../gateway/usage/outbox.ts';
import { createPortolan } from '../../plugin/index.ts';
import { createDataGateway } from '../../spoke-agent/gateway/data-gateway.ts';
import { NOTHING_OPENED } from '../../spoke-agent/gateway/gateway-book.ts';
import { piecesOf } from '../../src/policy/piece-bytes.ts';
import { until } from '../support/until.ts';

it('a service gets its policies from the agent, and its hits go to the hub through the outbox of the agent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-plugin-agent-'));
  const socket = join(folder, 'plugin.sock');
  const sent: OutboxBatch[] = [];
  const log = () => undefined;
  const gateway = createDataGateway({
    config: {
      dataDir: folder,
      gateway: gatewaySettings.parse({
        ports: { '80': 0 },
        plugin: { socket },
        accessLog: { file: '/dev/null' },
        graceSeconds: 1,
      }),
      network: { allowedRanges: [] },
    },
    clock: {
      monotonicMs: () => performance.now(),
      wallMs: () => Date.now(),
      after: (delayMs, task) => {
        const timer = setTimeout(task, delayMs);
        return () => clearTimeout(timer);
      },
    },
    random: Math.random,
    sendUsage: (batch) => sent.push(batch) > 0,
    log: { debug: log, info: log, warn: log, error: log },
  });
  const portolan = createPortolan({ agent: `unix:${socket}`, log: { warn: log } });
  try {
    const keys = PROTECTED.auth.keys;
    if (keys === undefined) throw new Error('the fixture has a policy `keys`');
    const everybody = {
      name: 'all',
      when: [],
      method: { type: 'anonymous' as const },
      defaults: {},
      overrides: {},
    };
    const part = {
      ...PROTECTED,
      auth: { ...PROTECTED.auth, keys: { ...keys, authentication: [everybody] } },
    };
    await gateway.serve({ ...NOTHING_OPENED, ...piecesOf(part), digest: 'one' }, async () => undefined);
    gateway.link(true);
    await portolan.ready();
    const ask = async (target: string) =>
      await portolan.decide({
        method: 'GET',
        scheme: 'http',
        authority: 'api.example.com',
        target,
        fields: [],
        httpVersion: '1.1',
        source: { address: '127.0.0.1', port: 1, peer: '127.0.0.1', trusted: false },
        tls: undefined,
      });
    expect(await ask('/orders')).toMatchObject({ allowed: true, route: 'default/orders' });
    expect(await ask('/admin')).toMatchObject({ allowed: false, denied: { status: 401 } });
    await until('the hit is on its way to the hub', async () => sent.length > 0, 20_000);
    expect(sent[0]?.counts).toMatchObject([{ route: 'default/orders', metric: 'hits', amount: 1 }]);
    // Another configuration reaches the service while it runs.
    await gateway.serve({ ...NOTHING_OPENED, ...piecesOf(PROTECTED), digest: 'two' }, async () => undefined);
    await until('the new policy holds', async () => !(await ask('/orders')).allowed, 20_000);
  } finally {
    await portolan.close();
    await gateway.close();
    await rm(folder, { recursive: true });
  }
});
