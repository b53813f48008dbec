import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KeyTable } from '../../gateway/keys/contract.ts';
import { readKeyTable } from '../../gateway/keys/reader.ts';
import { SEARCHES_PER_SECOND } from '../../gateway/keys/search.ts';
import { type AgentLinkServer, createAgentLinkServer } from '../../hub/agents/link-server.ts';
import type { KeyServices } from '../../hub/api/key-services.ts';
import { createKeyDesk } from '../../hub/credentials/desk.ts';
import { type CredentialFeed, createCredentialFeed } from '../../hub/credentials/feed.ts';
import { createKeyPeppers, type KeyPeppers } from '../../hub/credentials/peppers.ts';
import type { Store } from '../../hub/store/contract.ts';
import { keyFolder } from '../../spoke-agent/credentials/files.ts';
import { type CredentialIntake, createCredentialIntake } from '../../spoke-agent/credentials/intake.ts';
import { createKeyKeeper, type KeyKeeper } from '../../spoke-agent/credentials/keeper.ts';
import { createKeyAsker, type KeyAsker } from '../../spoke-agent/credentials/key-asker.ts';
import { openIdentity } from '../../spoke-agent/identity-files.ts';
import { joinCluster } from '../../spoke-agent/join.ts';
import { createHubLink, type HubLink } from '../../spoke-agent/link.ts';
import {
  CredentialAckSchema,
  CredentialsRequestSchema,
  HelloSchema,
} from '../../src/protocol/generated/portolan_pb.js';
import { quickest } from '../support/quickest.ts';
import { type HubIdentityWorld, startHubIdentity, testClock, until } from './agent-world.ts';

const actor = { id: 'hub', display: 'test' };
const input = { principal: 'partner', roles: ['reader'], labels: {}, attributes: {} };

/** The part of a hub that deals in keys, on a store, behind the agents' listener. */
interface KeyHub {
  readonly store: Store;
  readonly feed: CredentialFeed;
  readonly desk: KeyServices;
  readonly peppers: KeyPeppers;
  readonly server: AgentLinkServer;
  readonly warnings: string[];
  stop(): Promise<void>;
}

/** Both halves of an agent that deal in keys. */
interface KeyAgent {
  readonly link: HubLink;
  readonly intake: CredentialIntake;
  readonly keeper: KeyKeeper;
  readonly table: KeyTable;
  readonly problems: string[];
  readonly ask: KeyAsker;
  /** Changes of keys that come while it is true are lost on the way. */
  holdBack: boolean;
  /** Ends it the way a crash does: nothing is flushed. */
  kill(): void;
}

let world: HubIdentityWorld;
let hub: KeyHub;
let namespaces: readonly string[];
const agents: KeyAgent[] = [];

async function startHub(store: Store, port = 0): Promise<KeyHub> {
  const warnings: string[] = [];
  const log = { warn: (_: object, message: string) => void warnings.push(message), info: () => undefined };
  const peppers = createKeyPeppers(store.keys);
  const namespacesOf = () => namespaces;
  const clock = testClock();
  const feed = createCredentialFeed({
    store,
    signer: world.authority.snapshotSigner,
    peppers,
    namespacesOf,
    clock,
    log,
  });
  const server = await createAgentLinkServer({
    listen: { host: '127.0.0.1', port },
    certificate: world.certificate,
    caBundlePem: world.authority.caBundlePem,
    store,
    enrolment: world.enrolment,
    geo: { read: async () => undefined },
    credentials: feed,
    clock,
    hubVersion: '1',
    onError: (error) => void warnings.push(error.message),
    handlers: {
      onHello: (session, hello) => feed.onHello(session, hello),
      onVotes: () => undefined,
      onStatus: () => undefined,
      onSnapshotAck: () => undefined,
      onObservations: () => undefined,
      onUsage: () => undefined,
      onQuota: () => undefined,
      onCertificateRequests: () => undefined,
      onInventory: () => undefined,
      onCredentialAck: (session, ack) => feed.onAck(session, ack),
      onClosed: (session) => feed.onClosed(session),
    },
  });
  const desk = createKeyDesk({ store, peppers, feed, namespacesOf, wallMs: Date.now, randomBytes });
  return {
    store,
    feed,
    desk,
    peppers,
    server,
    warnings,
    async stop() {
      feed.close();
      await server.close();
    },
  };
}

async function startAgent(name: string, journalOctets?: number): Promise<KeyAgent> {
  const dataDir = world.dataDir(name);
  const identity = await openIdentity(dataDir).catch(async () => {
    await joinCluster({ token: await world.newToken(name), dataDir, wallMs: Date.now });
    return openIdentity(dataDir);
  });
  const problems: string[] = [];
  const note = (details: object, message: string): void => {
    const { err } = details as { err?: Error };
    problems.push(`${message}: ${err?.message ?? ''}`);
  };
  const log = { debug: () => undefined, info: () => undefined, warn: note, error: note };
  const { hubUid, clusterUid, snapshotKeys } = identity.current();
  const keeper = createKeyKeeper({ directory: keyFolder(dataDir), wallMs: Date.now, log });
  await keeper.load();
  const text = await hub.peppers.peppersFor(clusterUid);
  const peppers = { hub: Buffer.from(text.hub, 'base64'), cluster: Buffer.from(text.cluster, 'base64') };
  let link: HubLink | undefined;
  let dead = false;
  const intake = await createCredentialIntake({
    directory: keyFolder(dataDir),
    trust: () => ({ keys: snapshotKeys, hubUid, clusterUid }),
    readPage: ({ feed, sequence, after }) => {
      if (link === undefined) return Promise.reject(new Error('no link yet'));
      const ask = { feed, sequence: BigInt(sequence), after: Uint8Array.from(after) };
      return link.credentials(create(CredentialsRequestSchema, ask));
    },
    acknowledge: ({ feed, sequence }, error) =>
      void link?.sendCredentialAck(create(CredentialAckSchema, { feed, sequence: BigInt(sequence), error })),
    tellData: (message) => {
      if (!dead) keeper.receive(message);
    },
    clock: testClock(),
    random: Math.random,
    log,
    ...(journalOctets === undefined ? {} : { journalOctets }),
  });
  intake.want(true, false);
  link = createHubLink({
    identity,
    clock: testClock(),
    random: () => 0.1,
    hubAddresses: [`127.0.0.1:${world.linkAddresses[0]?.split(':')[1] ?? ''}`],
    hello: () =>
      create(HelloSchema, {
        agentVersion: '0.1.0',
        incarnation: `${name}-${Math.random()}`,
        credentialFeed: intake.place.feed,
        credentialSequence: BigInt(intake.place.sequence),
        credentialHash: Uint8Array.from(Buffer.from(intake.place.hash, 'hex')),
      }),
    on: {
      welcome: () => undefined,
      up: () => intake.hubIsBack(),
      down: () => undefined,
      snapshot: () => undefined,
      decisions: () => undefined,
      faults: () => undefined,
      observe: () => undefined,
      usageAck: () => undefined,
      quota: () => undefined,
      credentials: (delta) => {
        if (!dead && !agent.holdBack) intake.offer(delta);
      },
    },
  });
  const opened = link;
  const agent: KeyAgent = {
    link,
    intake,
    keeper,
    table: readKeyTable(keeper.shared, { peppers }),
    problems,
    ask: createKeyAsker({
      findKey: (request) => opened.findKey(request),
      monotonicMs: () => performance.now(),
    }),
    holdBack: false,
    kill() {
      dead = true;
      link?.close();
    },
  };
  agents.push(agent);
  return agent;
}

const typeOf = (agent: KeyAgent, key: string): string => agent.table.find(key, undefined, Date.now()).type;
const within = async (what: string, limitMs: number, holds: () => boolean): Promise<number> => {
  const start = performance.now();
  await until(what, holds, limitMs);
  return performance.now() - start;
};

beforeEach(async () => {
  namespaces = ['default'];
  world = await startHubIdentity();
  hub = await startHub(world.store);
  world.linkAddresses = [`127.0.0.1:${hub.server.port}`];
});
afterEach(async () => {
  for (const agent of agents.splice(0)) {
    agent.kill();
    await agent.intake.close();
  }
  await hub.stop();
  await world[Symbol.asyncDispose]();
});

describe('API keys from the hub to the agents', () => {
  it('a key works at every agent within a second of its creation, and is refused within a second of its revocation', async () => {
    const both = [await startAgent('fra'), await startAgent('ams')];
    await until('both have asked', () => both.every((agent) => agent.intake.stats.syncs === 1));
    const make = () => hub.desk.create('default', { ...input, plan: 'gold' }, actor);
    const times = async (what: string, type: string, of: () => Promise<string>): Promise<number> => {
      const text = await of();
      return within(what, 20_000, () => both.every((agent) => typeOf(agent, text) === type));
    };
    const { key, id } = await make();
    await within('known at both', 20_000, () => both.every((agent) => typeOf(agent, key) === 'known'));
    expect(both[0]?.table.find(key, undefined, Date.now())).toMatchObject({
      record: { id, namespace: 'default', principal: 'partner', roles: ['reader'], plan: 'gold' },
    });
    await until('both have said so', () => hub.feed.standings.every((s) => s.acknowledged?.sequence === 1));
    const shown = await hub.desk.describe('default', id);
    expect(shown?.clusters.map(({ cluster, state }) => `${cluster} ${state}`)).toEqual([
      'default/ams live',
      'default/fra live',
    ]);
    const knownMs = await quickest(10, 1_000, () =>
      times('known at both', 'known', async () => (await make()).key),
    );
    expect(knownMs).toBeLessThan(1_000);
    const refusedMs = await quickest(10, 1_000, async () => {
      const other = await make();
      await within('known', 20_000, () => both.every((agent) => typeOf(agent, other.key) === 'known'));
      await hub.desk.revoke('default', other.id, {}, actor);
      return within('refused at both', 20_000, () =>
        both.every((agent) => typeOf(agent, other.key) === 'revoked'),
      );
    });
    expect(refusedMs).toBeLessThan(1_000);
    expect(both.flatMap((agent) => agent.problems)).toEqual([]);
    expect(both.every((agent) => agent.table.staleMs() < 5_000)).toBe(true);
  });

  it('I29 the digests of one cluster are worth nothing at another, and no file of an agent holds a key', async () => {
    const both = [await startAgent('fra'), await startAgent('ams')];
    const { key } = await hub.desk.create('default', input, actor);
    await until('known at both', () => both.every((agent) => typeOf(agent, key) === 'known'));
    const digests = both.map((agent) => [...agentEntries(agent)]);
    expect(digests[0]).toHaveLength(1);
    expect(digests[0]).not.toEqual(digests[1]);
    for (const name of ['fra', 'ams'])
      for (const file of await readdir(keyFolder(world.dataDir(name))))
        expect((await readFile(join(keyFolder(world.dataDir(name)), file))).includes(key)).toBe(false);
  });

  it('I19 an agent that is killed has what it acknowledged, and catches up before anything else', async () => {
    const agent = await startAgent('fra');
    const kept = await hub.desk.create('default', input, actor);
    const lost = await hub.desk.create('default', input, actor);
    await until('acknowledged', () => hub.feed.standings[0]?.acknowledged?.sequence === 2);
    agent.kill();
    await until('gone', () => hub.server.sessions().length === 0);
    await hub.desk.revoke('default', lost.id, {}, actor);
    const added = await hub.desk.create('default', input, actor);
    const again = await startAgent('fra');
    // From the disk alone, before any word of the hub.
    expect(typeOf(again, kept.key)).toBe('known');
    await within('caught up', 1_500, () => typeOf(again, lost.key) === 'revoked');
    await until('new ones too', () => typeOf(again, added.key) === 'known');
    // It asked for no pages: the changes were enough.
    expect(again.intake.stats.syncs).toBe(0);
  });

  it('a hub that was restored from an older backup begins another feed, and what was revoked stays so', async () => {
    const agent = await startAgent('fra');
    const kept = await hub.desk.create('default', input, actor);
    const revoked = await hub.desk.create('default', input, actor);
    await until('known', () => typeOf(agent, revoked.key) === 'known');
    // The changes after the backup, forgotten by the store but not by the agent.
    await hub.desk.revoke('default', revoked.id, {}, actor);
    await hub.desk.create('default', input, actor);
    await until('revoked', () => typeOf(agent, revoked.key) === 'revoked');
    await until('all changes', () => agent.intake.place.sequence === 4);
    const { place } = agent.intake;
    await forget(world.store, 2);
    await hub.stop();
    hub = await startHub(world.store, Number(world.linkAddresses[0]?.split(':')[1]));
    await until('another feed', () => agent.intake.place.feed !== place.feed, 15_000);
    expect(hub.warnings.join()).toContain('restored from a backup');
    await until('read anew', () => agent.keeper.mark.feed === agent.intake.place.feed);
    expect(typeOf(agent, kept.key)).toBe('known');
    expect(typeOf(agent, revoked.key)).toBe('revoked');
    expect(agent.problems.join()).toContain('they stay revoked');
    const next = await hub.desk.create('default', input, actor);
    await until('goes on', () => typeOf(agent, next.key) === 'known');
  });

  it('a damaged image falls back to the one before with both journals, and the hub is not needed for it', async () => {
    const agent = await startAgent('fra', 2_000);
    const made: { readonly id: string; readonly key: string }[] = [];
    for (let i = 0; i < 12; i += 1) {
      made.push(await hub.desk.create('default', { ...input, principal: `p${i}` }, actor));
      await until('known', () => typeOf(agent, made[i]?.key ?? '') === 'known');
    }
    await hub.desk.revoke('default', made[11]?.id ?? '', {}, actor);
    await until('revoked', () => typeOf(agent, made[11]?.key ?? '') === 'revoked');
    agent.kill();
    await agent.intake.close();
    await hub.stop();
    const folder = keyFolder(world.dataDir('fra'));
    const images = (await readdir(folder)).filter((name) => name.endsWith('.image')).sort();
    expect(images).toHaveLength(2);
    const newest = join(folder, images[1] ?? '');
    const bytes = await readFile(newest);
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    await writeFile(newest, bytes);
    const reload = async () => {
      const problems: string[] = [];
      const keeper = createKeyKeeper({
        directory: folder,
        wallMs: Date.now,
        log: { info: () => undefined, warn: (_, message) => void problems.push(message) },
      });
      await keeper.load();
      const text = await hub.peppers.peppersFor(hub.feed.standings[0]?.clusterUid ?? '');
      const peppers = { hub: Buffer.from(text.hub, 'base64'), cluster: Buffer.from(text.cluster, 'base64') };
      return { keeper, problems, table: readKeyTable(keeper.shared, { peppers }) };
    };
    const fallen = await reload();
    expect(fallen.problems).toEqual(['keys on the disk cannot be used']);
    for (const [i, { key }] of made.entries())
      expect(fallen.table.find(key, undefined, Date.now()).type).toBe(i === 11 ? 'revoked' : 'known');
    expect(fallen.keeper.mark).toEqual(agent.keeper.mark);
    // Without either image nothing is known, and nothing is made up.
    for (const name of images) await rm(join(folder, name));
    expect((await reload()).keeper.size).toBe(0);
    hub = await startHub(world.store);
  });

  it('an agent whose changes are held back finds a new key by asking; wrong ones reach the hub within a budget', async () => {
    const agent = await startAgent('fra');
    await until('has asked', () => agent.intake.stats.syncs === 1);
    agent.holdBack = true;
    const made = await hub.desk.create('default', { ...input, plan: 'gold' }, actor);
    const elsewhere = await hub.desk.create('shop', input, actor);
    const revoked = await hub.desk.create('default', input, actor);
    await hub.desk.revoke('default', revoked.id, {}, actor);
    const digestOf = (key: string) => hub.peppers.hubDigest(key, undefined);
    expect(typeOf(agent, made.key)).toBe('unknown');
    expect(await agent.ask(await digestOf(made.key))).toMatchObject({
      type: 'known',
      record: { id: made.id, principal: 'partner', plan: 'gold' },
      expiresAtMs: 0,
    });
    expect(await agent.ask(await digestOf(elsewhere.key))).toEqual({ type: 'unknown' });
    expect(await agent.ask(await digestOf(revoked.key))).toEqual({ type: 'revoked', id: revoked.id });
    const byDigest = hub.store.keys.byDigest.bind(hub.store.keys);
    let cost = 0;
    hub.store.keys.byDigest = (digest) => {
      cost += 1;
      return byDigest(digest);
    };
    const wrong = await Promise.all(Array.from({ length: 500 }, (_, i) => digestOf(`wrong-${i}`)));
    const start = performance.now();
    const answers = await Promise.all(wrong.map((digest) => agent.ask(digest)));
    const seconds = (performance.now() - start) / 1_000;
    expect(answers.filter((answer) => answer === 'busy').length).toBeGreaterThan(400);
    expect(cost).toBeGreaterThan(0);
    expect(cost).toBeLessThanOrEqual(SEARCHES_PER_SECOND * (1 + seconds));
    hub.store.keys.byDigest = byDigest;
    await hub.stop();
    await until('the link is down', () => !agent.link.isUp());
    await until('asked in vain', async () => (await agent.ask(await digestOf('another'))) === 'away');
    hub = await startHub(world.store);
  });

  it('a revoked key that is deleted leaves the hub and the agents; a key in use cannot be', async () => {
    const agent = await startAgent('fra');
    const { key, id } = await hub.desk.create('default', input, actor);
    await until('known', () => typeOf(agent, key) === 'known');
    await expect(hub.desk.delete('default', id, actor)).rejects.toMatchObject({ code: 'CONFLICT' });
    await hub.desk.revoke('default', id, {}, actor);
    await until('revoked', () => typeOf(agent, key) === 'revoked');
    await hub.desk.delete('default', id, actor);
    await until('forgotten', () => agent.table.size === 0);
    expect(typeOf(agent, key)).toBe('unknown');
    expect(await hub.desk.list({ limit: 10 })).toEqual([]);
    expect(await hub.desk.describe('default', id)).toBeUndefined();
    await expect(hub.desk.delete('default', id, actor)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    // Read by pages it is not there either.
    const other = await startAgent('ams');
    await until('has asked', () => other.intake.stats.syncs === 1);
    expect(other.table.size).toBe(0);
    expect(agent.problems).toEqual([]);
  });

  it("I29 neither the hub's database nor its log of writes holds a key", async () => {
    const { key, id } = await hub.desk.create('default', input, actor);
    await hub.desk.rotate('default', id, { overlapSeconds: 60 }, actor);
    await hub.desk.import('default', [{ ...input, key: 'imported-key-in-plain-sight' }], actor);
    const files = (await readdir(world.folder)).filter((name) => name.startsWith('hub.db'));
    const contents = await Promise.all(files.map((name) => readFile(join(world.folder, name))));
    const holds = (text: string) => contents.some((octets) => octets.includes(text));
    // What is looked for would be found: the id is there, in the clear.
    expect(holds(id)).toBe(true);
    const secret = key.slice('ptk_'.length);
    const forms = [secret, Buffer.from(secret, 'base64url').toString('hex'), 'imported-key-in-plain-sight'];
    expect(forms.filter(holds)).toEqual([]);
    expect(contents.some((octets) => octets.includes(Buffer.from(secret, 'base64url')))).toBe(false);
  });

  it('an agent gets the keys of the namespaces that its policies name, and another set when they change', async () => {
    const agent = await startAgent('fra');
    const own = await hub.desk.create('default', input, actor);
    const other = await hub.desk.create('shop', input, actor);
    await until('known', () => typeOf(agent, own.key) === 'known');
    expect(typeOf(agent, other.key)).toBe('unknown');
    namespaces = ['default', 'shop'];
    hub.feed.wake();
    await until('known too', () => typeOf(agent, other.key) === 'known');
    namespaces = ['shop'];
    hub.feed.wake();
    await until('taken away', () => typeOf(agent, own.key) === 'unknown');
  });

  it('an import of thousands reaches the agent as pages and as changes alike', async () => {
    const list = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ ...input, key: `imported-key-number-${from + i}` }));
    await hub.desk.import('default', list(0, 2_000), actor);
    const { warnings } = await hub.desk.import('default', list(2_000, 500), actor);
    expect(warnings).toHaveLength(0);
    const agent = await startAgent('fra');
    await until('read by pages', () => agent.table.size === 2_500);
    await hub.desk.import('default', list(2_500, 1_500), actor);
    await until('read as changes', () => agent.table.size === 4_000);
    for (const i of [0, 1_999, 2_499, 2_500, 3_999])
      expect(typeOf(agent, `imported-key-number-${i}`)).toBe('known');
    expect(agent.intake.stats.syncs).toBe(1);
  });
});

function* agentEntries(agent: KeyAgent): Generator<string> {
  yield Buffer.from(new Uint8Array(agent.keeper.shared.slots).slice()).toString('hex');
}

/** The store as a backup of that sequence would have it. */
async function forget(store: Store, sequence: number): Promise<void> {
  const { default: Libsql } = await import('libsql');
  const database = new Libsql(join(world.folder, 'hub.db'), { timeout: 5_000 });
  database.exec(`delete from api_keys where sequence > ${sequence} and state = 'active'`);
  database.exec(
    `update api_keys set state = 'active', revoked_at = null, sequence = 2 where state = 'revoked'`,
  );
  database.exec(`delete from key_commits where sequence > ${sequence}`);
  database.exec(
    `update key_feed set sequence = ${sequence}, hash = (select hash from key_commits where sequence = ${sequence})`,
  );
  database.close();
  await store.ping();
}
