import { expect, it } from 'vitest';
import { PROTECTED } from '../../gateway/external/testing/desk-world.ts';
import { createGatewayService } from '../../gateway/service.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { piecesOf } from '../../src/policy/piece-bytes.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

it('every gateway thread answers other proxies on one port, by the configuration it serves, and counts what passes', async () => {
  const port = await freePort();
  const counted: number[] = [];
  const logged: string[] = [];
  const log = (_: object, message: string): void => void logged.push(message);
  const service = createGatewayService({
    settings: {
      host: '127.0.0.1',
      ports: { '80': 0 },
      workers: 2,
      graceSeconds: 1,
      accessLog: { file: '/dev/null' },
      authorization: { listen: { host: '127.0.0.1', port }, trustedPeers: ['127.0.0.1'] },
    },
    allowedRanges: [],
    keys: undefined,
    usage: (counts) => void counted.push(...counts.map(({ amount }) => amount)),
    monotonicMs: () => performance.now(),
    after: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    log: { info: log, warn: log, error: log },
  });
  const ask = async (uri: string): Promise<number> => {
    const reply = await fetch(`http://127.0.0.1:${port}/authorize`, {
      headers: {
        'x-forwarded-method': 'GET',
        'x-forwarded-uri': uri,
        'x-forwarded-host': 'api.example.com',
        'x-forwarded-proto': 'http',
        connection: 'close',
      },
    });
    await reply.body?.cancel();
    return reply.status;
  };
  try {
    const anonymous = PROTECTED.auth.keys;
    if (anonymous === undefined) throw new Error('the fixture has a policy `keys`');
    const everybody = [
      { name: 'all', when: [], method: { type: 'anonymous' as const }, defaults: {}, overrides: {} },
    ];
    await service.serve(
      piecesOf({
        ...PROTECTED,
        auth: { ...PROTECTED.auth, keys: { ...anonymous, authentication: everybody } },
      }),
      NO_GATEWAY_SECRETS,
      undefined,
    );
    for (let n = 0; n < 8; n += 1) {
      expect(await ask('/orders')).toBe(200);
      expect(await ask('/admin')).toBe(401);
    }
    await until('all are counted', async () => counted.reduce((sum, n) => sum + n, 0) === 8, 20_000);
    await service.serve(piecesOf(PROTECTED), NO_GATEWAY_SECRETS, undefined);
    expect(await ask('/orders')).toBe(401);
    expect(await ask('/open')).toBe(200);
  } finally {
    await service.close();
  }
  expect(logged.filter((message) => message.includes('cannot ask'))).toEqual([]);
});
