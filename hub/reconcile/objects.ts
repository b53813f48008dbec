import type { AnyResource, Kind, Resource } from '../../src/resources/catalogue.ts';
import type { Key } from '../store/contract.ts';

/** `namespace/name`. */
export type ObjectKey = string;

export function objectKey(namespace: string, name: string): ObjectKey {
  return `${namespace}/${name}`;
}

/** Every stored object, by kind and `namespace/name`. Immutable: a change makes a new one that shares the rest. */
export type Objects = { readonly [K in Kind]: ReadonlyMap<ObjectKey, Resource<K>> };

export const NO_OBJECTS: Objects = {
  Cluster: new Map(),
  TrafficPolicy: new Map(),
  HealthCheck: new Map(),
  Zone: new Map(),
  DNSProvider: new Map(),
  Secret: new Map(),
  Drain: new Map(),
  Drill: new Map(),
  Gateway: new Map(),
  HTTPRoute: new Map(),
  GRPCRoute: new Map(),
  BackendTLSPolicy: new Map(),
  ReferenceGrant: new Map(),
  Backend: new Map(),
  AuthPolicy: new Map(),
  GatewayPolicy: new Map(),
  RateLimitPolicy: new Map(),
  CallerRouting: new Map(),
  Issuer: new Map(),
  CertificatePolicy: new Map(),
};

export function objectsOf(items: readonly AnyResource[]): Objects {
  return items.reduce((objects, item) => withObject(objects, item), copyOf(NO_OBJECTS));
}

/** `objects` with one added or replaced. Mutates only maps it made itself (see `copyOf`). */
function withObject(objects: Objects, item: AnyResource): Objects {
  // The map of a kind holds resources of that kind only; the union type cannot say so.
  const map = objects[item.kind] as Map<ObjectKey, AnyResource>;
  map.set(objectKey(item.metadata.namespace, item.metadata.name), item);
  return objects;
}

function copyOf(objects: Objects, kinds: ReadonlySet<Kind> | 'all' = 'all'): Objects {
  const copied: Record<string, ReadonlyMap<ObjectKey, AnyResource>> = {};
  for (const [kind, map] of Object.entries(objects)) {
    copied[kind] = kinds === 'all' || kinds.has(kind as Kind) ? new Map<ObjectKey, AnyResource>(map) : map;
  }
  return copied as unknown as Objects;
}

/** `objects` after additions, replacements and removals; only the touched kinds are copied. */
export function applyChanges(
  objects: Objects,
  upserts: readonly AnyResource[],
  deletes: readonly Key[],
): Objects {
  const touched = new Set<Kind>([...upserts.map((u) => u.kind), ...deletes.map((d) => d.kind)]);
  const next = copyOf(objects, touched);
  for (const key of deletes)
    (next[key.kind] as Map<ObjectKey, AnyResource>).delete(objectKey(key.namespace, key.name));
  for (const item of upserts) withObject(next, item);
  return next;
}

/**
 * Objects that change one by one. What was read stays as it is: a kind is copied by the first change after a reading, so that
 * ten thousand changes between two readings copy it once.
 */
export interface ObjectsDraft {
  read(): Objects;
  /** One object as it is now; not a reading. */
  get(kind: Kind, key: ObjectKey): AnyResource | undefined;
  replace(objects: Objects): void;
  apply(type: 'upsert' | 'delete', item: AnyResource): void;
}

export function createObjectsDraft(initial: Objects): ObjectsDraft {
  let objects = initial;
  /** Kinds whose map nobody else has. */
  const own = new Set<Kind>();
  return {
    read() {
      own.clear();
      return objects;
    },
    get: (kind, key) => objects[kind].get(key),
    replace(next) {
      own.clear();
      objects = next;
    },
    apply(type, item) {
      if (!own.has(item.kind)) objects = copyOf(objects, new Set([item.kind]));
      own.add(item.kind);
      if (type === 'upsert') withObject(objects, item);
      else
        (objects[item.kind] as Map<ObjectKey, AnyResource>).delete(
          objectKey(item.metadata.namespace, item.metadata.name),
        );
    },
  };
}
