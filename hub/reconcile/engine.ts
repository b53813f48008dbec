import { setTimeout as delay } from 'node:timers/promises';
import type { Prober } from '../../prober/scheduler.ts';
import type { AnswerTable } from '../../src/dns/table.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { QuorumConfig, Vote } from '../../src/health/types.ts';
import type { SnapshotSigner } from '../../src/identity/snapshot-signing.ts';
import type {
  Hello,
  HubMessage,
  SnapshotAck,
  VoteBatch as WireVoteBatch,
} from '../../src/protocol/generated/portolan_pb.js';
import type { DnsPart } from '../../src/protocol/snapshot.ts';
import { fromWireVotes } from '../../src/protocol/votes.ts';
import type { GeoLookup } from '../../src/routing/model.ts';
import type { CertificatesView } from '../certificates/statuses.ts';
import type { ZoneSigningView } from '../dnssec/zone-signing.ts';
import type { DrillEffects } from '../drills/effects.ts';
import type { Gateways } from '../gateways/gateways.ts';
import type { DnsStatus } from '../providers/status.ts';
import type { Store } from '../store/contract.ts';
import { type AgentDirectory, createAgentDirectory, type KnownAgent } from './agent-directory.ts';
import { createBroadcast } from './broadcast.ts';
import type { CaBundles } from './ca-bundles.ts';
import { dueStatuses, type InventoryStatuses, type StatusInput } from './conditions.ts';
import { createDistribution, type SentContent } from './distribution.ts';
import { drainObjects, standingDrains } from './drains.ts';
import { followObjects } from './follow.ts';
import { createHubHealth, type HubHealth } from './health.ts';
import { createHealthMemory } from './health-memory.ts';
import { createLeadership } from './leadership.ts';
import type { NameServerSecrets } from './name-server-secrets.ts';
import { objectKey } from './objects.ts';
import { createPublisher, type Published } from './publisher.ts';
import { createReconcileLoop } from './reconcile-loop.ts';
import { RefusedSnapshots } from './refused-snapshots.ts';
import { settle } from './settling.ts';
import { clusterOf, failureDomainOf, snapshotAgents } from './snapshot-agents.ts';
import type { SnapshotInput } from './snapshots.ts';
import { createStatusWriter } from './status-writer.ts';
import type { World, WorldContext } from './world.ts';
import { type ChallengeSource, type CompileTable, createWorldPublication } from './world-publication.ts';

/** A link that comes and goes must not move probes; an agent that is away for longer is no witness. */
const WITNESS_GRACE_MS = 60_000;
/** Records of a zone that takes the store some 10 ms to write. */
const BIG_ZONE = 5_000;

export interface EngineOptions {
  readonly store: Store;
  readonly signer: SnapshotSigner;
  readonly context: WorldContext;
  readonly quorum: QuorumConfig;
  readonly failureDomain: string;
  /** What locates clients now. */
  readonly geo: () => GeoLookup;
  readonly effects: DrillEffects;
  readonly caBundles: CaBundles;
  readonly compileTable: CompileTable;
  /** Challenges of certificates, for the zones that are published. */
  readonly challenges?: ChallengeSource | undefined;
  /** The states that the hub's own name server decides by have changed. */
  readonly onView?: (() => void) | undefined;
  /** The stored objects made another world, and what of it is material is published. */
  readonly onWorld?: ((world: World) => void) | undefined;
  /** What DNS providers add to statuses. */
  readonly dnsStatus?: DnsStatus | undefined;
  /** How the signing of a Zone (`namespace/name`) stands, for its status. */
  readonly signingOf?: (zone: string) => ZoneSigningView | undefined;
  /** Zone-signing and TSIG keys; never in what is published. */
  readonly nameServerSecrets: NameServerSecrets;
  /** Gateways of the clusters; absent: none are run. */
  readonly gateways?: Gateways;
  /** What agents find in their clusters; absent: none is taken. */
  readonly inventories?: InventoryStatuses;
  /** For statuses; absent: this hub gets no certificates. */
  readonly certificates?: CertificatesView;
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
  /** What the name servers hold to serve the live content. */
  readonly dns: DnsPart;
  /** Publications that are kept: the newest, and every one that an agent still answers from (I3). */
  readonly publicationsKept: number;
  readonly agents: AgentDirectory;
  readonly ready: { readonly ready: boolean; readonly reasons: readonly string[] };
  /**
   * Resolves once everything committed up to `revision` is published. Rejects with what keeps it from being published, with
   * CONFLICT when another hub took over, with NOT_READY after some seconds or when the hub stops.
   */
  caughtUp(revision: number): Promise<void>;
  /**
   * Resolves when this hub has seen what happened before it started: at once when it remembers nothing, else some seconds
   * after enough vantage points were heard. Until then its states may be what agents have withdrawn meanwhile.
   */
  settled(): Promise<void>;
  onHello(agentUid: string, hello: Hello): void;
  onVotes(agentUid: string, incarnation: string, batch: WireVoteBatch): void;
  onSnapshotAck(agentUid: string, ack: SnapshotAck): void;
  /** @param gateways what it says of its gateways now */
  onSeen(agentUid: string, gateways?: SaidOfGateways): void;
  onClosed(agentUid: string): void;
  /** Identities changed (joined, revoked): read them again. */
  identitiesChanged(): Promise<void>;
  effectsChanged(): void;
  /** What statuses are written from is otherwise. */
  statusesDue(): void;
  /** False once another hub took over, as far as this one knows. */
  readonly leading: boolean;
  /** Asks the store whether this hub is the one that acts on it; rejects when it does not answer. */
  leads(): Promise<boolean>;
  /** What is published besides objects is otherwise (a key, a TSIG secret, the GeoIP database): publish what that changes. */
  inputsChanged(): void;
  close(): Promise<void>;
}

type SaidOfGateways = Pick<KnownAgent, 'gateways' | 'gatewayProblems'>;

function sameGateways(before: SaidOfGateways | undefined, now: SaidOfGateways): boolean {
  const text = ({ gateways, gatewayProblems }: SaidOfGateways): string =>
    JSON.stringify([gateways, gatewayProblems]);
  return before !== undefined && text(before) === text(now);
}

const gatewayOf = ({ gateway }: SentContent): { readonly gateway?: string } =>
  gateway === undefined ? {} : { gateway };

/** Staleness is noticed at this pace; votes that changed are judged at once. */
const TICK_MS = 250;
const TICK_SPACING_MS = 25;
const HEARTBEAT_MS = 1_000;
/** Everything is sent again, and the epoch is compared with the store's, every so many heartbeats. */
const COMPLETE_EVERY = 10;

export async function createEngine(options: EngineOptions, emptyTable: AnswerTable): Promise<Engine> {
  const { store, effects, monotonicMs, wallMs, log } = options;
  const agents = createAgentDirectory();
  const publisher = await createPublisher(store);
  const incarnation = options.randomId();
  const hubVantage = `hub/${store.hubUid}`;
  const closing = new AbortController();
  const startedWallMs = wallMs();
  const timers: NodeJS.Timeout[] = [];
  let started = false;
  let material = true;
  let snapshotsDue = true;
  const refusals = new RefusedSnapshots();
  let beats = 0;
  let hubVoteSequence = 0;
  let tickTimer: NodeJS.Timeout | undefined;
  let lastTickMs = Number.NEGATIVE_INFINITY;
  let activeDrains = '';
  let witnesses = '';
  let remembered = false;
  let watching: Promise<void> = Promise.resolve();
  let identities: Promise<void> = Promise.resolve();

  const leadership = createLeadership(store, (reason) => {
    log.warn({ epoch: store.epoch, reason }, 'another hub took over; this one decides and publishes no more');
    loop.schedule();
  });
  const health = createHubHealth({
    quorum: options.quorum,
    monotonicMs,
    wallMs,
    onChange: (changed) => {
      broadcast.decisions(changed, false);
      statuses.touch();
    },
    onView: options.onView,
  });
  const content = createWorldPublication({ ...options, publisher, leadership, health }, emptyTable);
  const memory = createHealthMemory(store, health, log);
  const prober = options.startProber((votes) => ingestOwn(votes, false));
  const standing = () =>
    standingDrains(content.world, effects.all, { wallMs: wallMs(), monotonicMs: monotonicMs() });
  const distribution = createDistribution({
    store,
    signer: options.signer,
    agents,
    send: options.send,
    input: snapshotInput,
    log,
  });
  const broadcast = createBroadcast({
    epoch: store.epoch,
    health,
    standing,
    effects,
    listeners: () =>
      leadership.lost === undefined
        ? agents.all
            .filter((a) => a.connected && !distribution.isAhead(a.identity.agentUid))
            .map((a) => a.identity.agentUid)
        : [],
    send: options.send,
    prober,
    monotonicMs,
  });
  const statuses = createStatusWriter({
    store,
    leadership,
    // Making those of thousands of routes takes its time, and what they are about is not even sent yet.
    idle: () => loop.idle(),
    due: () => {
      const input: StatusInput = {
        world: content.world,
        health,
        published: publisher.live,
        agentOf: (cluster) => agents.ofCluster(cluster),
        signingOf: options.signingOf ?? (() => undefined),
        dns: options.dnsStatus,
        serverName: (id) => {
          const agent = agents.get(id.slice('agent/'.length));
          return agent === undefined ? id : clusterOf(agent);
        },
        gateways: options.gateways?.all,
        certificates: options.certificates,
        inventories: options.inventories,
        wallMs: wallMs(),
      };
      options.inventories?.tell(input);
      return dueStatuses(input);
    },
    isBig: ({ key: { kind, namespace, name } }) =>
      kind === 'Zone' &&
      (content.world.objects.Zone.get(objectKey(namespace, name))?.spec.records.length ?? 0) > BIG_ZONE,
    log,
  });
  const follower = followObjects({
    store,
    onChange: (isMaterial) => {
      material ||= isMaterial;
      loop.schedule();
    },
    log,
    wait: (ms, signal) => delay(ms, undefined, { signal, ref: false }).catch(() => undefined),
  });
  const loop = createReconcileLoop({ reconcile, revision: () => follower.revision, log });

  // --- stored objects -> world -> publication -> name server and agents

  async function reconcile(published: () => void): Promise<void> {
    if (leadership.lost !== undefined)
      throw new PortolanError('CONFLICT', leadership.lost, { fix: 'Use the hub that took over.' });
    if (material || follower.objects !== content.world.objects) await advance();
    health.setDrains(standing());
    published();
    if (!snapshotsDue) return;
    snapshotsDue = false;
    try {
      const set = await distribution.refresh();
      if (set !== undefined && !closing.signal.aborted) prober.assign(set.hubTargets);
    } catch (thrown) {
      snapshotsDue = true;
      throw thrown;
    }
  }

  /** Level-based: whatever changed, the world is made anew; what it is made of is reused where it is the same. */
  async function advance(): Promise<void> {
    if (!material) {
      content.adopt(follower.objects);
      options.onWorld?.(content.world);
      return;
    }
    material = false;
    try {
      await content.advance(follower.objects);
    } catch (thrown) {
      material = true;
      throw thrown;
    }
    await options.gateways?.follow(content.world);
    requestTick();
    snapshotsDue = true;
    statuses.touch();
    options.onWorld?.(content.world);
  }

  /** One that has not been heard yet counts as heard when the hub started: all are witnesses in its first minute. */
  const known = () =>
    snapshotAgents(agents.all, content.world, {
      heardAfterMs: wallMs() - WITNESS_GRACE_MS,
      hubStartedMs: startedWallMs,
    });

  function snapshotInput(): SnapshotInput | undefined {
    const published = publisher.live;
    if (published === undefined) return undefined;
    return {
      published,
      drains: drainObjects(content.world, wallMs()),
      quorum: options.quorum,
      targets: [...content.world.targets.values()],
      caBundles: options.caBundles.all,
      dns: content.dns,
      ...(options.gateways === undefined
        ? {}
        : { gateways: options.gateways.all, held: options.gateways.held }),
      agents: known(),
      hub: { id: hubVantage, kind: 'hub', failureDomain: options.failureDomain },
      wallMs: wallMs(),
    };
  }

  /** Something besides objects concerns snapshots and statuses: a peer address, an identity, a drain's end. */
  function agentsChanged(): void {
    snapshotsDue = true;
    loop.schedule();
    statuses.touch();
  }

  // --- votes -> states

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

  /** Decides at once, but not more often than every `TICK_SPACING_MS` however many batches come. */
  function requestTick(): void {
    if (closing.signal.aborted) return;
    const waitMs = lastTickMs + TICK_SPACING_MS - monotonicMs();
    if (waitMs <= 0) tick();
    else tickTimer ??= setTimeout(tick, waitMs);
  }

  function tick(): void {
    clearTimeout(tickTimer);
    tickTimer = undefined;
    health.tick();
    // From its end: in a big world a tick takes longer than the spacing, and must not follow upon every batch.
    lastTickMs = monotonicMs();
  }

  function heartbeat(): void {
    beats += 1;
    ingestOwn(prober.votes(), true);
    tick();
    health.setDrains(standing());
    if (effects.all.length > 0) broadcast.faults();
    const complete = beats % COMPLETE_EVERY === 0;
    broadcast.decisions(complete ? [...health.states.values()] : [], complete);
    if (leadership.lost === undefined) void memory.save();
    if (complete)
      leadership.confirm().catch((thrown: unknown) => {
        log.warn({ err: PortolanError.from(thrown) }, 'the store does not answer');
      });
    // A drain that reached its end changes no object: it is noticed here.
    const drains = drainObjects(content.world, wallMs())
      .map((d) => d.cluster)
      .join(' ');
    if (drains !== activeDrains) {
      activeDrains = drains;
      agentsChanged();
    }
    const seen = known()
      .filter((a) => a.witness)
      .map((a) => a.agentUid)
      .join(' ');
    if (seen !== witnesses) {
      witnesses = seen;
      agentsChanged();
    }
    for (const agentUid of refusals.due(monotonicMs())) {
      distribution.again(agentUid);
      snapshotsDue = true;
      loop.schedule();
    }
    // When agents were seen shows in statuses; a minute's granularity is enough.
    if (beats % 30 === 0) statuses.touch();
  }

  async function readIdentities(): Promise<void> {
    const stored = await store.listAgents();
    for (const identity of stored) if (identity.revoked) health.forget(`agent/${identity.agentUid}`);
    agents.setIdentities(stored);
    distribution.forgetGone();
    publisher.keepReferencesOf((uid) => agents.get(uid) !== undefined);
  }

  return {
    async start() {
      await follower.load();
      await readIdentities();
      remembered = await memory.restore();
      await loop.first();
      await statuses.flush();
      watching = follower.follow(closing.signal);
      timers.push(setInterval(tick, TICK_MS), setInterval(heartbeat, HEARTBEAT_MS));
      started = true;
    },
    get world() {
      return content.world;
    },
    health,
    get publicationsKept() {
      return publisher.kept;
    },
    get published() {
      return publisher.live;
    },
    get table() {
      return content.table;
    },
    get dns() {
      return content.dns;
    },
    agents,
    get ready() {
      const reasons = [
        ...(started ? [] : ['starting']),
        ...(leadership.lost === undefined ? [] : [leadership.lost]),
        ...(loop.failure === undefined || leadership.lost !== undefined
          ? []
          : [`reconcile failed: ${loop.failure.code}: ${loop.failure.message}`]),
        ...distribution.ahead.map(
          (uid) =>
            `agent ${uid} has followed a newer state than this hub's: the data was restored from an old backup; restore a newer one or re-join the agent`,
        ),
      ];
      return { ready: reasons.length === 0, reasons };
    },
    caughtUp: (revision) => loop.caughtUp(revision),
    settled: () =>
      settle({
        remembered,
        heardDomains: () => health.heardDomains,
        // Without agents nobody else has decided anything meanwhile.
        neededDomains: () =>
          agents.all.length === 0 ? 0 : Math.min(options.quorum.minFailureDomains, agents.all.length + 1),
        monotonicMs,
        wait: (ms) => delay(ms, undefined, { signal: closing.signal }).catch(() => undefined),
        signal: closing.signal,
      }),
    onHello(agentUid, hello) {
      agents.hello(agentUid, hello, wallMs());
      if (agents.get(agentUid) === undefined) return;
      distribution.greet(agentUid, {
        epoch: Number(hello.snapshotEpoch),
        version: Number(hello.snapshotVersion),
      });
      broadcast.greet(agentUid);
      // A new peer address concerns everyone: the reconcile compiles and sends to this agent too.
      agentsChanged();
    },
    onVotes(agentUid, agentIncarnation, batch) {
      const known = agents.get(agentUid);
      if (known === undefined) return;
      const failureDomain = failureDomainOf(known, content.world);
      prober.noteContact(failureDomain);
      health.ingest(
        fromWireVotes({ vantage: `agent/${agentUid}`, failureDomain, incarnation: agentIncarnation }, batch),
      );
      if (!known.voted && batch.votes.some((v) => v.verdict !== 0)) {
        agents.note(agentUid, { voted: true });
        statuses.touch();
      }
      if (!batch.complete) requestTick();
      agents.note(agentUid, { lastSeenWallMs: wallMs() });
    },
    onSnapshotAck(agentUid, ack) {
      const version = Number(ack.version);
      if (ack.error.startsWith('SNAPSHOT_INCOMPLETE') && distribution.incomplete(agentUid)) {
        log.info({ agentUid, error: ack.error }, 'the agent gets its whole snapshot again');
        snapshotsDue = true;
        loop.schedule();
        return;
      }
      if (ack.error !== '') {
        agents.note(agentUid, { refused: ack.error });
        refusals.refused(agentUid, monotonicMs());
        log.warn(
          { agentUid, version, error: ack.error },
          'the agent refused its snapshot and keeps the last good one',
        );
      } else {
        refusals.forget(agentUid);
        const content = distribution.acknowledged(agentUid, ack);
        const sequence = content?.sequence ?? agents.get(agentUid)?.applied?.sequence ?? 0;
        const gateway = content === undefined ? {} : gatewayOf(content);
        agents.note(agentUid, {
          applied: { version, hash: ack.hash, sequence, ...gateway },
          refused: undefined,
        });
        if (content !== undefined) publisher.referenced(agentUid, content.hash);
      }
      statuses.touch();
    },
    onSeen(agentUid, gateways) {
      const before = agents.get(agentUid);
      agents.note(agentUid, { lastSeenWallMs: wallMs(), ...gateways });
      if (gateways !== undefined && !sameGateways(before, gateways)) statuses.touch();
    },
    onClosed(agentUid) {
      refusals.forget(agentUid);
      agents.note(agentUid, { connected: false, voted: false });
      statuses.touch();
    },
    identitiesChanged() {
      // One after the other: an older list must not replace a newer one.
      const read = identities.then(readIdentities);
      identities = read.catch(() => undefined);
      return read.then(agentsChanged);
    },
    inputsChanged() {
      material = true;
      loop.schedule();
    },
    statusesDue: () => statuses.touch(),
    get leading() {
      return leadership.lost === undefined;
    },
    leads: () => leadership.confirm(),
    effectsChanged() {
      broadcast.faults();
      health.setDrains(standing());
    },
    async close() {
      closing.abort();
      for (const timer of timers) clearInterval(timer);
      clearTimeout(tickTimer);
      prober.close();
      await loop.close();
      await statuses.close();
      await watching;
    },
  };
}
