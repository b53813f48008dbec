import { DNS, Record } from '@google-cloud/dns';
import { describe, expect, it } from 'vitest';
import { systemProviderClock } from '../../hub/providers/clock.ts';
import { enact } from '../../hub/providers/enactor.ts';
import { askNameServer } from '../../nameserver/ask.ts';
import type { ProviderClock } from '../../providers/contract.ts';
import { google } from '../../providers/google/provider.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { planZone } from '../../src/plan/plan-zone.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import type { DesiredName } from '../../src/plan/zone-plan.ts';
import { containing } from '../support/matchers.ts';
import { until } from '../support/until.ts';
import {
  batchOf,
  FENCE,
  failureOf,
  googleWorld,
  ORIGIN,
  PATIENCE_MS,
  set,
  soon,
  WWW,
  write,
  ZONE,
} from './google-dns/world.ts';

const world = googleWorld();

describe('a stale writer', () => {
  it('I2 is refused as a whole, because the fence it has read is not there any more', async () => {
    const [slow, quick] = [await world.provider(), await world.provider()];
    const read = await slow.read(ZONE, soon());
    await write(quick, set(WWW, 'A', ['192.0.2.1']), 1);
    // Another name than the quick writer's: only the fence stands between them.
    const late = slow.apply(ZONE, batchOf(read, set('api.google.example.', 'A', ['192.0.2.2']), 1), soon());
    await expect(late).rejects.toMatchObject({ failure: 'conflict' });
    expect(world.fake.zone(ZONE.id).find('api.google.example.', 'A')).toBeUndefined();
  });

  it('I2 is refused as well when it paused after its request had left', async () => {
    const writer = await world.provider();
    await write(writer, set(WWW, 'A', ['192.0.2.1']), 1);
    const read = await writer.read(ZONE, soon());
    const zone = world.fake.zone(ZONE.id);
    const fence = zone.find(FENCE, 'TXT');
    if (fence === undefined) throw new Error('the fence is there');
    world.fake.faults.beforeChange = () =>
      zone.edit({ deletions: [fence], additions: [{ ...fence, rrdatas: ['"2.7.0.fedcba9876543210"'] }] });
    const late = writer.apply(ZONE, batchOf(read, set(WWW, 'A', ['192.0.2.9']), 2), soon());
    await expect(late).rejects.toMatchObject({ failure: 'conflict', message: containing('conditionNotMet') });
    expect(zone.find(WWW, 'A')?.rrdatas).toEqual(['192.0.2.1']);
  });

  it('I8 does not overwrite weights that somebody else set meanwhile', async () => {
    const writer = await world.provider();
    const routed = (weight: number): RecordSet => ({
      ...set(WWW, 'A', []),
      native: { routingPolicy: { wrr: { items: [{ weight, rrdatas: ['192.0.2.1'] }] } } },
    });
    await write(writer, routed(1), 1);
    const read = await writer.read(ZONE, soon());
    const zone = world.fake.zone(ZONE.id);
    const before = zone.find(WWW, 'A');
    if (before === undefined) throw new Error('the set is there');
    const foreign = { ...before, routingPolicy: { wrr: { items: [{ weight: 7, rrdatas: ['192.0.2.1'] }] } } };
    zone.edit({ deletions: [before], additions: [foreign] });
    await expect(writer.apply(ZONE, batchOf(read, routed(2), 2), soon())).rejects.toMatchObject({
      failure: 'conflict',
    });
    expect(zone.find(WWW, 'A')).toEqual(foreign);
  });
});

describe('a change', () => {
  it('is waited for until every name server has it', async () => {
    await world.restart({ pendingMs: 900 });
    const writer = await world.provider();
    const asked = () =>
      askNameServer({
        host: world.fake.dns.address,
        port: world.fake.dns.port,
        name: WWW,
        type: TYPE.A,
        timeoutMs: 5_000,
      });
    const content = await writer.read(ZONE, soon());
    const writing = writer.apply(ZONE, batchOf(content, set(WWW, 'A', ['192.0.2.1']), 1), soon());
    await until(
      'the API has it',
      async () => world.fake.zone(ZONE.id).find(WWW, 'A') !== undefined,
      PATIENCE_MS,
    );
    expect((await asked()).answers).toEqual([]);
    await writing;
    expect((await asked()).answers.map(({ data }) => data)).toEqual(['192.0.2.1']);
    expect(world.requests('changes.get')).toBeGreaterThan(0);
  });

  it('that was accepted is not called failed when its status cannot be asked', async () => {
    await world.restart({ pendingMs: 60_000 });
    world.fake.faults.denied.add('dns.changes.get');
    const error = await failureOf(write(await world.provider(), set(WWW, 'A', ['192.0.2.1']), 1));
    expect(error).toMatchObject({ failure: 'ambiguous', message: containing('took change 0') });
  });

  it('deletes what was read as Google spells it, to the letter', async () => {
    const zone = world.fake.zone(ZONE.id);
    const odd = { name: WWW, type: 'TXT', ttl: 60, rrdatas: ['b', '"a"'] };
    zone.edit({ additions: [odd] });
    const writer = await world.provider();
    await write(writer, set(WWW, 'TXT', ['"c"']), 1);
    expect(zone.lastChange?.deletions?.[0]).toMatchObject({ rrdatas: ['b', '"a"'] });
    expect(zone.find(WWW, 'TXT')?.rrdatas).toEqual(['"c"']);
  });

  it.each([
    ['a CNAME beside other records', set('busy.google.example.', 'CNAME', ['x.example.net.'])],
    ['a TTL that is none', set('ttl.google.example.', 'A', ['192.0.2.1'], -1)],
    [
      'too many records',
      set(
        'many.google.example.',
        'A',
        Array.from({ length: 101 }, (_, i) => `192.0.2.${i}`),
      ),
    ],
  ])('with %s is refused with the name it is about, and nothing else of it happens', async (_, bad) => {
    const writer = await world.provider();
    await write(writer, set('busy.google.example.', 'A', ['192.0.2.1']), 1);
    const content = await writer.read(ZONE, soon());
    const batch = batchOf(content, set(WWW, 'A', ['192.0.2.1']), 2);
    // The refused set stands in for another name: the one that Portolan owns is named.
    const group = { name: parseName('owned.google.example.'), changes: [{ after: bad }] };
    const sent = writer.apply(ZONE, { ...batch, groups: [...batch.groups, group] }, soon());
    await expect(sent).rejects.toMatchObject({ failure: 'invalid', group: 'owned.google.example.' });
    expect(world.fake.zone(ZONE.id).find(WWW, 'A')).toBeUndefined();
  });
});

describe('requests', () => {
  it.each([
    ['a 500 after the change was applied', '500'],
    ['a connection that breaks after the change was applied', 'reset'],
  ] as const)('are sent once: %s is ambiguous', async (_, how) => {
    const writer = await world.provider();
    const content = await writer.read(ZONE, soon());
    world.fake.faults.loseNextAnswer = how;
    const sent = writer.apply(ZONE, batchOf(content, set(WWW, 'A', ['192.0.2.1']), 1), soon());
    await expect(sent).rejects.toMatchObject({ failure: 'ambiguous' });
    expect(world.requests('changes.create')).toBe(1);
    expect(world.fake.zone(ZONE.id).find(WWW, 'A')?.rrdatas).toEqual(['192.0.2.1']);
  });

  it('are sent once when there are too many, and say when to come back', async () => {
    const reader = await world.provider();
    await reader.zones(soon());
    world.fake.faults.throttledShare = 1;
    world.fake.faults.retryAfterSeconds = 7;
    const before = world.requests('resourceRecordSets.list');
    await expect(reader.read(ZONE, soon())).rejects.toMatchObject({
      failure: 'throttled',
      retryAfterMs: 7_000,
    });
    expect(world.requests('resourceRecordSets.list')).toBe(before + 1);
  });

  it('take a turn each, pages too', async () => {
    const turns: string[] = [];
    for (let i = 0; i < 250; i += 1) world.fake.addZone({ name: `more-${i}`, origin: `more-${i}.example.` });
    const reader = await world.provider({
      turn: async (action) => {
        turns.push(action);
      },
    });
    expect(await reader.zones(soon())).toHaveLength(251);
    expect(turns).toEqual(['managedZones.list', 'managedZones.list', 'managedZones.list']);
  });
});

describe("the hub's plans", () => {
  /** Waits a hundredth of the time. */
  const hurried: ProviderClock = {
    ...systemProviderClock,
    wait: (ms, signal) => systemProviderClock.wait(ms / 100, signal),
  };

  async function published(names: readonly DesiredName[], meanwhile: () => void = () => undefined) {
    const writer = await world.provider({ clock: hurried });
    const content = await writer.read(ZONE, soon());
    const plan = planZone({
      origin: ORIGIN,
      owner: 'conformance',
      fence: { epoch: 1, generation: 1 },
      current: content.sets,
      desired: names,
      adopted: new Map(),
      deletions: 'allow',
      maxRemovedPercent: 30,
      approved: new Set(),
    });
    meanwhile();
    return enact({
      provider: writer,
      capabilities: google.capabilities,
      zone: ZONE,
      plan,
      content,
      clock: hurried,
      random: () => 0.5,
      signal: soon(),
      isNewest: () => true,
    });
  }

  const desired = (label: string, ...values: readonly string[]): DesiredName => {
    const name = parseName(`${label}.google.example.`);
    return {
      name,
      resource: `trafficpolicy/shop/${label}`,
      sets: [set(name, 'A', values)],
      types: ['A', 'AAAA', 'CNAME'],
      shared: false,
    };
  };
  const many = Array.from({ length: 20 }, (_, i) => desired(`n${i}`, `192.0.2.${i}`));

  it('get through when nine of ten requests are refused for being too many', async () => {
    let draws = 0;
    // Once it is asked for, nine are refused and the tenth is let through.
    await world.restart({ random: () => (++draws % 10 === 0 ? 0.99 : 0) });
    const result = await published(many, () => {
      draws = 0;
      world.fake.faults.throttledShare = 0.9;
    });
    expect(result).toMatchObject({ end: 'applied', held: [] });
    expect(world.requests('changes.create')).toBe(10);
    expect(world.fake.zone(ZONE.id).find('n19.google.example.', 'A')?.rrdatas).toEqual(['192.0.2.19']);
  });

  it('are known to be applied, by their fence, when the answer was lost: nothing is sent twice', async () => {
    world.fake.faults.loseNextAnswer = 'reset';
    expect(await published(many)).toMatchObject({ end: 'applied', held: [] });
    expect(world.requests('changes.create')).toBe(1);
    expect(world.fake.zone(ZONE.id).find('n0.google.example.', 'A')?.rrdatas).toEqual(['192.0.2.0']);
  });

  it('hold back the one name that Google refuses, and no other, in two requests', async () => {
    const bad = desired('bad', '192.0.2.1');
    const sets = [{ ...set(bad.name, 'A', ['192.0.2.1']), ttlSeconds: -1 }];
    const result = await published([...many, { ...bad, sets }]);
    expect(result.held.map(({ name }) => name)).toEqual([bad.name]);
    expect(world.requests('changes.create')).toBe(2);
    const zone = world.fake.zone(ZONE.id);
    expect(zone.find('n7.google.example.', 'A')?.rrdatas).toEqual(['192.0.2.7']);
    expect(zone.find(bad.name, 'A')).toBeUndefined();
    expect(zone.resources().filter(({ name }) => name?.includes('bad'))).toEqual([]);
  });
});

describe('zones', () => {
  it('tell public from private ones, and several of one name apart', async () => {
    world.fake.addZone({ name: 'inside', origin: ORIGIN, private: true });
    world.fake.addZone({ name: 'second', origin: ORIGIN });
    const zones = await (await world.provider()).zones(soon());
    expect(zones.map(({ id, origin, private: inside }) => [id, origin, inside])).toEqual([
      ['google-example', ORIGIN, false],
      ['inside', ORIGIN, true],
      ['second', ORIGIN, false],
    ]);
    expect(zones[0]?.nameServers).toHaveLength(4);
  });
});

describe('the test server', () => {
  it("understands the official SDK's own objects", async () => {
    const { access_token: token } = world.fake.tokens.issueNow();
    const sdk = new DNS({ projectId: world.fake.project });
    sdk.baseUrl = `${world.fake.endpoint}/dns/v1`;
    sdk.authClient.authorizeRequest = async (request) => ({
      ...request,
      headers: new Headers({ authorization: `Bearer ${token}` }),
    });
    const [zones] = await sdk.getZones();
    expect(zones.map(({ id }) => id)).toEqual([ZONE.id]);
    const zone = sdk.zone(ZONE.id);
    const record = new Record(zone, 'a', { name: WWW, ttl: 60, data: ['192.0.2.1', '192.0.2.2'] });
    await zone.createChange({ add: record });
    const [records] = await zone.getRecords({ type: 'A', name: WWW });
    expect(records.map(({ data }) => data)).toEqual([['192.0.2.1', '192.0.2.2']]);
    await zone.createChange({ delete: record });
    expect(world.fake.zone(ZONE.id).find(WWW, 'A')).toBeUndefined();
  });
});
