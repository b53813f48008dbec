import type { CompiledBackend, GatewaySecrets } from '../../src/policy/model.ts';
import type { AddressBook } from './addresses.ts';
import { Backend, type BackendDeps } from './backend.ts';
import { backendTls } from './backend-tls.ts';
import type { DialTarget } from './dial.ts';
import { Endpoint, type PoolSource } from './endpoint.ts';
import { H1Pool } from './h1/pool.ts';
import { H2Pool } from './h2/pool.ts';
import { absenceOf, type ServiceEndpoints, splitName } from './service-endpoints.ts';
import type { PoolLimits } from './transport.ts';

export interface BuildDeps extends BackendDeps {
  readonly addresses: AddressBook;
  readonly after: (delayMs: number, task: () => void) => () => void;
  /** Of Services, where the machine knows of any. */
  readonly services?: ServiceEndpoints | undefined;
}

/** How connections of a backend are made, also to endpoints that come later. */
const makers = new WeakMap<Backend, Maker>();

interface Maker extends PoolSource {
  /** In words: endpoints of one name that are reached in the same way may share their connections. */
  readonly way: string;
}

/** @param old of the configuration before: given back when nothing changed, else endpoints that stay are taken over */
export function buildBackend(
  id: string,
  compiled: CompiledBackend,
  secrets: GatewaySecrets,
  old: Backend | undefined,
  deps: BuildDeps,
): Backend {
  const maker = makerOf(compiled, secrets, deps);
  const isSameWay = old !== undefined && makers.get(old)?.way === maker.way;
  const known = new Map(isSameWay ? old.endpoints.map((endpoint) => [endpoint.name, endpoint]) : []);
  const endpoints = new Map<string, Endpoint>();
  let same = isSameWay && JSON.stringify(old.compiled) === JSON.stringify(compiled);
  for (const { address, port, weight } of endpointsOf(compiled, deps.services)) {
    const name = `${address}:${port}`;
    const double = endpoints.get(name);
    if (double !== undefined) {
      double.weight += weight;
      continue;
    }
    const kept = known.get(name);
    if (kept !== undefined) {
      kept.weight = weight;
      kept.moveTo(maker);
      endpoints.set(name, kept);
      continue;
    }
    same = false;
    endpoints.set(name, new Endpoint(name, weight, maker));
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

function makerOf(compiled: CompiledBackend, secrets: GatewaySecrets, deps: BuildDeps): Maker {
  const tls = compiled.tls === undefined ? undefined : backendTls(compiled.tls, secrets);
  const { protocol } = compiled;
  const limits: PoolLimits = {
    ...compiled.limits,
    connectTimeoutMs: compiled.connectTimeoutMs,
    idleTimeoutMs: compiled.idleTimeoutMs,
  };
  return {
    way: `${protocol} ${tls?.id ?? ''}`,
    limits,
    poolOf(name) {
      const { address, port } = splitName(name);
      const target: DialTarget = { host: address, port, tls, alpn: protocol };
      return protocol === 'h2' ? new H2Pool(target, limits, deps) : new H1Pool(target, limits, deps);
    },
  };
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
      next.push(new Endpoint(name, 1, maker));
    } else {
      left.delete(name);
      next.push(kept);
    }
  }
  backend.replace(next);
  explain(backend, deps.services);
  for (const gone of left.values()) {
    gone.drain();
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
