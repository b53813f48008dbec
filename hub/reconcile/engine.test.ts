import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { SNAPSHOT_PARTS } from '../../src/identity/snapshot-signing.ts';
import { NO_GATEWAY, NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import {
  type DecisionBatch,
  HelloSchema,
  type HubMessage,
  SnapshotAckSchema,
} from '../../src/protocol/generated/portolan_pb.js';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { ClusterGateways } from '../gateways/gateways.ts';
import { openStore } from '../store/open.ts';
import { startTestEngine, type TestEngine } from './engine-fixture.ts';
import { cluster, document, policy, zone } from './testing.ts';

let at: TestEngine;
beforeEach(async () => {
  at = await startTestEngine();
});
afterEach(() => at.close());

const objects = [
  cluster('de', 'DE', '198.51.100.1'),
  cluster('fr', 'FR', '198.51.100.2'),
  zone('example', 'example.com'),
  policy('www', ['www.example.com'], ['de', 'fr']),
];
const hello = (extra: Partial<{ snapshotEpoch: bigint; snapshotVersion: bigint }> = {}) =>
  create(HelloSchema, { agentVersion: '0.1.0', incarnation: 'i', wallMs: BigInt(at.wallMs()), ...extra });
const decisions = (messages: readonly HubMessage[]): readonly DecisionBatch[] =>
  messages.flatMap((m) => (m.kind.case === 'decisions' ? [m.kind.value] : []));
const snapshots = (messages: readonly HubMessage[]) =>
  messages.flatMap((m) => (m.kind.case === 'snapshot' ? [m.kind.value] : []));
const clusterNow = (name: string): Promise<Resource<'Cluster'> | undefined> =>
  at.store.get({ kind: 'Cluster', namespace: 'default', name });
const condition = async (name: string, type: string) =>
  (await clusterNow(name))?.status?.conditions.find((c) => c.type === type);

describe('stored objects become answers', () => {
  it('an object that is committed is in the table, the serial and the status once the engine caught up', async () => {
    const before = at.engine.published?.sequence ?? 0;
    const revision = await at.put(...objects);
    await at.caughtUp(revision);
    expect(at.engine.published?.sequence).toBe(before + 1);
    expect(at.answers('www.example.com')).toHaveLength(1);
    const accepted = await at.until(async () => {
      const www = await at.store.get({ kind: 'TrafficPolicy', namespace: 'default', name: 'www' });
      return www?.status?.conditions.find((c) => c.type === 'Programmed');
    });
    expect(accepted).toMatchObject({ status: 'True', reason: 'Published' });
  });

  it('its own status writes publish nothing and lead to no more writes', async () => {
    await at.caughtUp(await at.put(...objects));
    await at.quiet();
    const sequence = at.engine.published?.sequence;
    const { revision } = await at.store.list();
    await at.beats(35);
    await at.quiet();
    expect(at.engine.published?.sequence).toBe(sequence);
    expect((await at.store.list()).revision).toBe(revision);
  });

  it('a commit of many objects is published once, whole', async () => {
    const before = at.engine.published?.sequence ?? 0;
    const many = Array.from({ length: 200 }, (_, i) => policy(`p${i}`, [`p${i}.example.com`], ['de']));
    await at.caughtUp(await at.put(...objects, ...many));
    expect(at.engine.published?.sequence).toBe(before + 1);
    expect(at.engine.published?.content.policies).toHaveLength(201);
  });

  it('what keeps content from being published reaches who waits, shows in ready, and is tried again', async () => {
    at.fail('increment', new PortolanError('DISK_FULL', 'no room'));
    const revision = await at.put(...objects);
    await expect(at.caughtUp(revision)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(at.engine.ready.reasons.join()).toContain('DISK_FULL');
    expect(at.answers('www.example.com')).toEqual([]);
    at.fail('increment', undefined);
    await at.until(async () => (at.engine.ready.ready ? true : undefined));
    await at.caughtUp(revision);
    expect(at.answers('www.example.com')).toHaveLength(1);
  });

  it('I1 a hub that starts publishes what is stored, never less, though its parts speak up before it has read that', async () => {
    await at.caughtUp(await at.put(...objects));
    const before = at.engine.published;
    expect(before?.content.zones).toHaveLength(1);
    await at.restart();
    expect(at.engine.published).toEqual(before);
    expect(at.answers('www.example.com')).toHaveLength(1);
  });

  it('nobody waits for ever: a hub that stops says so', async () => {
    const waiting = at.engine.caughtUp(1_000_000);
    const said = expect(waiting).rejects.toMatchObject({ code: 'NOT_READY' });
    await at.engine.close();
    await said;
  });
});

describe('votes become decisions', () => {
  it('agents hear a change at once with the memory to go on from, everything every ten beats, a heartbeat between', async () => {
    await at.caughtUp(await at.put(...objects));
    const us = await at.join('us');
    at.engine.onHello(us, hello());
    expect(decisions(at.sentTo(us))[0]).toMatchObject({ complete: true, authoritative: false });
    const [target] = at.targetsOf('default/de');
    // Two failure domains that were connected long enough say down.
    for (const verdict of ['up', 'down'] as const)
      for (let i = 0; i < 6; i += 1) {
        at.vote('us', us, verdict);
        at.ownVotes(verdict);
        await at.beats(1);
      }
    const [change] = decisions(at.sentTo(us)).filter((d) =>
      d.decisions.some((x) => x.targetId === target?.id && x.state === 2 && !d.complete),
    );
    expect(change?.authoritative).toBe(true);
    expect(change?.decisions.find((d) => d.targetId === target?.id)).toMatchObject({ flaps: 1 });
    at.forgetSent();
    await at.beats(20);
    const seen = decisions(at.sentTo(us));
    expect(seen.filter((d) => d.complete)).toHaveLength(2);
    expect(seen.length).toBeGreaterThanOrEqual(20);
    const sequences = seen.map((d) => Number(d.sequence));
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(at.engine.health.state(target?.id ?? '')).toBe('down');
  });

  it('what health decided is there after a restart', async () => {
    await at.caughtUp(await at.put(...objects));
    const us = await at.join('us');
    at.engine.onHello(us, hello());
    for (const verdict of ['up', 'down'] as const)
      for (let i = 0; i < 6; i += 1) {
        at.vote('us', us, verdict);
        at.ownVotes(verdict);
        await at.beats(1);
      }
    const [target] = at.targetsOf('default/de');
    expect(at.engine.health.state(target?.id ?? '')).toBe('down');
    await at.quiet();
    await at.restart();
    await at.beats(1);
    expect(at.engine.health.authoritative).toBe(false);
    expect(at.engine.health.state(target?.id ?? '')).toBe('down');
  });

  it('a drain that ends by its date is over at the agents and in the status without any write by a person', async () => {
    await at.caughtUp(await at.put(...objects));
    const us = await at.join('us');
    at.engine.onHello(us, hello());
    const expiresAt = new Date(at.wallMs() + 5_000).toISOString();
    await at.caughtUp(await at.put(document('Drain', 'de', { cluster: 'de', expiresAt })));
    expect(at.engine.health.isDrained('default/de')).toBe(true);
    expect(decisions(at.sentTo(us)).at(-1)?.drains).toMatchObject([{ cluster: 'default/de' }]);
    await at.beats(6);
    expect(at.engine.health.isDrained('default/de')).toBe(false);
    expect(decisions(at.sentTo(us)).at(-1)?.drains).toEqual([]);
    await at.until(async () => {
      const drain = await at.store.get({ kind: 'Drain', namespace: 'default', name: 'de' });
      return drain?.status?.conditions.find((c) => c.reason === 'Expired');
    });
    await at.until(async () => ((await clusterNow('de'))?.status?.draining === undefined ? true : undefined));
  });
});

describe('agents', () => {
  it('get a snapshot when they connect and another one only when it differs', async () => {
    await at.caughtUp(await at.put(...objects));
    const us = await at.join('us');
    at.engine.onHello(us, hello());
    await at.until(() => snapshots(at.sentTo(us))[0]);
    await at.quiet();
    await at.beats(15);
    expect(snapshots(at.sentTo(us))).toHaveLength(1);
    await at.caughtUp(await at.put(policy('more', ['more.example.com'], ['de'])));
    await at.until(() => snapshots(at.sentTo(us))[1]);
  });

  it('that refuse a snapshot show it in their condition; one that confirms it is ready after its first vote', async () => {
    await at.caughtUp(await at.put(...objects));
    const us = await at.join('us');
    at.engine.onHello(us, hello());
    await at.until(() => snapshots(at.sentTo(us))[0]);
    at.engine.onSnapshotAck(
      us,
      create(SnapshotAckSchema, { version: 1n, error: 'zone example.com: broken' }),
    );
    await at.until(async () =>
      (await condition('us', 'Ready'))?.reason === 'SnapshotRefused' ? true : undefined,
    );
    expect((await condition('us', 'Ready'))?.message).toContain('broken');
    at.engine.onSnapshotAck(us, create(SnapshotAckSchema, { version: 1n, hash: 'h' }));
    at.vote('us', us, 'up');
    await at.until(async () => ((await condition('us', 'Ready'))?.status === 'True' ? true : undefined));
    expect((await clusterNow('us'))?.status?.agent?.snapshotSequence).toBe(at.engine.published?.sequence);
  });

  it('that lack pieces of their gateway configuration get all of them, once; what still lacks some is said', async () => {
    await at.close();
    const contents = [1, 2, 3].map((byte) => Uint8Array.of(byte));
    const refs = contents.map((_, piece) => ({ sha256: `digest ${piece}`, size: 1 }));
    const configuration = (digest: string): ClusterGateways => ({
      part: NO_GATEWAY,
      pieces: { frame: new TextEncoder().encode(digest), refs, contents, digest },
      secrets: NO_GATEWAY_SECRETS,
      reports: { gateways: [], routes: [], policies: [] },
      problems: new Map(),
      waiting: new Map(),
      digest,
    });
    const all = new Map([['default/us', configuration('first')]]);
    at = await startTestEngine({
      gateways: { all, held: new Set(), due: () => false, follow: async () => undefined },
    });
    await at.caughtUp(await at.put(...objects));
    const us = await at.join('us');
    at.engine.onHello(us, create(HelloSchema, { ...hello(), snapshotParts: [...SNAPSHOT_PARTS] }));
    const newest = (version: number) => at.until(() => snapshots(at.sentTo(us))[version - 1]);
    const lacks = (): void =>
      at.engine.onSnapshotAck(
        us,
        create(SnapshotAckSchema, { error: 'SNAPSHOT_INCOMPLETE: one is missing' }),
      );
    expect((await newest(1)).pieces).toHaveLength(3);
    at.engine.onSnapshotAck(us, create(SnapshotAckSchema, { version: 1n, hash: 'h' }));
    all.set('default/us', configuration('second'));
    at.engine.inputsChanged();
    expect((await newest(2)).pieces).toHaveLength(0);
    lacks();
    expect((await newest(3)).pieces).toHaveLength(3);
    expect(at.engine.agents.get(us)?.refused).toBeUndefined();
    lacks();
    await at.quiet();
    expect(snapshots(at.sentTo(us))).toHaveLength(3);
    expect(at.engine.agents.get(us)?.refused).toContain('SNAPSHOT_INCOMPLETE');
  });

  it('that refused a snapshot get it again although nothing changed, later each time, until they take it', async () => {
    await at.caughtUp(await at.put(...objects));
    const us = await at.join('us');
    at.engine.onHello(us, hello());
    await at.until(() => snapshots(at.sentTo(us))[0]);
    const count = () => snapshots(at.sentTo(us)).length;
    const refuse = (): void =>
      at.engine.onSnapshotAck(us, create(SnapshotAckSchema, { error: 'DISK_FULL: no space left' }));
    refuse();
    await at.beats(14);
    expect(count()).toBe(1);
    await at.beats(3);
    expect(count()).toBe(2);
    refuse();
    await at.beats(28);
    expect(count()).toBe(2);
    await at.beats(4);
    expect(count()).toBe(3);
    at.engine.onSnapshotAck(us, create(SnapshotAckSchema, { version: 3n, hash: 'h' }));
    expect(at.engine.agents.get(us)?.refused).toBeUndefined();
  });

  it('I3 what an agent still answers from is kept, however much is published, and goes when the agent has moved on or is gone', async () => {
    await at.caughtUp(await at.put(...objects));
    const us = await at.join('us');
    at.engine.onHello(us, hello());
    await at.until(() => snapshots(at.sentTo(us))[0]);
    at.engine.onSnapshotAck(us, create(SnapshotAckSchema, { version: 1n, hash: 'h' }));
    for (let i = 0; i < 6; i += 1) {
      await at.caughtUp(await at.put(policy(`more-${i}`, [`more-${i}.example.com`], ['de'])));
      await at.until(() => snapshots(at.sentTo(us))[i + 1]);
    }
    const withOld = at.engine.publicationsKept;
    at.engine.onSnapshotAck(us, create(SnapshotAckSchema, { version: 7n, hash: 'h7' }));
    await at.caughtUp(await at.put(policy('last', ['last.example.com'], ['de'])));
    expect(at.engine.publicationsKept).toBe(withOld - 1);
    expect(withOld).toBe(4);
  });

  it.each([
    ['epoch', { snapshotEpoch: 99n, snapshotVersion: 1n }],
    ['snapshot version', { snapshotEpoch: 1n, snapshotVersion: 500n }],
  ])(
    'that have seen a newer %s than this hub knows are not led by it: its data is an old backup',
    async (_, seen) => {
      await at.caughtUp(await at.put(...objects));
      const us = await at.join('us');
      at.engine.onHello(us, hello(seen));
      await at.until(() => (at.engine.ready.ready ? undefined : true));
      expect(at.engine.ready.reasons.join()).toContain('old backup');
      at.forgetSent();
      await at.beats(12);
      expect(at.sentTo(us)).toEqual([]);
      // Revoked, it holds up nothing any more.
      await at.store.updateAgent(us, { revoked: true }, { id: 'hub', display: 'test' });
      await at.engine.identitiesChanged();
      expect(at.engine.ready.ready).toBe(true);
    },
  );
});

describe('two hubs on one store', () => {
  it('I1 the one with the older epoch stops: no decisions, no publication, and it says so', async () => {
    await at.caughtUp(await at.put(...objects));
    const us = await at.join('us');
    at.engine.onHello(us, hello());
    const newer = await openStore(at.storeConfig, at.storeDependencies);
    try {
      await at.beats(10);
      await at.until(() => (at.engine.ready.ready ? undefined : true));
      expect(at.engine.ready.reasons.join()).toContain('another hub took over');
      at.forgetSent();
      const sequence = at.engine.published?.sequence;
      const { revision } = await newer.commit(
        [
          {
            type: 'create',
            key: { kind: 'Cluster', namespace: 'default', name: 'later' },
            spec: { location: { country: 'DE' }, addresses: ['198.51.100.9'] },
          },
        ],
        { actor: { id: 'test', display: 'test' } },
      );
      await expect(at.caughtUp(revision)).rejects.toMatchObject({ code: 'CONFLICT' });
      await at.beats(12);
      expect(at.sentTo(us)).toEqual([]);
      expect(at.engine.published?.sequence).toBe(sequence);
      expect(at.warnings.filter((w) => w.includes('took over'))).toHaveLength(1);
    } finally {
      await newer.close();
    }
  });
});
