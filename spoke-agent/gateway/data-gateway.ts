import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type AskedLimits, UNKNOWN_LIMIT } from '../../gateway/external/asked-limits.ts';
import type { KeySearchAnswer } from '../../gateway/keys/search.ts';
import type { AgentSocket } from '../../gateway/plugins/agent-socket.ts';
import type { GatewayService } from '../../gateway/service.ts';
import type { ServiceEndpoints } from '../../gateway/upstream/service-endpoints.ts';
import type { UsageKeeper } from '../../gateway/usage/keeper.ts';
import type { OutboxBatch } from '../../gateway/usage/outbox.ts';
import { messageOf } from '../../src/errors/error.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import { type GatewaySecrets, NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { readPiece } from '../../src/policy/piece-bytes.ts';
import { joinGateway } from '../../src/policy/pieces.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';
import type { QuotaReply, QuotaRequest } from '../../src/quota/messages.ts';
import type { GeoLookup } from '../../src/routing/model.ts';
import { type Family, single } from '../../src/telemetry/metric-text.ts';
import { keyFiles, withOwnKeys } from '../certificates/key-files.ts';
import type { AgentConfig } from '../config.ts';
import type { KeyKeeper } from '../credentials/keeper.ts';
import type { KeysMessage } from '../credentials/messages.ts';
import { readClusterSecrets, withClusterSecrets } from '../kubernetes/secret-file.ts';
import { formatListen } from '../listen-address.ts';
import type { AgentLog } from '../log.ts';
import { type CertificateFiles, openCertificateFiles } from './certificate-files.ts';
import { NOTHING_OPENED, type OpenedGateway } from './gateway-book.ts';

export interface DataGatewayOptions {
  readonly config: Pick<AgentConfig, 'dataDir' | 'gateway' | 'network'>;
  readonly clock: LinkClock;
  readonly random: () => number;
  /** Of Kubernetes Services, what is known when the gateway begins. */
  readonly endpoints?: () => ServiceEndpoints;
  /** To the hub; false: there is no way to it now. */
  readonly sendUsage: (batch: OutboxBatch) => boolean;
  /** To the hub; without a way to it nothing happens: it is said again. */
  readonly sendQuota?: (request: QuotaRequest) => void;
  /** Asks the hub for a key that the table does not have; never rejects. */
  readonly findKey?: (digest: string) => Promise<KeySearchAnswer>;
  readonly log: AgentLog;
}

/** The gateway of the data process. Costs nothing while the cluster has no Gateway. */
export interface DataGateway {
  /**
   * Serves this from now on; undefined: nothing. Resolves when all threads do; with false when what was served before stays.
   * @param geo the database to find countries by; asked for only where a rule needs it
   */
  serve(next: OpenedGateway | undefined, geo: () => Promise<GeoLookup | undefined>): Promise<boolean>;
  /** Endpoints of Kubernetes Services that are otherwise. */
  endpointsChanged(changed: ServiceEndpoints): void;
  /** The keys on the disk are otherwise. */
  keysChanged(message: KeysMessage): void;
  /** Whether usage can go to the hub. */
  link(up: boolean): void;
  /** The hub has this of the usage, durably. */
  usageAcknowledged(outbox: string, sequence: number): void;
  /** What the hub says to a `sendQuota`. */
  quotaReplied(reply: QuotaReply): void;
  /** `scheme://host:port` of what it answers on. */
  readonly addresses: readonly string[];
  /** Listeners that are not served and why, by id. */
  readonly problems: ReadonlyMap<string, string>;
  /** Why the gateway does not do what it should; empty: it does. */
  unready(): readonly string[];
  metrics(): readonly Family[];
  close(): Promise<void>;
}

export function createDataGateway(options: DataGatewayOptions): DataGateway {
  const { config, clock, log } = options;
  let service: GatewayService | undefined;
  let files: CertificateFiles | undefined;
  let keys: KeyKeeper | undefined;
  let usage: UsageKeeper | undefined;
  /** Why nothing is served although there are ports: it begins just now, or it failed. */
  let absent = '';
  let plugins: AgentSocket | undefined;
  /** Of requests to services on this machine. */
  let limits: AskedLimits = () => UNKNOWN_LIMIT;
  let linkUp = false;
  let digest = '';
  let geoSha256 = '';
  let geoMemory: SharedArrayBuffer | undefined;
  /** The same object as long as they are the same: threads keep what they made of them. */
  let secrets: GatewaySecrets = NO_GATEWAY_SECRETS;
  let schemes: ReadonlyMap<number, string> = new Map();
  let closed = false;

  const reopen = (): void => service?.reopenLogs();
  const readFiles = async (): Promise<void> => {
    const found = (await files?.read()) ?? [];
    if (!closed) service?.setFiles(found);
  };

  const start = async (): Promise<GatewayService> => {
    const [
      { createGatewayService },
      { createKeyKeeper },
      { keyFolder },
      { openUsageKeeper },
      { quotaMemoryFile },
    ] = await Promise.all([
      import('../../gateway/service.ts'),
      import('../credentials/keeper.ts'),
      import('../credentials/files.ts'),
      import('../../gateway/usage/keeper.ts'),
      import('../quota/memory-file.ts'),
    ]);
    const after = (delayMs: number, task: () => void): (() => void) => clock.after(delayMs, task);
    const { dataDir } = config;
    keys = createKeyKeeper({
      directory: keyFolder(dataDir),
      wallMs: () => clock.wallMs(),
      onChange: (entry) => plugins?.keyChanged(entry),
      log,
    });
    usage = await openUsageKeeper({
      folder: join(dataDir, 'usage'),
      newId: randomUUID,
      send: options.sendUsage,
      after,
      log,
    });
    usage.link(linkUp);
    // Nobody is refused because the table was still being read.
    await keys.load();
    const accounts = usage;
    const quotaMemory = quotaMemoryFile(dataDir);
    const remembered = await quotaMemory.read();
    await openPlugins(keys, accounts);
    service = createGatewayService({
      settings: config.gateway,
      allowedRanges: config.network.allowedRanges,
      keys: keys.shared,
      findKey: options.findKey,
      usage: (counts) => void accounts.add(counts),
      quota: {
        maxKeys: config.gateway.quota.keys,
        exchange: options.sendQuota,
        keep: (memory) => quotaMemory.write(memory),
        memory: remembered,
      },
      monotonicMs: () => clock.monotonicMs(),
      after,
      random: options.random,
      log,
    });
    service.endpoints(options.endpoints?.() ?? new Map());
    if (plugins !== undefined) limits = await service.limits();
    process.on('SIGHUP', reopen);
    if (config.gateway.certificates.length > 0) {
      files = openCertificateFiles(config.gateway.certificates, () => void readFiles(), log);
      await readFiles();
    }
    return service;
  };

  const openPlugins = async (from: KeyKeeper, accounts: UsageKeeper): Promise<void> => {
    const { socket } = config.gateway.plugin;
    if (socket === undefined) return;
    const { openAgentSocket } = await import('../../gateway/plugins/agent-socket.ts');
    try {
      plugins = await openAgentSocket({
        path: socket,
        keys: () => from.entries(),
        usage: (counts) => void accounts.add(counts),
        limits: (asked) => limits(asked),
        log,
      });
    } catch (err) {
      log.warn({ err, socket }, 'services on this machine cannot be served policies; the gateway goes on');
    }
  };

  const apply = async (next: OpenedGateway, geo: () => Promise<GeoLookup | undefined>): Promise<void> => {
    const { frame, pieces, clusterNames } = next;
    const lookup = next.needsCountries ? await geo() : undefined;
    const sha256 = lookup?.sha256 ?? '';
    const file = clusterNames.length > 0 ? await readClusterSecrets(config.dataDir) : undefined;
    const nextDigest = `${next.digest}${file === undefined ? '' : sha256Hex(JSON.stringify(file.secrets))}`;
    if (nextDigest === digest && sha256 === geoSha256) return;
    digest = nextDigest;
    if (sha256 !== geoSha256 || geoMemory === undefined) geoMemory = sharedOf(lookup);
    geoSha256 = sha256;
    schemes = new Map(frame.ports.map(({ port, protocol }) => [port, protocol]));
    const running = service ?? (await start());
    const own = await withOwnKeys(next.secrets, keyFiles(config.dataDir));
    const filled = file === undefined ? own : withClusterSecrets(clusterNames, own, file);
    if (!isSameSecrets(filled, secrets)) secrets = filled;
    const entriesOf = (sha: string) => readPiece(pieces.get(sha) ?? new Uint8Array());
    plugins?.configured(
      () =>
        joinGateway(
          frame,
          frame.pieces.map((ref) => entriesOf(ref.sha256)),
        ),
      secrets,
    );
    await running.serve(next, secrets, geoMemory);
    for (const [listener, reason] of running.problems)
      log.warn({ listener }, `a listener of the gateway is not served: ${reason}`);
    if (frame.ports.length > 0) log.info({ listen: addressesOf(running, schemes) }, 'the gateway answers');
  };

  return {
    async serve(next, geo) {
      const { frame } = next ?? NOTHING_OPENED;
      const { ports } = frame;
      // Other proxies may ask about domains although there is no Gateway.
      const needed = ports.length > 0 || Object.keys(frame.quota?.domains ?? {}).length > 0;
      if (closed || !config.gateway.enabled || (!needed && service === undefined)) return true;
      if (service?.serving !== true && ports.length > 0) absent = 'the gateway does not serve yet';
      try {
        await apply(next ?? NOTHING_OPENED, geo);
        absent = '';
        return true;
      } catch (err) {
        // Names are answered all the same; the next snapshot tries again.
        digest = '';
        absent = `the gateway cannot serve: ${messageOf(err)}`;
        log.error({ err }, 'the gateway cannot serve a configuration; what it served before stays');
        return false;
      }
    },
    endpointsChanged: (changed) => service?.endpoints(changed),
    keysChanged(message) {
      if (keys === undefined) return;
      keys.receive(message);
      // Said to services only behind what it stands for.
      if (plugins !== undefined && message.heardAgoMs >= 0)
        void keys.idle().then(() => plugins?.heard(message.heardAgoMs));
    },
    link(up) {
      linkUp = up;
      usage?.link(up);
      if (!up) service?.quotaAway();
    },
    quotaReplied: (reply) => service?.quotaReply(reply),
    usageAcknowledged: (outbox, sequence) => usage?.acknowledged(outbox, sequence),
    get addresses() {
      return service === undefined ? [] : addressesOf(service, schemes);
    },
    get problems() {
      return service?.problems ?? new Map();
    },
    unready() {
      if (absent !== '') return [absent];
      if (service === undefined) return [];
      const unserved = [...service.problems].map(([listener, reason]) => `listener ${listener}: ${reason}`);
      const idle = service.bound.length > 0 && !service.serving;
      return idle ? [...unserved, 'no gateway thread runs'] : unserved;
    },
    metrics: () =>
      service === undefined
        ? []
        : [
            ...service.metrics(),
            single('gauge', 'portolan_gateway_keys', 'API keys that can be looked up.', keys?.size ?? 0),
            single(
              'gauge',
              'portolan_gateway_usage_waiting_bytes',
              'Usage on the disk that the hub has not confirmed.',
              usage?.waitingOctets ?? 0,
            ),
            single(
              'counter',
              'portolan_gateway_usage_lost_total',
              'Hits lost to accounts: the disk was full or failed.',
              usage?.lost ?? 0,
            ),
          ],
    async close() {
      closed = true;
      process.off('SIGHUP', reopen);
      files?.close();
      await service?.close();
      await plugins?.close();
      await usage?.close();
    },
  };
}

/** Certificates may have been filled in anew with what was there before; all else is the hub's, and the same object while it is the same. */
function isSameSecrets(one: GatewaySecrets, other: GatewaySecrets): boolean {
  if (one === other) return true;
  const { certificates, bundles, ...rest } = one;
  const ids = Object.keys(certificates);
  const names = Object.keys(bundles);
  const before: Readonly<Record<string, unknown>> = { ...other };
  return (
    Object.entries(rest).every(([name, value]) => before[name] === value) &&
    Object.keys(before).length === Object.keys(one).length &&
    ids.length === Object.keys(other.certificates).length &&
    names.length === Object.keys(other.bundles).length &&
    names.every((name) => bundles[name] === other.bundles[name]) &&
    ids.every((id) => {
      const now = certificates[id];
      const then = other.certificates[id];
      return now?.certificatePem === then?.certificatePem && now?.keyPem === then?.keyPem;
    })
  );
}

function addressesOf(service: GatewayService, schemes: ReadonlyMap<number, string>): readonly string[] {
  return service.bound.map(
    ({ port, host, boundPort }) =>
      `${schemes.get(port) ?? 'http'}://${formatListen({ host, port: boundPort })}`,
  );
}

/** A copy that threads share; the threads of one configuration all have the same. */
function sharedOf(lookup: GeoLookup | undefined): SharedArrayBuffer | undefined {
  if (lookup?.database === undefined) return undefined;
  const memory = new SharedArrayBuffer(lookup.database.length);
  new Uint8Array(memory).set(lookup.database);
  return memory;
}
