import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPlaceFinder } from '../../hub/reconcile/places.ts';
import { askNameServer } from '../../nameserver/ask.ts';
import { openGeoDatabase } from '../../nameserver/geo-database.ts';
import { formatClient } from '../../src/dns/client.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import type { ClientAddress } from '../../src/routing/model.ts';
import { writeMmdb } from '../../src/routing/testing/mmdb.ts';
import { until } from '../support/until.ts';
import { AGENTS, type Installation, startInstallation } from './dnssec-agents/installation.ts';

const NAME = 'www.geo.test';
const GERMANY = '127.0.0.21';
const AMERICA = '127.0.0.22';

describe('a GeoIP update, from the API to the answers of hub and agents', () => {
  let at: Installation;
  let client: ClientAddress;
  let update: Uint8Array;
  /** What both clusters' addresses lead to: it is healthy. */
  let backend: Server;

  const answerAt = async (port: number): Promise<string> => {
    const reply = await askNameServer({
      host: '127.0.0.1',
      port,
      name: parseName(NAME),
      type: TYPE.A,
      subnet: client,
      timeoutMs: 2_000,
    }).catch(() => undefined);
    return reply?.answers.map(({ data }) => data).join(' ') ?? '';
  };
  const everywhere = async (wanted: string): Promise<void> => {
    for (const port of [at.hubDnsPort, ...at.agentPorts])
      await until(`${wanted} at ${port}`, async () => (await answerAt(port)) === wanted, 30_000, 50);
  };

  beforeAll(async () => {
    const found = createPlaceFinder(await openGeoDatabase(undefined).then((geo) => () => geo)).networkIn(
      'DE',
    );
    if (found === undefined) throw new Error('the packaged database knows no network in Germany');
    client = found;
    update = writeMmdb(6, { [formatClient(client)]: { country: { iso_code: 'US' } } });
    backend = createServer().listen(0);
    await once(backend, 'listening');
    const address = backend.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    at = await startInstallation(() => ({}), [GERMANY, AMERICA]);
    await at.apply(
      { kind: 'HealthCheck', metadata: { name: 'tcp' }, spec: { protocol: 'tcp', port } },
      {
        kind: 'Zone',
        metadata: { name: 'geo' },
        spec: { origin: 'geo.test', nameServers: [{ name: 'ns.geo.test', addresses: ['127.0.0.1'] }] },
      },
      {
        kind: 'TrafficPolicy',
        metadata: { name: 'www' },
        spec: {
          hostnames: [NAME],
          healthCheck: { ref: 'tcp' },
          endpoints: AGENTS.map((name) => ({ name, cluster: name })),
          routing: {
            geo: [
              { name: 'de', match: { countries: ['DE'] }, tiers: [{ members: [{ endpoint: AGENTS[0] }] }] },
              { name: 'us', match: { countries: ['US'] }, tiers: [{ members: [{ endpoint: AGENTS[1] }] }] },
            ],
            default: { tiers: [{ members: [{ endpoint: AGENTS[0] }] }] },
          },
        },
      },
    );
    await at.untilServed();
    await everywhere(GERMANY);
  });
  afterAll(async () => {
    await at.close();
    backend.close();
  });

  it('I25 changes no answer while it is staged, nor without approval when it moves much', async () => {
    const sha256 = sha256Hex(update);
    await expect(at.client.stageGeo(update, { sha256: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'GEO_DATABASE_UNTRUSTED',
    });
    await at.client.stageGeo(update, { sha256 });
    await until(
      'it is compared',
      async () => (await at.client.geoStatus()).staged?.state === 'ready',
      60_000,
      200,
    );
    const { staged } = await at.client.geoStatus();
    expect(staged?.difference?.approvalReasons.length).toBeGreaterThan(0);
    await expect(at.client.activateGeo(sha256)).rejects.toMatchObject({ code: 'GEO_UPDATE_REFUSED' });
    await everywhere(GERMANY);
  });

  it('is answered by at the hub and at every agent once a person approved it', async () => {
    const before = (await at.client.status()).hub.sequence;
    await at.client.activateGeo(sha256Hex(update), { approve: true, reason: 'a test' });
    await everywhere(AMERICA);
    expect((await at.client.status()).hub.sequence).toBeGreaterThan(before);
  });

  it('is kept on the disk of an agent that starts without the hub', async () => {
    await at.killHub();
    await at.stopAgent(0);
    await at.startAgent(0);
    const [port = 0] = at.agentPorts;
    await until('the agent answers', async () => (await answerAt(port)) !== '', 30_000, 50);
    expect(await answerAt(port)).toBe(AMERICA);
    await at.startHub();
    await everywhere(AMERICA); // the hub, too, starts with it
  });

  it('is rolled back everywhere', async () => {
    await at.client.rollbackGeo('a test');
    await everywhere(GERMANY);
    expect((await at.client.geoStatus()).active.source).toBe('base');
  });
});
