import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAuthority } from '../../hub/agents/authority.ts';
import type { GeoFileStore } from '../../hub/store/geo-files.ts';
import { type DurableStore, openReplica, openStore } from '../../hub/store/open.ts';
import { openIdentity } from '../../spoke-agent/identity-files.ts';
import { joinCluster } from '../../spoke-agent/join.ts';
import { createHubLink, type HubLink } from '../../spoke-agent/link.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { formatJoinToken, parseJoinToken } from '../../src/identity/join-token.ts';
import { HelloSchema } from '../../src/protocol/generated/portolan_pb.js';
import { requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { anyOf } from '../support/matchers.ts';
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

const run = promisify(execFile);
const suite = 'several hubs that elect one';
const postgresql = await requireServer('postgresql', suite);
const faketime = await requireServer('faketime', suite);
const kubeApiserver = await requireKubeApiserver(suite);
const LEASE_SECONDS = 8;
/** Less than 0.6 of that fleet's lease, with room for a start of the database on a busy machine. */
const DATABASE_AWAY_MS = 10_000;
/** 5 on a machine that has time for it. */
const BUSY_SECONDS = 20;
const LOOK_MS = 150;

function geoFilesOf({ geoFiles }: DurableStore): GeoFileStore {
  if (geoFiles === undefined) throw new Error('this store keeps no GeoIP databases');
  return geoFiles;
}

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

describe.skipIf(!postgresql.available)(suite, { timeout: 600_000 }, () => {
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
    until(`${hub.name} leads`, () => leads(fleet, hub), limitMs, LOOK_MS);
  /** What makes the wall clock of a process another one; nothing where libfaketime is not installed. */
  const clockAhead = async (by: string): Promise<Record<string, string>> => {
    if (!faketime.available) return {};
    // The program would stand between the test and the hub, and signals would end that alone.
    const { stdout } = await run(pathOf(faketime), ['-m', '-f', by, 'printenv', 'LD_PRELOAD']);
    return { LD_PRELOAD: stdout.trim(), FAKETIME: by, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  };
  const endOf = (hub: FleetHub) =>
    Promise.race([hub.ended, delay(LEASE_SECONDS * 1_000 + 15_000, 'still there', { ref: false })]);
  const namesAt = async (fleet: Fleet, hub: FleetHub): Promise<readonly string[]> => {
    const { body } = await fleet.ask(hub, objectPath('clusters'));
    return (body as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);
  };

  it('has one that leads; another reads, watches, passes writes on, answers DNS, and takes over with what there is', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'portolan-agent-'));
    let link: HubLink | undefined;
    try {
      await using fleet = await startFleet(server, { leaseSeconds: 30 });
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

      const { hub: leader, hubs, nameServers } = await statusAt(fleet, two);
      expect(hubs?.map(({ identity, role }) => `${identity} ${role}`)).toEqual(['one leader', 'two standby']);
      expect(nameServers.find(({ id }) => id === 'hub/two')?.state).toBe('serving');

      // The database goes away, for less than the leader may use of its lease.
      await server.crash();
      const awayMs = performance.now();
      const answers: string[] = [];
      await until(
        'ten seconds are over',
        async () => {
          for (const hub of [one, two])
            answers.push((await addressesAt(hub, 'fixed.ha.example'))?.join() ?? `none of ${hub.name}`);
          return performance.now() - awayMs > DATABASE_AWAY_MS;
        },
        60_000,
        500,
      );
      expect(new Set(answers)).toEqual(new Set(['192.0.2.7']));
      expect((await fleet.ask(two, '/readyz')).status).toBe(503);
      await server.start();
      await until('it is ready again', async () => (await fleet.ask(two, '/readyz')).status === 200, 20_000);
      await until(
        'writes arrive again',
        async () => {
          const again = write('Cluster', 'three', site('198.51.100.3'));
          return [201, 409].includes((await fleet.ask(two, objectPath('clusters'), again)).status);
        },
        20_000,
      );
      expect((await statusAt(fleet, two)).hub.epoch).toBe(leader.epoch);

      const made = await fleet.ask(two, '/v1/clusters/default/two/token', {
        method: 'POST',
        body: { ttlSeconds: 600 },
      });
      const token = parseJoinToken((made.body as { token: string }).token);
      expect(token.urls).toEqual([`https://${one.join}`, `https://${two.join}`]);
      const joined = await joinCluster({
        token: formatJoinToken({ ...token, urls: [`https://${two.join}`] }),
        dataDir,
        wallMs: Date.now,
      });
      expect(joined.linkAddresses).toEqual([one.link, two.link]);
      const epochs: number[] = [];
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
          up: () => undefined,
          down: () => undefined,
        },
      });
      await until('the agent hears the leader through the other', async () => epochs.length > 0, 20_000);
      expect(epochs[0]).toBe(leader.epoch);

      one.process.kill('SIGTERM');
      const taken = await untilLeads(fleet, two, 28_000);
      // About two seconds where nothing else runs. Here it shows that the lease was given back: it would have stood for 30 s.
      expect(taken.tookMs).toBeLessThan(20_000);
      expect(await endOf(one)).toBe(0);
      await until('the agent hears the next one', async () => (epochs.at(-1) ?? 0) > leader.epoch, 20_000);
      // A leader that is overtaken says nothing after the next one has begun.
      expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
      await until(
        'the drain holds at the next one',
        async () => (await addressesAt(two, 'www.ha.example'))?.join() === '198.51.100.2',
        20_000,
      );
      expect(await resolved()).toEqual(['198.51.100.2']);
    } finally {
      link?.close();
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  it('I19 I2 loses no acknowledged write when the leader is killed, and the next one is frozen and wakes; clocks may differ by 2 h', async () => {
    await using fleet = await startFleet(server, { leaseSeconds: LEASE_SECONDS });
    const one = await fleet.start('one');
    const two = await fleet.start('two', { env: await clockAhead('+2h') });
    const three = await fleet.start('three');
    const { epoch } = (await statusAt(fleet, one)).hub;
    const response = await fetch(`${two.api}/readyz`);
    await response.body?.cancel();
    const aheadMs = Date.parse(response.headers.get('date') ?? '') - Date.now();
    if (faketime.available) expect(Math.round(aheadMs / 3_600_000)).toBe(2);

    const acknowledged: string[] = [];
    let writing = true;
    let asked = 0;
    const writer = async (): Promise<void> => {
      while (writing) {
        asked += 1;
        const name = `c${asked}`;
        const cluster = write('Cluster', name, site('198.51.100.1'));
        const answer = await fleet.ask(three, objectPath('clusters'), cluster).catch(() => undefined);
        if (answer?.status === 201) acknowledged.push(name);
        // While nobody leads there is no need to ask more often.
        else await delay(250);
      }
    };
    const untilMore = async (): Promise<void> => {
      const before = acknowledged.length;
      await until('writes arrive', async () => acknowledged.length > before + 10, 40_000);
    };
    const nextOf = (hubs: readonly FleetHub[]) =>
      until(
        'another one leads',
        async () => {
          for (const hub of hubs) if (await leads(fleet, hub).catch(() => false)) return hub;
          return undefined;
        },
        40_000,
        LOOK_MS,
      );
    const sinceMs = performance.now();
    // Longer than the lease: it must have been renewed, though one of those that wait has a clock by which it is over.
    await until(
      'the lease would be over',
      async () => performance.now() - sinceMs > LEASE_SECONDS * 1_000 + 500,
      10_000,
    );
    expect((await statusAt(fleet, three)).hub.epoch).toBe(epoch);
    expect(await leads(fleet, one)).toBe(true);

    const writers = Promise.all([writer(), writer(), writer()]);
    try {
      await untilMore();
      one.process.kill('SIGKILL');
      const { value: next, tookMs } = await nextOf([two, three]);
      expect(tookMs).toBeLessThan((LEASE_SECONDS + BUSY_SECONDS) * 1_000);
      await untilMore();

      // It is frozen in the middle of writes: what it has begun in the database must not hold up the one after it.
      const last = next === two ? three : two;
      next.process.kill('SIGSTOP');
      const again = await nextOf([last]);
      expect(again.tookMs).toBeLessThan((LEASE_SECONDS + BUSY_SECONDS) * 1_000);
      await mustWrite(fleet, last, 'clusters', 'Cluster', 'after', site('198.51.100.1'));
      // They wait in its socket and are the first thing it finds when it wakes.
      const late = Array.from({ length: 5 }, (_, i) =>
        fleet
          .ask(next, objectPath('clusters'), write('Cluster', `late${i}`, site('198.51.100.1')))
          .then(({ status }) => status)
          .catch(() => 'cut off'),
      );
      await new Promise((resolve) => setImmediate(resolve));
      next.process.kill('SIGCONT');
      expect(await endOf(next)).toBe(75);
      for (const outcome of await Promise.all(late)) expect(outcome).not.toBe(201);
      expect(next.said()).toContain('this hub leads no more');
      writing = false;
      await writers;
      const stored = new Set(await namesAt(fleet, last));
      expect(acknowledged.filter((name) => !stored.has(name))).toEqual([]);
      expect([...stored].filter((name) => name.startsWith('late'))).toEqual([]);
      expect(stored).toContain('after');
      expect((await statusAt(fleet, last)).hub.epoch).toBe(epoch + 2);
    } finally {
      writing = false;
    }
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
          () => geoFilesOf(store).put('ab', new Uint8Array(9)),
          () => geoFilesOf(store).keepOnly(new Set()),
        ];
        for (const attempt of writes) await expect(attempt()).rejects.toMatchObject({ code });
      }
      expect(told.length).toBeGreaterThan(0);
      expect(await young.getMeta('a')).toBe('old');
      // Larger than one part; the replica has it as the leader gave it.
      const file = randomBytes(1_500_000);
      await geoFilesOf(young).put('ab', file.subarray(0, 1_200_000));
      await geoFilesOf(young).put('ab', file);
      await geoFilesOf(young).put('cd', file);
      await geoFilesOf(young).keepOnly(new Set(['ab']));
      expect(file.equals((await geoFilesOf(replica).read('ab')) ?? new Uint8Array())).toBe(true);
      expect(await geoFilesOf(replica).read('cd')).toBeUndefined();
      expect((await replica.list()).items).toEqual([]);
    } finally {
      await Promise.all([old.close(), replica.close(), young.close()]);
    }
  });

  it('hubs that start on an empty database at once end up with one identity, which the younger epoch has', async () => {
    const config = { kind: 'postgres', url: await server.createDatabase() } as const;
    const basics = { kek: randomBytes(32), wallClock: Date.now, random: randomBytes };
    const sealing = { seal: (plain: string) => plain, open: (sealed: string) => sealed };
    // The database ends a transaction that pauses for long, as one may on a busy machine; a supervisor starts the hub again.
    const opened = (): Promise<DurableStore> =>
      openStore(config, { ...basics, onOvertaken: () => undefined }).catch((thrown: unknown) => {
        if (PortolanError.from(thrown).code === 'STORE_UNAVAILABLE') return opened();
        throw thrown;
      });
    const stores = await Promise.all([opened(), opened(), opened()]);
    const started = await Promise.all(
      stores.map(async (store) => {
        const authority = await openAuthority({ store, randomBytes, nowMs: Date.now(), sealing }).then(
          ({ caSpkiSha256 }): unknown => caSpkiSha256[0],
          ({ code }: { code?: unknown }) => code,
        );
        return { store, authority };
      }),
    );
    const [first, ...others] = started.toSorted((a, b) => b.store.epoch - a.store.epoch);
    try {
      expect(new Set(stores.map(({ epoch }) => epoch)).size).toBe(3);
      expect(new Set(started.map(({ store }) => store.hubUid)).size).toBe(1);
      expect(first?.authority).toEqual(anyOf(String));
      for (const { authority } of others) expect(['CONFLICT', first?.authority]).toContain(authority);
    } finally {
      await Promise.all(stores.map((store) => store.close()));
    }
  });

  it('ends a transaction whose hub froze in the middle of it, so that the next one need not wait for it', async () => {
    const config = { kind: 'postgres', url: await server.createDatabase() } as const;
    const basics = { kek: randomBytes(32), wallClock: Date.now, random: randomBytes };
    const first = await openStore(config, basics);
    await first.close();
    let wake: () => void = () => undefined;
    const frozen = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const asleep = Promise.withResolvers<undefined>();
    const late = openStore(config, {
      ...basics,
      async mayLead(tx) {
        await tx.selectFrom('store_state').selectAll().forUpdate().execute();
        asleep.resolve(undefined);
        await frozen;
      },
    }).then(
      () => 'opened',
      ({ code }: { code?: unknown }) => code,
    );
    await asleep.promise;
    const sinceMs = performance.now();
    const next = await openStore(config, basics);
    wake();
    expect(performance.now() - sinceMs).toBeLessThan(15_000);
    expect(next.epoch).toBe(first.epoch + 1);
    expect(await late).toBe('STORE_UNAVAILABLE');
    await next.close();
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
    expect(await endOf(one)).toBe(0);
    // The API server goes: the leader cannot renew, and ends within the deadline though nobody takes over.
    await kube.server.stop();
    expect(await endOf(two)).toBe(75);
  });
});
