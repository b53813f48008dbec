import { createAuthorizer } from '../gateway/auth/authorizer.ts';
import { serviceAccountFiles } from '../gateway/auth/service-account.ts';
import { Networks } from '../gateway/client-address.ts';
import { type LimitedRequest, type LimitVerdict, UNKNOWN_LIMIT } from '../gateway/external/asked-limits.ts';
import { type AskedRequest, createAuthorizationDesk, type Ruling } from '../gateway/external/desk.ts';
import { createOutboundClient } from '../gateway/outbound/client.ts';
import { createFileSink, createStreamSink } from '../gateway/telemetry/log-sink.ts';
import { accessLogCounters, createTelemetry } from '../gateway/telemetry/telemetry.ts';
import { ThreadKeys } from '../gateway/thread-keys.ts';
import { createUsageCollector } from '../gateway/usage/collector.ts';
import { PortolanError } from '../src/errors/error.ts';
import { type GatewaySecrets, NO_GATEWAY_SECRETS, type QuotaPart } from '../src/policy/model.ts';
import { Counters } from '../src/telemetry/counters.ts';
import { renderMetrics } from '../src/telemetry/metric-text.ts';
import { createAgentLink } from './agent-link.ts';

export interface PortolanOptions {
  /** Socket of the agent on this machine: `unix:/var/lib/portolan/plugin.sock`, as its `gateway.plugin.socket` says. */
  readonly agent: string;
  /** Proxies in front of this service, CIDR: their `X-Forwarded-For` and `X-Forwarded-Proto` are believed. */
  readonly trustedProxies?: readonly string[];
  /** Ranges that key sets and the like may lie in although they are loopback, link-local or metadata. */
  readonly allowedRanges?: readonly string[];
  /** Decides by this AuthPolicy, `namespace/name`, whatever route matches. */
  readonly policy?: string;
  /** A line per request: off (default), to standard output, or to a file. The format is that of the GatewayPolicy. */
  readonly accessLog?: 'off' | 'stdout' | { readonly file: string };
  readonly log?: { warn(details: object, message: string): void };
}

/** The policies of this cluster's gateway inside a service. One per process. */
export interface Portolan {
  /**
   * Resolves when configuration and keys are here; until then everybody is refused (503).
   * @throws PortolanError HUB_UNREACHABLE when they are not within `timeoutMs` (default 10 s)
   */
  ready(timeoutMs?: number): Promise<void>;
  /** For frameworks without an adapter here. Synchronous when everything is known; never rejects. */
  decide(asked: AskedRequest): Ruling | Promise<Ruling>;
  readonly trustedProxies: Pick<Networks, 'has'>;
  readonly policy: string | undefined;
  /** Prometheus text. */
  metrics(): string;
  /** The agent answers; without it, what it last said holds. */
  readonly connected: boolean;
  /** Gives what was counted to the agent. */
  close(): Promise<void>;
}

const READY_MS = 10_000;

/** @throws PortolanError CONFIG_INVALID, NODE_TOO_OLD */
export function createPortolan(options: PortolanOptions): Portolan {
  // Here the service chooses the Node.js. An older one lacks what calls to others need, and would answer 503 without a word.
  const found = process.versions.node;
  const [major = 0, minor = 0] = found.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 12))
    throw new PortolanError(
      'NODE_TOO_OLD',
      `this is Node.js ${found}; portolan/plugin needs 22.12 or later`,
      {
        fix: 'Run the service with Node.js 22.12 or later.',
      },
    );
  const path = /^unix:(\/.+)$/.exec(options.agent)?.[1];
  if (path === undefined)
    throw new PortolanError('CONFIG_INVALID', `agent: ${JSON.stringify(options.agent)} is no socket`, {
      fix: 'Write unix: and the absolute path that the agent has as gateway.plugin.socket.',
    });
  const log = options.log ?? { warn: warnOnStderr };
  const after = (delayMs: number, task: () => void): (() => void) => {
    const timer = setTimeout(task, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  };
  const clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
  const counters = new Counters();
  const { accessLog = 'off' } = options;
  const lines = accessLogCounters(counters);
  const sink =
    accessLog === 'off'
      ? undefined
      : accessLog === 'stdout'
        ? createStreamSink(process.stdout, lines)
        : createFileSink(accessLog.file, lines, log.warn);
  const telemetry = createTelemetry({
    counters,
    sink: sink ?? { write: () => undefined },
    wallMs: clock.wallMs,
    after,
  });
  const outbound = createOutboundClient({ allowedRanges: options.allowedRanges ?? [] });
  let secrets: GatewaySecrets = NO_GATEWAY_SECRETS;
  let limiting: QuotaPart | undefined;
  let complete = false;
  let tellReady: () => void = () => undefined;
  const readiness = new Promise<void>((resolve) => {
    tellReady = resolve;
  });

  const link = createAgentLink({
    path,
    configured(part, next) {
      secrets = next;
      limiting = part.quota;
      keys.open(next);
      telemetry.serve(part);
      desk.serve(part, next);
    },
    complete() {
      complete = true;
      tellReady();
    },
    log,
  });
  const keys = new ThreadKeys(link.keys);
  /** The facts that expressions see, without what cannot be said in a frame. */
  const limitsOf = async (asked: LimitedRequest): Promise<LimitVerdict> => {
    const {
      id,
      method,
      scheme,
      host,
      path: target,
      query,
      fields,
      httpVersion,
      source,
      tls,
      wallMs,
    } = asked.request;
    const { name, rule, method: way, roles, scopes, keyId, plan, identity } = asked.principal;
    const verdict = await link.limits({
      ...asked,
      request: {
        id,
        method,
        scheme,
        host,
        path: target,
        query,
        fields,
        httpVersion,
        source: { address: source.address, port: source.port },
        tls: tls === undefined ? undefined : { serverName: tls.serverName, protocol: tls.protocol },
        wallMs,
      },
      principal: {
        name,
        rule,
        method: way,
        roles,
        scopes,
        identity,
        ...(keyId === undefined ? {} : { keyId }),
        ...(plan === undefined ? {} : { plan }),
      },
    });
    const open = verdict === UNKNOWN_LIMIT && letsAllPass(limiting, asked.policy);
    return open ? { ...verdict, admitted: true, fields: [] } : verdict;
  };
  const usage = createUsageCollector({ give: (counts) => link.give(counts), after });
  const desk = createAuthorizationDesk({
    ...clock,
    name: 'plugin',
    authorizer: createAuthorizer({
      ...clock,
      keys,
      secrets: () => secrets,
      outbound,
      log,
      serviceAccount: serviceAccountFiles(process.env),
    }),
    usage,
    telemetry,
    limits: (asked) => limitsOf(asked),
    random: Math.random,
    // A residency rule that asks for places refuses whom it does not know, or allows, as it says itself.
    country: () => undefined,
    log,
  });

  return {
    async ready(timeoutMs = READY_MS) {
      let cancel = (): void => undefined;
      const late = new Promise<never>((_, reject) => {
        const timer = setTimeout(
          () =>
            reject(
              new PortolanError('HUB_UNREACHABLE', `the agent at ${path} did not answer in ${timeoutMs} ms`, {
                fix: 'Start the agent with gateway.plugin.socket set to this path, and let this user open it. The agent has the socket once its cluster has a Gateway: `portolan gateway list` shows whether there is one.',
              }),
            ),
          timeoutMs,
        );
        cancel = () => clearTimeout(timer);
      });
      try {
        await Promise.race([readiness, late]);
      } finally {
        cancel();
      }
    },
    decide: (asked) => (complete ? desk.decide(asked) : NOT_READY),
    trustedProxies: new Networks(options.trustedProxies ?? []),
    policy: options.policy,
    metrics: () => renderMetrics(counters.families()),
    get connected() {
      return link.connected;
    },
    async close() {
      usage.flush();
      telemetry.flush();
      await link.close();
      await sink?.close();
      outbound.close();
    },
  };
}

/** Without the agent: every limit of the policy says that then everybody passes, or refuses nobody anyway. */
function letsAllPass(quota: QuotaPart | undefined, policy: string): boolean {
  const limits = quota?.policies[policy]?.limits ?? [];
  return limits.length > 0 && limits.every(({ shadow, onHubLoss }) => shadow || onHubLoss === 'allow');
}

const NOT_READY: Ruling = {
  allowed: false,
  requestId: '',
  denied: {
    allowed: false,
    status: 503,
    code: 'AUTH_UNAVAILABLE',
    fields: ['retry-after', '1', 'cache-control', 'no-store'],
    contentType: 'application/problem+json',
    body: `${JSON.stringify({ type: 'https://portolan.dev/errors/AUTH_UNAVAILABLE', status: 503, code: 'AUTH_UNAVAILABLE' })}\n`,
  },
};

function warnOnStderr(details: object, message: string): void {
  process.emitWarning(`${message} ${JSON.stringify(details)}`, 'PortolanWarning');
}
