import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeySearchAnswer } from '../gateway/keys/search.ts';
import { createNameService, type NameService } from '../nameserver/service.ts';
import { messageOf } from '../src/errors/error.ts';
import { hasTargets, servicesOfTargets } from '../src/kubernetes/readiness.ts';
import type { LinkClock } from '../src/protocol/clock.ts';
import { type AdminServer, startAdmin } from './admin.ts';
import type { Bootstrapped } from './bootstrap-child.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { dataMetrics } from './data-metrics.ts';
import { openDataEndpoints } from './endpoints/data-endpoints.ts';
import { endpointFile } from './endpoints/endpoint-file.ts';
import type { WatchedTargets } from './endpoints/messages.ts';
import type { GatewayFile } from './gateway/configuration.ts';
import { createDataGateway } from './gateway/data-gateway.ts';
import { GatewayBook, type OpenedGateway } from './gateway/gateway-book.ts';
import { type GeoChoice, openGeoChoice } from './geo-choice.ts';
import { openGeoFiles } from './geo-files.ts';
import { formatListen } from './listen-address.ts';
import type { AgentLog } from './log.ts';
import type { ToData } from './messages.ts';
import { stateFile } from './saved-states.ts';
import { compileSnapshot, NOTHING_SERVED, type ServedSnapshot } from './served-snapshot.ts';
import { createServedStates } from './served-states.ts';
import { startSupervisor } from './supervisor.ts';

/** How often changed states are written to the disk, at most. */
const SAVE_EVERY_MS = 1_000;
const METRICS_WAIT_MS = 1_000;

const NO_TARGETS: WatchedTargets = [];
const NO_SERVICES: ReadonlySet<string> = new Set();

export interface DataProcess {
  /** Ends the control process, then the name server, then saves. */
  stop(): Promise<void>;
}

/**
 * The process that answers: name server, admin listener, supervisor of the control process. It begins from the snapshot and
 * the states on the disk, before the control process runs, and goes on with what it has when that one dies.
 * @throws PortolanError DATA_DIR_LOCKED, PORT_IN_USE, UNSUPPORTED, GEO_DATABASE_INVALID
 */
export async function startDataProcess(
  started: Bootstrapped,
  programs: { readonly control: string },
  clock: LinkClock,
  log: AgentLog,
): Promise<DataProcess> {
  const { config } = started;
  const unlock = await lockDataDir(config.dataDir);
  const times = () => ({ nowMs: clock.monotonicMs(), wallMs: clock.wallMs() });
  const monotonicMs = () => clock.monotonicMs();
  const file = stateFile(config.dataDir);
  const states = createServedStates(await file.read(), times(), monotonicMs);
  let geoOpened: Promise<GeoChoice> | undefined;
  const openGeo = (): Promise<GeoChoice> => {
    geoOpened ??= openGeoChoice({ own: config.geo.database, files: openGeoFiles(config.dataDir), log });
    return geoOpened;
  };
  const geo = config.dns.enabled ? await openGeo() : undefined;

  let served: ServedSnapshot = NOTHING_SERVED;
  let servedPath: string | undefined;
  let snapshotError = '';
  let link: Extract<ToData, { type: 'link' }> = { type: 'link', hub: 'down', peers: 0 };
  let running = false;
  /** Of agent.json: written anew when they change. */
  let facts: Readonly<Record<string, unknown>> | undefined;

  const nameServer: NameService | undefined = config.dns.enabled
    ? await createNameService({
        listen: config.dns.listen,
        settings: config.dns,
        states: () => states.view().input,
        monotonicMs,
        wallMs: () => clock.wallMs(),
        log,
      })
    : undefined;

  const endpoints = await openDataEndpoints({
    file: endpointFile(config.dataDir),
    ask(message) {
      if (running) supervisor.send(message);
      return running;
    },
    give: (changed) => gateway.endpointsChanged(changed),
    after: (delayMs, task) => clock.after(delayMs, task),
    log,
  });

  const seeking = new Map<number, (found: KeySearchAnswer) => void>();
  let lastSought = 0;
  const gateway = createDataGateway({
    config,
    clock,
    random: Math.random,
    endpoints: () => endpoints.known,
    sendUsage(batch) {
      if (link.hub !== 'up') return false;
      supervisor.send({ type: 'usage', ...batch });
      return true;
    },
    sendQuota: (request) => {
      if (link.hub === 'up') supervisor.send({ type: 'quota', request });
    },
    findKey(digest) {
      if (link.hub !== 'up') return Promise.resolve('away');
      lastSought += 1;
      const id = lastSought;
      return new Promise((resolve) => {
        seeking.set(id, resolve);
        supervisor.send({ type: 'findKey', id, digest });
      });
    },
    log,
  });

  const book = new GatewayBook();
  const openGateway = (
    file: GatewayFile | undefined,
    path: string,
  ): OpenedGateway | undefined | 'unreadable' => {
    try {
      return file === undefined ? undefined : book.open(file);
    } catch (err) {
      snapshotError = messageOf(err);
      log.error({ err, path }, 'the gateway of a snapshot cannot be read; what it served before stays');
      return 'unreadable';
    }
  };
  /** @returns what the gateway has to do: names are answered without waiting for its threads */
  const serve = async (path: string): Promise<() => Promise<void>> => {
    try {
      const { gateway: file, ...next } = await compileSnapshot(path, geo?.for, () => states.view(), served);
      states.setContent(next.content, times());
      nameServer?.statesChanged(); // routing remembers last healthy answers of its own
      if (next.names !== served.names) await nameServer?.serve(next.names);
      served = next;
      servedPath = path;
      snapshotError = '';
      const { hash, sequence, zones, hostnames } = next;
      log.info({ hash: hash.slice(0, 12), sequence, zones, hostnames }, 'a snapshot is served');
      if (next.otherGeoDatabase) {
        log.warn({}, 'the hub decides by another GeoIP database; answers may differ between name servers');
      }
      return async () => {
        const { cluster, content } = next;
        const routes = openGateway(file, path);
        if (routes !== 'unreadable') {
          const targets =
            routes === undefined || !hasTargets(content.policies, cluster)
              ? NO_TARGETS
              : [...servicesOfTargets(routes.routed(), content.policies, cluster)];
          await endpoints.prepare(routes?.services ?? NO_SERVICES, targets);
          if (await gateway.serve(routes, async () => (await openGeo()).for(next.geoSha256)))
            endpoints.settled();
        }
        await writeFacts();
      };
    } catch (err) {
      snapshotError = err instanceof Error ? err.message : String(err);
      log.error({ err, path }, 'a snapshot cannot be served; the last good one stays');
      return async () => undefined;
    }
  };
  /** For people and tools on this machine; nothing before everything listens. */
  const writeFacts = async (): Promise<void> => {
    if (facts === undefined) return;
    await publishFacts(config.dataDir, { ...facts, gateways: gateway.addresses }).catch((err: unknown) =>
      log.error({ err }, 'agent.json cannot be written'),
    );
  };
  const gatewayFacts = () => ({
    gateways: gateway.addresses,
    gatewayProblems: Object.fromEntries(gateway.problems),
  });
  await nameServer?.serve(served.names);
  const firstRoutes = started.snapshotPath === undefined ? undefined : await serve(started.snapshotPath);

  const bound = (await nameServer?.start()) ?? [];
  const nameServers = bound.map(formatListen);
  if (bound.length > 0) log.info({ listen: nameServers }, 'the name server answers');

  const pendingMetrics = new Map<number, (text: string) => void>();
  let metricsId = 0;
  // Snapshots one after the other, in the order they come.
  let serving: Promise<void> = Promise.resolve();

  const onMessage = (message: ToData): void => {
    switch (message.type) {
      case 'states':
        states.apply(message, clock.monotonicMs());
        nameServer?.statesChanged();
        return;
      case 'snapshot':
        serving = serving.then(async () => {
          await (await serve(message.path))();
          const error = snapshotError === '' ? {} : { error: snapshotError };
          supervisor.send({ type: 'serving', hash: served.hash, ...gatewayFacts(), ...error });
        });
        return;
      case 'clusterSecrets':
        // The same configuration, with what the cluster's Secrets hold now.
        serving = serving.then(async () => {
          if (servedPath !== undefined) await (await serve(servedPath))();
        });
        return;
      case 'geo':
        // Now that the hub's database is here, the same snapshot is answered by it.
        serving = serving.then(async () => {
          if ((served.otherGeoDatabase || geo === undefined) && servedPath !== undefined)
            await (await serve(servedPath))();
        });
        return;
      case 'link':
        link = message;
        gateway.link(message.hub === 'up');
        return;
      case 'keys':
        gateway.keysChanged(message);
        return;
      case 'endpoints':
        endpoints.receive(message);
        return;
      case 'quota':
        gateway.quotaReplied(message.reply);
        return;
      case 'foundKey':
        seeking.get(message.id)?.(message.found);
        seeking.delete(message.id);
        return;
      case 'usageAck':
        gateway.usageAcknowledged(message.outbox, message.sequence);
        return;
      case 'running':
        running = true;
        endpoints.controlRuns();
        return;
      case 'metrics':
        pendingMetrics.get(message.id)?.(message.text);
        return;
    }
  };

  const supervisor = startSupervisor({
    entry: programs.control,
    clock,
    random: Math.random,
    log,
    start: () => ({
      type: 'start',
      config,
      nameServers,
      serving: served.hash,
      ...gatewayFacts(),
      remembered: states.save(times()),
      services: endpoints.inUse,
    }),
    onMessage,
    onExit: () => {
      running = false;
      link = { type: 'link', hub: 'down', peers: 0 };
      gateway.link(false);
      endpoints.controlGone();
      for (const found of seeking.values()) found('away');
      seeking.clear();
    },
  });

  const controlMetrics = (): Promise<string> => {
    metricsId += 1;
    const id = metricsId;
    return new Promise((resolve) => {
      const answer = (text: string): void => {
        pendingMetrics.delete(id);
        cancel();
        resolve(text);
      };
      const cancel = clock.after(METRICS_WAIT_MS, () => answer(''));
      pendingMetrics.set(id, answer);
      if (running) supervisor.send({ type: 'metrics', id });
      else answer('');
    });
  };

  const unready = (): readonly string[] => [
    ...(config.dns.enabled && served.hash === '' ? ['no snapshot is served yet'] : []),
    ...(config.dns.enabled && bound.length === 0 ? ['the name server does not listen'] : []),
    ...gateway.unready(),
    ...(config.witness && !running ? ['the control process does not run'] : []),
  ];

  const admin: AdminServer | undefined =
    config.admin === undefined
      ? undefined
      : await startAdmin(config.admin.listen, {
          unready,
          facts: () => ({
            pid: process.pid,
            controlPid: supervisor.pid,
            controlRestarts: supervisor.restarts,
            hub: link.hub,
            peers: link.peers,
            nameServers,
            ...gatewayFacts(),
            ...(link.kubernetes === undefined ? {} : { kubernetes: link.kubernetes }),
            snapshot: { hash: served.hash, sequence: served.sequence, error: snapshotError },
            states: states.source,
          }),
          metrics: async () => {
            const own = dataMetrics({
              served,
              states: states.view(),
              source: states.source,
              nameServer: nameServer?.stats(),
              gateway: gateway.metrics(),
              controlRunning: running,
              controlRestarts: supervisor.restarts,
              hubUp: link.hub === 'up',
              rssBytes: process.memoryUsage.rss(),
            });
            return own + (await controlMetrics());
          },
        });

  let lastSave: Promise<void> = Promise.resolve();
  let saveFailed = false;
  const save = (): Promise<void> => {
    lastSave = lastSave.then(async () => {
      if (!states.dirty) return;
      try {
        await file.write(states.save(times()));
        saveFailed = false;
      } catch (err) {
        if (!saveFailed)
          log.error(
            { err },
            'the states cannot be saved; a restart without the hub would begin without them',
          );
        saveFailed = true;
      }
    });
    return lastSave;
  };
  let toldGateway = JSON.stringify(gatewayFacts());
  const tellGateway = (): void => {
    const now = JSON.stringify(gatewayFacts());
    if (now === toldGateway) return;
    toldGateway = now;
    supervisor.send({ type: 'gateway', ...gatewayFacts() });
    void writeFacts();
  };
  let cancelSave = (): void => undefined;
  const saveLater = (): void => {
    cancelSave = clock.after(SAVE_EVERY_MS, () => {
      tellGateway();
      states.view(); // brings the last healthy answers up to date, also when nobody asks
      void save().then(saveLater);
    });
  };
  let stopped = false;
  saveLater();

  if (firstRoutes !== undefined) {
    serving = serving.then(async () => {
      await firstRoutes();
      tellGateway();
    });
    await serving;
  }
  facts = {
    pid: process.pid,
    nameServers,
    ...(admin === undefined ? {} : { admin: formatListen(admin.address) }),
  };
  await writeFacts();

  return {
    async stop() {
      if (stopped) return;
      stopped = true;
      cancelSave();
      await supervisor.stop();
      await Promise.all([nameServer?.close(), gateway.close(), admin?.close()]);
      await Promise.all([save(), endpoints.close()]);
      await unlock();
    },
  };
}

/** A reader finds the old facts or the new ones, never half of them. */
async function publishFacts(dataDir: string, facts: object): Promise<void> {
  const path = join(dataDir, 'agent.json');
  await writeFile(`${path}.new`, `${JSON.stringify(facts)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
