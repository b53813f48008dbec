import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DNS, Record } from '@google-cloud/dns';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { enact } from '../../hub/providers/enactor.ts';
import { askNameServer } from '../../nameserver/ask.ts';
import { createTestAuthority } from '../../prober/testing/authority.ts';
import type {
  Batch,
  Provider,
  ProviderClock,
  ProviderOptions,
  ZoneContent,
} from '../../providers/contract.ts';
import { google } from '../../providers/google/provider.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { formatStamp } from '../../src/plan/fence.ts';
import { planZone } from '../../src/plan/plan-zone.ts';
import type { RecordSet, SetChange } from '../../src/plan/record-set.ts';
import type { DesiredName } from '../../src/plan/zone-plan.ts';
import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { googleSpec, HEALTH_CHECK_LINK, openGoogle, REAL_CLOCK } from '../fakes/google-dns/open.ts';
import type { FakeGoogle } from '../fakes/google-dns/server.ts';
import { startFakeGoogle } from '../fakes/google-dns/server.ts';
import { containing } from '../support/matchers.ts';
import { until } from '../support/until.ts';

const ORIGIN = parseName('google.example.');
const WWW = parseName('www.google.example.');
const FENCE = parseName('me._fence._portolan.google.example.');
const ZONE = { origin: ORIGIN, id: 'google-example', private: false, nameServers: [] };
const PATIENCE_MS = 20_000;

let fake: FakeGoogle;
let spec: DnsProviderSpec;
const open: Provider[] = [];

beforeEach(async () => {
  fake = await startFakeGoogle({ healthChecks: [HEALTH_CHECK_LINK] });
  fake.addZone({ name: ZONE.id, origin: ORIGIN });
  spec = googleSpec(fake, ORIGIN);
});

afterEach(async () => {
  for (const provider of open.splice(0)) await provider.close();
  await fake.close();
});

async function provider(overrides: Partial<ProviderOptions> = {}): Promise<Provider> {
  const made = await openGoogle(fake, spec, overrides);
  open.push(made);
  return made;
}

const soon = (): AbortSignal => AbortSignal.timeout(PATIENCE_MS);

function set(name: string, type: string, values: readonly string[], ttlSeconds = 60): RecordSet {
  return { name: parseName(name), type, setId: '', ttlSeconds, values };
}

/** A batch as the hub makes it from what was read. */
function batchOf(content: ZoneContent, after: RecordSet, generation: number): Batch {
  const stamp = formatStamp({ epoch: 1, generation, step: 0, plan: '0123456789abcdef' });
  const changeTo = (wanted: RecordSet): SetChange & { readonly after: RecordSet } => {
    const before = content.sets.find(({ name, type }) => name === wanted.name && type === wanted.type);
    return before === undefined ? { after: wanted } : { before, after: wanted };
  };
  return {
    groups: [{ name: after.name, changes: [changeTo(after)] }],
    fence: changeTo(set(FENCE, 'TXT', [`"${stamp}"`])),
    tokens: content.tokens,
  };
}

async function write(writer: Provider, after: RecordSet, generation: number): Promise<void> {
  await writer.apply(ZONE, batchOf(await writer.read(ZONE, soon()), after, generation), soon());
}

function requests(method: string): number {
  return fake.requests.get(method) ?? 0;
}

const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'it went well',
    (error: unknown) => error,
  );

describe('a stale writer', () => {
  it('I2 is refused as a whole, because the fence it has read is not there any more', async () => {
    const [slow, quick] = [await provider(), await provider()];
    const read = await slow.read(ZONE, soon());
    await write(quick, set(WWW, 'A', ['192.0.2.1']), 1);
    // Another name than the quick writer's: only the fence stands between them.
    const late = slow.apply(ZONE, batchOf(read, set('api.google.example.', 'A', ['192.0.2.2']), 1), soon());
    await expect(late).rejects.toMatchObject({ failure: 'conflict' });
    expect(fake.zone(ZONE.id).find('api.google.example.', 'A')).toBeUndefined();
  });

  it('I2 is refused as well when it paused after its request had left', async () => {
    const writer = await provider();
    await write(writer, set(WWW, 'A', ['192.0.2.1']), 1);
    const read = await writer.read(ZONE, soon());
    const zone = fake.zone(ZONE.id);
    const fence = zone.find(FENCE, 'TXT');
    if (fence === undefined) throw new Error('the fence is there');
    fake.faults.beforeChange = () =>
      zone.edit({ deletions: [fence], additions: [{ ...fence, rrdatas: ['"2.7.0.fedcba9876543210"'] }] });
    const late = writer.apply(ZONE, batchOf(read, set(WWW, 'A', ['192.0.2.9']), 2), soon());
    await expect(late).rejects.toMatchObject({ failure: 'conflict', message: containing('conditionNotMet') });
    expect(zone.find(WWW, 'A')?.rrdatas).toEqual(['192.0.2.1']);
  });

  it('I8 does not overwrite weights that somebody else set meanwhile', async () => {
    const writer = await provider();
    const routed = (weight: number): RecordSet => ({
      ...set(WWW, 'A', []),
      native: { routingPolicy: { wrr: { items: [{ weight, rrdatas: ['192.0.2.1'] }] } } },
    });
    await write(writer, routed(1), 1);
    const read = await writer.read(ZONE, soon());
    const zone = fake.zone(ZONE.id);
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
    await fake.close();
    fake = await startFakeGoogle({ pendingMs: 900 });
    fake.addZone({ name: ZONE.id, origin: ORIGIN });
    spec = googleSpec(fake, ORIGIN);
    const writer = await provider();
    const asked = () =>
      askNameServer({
        host: fake.dns.address,
        port: fake.dns.port,
        name: WWW,
        type: TYPE.A,
        timeoutMs: 5_000,
      });
    const content = await writer.read(ZONE, soon());
    const writing = writer.apply(ZONE, batchOf(content, set(WWW, 'A', ['192.0.2.1']), 1), soon());
    await until('the API has it', async () => fake.zone(ZONE.id).find(WWW, 'A') !== undefined, PATIENCE_MS);
    expect((await asked()).answers).toEqual([]);
    await writing;
    expect((await asked()).answers.map(({ data }) => data)).toEqual(['192.0.2.1']);
    expect(requests('changes.get')).toBeGreaterThan(0);
  });

  it('that was accepted is not called failed when its status cannot be asked', async () => {
    await fake.close();
    fake = await startFakeGoogle({ pendingMs: 60_000 });
    fake.addZone({ name: ZONE.id, origin: ORIGIN });
    spec = googleSpec(fake, ORIGIN);
    fake.faults.denied.add('dns.changes.get');
    const error = await failureOf(write(await provider(), set(WWW, 'A', ['192.0.2.1']), 1));
    expect(error).toMatchObject({ failure: 'ambiguous', message: containing('took change 0') });
  });

  it('deletes what was read as Google spells it, to the letter', async () => {
    const zone = fake.zone(ZONE.id);
    const odd = { name: WWW, type: 'TXT', ttl: 60, rrdatas: ['b', '"a"'] };
    zone.edit({ additions: [odd] });
    const writer = await provider();
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
    const writer = await provider();
    await write(writer, set('busy.google.example.', 'A', ['192.0.2.1']), 1);
    const content = await writer.read(ZONE, soon());
    const batch = batchOf(content, set(WWW, 'A', ['192.0.2.1']), 2);
    // The refused set stands in for another name: the one that Portolan owns is named.
    const group = { name: parseName('owned.google.example.'), changes: [{ after: bad }] };
    const sent = writer.apply(ZONE, { ...batch, groups: [...batch.groups, group] }, soon());
    await expect(sent).rejects.toMatchObject({ failure: 'invalid', group: 'owned.google.example.' });
    expect(fake.zone(ZONE.id).find(WWW, 'A')).toBeUndefined();
  });
});

describe('requests', () => {
  it.each([
    ['a 500 after the change was applied', '500'],
    ['a connection that breaks after the change was applied', 'reset'],
  ] as const)('are sent once: %s is ambiguous', async (_, how) => {
    const writer = await provider();
    const content = await writer.read(ZONE, soon());
    fake.faults.loseNextAnswer = how;
    const sent = writer.apply(ZONE, batchOf(content, set(WWW, 'A', ['192.0.2.1']), 1), soon());
    await expect(sent).rejects.toMatchObject({ failure: 'ambiguous' });
    expect(requests('changes.create')).toBe(1);
    expect(fake.zone(ZONE.id).find(WWW, 'A')?.rrdatas).toEqual(['192.0.2.1']);
  });

  it('are sent once when there are too many, and say when to come back', async () => {
    const reader = await provider();
    await reader.zones(soon());
    fake.faults.throttledShare = 1;
    fake.faults.retryAfterSeconds = 7;
    const before = requests('resourceRecordSets.list');
    await expect(reader.read(ZONE, soon())).rejects.toMatchObject({
      failure: 'throttled',
      retryAfterMs: 7_000,
    });
    expect(requests('resourceRecordSets.list')).toBe(before + 1);
  });

  it('take a turn each, pages too', async () => {
    const turns: string[] = [];
    for (let i = 0; i < 250; i += 1) fake.addZone({ name: `more-${i}`, origin: `more-${i}.example.` });
    const reader = await provider({
      turn: async (action) => {
        turns.push(action);
      },
    });
    expect(await reader.zones(soon())).toHaveLength(251);
    expect(turns).toEqual(['managedZones.list', 'managedZones.list', 'managedZones.list']);
  });

  it('are trusted by the authority of caSecret, and not without it', async () => {
    const authority = await createTestAuthority('Private CA');
    await fake.close();
    fake = await startFakeGoogle({ tls: await authority.issue(['localhost']) });
    fake.addZone({ name: ZONE.id, origin: ORIGIN });
    spec = googleSpec(fake, ORIGIN);
    const trusting = await provider({ ca: authority.ca });
    expect((await trusting.zones(soon())).map(({ id }) => id)).toEqual([ZONE.id]);
    const strict = await failureOf((await provider()).zones(soon()));
    expect(strict).toMatchObject({
      name: 'ProviderError',
      failure: 'transient',
      fix: containing('caSecret'),
    });
    expect(fake.requests.get('managedZones.list')).toBe(1);
  });
});

describe("the hub's plans", () => {
  /** Waits a hundredth of the time. */
  const hurried: ProviderClock = { ...REAL_CLOCK, wait: (ms, signal) => REAL_CLOCK.wait(ms / 100, signal) };

  async function published(names: readonly DesiredName[], meanwhile: () => void = () => undefined) {
    const writer = await provider({ clock: hurried });
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
    await fake.close();
    // Once it is asked for, nine are refused and the tenth is let through.
    fake = await startFakeGoogle({ random: () => (++draws % 10 === 0 ? 0.99 : 0) });
    fake.addZone({ name: ZONE.id, origin: ORIGIN });
    spec = googleSpec(fake, ORIGIN);
    const result = await published(many, () => {
      draws = 0;
      fake.faults.throttledShare = 0.9;
    });
    expect(result).toMatchObject({ end: 'applied', held: [] });
    expect(requests('changes.create')).toBe(10);
    expect(fake.zone(ZONE.id).find('n19.google.example.', 'A')?.rrdatas).toEqual(['192.0.2.19']);
  });

  it('are known to be applied, by their fence, when the answer was lost: nothing is sent twice', async () => {
    fake.faults.loseNextAnswer = 'reset';
    expect(await published(many)).toMatchObject({ end: 'applied', held: [] });
    expect(requests('changes.create')).toBe(1);
    expect(fake.zone(ZONE.id).find('n0.google.example.', 'A')?.rrdatas).toEqual(['192.0.2.0']);
  });

  it('hold back the one name that Google refuses, and no other, in two requests', async () => {
    const bad = desired('bad', '192.0.2.1');
    const sets = [{ ...set(bad.name, 'A', ['192.0.2.1']), ttlSeconds: -1 }];
    const result = await published([...many, { ...bad, sets }]);
    expect(result.held.map(({ name }) => name)).toEqual([bad.name]);
    expect(requests('changes.create')).toBe(2);
    const zone = fake.zone(ZONE.id);
    expect(zone.find('n7.google.example.', 'A')?.rrdatas).toEqual(['192.0.2.7']);
    expect(zone.find(bad.name, 'A')).toBeUndefined();
    expect(zone.resources().filter(({ name }) => name?.includes('bad'))).toEqual([]);
  });
});

describe('zones', () => {
  it('tell public from private ones, and several of one name apart', async () => {
    fake.addZone({ name: 'inside', origin: ORIGIN, private: true });
    fake.addZone({ name: 'second', origin: ORIGIN });
    const zones = await (await provider()).zones(soon());
    expect(zones.map(({ id, origin, private: inside }) => [id, origin, inside])).toEqual([
      ['google-example', ORIGIN, false],
      ['inside', ORIGIN, true],
      ['second', ORIGIN, false],
    ]);
    expect(zones[0]?.nameServers).toHaveLength(4);
  });
});

describe('credentials', () => {
  it('of a service account are exchanged with a signed assertion', async () => {
    await (await provider()).zones(soon());
    const stranger = await startFakeGoogle();
    const key: unknown = JSON.parse(stranger.credentials());
    await stranger.close();
    const forged = JSON.stringify({ ...Object(key), token_uri: `${fake.endpoint}/token` });
    const error = await failureOf((await provider({ secret: { 'credentials.json': forged } })).zones(soon()));
    expect(error).toMatchObject({
      failure: 'denied',
      message: containing('Invalid JWT Signature'),
      fix: containing('credentials.json'),
    });
  });

  it('of workload identity federation are exchanged for a token', async () => {
    const federated = await provider({ secret: { 'credentials.json': fake.federation() } });
    expect((await federated.zones(soon())).map(({ id }) => id)).toEqual([ZONE.id]);
  });

  describe('that are the default of the application', () => {
    beforeEach(() => {
      const { google: account, ...rest } = spec;
      if (account === undefined) throw new Error('it is an account at Google');
      const { secret: _, ...withoutSecret } = account;
      spec = { ...rest, google: withoutSecret };
    });
    afterEach(() => vi.unstubAllEnvs());

    it('come from a file that the operator names', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'portolan-google-'));
      try {
        const file = join(folder, 'credentials.json');
        await writeFile(file, fake.federation());
        vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file);
        expect((await (await provider({ secret: {} })).zones(soon())).map(({ id }) => id)).toEqual([ZONE.id]);
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it("come from the machine's metadata, as with workload identity of GKE", async () => {
      vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', '');
      vi.stubEnv('HOME', '/nonexistent');
      vi.stubEnv('GCE_METADATA_HOST', new URL(fake.endpoint).host);
      const reader = await provider({ secret: {} });
      expect((await reader.zones(soon())).map(({ id }) => id)).toEqual([ZONE.id]);
    });
  });

  it('that are revoked midway are said to be, and new ones are asked for', async () => {
    const writer = await provider();
    await writer.zones(soon());
    fake.tokens.revoke();
    await expect(writer.zones(soon())).rejects.toMatchObject({ failure: 'denied' });
    // The old token is forgotten: the second failure is Google's refusal to give another.
    await expect(writer.zones(soon())).rejects.toMatchObject({ message: containing('no access token') });
  });

  it('that lack a permission are told which, by the check as well', async () => {
    const writer = await provider();
    fake.faults.denied.add('dns.changes.create');
    await expect(write(writer, set(WWW, 'A', ['192.0.2.1']), 1)).rejects.toMatchObject({
      failure: 'denied',
      fix: containing('dns.changes.create'),
    });
    const findings = await writer.check([ZONE], soon());
    expect(findings.filter(({ ok }) => !ok)).toEqual([
      {
        subject: 'dns.changes.create google-example',
        ok: false,
        message: 'Not granted in zone google-example.',
        fix: containing('roles/dns.admin'),
      },
    ]);
  });

  it('are not needed at all to open it, nor is the SDK loaded by what the hub knows of a provider', async () => {
    const script = `
      import { createRequire } from 'node:module';
      const { google } = await import('./providers/google/provider.ts');
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('@google-cloud'));
      const before = loaded();
      await import('./providers/google/account.ts');
      console.log(JSON.stringify([google.type, before, loaded()]));`;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
    expect(JSON.parse(stdout)).toEqual(['google', false, false]);
    expect(google.capabilities.preconditions).toBe('atomic');
  });
});

describe('the test server', () => {
  it("understands the official SDK's own objects", async () => {
    const { access_token: token } = fake.tokens.issueNow();
    const sdk = new DNS({ projectId: fake.project });
    sdk.baseUrl = `${fake.endpoint}/dns/v1`;
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
    expect(fake.zone(ZONE.id).find(WWW, 'A')).toBeUndefined();
  });
});
