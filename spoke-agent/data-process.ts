import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createNameService, type NameService } from '../nameserver/service.ts';
import type { LinkClock } from '../src/protocol/clock.ts';
import { type AdminServer, startAdmin } from './admin.ts';
import type { Bootstrapped } from './bootstrap-child.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { dataMetrics } from './data-metrics.ts';
import { openGeoChoice } from './geo-choice.ts';
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
  const geo = config.dns.enabled
    ? await openGeoChoice({ own: config.geo.database, files: openGeoFiles(config.dataDir), log })
    : undefined;

  let served: ServedSnapshot = NOTHING_SERVED;
  let servedPath: string | undefined;
  let snapshotError = '';
  let link: Extract<ToData, { type: 'link' }> = { type: 'link', hub: 'down', peers: 0 };
  let running = false;

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

  const serve = async (path: string): Promise<void> => {
    try {
      const next = await compileSnapshot(path, geo?.for, () => states.view());
      states.setContent(next.content, times());
      nameServer?.statesChanged(); // routing remembers last healthy answers of its own
      await nameServer?.serve(next.names);
      served = next;
      servedPath = path;
      snapshotError = '';
      const { hash, sequence, zones, hostnames } = next;
      log.info({ hash: hash.slice(0, 12), sequence, zones, hostnames }, 'a snapshot is served');
      if (next.otherGeoDatabase) {
        log.warn({}, 'the hub decides by another GeoIP database; answers may differ between name servers');
      }
    } catch (err) {
      snapshotError = err instanceof Error ? err.message : String(err);
      log.error({ err, path }, 'a snapshot cannot be served; the last good one stays');
    }
  };
  await nameServer?.serve(served.names);
  if (started.snapshotPath !== undefined) await serve(started.snapshotPath);

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
          await serve(message.path);
          const error = snapshotError === '' ? {} : { error: snapshotError };
          supervisor.send({ type: 'serving', hash: served.hash, ...error });
        });
        return;
      case 'geo':
        // Now that the hub's database is here, the same snapshot is answered by it.
        serving = serving.then(async () => {
          if (served.otherGeoDatabase && servedPath !== undefined) await serve(servedPath);
        });
        return;
      case 'link':
        link = message;
        return;
      case 'running':
        running = true;
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
      remembered: states.save(times()),
    }),
    onMessage,
    onExit: () => {
      running = false;
      link = { type: 'link', hub: 'down', peers: 0 };
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
            snapshot: { hash: served.hash, sequence: served.sequence, error: snapshotError },
            states: states.source,
          }),
          metrics: async () => {
            const own = dataMetrics({
              served,
              states: states.view(),
              source: states.source,
              nameServer: nameServer?.stats(),
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
  let cancelSave = (): void => undefined;
  const saveLater = (): void => {
    cancelSave = clock.after(SAVE_EVERY_MS, () => {
      states.view(); // brings the last healthy answers up to date, also when nobody asks
      void save().then(saveLater);
    });
  };
  let stopped = false;
  saveLater();

  await writeFile(
    join(config.dataDir, 'agent.json'),
    `${JSON.stringify({
      pid: process.pid,
      nameServers,
      ...(admin === undefined ? {} : { admin: formatListen(admin.address) }),
    })}\n`,
    { mode: 0o600 },
  );

  return {
    async stop() {
      if (stopped) return;
      stopped = true;
      cancelSave();
      await supervisor.stop();
      await Promise.all([nameServer?.close(), admin?.close()]);
      await save();
      await unlock();
    },
  };
}
