import { lookup } from 'node:dns/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { type GatewayPart, NO_GATEWAY_SECRETS } from '../src/policy/model.ts';
import { PieceBook } from '../src/policy/piece-book.ts';
import { Counters } from '../src/telemetry/counters.ts';
import { createAuthorizer } from './auth/authorizer.ts';
import { serviceAccountFiles } from './auth/service-account.ts';
import { createAskedLimits } from './external/asked-limits.ts';
import { type AuthorizationDesk, createAuthorizationDesk } from './external/desk.ts';
import type { AuthorizationListeners } from './external/listeners.ts';
import { createQuotaDesk } from './external/quota-desk.ts';
import { createGatewayServer } from './gateway-server.ts';
import { createKeySearch } from './keys/search.ts';
import { createOutboundClient } from './outbound/client.ts';
import type { PreparedQuota } from './quota/limits.ts';
import { machineMs } from './quota/table-clock.ts';
import { createThreadQuota } from './quota/thread-quota.ts';
import { backendMetrics } from './telemetry/backend-metrics.ts';
import { createFileSink, createStreamSink, type LogSink } from './telemetry/log-sink.ts';
import { accessLogCounters, createTelemetry } from './telemetry/telemetry.ts';
import { ThreadCountries } from './thread-countries.ts';
import { ThreadKeys } from './thread-keys.ts';
import type {
  ConfigurationMessage,
  FromGatewayThread,
  GatewayThreadStart,
  ToGatewayThread,
} from './thread-messages.ts';
import { createTlsContexts } from './tls/contexts.ts';
import type { TlsProblems } from './tls/contract.ts';
import { servicesOf } from './upstream/service-endpoints.ts';
import { createUpstreams, type ManagedUpstreams } from './upstream/upstreams.ts';
import { createUsageCollector } from './usage/collector.ts';

const PORTS_AGAIN_MS = 5_000;

/* Entry of a gateway thread: serves the shared ports from the configuration that it is told. */

function run(port: MessagePort, start: GatewayThreadStart): void {
  const post = (message: FromGatewayThread): void => port.postMessage(message);
  const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() };
  const after = (delayMs: number, task: () => void): (() => void) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  };
  const say = (level: 'info' | 'warn') => (details: object, message: string) =>
    post({ type: 'log', level, message, details: plain(details) });
  const log = { info: say('info'), warn: say('warn') };

  const counters = new Counters((news) => post({ type: 'counters', news }));
  const sink = openSink(start.accessLogFile, counters, log.warn);
  const telemetry = createTelemetry({ counters, sink, wallMs: clock.wallMs, after });
  const usage = createUsageCollector({ give: (counts) => post({ type: 'usage', counts }), after });
  const search = start.findsKeys
    ? createKeySearch({ ask: (id, digest) => post({ type: 'findKey', id, digest }), ...clock, after })
    : undefined;
  const keys = new ThreadKeys(start.keys, search);
  const quota = createThreadQuota({
    ...clock,
    machineMs,
    counters,
    ask: (wants) => post({ type: 'quotaWants', wants }),
    paused: (breaks) => post({ type: 'quotaPaused', breaks }),
    after,
    soon: setImmediate,
  });
  let limits: ReadonlyMap<string, PreparedQuota> = new Map();
  const countries = new ThreadCountries();
  const country = (address: string): string | undefined => countries.of(address);
  const outbound = createOutboundClient({ allowedRanges: start.allowedRanges });
  let { configuration } = start;
  let secrets = configuration.secrets ?? NO_GATEWAY_SECRETS;
  const book = new PieceBook();
  let upstreams: ManagedUpstreams | undefined;
  const services = new Map(start.endpoints);
  const authorizer = createAuthorizer({
    ...clock,
    keys,
    secrets: () => secrets,
    outbound,
    log,
    country,
    serviceAccount: serviceAccountFiles(process.env),
  });
  const warnOfCertificates = ({ certificates }: TlsProblems): void => {
    for (const [certificate, reason] of certificates)
      log.warn({ certificate }, `a certificate of the gateway is skipped: ${reason}`);
  };
  const tls = createTlsContexts();
  let toldProblems: TlsProblems | undefined;
  tls.setTicketKeys(start.ticketKeys);
  tls.setFiles(start.files);
  const server = createGatewayServer(
    {
      ...clock,
      after,
      random: Math.random,
      authorizer,
      upstreams: (part, own) => {
        const before = upstreams;
        upstreams = createUpstreams(
          part,
          own,
          {
            ...clock,
            after,
            random: Math.random,
            resolve: resolveBySystem,
            allowedRanges: start.allowedRanges,
            services,
            log,
          },
          before,
        );
        return upstreams;
      },
      telemetry,
      usage,
      quota: { gate: quota, policies: () => limits },
      country,
      log,
    },
    {
      bind: (asked) => {
        const chosen = configuration.ports.find((bound) => bound.port === asked);
        return { host: chosen?.host ?? '127.0.0.1', port: chosen?.boundPort ?? asked };
      },
      reusePort: true,
      tls: {
        ...tls,
        configure(part, own) {
          const problems = tls.configure(part, own);
          if (problems !== toldProblems) warnOfCertificates(problems);
          toldProblems = problems;
          return problems;
        },
      },
    },
  );

  const { authorization } = start;
  const asked = authorization.listen !== undefined || authorization.grpcListen !== undefined;
  const desk = asked
    ? createAuthorizationDesk({
        ...clock,
        name: 'authorization',
        authorizer,
        usage,
        telemetry,
        limits: createAskedLimits(quota, () => limits, country, usage),
        random: Math.random,
        country,
        log,
      })
    : undefined;
  const counting = asked ? createQuotaDesk({ gate: quota, usage, wallMs: clock.wallMs }) : undefined;
  let desks: AuthorizationListeners | undefined;
  /** A port that somebody else holds must not keep the gateway from serving: it is tried again. */
  const openDesks = async (open: AuthorizationDesk): Promise<void> => {
    if (desks !== undefined) return;
    try {
      // Loaded only where somebody asks: 20 MB for the messages of Envoy.
      const { openAuthorizationListeners } = await import('./external/listeners.ts');
      desks = await openAuthorizationListeners(open, authorization, counting);
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'other proxies cannot ask who may pass; it is tried again');
      stopOpening = after(PORTS_AGAIN_MS, () => void openDesks(open));
    }
  };
  let stopOpening = (): void => undefined;

  let policies: GatewayPart['auth'] | undefined;
  let backends: GatewayPart['backends'] = {};
  const serve = async (next: ConfigurationMessage): Promise<void> => {
    const { version, geo } = next;
    const part = book.take(next.frame, (sha256) => bytesOf(next.pieces.get(sha256)));
    configuration = next;
    secrets = next.secrets ?? secrets;
    if (part.backends !== backends) {
      backends = part.backends;
      const used = servicesOf(part);
      for (const service of services.keys()) if (!used.has(service)) services.delete(service);
    }
    keys.open(secrets);
    countries.open(geo);
    limits = quota.open(part.quota, next.quota);
    counting?.serve(part.quota, limits);
    telemetry.serve(part);
    desk?.serve(part, secrets);
    if (desk !== undefined) await openDesks(desk);
    const problems = new Map(await server.serve(part, secrets));
    // Policies are made ready now rather than at their first request; the authoriser logs what it cannot use.
    if (part.auth !== policies) for (const auth of Object.values(part.auth)) authorizer.problems(auth);
    policies = part.auth;
    post({ type: 'served', version, problems: [...problems] });
  };

  const stopMetrics = backendMetrics(counters, () => upstreams?.summaries() ?? [], after);
  const close = async (graceMs: number): Promise<void> => {
    await server.close(graceMs);
    stopOpening();
    await desks?.close();
    upstreams?.close();
    outbound.close();
    stopMetrics();
    telemetry.flush();
    usage.flush();
    await sink.close();
    // Connections to backends may still idle; nobody waits for them.
    setImmediate(() => process.exit(0));
  };

  port.on('message', (message: ToGatewayThread) => {
    switch (message.type) {
      case 'configuration':
        serve(message).catch(fail);
        return;
      case 'endpoints':
        for (const [service, names] of message.changed) services.set(service, names);
        upstreams?.servicesChanged(message.changed.keys());
        return;
      case 'files':
        warnOfCertificates(tls.setFiles(message.files));
        return;
      case 'ticketKeys':
        tls.setTicketKeys(message.keys);
        return;
      case 'reopenLogs':
        sink.reopen();
        return;
      case 'quotaSettled':
        quota.settled(message.settled);
        return;
      case 'foundKey':
        search?.found(message.id, message.found);
        return;
      case 'close':
        close(message.graceMs).catch(fail);
        return;
    }
  });

  const fail = (thrown: unknown): void => {
    const { code, message, fix } = PortolanError.from(thrown);
    post({ type: 'failed', error: { code, message, fix } });
    // The service starts another one, which begins with the configuration of then.
    setImmediate(() => process.exit(1));
  };
  serve(start.configuration).catch(fail);
}

function openSink(
  file: string | undefined,
  counters: Counters,
  warn: (details: object, message: string) => void,
): LogSink {
  const counted = accessLogCounters(counters);
  return file === undefined ? createStreamSink(process.stdout, counted) : createFileSink(file, counted, warn);
}

/** Names of backends as the machine looks them up: DNS, `/etc/hosts`, search domains. Few, and kept for a while. */
async function resolveBySystem(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

function bytesOf(memory: SharedArrayBuffer | undefined): Uint8Array | undefined {
  return memory === undefined ? undefined : new Uint8Array(memory);
}

/** What crosses to the other thread: texts and numbers. */
function plain(details: object): Readonly<Record<string, string | number>> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'number' ? value : value instanceof Error ? messageOf(value) : String(value),
    ]),
  );
}

if (parentPort !== null) {
  // Made by `createGatewayService` of the same release.
  run(parentPort, workerData as GatewayThreadStart);
}
