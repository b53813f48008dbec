import type { CompiledBackend, GatewaySecrets } from '../../src/policy/model.ts';
import type { AddressBook } from './addresses.ts';
import { Backend, type BackendDeps } from './backend.ts';
import { backendTls } from './backend-tls.ts';
import type { DialTarget } from './dial.ts';
import { Endpoint } from './endpoint.ts';
import { H1Pool } from './h1/pool.ts';
import { H2Pool } from './h2/pool.ts';
import type { Pool, PoolLimits } from './transport.ts';

export interface BuildDeps extends BackendDeps {
  readonly addresses: AddressBook;
  readonly after: (delayMs: number, task: () => void) => () => void;
}

/** Where connections of an endpoint go, in words: endpoints of one key may share their connections. */
const keys = new WeakMap<Endpoint, string>();

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
  const known = new Map(old?.endpoints.map((endpoint) => [keys.get(endpoint) ?? '', endpoint]));
  const endpoints = new Map<string, Endpoint>();
  let same = old !== undefined && JSON.stringify(old.compiled) === JSON.stringify(compiled);
  for (const { address, port, weight } of compiled.endpoints) {
    const name = `${address}:${port}`;
    const key = `${compiled.protocol} ${tls?.id ?? ''} ${name}`;
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
    const target: DialTarget = { host: address, port, tls, alpn: compiled.protocol };
    const pool: Pool =
      compiled.protocol === 'h2' ? new H2Pool(target, limits, deps) : new H1Pool(target, limits, deps);
    const endpoint = new Endpoint(name, weight, pool);
    keys.set(endpoint, key);
    endpoints.set(key, endpoint);
  }
  if (same && old !== undefined) return old;
  return new Backend(id, compiled, [...endpoints.values()], old?.counts, deps);
}
