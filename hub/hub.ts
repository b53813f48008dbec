import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import { askNameServer } from '../nameserver/ask.ts';
import { openGeoDatabase, packagedGeoDatabase } from '../nameserver/geo-database.ts';
import { createRoutedTable } from '../nameserver/routed-table.ts';
import { createNameService, type NameService, type ServedTable } from '../nameserver/service.ts';
import { transferPlan } from '../nameserver/transfer-plan.ts';
import { systemTimer } from '../prober/probe.ts';
import { machineResolve, systemResolve } from '../prober/resolve.ts';
import { createProber, type Prober } from '../prober/scheduler.ts';
import { EMPTY_TABLE } from '../src/dns/table.ts';
import { PortolanError } from '../src/errors/error.ts';
import type { StateViewInput } from '../src/health/state-view.ts';
import { unwrapKey, wrapKey } from '../src/identity/envelope.ts';
import type { ClusterInventory } from '../src/inventory/contract.ts';
import { budgetsOf } from '../src/policy/budgets.ts';
import type { LinkClock } from '../src/protocol/clock.ts';
import { clusterAddresses } from '../src/resources/cluster.ts';
import { regionTable } from '../src/routing/geography.ts';
import { type KeySealing, openAuthority } from './agents/authority.ts';
import { createEnrolment } from './agents/enrolment.ts';
import { gatewaysIn } from './agents/hello.ts';
import { createJoinListener } from './agents/join-listener.ts';
import { type AgentLinkServer, createAgentLinkServer } from './agents/link-server.ts';
import { createHubCertificate } from './agents/server-certificate.ts';
import { startAdmin } from './api/admin.ts';
import { createApi } from './api/server.ts';
import type { HubServices } from './api/services.ts';
import { createWriteLane } from './api/write-lane.ts';
import { createAgentKeys } from './certificates/agent-keys.ts';
import type { CertificateSource } from './certificates/contract.ts';
import { createCertificateDelivery } from './certificates/delivery.ts';
import { createDns01OfHub } from './certificates/dns-01/hub-part.ts';
import { createChallengeTexts } from './certificates/dns-01/texts.ts';
import { createGatewayChallenges } from './certificates/gateway-challenges.ts';
import { type CertificatesOfHub, createCertificatesOfHub } from './certificates/hub-part.ts';
import { certificatesAt, createServedCheck, keepLooking } from './certificates/served.ts';
import type { ListenAddress } from './config/listen-address.ts';
import type { HubConfig } from './config.ts';
import { createKeyDesk } from './credentials/desk.ts';
import { createCredentialFeed } from './credentials/feed.ts';
import { keyNamespaces } from './credentials/namespaces.ts';
import { createKeyPeppers } from './credentials/peppers.ts';
import { openDataDirectory } from './data-dir.ts';
import { createParentLook } from './dnssec/parent-look.ts';
import { keepSigning, signingServers } from './dnssec/signing-clock.ts';
import { createTsigKeys } from './dnssec/tsig-keys.ts';
import { createZoneSigning } from './dnssec/zone-signing.ts';
import { createDrillEffects } from './drills/effects.ts';
import { createDrillRunner } from './drills/runner.ts';
import { createDrillView } from './drills/view.ts';
import type { Leading } from './election/leading.ts';
import { createGatewaysOfHub, type GatewaysOfHub } from './gateways/hub-part.ts';
import { openGeoLibrary } from './geo/library.ts';
import { readTrustedKeys } from './geo/trusted-keys.ts';
import { createInventoriesOfHub } from './inventory/hub-part.ts';
import { readKeyFile } from './key-file.ts';
import { systemProviderClock } from './providers/clock.ts';
import { createDnsPart } from './providers/dns-part.ts';
import { createOutboundGuard } from './providers/outbound.ts';
import type { ProviderKinds } from './providers/provider-connections.ts';
import { createQuotaOfHub } from './quota/hub-part.ts';
import { createCaBundles } from './reconcile/ca-bundles.ts';
import { createEngine, type Engine } from './reconcile/engine.ts';
import { createNameServerSecrets } from './reconcile/name-server-secrets.ts';
import { createPlaceFinder } from './reconcile/places.ts';
import { createServices } from './reconcile/services.ts';
import { createGitFolder } from './sources/git-folder/git-folder.ts';
import { createSourcesOfHub, type SourcesOfHub } from './sources/hub-part.ts';
import { openStore } from './store/open.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { createUsageIntake } from './usage/intake.ts';

/** A running hub and where it listens. */
export interface Hub {
  readonly api: string;
  readonly join: string;
  readonly link: string;
  readonly dns: readonly string[];
  /** That this hub took in its store. */
  readonly epoch: number;
  /** Ends streams, takes drill faults back, finishes what is under way, closes the store. Safe to call twice. */
  close(): Promise<void>;
}

/** Requests in flight may take this long when the hub stops; a supervisor's own patience is 10 s. */
const API_DRAIN_MS = 2_500;

/**
 * Wires the hub together; nothing is decided here. What was opened is closed again when a later step fails.
 * @param leading what a hub that was elected among several has from that
 */
export async function startHub(
  config: HubConfig,
  version: string,
  log: Logger,
  kinds: ProviderKinds,
  leading?: Leading,
): Promise<Hub> {
  const closers: (() => Promise<void> | void)[] = [];
  let stopping = false;
  const close = async (): Promise<void> => {
    stopping = true;
    for (const closer of closers.splice(0).reverse()) {
      await Promise.resolve(closer()).catch((thrown: unknown) => log.warn({ err: thrown }, 'closing'));
    }
  };
  try {
    return await start();
  } catch (thrown) {
    await close();
    throw thrown;
  }

  async function start(): Promise<Hub> {
    const wallMs = Date.now;
    const monotonicMs = (): number => performance.now();
    const clock: LinkClock = {
      wallMs,
      monotonicMs,
      after(delayMs, task) {
        const timer = setTimeout(task, delayMs);
        return () => clearTimeout(timer);
      },
    };
    const onError = (error: unknown): void => log.warn({ err: error }, PortolanError.from(error).message);

    const data = leading?.data ?? (await openDataDirectory(config.dataDir));
    if (leading === undefined) closers.push(() => data.release());
    const kek = await readKeyFile(config.secrets.keyFile);
    const geo = await openGeoDatabase(config.geo.database);
    const store = await openStore(config.store, {
      kek,
      wallClock: wallMs,
      random: randomBytes,
      onOvertaken: (reason) => leading?.onOvertaken(reason),
      ...(leading?.mayLead === undefined ? {} : { mayLead: leading.mayLead }),
    });
    closers.push(() => store.close());
    const geoLibrary = await openGeoLibrary({
      folder: data.file('geoip'),
      store,
      shared: store.geoFiles,
      base: { lookup: geo, file: config.geo.database ?? packagedGeoDatabase() },
      trustedKeys: await readTrustedKeys(config.geo.trustedKeys),
      wallMs,
      onChange: () => links.engine?.inputsChanged(),
      breathe: () => setImmediate(),
      log,
    });
    closers.push(() => geoLibrary.close());
    const sealing: KeySealing = {
      seal: (plain, context) => wrapKey(Buffer.from(plain, 'utf8'), context, store.hubUid, kek, randomBytes),
      open(sealed, context) {
        const plain = unwrapKey(sealed, context, store.hubUid, kek);
        if (plain === undefined)
          throw new PortolanError(
            'KEY_WRONG',
            `the hub's private keys were not encrypted with ${config.secrets.keyFile}`,
          );
        return Buffer.from(plain).toString('utf8');
      },
    };
    const authority = await openAuthority({ store, randomBytes, nowMs: wallMs(), sealing });

    const context = {
      regions: regionTable(config.geo.regions),
      allowedRanges: config.network.allowedRanges,
      ownCredentials: config.providers.ownCredentials,
      found: () => links.found?.() ?? [],
      get hasSubdivisions() {
        return geoLibrary.lookup.hasSubdivisions ?? true;
      },
    };
    const links: {
      server?: AgentLinkServer;
      engine?: Engine;
      prober?: Prober;
      names?: NameService;
      certificates?: CertificateSource;
      found?: () => Iterable<ClusterInventory>;
    } = {};
    let settled = false;
    let compiled: ServedTable | undefined;
    /** Content that nothing older is answered from any more by the hub itself. */
    let hubServes = 0;
    /** Where the hub's own name server listens. */
    let ownAddresses: readonly ListenAddress[] = [];
    const serveOwn = (next: ServedTable): void => {
      links.names?.serve(next).then(() => {
        hubServes = next.sequence;
      }, onError);
    };
    const sessionOf = (agentUid: string) => links.server?.sessions().find((s) => s.agentUid === agentUid);
    const send = (
      agentUid: string,
      message: Parameters<NonNullable<ReturnType<typeof sessionOf>>['send']>[0],
    ): void => sessionOf(agentUid)?.send(message);
    const effects = createDrillEffects(() => links.engine?.effectsChanged());
    const caBundles = createCaBundles(store);
    const tsigKeys = createTsigKeys(store, log);
    const zoneSigning = createZoneSigning({
      store,
      lookAtParent: createParentLook({ servers: config.dnssec.parentServers, wallMs }),
      nameServers: () => [
        { id: 'hub', sequence: hubServes },
        ...(leading?.standbyNameServers() ?? []),
        ...signingServers(links.engine),
      ],
      onChange: () => links.engine?.inputsChanged(),
      wallMs,
      log,
    });
    const challengeTexts = createChallengeTexts(() => {
      links.engine?.inputsChanged();
      dnsPart.desk.challengesChanged();
    });
    const dnsPart = createDnsPart({
      kinds,
      store,
      challenges: challengeTexts,
      engine: () => links.engine,
      regions: context.regions,
      allowedRanges: config.network.allowedRanges,
      ownCredentials: config.providers.ownCredentials,
      geo: () => geoLibrary.current(),
      clock: systemProviderClock,
      random: Math.random,
      log,
    });
    closers.push(() => dnsPart.close());
    const dns01 = createDns01OfHub({
      texts: challengeTexts,
      engine: () => links.engine,
      desk: dnsPart.desk,
      own: () => ({ sequence: hubServes, bound: ownAddresses }),
      allowedRanges: config.network.allowedRanges,
      resolvers: config.certificates.resolvers,
    });
    closers.push(() => dns01.close());
    const quota = createQuotaOfHub({
      store,
      agents: () => links.engine?.agents.all.map(({ identity }) => identity) ?? [],
      alsoServes: (cluster) =>
        links.engine?.world.objects.Cluster.get(cluster)?.status?.kubernetes?.gatewayNamespaces ?? [],
      wallMs,
      monotonicMs,
      randomBytes,
      log,
    });
    closers.push(() => quota.service.close());
    const agentKeys = createAgentKeys({ onWanted: () => links.engine?.inputsChanged() });
    const peppers = createKeyPeppers(store.keys);
    const gatewayChallenges = createGatewayChallenges({
      gateways: () => gateways.clusters.all,
      agentOf: (cluster) => links.engine?.agents.ofCluster(cluster),
      onChange: () => links.engine?.inputsChanged(),
      randomBytes,
      wallMs,
      log,
    });
    const delivery = createCertificateDelivery({
      source: () => links.certificates,
      agentKeys,
      challenges: gatewayChallenges,
    });
    const inventories = createInventoriesOfHub({
      onChange: () => links.engine?.inputsChanged(),
      onStatus: () => links.engine?.statusesDue(),
      world: () => links.engine?.world,
      allowedRanges: config.network.allowedRanges,
      wallMs,
      log,
    });
    links.found = () => inventories.desk.inventories.values();
    const gateways: GatewaysOfHub = createGatewaysOfHub({
      store,
      sealing,
      regions: context.regions,
      peppers: peppers.peppersFor,
      quotaVersion: (objects) => quota.service.follow(budgetsOf(objects)),
      delivery,
      found: inventories.desk,
      randomBytes,
      wallMs,
      log,
    });
    const guard = createOutboundGuard({
      allowedRanges: config.network.allowedRanges,
      resolve: machineResolve(),
    });
    const served = createServedCheck({
      policies: () => certificates.view.policies,
      certificates: (policy, cluster) =>
        certificatesAt(certificates.view, gateways.clusters, policy, cluster),
      gateways: () => gateways.clusters.all,
      agentOf: (cluster) => links.engine?.agents.ofCluster(cluster),
      addressesOf(cluster) {
        const found = certificates.world?.objects.Cluster.get(cluster);
        return found === undefined ? [] : clusterAddresses(found);
      },
      guard,
      wallMs,
      onChange: () => links.engine?.statusesDue(),
    });
    closers.push(() => served.close());
    const certificates: CertificatesOfHub = createCertificatesOfHub({
      store,
      guard,
      served: (policy, cluster) => served.of(policy, cluster),
      developmentCa: gateways.developmentCa,
      version,
      clock: systemProviderClock,
      random: Math.random,
      presenters: [dns01, gatewayChallenges.http, gatewayChallenges.tlsAlpn],
      agentKeys,
      parallel: config.certificates.parallelOrders,
      found: () => inventories.desk.inventories,
      onServed: () => links.engine?.inputsChanged(),
      onStatus: () => links.engine?.statusesDue(),
      log,
    });
    closers.push(() => certificates.close());
    // Before anything is published: a cluster must not lose what it serves because the hub starts.
    await certificates.open();
    links.certificates = certificates.source;
    const namespacesOf = (clusterKey: string): readonly string[] =>
      keyNamespaces(clusterKey, gateways.clusters.all.get(clusterKey)?.part);
    const credentials = createCredentialFeed({
      store,
      signer: authority.snapshotSigner,
      peppers,
      namespacesOf,
      clock,
      log,
    });
    closers.push(() => credentials.close());
    const keys = createKeyDesk({ store, peppers, feed: credentials, namespacesOf, wallMs, randomBytes });
    const nameServerSecrets = createNameServerSecrets({ tsigKeys, signing: zoneSigning });
    const published = leading?.publish(store.publication, () => links.engine?.health.view.input ?? NO_STATES);
    closers.push(() => published?.close());
    const engine = await createEngine(
      {
        store,
        signer: authority.snapshotSigner,
        context,
        quorum: config.health.quorum,
        failureDomain: config.health.failureDomain,
        geo: () => geoLibrary.current(),
        effects,
        caBundles,
        nameServerSecrets,
        gateways: gateways.clusters,
        signingOf: (zone) => zoneSigning.view(zone),
        compileTable: (routing, lookup, view, { signing, tsigKeys }) => {
          const built = createRoutedTable({ routing, signing, geo: lookup, view, random: Math.random });
          for (const problem of built.problems)
            log.warn({ path: problem.path, code: problem.code }, problem.message);
          const { zones, policies, regions, sequence } = routing;
          compiled = {
            sequence,
            table: built.table,
            transfers: transferPlan(zones, tsigKeys),
            geo: lookup,
            input: { routing: { policies, regions, sequence }, signing },
          };
          published?.content(routing, { signing, tsigKeys });
          const next: ServedTable = compiled;
          if (settled) serveOwn(next);
          return built.table;
        },
        startProber: (onVotes) => {
          const prober = createProber({
            vantage: `hub/${store.hubUid}`,
            failureDomain: config.health.failureDomain,
            clock: monotonicMs,
            setTimer: systemTimer,
            random: Math.random,
            resolve: systemResolve(),
            allowedRanges: config.network.allowedRanges,
            caBundle: (target) => caBundles.of(target),
            onVotes,
          });
          links.prober = prober;
          return prober;
        },
        send,
        onView() {
          links.names?.statesChanged();
          published?.statesChanged();
          dnsPart.desk.viewChanged();
        },
        challenges: challengeTexts,
        onWorld(world) {
          inventories.desk.keepOnly(world.objects.Cluster);
          dnsPart.desk.follow(world);
          dns01.worldChanged();
          certificates.follow(world);
        },
        dnsStatus: dnsPart.status,
        certificates: certificates.view,
        inventories: inventories.statuses,
        monotonicMs,
        wallMs,
        randomId: randomUUID,
        log,
      },
      EMPTY_TABLE,
    );
    links.engine = engine;
    closers.push(() => engine.close());
    await engine.start();
    closers.push(keepSigning(zoneSigning));
    closers.push(gateways.keep(() => engine.inputsChanged()));
    closers.push(keepLooking(served, onError));

    // Until this hub knows how its targets are, it answers what it answered as it stood by: SERVFAIL would help nobody.
    let before = await leading?.freeAddresses();
    const nameServer = await createNameService({
      listen: config.dns.listen,
      settings: config.dns,
      states: () => before?.states ?? engine.health.view.input,
      monotonicMs,
      wallMs,
      log,
    });
    links.names = nameServer;
    closers.push(() => nameServer.close());
    const dnsBound = await nameServer.start();
    if (before !== undefined) await nameServer.serve(before.served);
    ownAddresses = dnsBound;
    const dns = dnsBound.map((a) => `${bracketed(a.host)}:${a.port}`);

    void engine.settled().then(() => {
      settled = true;
      before = undefined;
      nameServer.statesChanged();
      if (compiled !== undefined) serveOwn(compiled);
      published?.start();
      // Before, states are not known, and unknown ones would be published as an emergency.
      dnsPart.desk.start();
      certificates.start();
    });

    const places = createPlaceFinder(() => geoLibrary.current());
    const view = createDrillView({
      engine,
      context,
      places,
      ownServer: () => dnsBound[0],
      ask: askNameServer,
      send,
      wallMs,
    });
    const drills = createDrillRunner({
      store,
      view,
      effects,
      monotonicMs,
      wallMs,
      wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
      onError,
    });
    const certificate = await createHubCertificate(authority.ca, clock, onError);
    closers.push(() => certificate.close());
    const enrolment = createEnrolment({
      authority,
      store,
      wallMs,
      randomBytes,
      linkAddresses: () => [
        ...config.agents.advertise.map(
          (h) => `${bracketed(h)}:${links.server?.port ?? config.agents.linkListen.port}`,
        ),
        ...(leading?.otherLinks() ?? []),
      ],
      onJoined: () => void engine.identitiesChanged().catch(onError),
    });
    const join = await createJoinListener({
      listen: config.agents.joinListen,
      certificate,
      caBundlePem: authority.caBundlePem,
      enrolment,
      clock,
      onError,
    });
    closers.push(() => join.close());
    const link = await createAgentLinkServer({
      listen: config.agents.linkListen,
      certificate,
      caBundlePem: authority.caBundlePem,
      store,
      enrolment,
      geo: geoLibrary,
      credentials,
      clock,
      hubVersion: version,
      handlers: {
        async onHello(session, hello) {
          // First: nothing may be sent to an agent that still has to tell what it found.
          inventories.desk.onHello(session, hello);
          if (engine.agents.get(session.agentUid) === undefined) await engine.identitiesChanged();
          engine.onHello(session.agentUid, hello);
          await credentials.onHello(session, hello);
          log.info(
            { cluster: session.clusterKey, agent: session.agentUid, version: hello.agentVersion },
            'agent connected',
          );
        },
        onVotes: (session, batch) => engine.onVotes(session.agentUid, session.incarnation, batch),
        onStatus: (session, status) => engine.onSeen(session.agentUid, gatewaysIn(status)),
        onSnapshotAck: (session, ack) => engine.onSnapshotAck(session.agentUid, ack),
        onObservations: (session, batch) => view.onObservations(session.agentUid, batch),
        onUsage: createUsageIntake({ store, log }),
        onCertificateRequests: (session, message) => agentKeys.onRequests(session.clusterKey, message),
        onInventory: (session, message) => inventories.desk.onInventory(session, message),
        onQuota: (session, request) => quota.service.onQuota(session, request),
        onCredentialAck: (session, ack) => credentials.onAck(session, ack),
        onClosed(session, reason) {
          inventories.desk.onClosed(session);
          credentials.onClosed(session);
          quota.service.onClosed(session);
          // A newer incarnation may have taken the place of this stream already.
          if (sessionOf(session.agentUid) === undefined) engine.onClosed(session.agentUid);
          // Another hub on the same store, too, may have revoked it.
          if (reason.code === 'AGENT_REVOKED') engine.identitiesChanged().catch(onError);
          log.info(
            { cluster: session.clusterKey, agent: session.agentUid, reason: reason.message },
            'agent disconnected',
          );
        },
      },
      onError,
    });
    links.server = link;
    closers.push(() => link.close());
    // Before the link goes: agents should hear that a fault is over, and not wait for its lease to end.
    closers.push(() => drills.close());

    const lane = createWriteLane();
    const sources: SourcesOfHub = createSourcesOfHub({
      store,
      admit: (changes, change) => services.admit(changes, change),
      lane,
      wallMs,
    });
    closers.push(() => sources.close());
    const metrics = createMetrics({
      engine,
      nameServer: () => nameServer.stats(),
      prober: () => links.prober?.stats() ?? unstarted(),
      activeDrills: () => effects.all.length,
      signedZones: () => zoneSigning.views,
      desk: dnsPart.desk,
      credentials,
      quota: quota.service,
      certificates: { view: certificates.view, counts: certificates.counts, wallMs },
      sources: () => sources.services.statuses,
      version,
    });
    const services: HubServices = await createServices({
      store,
      engine,
      drills,
      zoneSigning,
      context,
      geo: geoLibrary.lookup,
      geoUpdates: geoLibrary,
      places,
      version,
      joinUrls: () => [
        ...config.agents.advertise.map((h) => `https://${bracketed(h)}:${join.port}`),
        ...(leading?.otherJoinUrls() ?? []),
      ],
      caSpkiSha256: authority.caSpkiSha256,
      nameServers: () => dns,
      answersDns: () => settled,
      cutAgent: (agentUid) => link.revoke(agentUid),
      metrics: () => metrics.text(),
      ...(leading === undefined
        ? {}
        : { hubs: leading.hubs, standbyNameServers: leading.standbyNameServers }),
      dns: (worlds) => dnsPart.services(worlds),
      gateways: gateways.services,
      inventories: inventories.services,
      keys,
      quota: quota.desk,
      certificates: certificates.services,
      sources: sources.services,
      certificateWarnings: certificates.warnings,
      stopping: () => stopping,
      wallMs,
      randomBytes,
    });
    await drills.recover();
    const api = createApi({
      store,
      services,
      lane,
      config: config.api,
      clock: { nowMs: wallMs },
      log,
      drainMs: API_DRAIN_MS,
      ...(leading === undefined ? {} : { passedOnFor: leading.passedOnFor }),
    });
    const bound = await api.start();
    closers.push(() => api.close());
    if (config.sources.gitFolder !== undefined)
      sources.add(createGitFolder({ ...config.sources.gitFolder, sync: sources.sync, clock, log }));
    if (config.sources.kubernetes !== undefined) {
      const { openKubernetesSource } = await import('./sources/kubernetes/open.ts');
      sources.add(openKubernetesSource(config.sources.kubernetes, { store, sync: sources.sync, clock, log }));
    }
    if (config.admin !== undefined) {
      const admin = await startAdmin(config.admin.listen, services);
      closers.push(() => admin.close());
    }
    return {
      api: bound.url,
      join: `${bracketed(join.host)}:${join.port}`,
      link: `${bracketed(link.host)}:${link.port}`,
      dns,
      epoch: store.epoch,
      close,
    };
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

const NO_STATES: StateViewInput = {
  targets: new Map(),
  drains: new Map(),
  lastHealthy: new Map(),
  takenAtMs: 0,
  freshAtMs: Number.POSITIVE_INFINITY,
};

function unstarted(): never {
  throw new PortolanError('NOT_READY', 'the prober has not started');
}
