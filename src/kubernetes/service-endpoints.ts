import { endpointsOfPort, type Slice, type Vantage } from './endpoint-slices.ts';

/** Ports as a Service lists them; those of one number and several names (TCP and UDP) are one. */
export interface ServicePorts {
  readonly ports: readonly { readonly port: number; readonly name?: string }[];
}

/**
 * What somebody who follows Services and EndpointSlices says. While the API server cannot be read nothing is said, and what was said last stands.
 */
export interface ServiceEndpoints {
  /** Services that are otherwise, by `namespace/name`; undefined: gone. */
  services(changed: ReadonlyMap<string, ServicePorts | undefined>): void;
  /** EndpointSlices that are otherwise, by their own `namespace/name`; undefined: gone. */
  slices(changed: ReadonlyMap<string, Slice | undefined>): void;
  /** Both were listed as a whole; nothing is told on before: half a list would take endpoints away that are there. */
  synced(): void;
  /** Zone of the node this agent runs on (`topology.kubernetes.io/zone`); undefined: not known. */
  zone(zone: string | undefined): void;
}

/** Endpoints of a Service's port, `address:port`; empty: none can take requests; undefined: there is no such Service, or no such port of it. */
export type EndpointNames = readonly string[] | undefined;

export interface ServiceTableOptions {
  readonly vantage: Vantage;
  /** By `namespace/name:port`: what is otherwise of what is in use. Never before `synced`. */
  readonly onEndpoints: (changed: ReadonlyMap<string, EndpointNames>) => void;
  /** Endpoints of a Service in use that are not connected to (I32). */
  readonly onRefused?: (service: string, address: string, why: string) => void;
}

/** The endpoints of the Services that are in use, kept up to date: a change costs as much as the Service it belongs to has endpoints. */
export class ServiceTable implements ServiceEndpoints {
  readonly #options: ServiceTableOptions;
  #vantage: Vantage;
  #isSynced = false;
  readonly #ports = new Map<string, ServicePorts['ports']>();
  readonly #slices = new Map<string, Slice>();
  readonly #slicesOf = new Map<string, readonly Slice[]>();
  /** Keys in use by their Service. */
  readonly #used = new Map<string, readonly string[]>();
  readonly #told = new Map<string, EndpointNames>();

  constructor(options: ServiceTableOptions) {
    this.#options = options;
    this.#vantage = options.vantage;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** What was told of all keys in use; empty before the first list. */
  get endpoints(): ReadonlyMap<string, EndpointNames> {
    return this.#told;
  }

  services(changed: ReadonlyMap<string, ServicePorts | undefined>): void {
    for (const [service, content] of changed) {
      if (content === undefined) this.#ports.delete(service);
      else this.#ports.set(service, content.ports);
    }
    this.#recompute(changed.keys());
  }

  slices(changed: ReadonlyMap<string, Slice | undefined>): void {
    const touched = new Set<string>();
    for (const [key, slice] of changed) {
      const before = this.#slices.get(key);
      if (before === slice) continue;
      if (before !== undefined) {
        const left = this.#slicesOf.get(before.service)?.filter((other) => other !== before) ?? [];
        if (left.length === 0) this.#slicesOf.delete(before.service);
        else this.#slicesOf.set(before.service, left);
        touched.add(before.service);
      }
      if (slice === undefined) {
        this.#slices.delete(key);
        continue;
      }
      this.#slices.set(key, slice);
      this.#slicesOf.set(slice.service, [...(this.#slicesOf.get(slice.service) ?? []), slice]);
      touched.add(slice.service);
    }
    this.#recompute(touched);
  }

  synced(): void {
    if (this.#isSynced) return;
    this.#isSynced = true;
    this.#recompute(this.#used.keys());
  }

  zone(zone: string | undefined): void {
    if (zone === this.#vantage.zone) return;
    this.#vantage = { ...this.#vantage, zone };
    this.#recompute(this.#used.keys());
  }

  /** Which keys (`namespace/name:port`) are in use from now on; others are forgotten. What is new among them is told at once. */
  use(keys: Iterable<string>): void {
    this.#used.clear();
    const wanted = new Set(keys);
    for (const key of wanted) {
      const service = serviceOf(key);
      this.#used.set(service, [...(this.#used.get(service) ?? []), key]);
    }
    for (const key of [...this.#told.keys()]) if (!wanted.has(key)) this.#told.delete(key);
    this.#recompute(this.#used.keys());
  }

  #recompute(services: Iterable<string>): void {
    if (!this.#isSynced) return;
    const changed = new Map<string, EndpointNames>();
    for (const service of services) {
      for (const key of this.#used.get(service) ?? []) {
        const next = this.#endpointsOf(service, key);
        if (this.#told.has(key) && same(this.#told.get(key), next)) continue;
        this.#told.set(key, next);
        changed.set(key, next);
      }
    }
    if (changed.size > 0) this.#options.onEndpoints(changed);
  }

  #endpointsOf(service: string, key: string): EndpointNames {
    const number = Number(key.slice(service.length + 1));
    const names = new Set<string>();
    for (const { port, name = '' } of this.#ports.get(service) ?? []) if (port === number) names.add(name);
    if (names.size === 0) return undefined;
    const { endpoints, refused } = endpointsOfPort(names, this.#slicesOf.get(service) ?? [], this.#vantage);
    for (const [address, why] of refused) this.#options.onRefused?.(service, address, why);
    return endpoints;
  }
}

/** `namespace/name` of `namespace/name:port`. */
function serviceOf(key: string): string {
  const at = key.lastIndexOf(':');
  return at < 0 ? key : key.slice(0, at);
}

function same(one: EndpointNames, other: EndpointNames): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.length === other.length && one.every((name, at) => name === other[at]);
}
