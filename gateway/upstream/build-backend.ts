import type { CompiledBackend, GatewaySecrets } from '../../src/policy/model.ts';
import type { AddressBook } from './addresses.ts';
import { Backend, type BackendDeps } from './backend.ts';
import { backendTls } from './backend-tls.ts';
import type { DialTarget } from './dial.ts';
import { Endpoint } from './endpoint.ts';
import { H1Pool } from './h1/pool.ts';
import { H2Pool } from './h2/pool.ts';
import { absenceOf, type ServiceEndpoints, splitName } from './service-endpoints.ts';
import type { Pool, PoolLimits } from './transport.ts';

export interface BuildDeps extends BackendDeps {
  readonly addresses: AddressBook;
  readonly after: (delayMs: number, task: () => void) => () => void;
  /** Of Services, where the machine knows of any. */
  readonly services?: ServiceEndpoints | undefined;
}

/** Where connections of an endpoint go, in words: endpoints of one key may share their connections. */
const keys = new WeakMap<Endpoint, string>();
/** How endpoints of a backend are made, for those that come later. */
const makers = new WeakMap<Backend, Maker>();

interface Maker {
  keyOf(name: string): string;
  make(name: string, host: string, port: number, weight: number): Endpoint;
}

/** @param old of the configuration before: given back when nothing changed, else endpoints that stay are taken over */
export function buildBackend(
  id: string,
  compiled: CompiledBackend,
  secrets: GatewaySecrets,
  old: Backend | undefined,
  deps: BuildDeps,
): Backend {
  const tls = compiled.tls === undefined ? undefined : backendTls(compiled.tls, secrets);
  const limits: PoolLimits = {
    ...compiled.limits,
    connectTimeoutMs: compiled.connectTimeoutMs,
    idleTimeoutMs: compiled.idleTimeoutMs,
  };
  const maker: Maker = {
    keyOf: (name) => `${compiled.protocol} ${tls?.id ?? ''} ${name}`,
    make(name, host, port, weight) {
      const target: DialTarget = { host, port, tls, alpn: compiled.protocol };
      const pool: Pool =
        compiled.protocol === 'h2' ? new H2Pool(target, limits, deps) : new H1Pool(target, limits, deps);
      const endpoint = new Endpoint(name, weight, pool);
      keys.set(endpoint, maker.keyOf(name));
      return endpoint;
    },
  };
  const known = new Map(old?.endpoints.map((endpoint) => [keys.get(endpoint) ?? '', endpoint]));
  const endpoints = new Map<string, Endpoint>();
  let same =
    old !== undefined &&
    makers.get(old)?.keyOf('') === maker.keyOf('') &&
    JSON.stringify(old.compiled) === JSON.stringify(compiled);
  for (const { address, port, weight } of endpointsOf(compiled, deps.services)) {
    const name = `${address}:${port}`;
    const key = maker.keyOf(name);
    const double = endpoints.get(key);
    if (double !== undefined) {
      double.weight += weight;
      continue;
    }
    const kept = known.get(key);
    if (kept !== undefined) {
      kept.weight = weight;
      kept.pool.setLimits(limits);
      endpoints.set(key, kept);
      continue;
    }
    same = false;
    endpoints.set(key, maker.make(name, address, port, weight));
  }
  // Endpoints of a Service go with no change of what is compiled.
  if (
    same &&
    old !== undefined &&
    (compiled.service === undefined || endpoints.size === old.endpoints.length)
  )
    return old;
  const backend = new Backend(id, compiled, [...endpoints.values()], old?.counts, deps);
  makers.set(backend, maker);
  explain(backend, deps.services);
  return backend;
}

/**
 * Brings the endpoints of a backend in line with those that its Service has now. Those that stay keep connections, health and load; the others get
 * no new request and end with those they have.
 */
export function followService(backend: Backend, deps: Pick<BuildDeps, 'addresses' | 'services'>): void {
  const maker = makers.get(backend);
  const { service } = backend.compiled;
  if (maker === undefined || service === undefined) return;
  const left = new Map(backend.endpoints.map((endpoint) => [endpoint.name, endpoint]));
  const next: Endpoint[] = [];
  for (const name of deps.services?.get(service) ?? []) {
    const kept = left.get(name);
    if (kept === undefined) {
      const { address, port } = splitName(name);
      next.push(maker.make(name, address, port, 1));
    } else {
      left.delete(name);
      next.push(kept);
    }
  }
  backend.replace(next);
  explain(backend, deps.services);
  for (const gone of left.values()) {
    gone.pool.drain();
    deps.addresses.drop(splitName(gone.name).address);
  }
}

function explain(backend: Backend, services: ServiceEndpoints | undefined): void {
  const { service } = backend.compiled;
  if (service !== undefined) backend.absence = absenceOf(service, services);
}

function* endpointsOf(
  { service, endpoints }: CompiledBackend,
  services: ServiceEndpoints | undefined,
): Generator<CompiledBackend['endpoints'][number]> {
  yield* endpoints;
  if (service === undefined) return;
  for (const name of services?.get(service) ?? []) yield { ...splitName(name), weight: 1 };
}
