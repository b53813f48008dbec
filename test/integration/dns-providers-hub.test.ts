import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DomainName } from '../../src/dns/name.ts';
import { parseName } from '../../src/dns/name.ts';
import type { Condition } from '../../src/resources/metadata.ts';
import type { Running } from '../conformance/provider-harness.ts';
import { type RunningPowerDns, runPowerDns } from '../conformance/providers/powerdns.ts';
import { type FakeRoute53, startFakeRoute53 } from '../fakes/route53/server.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Backends, failover, startBackends } from './dns-hub/backends.ts';
import { type Installation, startInstallation } from './dnssec-agents/installation.ts';

const SUITE = 'the hub with DNS providers';
const pdnsServer = await requireServer('pdnsSqlite', SUITE);

const WAIT_MS = 60_000;

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
  });
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
    // Statuses are written one after the other.
    await until(
      'Ready',
      async () => (await conditionOf(hub, 'DNSProvider', 'pdns', 'Ready'))?.status === 'True',
      WAIT_MS,
    );
  });

  it('an endpoint that goes down is out of the records within seconds', async () => {
    await backends.shut(1);
    const { tookMs } = await untilValues(pdns, www, [backends.address(2)]);
    expect(tookMs).toBeLessThan(WAIT_MS);
  });

  it('after kill -9 the hub goes on where it was: nothing is written but the fence of its new epoch, once', async () => {
    const before = counts(pdns);
    await hub.killHub();
    await hub.startHub();
    await until(
      'the zone was read and planned',
      async () => /portolan_dns_zone_names\{[^}]*\} 1\b/.test(await hub.metrics()),
      WAIT_MS,
    );
    const after = counts(pdns);
    expect(after.writes - before.writes).toBeLessThanOrEqual(1);
    // The zone's NS set, which the list of zones does not have; the zone; and around the fence three readings, since PowerDNS checks nothing.
    expect(after.reads - before.reads).toBeLessThanOrEqual(5);
    expect(await valuesAt(pdns, www)).toEqual([backends.address(2)]);
  });

  it('a change that the provider does not take is not called programmed, whatever was there before', async () => {
    const programmed = () => conditionOf(hub, 'TrafficPolicy', 'www', 'Programmed');
    // Nobody listens there.
    pdns.relay.leadTo(1);
    await hub.apply(
      failover('www', ['www.pdns.example'], ['east', 'west'], backends.port, { ttlSeconds: 31 }),
    );
    // Not yet, at first; then why.
    await until(
      'not programmed, and why',
      async () => {
        const found = await programmed();
        return found?.status === 'False' && found.message.includes('PROVIDER_UNAVAILABLE');
      },
      WAIT_MS,
    );
    pdns.relay.leadTo(Number(new URL(pdns.pdns.url).port));
    await until('programmed', async () => (await programmed())?.status === 'True', 60_000);
  });
});

describe('the hub publishes into several providers', () => {
  let hub: Installation;
  let backends: Backends;
  let slow: FakeRoute53;
  let quick: FakeRoute53;
  let slowZone = '';
  let quickZone = '';

  const dnsProvider = (name: string, fake: FakeRoute53, origin: string, id: string): object => ({
    kind: 'DNSProvider',
    metadata: { name },
    spec: {
      zones: [{ origin, id }],
      route53: { endpoint: fake.endpoint, secret: name },
      requestsPerSecond: 50,
      verify: { servers: [{ address: fake.dns.address, port: fake.dns.port }] },
    },
  });
  const secret = (name: string, fake: FakeRoute53): object => ({
    kind: 'Secret',
    metadata: { name },
    spec: { stringData: { accessKeyId: fake.accessKeyId, secretAccessKey: fake.secretAccessKey } },
  });
  const addressesIn = (fake: FakeRoute53, zone: string, name: string): readonly string[] =>
    fake
      .setsOf(zone)
      .filter((set) => set.Name === name && set.Type === 'A')
      .flatMap((set) => (set.ResourceRecords ?? []).map(({ Value }) => Value ?? ''))
      .sort();

  beforeAll(async () => {
    [backends, slow, quick] = await Promise.all([startBackends(), startFakeRoute53(), startFakeRoute53()]);
    await backends.open(2);
    for (const fake of [slow, quick]) fake.faults.rateLimit = false;
    slowZone = slow.createZone('slow.example');
    quickZone = quick.createZone('quick.example');
    hub = await startInstallation(() => ({}), [backends.address(1), backends.address(2)]);
  });
  afterAll(async () => {
    await hub?.close();
    await backends?.close();
    await Promise.all([slow?.close(), quick?.close()]);
  });

  it('I17 one that throttles 90 % and answers late does not delay the other', async () => {
    slow.faults.throttleShare = 0.9;
    slow.faults.latencyMs = 2_000;
    await hub.apply(
      secret('slow', slow),
      secret('quick', quick),
      dnsProvider('slow', slow, 'slow.example', slowZone),
      dnsProvider('quick', quick, 'quick.example', quickZone),
      failover('slow', ['www.slow.example'], ['east', 'west'], backends.port),
      failover('quick', ['www.quick.example'], ['east', 'west'], backends.port),
    );
    await until(
      'the quick one has the record',
      async () => addressesIn(quick, quickZone, 'www.quick.example.').join() === backends.address(1),
      WAIT_MS,
    );
    expect(addressesIn(slow, slowZone, 'www.slow.example.')).toEqual([]);
    slow.faults.throttleShare = 0;
    slow.faults.latencyMs = 0;
    await until(
      'the slow one has it, too',
      async () => addressesIn(slow, slowZone, 'www.slow.example.').join() === backends.address(1),
      120_000,
    );
  });

  it('I18 kill -9 while records are written leaves no record without its marker, and the next hub ends the work', async () => {
    const hostnames = Array.from({ length: 20 }, (_, i) => `n${i}.quick.example`);
    quick.faults.latencyMs = 300;
    await hub.apply(failover('many', hostnames, ['east', 'west'], backends.port));
    await hub.killHub();
    quick.faults.latencyMs = 0;
    const markers = (): ReadonlySet<string> =>
      new Set(
        quick.setsOf(quickZone).flatMap((set) => (set.Name?.includes('._owner.') === true ? [set.Name] : [])),
      );
    for (const hostname of hostnames) {
      const isThere = addressesIn(quick, quickZone, `${hostname}.`).length > 0;
      const label = hostname.split('.')[0] ?? '';
      expect(markers().has(`${label}._owner._portolan.quick.example.`)).toBe(isThere);
    }
    await hub.startHub();
    await until(
      'all names are there',
      async () =>
        hostnames.every((name) => addressesIn(quick, quickZone, `${name}.`).join() === backends.address(1)),
      60_000,
    );
  });

  it('credentials that are revoked show in the status, and nothing is emptied', async () => {
    quick.faults.revoked = true;
    await hub.apply(failover('more', ['more.quick.example'], ['east', 'west'], backends.port));
    const ready = await until(
      'Ready is false',
      async () => {
        const condition = await conditionOf(hub, 'DNSProvider', 'quick', 'Ready');
        return condition?.status === 'False' ? condition : undefined;
      },
      60_000,
    );
    expect(ready.value.reason).toBe('Denied');
    expect(addressesIn(quick, quickZone, 'www.quick.example.')).toEqual([backends.address(1)]);
    quick.faults.revoked = false;
    await until(
      'it is published',
      async () => addressesIn(quick, quickZone, 'more.quick.example.').join() === backends.address(1),
      90_000,
    );
  });

  it('foreign records are byte for byte what they were, until a person adopts them', async () => {
    const foreign = {
      Name: 'theirs.quick.example.',
      Type: 'A' as const,
      TTL: 77,
      ResourceRecords: [{ Value: '192.0.2.77' }],
    };
    quick.put(quickZone, foreign);
    await hub.apply(failover('theirs', ['theirs.quick.example'], ['east', 'west'], backends.port));
    await hub.client.get('DNSProvider', { namespace: 'default', name: 'quick' });
    const held = await until(
      'the name is held',
      async () => {
        const found = await hub.client.get('DNSProvider', { namespace: 'default', name: 'quick' });
        return found?.status?.zones[0]?.held.find(({ name }) => name === 'theirs.quick.example.');
      },
      60_000,
    );
    expect(held.value.code).toBe('RECORDS_FOREIGN');
    expect(addressesIn(quick, quickZone, 'theirs.quick.example.')).toEqual(['192.0.2.77']);
    const names = await hub.portolan('adopt', 'theirs.quick.example', '--yes');
    expect(names).toMatch(/theirs\.quick\.example/);
    await until(
      'it is ours',
      async () => addressesIn(quick, quickZone, 'theirs.quick.example.').join() === backends.address(1),
      60_000,
    );
  });
});
