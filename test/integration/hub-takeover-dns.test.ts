import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import { writeMmdb } from '../../src/routing/testing/mmdb.ts';
import { startPostgres } from '../support/postgres.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { addressesAt, type FleetHub, leads, objectPath, startFleet, write } from './hub-election/fleet.ts';

const suite = 'a hub that takes over';
const postgresql = await requireServer('postgresql', suite);

/** Where this test asks from. */
const world = (country: string): Uint8Array =>
  writeMmdb(6, { '127.0.0.0/8': { country: { iso_code: country } } });
/** Who asks a hub through another one comes from here. */
const CLIENT = '127.0.0.9';
/** Less than a lease: the drain ends while nobody leads, or soon after. */
const DRAINED_MS = 8_000;
const LEASE_SECONDS = 10;
const CLUSTERS = { de: '127.0.0.31', fr: '127.0.0.32', it: '127.0.0.33', es: '127.0.0.34' };
const tiers = (...endpoints: string[]) => endpoints.map((endpoint) => ({ members: [{ endpoint }] }));

it.skipIf(!postgresql.available)(
  `${suite} answers DNS all the while, by the same GeoIP update, and ends what was for a time: a drill, a drain with a date`,
  async () => {
    const server = await startPostgres();
    const backend = createServer().listen(0);
    await once(backend, 'listening');
    const address = backend.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const base = join(tmpdir(), `portolan-base-${process.pid}.mmdb`);
    try {
      await writeFile(base, world('DE'));
      await using fleet = await startFleet(server, { leaseSeconds: LEASE_SECONDS });
      const env = { PORTOLAN_GEO_DATABASE: base };
      const [one, two] = [await fleet.start('one', { env }), await fleet.start('two', { env })];
      const client = createClient({ server: two.api, token: fleet.token });
      const make = async (path: string, kind: string, name: string, spec: object): Promise<void> => {
        expect((await fleet.ask(two, objectPath(path), write(kind, name, spec))).body).toMatchObject({
          metadata: { name },
        });
      };
      for (const [name, at] of Object.entries(CLUSTERS))
        await make('clusters', 'Cluster', name, {
          location: { country: name.toUpperCase() },
          addresses: [at],
        });
      await make('zones', 'Zone', 'ha', {
        origin: 'ha.example',
        nameServers: [{ name: 'ns.ha.example', addresses: ['192.0.2.53'] }],
        records: [{ name: 'fixed', type: 'A', ttlSeconds: 60, data: ['192.0.2.7'] }],
      });
      const routings = {
        www: {
          geo: [{ name: 'fr', match: { countries: ['FR'] }, tiers: tiers('fr') }],
          default: { tiers: tiers('de') },
        },
        drilled: { default: { tiers: tiers('it', 'de') } },
        dated: { default: { tiers: tiers('es', 'de') } },
      };
      for (const [name, routing] of Object.entries(routings))
        await make('trafficpolicies', 'TrafficPolicy', name, {
          hostnames: [`${name}.ha.example`],
          endpoints: Object.keys(CLUSTERS).map((cluster) => ({ name: cluster, cluster })),
          healthCheck: { inline: { protocol: 'tcp', port, intervalSeconds: 1 } },
          routing,
        });
      /** Of each hostname the cluster that a hub answers with. */
      const answers = async (hub: FleetHub): Promise<string> => {
        const found = await Promise.all(
          ['www', 'drilled', 'dated', 'fixed'].map((name) => addressesAt(hub, `${name}.ha.example`)),
        );
        const nameOf = (at: string) => Object.entries(CLUSTERS).find(([, one]) => one === at)?.[0] ?? at;
        return found.map((addresses) => (addresses ?? ['-']).map(nameOf).join('+')).join(' ');
      };
      const untilAnswers = (hub: FleetHub, wanted: string, limitMs: number, everyMs = 100) =>
        until(`${hub.name} answers ${wanted}`, async () => (await answers(hub)) === wanted, limitMs, everyMs);
      for (const hub of [one, two]) await untilAnswers(hub, 'de it es 192.0.2.7', 30_000);

      const update = world('FR');
      await client.stageGeo(update, { sha256: sha256Hex(update) });
      await until('it is compared', async () => (await client.geoStatus()).staged?.state === 'ready', 30_000);
      await client.activateGeo(sha256Hex(update), { approve: true, reason: 'a test' });
      await make('drills', 'Drill', 'away', { action: 'drain', cluster: 'it', durationSeconds: 600 });
      await client.startDrill({ namespace: 'default', name: 'away' });
      await make('drains', 'Drain', 'dated', { cluster: 'es' });
      for (const hub of [one, two]) await untilAnswers(hub, 'fr de de 192.0.2.7', 30_000);

      // Asked at the one that stands by, from an address of its own; what a stranger claims is not believed.
      const claim = { 'x-portolan-client': '203.0.113.9', 'x-portolan-voucher': 'AAAA' };
      expect(await createAt(two, 'through', fleet.token, claim)).toBe(201);
      expect(await createAt(one, 'straight', fleet.token, { ...claim, 'x-portolan-passed-on': 'x' })).toBe(
        201,
      );
      const { items } = await client.audit({ limit: 1000 });
      const addressOf = (name: string) =>
        items.find((entry) => entry.name === name && entry.verb === 'create')?.address;
      expect([addressOf('through'), addressOf('straight')]).toEqual([CLIENT, CLIENT]);

      const expiresAt = Date.now() + DRAINED_MS;
      const dated = write('Drain', 'dated', { cluster: 'es', expiresAt: new Date(expiresAt).toISOString() });
      expect((await fleet.ask(two, objectPath('drains', 'dated'), { ...dated, method: 'PUT' })).status).toBe(
        200,
      );
      one.process.kill('SIGKILL');
      await until('it leads', () => leads(fleet, two), 40_000);
      // It waits 4.5 s at least before it trusts what it knows of its targets, and goes on as it was meanwhile.
      const atOnce = await answers(two);
      expect(['fr de de 192.0.2.7', 'fr it de 192.0.2.7', 'fr it es 192.0.2.7']).toContain(atOnce);
      await untilAnswers(two, 'fr it es 192.0.2.7', 60_000);
      expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
      const drill = await client.get('Drill', { namespace: 'default', name: 'away' });
      expect(drill?.status).toMatchObject({ phase: 'Aborted' });
    } finally {
      backend.close();
      await server.stop();
    }
  },
  180_000,
);

/** Creates a Cluster from `CLIENT`; resolves to the answer's status. */
async function createAt(
  hub: FleetHub,
  name: string,
  token: string,
  headers: Readonly<Record<string, string>>,
): Promise<number | undefined> {
  const { method, body } = write('Cluster', name, { location: { country: 'DE' }, addresses: [] });
  const outgoing = request(`${hub.api}${objectPath('clusters')}`, {
    method,
    localAddress: CLIENT,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
  });
  outgoing.end(JSON.stringify(body));
  const [response] = (await once(outgoing, 'response')) as [{ statusCode?: number; resume(): void }];
  response.resume();
  return response.statusCode;
}
