import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { PortolanError } from '../src/errors/error.ts';
import { type GatewaySecrets, NO_GATEWAY_SECRETS } from '../src/policy/model.ts';
import type { PiecedGateway } from '../src/policy/piece-bytes.ts';
import type { GatewayFrame } from '../src/policy/pieces.ts';
import { backoffDelayMs } from '../src/protocol/backoff.ts';
import type { QuotaReply } from '../src/quota/messages.ts';
import type { SpokeState } from '../src/quota/spoke-contract.ts';
import { CounterReader, Counters, familiesOf, type Metric } from '../src/telemetry/counters.ts';
import type { Family } from '../src/telemetry/metric-text.ts';
import type { AskedLimits } from './external/asked-limits.ts';
import type { AuthorizationSettings } from './external/listeners.ts';
import type { SharedKeys } from './keys/layout.ts';
import type { KeySearchAnswer } from './keys/search.ts';
import { choosePorts, type PortSettings } from './ports.ts';
import type { QuotaSettled } from './quota/contract.ts';
import { createQuotaSupervisor, type QuotaSettings } from './quota/supervisor.ts';
import { machineMs } from './quota/table-clock.ts';
import type { BoundPort } from './server.ts';
import { type Shelf, ShelvedQuotas, shelve } from './shelf.ts';
import { THREAD_LIMITS } from './thread-limits.ts';
import type {
  ConfigurationMessage,
  FromGatewayThread,
  GatewayThreadStart,
  ToGatewayThread,
} from './thread-messages.ts';
import type { FileCertificate } from './tls/contract.ts';
import type { ServiceEndpoints } from './upstream/service-endpoints.ts';
import type { UsageCount } from './usage/usage-counts.ts';
import { workerFile } from './worker-file.ts';

export interface GatewayServiceOptions {
  readonly settings: PortSettings & {
    readonly workers: number;
    readonly graceSeconds: number;
    readonly accessLog: { readonly file?: string | undefined };
    /** Where other proxies ask; absent: nowhere. */
    readonly authorization?: AuthorizationSettings | undefined;
  };
  readonly allowedRanges: readonly string[];
  /** The API keys of the cluster; undefined: there are none. */
  readonly keys: SharedKeys | undefined;
  /** Asks the hub for a key that the table does not have, by the hub's digest; never rejects. Absent: nobody asks. */
  readonly findKey?: ((digest: string) => Promise<KeySearchAnswer>) | undefined;
  /** What the threads counted; absent: nobody keeps accounts. */
  readonly usage?: ((counts: readonly UsageCount[]) => void) | undefined;
  /** The way to the hub for tokens of limits; absent: there is none, and keys live of floors. */
  readonly quota?: QuotaSettings | undefined;
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly random: () => number;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
  };
  /** The program of a thread; that of this release when left out. */
  readonly entry?: string | URL | undefined;
}

interface ServedServices {
  /** What its backends name (`CompiledBackend.service`): endpoints of others are forgotten. Absent: none are. */
  readonly services?: ReadonlySet<string> | undefined;
}

/** The gateway of a process: threads that share their ports. There are none while no Gateway has a port. */
export interface GatewayService {
  /**
   * Routes by this configuration from now on; a request keeps the one it began with. Resolves when every thread does, but for one
   * that cannot: that keeps what it has, and says so in the log.
   * @param next of its pieces at least those that are not of the configuration before; their bytes are copied
   * @param geo a GeoIP database in shared memory, where a residency rule needs one
   */
  serve(
    next: PiecedGateway & ServedServices,
    secrets: GatewaySecrets,
    geo: SharedArrayBuffer | undefined,
  ): Promise<void>;
  /**
   * Endpoints of Kubernetes Services, by `CompiledBackend.service`: those named are otherwise from now on, at every thread, without a change of the
   * configuration. What a configuration needs is said before `serve`.
   */
  endpoints(changed: ServiceEndpoints): void;
  /** Certificates of the agent's own files. */
  setFiles(files: readonly FileCertificate[]): void;
  /** What the hub answered to an exchange of quota. */
  quotaReply(reply: QuotaReply): void;
  /** The hub cannot be reached: until the next reply. */
  quotaAway(): void;
  /** Undefined: nothing was ever limited. */
  quotaState(): SpokeState | undefined;
  /** The limits for requests that services on this machine ask about; decided in this thread. */
  limits(): Promise<AskedLimits>;
  reopenLogs(): void;
  /** Where it answers now. */
  readonly bound: readonly BoundPort[];
  /** Listeners that are not served and why, by id. */
  readonly problems: ReadonlyMap<string, string>;
  /** A thread has its configuration; false also while there is nothing to serve. */
  readonly serving: boolean;
  /** Of the threads that run. */
  readonly threadIds: readonly number[];
  metrics(): readonly Family[];
  /** Stops accepting, lets requests finish for `graceSeconds`, then cuts them. */
  close(): Promise<void>;
}

const WORKERS: Metric = {
  name: 'portolan_gateway_workers',
  help: 'Gateway threads that serve.',
  type: 'gauge',
};
const RESTARTS: Metric = {
  name: 'portolan_gateway_worker_restarts_total',
  help: 'Gateway threads that ended and were started again.',
  type: 'counter',
};
const UNSERVED: Metric = {
  name: 'portolan_gateway_listeners_unserved',
  help: 'Listeners of Gateways that cannot be served here; /readyz says why.',
  type: 'gauge',
};

const BACKOFF = { baseMs: 100, capMs: 10_000 };
/** A thread that ran this long starts again without memory of earlier failures. */
const HEALTHY_MS = 30_000;
/** A thread that does not take a configuration for this long hangs, and is ended. */
const ACKNOWLEDGE_MS = 30_000;
/** Beyond the grace that requests have. */
const CLOSE_MS = 2_000;
/** A port that somebody else holds is tried again. */
const PORTS_AGAIN_MS = 5_000;
/** Session tickets are good for two hours at clients; a key that leaks opens the sessions of this time. */
const TICKET_KEYS_MS = 12 * 3_600_000;
const TICKET_KEY_OCTETS = 48;

interface Thread {
  readonly worker: Worker;
  readonly reader: CounterReader;
  readonly startedMs: number;
  readonly exited: Promise<void>;
  /** Version of the configuration it routes by. */
  served: number;
  problems: ReadonlyMap<string, string>;
  failure: PortolanError | undefined;
}

function asksAnswered(settings: AuthorizationSettings | undefined): boolean {
  return settings?.listen !== undefined || settings?.grpcListen !== undefined;
}

/**
 * Zero: nothing is said for all threads. The two megabytes of the process (`NODE_FLAGS`) would win over `THREAD_LIMITS`, and the collector
 * run four times as often. Heaps that there are already stay as they are.
 */
const YOUNG_GENERATION = '--max-semi-space-size=0';

const NO_FRAME: GatewayFrame = { ports: [], pieces: [] };
const NO_PIECES: PiecedGateway['pieces'] = new Map();

export function createGatewayService(options: GatewayServiceOptions): GatewayService {
  const { settings, log, monotonicMs, after } = options;
  const counters = new Counters();
  const running = counters.counter(WORKERS);
  const restarts = counters.counter(RESTARTS);
  const unserved = counters.counter(UNSERVED);
  const slots: (Thread | undefined)[] = [];
  const cancels = new Set<() => void>();
  let files: readonly FileCertificate[] = [];
  const endpoints = new Map<string, readonly string[] | undefined>();
  let ticketKeys = randomBytes(TICKET_KEY_OCTETS);
  /** Bytes of the pieces of the configuration, by SHA-256: for threads that begin. */
  let shelf: Shelf = new Map();
  let configuration: Omit<ConfigurationMessage, 'pieces' | 'secrets'> & { readonly secrets: GatewaySecrets } =
    {
      type: 'configuration',
      version: 0,
      frame: NO_FRAME,
      secrets: NO_GATEWAY_SECRETS,
      ports: [],
      geo: undefined,
      quota: undefined,
    };
  const quota = createQuotaSupervisor({
    ...options.quota,
    monotonicMs,
    machineMs,
    wallMs: () => Date.now(),
    after,
    newSession: () => randomBytes(16).toString('hex'),
    seed: () => randomBytes(4).readInt32LE(),
    counters,
    log,
  });
  /** Listeners whose port cannot be bound. */
  let unbound: ReadonlyMap<string, string> = new Map();
  let waiting: { readonly version: number; readonly resolve: () => void }[] = [];
  let wanted = false;
  let closed = false;
  /** One change of the configuration after the other. */
  let changing: Promise<void> = Promise.resolve();
  let cancelPorts: (() => void) | undefined;

  const post = (thread: Thread, message: ToGatewayThread): void => thread.worker.postMessage(message);
  const threads = (): readonly Thread[] => slots.filter((thread) => thread !== undefined);

  const later = (delayMs: number, task: () => void): (() => void) => {
    const cancel = after(delayMs, () => {
      cancels.delete(stop);
      task();
    });
    const stop = (): void => {
      cancels.delete(stop);
      cancel();
    };
    cancels.add(stop);
    return stop;
  };

  const problems = (): ReadonlyMap<string, string> =>
    new Map([...threads().flatMap((thread) => [...thread.problems]), ...unbound]);

  /** Tells those who wait for a configuration that every thread there is has it; one that starts later begins with it. */
  const settle = (): void => {
    unserved.set(problems().size);
    const oldest = Math.min(...threads().map(({ served }) => served));
    const done = waiting.filter(({ version }) => version <= oldest);
    waiting = waiting.filter(({ version }) => version > oldest);
    for (const { resolve } of done) resolve();
  };

  const settles = new WeakMap<Thread, (settled: readonly QuotaSettled[]) => void>();
  /** The same one for all wants of a thread: their answers go in one message. */
  const settleOf = (thread: Thread): ((settled: readonly QuotaSettled[]) => void) => {
    let settleThread = settles.get(thread);
    if (settleThread === undefined) {
      settleThread = (settled) => post(thread, { type: 'quotaSettled', settled });
      settles.set(thread, settleThread);
    }
    return settleThread;
  };

  const findKey = async (thread: Thread, id: number, digest: string): Promise<void> => {
    const found = (await options.findKey?.(digest)) ?? 'away';
    post(thread, { type: 'foundKey', id, found });
  };

  const hear = (thread: Thread, message: FromGatewayThread): void => {
    switch (message.type) {
      case 'served':
        if (thread.served < 0) running.add();
        thread.served = message.version;
        thread.problems = new Map(message.problems);
        settle();
        return;
      case 'failed':
        thread.failure = new PortolanError(message.error.code, message.error.message, {
          fix: message.error.fix,
        });
        return;
      case 'counters':
        thread.reader.hear(message.news);
        return;
      case 'usage':
        options.usage?.(message.counts);
        return;
      case 'quotaWants':
        quota.want(message.wants, settleOf(thread));
        return;
      case 'quotaPaused':
        quota.paused(message.breaks);
        return;
      case 'findKey':
        void findKey(thread, message.id, message.digest);
        return;
      case 'log':
        log[message.level](message.details, message.message);
        return;
    }
  };

  const launch = (slot: number, failures: number): void => {
    const start: GatewayThreadStart = {
      allowedRanges: options.allowedRanges,
      keys: options.keys,
      findsKeys: options.findKey !== undefined,
      accessLogFile: settings.accessLog.file,
      authorization: settings.authorization ?? { trustedPeers: [] },
      ticketKeys,
      files,
      configuration: { ...configuration, pieces: shelf },
      endpoints,
    };
    setFlagsFromString(YOUNG_GENERATION);
    const worker = new Worker(options.entry ?? workerFile(), {
      workerData: start,
      name: `gateway-${slot}`,
      resourceLimits: THREAD_LIMITS,
    });
    const thread: Thread = {
      worker,
      reader: new CounterReader(),
      startedMs: monotonicMs(),
      exited: new Promise((resolve) => worker.once('exit', () => resolve())),
      served: -1,
      problems: new Map(),
      failure: undefined,
    };
    slots[slot] = thread;
    worker.on('message', (message: FromGatewayThread) => hear(thread, message));
    let thrown: unknown;
    worker.on('error', (error) => {
      thrown = error;
    });
    worker.once('exit', (code) => {
      slots[slot] = undefined;
      if (thread.served >= 0) running.add(-1);
      counters.absorb(thread.reader.samples);
      settle();
      if (closed || !wanted) return;
      const again = monotonicMs() - thread.startedMs >= HEALTHY_MS ? 1 : failures + 1;
      const delayMs = backoffDelayMs(again, options.random, BACKOFF);
      log.warn(
        { err: thrown ?? thread.failure, code, slot, delayMs },
        'a gateway thread ended; it is started again and the others go on',
      );
      later(delayMs, () => {
        if (closed || !wanted || slots[slot] !== undefined) return;
        restarts.add();
        launch(slot, again);
      });
    });
  };

  const endThreads = async (): Promise<void> => {
    const ending = threads();
    const graceMs = settings.graceSeconds * 1000;
    for (const thread of ending) post(thread, { type: 'close', graceMs });
    const cancel = after(graceMs + CLOSE_MS, () => {
      for (const { worker } of ending) void worker.terminate();
    });
    await Promise.all(ending.map(({ exited }) => exited));
    cancel();
  };

  /** Every thread routes by the configuration when it resolves. */
  const acknowledged = (version: number, asked: readonly Thread[]): Promise<void> => {
    if (asked.length === 0) return Promise.resolve();
    const cancel = later(ACKNOWLEDGE_MS, () => {
      for (const thread of asked) {
        if (thread.served >= version) continue;
        log.error({ version }, 'a gateway thread does not take its configuration and is ended');
        void thread.worker.terminate();
      }
    });
    return new Promise((resolve) => {
      waiting.push({
        version,
        resolve() {
          cancel();
          resolve();
        },
      });
      settle();
    });
  };

  const change = async (
    next: PiecedGateway & ServedServices,
    secrets: GatewaySecrets,
    geo: SharedArrayBuffer | undefined,
  ): Promise<void> => {
    if (closed) return;
    cancelPorts?.();
    cancelPorts = undefined;
    const { frame } = next;
    const { ports, refused } = await choosePorts(frame, settings, configuration.ports);
    const left = new Map(
      frame.ports.flatMap(({ port, listeners }) => {
        const reason = refused.get(port);
        return reason === undefined ? [] : listeners.map(({ id }) => [id, reason] as const);
      }),
    );
    // A port that is free again is served only once the threads have it.
    unbound = new Map([...unbound, ...left]);
    for (const [port, reason] of refused)
      log.warn({ port }, `a port of the gateway is not served: ${reason}`);
    const version = configuration.version + 1;
    const served = { ...frame, ports: frame.ports.filter(({ port }) => !refused.has(port)) };
    const { all, fresh } = shelve(next, shelf);
    const sameSecrets = configuration.secrets === secrets;
    shelf = all;
    const shared = quota.configure(served.quota);
    configuration = { type: 'configuration', version, frame: served, secrets, ports, geo, quota: shared };
    if (refused.size > 0) {
      cancelPorts = later(PORTS_AGAIN_MS, () => {
        changing = changing.then(() =>
          configuration.version === version ? change({ frame, pieces: NO_PIECES }, secrets, geo) : undefined,
        );
      });
    }
    const { services } = next;
    if (services !== undefined)
      for (const service of endpoints.keys()) if (!services.has(service)) endpoints.delete(service);
    unserved.set(problems().size);
    // Other proxies may ask about domains although there is no Gateway.
    const counts = asksAnswered(settings.authorization) && Object.keys(frame.quota?.domains ?? {}).length > 0;
    if (ports.length === 0 && !counts) {
      unbound = left;
      wanted = false;
      await endThreads();
      quota.applied();
      return;
    }
    wanted = true;
    const asked = threads();
    if (asked.length > 0) {
      const news = { ...configuration, pieces: fresh, secrets: sameSecrets ? undefined : secrets };
      for (const thread of asked) post(thread, news);
    }
    for (let slot = 0; slot < settings.workers; slot += 1) if (slots[slot] === undefined) launch(slot, 0);
    await acknowledged(version, threads());
    quota.applied();
    unbound = left;
    unserved.set(problems().size);
  };

  let flushOwnUsage = (): void => undefined;
  /** Loaded only where services ask: expressions cost a thread some megabytes. */
  const ownLimits = async (): Promise<AskedLimits> => {
    const [{ createThreadQuota }, { createAskedLimits }, { createUsageCollector }] = await Promise.all([
      import('./quota/thread-quota.ts'),
      import('./external/asked-limits.ts'),
      import('./usage/collector.ts'),
    ]);
    const usage = createUsageCollector({ give: (counts) => options.usage?.(counts), after });
    flushOwnUsage = usage.flush;
    const gate = createThreadQuota({
      monotonicMs,
      machineMs,
      wallMs: () => Date.now(),
      counters,
      ask: (wants) => quota.want(wants, (settled) => gate.settled(settled)),
      paused: (breaks) => quota.paused(breaks),
      after,
      soon: setImmediate,
    });
    let policies: ReturnType<typeof gate.open> = new Map();
    const limited = new ShelvedQuotas();
    let opened = -1;
    const newest = (): typeof policies => {
      if (opened === configuration.version) return policies;
      opened = configuration.version;
      policies = gate.open(limited.of(configuration.frame, shelf), configuration.quota);
      return policies;
    };
    return createAskedLimits(gate, newest, () => undefined, usage);
  };

  const rotate = (): void => {
    later(TICKET_KEYS_MS, () => {
      ticketKeys = randomBytes(TICKET_KEY_OCTETS);
      for (const thread of threads()) post(thread, { type: 'ticketKeys', keys: ticketKeys });
      rotate();
    });
  };
  rotate();

  return {
    serve(next, secrets, geo) {
      changing = changing.then(() => change(next, secrets, geo));
      return changing;
    },
    endpoints(changed) {
      for (const [service, names] of changed) endpoints.set(service, names);
      for (const thread of threads()) post(thread, { type: 'endpoints', changed });
    },
    setFiles(next) {
      files = next;
      for (const thread of threads()) post(thread, { type: 'files', files });
    },
    quotaReply: (reply) => quota.reply(reply),
    quotaAway: () => quota.away(),
    quotaState: () => quota.describe(),
    limits: ownLimits,
    reopenLogs() {
      for (const thread of threads()) post(thread, { type: 'reopenLogs' });
    },
    get bound() {
      return configuration.ports;
    },
    get problems() {
      return problems();
    },
    get serving() {
      return threads().some(({ served }) => served >= 0);
    },
    get threadIds() {
      return threads().map(({ worker }) => worker.threadId);
    },
    metrics: () => familiesOf([counters.samples, ...threads().map(({ reader }) => reader.samples)]),
    async close() {
      closed = true;
      for (const cancel of [...cancels]) cancel();
      flushOwnUsage();
      await endThreads();
      quota.close();
      for (const { resolve } of waiting.splice(0)) resolve();
      await changing;
    },
  };
}
