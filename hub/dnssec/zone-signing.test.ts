import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ParentDs } from '../../src/dns/dnssec/parent-view.ts';
import { readPresigned } from '../../src/dns/dnssec/presigned.ts';
import { verifyRRset } from '../../src/dns/dnssec/signature.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { createNameServerSecrets, type NameServerSecrets } from '../reconcile/name-server-secrets.ts';
import { CONTEXT, document, worldOf } from '../reconcile/testing.ts';
import { routingContent, type World } from '../reconcile/world.ts';
import type { DurableStore } from '../store/open.ts';
import { openStore } from '../store/open.ts';
import { createTsigKeys } from './tsig-keys.ts';
import { createZoneSigning, type ZoneSigning } from './zone-signing.ts';

const DAY = 86_400_000;
const ORIGIN = parseName('example.com');
const KEY = { kind: 'Zone', namespace: 'default', name: 'example' } as const;
const by = { actor: { id: 'token/t', display: 'tester' } };
const kek = randomBytes(32);

const worldWith = (spec: object): World =>
  worldOf(
    document('Zone', 'example', {
      origin: 'example.com',
      nameServers: [{ name: 'ns1.example.net' }],
      ttlSeconds: 300,
      records: [{ name: 'www', type: 'A', data: ['192.0.2.1'], ttlSeconds: 3600 }],
      ...spec,
    }),
  );
const SIGNED = worldWith({ dnssec: {} });
const UNSIGNED = worldWith({});

let folder: string;
let store: DurableStore;
let signing: ZoneSigning;
let secrets: NameServerSecrets;
let world: World;
let nowMs: number;
let sequence: number;
let agentSequence: number;
let parent: readonly ParentDs[];
let logged: unknown[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-signing-'));
  nowMs = 1_790_000_000_000;
  sequence = 0;
  agentSequence = 0;
  parent = [];
  logged = [];
  world = SIGNED;
  await open();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(): Promise<void> {
  store = await openStore(
    { kind: 'sqlite', file: join(folder, 'store.db') },
    { kek, wallClock: () => nowMs, random: randomBytes },
  );
  const note = (details: object, message: string) => void logged.push({ details, message });
  signing = createZoneSigning({
    store,
    lookAtParent: async () => ({
      atMs: nowMs,
      servers: [{ address: 'parent', ds: parent, ttlSeconds: parent.length > 0 ? 3600 : 0 }],
    }),
    nameServers: () => [
      { id: 'hub', sequence },
      { id: 'agent/a', sequence: agentSequence },
    ],
    onChange: () => undefined,
    wallMs: () => nowMs,
    log: { info: note, warn: note },
  });
  secrets = createNameServerSecrets({ tsigKeys: createTsigKeys(store, { warn: note }), signing });
}

/** What the hub's loop does: brings keys in line, publishes what changed; the agent follows unless it is away. */
async function publish(agentFollows = true): Promise<void> {
  const before = secrets.part;
  await secrets.follow(world);
  if (secrets.part !== before) sequence += 1;
  secrets.published(sequence);
  if (agentFollows) agentSequence = sequence;
}

/** Time passes, an hour at a time. */
async function pass(ms: number, agentFollows = true): Promise<void> {
  for (let gone = 0; gone < ms; gone += 3_600_000) {
    nowMs += 3_600_000;
    await signing.watchParents();
    await signing.tick();
    await publish(agentFollows);
  }
}

const state = () => signing.views.get('default/example')?.zone.state;
const keys = () => state()?.keys.map((key) => `${key.role} ${key.state}`) ?? [];
const material = () => {
  const found = secrets.part.signing[ORIGIN];
  if (found === undefined) throw new Error('the zone is not signed');
  return found;
};
const asked = (): readonly ParentDs[] => state()?.keys.findLast((key) => key.role === 'ksk')?.ds ?? [];

async function untilSigned(): Promise<void> {
  await publish();
  await pass(4 * 3_600_000);
  parent = asked();
  await pass(2 * 3_600_000);
  expect(state()?.phase).toBe('signed');
}

describe('a zone that is signed for the first time', () => {
  it('gets two keys, and sets signed with the key-signing key that validators accept', async () => {
    await publish();
    expect(keys()).toEqual(['ksk published', 'zsk active']);
    const { set, signatures } = readPresigned(TYPE.DNSKEY, material().dnskey);
    const [rrsig] = signatures.records;
    const ksk = set.records.find((record) => record.type === 'DNSKEY' && record.flags === 257);
    if (rrsig?.type !== 'RRSIG' || ksk?.type !== 'DNSKEY') throw new Error('no signature or key');
    expect(verifyRRset({ owner: ORIGIN, records: set.records }, rrsig, ksk, nowMs / 1000)).toBe(true);
    expect(rrsig.expiration - Math.floor(nowMs / 1000)).toBe(21 * 86_400);
    expect(Math.floor(nowMs / 1000) - rrsig.inception).toBe(3600);
    expect(material().signers).toHaveLength(1);
  });

  it('shows its DS when every server signs and caches have forgotten what was unsigned, not before', async () => {
    await publish(false);
    await pass(3 * DAY, false);
    expect(state()?.phase).toBe('signing');
    expect(material().cds).toBeUndefined();
    agentSequence = sequence;
    await pass(3_600_000);
    expect(material().cds).toBeUndefined();
    await pass(2 * 3_600_000);
    expect(state()?.phase).toBe('awaiting-ds');
    expect(material().cds?.records).toHaveLength(1);
    expect(material().cdnskey?.signatures).toHaveLength(1);
    await pass(DAY);
    expect(state()?.phase).toBe('awaiting-ds');
    parent = asked();
    await pass(2 * 3_600_000);
    expect(state()?.phase).toBe('signed');
  });
});

describe('keys', () => {
  it('survive a restart: the same material under the same serial', async () => {
    await untilSigned();
    const before = [secrets.digests.get(ORIGIN), keys()];
    await store.close();
    await open();
    await secrets.follow(world);
    expect([secrets.digests.get(ORIGIN), keys()]).toEqual(before);
  });

  it('survive that the zone is deleted by mistake and created again', async () => {
    await untilSigned();
    const before = secrets.digests.get(ORIGIN);
    world = worldOf();
    await publish();
    expect(secrets.part.signing).toEqual({});
    world = SIGNED;
    await publish();
    expect(secrets.digests.get(ORIGIN)).toBe(before);
  });

  it('roll by age, and wait for a name server that is away', async () => {
    await untilSigned();
    await pass(89 * DAY);
    expect(keys()).toEqual(['ksk active', 'zsk active']);
    await pass(20 * DAY, false);
    // The agent has not followed since: what it has not got must not sign.
    expect(keys()).toEqual(['ksk active', 'zsk active', 'zsk published']);
    agentSequence = sequence;
    await pass(3 * 3_600_000);
    expect(keys()).toEqual(['ksk active', 'zsk retired', 'zsk active']);
    await pass(3 * 3_600_000);
    expect(keys()).toEqual(['ksk active', 'zsk active']);
  });

  it('roll by a person, once at a time; the private half of the old one is gone from the store', async () => {
    await untilSigned();
    const old = material().signers[0]?.privateKey ?? '';
    await signing.roll(KEY, 'zsk', by);
    await expect(signing.roll(KEY, 'zsk', by)).rejects.toMatchObject({ code: 'DNSSEC_REFUSED' });
    await publish();
    await pass(6 * 3_600_000);
    expect(material().signers[0]?.privateKey).not.toBe(old);
    const record = await store.zoneSigning({ namespace: 'default', origin: ORIGIN });
    expect(JSON.stringify(record)).not.toContain(old);
    const verbs = (await store.audit({ limit: 50 })).map((row) => `${row.actor} ${row.verb} ${row.name}`);
    expect(verbs).toContain('token/t zone.dnssec.RolloverStarted example');
    expect(verbs).toContain('hub zone.dnssec.KeyActive example');
  });

  it('that sign keys roll with two signatures, and the old one goes when the parent has the new DS and its TTL has passed', async () => {
    await untilSigned();
    await signing.roll(KEY, 'ksk', by);
    await publish();
    expect(material().dnskey.signatures).toHaveLength(2);
    await pass(3 * 3_600_000);
    expect(keys()).toEqual(['ksk active', 'zsk active', 'ksk ready']);
    await pass(5 * DAY);
    expect(keys()).toContain('ksk ready');
    parent = asked();
    await pass(3_600_000);
    expect(keys()).toContain('ksk ready');
    await pass(2 * 3_600_000);
    expect(keys()).toEqual(['zsk active', 'ksk active']);
    expect(material().dnskey.signatures).toHaveLength(1);
  });

  it('wait for a person where the parent cannot be seen', async () => {
    await publish();
    await pass(4 * 3_600_000);
    await signing.confirmDs(KEY, by);
    await pass(3_600_000);
    expect(state()?.phase).toBe('signed');
    await expect(signing.confirmDs(KEY, by)).rejects.toMatchObject({ code: 'DNSSEC_REFUSED' });
  });

  it('go on without a server that is away only after seven days, and by a person', async () => {
    await untilSigned();
    await signing.roll(KEY, 'zsk', by);
    await publish(false);
    await pass(DAY, false);
    await expect(signing.leaveBehind(KEY, by)).rejects.toMatchObject({ code: 'DNSSEC_REFUSED' });
    await pass(7 * DAY, false);
    expect(keys()).toContain('zsk published');
    expect(await signing.leaveBehind(KEY, by)).toContain('agent/a');
    await pass(3 * 3_600_000, false);
    expect(keys()).toContain('zsk retired');
  });
});

describe('signatures over the keys', () => {
  it('are made anew with two thirds of their life left, so that the zone outlives a hub that is away for seven days', async () => {
    await untilSigned();
    let first = material().dnskey.signatures[0];
    let madeAtMs = nowMs;
    for (let day = 0; day < 60; day += 1) {
      await pass(DAY);
      const now = material().dnskey.signatures[0];
      if (now !== first) [first, madeAtMs] = [now, nowMs];
      expect((nowMs - madeAtMs) / DAY).toBeLessThanOrEqual(8);
    }
    // Whenever the hub goes away, what is out lasts for more than seven days.
    expect(21 - 8).toBeGreaterThan(7);
    expect(madeAtMs).toBeGreaterThan(1_790_000_000_000 + 40 * DAY);
  });
});

describe('a zone that is to be signed no more', () => {
  it('stays signed until the DS is gone from the parent and from caches', async () => {
    await untilSigned();
    world = UNSIGNED;
    await publish();
    expect(state()?.phase).toBe('unsigning');
    const deletion = Buffer.from([0, 0, 0, 0, 0]).toString('base64');
    expect(material().cds?.records).toEqual([deletion]);
    await pass(30 * DAY);
    expect(material().signers).toHaveLength(1);
    parent = [];
    await pass(3_600_000);
    expect(material().signers).toHaveLength(1);
    await pass(2 * 3_600_000);
    expect(state()?.phase).toBe('unsigned');
    expect(secrets.part.signing).toEqual({});
    expect(secrets.digests.size).toBe(0);
    const record = await store.zoneSigning({ namespace: 'default', origin: ORIGIN });
    expect(Object.keys(record.values)).toEqual(['state']);
  });

  it('is signed with the same keys when that was a mistake', async () => {
    await untilSigned();
    const tags = state()?.keys.map((key) => key.keyTag);
    world = UNSIGNED;
    await publish();
    world = SIGNED;
    await publish();
    await pass(2 * 3_600_000);
    expect(state()?.phase).toBe('signed');
    expect(state()?.keys.map((key) => key.keyTag)).toEqual(tags);
  });
});

describe('secrets of signing', () => {
  it('I33 are in no published content, log line or audit row, in whatever encoding', async () => {
    await untilSigned();
    await signing.roll(KEY, 'zsk', by);
    await publish();
    const record = await store.zoneSigning({ namespace: 'default', origin: ORIGIN });
    const privateKeys = Object.entries(record.values).flatMap(([field, value]) =>
      field.startsWith('key/') ? [Buffer.from(value, 'base64')] : [],
    );
    expect(privateKeys).toHaveLength(3);
    const content = routingContent(world, CONTEXT, '', secrets.digests);
    expect(content.zones[0]?.signingSha256).toMatch(/^[0-9a-f]{64}$/);
    const shown = JSON.stringify([content, logged, await store.audit({ limit: 100 }), await store.list()]);
    // A private key is 32 octets within the PKCS #8 envelope; the envelope itself is the same for all.
    for (const key of privateKeys) {
      const secret = key.subarray(36, 68);
      for (const encoding of ['base64', 'hex', 'base64url'] as const) {
        expect(shown).not.toContain(key.toString(encoding));
        expect(shown).not.toContain(secret.toString(encoding));
      }
    }
    // The key-signing key does not leave the hub at all.
    const ksk = state()?.keys.find((key) => key.role === 'ksk');
    expect(JSON.stringify(secrets.part)).not.toContain(record.values[`key/${ksk?.id ?? ''}`]);
    expect(record.values[`key/${ksk?.id ?? ''}`]).toBeDefined();
  });

  it('that cannot be read take the zone out of the answers instead of making it bogus; others go on', async () => {
    await untilSigned();
    const zone = { namespace: 'default', origin: ORIGIN };
    const { version, values } = await store.zoneSigning(zone);
    await store.putZoneSigning(
      zone,
      { version: version + 1, values: { state: values.state ?? '' } },
      { epoch: store.epoch, audit: [] },
    );
    await store.close();
    await open();
    await secrets.follow(world);
    expect(secrets.part.signing).toEqual({});
    expect(secrets.digests.get(ORIGIN)).toBe('0'.repeat(64));
    expect(JSON.stringify(logged)).toContain('cannot be read');
  });
});
