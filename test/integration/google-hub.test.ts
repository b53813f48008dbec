import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askNameServer } from '../../nameserver/ask.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { HEALTH_CHECK, HEALTH_CHECK_LINK } from '../fakes/google-dns/open.ts';
import { type FakeGoogle, startFakeGoogle } from '../fakes/google-dns/server.ts';
import { until } from '../support/until.ts';
import { type Backends, failover, startBackends } from './dns-hub/backends.ts';
import { type Installation, startInstallation } from './dnssec-agents/installation.ts';

const WAIT_MS = 30_000;
const WWW = parseName('www.google.example.');
const NATIVE = parseName('native.google.example.');

describe('the hub publishes into Google Cloud DNS', () => {
  let hub: Installation;
  let backends: Backends;
  let fake: FakeGoogle;

  beforeAll(async () => {
    [backends, fake] = await Promise.all([
      startBackends(),
      startFakeGoogle({ healthChecks: [HEALTH_CHECK_LINK], pendingMs: 300 }),
    ]);
    fake.addZone({ name: 'google-example', origin: 'google.example.' });
    await Promise.all([backends.open(1), backends.open(2)]);
    hub = await startInstallation(() => ({}), [backends.address(1), backends.address(2)]);
    await hub.apply(
      {
        kind: 'Secret',
        metadata: { name: 'google' },
        spec: { stringData: { 'credentials.json': fake.credentials() } },
      },
      {
        kind: 'DNSProvider',
        metadata: { name: 'google' },
        spec: {
          zones: [{ origin: 'google.example' }],
          google: {
            endpoint: fake.endpoint,
            project: fake.project,
            secret: 'google',
            healthCheck: HEALTH_CHECK,
          },
          verify: { servers: [{ address: fake.dns.address, port: fake.dns.port }] },
        },
      },
    );
  });
  afterAll(async () => {
    await hub?.close();
    await backends?.close();
    await fake?.close();
  });

  const policyOf = (name: string) => fake.zone('google-example').find(name, 'A')?.routingPolicy;

  async function reportOf(name: string) {
    const policy = await hub.client.get('TrafficPolicy', { namespace: 'default', name });
    return policy?.status?.dns?.[0];
  }

  it('weights, which Google draws, verified at its name servers', async () => {
    const weighted = failover('www', ['www.google.example'], ['east', 'west'], backends.port, {
      routing: {
        default: {
          tiers: [
            {
              members: [
                { endpoint: 'east', weight: 3 },
                { endpoint: 'west', weight: 1 },
              ],
            },
          ],
        },
      },
    });
    await hub.apply(weighted);
    await until('both are in the record set', async () => policyOf(WWW)?.wrr?.items?.length === 2, WAIT_MS);
    const items = policyOf(WWW)?.wrr?.items ?? [];
    const weightOf = (n: number): number =>
      items.find(({ rrdatas }) => rrdatas?.join() === backends.address(n))?.weight ?? 0;
    expect(weightOf(1) / weightOf(2)).toBeCloseTo(3, 2);
    await until('Verified', async () => (await reportOf('www'))?.verifiedAt !== undefined, WAIT_MS);
    const report = await reportOf('www');
    expect(report?.outcome).toBe('native');
    expect(report?.features.find(({ feature }) => feature === 'weights')?.handling).toBe('native');
  });

  it('a failover, which Google does with its own health check, also while the hub is away; back again, the hub changes nothing', async () => {
    await hub.apply(
      failover('native', ['native.google.example'], ['east', 'west'], backends.port, {
        dns: { decider: 'native' },
      }),
    );
    const asked = async () =>
      (
        await askNameServer({
          host: fake.dns.address,
          port: fake.dns.port,
          name: NATIVE,
          type: TYPE.A,
          timeoutMs: 5_000,
        })
      ).answers.map(({ data }) => data);
    await until('the first answers', async () => (await asked()).join() === backends.address(1), WAIT_MS);
    await until('the report says so', async () => (await reportOf('native'))?.outcome === 'native', WAIT_MS);
    await until('Verified', async () => (await reportOf('native'))?.verifiedAt !== undefined, WAIT_MS);
    await hub.killHub();
    fake.setHealth(backends.address(1), false);
    expect(await asked()).toEqual([backends.address(2)]);
    fake.setHealth(backends.address(2), false);
    expect(await asked()).not.toEqual([]);

    // Back again it goes on where it was.
    const before = fake.requests.get('changes.create');
    await hub.startHub();
    await until(
      'the zone was read and planned',
      async () => /portolan_dns_zone_names\{[^}]*\} [12]\b/.test(await hub.metrics()),
      WAIT_MS,
    );
    // The fence of the new epoch, and nothing else.
    expect((fake.requests.get('changes.create') ?? 0) - (before ?? 0)).toBeLessThanOrEqual(1);
  });
});
