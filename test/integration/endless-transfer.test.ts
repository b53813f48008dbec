import { afterEach, expect, it } from 'vitest';
import { systemProviderClock } from '../../hub/providers/clock.ts';
import { createOutboundGuard } from '../../hub/providers/outbound.ts';
import {
  KEY,
  manyRecords,
  ORIGIN,
  type Primary,
  planFor,
  startPrimary,
  zoneOf,
} from '../../nameserver/testing/transfer-world.ts';
import { READ_LIMITS, Rfc2136Provider } from '../../providers/rfc2136/client.ts';
import { dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { matching } from '../support/matchers.ts';

const running: Primary[] = [];
afterEach(async () => {
  for (const primary of running.splice(0)) await primary.close();
});

async function read(limits?: Partial<typeof READ_LIMITS>): Promise<number> {
  const plan = planFor({ allow: [{ tsigSecret: 'copies' }] });
  const primary = await startPrimary(plan, [zoneOf(1, manyRecords(500))]);
  running.push(primary);
  const provider = new Rfc2136Provider(
    {
      spec: dnsProviderSpec.parse({
        zones: [{ origin: ORIGIN }],
        rfc2136: { server: '127.0.0.1', port: primary.port, tsigSecret: 'copies' },
      }),
      secret: {
        name: KEY.name,
        algorithm: 'hmac-sha256',
        secret: Buffer.from(KEY.secret).toString('base64'),
      },
      name: 'team/endless',
      owner: 'hub',
      guard: createOutboundGuard({
        allowedRanges: ['127.0.0.0/8'],
        resolve: () => Promise.resolve(['127.0.0.1']),
      }),
      turn: () => Promise.resolve(),
      clock: systemProviderClock,
      random: Math.random,
    },
    limits === undefined ? undefined : { ...READ_LIMITS, ...limits },
  );
  const zone = { origin: ORIGIN, id: ORIGIN, private: false, nameServers: [] };
  const { sets } = await provider.read(zone, AbortSignal.timeout(20_000));
  return sets.length;
}

it('a zone is read from a server whole', async () => {
  expect(await read()).toBeGreaterThan(500);
});

it.each([
  ['records', { records: 100 }, 'unsupported', /more than 100 records/],
  ['octets', { octets: 5_000 }, 'unsupported', /5000 octets/],
  ['time', { totalMs: 0 }, 'transient', /not whole after 0 ms/],
] as const)(
  'I32 a server whose transfer has no end is left once it took too much: %s',
  async (_what, limits, failure, message) => {
    await expect(read(limits)).rejects.toMatchObject({ failure, message: matching(message) });
  },
);

it('the limits of a reading are below those of a copied zone', () => {
  expect(READ_LIMITS).toEqual({ records: 1_000_000, octets: 268_435_456, totalMs: 180_000 });
});
