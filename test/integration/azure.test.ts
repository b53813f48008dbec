import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemProviderClock } from '../../hub/providers/clock.ts';
import { enact } from '../../hub/providers/enactor.ts';
import { askNameServer } from '../../nameserver/ask.ts';
import { azure } from '../../providers/azure/provider.ts';
import type {
  Batch,
  Provider,
  ProviderOptions,
  ProviderZone,
  ZoneContent,
} from '../../providers/contract.ts';
import { ProviderError } from '../../providers/contract.ts';
import { parseName } from '../../src/dns/name.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { markerName } from '../../src/plan/ownership.ts';
import { planZone } from '../../src/plan/plan-zone.ts';
import { type RecordSet, type SetChange, setKey } from '../../src/plan/record-set.ts';
import type { DesiredName } from '../../src/plan/zone-plan.ts';
import { azureAnswers } from '../fakes/azure/answers.ts';
import { storeForeign } from '../fakes/azure/dns-zones.ts';
import { startMetadataService } from '../fakes/azure/metadata-service.ts';
import { azureSpec, openAzure } from '../fakes/azure/open.ts';
import { ACCOUNT, type AzureFake, startAzure } from '../fakes/azure/server.ts';
import { type DnsFront, startDnsFront } from '../fakes/dns-front.ts';
import { containing } from '../support/matchers.ts';
import { UNHINDERED } from '../support/unhindered.ts';

const ORIGIN = parseName('example.com');
const WWW = parseName('www.example.com');
const never = new AbortController().signal;

let fake: AzureFake;
let zone: ProviderZone;
let provider: Provider;
const opened: Provider[] = [];

async function open(overrides: Partial<ProviderOptions> = {}, trafficManager = true): Promise<Provider> {
  const another = await openAzure(fake, azureSpec(fake, ORIGIN, trafficManager), overrides);
  opened.push(another);
  return another;
}

beforeEach(async () => {
  fake = await startAzure();
  fake.addZone(ORIGIN);
  provider = await open();
  const [found] = await provider.zones(never);
  if (found === undefined) throw new Error('the zone is not listed');
  zone = found;
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const one of opened.splice(0)) await one.close();
  await fake.close();
});

function set(name: string, type: string, values: readonly string[], ttlSeconds = 60): RecordSet {
  return { name: parseName(name), type, setId: '', ttlSeconds, values };
}

function batchOf(content: ZoneContent, changes: readonly SetChange[], more: Partial<Batch> = {}): Batch {
  return { groups: [{ name: WWW, changes }], tokens: content.tokens, ...more };
}

async function put(...sets: readonly RecordSet[]): Promise<void> {
  const content = await provider.read(zone, never);
  const changes = sets.map((after): SetChange => {
    const before = content.sets.find((one) => setKey(one) === setKey(after));
    return before === undefined ? { after } : { before, after };
  });
  await provider.apply(zone, batchOf(content, changes), never);
}

async function failure(promise: Promise<unknown>): Promise<ProviderError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ProviderError)) throw new Error(`no ProviderError but ${String(thrown)}`);
  return thrown;
}

/** Two places, of which Germany has an endpoint of its own, with a share or two. */
function routed(spare: number): {
  readonly sets: readonly RecordSet[];
  readonly made: ReturnType<typeof azure.compile>;
} {
  const member = (n: number, weight: number) => ({
    endpoint: `e${n}`,
    cluster: `shop/e${n}`,
    weight,
    values: [`20.50.0.${n}`],
    targets: [],
  });
  const made = azure.compile({
    placement: {
      hostname: WWW,
      policy: 'shop/www',
      ttlSeconds: 20,
      decider: 'portolan',
      types: [
        {
          type: 'A',
          groups: [
            { id: 'rest', places: ['US', 'unknown'], tiers: [{ members: [member(1, 1), member(spare, 3)] }] },
            { id: 'de', places: ['DE'], tiers: [{ members: [member(3, 1)] }] },
          ],
        },
      ],
      features: ['geo', 'weights'],
      accepted: ['geo'],
    },
    zone,
    spec: azureSpec(fake, ORIGIN, true),
    poolSuffix: parseName('www._pool._portolan.example.com'),
  });
  return { made, sets: made.outcome === 'native' ? made.sets : [] };
}

async function withIds(aids: Provider['aids'], spare: number): Promise<RecordSet> {
  const { made } = routed(spare);
  if (made.outcome === 'no' || aids === undefined) throw new Error('it was not compiled');
  const ids = await aids.ensure(made.aids, never);
  const [first] = made.sets;
  const [id] = [...ids.values()];
  if (first === undefined || id === undefined) throw new Error('there is no set');
  return { ...first, native: { targetResource: id } };
}

describe('record sets at Azure DNS', () => {
  it('I18 has the owner and the fence in the metadata of each set, in the same request, and keeps those of others', async () => {
    const theirs = fake.zones.get('example.com');
    if (theirs === undefined) throw new Error('no zone');
    storeForeign(theirs, WWW, 'A', {
      ttl: 60,
      aRecords: [{ ipv4Address: '192.0.2.9' }],
      metadata: { team: 'shop' },
    });
    const content = await provider.read(zone, never);
    const before = set('www.example.com', 'A', ['192.0.2.9']);
    const fence = {
      after: set('conformance._fence._portolan.example.com', 'TXT', ['"3.7.0.0123456789abcdef"']),
    };
    const changes = [{ before, after: set('www.example.com', 'A', ['192.0.2.1']) }];
    await provider.apply(zone, batchOf(content, changes, { fence }), never);
    expect(theirs.sets.get('A/www')?.properties.metadata).toEqual({
      team: 'shop',
      portolanOwner: 'conformance',
      portolanFence: '3.7.0.0123456789abcdef',
    });
  });

  it('I2 a hub that pauses between its check and its write is refused at the fence, and changes nothing', async () => {
    const plan = (content: ZoneContent, epoch: number, address: string) =>
      planZone(zonePlanInput(content, [wanted(address)], epoch));
    const paused = await provider.read(zone, never);
    const late = plan(paused, 1, '192.0.2.1');
    const leader = await open();
    const content = await leader.read(zone, never);
    const done = await enactOf(leader, content, plan(content, 2, '192.0.2.2'));
    expect(done.end).toBe('applied');
    const result = await enactOf(provider, paused, late);
    expect(result.end).toBe('superseded');
    const now = await leader.read(zone, never);
    expect(now.sets.find((one) => one.name === WWW)?.values).toEqual(['192.0.2.2']);
  });

  it('I18 a hub that is killed after any request leaves nothing that the next one does not finish', async () => {
    const steps = [
      [wanted('192.0.2.1'), api('192.0.2.5')],
      [wanted('192.0.2.2', 'cdn.example.net.'), api('192.0.2.5')],
      [],
    ];
    let killed = 0;
    for (const [index, desired] of steps.entries()) {
      for (let allowed = 0; ; allowed += 1) {
        let left = allowed;
        const mortal = await open({
          turn: async (action) => {
            if (action === 'RecordSets_List') return;
            left -= 1;
            if (left < 0) throw new ProviderError('denied', 'killed');
          },
        });
        const content = await mortal.read(zone, never);
        const plan = planZone(zonePlanInput(content, desired, 1, index * 100 + allowed + 1));
        expect(plan.held, 'what was left looks foreign').toEqual([]);
        const { end } = await enactOf(mortal, content, plan);
        const { sets } = await provider.read(zone, never);
        for (const name of [WWW, parseName('api.example.com')]) {
          const records = sets.filter((one) => one.name === name);
          const marker = sets.find((one) => one.name === markerName(ORIGIN, name));
          if (records.length > 0) expect(marker, `${name} has records without a marker`).toBeDefined();
        }
        if (end === 'applied') break;
        killed += 1;
        expect(allowed).toBeLessThan(20);
      }
    }
    expect(killed).toBeGreaterThan(5);
    const { sets } = await provider.read(zone, never);
    const left = sets.filter(({ name }) => name !== ORIGIN && !name.includes('_fence'));
    expect(left).toEqual([]);
  });

  it('a CNAME takes the place of addresses, and addresses that of a CNAME', async () => {
    const a = set('www.example.com', 'A', ['192.0.2.1']);
    const cname = set('www.example.com', 'CNAME', ['cdn.example.net.']);
    await put(a);
    let content = await provider.read(zone, never);
    await provider.apply(zone, batchOf(content, [{ after: cname }, { before: a }]), never);
    content = await provider.read(zone, never);
    expect(content.sets.filter(({ name }) => name === WWW)).toEqual([cname]);
    await provider.apply(zone, batchOf(content, [{ after: a }, { before: cname }]), never);
    expect((await provider.read(zone, never)).sets.filter(({ name }) => name === WWW)).toEqual([a]);
  });

  it('goes on after its own writes without reading again, and notices those of others', async () => {
    const content = await provider.read(zone, never);
    let before: RecordSet | undefined;
    for (let n = 1; n <= 3; n += 1) {
      const after = set('www.example.com', 'A', [`192.0.2.${n}`]);
      await provider.apply(
        zone,
        batchOf(content, [before === undefined ? { after } : { before, after }]),
        never,
      );
      before = after;
    }
    expect(fake.requests().get('RecordSets_Get')).toBeUndefined();
    const theirs = fake.zones.get('example.com');
    if (theirs !== undefined)
      storeForeign(theirs, WWW, 'A', { ttl: 60, aRecords: [{ ipv4Address: '192.0.2.66' }] });
    if (before === undefined) throw new Error('nothing was written');
    const refused = await failure(provider.apply(zone, batchOf(content, [{ before }]), never));
    expect(refused).toMatchObject({ failure: 'conflict', group: WWW });
  });

  it('says when it may come back', async () => {
    fake.faults.throttleShare = 1;
    expect(await failure(provider.zones(never))).toMatchObject({ failure: 'throttled', retryAfterMs: 1000 });
  });

  it('keeps within 200 creations a minute and zone at the rate that it states', async () => {
    fake.faults.enforceLimits = true;
    const { perSecond, burst } = azure.capabilities.rate;
    expect(burst + 60 * perSecond).toBeLessThanOrEqual(200);
    const sets = Array.from({ length: 201 }, (_, n) => set(`n${n}.example.com`, 'A', ['192.0.2.1']));
    const content = await provider.read(zone, never);
    const groups = sets.map((after) => ({ name: after.name, changes: [{ after }] }));
    const refused = await failure(provider.apply(zone, { groups, tokens: content.tokens }, never));
    expect(refused).toMatchObject({ failure: 'throttled', message: containing('200 create') });
    expect((await provider.read(zone, never)).sets).toHaveLength(202);
  });
});

describe('credentials for Azure', () => {
  it('are a client secret, whose refusal says what to correct', async () => {
    const wrong = await open({ secret: { clientSecret: 'not it' } });
    const refused = await failure(wrong.zones(never));
    expect(refused.failure).toBe('denied');
    expect(refused.fix).toContain('clientSecret');
    expect(refused.message).not.toContain('not it');
  });

  it('are the workload identity that the environment describes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portolan-azure-'));
    try {
      const file = join(folder, 'token');
      writeFileSync(file, ACCOUNT.assertion);
      vi.stubEnv('AZURE_FEDERATED_TOKEN_FILE', file);
      const { secret: _secret, ...account } = azureAccount();
      const workload = await open({ spec: { ...azureSpec(fake, ORIGIN), azure: account }, secret: {} });
      expect(await workload.zones(never)).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are else the managed identity of the machine', async () => {
    const metadata = await startMetadataService(() => fake.issueToken());
    try {
      vi.stubEnv('AZURE_POD_IDENTITY_AUTHORITY_HOST', metadata.url);
      const { secret: _secret, clientId: _client, tenantId: _tenant, ...account } = azureAccount();
      const managed = await open({ spec: { ...azureSpec(fake, ORIGIN), azure: account }, secret: {} });
      expect(await managed.zones(never)).toHaveLength(1);
      expect(metadata.asked).toEqual([fake.url]);
    } finally {
      await metadata.close();
    }
  });

  it('never go over plain http, and never without whose they are', async () => {
    const plain = { ...azureAccount(), endpoint: fake.url.replace('https', 'http') };
    const refused = await failure(open({ spec: { ...azureSpec(fake, ORIGIN), azure: plain } }));
    expect(refused).toMatchObject({ failure: 'denied', message: containing('plain http') });
    const { tenantId: _tenant, ...nobody } = azureAccount();
    expect(await failure(open({ spec: { ...azureSpec(fake, ORIGIN), azure: nobody } }))).toMatchObject({
      failure: 'denied',
      fix: containing('tenantId'),
    });
  });

  it('are given to nobody whose certificate is not of the roots', async () => {
    const spec = azureSpec(fake, ORIGIN);
    const distrustful = await azure.open({
      spec,
      secret: { clientSecret: ACCOUNT.clientSecret },
      name: 'shop/azure',
      owner: 'conformance',
      ...UNHINDERED,
    });
    opened.push(distrustful);
    expect((await failure(distrustful.zones(never))).failure).toBe('transient');
    expect(fake.requests().size).toBe(1);
  });

  it.each([
    ['Zones_List', 'DNS Zone Contributor'],
    ['RecordSets_List', 'DNS Zone Contributor'],
    ['RecordSets_CreateOrUpdate', 'Microsoft.Network/dnsZones/*/write'],
    ['RecordSets_Delete', 'Microsoft.Network/dnsZones/*/delete'],
    ['Profiles_List', 'Traffic Manager Contributor'],
    ['Profiles_CreateOrUpdate', 'Microsoft.Network/trafficManagerProfiles/write'],
    ['Profiles_Delete', 'Microsoft.Network/trafficManagerProfiles/delete'],
  ])('that lack %s are found by the check, with what to grant', async (action, fix) => {
    fake.faults.denied.add(action);
    const findings = await provider.check([zone], never);
    const failed = findings.filter(({ ok }) => !ok);
    expect(failed).toHaveLength(1);
    expect(failed[0]?.fix).toContain(fix);
    expect(fake.trafficManager.profiles.size).toBe(0);
    expect(fake.zones.get('example.com')?.sets.size).toBe(2);
  });
});

describe('a zone at Azure', () => {
  it('that is nearly full is found by the check, and one that is full refuses by name', async () => {
    const stored = fake.zones.get('example.com');
    if (stored === undefined) throw new Error('no zone');
    stored.maxSets = 2;
    const failed = (await provider.check([zone], never)).filter(({ ok }) => !ok);
    expect(failed).toMatchObject([
      { subject: 'example.com: room', message: containing('2 of 2 record sets') },
    ]);
    const refused = await failure(put(set('www.example.com', 'A', ['192.0.2.1'])));
    expect(refused).toMatchObject({ failure: 'invalid', group: WWW });
  });

  it('I8 keeps what somebody writes while a plan is under way, and the plan goes on where nobody was', async () => {
    const stored = fake.zones.get('example.com');
    if (stored === undefined) throw new Error('no zone');
    let writes = 0;
    const slow = await open({
      turn: async (action) => {
        if (action !== 'RecordSets_CreateOrUpdate') return;
        writes += 1;
        // After the fence and the first marker, somebody takes the hostname.
        if (writes === 3)
          storeForeign(stored, WWW, 'A', { ttl: 777, aRecords: [{ ipv4Address: '192.0.2.66' }] });
      },
    });
    const content = await slow.read(zone, never);
    const plan = planZone(zonePlanInput(content, [wanted('192.0.2.1'), api('192.0.2.5')]));
    const first = await enactOf(slow, content, plan);
    const now = await slow.read(zone, never);
    const again = planZone(zonePlanInput(now, [wanted('192.0.2.1'), api('192.0.2.5')], 1, 9));
    await enactOf(slow, now, again);
    const { sets } = await provider.read(zone, never);
    expect(writes).toBeGreaterThan(3);
    expect(first.end).toBe('conflict');
    expect(sets.filter(({ name }) => name === WWW)).toEqual([
      set('www.example.com', 'A', ['192.0.2.66'], 777),
    ]);
    expect(sets.find(({ name }) => name === 'api.example.com.')?.values).toEqual(['192.0.2.5']);
    expect(again.held).toMatchObject([{ name: WWW, code: 'RECORDS_FOREIGN' }]);
  });
});

describe('Traffic Manager behind an alias', () => {
  let front: DnsFront;

  beforeEach(async () => {
    front = await startDnsFront({ answer: azureAnswers(fake.zones, fake.trafficManager) });
  });
  afterEach(() => front.close());

  const ask = () =>
    askNameServer({ host: front.address, port: front.port, name: WWW, type: TYPE.A, timeoutMs: 2000 });

  it('moves to another tree without a moment that has no answer', async () => {
    await put(await withIds(provider.aids, 2));
    let asking = true;
    const seen = new Set<string>();
    let asked = 0;
    const watching = (async () => {
      while (asking) {
        const reply = await ask();
        asked += 1;
        expect(reply.rcode).toBe(RCODE.NOERROR);
        expect(reply.answers, `the ${asked}th answer`).toHaveLength(1);
        for (const { data } of reply.answers) seen.add(data);
      }
    })();
    const later = await open({ clock: { ...systemProviderClock, wallMs: () => Date.now() + 120_000 } });
    try {
      for (let round = 0; round < 8; round += 1) {
        const { made } = routed(4 + round);
        await put(await withIds(provider.aids, 4 + round));
        const keep = made.outcome === 'native' ? made.aids.map(({ key }) => key) : [];
        await later.aids?.collect(new Set(keep), never);
      }
    } finally {
      asking = false;
    }
    await watching;
    expect(asked).toBeGreaterThan(50);
    expect(seen.size).toBeGreaterThan(3);
    // A Geographic profile and two nested ones: those of the trees before are gone.
    expect(fake.trafficManager.profiles.size).toBe(3);
  });

  it('is one tree, however often it is asked for and whatever answer is lost', async () => {
    fake.faults.answersToLose = 1;
    const { made } = routed(2);
    if (made.outcome === 'no' || provider.aids === undefined) throw new Error('it was not compiled');
    expect((await failure(provider.aids.ensure(made.aids, never))).failure).toBe('ambiguous');
    expect(fake.trafficManager.profiles.size).toBe(1);
    const ids = await provider.aids.ensure(made.aids, never);
    const writes = fake.requests().get('Profiles_CreateOrUpdate');
    const another = await open();
    expect(await another.aids?.ensure(made.aids, never)).toEqual(ids);
    expect(fake.requests().get('Profiles_CreateOrUpdate')).toBe(writes);
    expect(fake.trafficManager.profiles.size).toBe(3);
  });

  it('that the service does not take holds its own name only, and says why', async () => {
    fake.trafficManager.maxProfiles = 2;
    const { made } = routed(2);
    if (made.outcome === 'no' || provider.aids === undefined) throw new Error('it was not compiled');
    expect(await provider.aids.ensure(made.aids, never)).toEqual(new Map());
    const content = await provider.read(zone, never);
    const desired = [{ ...wanted('192.0.2.1'), sets: made.sets }, api('192.0.2.5')];
    const result = await enactOf(provider, content, planZone(zonePlanInput(content, desired)));
    expect(result.end).toBe('applied');
    expect(result.held).toEqual([
      expect.objectContaining({ name: WWW, code: 'PROVIDER_REFUSED', message: containing('QuotaExceeded') }),
    ]);
    const { sets } = await provider.read(zone, never);
    expect(sets.some(({ name }) => name === 'api.example.com.')).toBe(true);
    expect(sets.some(({ name }) => name === WWW || name === markerName(ORIGIN, WWW))).toBe(false);
  });

  it('I8 gets back what somebody changed in it', async () => {
    await put(await withIds(provider.aids, 2));
    for (const profile of fake.trafficManager.profiles.values())
      profile.properties.profileStatus = 'Disabled';
    expect((await ask()).answers).toEqual([]);
    await withIds((await open()).aids, 2);
    expect((await ask()).answers).toHaveLength(1);
  });

  it('I3 is not collected while an alias leads to it or a plan names it, nor when it is young, nor when it is not ours', async () => {
    await put(await withIds(provider.aids, 2));
    const ahead = { clock: { ...systemProviderClock, wallMs: () => Date.now() + 120_000 } };
    const another = await open({ ...ahead, owner: 'another-hub' });
    const later = await open(ahead);
    expect(await later.aids?.collect(new Set(), never)).toBe(0);
    expect(fake.trafficManager.profiles.size).toBe(3);
    const content = await provider.read(zone, never);
    const [alias] = content.sets.filter(({ name }) => name === WWW);
    if (alias === undefined) throw new Error('there is no alias');
    await provider.apply(zone, batchOf(content, [{ before: alias }]), never);
    const { made } = routed(2);
    const keys = made.outcome === 'native' ? made.aids.map(({ key }) => key) : [];
    expect(await later.aids?.collect(new Set(keys), never), 'named by a plan').toBe(0);
    expect(await provider.aids?.collect(new Set(), never), 'young').toBe(0);
    expect(await another.aids?.collect(new Set(), never), 'of another hub').toBe(0);
    expect(fake.trafficManager.profiles.size).toBe(3);
    expect(await later.aids?.collect(new Set(), never)).toBe(1);
    expect(fake.trafficManager.profiles.size).toBe(0);
  });
});

function zonePlanInput(content: ZoneContent, desired: readonly DesiredName[], epoch = 1, generation = 1) {
  return {
    origin: ORIGIN,
    owner: 'conformance',
    fence: { epoch, generation },
    current: content.sets,
    desired,
    adopted: new Map(),
    deletions: 'allow',
    maxRemovedPercent: 100,
    approved: new Set<string>(),
  } as const;
}

function azureAccount() {
  const { azure: account } = azureSpec(fake, ORIGIN, true);
  if (account === undefined) throw new Error('no account');
  return account;
}

function wanted(address: string, cname?: string): DesiredName {
  const sets =
    cname === undefined
      ? [set('www.example.com', 'A', [address]), set('www.example.com', 'AAAA', ['2001:db8::1'])]
      : [set('www.example.com', 'CNAME', [cname])];
  return {
    name: WWW,
    resource: 'trafficpolicy/shop/www',
    sets,
    types: ['A', 'AAAA', 'CNAME'],
    shared: false,
  };
}

function api(address: string): DesiredName {
  return {
    name: parseName('api.example.com'),
    resource: 'trafficpolicy/shop/api',
    sets: [set('api.example.com', 'A', [address])],
    types: ['A', 'AAAA', 'CNAME'],
    shared: false,
  };
}

function enactOf(by: Provider, content: ZoneContent, plan: ReturnType<typeof planZone>) {
  return enact({
    provider: by,
    capabilities: azure.capabilities,
    zone,
    plan,
    content,
    // As if it had just looked, so that only the provider can refuse.
    readAtMs: systemProviderClock.monotonicMs(),
    clock: systemProviderClock,
    random: Math.random,
    signal: never,
    isNewest: () => true,
  });
}
