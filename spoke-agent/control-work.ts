import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { systemTimer } from '../prober/probe.ts';
import { systemResolve } from '../prober/resolve.ts';
import { createProber, NEVER_CONNECTED_MS, type Prober } from '../prober/scheduler.ts';
import { PortolanError } from '../src/errors/error.ts';
import type { Target, Vote } from '../src/health/types.ts';
import { sha256Hex } from '../src/identity/digest.ts';
import { SNAPSHOT_PARTS } from '../src/identity/snapshot-signing.ts';
import type { LinkClock } from '../src/protocol/clock.ts';
import {
  AgentStatusSchema,
  HelloSchema,
  type Observe,
  type QuotaReply,
  SnapshotAckSchema,
  type VoteBatch as WireVoteBatch,
} from '../src/protocol/generated/portolan_pb.js';
import { decodeQuotaReply, encodeQuotaRequest } from '../src/protocol/quota-codec.ts';
import type { PeersPart, ProbesPart, SnapshotContent } from '../src/protocol/snapshot.ts';
import { fromWireVotes, toWireVotes } from '../src/protocol/votes.ts';
import { agentSnapshots } from './agent-snapshots.ts';
import { createControlCertificates } from './certificates/control-certificates.ts';
import { controlMetrics } from './control-metrics.ts';
import { createControlKeys } from './credentials/control-keys.ts';
import { createAgentDecision, type Ruling } from './decision.ts';
import { createControlEndpoints } from './endpoints/control-endpoints.ts';
import { locatesClients } from './gateway/configuration.ts';
import { openGeoFiles } from './geo-files.ts';
import { createGeoKeeper } from './geo-keeper.ts';
import { fromDecisionBatch, fromFaultLeases } from './hub-messages.ts';
import { openIdentity } from './identity-files.ts';
import type { ControlKubernetes } from './kubernetes/control-kubernetes.ts';
import { kubernetesPart } from './kubernetes/kubernetes-part.ts';
import { createHubLink, type HubLink } from './link.ts';
import { formatListen } from './listen-address.ts';
import type { AgentLog } from './log.ts';
import {
  type GatewayFacts,
  memoryOfTuple,
  type SavedStates,
  type ToControl,
  type ToData,
} from './messages.ts';
import { observe } from './observe.ts';
import { createPeerLinks, type PeerLinks } from './peers.ts';
import type { ProgramFiles } from './programs.ts';
import { createSacrificialCheck } from './sacrificial-check.ts';
import { snapshotDrains } from './served-states.ts';
import { readPart } from './snapshot-file.ts';
import { createSnapshotIntake, type SnapshotPlace } from './snapshot-intake.ts';
import { checkedFile, type StoredSnapshot } from './snapshot-store.ts';
import { createStatePublisher } from './state-publisher.ts';
import { toUsageBatch } from './usage-batch.ts';
import { AGENT_VERSION } from './version.ts';

/** All votes go out this often; changes at once. */
const VOTES_EVERY_MS = 1_000;
/** The rule is looked at this often; a change of the hub's mind or of a vote is looked at right away. */
const TICK_MS = 250;
/** Changes within this time are one look. */
const SOON_MS = 5;
const STATUS_EVERY_MS = 5_000;
const DOWN_LINE_EVERY_MS = 60_000;

export interface ControlDeps {
  readonly programs: ProgramFiles;
  readonly clock: LinkClock;
  readonly random: () => number;
  readonly log: AgentLog;
  readonly send: (message: ToData) => void;
}

export interface Control {
  receive(message: Exclude<ToControl, { type: 'start' | 'stop' }>): void;
  close(): Promise<void>;
}

/**
 * All the work of the control process: link, peers, probes, snapshots, decision.
 * @throws PortolanError DATA_DIR_INVALID, PORT_IN_USE
 */
export async function startControl(
  start: Extract<ToControl, { type: 'start' }>,
  deps: ControlDeps,
): Promise<Control> {
  const { clock, log, random } = deps;
  const { config, nameServers } = start;
  const identity = await openIdentity(config.dataDir);
  const { agentUid, cluster } = identity.current();
  const vantage = `agent/${agentUid}`;
  const ownCluster = `${cluster.namespace}/${cluster.name}`;
  const incarnation = randomUUID();
  const advertised = config.dns.advertise ?? nameServers;
  const times = () => ({ nowMs: clock.monotonicMs(), wallMs: clock.wallMs() });

  const decision = createAgentDecision();
  const publisher = createStatePublisher({
    send: deps.send,
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, run) => clock.after(delayMs, run),
  });
  const ending = new AbortController();
  const check = createSacrificialCheck({ program: deps.programs.snapshotCheck, signal: ending.signal });
  const snapshots = agentSnapshots(config.dataDir, identity, {
    check: check.tryOut,
    onDamaged: (err) => log.error({ err }, 'a snapshot on the disk cannot be used'),
  });

  let self: PeersPart['self'] | undefined;
  let prober: Prober | undefined;
  let probes: ProbesPart | undefined;
  let link: HubLink | undefined;
  let inUse = (): SnapshotPlace | undefined => undefined;
  let peers: PeerLinks | undefined;
  let voteSequence = 0;
  let source: Ruling['source'] | undefined;
  let wasUp = false;
  let toldDownMs = Number.NEGATIVE_INFINITY;
  let closed = false;
  let gateway: GatewayFacts = start;

  // --- rule
  let cancelSoon: (() => void) | undefined;
  const rule = (): void => {
    cancelSoon?.();
    cancelSoon = undefined;
    if (closed) return;
    const ruling = decision.tick(times());
    if (ruling.source !== source) {
      if (ruling.source === 'hub') log.info({ epoch: ruling.epoch }, 'the hub decides');
      else if (source === 'hub')
        log.warn({}, 'the hub is silent: this agent decides by the votes of its peers and its own');
      source = ruling.source;
    }
    publisher.offer(ruling);
  };
  const ruleSoon = (): void => {
    cancelSoon ??= clock.after(SOON_MS, rule);
  };

  // --- votes
  const voteBatch = (probed: readonly Vote[], complete: boolean): WireVoteBatch => {
    const votes = endpoints.join(probed);
    voteSequence += 1;
    const connectedAgeMs = prober?.connectedAgeMs() ?? NEVER_CONNECTED_MS;
    const batch = { sequence: voteSequence, connectedAgeMs, complete, votes };
    if (self !== undefined) {
      const { failureDomain } = self;
      decision.votes({ vantage, failureDomain, incarnation, ...batch }, clock.monotonicMs());
    }
    return toWireVotes(batch);
  };
  /** The peer links ask for it themselves, every second. */
  const allVotes = (): WireVoteBatch => voteBatch(prober?.votes() ?? [], true);
  const tellVotes = (changed: readonly Vote[]): void => {
    const batch = voteBatch(changed, false);
    link?.sendVotes(batch);
    peers?.publish(batch);
    ruleSoon();
  };

  // --- the GeoIP database
  const geoKeeper = createGeoKeeper({
    files: openGeoFiles(config.dataDir),
    read: (sha256, offset) =>
      link?.geoDatabase(sha256, offset) ??
      Promise.reject(new PortolanError('HUB_UNREACHABLE', 'the link to the hub is not open yet')),
    onFetched: (sha256) => deps.send({ type: 'geo', sha256 }),
    clock,
    random,
    log,
  });

  // --- the API keys
  const keys = createControlKeys({
    dataDir: config.dataDir,
    identity,
    enabled: config.gateway.enabled,
    readPage: (request) =>
      link?.credentials(request) ??
      Promise.reject(new PortolanError('HUB_UNREACHABLE', 'the link to the hub is not open yet')),
    findKey: (request) =>
      link?.findKey(request) ??
      Promise.reject(new PortolanError('HUB_UNREACHABLE', 'the link to the hub is not open yet')),
    acknowledge: (ack) => void link?.sendCredentialAck(ack),
    isUp: () => link?.isUp() === true,
    tellData: deps.send,
    clock,
    random,
    log,
  });

  // --- keys that are made here, certificates for other programs
  const certificates = createControlCertificates({
    config,
    clock,
    random,
    send: (requests) => void link?.sendCertificateRequests(requests),
    onProblems: () => sendStatus(),
    log,
  });

  // --- endpoints of the Kubernetes cluster's Services
  const endpoints = createControlEndpoints({
    send: deps.send,
    allowedRanges: config.network.allowedRanges,
    inUse: start.services,
    onVotes(targets) {
      const changed = prober?.votes().filter(({ targetId }) => targets.includes(targetId)) ?? [];
      if (changed.length > 0) tellVotes(changed);
    },
    monotonicMs: () => clock.monotonicMs(),
    log,
  });

  // --- the Kubernetes cluster around it
  const kubernetes: ControlKubernetes | undefined = await kubernetesPart({
    settings: config.kubernetes,
    dataDir: config.dataDir,
    session: incarnation,
    environment: process.env,
    feed: endpoints.feed,
    send(message) {
      const sent = link?.sendInventory(message) === true;
      // What changes there may change what is served here: the check is there before its snapshot.
      if (sent && config.gateway.enabled) check.prepare(checkedFile(inUse()));
      return sent;
    },
    onSecrets: () => deps.send({ type: 'clusterSecrets' }),
    clock,
    random,
    log,
  });

  // --- snapshots
  /** Hex SHA-256 of the parts that are applied, by name. */
  let applied: ReadonlyMap<keyof SnapshotContent, string> = new Map();
  let locates = config.dns.enabled;
  const apply = (stored: StoredSnapshot): void => {
    const digests = new Map(stored.manifest.parts.map(({ name, sha256 }) => [name, sha256]));
    const isFirst = applied.size === 0;
    const isNew = (...names: readonly (keyof SnapshotContent)[]): boolean =>
      isFirst || names.some((name) => digests.get(name) !== applied.get(name));
    // What is made of a part stays until the part is another one: thousands of routes may change one by one.
    const newProbes = probes === undefined || isNew('probes');
    if (probes === undefined || newProbes) probes = readPart(stored.parts.probes, 'probes');
    const peersPart = readPart(stored.parts.peers, 'peers');
    // Only the drains are kept of the routing part; the data process has the rest.
    const { drains, issuedAtMs, geoSha256 } = readPart(stored.parts.routing, 'routing');
    // An operator who gave a database of their own keeps it.
    if (config.geo.database === undefined) {
      if (!config.dns.enabled && config.gateway.enabled && isNew('gateway', 'gatewayFrame'))
        locates = locatesClients(stored);
      if (locates) geoKeeper.want(geoSha256);
    }
    const { epoch } = stored.mark;
    const standing = snapshotDrains({ drains, issuedAtMs }, clock.wallMs());
    decision.applySnapshot(
      { epoch, quorum: probes.quorum, targets: probes.targets, drains: standing },
      times(),
    );
    if (prober === undefined || self?.failureDomain !== peersPart.self.failureDomain) {
      prober?.close();
      prober = createProber({
        vantage,
        failureDomain: peersPart.self.failureDomain,
        ownCluster,
        clock: () => clock.monotonicMs(),
        setTimer: systemTimer,
        random,
        resolve: systemResolve(),
        allowedRanges: config.network.allowedRanges,
        caBundle: (target) => caBundleOf(probes, target),
        onVotes: tellVotes,
      });
    }
    if (isNew('gatewaySecrets')) {
      void keys.apply(stored);
      certificates.apply(stored);
    }
    self = peersPart.self;
    if (newProbes || isNew('peers')) {
      const assigned = new Set(probes.assigned);
      prober.assign(probes.targets.filter((target) => assigned.has(target.id)));
    }
    peers?.setPeers(peersPart.peers);
    applied = digests;
  };

  const onObserve = async (order: Observe): Promise<void> => {
    const batch = await observe(order, nameServers[0]);
    if (!closed) link?.sendObservations(batch);
  };

  // --- start
  const stored = await snapshots.load();
  if (stored !== undefined) {
    apply(stored);
    // The first Hello says where the keys on the disk stand.
    await keys.apply(stored);
  }
  const intake = createSnapshotIntake({
    store: snapshots,
    current: stored === undefined ? undefined : { path: stored.path, mark: stored.mark },
    served: start.serving,
    apply: (next) => {
      apply(next);
      rule();
    },
    tellData: (path) => deps.send({ type: 'snapshot', path }),
    acknowledge: ({ epoch, version, hash }, error) =>
      link?.sendAck(
        create(SnapshotAckSchema, { epoch: BigInt(epoch), version: BigInt(version), hash, error }),
      ),
    log,
  });
  inUse = () => intake.current;
  if (start.remembered !== undefined) {
    decision.recall(recalled(start.remembered, stored), times());
  }
  // Only now: a ruling without what was remembered would tell the data process that nothing is known.
  rule();

  peers = await createPeerLinks({
    identity,
    listen: config.peer.listen,
    clock,
    random,
    hello: { incarnation, agentVersion: AGENT_VERSION },
    onVotes: (peer, batch, receivedAtMs) => {
      const sender = {
        vantage: `agent/${peer.agentUid}`,
        failureDomain: peer.failureDomain,
        incarnation: peer.incarnation,
      };
      if (decision.votes(fromWireVotes(sender, batch), receivedAtMs) && !batch.complete) ruleSoon();
    },
    onContact: (failureDomain) => prober?.noteContact(failureDomain),
    currentVotes: allVotes,
    onError: (err, peer) =>
      log.debug({ peer: peer?.cluster, err: `${err.code}: ${err.message}` }, 'a peer stream ended'),
  });
  if (stored !== undefined) peers.setPeers(readPart(stored.parts.peers, 'peers').peers);
  const isWildcard = peers.host === '0.0.0.0' || peers.host === '::';
  if (isWildcard && config.peer.advertise === undefined) {
    log.warn(
      {},
      'other agents cannot reach this one: set peer.advertise, since peer.listen is every address',
    );
  }
  const peerAddress = config.peer.advertise ?? (isWildcard ? '' : formatListen(peers));

  link = createHubLink({
    identity,
    clock,
    random,
    hello: () =>
      create(HelloSchema, {
        agentVersion: AGENT_VERSION,
        incarnation,
        wallMs: BigInt(clock.wallMs()),
        snapshotEpoch: BigInt(intake.current?.mark.epoch ?? 0),
        snapshotVersion: BigInt(intake.current?.mark.version ?? 0),
        snapshotHash: intake.current?.mark.hash ?? '',
        peerAddress,
        nameServers: [...advertised],
        gateways: [...gateway.gateways],
        inventory: kubernetes !== undefined,
        credentialFeed: keys.place.feed,
        credentialSequence: BigInt(keys.place.sequence),
        credentialHash: Uint8Array.from(Buffer.from(keys.place.hash, 'hex')),
        // What is not used here stays with the hub: certificates and secrets most of all.
        snapshotParts: SNAPSHOT_PARTS.filter(
          (name) =>
            config.gateway.enabled ||
            !name.startsWith('gateway') ||
            (name === 'gatewaySecrets' && config.certificates.exports.length > 0),
        ),
      }),
    on: {
      welcome: (welcome) =>
        log.info({ hub: welcome.hubUid, version: welcome.hubVersion }, 'connected to the hub'),
      up: () => {
        wasUp = true;
        geoKeeper.hubIsBack();
        keys.hubIsBack();
        certificates.hubIsBack();
        kubernetes?.streamOpened();
        decision.linkUp();
        tellLink();
        link?.sendVotes(allVotes());
        sendStatus();
      },
      down: ({ code, message }) => {
        // It is tried again every few seconds, for days if need be: a line a minute says enough.
        const now = clock.monotonicMs();
        if (wasUp || now - toldDownMs >= DOWN_LINE_EVERY_MS) {
          log.warn({ err: { code, message } }, 'no stream to the hub; it is tried again');
          toldDownMs = now;
        }
        wasUp = false;
        kubernetes?.streamEnded();
        tellLink();
      },
      snapshot(message) {
        const isKnown = sha256Hex(message.manifest) === intake.current?.mark.hash;
        if (!isKnown) check.prepare(checkedFile(intake.current));
        intake.offer(message);
      },
      decisions: (batch) => {
        prober?.noteContact(HUB_DOMAIN);
        const outcome = decision.hubBatch(fromDecisionBatch(batch), times());
        if (outcome === 'fenced') {
          log.warn(
            { epoch: Number(batch.epoch), known: decision.epoch },
            'decisions of a hub that was replaced are refused',
          );
        } else rule();
      },
      faults: (leases) => prober?.setFaults(fromFaultLeases(leases, clock.monotonicMs())),
      observe: (order) => void onObserve(order),
      credentials: (delta) => keys.offer(delta),
      quota: relayQuota,
      inventoryStatuses: (statuses) => kubernetes?.statuses(statuses),
      usageAck: ({ outbox, sequence }) => deps.send({ type: 'usageAck', outbox, sequence: Number(sequence) }),
      renewed: (err) => {
        if (err === undefined) log.info({}, 'the certificate was renewed');
        else log.error({ err }, 'the certificate could not be renewed; it is tried again');
      },
    },
  });

  function relayQuota(message: QuotaReply): void {
    try {
      deps.send({ type: 'quota', reply: decodeQuotaReply(message) });
    } catch (err) {
      log.warn({ err }, 'a quota reply of the hub cannot be read; what was granted before stands');
    }
  }

  function tellLink(): void {
    deps.send({
      type: 'link',
      hub: link?.isUp() === true ? 'up' : 'down',
      peers: peers?.connectedPeers().length ?? 0,
      ...(kubernetes === undefined ? {} : { kubernetes: kubernetes.facts() }),
    });
  }
  function sendStatus(): void {
    link?.sendStatus(
      create(AgentStatusSchema, {
        wallMs: BigInt(clock.wallMs()),
        snapshotHash: intake.served,
        nameServers: [...advertised],
        peersConnected: peers?.connectedPeers().length ?? 0,
        dataReady: intake.served !== '' || !config.dns.enabled,
        appliedDecisionSequence: BigInt(decision.appliedSequence),
        gateways: [...gateway.gateways],
        gatewayProblems: { ...gateway.gatewayProblems, ...Object.fromEntries(certificates.problems) },
      }),
    );
  }

  const cancels = new Map<() => void, () => void>();
  const every = (periodMs: number, task: () => void): void => {
    const again = (): void => {
      task();
      cancels.set(task, clock.after(periodMs, again));
    };
    cancels.set(task, clock.after(periodMs, again));
  };
  every(TICK_MS, rule);
  every(VOTES_EVERY_MS, () => link?.sendVotes(allVotes()));
  every(STATUS_EVERY_MS, () => {
    sendStatus();
    tellLink();
  });
  deps.send({ type: 'running', peerAddress });
  log.info({ cluster: ownCluster, peer: peerAddress }, 'the control process runs');

  return {
    receive(message) {
      switch (message.type) {
        case 'usage':
          link?.sendUsage(toUsageBatch(message));
          return;
        case 'quota':
          link?.sendQuota(encodeQuotaRequest(message.request));
          return;
        case 'services':
          endpoints.use(message);
          return;
        case 'findKey':
          void keys
            .find(message.digest)
            .then((found) => deps.send({ type: 'foundKey', id: message.id, found }));
          return;
        case 'gateway':
          gateway = message;
          sendStatus();
          return;
        case 'serving':
          gateway = message;
          intake.serving(message.hash, message.error ?? '');
          if (message.error === undefined && message.hash === intake.current?.mark.hash)
            certificates.settled();
          sendStatus();
          return;
        case 'metrics':
          deps.send({
            type: 'metrics',
            id: message.id,
            text: controlMetrics({
              prober: prober?.stats(),
              peers: peers?.connectedPeers().length ?? 0,
              votesSent: voteSequence,
              decisionSequence: decision.appliedSequence,
              epoch: decision.epoch,
              targets: probes?.targets.length ?? 0,
              keys: keys.stats,
              certificates: certificates.stats,
              kubernetes: kubernetes?.metrics() ?? [],
              rssBytes: process.memoryUsage.rss(),
            }),
          });
          return;
      }
    },
    async close() {
      closed = true;
      ending.abort();
      for (const cancel of cancels.values()) cancel();
      cancelSoon?.();
      publisher.close();
      geoKeeper.close();
      prober?.close();
      link?.close();
      await Promise.all([
        intake.close(),
        peers?.close(),
        keys.close(),
        certificates.close(),
        kubernetes?.close(),
      ]);
    },
  };
}

/** The hub is a place of its own: hearing it shows that this vantage point is not cut off. */
const HUB_DOMAIN = ' hub';

/** The PEM bundle a check trusts; a snapshot of an older hub has none. */
function caBundleOf(probes: ProbesPart | undefined, { check, cluster }: Target): string | undefined {
  const secret = 'caSecret' in check ? check.caSecret : undefined;
  if (secret === undefined) return undefined;
  const namespace = cluster.slice(0, cluster.indexOf('/'));
  const bundles: ProbesPart['caBundles'] | undefined = probes?.caBundles;
  return bundles?.[`${namespace}/${secret.name}/${secret.key}`];
}

/** What the data process kept, as the rule takes it. */
function recalled(saved: SavedStates, stored: StoredSnapshot | undefined) {
  return {
    epoch: saved.epoch,
    memories: Object.fromEntries(saved.targets.map((tuple) => [tuple[0], memoryOfTuple(tuple, 0)])),
    drains: saved.drains.map(({ cluster, drainedForMs, endsInMs, leased }) => ({
      cluster,
      drainedForMs,
      leased,
      ...(endsInMs === undefined ? {} : { remainingMs: endsInMs }),
    })),
    drainsComplete: stored === undefined || saved.savedAtWallMs >= stored.manifest.issuedAtMs,
    hubHeardAgoMs: saved.hubHeardAgoMs,
  };
}
