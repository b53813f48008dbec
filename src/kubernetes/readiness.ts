import { HostTable } from '../policy/host-table.ts';
import type { RoutedPolicy } from '../routing/model.ts';
import type { EndpointNames } from './service-endpoints.ts';

/** By the id of a health target: keys of all the Services that serve what it stands for. */
export type ServicesOfTargets = ReadonlyMap<string, readonly string[]>;

/** Of a `GatewayPart`: where hosts lead. */
export interface RoutedServices {
  readonly ports: readonly {
    readonly listeners: readonly { readonly hostname?: string; readonly hosts: readonly RoutedHost[] }[];
  }[];
  readonly rules: Readonly<
    Record<
      string,
      { readonly backends: Targets; readonly callers: readonly { readonly backends: Targets }[] }
    >
  >;
  readonly backends: Readonly<Record<string, { readonly service?: string }>>;
}

interface RoutedHost {
  readonly hostname?: string;
  readonly matches: readonly { readonly rule: string }[];
  readonly passthrough?: Targets;
}

type Targets = readonly { readonly backend?: string; readonly weight: number }[];

/**
 * Which Services the health targets of a cluster depend on: those that its gateway routes the target's hostnames to. A target is left out when one of its
 * hostnames is not routed here, or has a backend that is no Service: then endpoints of Services do not say whether it works.
 * @param cluster `namespace/name`
 */
export function servicesOfTargets(
  part: RoutedServices,
  policies: readonly Pick<RoutedPolicy, 'hostnames' | 'endpoints'>[],
  cluster: string,
): ServicesOfTargets {
  const hostnames = new Map<string, Set<string>>();
  for (const policy of policies) {
    for (const endpoint of policy.endpoints) {
      if (endpoint.cluster !== cluster) continue;
      const ids = endpoint.addresses.map(({ targetId }) => targetId);
      if (endpoint.cname !== undefined) ids.push(endpoint.cname.targetId);
      for (const id of ids) {
        const names = hostnames.get(id) ?? new Set();
        for (const name of policy.hostnames) names.add(name.replace(/\.$/, ''));
        hostnames.set(id, names);
      }
    }
  }
  const tables = listenerTables(part);
  const byHost = new Map<string, ReadonlySet<string> | undefined>();
  const servicesOf = (name: string): ReadonlySet<string> | undefined => {
    if (!byHost.has(name)) byHost.set(name, servicesOfHost(name, tables, part));
    return byHost.get(name);
  };
  const found = new Map<string, readonly string[]>();
  for (const [id, names] of hostnames) {
    const services = new Set<string>();
    const decides = [...names].every((name) => {
      const own = servicesOf(name);
      for (const service of own ?? []) services.add(service);
      return own !== undefined;
    });
    if (decides && services.size > 0) found.set(id, [...services].sort());
  }
  return found;
}

/** Whether there is any health target of the cluster. */
export function hasTargets(policies: readonly Pick<RoutedPolicy, 'endpoints'>[], cluster: string): boolean {
  return policies.some(({ endpoints }) => endpoints.some((endpoint) => endpoint.cluster === cluster));
}

/** One for each port. */
function listenerTables(part: RoutedServices): readonly HostTable<HostTable<RoutedHost>>[] {
  return part.ports.map(({ listeners }) => {
    const table = new HostTable<HostTable<RoutedHost>>();
    for (const listener of listeners) table.add(listener.hostname, hostTable(listener.hosts));
    return table;
  });
}

function hostTable(hosts: readonly RoutedHost[]): HostTable<RoutedHost> {
  const table = new HostTable<RoutedHost>();
  for (const host of hosts) table.add(host.hostname, host);
  return table;
}

/** Undefined: they do not say whether the hostname works. Rules without a backend (redirects) say nothing, and are passed over. */
function servicesOfHost(
  name: string,
  tables: readonly HostTable<HostTable<RoutedHost>>[],
  { rules, backends }: RoutedServices,
): ReadonlySet<string> | undefined {
  const services = new Set<string>();
  for (const table of tables) {
    const host = table.find(name)?.find(name);
    if (host === undefined) continue;
    const routed = [...new Set(host.matches.map(({ rule }) => rule))].flatMap((id) => {
      const rule = rules[id];
      return rule === undefined
        ? []
        : [rule.backends, ...rule.callers.map((caller) => caller.backends)].flat();
    });
    for (const { backend, weight } of [...routed, ...(host.passthrough ?? [])]) {
      if (weight <= 0) continue;
      const service = backend === undefined ? undefined : backends[backend]?.service;
      if (service === undefined) return undefined;
      services.add(service);
    }
  }
  return services.size === 0 ? undefined : services;
}

/**
 * Why a target cannot work, as far as its Services say: none of them has an endpoint that takes requests.
 * @param of undefined: nobody knows (the API server was not read yet), which is no reason
 */
export function unreadiness(
  services: readonly string[],
  of: (service: string) => { readonly endpoints: EndpointNames } | undefined,
): string | undefined {
  for (const service of services) {
    const known = of(service);
    if (known === undefined || (known.endpoints?.length ?? 0) > 0) return undefined;
  }
  const [first, ...others] = services;
  if (first === undefined) return undefined;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return `no ready endpoint of ${first}${more} (Kubernetes)`;
}
