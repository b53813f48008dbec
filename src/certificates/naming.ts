import type { ClusterInventory } from '../inventory/contract.ts';
import { Grants } from '../policy/grants.ts';
import { hasLabels, nameOf } from '../policy/policy-index.ts';
import type { Kind, Resource } from '../resources/catalogue.ts';
import { CLUSTERS_ANNOTATION } from '../resources/gateway.ts';
import { GATEWAY_API_GROUP, PORTOLAN_GROUP } from '../resources/route-fields.ts';

type ObjectsOf<K extends Kind> = { readonly [each in K]: ReadonlyMap<string, Resource<each>> };
/** What certificates are wanted from; by `namespace/name`. */
export type CertificateObjects = ObjectsOf<
  'CertificatePolicy' | 'Issuer' | 'Secret' | 'Gateway' | 'TrafficPolicy' | 'Cluster' | 'ReferenceGrant'
> & {
  /** What agents found, by cluster: their Gateways name policies as the hub's do. */
  readonly found?: ReadonlyMap<string, Pick<ClusterInventory, 'resources'>> | undefined;
};

/** A listener that serves what a policy gets. */
export interface NamingListener {
  readonly gateway: Resource<'Gateway'>;
  readonly listener: string;
  readonly hostname: string | undefined;
}

/**
 * Who names CertificatePolicies, and who has which labels, looked up without going through all objects for each policy. Made anew when one of the
 * maps is another one; what was found of a Gateway is remembered by its identity.
 */
export class NamingIndex {
  readonly #objects: CertificateObjects;
  readonly #listeners = new Map<string, NamingListener[]>();
  readonly #byLabel = {
    TrafficPolicy: new LabelIndex(),
    Gateway: new LabelIndex(),
    Cluster: new LabelIndex(),
  };
  readonly #clusters = new Map<string, Resource<'Cluster'>[]>();
  /** Clusters of the Gateways that were found. */
  readonly #foundAt = new Map<Resource<'Gateway'>, string>();

  constructor(objects: CertificateObjects) {
    this.#objects = objects;
    this.#addListeners(objects.Gateway.values(), new Grants([...objects.ReferenceGrant.values()]));
    for (const [cluster, { resources }] of objects.found ?? []) {
      const own = [...resources.Gateway.values()].filter((gateway) => !objects.Gateway.has(nameOf(gateway)));
      for (const gateway of own) this.#foundAt.set(gateway, cluster);
      const all = [...objects.ReferenceGrant.values(), ...resources.ReferenceGrant.values()];
      this.#addListeners(own, new Grants(all));
    }
    for (const cluster of objects.Cluster.values()) push(this.#clusters, cluster.metadata.namespace, cluster);
  }

  #addListeners(gateways: Iterable<Resource<'Gateway'>>, grants: Grants): void {
    for (const gateway of gateways) {
      for (const { policy, listener } of listenersNaming(gateway)) {
        const [namespace = '', name = ''] = policy.split('/');
        const from = { group: GATEWAY_API_GROUP, kind: 'Gateway', namespace: gateway.metadata.namespace };
        if (!grants.allows(from, { group: PORTOLAN_GROUP, kind: 'CertificatePolicy', namespace, name }))
          continue;
        push(this.#listeners, policy, listener);
      }
    }
  }

  /** @param policy `namespace/name` */
  listenersOf(policy: string): readonly NamingListener[] {
    return this.#listeners.get(policy) ?? [];
  }

  /** Objects of the namespace that have all of the labels. */
  labelled<K extends 'TrafficPolicy' | 'Gateway' | 'Cluster'>(
    kind: K,
    namespace: string,
    labels: Readonly<Record<string, string>>,
  ): readonly Resource<K>[] {
    const maps: ObjectsOf<'TrafficPolicy' | 'Gateway' | 'Cluster'> = this.#objects;
    const objects: ReadonlyMap<string, Resource<K>> = maps[kind];
    const stored = this.#byLabel[kind].fewest(objects, namespace, labels).flatMap((key) => {
      const object = objects.get(key);
      return object !== undefined && hasLabels(object.metadata.labels, labels) ? [object] : [];
    });
    return kind === 'Gateway'
      ? [...stored, ...(this.#foundWith(namespace, labels) as Resource<K>[])]
      : stored;
  }

  #foundWith(namespace: string, labels: Readonly<Record<string, string>>): readonly Resource<'Gateway'>[] {
    return [...this.#foundAt.keys()].filter(
      ({ metadata }) => metadata.namespace === namespace && hasLabels(metadata.labels, labels),
    );
  }

  /** Clusters that a Gateway runs on. */
  clustersOf(gateway: Resource<'Gateway'>): readonly Resource<'Cluster'>[] {
    const at = this.#foundAt.get(gateway);
    if (at !== undefined) {
      const cluster = this.#objects.Cluster.get(at);
      return cluster === undefined ? [] : [cluster];
    }
    const all = this.#clusters.get(gateway.metadata.namespace) ?? [];
    const named = gateway.metadata.annotations[CLUSTERS_ANNOTATION]?.split(',').map((name) => name.trim());
    return named === undefined ? all : all.filter(({ metadata }) => named.includes(metadata.name));
  }
}

interface Naming {
  readonly policy: string;
  readonly listener: NamingListener;
}

const known = new WeakMap<Resource<'Gateway'>, readonly Naming[]>();

function listenersNaming(gateway: Resource<'Gateway'>): readonly Naming[] {
  const before = known.get(gateway);
  if (before !== undefined) return before;
  const found = gateway.spec.listeners.flatMap(({ name, hostname, protocol, tls }) =>
    protocol !== 'HTTPS'
      ? []
      : (tls?.certificateRefs ?? [])
          .filter((ref) => ref.group === PORTOLAN_GROUP && ref.kind === 'CertificatePolicy')
          .map((ref) => ({
            policy: `${ref.namespace ?? gateway.metadata.namespace}/${ref.name}`,
            listener: { gateway, listener: name, hostname },
          })),
  );
  known.set(gateway, found);
  return found;
}

/** Keys of objects by namespace and label; made at the first question. */
class LabelIndex {
  #byLabel: Map<string, string[]> | undefined;
  #byNamespace = new Map<string, string[]>();

  /** Those that one of the labels leaves, the one that leaves fewest. */
  fewest(
    objects: ReadonlyMap<string, Resource>,
    namespace: string,
    labels: Readonly<Record<string, string>>,
  ): readonly string[] {
    this.#byLabel ??= this.#made(objects);
    const [first, ...others] = Object.entries(labels).map(
      ([label, value]) => this.#byLabel?.get(`${namespace}/${label}=${value}`) ?? [],
    );
    if (first === undefined) return this.#byNamespace.get(namespace) ?? [];
    return others.reduce((best, keys) => (keys.length < best.length ? keys : best), first);
  }

  #made(objects: ReadonlyMap<string, Resource>): Map<string, string[]> {
    const byLabel = new Map<string, string[]>();
    for (const object of objects.values()) {
      const { namespace, labels } = object.metadata;
      push(this.#byNamespace, namespace, nameOf(object));
      for (const [label, value] of Object.entries(labels))
        push(byLabel, `${namespace}/${label}=${value}`, nameOf(object));
    }
    return byLabel;
  }
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
