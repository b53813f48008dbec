import type {
  CompiledAuth,
  CompiledBackend,
  CompiledEdge,
  CompiledMatch,
  CompiledRule,
  GatewayPart,
  GatewayPort,
  QuotaPart,
  VirtualHost,
} from '../../src/policy/model.ts';
import { type GatewaySecrets, NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import type { Authorizer } from '../auth/contract.ts';
import { createGatewayServer } from '../gateway-server.ts';
import type { GatewayServer, GatewayServerDeps } from '../server.ts';
import type { ExchangeRecord } from '../telemetry/contract.ts';
import { createTlsContexts } from '../tls/contexts.ts';
import { createUpstreams } from '../upstream/upstreams.ts';
import type { UsageHit } from '../usage/contract.ts';

/** An edge without headers of its own, and limits that tests can wait for. */
export const EDGE: CompiledEdge = {
  responseHeaders: {},
  limits: {
    maxBodyBytes: 1_000_000,
    maxHeaderBytes: 16_384,
    headerTimeoutMs: 10_000,
    bodyIdleTimeoutMs: 10_000,
    keepAliveTimeoutMs: 10_000,
    maxConnections: 1000,
    maxConcurrentStreams: 100,
  },
  clientAddress: { proxyProtocol: 'off', trustedProxies: [] },
  path: { doubtful: 'refuse' },
  accessLog: { format: 'off' },
};

export function backendAt(port: number, changes: Partial<CompiledBackend> = {}): CompiledBackend {
  return {
    source: { kind: 'Backend', name: 'default/service' },
    endpoints: [{ address: '127.0.0.1', port, weight: 1 }],
    protocol: 'http/1.1',
    balance: 'roundRobin',
    connectTimeoutMs: 2000,
    idleTimeoutMs: 10_000,
    limits: { maxConnections: 100, maxPendingRequests: 100 },
    outlier: { consecutiveFailures: 1000, baseEjectionMs: 1000, maxEjectedPercent: 50 },
    ...changes,
  };
}

export function ruleOf(id: string, changes: Partial<CompiledRule> = {}): CompiledRule {
  return {
    id,
    source: { kind: 'HTTPRoute', name: `default/${id}`, sectionName: '0' },
    filters: [],
    backends: [{ backend: 'service', weight: 1, filters: [] }],
    callers: [],
    timeouts: {},
    edge: 'edge',
    ...changes,
  };
}

export function matchOf(rule: string, changes: Partial<CompiledMatch> = {}): CompiledMatch {
  return { rule, path: { type: 'prefix', value: '/' }, headers: [], query: [], ...changes };
}

export interface PartChanges {
  readonly rules?: readonly CompiledRule[];
  readonly matches?: readonly CompiledMatch[];
  readonly hosts?: readonly VirtualHost[];
  readonly edge?: Partial<CompiledEdge>;
  readonly backends?: Readonly<Record<string, CompiledBackend>>;
  readonly auth?: Readonly<Record<string, CompiledAuth>>;
  readonly quota?: QuotaPart;
  readonly ports?: readonly GatewayPort[];
}

/** One plain port 80 for every host, one rule `all` to the backend `service`. */
export function partOf(servicePort: number, changes: PartChanges = {}): GatewayPart {
  const rules = changes.rules ?? [ruleOf('all')];
  const hosts = changes.hosts ?? [{ matches: changes.matches ?? [matchOf(rules[0]?.id ?? 'all')] }];
  const listener = {
    id: 'default/gateway/http',
    source: { kind: 'Gateway', name: 'default/gateway', sectionName: 'http' },
    hosts,
  };
  return {
    ports: changes.ports ?? [{ port: 80, protocol: 'http', edge: 'edge', listeners: [listener] }],
    rules: Object.fromEntries(rules.map((rule) => [rule.id, rule])),
    backends: { service: backendAt(servicePort), ...changes.backends },
    auth: changes.auth ?? {},
    edge: { edge: { ...EDGE, ...changes.edge } },
    ...(changes.quota === undefined ? {} : { quota: changes.quota }),
  };
}

export interface RunningGateway extends AsyncDisposable {
  readonly server: GatewayServer;
  /** Bound port of the Gateway's port 80, unless another is named. */
  port(number?: number): number;
  readonly records: ExchangeRecord[];
  readonly hits: UsageHit[];
}

export interface FixtureOptions {
  readonly decide?: Authorizer['decide'];
  readonly secrets?: GatewaySecrets;
  readonly country?: (address: string) => string | undefined;
  readonly maxUntakenOctets?: number;
  readonly quota?: GatewayServerDeps['quota'];
}

/** A gateway on loopback with real upstreams; who may pass is told by the test. */
export async function startGateway(part: GatewayPart, options: FixtureOptions = {}): Promise<RunningGateway> {
  const records: ExchangeRecord[] = [];
  const hits: UsageHit[] = [];
  const monotonicMs = (): number => performance.now();
  const wallMs = (): number => Date.now();
  const after = (delayMs: number, task: () => void): (() => void) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  };
  const log = { info: () => {}, warn: (details: object, message: string) => console.warn(message, details) };
  let upstreams: ReturnType<typeof createUpstreams> | undefined;
  const server = createGatewayServer(
    {
      monotonicMs,
      wallMs,
      after,
      // Clients that rest are found soon: a test waits for it.
      sweepMs: 50,
      random: Math.random,
      authorizer: {
        decide: (auth, request, place) => {
          if (options.decide === undefined) throw new Error('this test has no policy');
          return options.decide(auth, request, place);
        },
      },
      upstreams: (next, secrets) => {
        upstreams = createUpstreams(
          next,
          secrets,
          {
            monotonicMs,
            wallMs,
            after,
            random: Math.random,
            resolve: () => Promise.reject(new Error('no names in tests')),
            allowedRanges: ['127.0.0.0/8'],
            log,
          },
          upstreams,
        );
        return upstreams;
      },
      telemetry: { ended: (record) => records.push(record) },
      usage: { count: (hit) => hits.push(hit) },
      country: options.country ?? (() => undefined),
      ...(options.maxUntakenOctets === undefined ? {} : { maxUntakenOctets: options.maxUntakenOctets }),
      ...(options.quota === undefined ? {} : { quota: options.quota }),
      log,
    },
    {
      bind: () => ({ host: '127.0.0.1', port: 0 }),
      reusePort: false,
      tls: createTlsContexts(),
    },
  );
  const problems = await server.serve(part, options.secrets ?? NO_GATEWAY_SECRETS);
  if (problems.size > 0) throw new Error(JSON.stringify([...problems]));
  return {
    server,
    port: (number = 80) => server.bound.find(({ port }) => port === number)?.boundPort ?? 0,
    records,
    hits,
    async [Symbol.asyncDispose]() {
      await server.close(0);
      upstreams?.close();
    },
  };
}
