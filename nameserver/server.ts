import type { AnswerTable } from '../src/dns/table.ts';
import { PortolanError } from '../src/errors/error.ts';
import { Answerer } from './answerer.ts';
import { DEFAULT_NAME_SERVER_SETTINGS } from './default-settings.ts';
import { watchFiles } from './file-watch.ts';
import { Gate, type LimitNotice } from './gate.ts';
import { createProtection, createSharedProtection, type SharedProtection } from './protection.ts';
import { ProtectionCounters } from './protection-counters.ts';
import type { QueryLogger } from './query-log.ts';
import type { NameServerSettings } from './settings.ts';
import { type NameServerStats, Statistics } from './statistics.ts';
import { DEFAULT_TCP_LIMITS, listenTcp, type TcpLimits, type TcpListener } from './tcp.ts';
import type { TlsIdentity } from './tls-identity.ts';
import { TransferDesk, type TransferOutLimits } from './transfer-desk.ts';
import { NO_TRANSFERS, type TransferPlan } from './transfer-plan.ts';
import { listenUdp, type UdpListener } from './udp.ts';
import { THREAD_SIGNERS } from './zone-signers.ts';

export interface ListenAddress {
  /** An IPv4 or IPv6 address; an IPv6 one takes IPv6 only. */
  readonly host: string;
  /** 0 takes a free port, the same for UDP and TCP. */
  readonly port: number;
}

export interface NameServerOptions {
  readonly listen: readonly ListenAddress[];
  /** The table to answer the next query from; `undefined`: SERVFAIL for now. A query keeps the table it began with. */
  readonly table: () => AnswerTable | undefined;
  readonly log?: NameServerLog | undefined;
  readonly tcp?: Partial<TcpLimits> | undefined;
  /** Let other threads and processes bind the same port and share its queries (SO_REUSEPORT); not with port 0. */
  readonly reusePort?: boolean | undefined;
  /** The defaults when left out. */
  readonly settings?: NameServerSettings | undefined;
  /** What the threads of a process share against abuse; its own when left out. Made for the same settings. */
  readonly protection?: SharedProtection | undefined;
  /** Takes records of the query log, when the settings ask for one. */
  readonly writeQueryLog?: ((record: Uint8Array) => void) | undefined;
  /** Where to count; a new one when left out. */
  readonly statistics?: Statistics | undefined;
  /** Who may copy which zone, and the keys of signed messages, that go with `table`; nobody and none when left out. */
  readonly transfers?: (() => TransferPlan | undefined) | undefined;
  readonly transferLimits?: TransferOutLimits | undefined;
  /** Milliseconds since 1970. */
  readonly wallMs?: (() => number) | undefined;
  /** Monotonic milliseconds. */
  readonly now?: (() => number) | undefined;
  /** How often the files named in the settings are looked at, in milliseconds. */
  readonly lookEveryMs?: number | undefined;
}

/** Where failures go; each distinct message at most once a minute. */
interface NameServerLog {
  warn(details: { readonly err?: unknown }, message: string): void;
}

export interface NameServer {
  /**
   * Binds every address, or none.
   * @returns the bound addresses in the order of `listen`
   * @throws PortolanError PORT_IN_USE, or UNSUPPORTED when an address cannot be bound for another reason
   */
  start(): Promise<readonly ListenAddress[]>;
  /** Stops listening; answers under way over TCP are sent first. */
  close(): Promise<void>;
  stats(): NameServerStats;
}

/** One thread's name server. */
export interface OwnNameServer extends NameServer {
  /** Where it answers DNS over TLS, after `start`, in the order of the settings. */
  tlsListen(): readonly ListenAddress[];
}

const PORT_ATTEMPTS = 20;
const REPEAT_AFTER_MS = 60_000;
/** A flood from many forged networks must not become a flood of log lines. */
const LIMIT_NOTICE_EVERY_MS = 10_000;

/**
 * An authoritative name server on UDP and TCP. No input can make it throw or stop.
 * @throws PortolanError COOKIE_SECRET_INVALID or DNS_TLS_FILES_INVALID when a file named in its settings cannot be used
 */
export function createNameServer(options: NameServerOptions): OwnNameServer {
  const now = options.now ?? (() => performance.now());
  const statistics = options.statistics ?? new Statistics();
  THREAD_SIGNERS.countIn(statistics.counters);
  const onFailure = quietly(options.log, now);
  const transfers = new TransferDesk({
    table: options.table,
    plan: options.transfers ?? (() => NO_TRANSFERS),
    statistics,
    wallMs: options.wallMs ?? Date.now,
    onFailure,
    limits: options.transferLimits,
  });
  const settings = options.settings ?? DEFAULT_NAME_SERVER_SETTINGS;
  const limits = { ...DEFAULT_TCP_LIMITS, ...options.tcp };
  const protection = createProtection(
    settings.cookies,
    settings.rateLimit,
    options.protection ?? createSharedProtection(settings.rateLimit),
    options.wallMs ?? Date.now,
  );
  const gate = new Gate({
    settings,
    protection,
    counters: new ProtectionCounters(statistics.counters),
    idleMs: limits.idleMs,
    onLimited: limitNotices(options.log, settings.rateLimit.mode === 'log', now),
  });
  let queryLogger: QueryLogger | undefined;
  const answerer = new Answerer({
    table: options.table,
    statistics,
    queryLog: settings.queryLog === undefined ? undefined : (answered) => queryLogger?.record(answered),
    onFailure,
    gate,
    transfers,
  });
  let tls: TlsIdentity | undefined;
  const listeners: { udp: UdpListener; tcp: TcpListener }[] = [];
  const tlsListeners: { host: string; listener: TcpListener }[] = [];
  const shared = { reusePort: options.reusePort ?? false, answerer, transfers, statistics, onFailure };

  const bind = async ({ host, port }: ListenAddress): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      const udp = await listenUdp({ ...shared, host, port });
      try {
        listeners.push({ udp, tcp: await listenTcp({ ...shared, host, port: udp.port, limits, now }) });
        return;
      } catch (error) {
        await udp.close();
        // A free UDP port may be taken for TCP: with port 0 any other pair will do.
        if (port !== 0 || codeOf(error) !== 'EADDRINUSE' || attempt >= PORT_ATTEMPTS) throw error;
      }
    }
  };

  const bindTls = async ({ host, port }: ListenAddress): Promise<void> => {
    tlsListeners.push({ host, listener: await listenTcp({ ...shared, host, port, tls, limits, now }) });
  };

  const watches = [
    reloading(settings.cookies.enabled ? [settings.cookies.secretFile] : [], protection.reload),
    reloading([settings.tls?.certFile, settings.tls?.keyFile], () => tls?.reload()),
  ];

  function reloading(paths: readonly (string | undefined)[], reload: () => void): () => void {
    const changed = (): void => {
      try {
        reload();
      } catch (failure) {
        onFailure(failure); // what was there before stays in use
      }
    };
    return watchFiles(
      paths.filter((path) => path !== undefined),
      changed,
      options.lookEveryMs,
    );
  }

  const close = async (): Promise<void> => {
    for (const unwatch of watches) unwatch();
    transfers.close();
    const closing = listeners.splice(0);
    const closingTls = tlsListeners.splice(0);
    await Promise.all([
      ...closing.flatMap(({ udp, tcp }) => [udp.close(), tcp.close()]),
      ...closingTls.map(({ listener }) => listener.close()),
    ]);
  };

  return {
    async start() {
      queryLogger = await loadQueryLogger(options, settings);
      tls = await loadTlsIdentity(settings);
      const ways = [
        ...options.listen.map((address) => ({ address, listen: () => bind(address) })),
        ...(settings.tls?.listen ?? []).map((address) => ({ address, listen: () => bindTls(address) })),
      ];
      for (const { address, listen } of ways) {
        try {
          await listen();
        } catch (error) {
          await close();
          throw bindError(address, error);
        }
      }
      return listeners.map(({ udp }, i) => ({ host: options.listen[i]?.host ?? '', port: udp.port }));
    },
    tlsListen: () => tlsListeners.map(({ host, listener }) => ({ host, port: listener.port })),
    close,
    stats: () => statistics.read(),
  };
}

function bindError(address: ListenAddress, cause: unknown): PortolanError {
  const where = `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
  const code = codeOf(cause);
  if (code === 'EADDRINUSE') {
    return new PortolanError('PORT_IN_USE', `the name server cannot listen on ${where}: the port is in use`, {
      cause,
    });
  }
  const fix =
    code === 'EACCES'
      ? 'Ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher port or grant it.'
      : code === 'ENOTSUP' || code === 'ENOPROTOOPT'
        ? 'This system does not share a port between threads: set dns.workers to 0.'
        : 'Listen on an address this machine has.';
  return new PortolanError('UNSUPPORTED', `the name server cannot listen on ${where} (${code})`, {
    cause,
    fix,
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

/** Says that answers are limited: one line in a while, for whatever flow began last. */
function limitNotices(
  log: NameServerLog | undefined,
  logOnly: boolean,
  now: () => number,
): (notice: LimitNotice) => void {
  let lastAt = Number.NEGATIVE_INFINITY;
  return ({ source, kind, name }) => {
    if (log === undefined || now() - lastAt < LIMIT_NOTICE_EVERY_MS) return;
    lastAt = now();
    const flow = name === '' ? kind : `${kind}, ${name}`;
    const done = logOnly ? 'would be limited (rateLimit.mode is log)' : 'are limited';
    log.warn({}, `answers to the network of ${source} ${done}: too many of one kind (${flow})`);
  };
}

/** Loaded only when there is TLS, which takes some MB in each thread. */
async function loadTlsIdentity({ tls }: NameServerSettings): Promise<TlsIdentity | undefined> {
  if (tls === undefined) return undefined;
  const loaded = await import('./tls-identity.ts');
  return loaded.createTlsIdentity(tls);
}

/** Loaded only when there is a log: its encoder takes 5 MB in each thread. */
async function loadQueryLogger(
  { writeQueryLog }: NameServerOptions,
  settings: NameServerSettings,
): Promise<QueryLogger | undefined> {
  if (writeQueryLog === undefined || settings.queryLog === undefined) return undefined;
  const loaded = await import('./query-log.ts');
  return new loaded.QueryLogger({
    settings: settings.queryLog,
    identity: settings.nsid,
    wallMs: () => performance.timeOrigin + performance.now(),
    random: Math.random,
    write: writeQueryLog,
  });
}

/** Failures can come with every query: one line a minute for each message, and not too many messages. */
function quietly(log: NameServerLog | undefined, now: () => number): (failure: unknown) => void {
  const lastAt = new Map<string, number>();
  return (failure) => {
    if (log === undefined) return;
    const message = failure instanceof Error ? failure.message : String(failure);
    const last = lastAt.get(message);
    if (last !== undefined && now() - last < REPEAT_AFTER_MS) return;
    if (lastAt.size >= 100) lastAt.clear();
    lastAt.set(message, now());
    log.warn({ err: failure }, 'the name server could not answer as it should');
  };
}
