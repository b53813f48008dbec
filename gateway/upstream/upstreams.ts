import { hkdfSync, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type {
  CompiledSessionPersistence,
  GatewayPart,
  GatewaySecrets,
  WeightedBackend,
} from '../../src/policy/model.ts';
import { type ActiveChecks, startActiveChecks } from './active-checks.ts';
import { AddressBook, type Resolve } from './addresses.ts';
import type { Backend, BackendCounts } from './backend.ts';
import { buildBackend, followService } from './build-backend.ts';
import type { BackendChoice, Forwarding, ForwardRequest, Upstreams } from './contract.ts';
import { Deadlines } from './deadlines.ts';
import { dial } from './dial.ts';
import type { Endpoint } from './endpoint.ts';
import { Exchange } from './exchange.ts';
import { copyOf, nowhere } from './mirror.ts';
import { type ServiceEndpoints, splitName } from './service-endpoints.ts';
import { SessionValues } from './session-value.ts';

export interface UpstreamDeps {
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
  /** 0 ≤ random < 1 */
  readonly random: () => number;
  readonly resolve: Resolve;
  /** CIDR blocks the operator permits although they would be refused (`network.allowedRanges`, I32). */
  readonly allowedRanges: readonly string[];
  /** Seals session values; absent: from the cluster's pepper, so that all agents of the cluster honour them, or drawn at random. */
  readonly sessionKey?: Uint8Array;
  /** Of Kubernetes Services; who changes it says so with `servicesChanged`. */
  readonly services?: ServiceEndpoints | undefined;
  readonly log: { warn(details: object, message: string): void };
}

/** One backend for metrics; names are those of the configuration, so their number is bounded. */
export interface BackendStats {
  readonly backend: string;
  readonly counts: Readonly<BackendCounts>;
  readonly endpoints: readonly {
    readonly endpoint: string;
    readonly connections: number;
    readonly pending: number;
    readonly active: number;
    readonly available: boolean;
    readonly ejections: number;
  }[];
}

/** The same, added up. */
export interface BackendSummary {
  readonly backend: string;
  readonly counts: Readonly<BackendCounts>;
  readonly connections: number;
  readonly available: number;
}

export interface ManagedUpstreams extends Upstreams {
  stats(): readonly BackendStats[];
  /** Of backends that were ever asked. */
  summaries(): Iterable<BackendSummary>;
  /** These of `UpstreamDeps.services` are otherwise: requests from now on go to their endpoints of now. */
  servicesChanged(services: Iterable<string>): void;
  /** Nothing is checked or kept any more; what is under way ends by itself. */
  close(): void;
}

/** Copies that may be under way to one backend. */
const MAX_MIRRORS = 64;
const MIRROR_MS = 10_000;
const PASSTHROUGH_TRIES = 3;
const CODE_OF_UNRESOLVED = 'BACKEND_UNRESOLVED';
const NOTHING: Forwarding = { drained: () => {}, contended: false, abort: () => {} };

/** What goes on from one configuration to the next. */
interface Carried {
  readonly compiled: GatewayPart['backends'];
  readonly secrets: GatewaySecrets;
  readonly backends: ReadonlyMap<string, Backend>;
  /** Of backends that are checked. */
  readonly checks: ReadonlyMap<string, ActiveChecks>;
  readonly addresses: AddressBook;
  readonly deadlines: Deadlines;
  readonly drawnKey: Uint8Array;
}

const carried = new WeakMap<Upstreams, Carried>();

/**
 * The backends of a configuration. Those that stay the same as in `previous` keep their connections, health and counts; of changed ones the
 * endpoints that stay do; the rest is drained. `previous` remains usable for the requests that began with it. What is compiled of a backend is not
 * looked at again when it is the same object.
 */
export function createUpstreams(
  part: GatewayPart,
  secrets: GatewaySecrets,
  deps: UpstreamDeps,
  previous?: Upstreams,
): ManagedUpstreams {
  const before = previous === undefined ? undefined : carried.get(previous);
  const addresses = before?.addresses ?? new AddressBook(deps);
  const deadlines = before?.deadlines ?? new Deadlines(deps.monotonicMs, deps.after);
  const drawnKey = before?.drawnKey ?? randomBytes(32);
  const buildDeps = { ...deps, addresses };
  const exchangeDeps = { ...deps, deadlines };
  const { backends, checks } = backendsOf(part, secrets, before, buildDeps);
  if (before !== undefined && before.backends !== backends) letGo(before.backends, backends, addresses);
  for (const [id, running] of before?.checks ?? []) if (checks.get(id) !== running) running.stop();
  /** Made when first asked for: configurations come more often than it is. */
  let ofService: ReadonlyMap<string, readonly Backend[]> | undefined;
  const values = new SessionValues(deps.sessionKey ?? clusterKey(secrets) ?? drawnKey);
  const mirrors = new Map<string, number>();

  const ofSession = (
    among: readonly WeightedBackend[],
    persistence: CompiledSessionPersistence,
    value: string,
  ): BackendChoice | undefined => {
    const session = values.open(persistence.scope, value, endpointsOf(among, backends));
    if (session === undefined) return undefined;
    const nowMs = deps.wallMs();
    const { absoluteTimeoutMs, idleTimeoutMs } = persistence;
    if (absoluteTimeoutMs !== undefined && nowMs - session.sinceS * 1_000 > absoluteTimeoutMs)
      return undefined;
    if (idleTimeoutMs !== undefined && nowMs - session.seenS * 1_000 > idleTimeoutMs) return undefined;
    const target = among.find(({ backend }) => backend === session.backend);
    return target && { target, endpoint: session.endpoint, sessionSinceS: session.sinceS };
  };

  const upstreams: ManagedUpstreams = {
    choose(among, persistence, session, random) {
      if (persistence !== undefined && session !== undefined) {
        const bound = ofSession(among, persistence, session);
        if (bound !== undefined) return bound;
      }
      const [only] = among;
      if (only !== undefined && among.length === 1) return only.weight > 0 ? { target: only } : undefined;
      let left = 0;
      for (const { weight } of among) left += weight;
      left *= random;
      let last: WeightedBackend | undefined;
      for (const target of among) {
        if (target.weight <= 0) continue;
        last = target;
        left -= target.weight;
        if (left < 0) break;
      }
      return last && { target: last };
    },

    sessionValue({ scope }, choice, endpoint) {
      const nowS = Math.floor(deps.wallMs() / 1_000);
      const goesOn = choice.endpoint === endpoint ? choice.sessionSinceS : undefined;
      return values.seal(scope, choice.target.backend ?? '', endpoint, goesOn ?? nowS, nowS);
    },

    forward(choice, request, sink) {
      const { backend: id } = choice.target;
      const backend = id === undefined ? undefined : backends.get(id);
      if (backend === undefined) {
        const message = 'The rule names a backend that does not exist or may not be used.';
        sink.error({ code: CODE_OF_UNRESOLVED, status: 500, message, retries: 0 });
        return NOTHING;
      }
      const exchange = new Exchange(backend, choice, request, sink, exchangeDeps);
      exchange.start();
      return exchange;
    },

    mirror(id, request) {
      const backend = backends.get(id);
      if (backend !== undefined) mirror(backend, request, mirrors, exchangeDeps);
    },

    connect(choice, opened) {
      const { backend: id } = choice.target;
      const backend = id === undefined ? undefined : backends.get(id);
      if (backend === undefined) opened(undefined);
      else connect(backend, choice, addresses, deps, opened);
    },

    servicesChanged(services) {
      ofService ??= byService(backends);
      for (const service of services) {
        for (const backend of ofService.get(service) ?? []) {
          followService(backend, buildDeps);
          checks.get(backend.id)?.follow();
        }
      }
    },

    *summaries() {
      const now = deps.monotonicMs();
      for (const { id, counts, endpoints } of backends.values()) {
        // Of thousands of Services few are asked; the endpoints of the others are not looked at.
        if (counts.requests + counts.mirrored + counts.mirrorsDropped === 0) continue;
        let connections = 0;
        let available = 0;
        for (const endpoint of endpoints) {
          connections += endpoint.connections;
          if (endpoint.available(now)) available += 1;
        }
        yield { backend: id, counts, connections, available };
      }
    },

    stats: () => [...backends.values()].map((backend) => statsOf(backend, deps.monotonicMs())),

    close() {
      for (const running of checks.values()) running.stop();
      for (const { endpoints } of backends.values()) for (const endpoint of endpoints) endpoint.drain();
    },
  };
  carried.set(upstreams, {
    compiled: part.backends,
    secrets,
    backends,
    checks,
    addresses,
    deadlines,
    drawnKey,
  });
  return upstreams;
}

function backendsOf(
  part: GatewayPart,
  secrets: GatewaySecrets,
  before: Carried | undefined,
  deps: Parameters<typeof buildBackend>[4],
): Pick<Carried, 'backends' | 'checks'> {
  const sameSecrets = before?.secrets === secrets;
  if (before !== undefined && sameSecrets && before.compiled === part.backends) return before;
  const backends = new Map<string, Backend>();
  const checks = new Map<string, ActiveChecks>();
  for (const [id, compiled] of Object.entries(part.backends)) {
    const old = before?.backends.get(id);
    // Its endpoints have followed its Service all the time.
    const isSame = old?.compiled === compiled && (sameSecrets || compiled.tls === undefined);
    const backend = isSame ? old : buildBackend(id, compiled, secrets, old, deps);
    backends.set(id, backend);
    const running = before?.checks.get(id);
    if (backend === old && running !== undefined) checks.set(id, running);
    else if (compiled.healthCheck !== undefined) checks.set(id, startActiveChecks(backend, deps));
    else if (backend !== old) passAll(backend);
  }
  return { backends, checks };
}

/** An endpoint that another configuration checked may not have passed. */
function passAll(backend: Backend): void {
  for (const endpoint of backend.endpoints) endpoint.passing = true;
  backend.recheck();
}

/** What only the configuration before uses gets no new connection. */
function letGo(
  before: ReadonlyMap<string, Backend>,
  backends: ReadonlyMap<string, Backend>,
  addresses: AddressBook,
): void {
  let named = false;
  for (const [id, old] of before) {
    const now = backends.get(id);
    if (now === old) continue;
    const kept: readonly Endpoint[] = now?.endpoints ?? [];
    for (const endpoint of old.endpoints) {
      if (kept.includes(endpoint)) continue;
      endpoint.drain();
      const { address } = splitName(endpoint.name);
      if (isIP(address) === 0) named = true;
      else addresses.drop(address);
    }
  }
  // Only names are known to several backends for long: each is looked up again and again.
  if (named) addresses.keep(hostsOf(backends));
}

function hostsOf(backends: ReadonlyMap<string, Backend>): ReadonlySet<string> {
  const hosts = new Set<string>();
  for (const { endpoints } of backends.values())
    for (const { name } of endpoints) hosts.add(splitName(name).address);
  return hosts;
}

function byService(backends: ReadonlyMap<string, Backend>): ReadonlyMap<string, readonly Backend[]> {
  const found = new Map<string, Backend[]>();
  for (const backend of backends.values()) {
    const { service } = backend.compiled;
    if (service === undefined) continue;
    const sharing = found.get(service);
    if (sharing === undefined) found.set(service, [backend]);
    else sharing.push(backend);
  }
  return found;
}

type ExchangeMeans = ConstructorParameters<typeof Exchange>[4];

function mirror(
  backend: Backend,
  request: ForwardRequest,
  mirrors: Map<string, number>,
  deps: ExchangeMeans,
): void {
  const { counts, id } = backend;
  const underWay = mirrors.get(id) ?? 0;
  if (underWay >= MAX_MIRRORS || backend.endpoints.some(({ pending }) => pending > 0)) {
    counts.mirrorsDropped += 1;
    return;
  }
  mirrors.set(id, underWay + 1);
  counts.mirrored += 1;
  let exchange: Exchange | undefined;
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    copy?.stop();
    mirrors.set(id, (mirrors.get(id) ?? 1) - 1);
  };
  const copy =
    request.body === undefined
      ? undefined
      : copyOf(request.body, () => {
          counts.mirrorsDropped += 1;
          exchange?.abort();
          end();
        });
  const { upgrade: _, ...plain } = request;
  const requestMs = Math.min(MIRROR_MS, request.timeouts.requestMs ?? MIRROR_MS);
  const copied: ForwardRequest = { ...plain, body: copy?.body, retry: undefined, timeouts: { requestMs } };
  exchange = new Exchange(
    backend,
    { target: { backend: id, weight: 1, filters: [] } },
    copied,
    nowhere(end),
    deps,
  );
  exchange.start();
}

function connect(
  backend: Backend,
  choice: BackendChoice,
  addresses: AddressBook,
  deps: UpstreamDeps,
  opened: (socket: Duplex | undefined) => void,
): void {
  const tried: Endpoint[] = [];
  const once = (): void => {
    const endpoint = backend.pick(choice.endpoint, tried.length === 0 ? undefined : tried);
    if (endpoint === undefined || tried.length >= PASSTHROUGH_TRIES || tried.includes(endpoint)) {
      opened(undefined);
      return;
    }
    tried.push(endpoint);
    const { address: host, port } = splitName(endpoint.name);
    const { connectTimeoutMs, limits } = backend.compiled;
    if (endpoint.active >= limits.maxConnections) {
      once();
      return;
    }
    endpoint.active += 1;
    const target = { host, port, tls: undefined, alpn: undefined };
    dial(target, connectTimeoutMs, { ...deps, addresses }, undefined, (socket) => {
      backend.report(endpoint, socket !== undefined);
      if (socket === undefined) {
        endpoint.active -= 1;
        once();
        return;
      }
      socket.once('close', () => {
        endpoint.active -= 1;
      });
      opened(socket);
    });
  };
  once();
}

function* endpointsOf(
  among: readonly WeightedBackend[],
  backends: ReadonlyMap<string, Backend>,
): Generator<readonly [string, string]> {
  for (const { backend: id } of among) {
    const backend = id === undefined ? undefined : backends.get(id);
    for (const endpoint of backend?.endpoints ?? []) yield [backend?.id ?? '', endpoint.name];
  }
}

function statsOf(backend: Backend, nowMs: number): BackendStats {
  return {
    backend: backend.id,
    counts: backend.counts,
    endpoints: backend.endpoints.map((endpoint) => ({
      endpoint: endpoint.name,
      connections: endpoint.connections,
      pending: endpoint.pending,
      active: endpoint.active,
      available: endpoint.available(nowMs),
      ejections: endpoint.ejections,
    })),
  };
}

function clusterKey(secrets: GatewaySecrets): Uint8Array | undefined {
  if (secrets.peppers === undefined) return undefined;
  const pepper = Buffer.from(secrets.peppers.cluster, 'base64');
  return new Uint8Array(hkdfSync('sha256', pepper, '', 'portolan gateway sessions', 32));
}
