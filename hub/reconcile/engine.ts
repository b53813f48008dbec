import { createHash } from 'node:crypto';
import type { Prober } from '../../prober/scheduler.ts';
import type { AnswerTable } from '../../src/dns/table.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { QuorumConfig, Target, TargetMemory, TargetState, Vote } from '../../src/health/types.ts';
import type { SnapshotSigner } from '../../src/identity/snapshot-signing.ts';
import type {
  Hello,
  HubMessage,
  SnapshotAck,
  VoteBatch as WireVoteBatch,
} from '../../src/protocol/generated/portolan_pb.js';
import type { RoutingPart } from '../../src/protocol/snapshot.ts';
import { fromWireVotes } from '../../src/protocol/votes.ts';
import type { GeoLookup, StateView } from '../../src/routing/model.ts';
import { type DrillEffects, EFFECT_LEASE_MS } from '../drills/effects.ts';
import type { Store } from '../store/contract.ts';
import { type AgentDirectory, createAgentDirectory } from './agent-directory.ts';
import type { CaBundles } from './ca-bundles.ts';
import { dueStatuses } from './conditions.ts';
import { decisionMessage, faultMessage } from './decisions.ts';
import { drainObjects, standingDrains } from './drains.ts';
import { createHubHealth, type HubHealth } from './health.ts';
import { applyChanges, NO_OBJECTS, type Objects, objectKey, objectsOf } from './objects.ts';
import { createPublisher, type Published } from './publisher.ts';
import { compileSnapshots, type SnapshotAgent, type SnapshotSet, snapshotMessage } from './snapshots.ts';
import { buildWorld, routingContent, type World, type WorldContext } from './world.ts';

export interface EngineOptions {
  readonly store: Store;
  readonly signer: SnapshotSigner;
  readonly context: WorldContext;
  readonly quorum: QuorumConfig;
  readonly failureDomain: string;
  readonly geo: GeoLookup;
  readonly effects: DrillEffects;
  readonly caBundles: CaBundles;
  /** Compiles what the hub's own name server answers from. */
  readonly compileTable: (routing: RoutingPart, geo: GeoLookup, view: () => StateView) => AnswerTable;
  /** Makes the hub's own vantage point; called once. */
  readonly startProber: (onVotes: (votes: readonly Vote[]) => void) => Prober;
  /** Sends to an agent if it is connected. */
  readonly send: (agentUid: string, message: HubMessage) => void;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  readonly randomId: () => string;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** The hub's loop: stored objects → world → publication → name server and agents; votes → states → name server and agents. */
export interface Engine {
  start(): Promise<void>;
  readonly world: World;
  readonly health: HubHealth;
  readonly published: Published | undefined;
  readonly table: AnswerTable;
  readonly agents: AgentDirectory;
  readonly ready: { readonly ready: boolean; readonly reasons: readonly string[] };
  /** Resolves once everything committed up to `revision` is published. */
  caughtUp(revision: number): Promise<void>;
  onHello(agentUid: string, hello: Hello): void;
  onVotes(agentUid: string, incarnation: string, batch: WireVoteBatch): void;
  onSnapshotAck(agentUid: string, ack: SnapshotAck): void;
  onSeen(agentUid: string): void;
  onClosed(agentUid: string): void;
  /** Identities changed (joined, revoked): read them again. */
  identitiesChanged(): Promise<void>;
  effectsChanged(): void;
  close(): Promise<void>;
}

const MEMORY_KEY = 'health/memory';
/** Staleness is noticed at this pace; votes that changed are judged at once. */
const TICK_MS = 250;
const TICK_SPACING_MS = 25;
const HEARTBEAT_MS = 1_000;
const COMPLETE_EVERY = 10;
const MINIMUM_AGENT = '0.1.0';

export async function createEngine(options: EngineOptions, emptyTable: AnswerTable): Promise<Engine> {
  const { store, monotonicMs, wallMs, log } = options;
  const agents = createAgentDirectory();
  const publisher = await createPublisher(store);
  const incarnation = options.randomId();
  const closing = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  let objects: Objects = NO_OBJECTS;
  let world: World = buildWorld(objects, options.context);
  let table = emptyTable;
  let revision = 0;
  let reconciledRevision = -1;
  let snapshots: SnapshotSet | undefined;
  let decisionSequence = 0;
  let beats = 0;
  let hubVoteSequence = 0;
  let savedMemory = '';
  let failure: string | undefined;
  let started = false;
  let pending: NodeJS.Timeout | undefined;
  let tickTimer: NodeJS.Timeout | undefined;
  let lastTickMs = Number.NEGATIVE_INFINITY;
  let activeDrains = '';
  const dirty = new Set<'snapshots' | 'statuses'>();
  let work: Promise<void> = Promise.resolve();
  let watching: Promise<void> = Promise.resolve();
  const waiters: { readonly revision: number; readonly done: () => void }[] = [];
  const sentDigest = new Map<string, string>();
  const sent = new Map<
    string,
    { readonly version: number; readonly sequence: number; readonly contentHash: string }
  >();
  /** Agents that know a newer epoch than ours: this hub's data was restored from a backup, so it must not lead them. */
  const ahead = new Set<string>();

  const health = createHubHealth({
    quorum: options.quorum,
    monotonicMs,
    wallMs,
    onChange: (changed) => {
      broadcastDecisions(changed, false);
      touch('statuses');
    },
  });
  const hubVantage = `hub/${store.hubUid}`;
  const prober = options.startProber((votes) => ingestOwn(votes, false));

  function ingestOwn(votes: readonly Vote[], complete: boolean): void {
    hubVoteSequence += 1;
    health.ingest({
      vantage: hubVantage,
      failureDomain: options.failureDomain,
      incarnation,
      sequence: hubVoteSequence,
      connectedAgeMs: prober.connectedAgeMs(),
      complete,
      votes,
    });
    if (!complete) requestTick();
  }

  // --- stored objects -> world -> publication

  function schedule(): void {
    pending ??= setTimeout(() => {
      pending = undefined;
      work = work.then(reconcile).catch((thrown: unknown) => {
        const error = PortolanError.from(thrown);
        failure = `${error.code}: ${error.message}`;
        log.warn({ err: error }, 'reconcile failed; it is tried again');
        if (!closing.signal.aborted) setTimeout(schedule, 1_000).unref();
      });
    }, 10);
  }

  async function reconcile(): Promise<void> {
    const upTo = revision;
    if (objects !== world.objects) await publishWorld();
    refreshDrains();
    if (dirty.has('snapshots')) {
      dirty.delete('snapshots');
      await refreshSnapshots();
    }
    if (dirty.has('statuses')) {
      dirty.delete('statuses');
      await writeStatuses();
    }
    failure = undefined;
    reconciledRevision = upTo;
    for (const waiter of waiters.splice(0)) {
      if (waiter.revision <= upTo) waiter.done();
      else waiters.push(waiter);
    }
  }

  async function publishWorld(): Promise<void> {
    world = buildWorld(objects, options.context, world);
    const before = publisher.live?.sequence;
    const published = await publisher.publish(routingContent(world, options.context, options.geo.sha256));
    if (published.sequence !== before) {
      table = options.compileTable(
        { ...published.content, sequence: published.sequence, drains: [], issuedAtMs: wallMs() },
        options.geo,
        () => health.view,
      );
      health.setPolicies(published.content.policies, options.context.regions);
      log.info(
        {
          sequence: published.sequence,
          zones: published.content.zones.length,
          policies: published.content.policies.length,
        },
        'published',
      );
    }
    health.setTargets([...world.targets.values()]);
    await options.caBundles.refresh(world.targets.values());
    requestTick();
    dirty.add('snapshots').add('statuses');
  }

  /** Marks what has to be looked at again, and sees to it that it is. */
  function touch(...parts: readonly ('snapshots' | 'statuses')[]): void {
    for (const part of parts) dirty.add(part);
    schedule();
  }

  /** Decides at once, but not more often than every `TICK_SPACING_MS` however many batches come. */
  function requestTick(): void {
    const waitMs = lastTickMs + TICK_SPACING_MS - monotonicMs();
    if (waitMs <= 0) tick();
    else tickTimer ??= setTimeout(tick, waitMs);
  }

  function tick(): void {
    clearTimeout(tickTimer);
    tickTimer = undefined;
    lastTickMs = monotonicMs();
    health.tick();
  }

  function refreshDrains(): void {
    health.setDrains(
      standingDrains(world, options.effects.all, { wallMs: wallMs(), monotonicMs: monotonicMs() }),
    );
  }

  async function writeStatuses(): Promise<void> {
    const due = dueStatuses({
      world,
      health,
      published: publisher.live,
      agentOf: (cluster) => agents.ofCluster(cluster),
      wallMs: wallMs(),
    });
    for (const change of due) {
      // One at a time: an object that was deleted meanwhile must not hold up the others.
      await store
        .commit([change], { actor: { id: 'hub', display: 'reconcile' }, epoch: store.epoch })
        .catch((thrown: unknown) => {
          const error = PortolanError.from(thrown);
          if (error.code !== 'NOT_FOUND') throw error;
        });
    }
  }

  // --- snapshots

  function snapshotAgents(): readonly SnapshotAgent[] {
    return agents.all.map((a) => {
      const cluster = objectKey(a.identity.cluster.namespace, a.identity.cluster.name);
      const spec = world.objects.Cluster.get(cluster)?.spec;
      const stored = world.objects.Cluster.get(cluster)?.status?.agent?.peerAddress;
      return {
        agentUid: a.identity.agentUid,
        clusterUid: a.identity.clusterUid,
        cluster,
        failureDomain: spec?.failureDomain ?? a.identity.cluster.name,
        generation: a.identity.generation,
        peerAddress: a.peerAddress ?? stored,
        connected: a.connected,
      };
    });
  }

  async function refreshSnapshots(): Promise<void> {
    const published = publisher.live;
    if (published === undefined) return;
    snapshots = compileSnapshots(
      {
        published,
        drains: drainObjects(world, wallMs()),
        quorum: options.quorum,
        targets: [...world.targets.values()],
        caBundles: options.caBundles.all,
        agents: snapshotAgents(),
        hub: { id: hubVantage, kind: 'hub', failureDomain: options.failureDomain },
        wallMs: wallMs(),
      },
      (text) => Buffer.from(text, 'utf8'),
      (parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex'),
    );
    prober.assign(snapshots.hubTargets);
    for (const agent of agents.all) if (agent.connected) await sendSnapshot(agent.identity.agentUid, false);
  }

  async function sendSnapshot(agentUid: string, always: boolean): Promise<void> {
    const compiled = snapshots?.byAgent.get(agentUid);
    const published = publisher.live;
    if (compiled === undefined || published === undefined || ahead.has(agentUid)) return;
    if (!always && sentDigest.get(agentUid) === compiled.digest) return;
    sentDigest.set(agentUid, compiled.digest);
    const version = await store.increment(`snapshot/${agentUid}`);
    const { message } = snapshotMessage(
      compiled,
      {
        hub: store.hubUid,
        epoch: store.epoch,
        version,
        previous: agents.get(agentUid)?.applied?.hash ?? '',
        issuedAtMs: wallMs(),
        minimumAgent: MINIMUM_AGENT,
      },
      options.signer,
    );
    sent.set(agentUid, { version, sequence: published.sequence, contentHash: published.hash });
    options.send(agentUid, message);
  }

  // --- states and drains to the agents

  const allStates = (): readonly TargetState[] => [...health.states.values()];

  function decisions(states: readonly TargetState[], complete: boolean): HubMessage {
    const memories: Readonly<Record<string, TargetMemory>> = states.length > 0 ? health.memories() : {};
    return decisionMessage({
      epoch: store.epoch,
      sequence: decisionSequence,
      complete,
      authoritative: health.authoritative,
      states,
      memories,
      drains: standingDrains(world, options.effects.all, { wallMs: wallMs(), monotonicMs: monotonicMs() }),
    });
  }

  function broadcastDecisions(states: readonly TargetState[], complete: boolean): void {
    decisionSequence += 1;
    const message = decisions(states, complete);
    for (const agent of agents.all)
      if (agent.connected && !ahead.has(agent.identity.agentUid))
        options.send(agent.identity.agentUid, message);
  }

  function broadcastFaults(): void {
    const message = faultMessage(options.effects.all);
    for (const agent of agents.all) if (agent.connected) options.send(agent.identity.agentUid, message);
  }

  function setOwnFaults(): void {
    const expiresAtMs = monotonicMs() + EFFECT_LEASE_MS;
    prober.setFaults(
      options.effects.all
        .filter((e) => e.action === 'fail')
        .map((e) => ({ id: e.id, cluster: e.cluster, expiresAtMs })),
    );
  }

  function heartbeat(): void {
    beats += 1;
    ingestOwn(prober.votes(), true);
    tick();
    refreshDrains();
    if (options.effects.all.length > 0) {
      setOwnFaults();
      broadcastFaults();
    }
    const complete = beats % COMPLETE_EVERY === 0;
    broadcastDecisions(complete ? allStates() : [], complete);
    const memory = JSON.stringify(Object.entries(health.memories()).map(([id, m]) => [id, m.state, m.flaps]));
    if (memory !== savedMemory && health.authoritative) {
      savedMemory = memory;
      work = work
        .then(() => store.putMeta(MEMORY_KEY, JSON.stringify(health.memories())))
        .catch((thrown: unknown) => log.warn({ err: PortolanError.from(thrown) }, 'health memory not saved'));
    }
    // A drain that reached its end changes no object: it is noticed here.
    const drains = drainObjects(world, wallMs())
      .map((d) => d.cluster)
      .join(' ');
    if (drains !== activeDrains) {
      activeDrains = drains;
      touch('snapshots', 'statuses');
    }
    // Agents seen lately show in statuses; a minute's granularity is enough.
    if (beats % 30 === 0) touch('statuses');
  }

  // --- the store's events

  async function watch(from: number): Promise<void> {
    let at = from;
    while (!closing.signal.aborted) {
      try {
        for await (const event of store.watch({ fromRevision: at, signal: closing.signal })) {
          at = event.revision;
          const { kind, metadata } = event.object;
          objects =
            event.type === 'deleted'
              ? applyChanges(objects, [], [{ kind, namespace: metadata.namespace, name: metadata.name }])
              : applyChanges(objects, [event.object], []);
          revision = event.revision;
          schedule();
        }
      } catch (thrown) {
        const error = PortolanError.from(thrown);
        log.warn({ err: error }, 'watch ended; listing again');
        const listed = await store.list().catch(() => undefined);
        if (listed === undefined) {
          await new Promise((resolve) => setTimeout(resolve, 500).unref());
          continue;
        }
        objects = objectsOf(listed.items);
        at = listed.revision;
        revision = listed.revision;
        schedule();
      }
    }
  }

  return {
    async start() {
      const listed = await store.list();
      objects = objectsOf(listed.items);
      revision = listed.revision;
      agents.setIdentities(await store.listAgents());
      const remembered = await store.getMeta(MEMORY_KEY);
      if (remembered !== undefined)
        health.restore(JSON.parse(remembered) as Readonly<Record<string, TargetMemory>>);
      await reconcile();
      watching = watch(listed.revision);
      timers.push(setInterval(tick, TICK_MS), setInterval(heartbeat, HEARTBEAT_MS));
      started = true;
    },
    get world() {
      return world;
    },
    health,
    get published() {
      return publisher.live;
    },
    get table() {
      return table;
    },
    agents,
    get ready() {
      const reasons = [
        ...(started ? [] : ['starting']),
        ...(failure === undefined ? [] : [`reconcile failed: ${failure}`]),
        ...[...ahead].map(
          (uid) =>
            `agent ${uid} has followed a newer epoch than this hub's: the data directory was restored from an old backup; restore a newer one or re-join the agent`,
        ),
      ];
      return { ready: reasons.length === 0, reasons };
    },
    caughtUp(wanted) {
      if (wanted <= reconciledRevision) return Promise.resolve();
      return new Promise((resolve) => {
        waiters.push({ revision: wanted, done: resolve });
        schedule();
      });
    },
    onHello(agentUid, hello) {
      agents.hello(agentUid, hello, wallMs());
      if (Number(hello.snapshotEpoch) > store.epoch) {
        ahead.add(agentUid);
        log.warn(
          { agentUid, agentEpoch: Number(hello.snapshotEpoch), epoch: store.epoch },
          'the agent has followed a newer epoch; it gets no snapshots from this hub',
        );
      } else {
        ahead.delete(agentUid);
      }
      sentDigest.delete(agentUid);
      options.send(agentUid, decisions(allStates(), true));
      options.send(agentUid, faultMessage(options.effects.all));
      // A new peer address concerns everyone: the reconcile compiles and sends to this agent too.
      touch('snapshots', 'statuses');
    },
    onVotes(agentUid, agentIncarnation, batch) {
      const known = agents.get(agentUid);
      if (known === undefined) return;
      const cluster = world.objects.Cluster.get(
        objectKey(known.identity.cluster.namespace, known.identity.cluster.name),
      );
      const failureDomain = cluster?.spec.failureDomain ?? known.identity.cluster.name;
      prober.noteContact(failureDomain);
      health.ingest(
        fromWireVotes({ vantage: `agent/${agentUid}`, failureDomain, incarnation: agentIncarnation }, batch),
      );
      if (!known.voted && batch.votes.some((v) => v.verdict !== 0)) {
        agents.note(agentUid, { voted: true });
        touch('statuses');
      }
      if (!batch.complete) requestTick();
      agents.note(agentUid, { lastSeenWallMs: wallMs() });
    },
    onSnapshotAck(agentUid, ack) {
      const was = sent.get(agentUid);
      const version = Number(ack.version);
      if (ack.error !== '') {
        agents.note(agentUid, { refused: ack.error });
        log.warn(
          { agentUid, version, error: ack.error },
          'the agent refused its snapshot and keeps the last good one',
        );
      } else {
        const sequence =
          was?.version === version ? was.sequence : (agents.get(agentUid)?.applied?.sequence ?? 0);
        agents.note(agentUid, { applied: { version, hash: ack.hash, sequence }, refused: undefined });
        if (was?.version === version) publisher.referenced(agentUid, was.contentHash);
      }
      touch('statuses');
    },
    onSeen: (agentUid) => agents.note(agentUid, { lastSeenWallMs: wallMs() }),
    onClosed(agentUid) {
      agents.note(agentUid, { connected: false, voted: false });
      touch('statuses');
    },
    async identitiesChanged() {
      const identities = await store.listAgents();
      for (const identity of identities) if (identity.revoked) health.forget(`agent/${identity.agentUid}`);
      agents.setIdentities(identities);
      touch('snapshots', 'statuses');
    },
    effectsChanged() {
      setOwnFaults();
      broadcastFaults();
      refreshDrains();
    },
    async close() {
      closing.abort();
      for (const timer of timers) clearInterval(timer);
      clearTimeout(pending);
      clearTimeout(tickTimer);
      prober.close();
      await work.catch(() => undefined);
      await watching.catch(() => undefined);
    },
  };
}

/** Targets of a cluster, for drills and explanations. */
export function targetsOf(world: World, cluster: string): readonly Target[] {
  return [...world.targets.values()].filter((t) => t.cluster === cluster);
}
