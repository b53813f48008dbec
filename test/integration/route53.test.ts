import { CreateHostedZoneCommand, Route53Client } from '@aws-sdk/client-route-53';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemProviderClock } from '../../hub/providers/clock.ts';
import { createTestAuthority } from '../../prober/testing/authority.ts';
import { type Batch, type Provider, ProviderError, type ProviderZone } from '../../providers/contract.ts';
import { route53 } from '../../providers/route53/provider.ts';
import { parseName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { PLACES } from '../../src/plan/answers.ts';
import type { RecordSet, SetChange } from '../../src/plan/record-set.ts';
import { openAccount, specFor } from '../fakes/route53/account.ts';
import { groupOf, inputOf, memberOf, placementOf } from '../fakes/route53/placements.ts';
import { type FakeRoute53, startFakeRoute53 } from '../fakes/route53/server.ts';
import { containing, matching } from '../support/matchers.ts';
import { requireMoto, startMoto } from '../support/moto.ts';

const never = new AbortController().signal;
const FENCE = parseName('conformance._fence._portolan.example.com.');

let server: FakeRoute53;
let zone: ProviderZone;
let provider: Provider;

beforeEach(async () => {
  server = await startFakeRoute53();
  const id = server.createZone('example.com');
  provider = await openAccount(
    server,
    specFor(server, { origin: parseName('example.com.'), id, private: false }),
  );
  const [found] = await provider.zones(never);
  if (found === undefined) throw new Error('the zone is not listed');
  zone = found;
});

afterEach(async () => {
  await provider.close();
  await server.close();
});

function set(
  name: string,
  type: string,
  values: readonly string[],
  more: Partial<RecordSet> = {},
): RecordSet {
  return { name: parseName(name), type, setId: '', ttlSeconds: 60, values, ...more };
}

function batchOf(changes: readonly SetChange[], more: Partial<Batch> = {}): Batch {
  return { groups: [{ name: parseName('www.example.com.'), changes }], tokens: new Map(), ...more };
}

async function failure(promise: Promise<unknown>): Promise<ProviderError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ProviderError)) throw new Error(`no ProviderError but ${String(thrown)}`);
  return thrown;
}

async function read(name: string): Promise<readonly RecordSet[]> {
  const { sets } = await provider.read(zone, never);
  return sets.filter((one) => one.name === parseName(name));
}

describe('the Route 53 client against a strict server', () => {
  it('lists zones with the servers of those it is to write', () => {
    expect(zone).toEqual({
      origin: 'example.com.',
      id: matching(/^Z\d+$/),
      private: false,
      nameServers: [
        'ns-1.awsdns-01.com.',
        'ns-2.awsdns-02.net.',
        'ns-3.awsdns-03.org.',
        'ns-4.awsdns-04.co.uk.',
      ],
    });
  });

  it('creates, replaces and deletes', async () => {
    const first = set('www.example.com', 'A', ['192.0.2.1', '192.0.2.2']);
    await provider.apply(zone, batchOf([{ after: first }]), never);
    expect(await read('www.example.com')).toEqual([first]);
    const second = set('www.example.com', 'A', ['192.0.2.3']);
    await provider.apply(zone, batchOf([{ before: first, after: second }]), never);
    expect(await read('www.example.com')).toEqual([second]);
    await provider.apply(zone, batchOf([{ before: second }]), never);
    expect(await read('www.example.com')).toEqual([]);
    expect([...server.requests.keys()]).not.toContain('UPSERT');
  });

  it('refuses a writer with a stale fence, and changes nothing (I2)', async () => {
    const fence = (stamp: string): RecordSet => set(FENCE, 'TXT', [`"${stamp}"`], { ttlSeconds: 300 });
    const first = fence('1.1.0.0123456789abcdef');
    const newer = fence('2.1.0.0123456789abcdef');
    await provider.apply(zone, batchOf([], { fence: { after: first } }), never);
    await provider.apply(zone, batchOf([], { fence: { before: first, after: newer } }), never);
    const stale = batchOf([{ after: set('www.example.com', 'A', ['192.0.2.9']) }], {
      fence: { before: first, after: fence('1.2.0.0123456789abcdef') },
    });
    expect((await failure(provider.apply(zone, stale, never))).failure).toBe('conflict');
    expect(await read('www.example.com')).toEqual([]);
    expect(await read(FENCE)).toEqual([newer]);
  });

  it.each(['messages', 'errorResponse'] as const)(
    'names the record that Route 53 does not take (%s)',
    async (errorForm) => {
      server.faults.errorForm = errorForm;
      const good = {
        name: parseName('good.example.com'),
        changes: [{ after: set('good.example.com', 'A', ['192.0.2.1']) }],
      };
      const bad = {
        name: parseName('bad.example.com'),
        changes: [{ after: set('bad.example.com', 'TXT', ['not quoted']) }],
      };
      const thrown = await failure(provider.apply(zone, { groups: [good, bad], tokens: new Map() }, never));
      expect(thrown).toMatchObject({ failure: 'invalid', group: 'bad.example.com.' });
      expect(await read('good.example.com')).toEqual([]);
    },
  );

  it('waits until a change is INSYNC, and is told when another one is in flight', async () => {
    server.faults.propagationMs = 1_200;
    const first = provider.apply(zone, batchOf([{ after: set('a.example.com', 'A', ['192.0.2.1']) }]), never);
    await expect.poll(() => server.requests.get('ChangeResourceRecordSets') ?? 0).toBe(1);
    const second = await failure(
      provider.apply(zone, batchOf([{ after: set('b.example.com', 'A', ['192.0.2.2']) }]), never),
    );
    expect(second.failure).toBe('busy');
    await first;
    expect(server.requests.get('GetChange')).toBeGreaterThan(1);
  });

  it('says in the terms of the contract what went wrong', async () => {
    const change = batchOf([{ after: set('www.example.com', 'A', ['192.0.2.1']) }]);
    server.faults.throttleShare = 1;
    server.faults.retryAfterSeconds = 7;
    expect(await failure(provider.apply(zone, change, never))).toMatchObject({
      failure: 'throttled',
      retryAfterMs: 7000,
    });
    server.faults.throttleShare = 0;
    server.faults.denied.add('ChangeResourceRecordSets');
    expect(await failure(provider.apply(zone, change, never))).toMatchObject({
      failure: 'denied',
      fix: containing('`route53:ChangeResourceRecordSets`'),
    });
    server.faults.denied.clear();
    server.faults.loseNextAnswer = true;
    expect((await failure(provider.apply(zone, change, never))).failure).toBe('ambiguous');
    expect(await read('www.example.com')).toHaveLength(1);
    server.faults.revoked = true;
    expect(await failure(provider.read(zone, never))).toMatchObject({
      failure: 'denied',
      fix: containing('accessKeyId'),
    });
    server.faults.revoked = false;
    server.deleteZone(zone.id);
    expect((await failure(provider.read(zone, never))).failure).toBe('gone');
  });

  it('knows that a server it did not reach changed nothing', async () => {
    const nobody = { ...server, endpoint: 'http://127.0.0.1:1' };
    const unreachable = await openAccount(nobody, specFor(nobody, zone));
    const change = batchOf([{ after: set('www.example.com', 'A', ['192.0.2.1']) }]);
    expect((await failure(unreachable.apply(zone, change, never))).failure).toBe('transient');
    await unreachable.close();
  });

  it('reads a zone of several pages, and gives back what others spelt in their way', async () => {
    for (let i = 0; i < 650; i += 1) {
      server.put(zone.id, {
        Name: `n${i}.example.com.`,
        Type: 'A',
        TTL: 60,
        SetIdentifier: `s${i}`,
        Weight: 1,
        ResourceRecords: [{ Value: '192.0.2.1' }],
      });
    }
    server.put(zone.id, {
      Name: 'mx.example.com.',
      Type: 'MX',
      TTL: 60,
      ResourceRecords: [{ Value: '10 Mail.Example.net' }],
    });
    const content = await provider.read(zone, never);
    expect(content.sets).toHaveLength(650 + 1 + 2);
    expect(server.requests.get('ListResourceRecordSets')).toBe(3);
    const [mx] = content.sets.filter(({ type }) => type === 'MX');
    if (mx === undefined) throw new Error('it is read');
    expect(mx.values).toEqual(['10 mail.example.net.']);
    await provider.apply(zone, batchOf([{ before: mx }], { tokens: content.tokens }), never);
    expect(await read('mx.example.com')).toEqual([]);
  });

  it('spends one call on a change, whatever its aliases and their targets (no call when there is none)', async () => {
    const placement = placementOf(
      [
        {
          type: 'A',
          groups: [
            groupOf(
              'g0',
              PLACES.filter((place) => place !== 'DE'),
              [memberOf('one', 3, ['192.0.2.1']), memberOf('two', 1, ['192.0.2.2'])],
            ),
            groupOf('g1', ['DE'], [memberOf('two', 1, ['192.0.2.2'])]),
          ],
        },
      ],
      { features: ['geo', 'weights'] },
    );
    const compilation = route53.compile(inputOf(placement, zone));
    if (compilation.outcome === 'no') throw new Error('it must be possible');
    // In the wrong order: targets last.
    const changes = [...compilation.sets].reverse().map((after): SetChange => ({ after }));
    await provider.apply(zone, batchOf(changes), never);
    await provider.apply(zone, batchOf([]), never);
    expect(server.requests.get('ChangeResourceRecordSets')).toBe(1);
    const { sets } = await provider.read(zone, never);
    for (const set of compilation.sets) expect(sets).toContainEqual(set);
    await provider.apply(zone, batchOf(compilation.sets.map((before): SetChange => ({ before }))), never);
    expect((await provider.read(zone, never)).sets).toHaveLength(2);
  });

  it('stays within five requests a second when it has its turn that often', async () => {
    server.faults.rateLimit = true;
    // What the set-up asked for is still within the second.
    let nextAt = performance.now() + 1000;
    const paced = await openAccount(server, specFor(server, zone), {
      turn: async () => {
        const { perSecond, burst } = route53.capabilities.rate;
        expect(burst).toBe(1);
        const now = performance.now();
        const at = Math.max(now, nextAt);
        nextAt = at + 1000 / perSecond + 5;
        await new Promise((resolve) => setTimeout(resolve, at - now));
      },
    });
    for (let i = 0; i < 8; i += 1) await paced.read(zone, never);
    await paced.close();
    const refused = await Promise.allSettled(Array.from({ length: 8 }, () => provider.read(zone, never)));
    expect(refused.some(({ status }) => status === 'rejected')).toBe(true);
  });

  it('tries each permission, changes nothing, and says what to allow', async () => {
    const before = server.setsOf(zone.id);
    const good = await provider.check([zone], never);
    expect(good.filter(({ ok }) => !ok)).toEqual([]);
    expect(good.map(({ subject }) => subject)).toEqual([
      'route53:ListHostedZones',
      'route53:GetHostedZone example.com.',
      'route53:ListResourceRecordSets example.com.',
      'route53:ChangeResourceRecordSets example.com.',
      'route53:GetChange',
      'route53:ListHealthChecks',
      'route53:CreateHealthCheck',
      'limits',
    ]);
    expect(server.setsOf(zone.id)).toEqual(before);
    const actions = [
      'ListHostedZones',
      'GetHostedZone',
      'ListResourceRecordSets',
      'ChangeResourceRecordSets',
      'GetChange',
      'ListHealthChecks',
    ];
    for (const action of actions) {
      server.faults.denied.clear();
      server.faults.denied.add(action);
      const findings = await provider.check([zone], never);
      expect(findings.filter(({ ok }) => !ok)).toMatchObject([
        { subject: containing(`route53:${action}`), fix: containing(`\`route53:${action}\``) },
      ]);
    }
  });

  it('finds its health checks again, also when the hub ended before it tagged them, and leaves others alone', async () => {
    const aid = {
      key: '0123456789abcdef0123',
      kind: 'healthcheck',
      spec: { Type: 'TCP', IPAddress: '192.0.2.1', Port: 443, RequestInterval: 30, FailureThreshold: 3 },
    };
    server.healthChecks.create('theirs', { Type: 'TCP', IPAddress: '192.0.2.2', Port: '443' });
    server.faults.denied.add('ChangeTagsForResource');
    expect((await failure(provider.aids?.ensure([aid], never) ?? Promise.resolve())).failure).toBe('denied');
    server.faults.denied.clear();
    const ids = await provider.aids?.ensure([aid], never);
    expect(server.healthChecks.all()).toHaveLength(2);
    const { wallMs } = systemProviderClock;
    const later = { ...systemProviderClock, wallMs: () => wallMs() + 61_000 };
    const afterwards = await openAccount(server, specFor(server, zone), { clock: later });
    expect(await afterwards.aids?.collect(new Set([aid.key]), never)).toBe(0);
    const others = await openAccount(server, specFor(server, zone), { clock: later, owner: 'another-hub' });
    expect(await others.aids?.collect(new Set(), never)).toBe(0);
    expect(await afterwards.aids?.collect(new Set(), never)).toBe(1);
    expect(server.healthChecks.all().map(({ callerReference }) => callerReference)).toEqual(['theirs']);
    // A deleted check's reference is burnt: the same check is made under another one.
    const again = await provider.aids?.ensure([aid], never);
    expect(again?.get(aid.key)).not.toBe(ids?.get(aid.key));
    const [made] = server.healthChecks.all().filter(({ callerReference }) => callerReference !== 'theirs');
    expect(Object.fromEntries(made?.tags ?? [])).toEqual({
      Name: 'portolan TCP 192.0.2.1:443',
      'portolan/owner': 'conformance',
      'portolan/key': aid.key,
      'portolan/provider': 'test/route53',
    });
    await Promise.all([afterwards.close(), others.close()]);
  });

  it('makes a health check once when several zones ask at the same time', async () => {
    const aid = {
      key: '0123456789abcdef0123',
      kind: 'healthcheck',
      spec: { Type: 'TCP', IPAddress: '192.0.2.1', Port: 443, RequestInterval: 30, FailureThreshold: 3 },
    };
    const { aids } = provider;
    if (aids === undefined) throw new Error('it has health checks');
    const found = await Promise.all([1, 2, 3].map(() => aids.ensure([aid], never)));
    expect(new Set(found.map((ids) => ids.get(aid.key))).size).toBe(1);
    expect(server.healthChecks.all()).toHaveLength(1);
  });

  it('trusts the bundle of caSecret, and nothing else then', async () => {
    const [authority, other] = await Promise.all([
      createTestAuthority('Ours'),
      createTestAuthority('Theirs'),
    ]);
    const secure = await startFakeRoute53({ tls: await authority.issue(['localhost']) });
    secure.createZone('example.com');
    const spec = specFor(secure, zone);
    const trusting = await openAccount(secure, spec, { ca: authority.ca });
    expect(await trusting.zones(never)).toHaveLength(1);
    for (const ca of [{ ca: other.ca }, {}]) {
      const doubting = await openAccount(secure, spec, ca);
      expect(await failure(doubting.zones(never))).toMatchObject({
        failure: 'transient',
        message: containing('certificate'),
      });
      await doubting.close();
    }
    await trusting.close();
    await secure.close();
  });

  it('knows a zone by its id in both spellings', async () => {
    const id = `/hostedzone/${zone.id}`;
    const account = await openAccount(server, specFor(server, { ...zone, id }));
    const [found] = await account.zones(never);
    expect(found).toEqual({ ...zone, id });
    const content = await account.read({ ...zone, id }, never);
    expect(content.sets).toHaveLength(2);
    await account.apply(
      { ...zone, id },
      batchOf([{ after: set('www.example.com', 'A', ['192.0.2.1']) }]),
      never,
    );
    expect(await read('www.example.com')).toHaveLength(1);
    await account.close();
  });

  it('refuses a Secret without its keys before it asks anything', async () => {
    const opening = openAccount(server, specFor(server, zone), { secret: { accessKeyId: 'AKIA' } });
    expect(await failure(opening)).toMatchObject({
      failure: 'denied',
      message: containing('secretAccessKey'),
    });
    expect([...server.requests.keys()]).toEqual(['ListHostedZones', 'GetHostedZone']);
  });

  it('connects nowhere that the guard forbids (I32)', async () => {
    const refuse = (): never => {
      throw new PortolanError('ADDRESS_FORBIDDEN', '127.0.0.1 is loopback');
    };
    const literal = openAccount(server, specFor(server, zone), {
      guard: { check: refuse, lookup: () => undefined },
    });
    expect(await failure(literal)).toMatchObject({ failure: 'denied', message: containing('loopback') });
    const byName = { ...server, endpoint: server.endpoint.replace('127.0.0.1', 'route53.test') };
    const named = await openAccount(byName, specFor(byName, zone), {
      guard: {
        check: () => undefined,
        lookup: (_host, _options, callback) =>
          callback(new PortolanError('ADDRESS_FORBIDDEN', 'it is loopback'), '', 4),
      },
    });
    expect(await failure(named.zones(never))).toMatchObject({ failure: 'denied' });
    await named.close();
    expect(server.requests.get('ListHostedZones')).toBe(1);
  });
});

const moto = await requireMoto('Route 53 client against moto');
describe.skipIf(!moto.available)('the Route 53 client against moto', () => {
  it('writes and reads; moto lets a stale fence pass, which Route 53 and the strict server refuse (I2)', async () => {
    if (!moto.available) return;
    const running = await startMoto(moto.path);
    const client = new Route53Client({
      endpoint: running.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: running.accessKeyId, secretAccessKey: running.secretAccessKey },
    });
    try {
      await client.send(new CreateHostedZoneCommand({ Name: 'example.com', CallerReference: 'one' }));
      const spec = specFor(running, { origin: parseName('example.com'), id: 'any', private: false });
      const account = await openAccount(running, spec);
      const [there] = await account.zones(never);
      if (there === undefined) throw new Error('the zone is not listed');
      const fence = (stamp: string): RecordSet => set(FENCE, 'TXT', [`"${stamp}"`], { ttlSeconds: 300 });
      const first = fence('1.1.0.0123456789abcdef');
      const newer = fence('2.1.0.0123456789abcdef');
      await account.apply(there, batchOf([], { fence: { after: first } }), never);
      await account.apply(there, batchOf([], { fence: { before: first, after: newer } }), never);
      const stale = account.apply(
        there,
        batchOf([], { fence: { before: first, after: fence('1.2.0.0123456789abcdef') } }),
        never,
      );
      await expect(stale).resolves.toBeUndefined();
      await account.close();
    } finally {
      client.destroy();
      await running.close();
    }
  });
});
