import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Batch, type Provider, ProviderError, type ProviderZone } from '../../providers/contract.ts';
import { parseName } from '../../src/dns/name.ts';
import type { RecordSet, SetChange } from '../../src/plan/record-set.ts';
import { openAccount, specFor } from '../fakes/route53/account.ts';
import { type FakeRoute53, startFakeRoute53 } from '../fakes/route53/server.ts';
import { containing, matching } from '../support/matchers.ts';

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
});
