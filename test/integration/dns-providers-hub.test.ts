import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DomainName } from '../../src/dns/name.ts';
import { parseName } from '../../src/dns/name.ts';
import type { Condition } from '../../src/resources/metadata.ts';
import type { Running } from '../conformance/provider-harness.ts';
import { type RunningPowerDns, runPowerDns } from '../conformance/providers/powerdns.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Backends, failover, startBackends } from './dns-hub/backends.ts';
import { type Installation, startInstallation } from './dnssec-agents/installation.ts';

const SUITE = 'the hub with DNS providers';
const pdnsServer = await requireServer('pdnsSqlite', SUITE);

const WAIT_MS = 30_000;

async function valuesAt(running: Running, name: DomainName, type = 'A'): Promise<readonly string[]> {
  if ('why' in running.ask) throw new Error(running.ask.why);
  return (await running.ask(name, type)).answers.map(({ data }) => data).sort();
}

const untilValues = (running: Running, name: DomainName, wanted: readonly string[]) =>
  until(
    `${name} is ${wanted.join(', ') || 'gone'}`,
    async () => (await valuesAt(running, name)).join() === [...wanted].sort().join(),
    WAIT_MS,
  );

/** Requests so far that changed something, or asked for a whole zone. */
function counts(running: Running): { readonly writes: number; readonly reads: number } {
  if ('why' in running.requests) throw new Error(running.requests.why);
  let [writes, reads] = [0, 0];
  for (const [action, count] of running.requests()) {
    if (/^(PatchZone|UPDATE|ChangeResourceRecordSets)$/.test(action)) writes += count;
    if (/^(GetZone|AXFR|IXFR|ListResourceRecordSets)$/.test(action)) reads += count;
  }
  return { writes, reads };
}

async function conditionOf(
  at: Installation,
  kind: 'TrafficPolicy' | 'DNSProvider',
  name: string,
  type: string,
): Promise<Condition | undefined> {
  const found = await at.client.get(kind, { namespace: 'default', name });
  return found?.status?.conditions.find((c) => c.type === type);
}

describe.skipIf(!pdnsServer.available)('the hub publishes into PowerDNS', () => {
  let hub: Installation;
  let backends: Backends;
  let pdns: RunningPowerDns;
  const www = parseName('www.pdns.example.');

  beforeAll(async () => {
    [backends, pdns] = await Promise.all([startBackends(), runPowerDns(false)]);
    await backends.open(2);
    hub = await startInstallation(() => ({}), [backends.address(1), backends.address(2)]);
  }, 120_000);
  afterAll(async () => {
    await hub?.close();
    await backends?.close();
    await pdns?.close();
  });

  it('a policy becomes records that every server answers, and its status says so', async () => {
    await hub.apply(
      { kind: 'Secret', metadata: { name: 'api' }, spec: { stringData: { apiKey: 'conformance-api-key' } } },
      {
        kind: 'DNSProvider',
        metadata: { name: 'pdns' },
        spec: { ...pdns.spec, verify: { servers: [{ address: '127.0.0.1', port: pdns.pdns.port }] } },
      },
      failover('www', ['www.pdns.example'], ['east', 'west'], backends.port),
    );
    await untilValues(pdns, www, [backends.address(1)]);
    await until(
      'Verified',
      async () => (await conditionOf(hub, 'TrafficPolicy', 'www', 'Verified'))?.status === 'True',
      WAIT_MS,
    );
    expect(await conditionOf(hub, 'TrafficPolicy', 'www', 'Programmed')).toMatchObject({
      status: 'True',
      message: 'in pdns.example. at default/pdns',
    });
    expect(await conditionOf(hub, 'DNSProvider', 'pdns', 'Ready')).toMatchObject({ status: 'True' });
  });

  it('an endpoint that goes down is out of the records within seconds', async () => {
    await backends.shut(1);
    const { tookMs } = await untilValues(pdns, www, [backends.address(2)]);
    expect(tookMs).toBeLessThan(WAIT_MS);
  });

  it('after kill -9 the hub goes on where it was: nothing is written, and the zone is read once', async () => {
    const before = counts(pdns);
    await hub.killHub();
    await hub.startHub();
    await until(
      'the zone was read and planned',
      async () => /portolan_dns_zone_names\{[^}]*\} 1\b/.test(await hub.metrics()),
      WAIT_MS,
    );
    const after = counts(pdns);
    expect(after.writes).toBe(before.writes);
    // One more for the zone's NS set, which the list of zones does not have.
    expect(after.reads - before.reads).toBeLessThanOrEqual(2);
    expect(await valuesAt(pdns, www)).toEqual([backends.address(2)]);
  });
});
