import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReplica, openStore } from '../../hub/store/open.ts';
import { openIdentity } from '../../spoke-agent/identity-files.ts';
import { joinCluster } from '../../spoke-agent/join.ts';
import { createHubLink, type HubLink } from '../../spoke-agent/link.ts';
import { formatJoinToken, parseJoinToken } from '../../src/identity/join-token.ts';
import { HelloSchema } from '../../src/protocol/generated/portolan_pb.js';
import { requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { pathOf, requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { testClock } from './agent-world.ts';
import {
  addressesAt,
  type Fleet,
  type FleetHub,
  leads,
  objectPath,
  startFleet,
  statusAt,
  write,
} from './hub-election/fleet.ts';

const suite = 'several hubs that elect one';
const postgresql = await requireServer('postgresql', suite);
const faketime = await requireServer('faketime', suite);
const kubeApiserver = await requireKubeApiserver(suite);
const LEASE_SECONDS = 4;

const site = (address: string) => ({ location: { country: 'DE' }, addresses: [address] });
const policy = {
  hostnames: ['www.ha.example'],
  ttlSeconds: 30,
  endpoints: [
    { name: 'one', cluster: 'one' },
    { name: 'two', cluster: 'two' },
  ],
  healthCheck: { inline: { protocol: 'tcp', port: 9, intervalSeconds: 1 } },
  routing: {
    default: { tiers: [{ members: [{ endpoint: 'one' }] }, { members: [{ endpoint: 'two' }] }] },
  },
};

describe.skipIf(!postgresql.available)(suite, { timeout: 120_000 }, () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  const mustWrite = async (
    fleet: Fleet,
    hub: FleetHub,
    path: string,
    kind: string,
    name: string,
    spec: object,
  ) => {
    const { status, body } = await fleet.ask(hub, objectPath(path), write(kind, name, spec));
    expect(body).toMatchObject({ metadata: { name } });
    expect(status).toBe(201);
  };
  const untilLeads = (fleet: Fleet, hub: FleetHub, limitMs: number) =>
    until(`${hub.name} leads`, () => leads(fleet, hub), limitMs);
  const namesAt = async (fleet: Fleet, hub: FleetHub): Promise<readonly string[]> => {
    const { body } = await fleet.ask(hub, objectPath('clusters'));
    return (body as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);
  };

  it('has one that leads; another reads, watches, passes writes on, and answers DNS as the leader resolves', async () => {
    await using fleet = await startFleet(server, { leaseSeconds: LEASE_SECONDS });
    const one = await fleet.start('one');
    const two = await fleet.start('two');
    expect([await leads(fleet, one), await leads(fleet, two)]).toEqual([true, false]);
    expect(await fleet.ask(two, '/readyz')).toMatchObject({ status: 200, body: { role: 'standby' } });

    const watch = new AbortController();
    const stream = await fetch(`${two.api}/v1/watch`, {
      headers: { authorization: `Bearer ${fleet.token}` },
      signal: watch.signal,
    });
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    // Everything of this is written at the one that stands by.
    await mustWrite(fleet, two, 'clusters', 'Cluster', 'one', site('198.51.100.1'));
    await mustWrite(fleet, two, 'clusters', 'Cluster', 'two', site('198.51.100.2'));
    await mustWrite(fleet, two, 'zones', 'Zone', 'ha', {
      origin: 'ha.example',
      nameServers: [{ name: 'ns.ha.example', addresses: ['192.0.2.53'] }],
      records: [{ name: 'fixed', type: 'A', ttlSeconds: 60, data: ['192.0.2.7'] }],
    });
    await mustWrite(fleet, two, 'trafficpolicies', 'TrafficPolicy', 'www', policy);
    let seen = '';
    while (!seen.includes('"name":"www"')) seen += (await reader?.read())?.value ?? '';
    watch.abort();
    expect(await namesAt(fleet, two)).toEqual(['one', 'two']);

    const resolved = async (): Promise<readonly string[]> => {
      const { body } = await fleet.ask(two, '/v1/resolve?hostname=www.ha.example');
      return (body as { answers: { data: string }[] }).answers.map(({ data }) => data).toSorted();
    };
    const same = (address: string) => async (): Promise<boolean> =>
      (await resolved()).join() === address &&
      (await addressesAt(one, 'www.ha.example'))?.join() === address &&
      (await addressesAt(two, 'www.ha.example'))?.join() === address;
    await until('both name servers answer as it is resolved', same('198.51.100.1'), 15_000);
    expect(await addressesAt(two, 'fixed.ha.example')).toEqual(['192.0.2.7']);
    await mustWrite(fleet, two, 'drains', 'Drain', 'away', { cluster: 'one' });
    await until('both follow the drain', same('198.51.100.2'), 15_000);

    const { hubs, nameServers } = await statusAt(fleet, two);
    expect(hubs?.map(({ identity, role }) => `${identity} ${role}`)).toEqual(['one leader', 'two standby']);
    expect(nameServers.find(({ id }) => id === 'hub/two')?.state).toBe('serving');
  });

  it('takes an agent in through one that stands by; on SIGTERM the next leads at once and the agent is back', async () => {
    await using fleet = await startFleet(server, { leaseSeconds: 15 });
    const one = await fleet.start('one');
    const two = await fleet.start('two');
    await mustWrite(fleet, two, 'clusters', 'Cluster', 'fra', site('198.51.100.1'));
    const made = await fleet.ask(two, '/v1/clusters/default/fra/token', {
      method: 'POST',
      body: { ttlSeconds: 600 },
    });
    const token = parseJoinToken((made.body as { token: string }).token);
    expect(token.urls).toEqual([`https://${one.join}`, `https://${two.join}`]);
    const dataDir = await mkdtemp(join(tmpdir(), 'portolan-agent-'));
    const epochs: number[] = [];
    let ups = 0;
    let link: HubLink | undefined;
    try {
      const joined = await joinCluster({
        token: formatJoinToken({ ...token, urls: [`https://${two.join}`] }),
        dataDir,
        wallMs: Date.now,
      });
      expect(joined.linkAddresses).toEqual([one.link, two.link]);
      link = createHubLink({
        identity: await openIdentity(dataDir),
        hubAddresses: [two.link],
        clock: testClock(),
        random: Math.random,
        hello: () => create(HelloSchema, { agentVersion: '0.1.0', incarnation: 'i1' }),
        on: {
          welcome: () => undefined,
          snapshot: () => undefined,
          decisions: ({ epoch }) => void epochs.push(Number(epoch)),
          faults: () => undefined,
          observe: () => undefined,
          credentials: () => undefined,
          usageAck: () => undefined,
          quota: () => undefined,
          up: () => {
            ups += 1;
          },
          down: () => undefined,
        },
      });
      await until('the agent hears the leader through the other', async () => epochs.length > 0, 10_000);
      const [before = 0] = epochs;
      one.process.kill('SIGTERM');
      const taken = await untilLeads(fleet, two, 14_000);
      // Half a second where nothing else runs. Here it shows that the lease was given back: it would have stood for 15 s.
      expect(taken.tookMs).toBeLessThan(10_000);
      expect(await one.ended).toBe(0);
      await until('the agent hears the next one', async () => (epochs.at(-1) ?? 0) > before, 12_000);
      expect(ups).toBe(2);
      // A leader that is overtaken says nothing after the next one has begun.
      expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
    } finally {
      link?.close();
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  it('I19 loses no acknowledged write when the leader is killed under them', async () => {
    await using fleet = await startFleet(server, { leaseSeconds: LEASE_SECONDS });
    const one = await fleet.start('one');
    const two = await fleet.start('two');
    const acknowledged: string[] = [];
    let writing = true;
    let asked = 0;
    const writer = async (): Promise<void> => {
      while (writing) {
        asked += 1;
        const name = `c${asked}`;
        const answer = await fleet
          .ask(two, objectPath('clusters'), write('Cluster', name, site('198.51.100.1')))
          .catch(() => undefined);
        if (answer?.status === 201) acknowledged.push(name);
        else await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const writers = Promise.all([writer(), writer(), writer()]);
    await until('writes arrive', async () => acknowledged.length > 20, 20_000);
    one.process.kill('SIGKILL');
    const before = acknowledged.length;
    const taken = await untilLeads(fleet, two, 30_000);
    expect(taken.tookMs).toBeLessThan((LEASE_SECONDS + 5) * 1_000);
    await until('writes go on', async () => acknowledged.length > before + 10, 20_000);
    writing = false;
    await writers;
    const stored = new Set(await namesAt(fleet, two));
    expect(acknowledged.filter((name) => !stored.has(name))).toEqual([]);
  });

  it.skipIf(!faketime.available)(
    'keeps its leader though another hub has a clock that is 2 h ahead, which takes over when that one dies, no earlier',
    async () => {
      await using fleet = await startFleet(server, { leaseSeconds: LEASE_SECONDS });
      const one = await fleet.start('one');
      const two = await fleet.start('two', {
        wrapper: [pathOf(faketime), '-f', '+2h'],
        env: { FAKETIME_DONT_FAKE_MONOTONIC: '1' },
      });
      const { epoch } = (await statusAt(fleet, one)).hub;
      const sinceMs = performance.now();
      // Longer than the lease: it must have been renewed.
      await until('the lease would be over', async () => performance.now() - sinceMs > 5_000, 10_000, 500);
      expect([await leads(fleet, one), await leads(fleet, two)]).toEqual([true, false]);
      expect((await statusAt(fleet, two)).hub.epoch).toBe(epoch);
      one.process.kill('SIGKILL');
      const taken = await untilLeads(fleet, two, 30_000);
      expect(taken.tookMs).toBeLessThan((LEASE_SECONDS + 5) * 1_000);
    },
  );

  it('I2 a leader that was stopped and wakes after another took over does nothing more, and ends', async () => {
    await using fleet = await startFleet(server, { leaseSeconds: LEASE_SECONDS });
    const one = await fleet.start('one');
    const two = await fleet.start('two');
    await mustWrite(fleet, one, 'clusters', 'Cluster', 'before', site('198.51.100.1'));
    one.process.kill('SIGSTOP');
    const taken = await untilLeads(fleet, two, 30_000);
    expect(taken.tookMs).toBeLessThan((LEASE_SECONDS + 5) * 1_000);
    await mustWrite(fleet, two, 'clusters', 'Cluster', 'after', site('198.51.100.1'));
    // They wait in its socket and are the first thing it finds when it wakes.
    const late = Array.from({ length: 5 }, (_, i) =>
      fleet
        .ask(one, objectPath('clusters'), write('Cluster', `late${i}`, site('198.51.100.1')))
        .then(({ status }) => status)
        .catch(() => 'cut off'),
    );
    await new Promise((resolve) => setImmediate(resolve));
    one.process.kill('SIGCONT');
    expect(await one.ended).toBe(75);
    for (const outcome of await Promise.all(late)) expect(outcome).not.toBe(201);
    expect(await namesAt(fleet, two)).toEqual(['after', 'before']);
    expect(one.said()).toContain('this hub leads no more');
  });

  it('I2 a store that was overtaken writes nothing, whether a write names its epoch or not; a replica never does', async () => {
    const config = { kind: 'postgres', url: await server.createDatabase() } as const;
    const basics = { kek: randomBytes(32), wallClock: Date.now, random: randomBytes };
    await expect(openReplica(config, basics)).rejects.toMatchObject({ code: 'NOT_READY' });
    const told: string[] = [];
    const old = await openStore(config, { ...basics, onOvertaken: (reason) => told.push(reason) });
    await old.putMeta('a', 'old');
    const replica = await openReplica(config, basics);
    const young = await openStore(config, basics);
    try {
      expect(young.epoch).toBe(old.epoch + 1);
      const key = { kind: 'Cluster', namespace: 'default', name: 'c' } as const;
      const spec = { location: { country: 'DE' }, addresses: [] };
      const actor = { id: 'hub', display: 'test' };
      for (const store of [old, replica]) {
        const code = store === old ? 'CONFLICT' : 'NOT_LEADER';
        const writes = [
          () => store.putMeta('a', 'again'),
          () => store.increment('content'),
          () => store.commit([{ type: 'create', key, spec }], { actor }),
          () => store.recordAudit({ actor, verb: 'x', kind: 'X', namespace: '', name: '' }),
          () => store.publication.put({ states: '{}' }),
        ];
        for (const attempt of writes) await expect(attempt()).rejects.toMatchObject({ code });
      }
      expect(told.length).toBeGreaterThan(0);
      expect(await young.getMeta('a')).toBe('old');
      expect((await replica.list()).items).toEqual([]);
    } finally {
      await Promise.all([old.close(), replica.close(), young.close()]);
    }
  });

  it('goes on with the same leader when the database was away for 10 s, and answers DNS all the while', async () => {
    const own = await startPostgres();
    try {
      await using fleet = await startFleet(own, { leaseSeconds: 15 });
      const one = await fleet.start('one');
      const two = await fleet.start('two');
      await mustWrite(fleet, two, 'zones', 'Zone', 'ha', {
        origin: 'ha.example',
        nameServers: [{ name: 'ns.ha.example', addresses: ['192.0.2.53'] }],
        records: [{ name: 'fixed', type: 'A', ttlSeconds: 60, data: ['192.0.2.7'] }],
      });
      const answers = () => Promise.all([one, two].map((hub) => addressesAt(hub, 'fixed.ha.example')));
      await until(
        'both answer',
        async () => (await answers()).every((found) => found?.[0] === '192.0.2.7'),
        5_000,
      );
      const { epoch } = (await statusAt(fleet, one)).hub;
      await own.crash();
      const sinceMs = performance.now();
      let asked = 0;
      await until(
        'ten seconds are over',
        async () => {
          expect(await answers()).toEqual([['192.0.2.7'], ['192.0.2.7']]);
          asked += 1;
          return performance.now() - sinceMs > 10_000;
        },
        20_000,
        500,
      );
      expect(asked).toBeGreaterThan(10);
      expect((await fleet.ask(two, '/readyz')).status).toBe(503);
      await own.start();
      await until('both are ready', async () => (await fleet.ask(two, '/readyz')).status === 200, 10_000);
      await until(
        'writes arrive',
        async () => {
          const name = `c${Math.trunc(performance.now())}`;
          const { status } = await fleet.ask(
            two,
            objectPath('clusters'),
            write('Cluster', name, site('198.51.100.1')),
          );
          return status === 201;
        },
        10_000,
      );
      expect((await statusAt(fleet, two)).hub.epoch).toBe(epoch);
      expect(await leads(fleet, one)).toBe(true);
    } finally {
      await own.stop();
    }
  });

  it.skipIf(!kubeApiserver.available)('elects by a Lease of a real API server as well', async () => {
    await using kube = await startKubeApiserver(pathOf(kubeApiserver));
    const env = { KUBECONFIG: await kube.kubeconfig(kube.adminToken) };
    await using fleet = await startFleet(server, {
      leaseSeconds: LEASE_SECONDS,
      election: 'mode: kubernetes, lease: {namespace: default, name: hubs}',
    });
    const one = await fleet.start('one', { env });
    const two = await fleet.start('two', { env });
    expect([await leads(fleet, one), await leads(fleet, two)]).toEqual([true, false]);
    await mustWrite(fleet, two, 'clusters', 'Cluster', 'c', site('198.51.100.1'));
    one.process.kill('SIGTERM');
    await untilLeads(fleet, two, 20_000);
    expect(await one.ended).toBe(0);
    // The API server goes: the leader cannot renew, and ends within the deadline though nobody takes over.
    await kube.server.stop();
    const ended = await Promise.race([
      two.ended,
      new Promise<string>((resolve) => setTimeout(resolve, LEASE_SECONDS * 1_000 + 10_000, 'still there')),
    ]);
    expect(ended).toBe(75);
  });
});
