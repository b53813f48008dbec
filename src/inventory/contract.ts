import type { Resource } from '../resources/catalogue.ts';

/**
 * What an agent finds in its Kubernetes cluster and tells the hub: the objects that gateways are compiled from, in the shapes that the hub
 * has for them. Endpoints of Services are not in it: they change all the time, and stay with the agent (`CompiledBackend.service`).
 */
export const INVENTORY_KINDS = [
  'Gateway',
  'HTTPRoute',
  'GRPCRoute',
  'BackendTLSPolicy',
  'ReferenceGrant',
  'Service',
  'Secret',
  'Namespace',
] as const;
export type InventoryKind = (typeof INVENTORY_KINDS)[number];

/** Kinds that the hub has under the same name; their spec is one that the hub's schema accepts. */
export type InventoryResourceKind = Exclude<InventoryKind, 'Service' | 'Secret' | 'Namespace'>;

/** The content of an `InventoryObject`, as JSON. */
export interface InventoryContent {
  readonly uid: string;
  readonly generation: number;
  readonly creationTimestamp: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Only those of `portolan.dev/`. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: unknown;
  /** Why the spec is not one that the hub's schema accepts; then `spec` is what was found. Reported as `Accepted=False`. */
  readonly problem?: string;
}

export interface ServiceContent {
  readonly type: 'ClusterIP' | 'LoadBalancer' | 'NodePort' | 'ExternalName' | 'Headless';
  readonly ports: readonly {
    readonly port: number;
    readonly name?: string;
    /** https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol */
    readonly appProtocol?: string;
  }[];
  /** Of `ExternalName`. */
  readonly externalName?: string;
}

/** A Secret that the agent was granted. Its values never leave the cluster: the agent puts them beside what the hub sends. */
export interface SecretContent {
  readonly type: string;
  readonly keys: readonly string[];
  /** Why `tls.crt` and `tls.key` cannot be served. */
  readonly problem?: string;
  /** With `problem`: what the agent serves in their place, the pair that fitted before or nothing. Absent: an agent of before does not say it. */
  readonly instead?: 'earlier' | 'nothing';
  /** Why `ca.crt` is no authority. */
  readonly authorityProblem?: string;
  /** Hex; changes when a value does. Keyed by a random value of the agent, so that it says nothing of the value. */
  readonly digest: string;
}

export interface InventoryLimits {
  readonly objects: number;
  /** Of the contents together, as UTF-8. */
  readonly bytes: number;
}

/** What the hub takes of one cluster; more ends the stream, so an agent keeps below it and says in `problems` what it left out. */
export const INVENTORY_LIMITS: InventoryLimits = { objects: 50_000, bytes: 64 * 1024 * 1024 };

/** Of the cluster as a whole. */
export interface InventoryFacts {
  /** Kubernetes version, such as `v1.36.0`. */
  readonly version: string;
  /** Where clients reach the cluster's gateways: what statuses of LoadBalancer Services, Ingresses and Gateways say, in this order of trust; sorted. */
  readonly addresses: readonly {
    readonly value: string;
    readonly type: 'IPAddress' | 'Hostname';
    readonly from: string;
  }[];
  readonly nodes: {
    readonly ready: number;
    readonly all: number;
    /** Nodes by `topology.kubernetes.io/zone`. */
    readonly zones: Readonly<Record<string, number>>;
    /** Sums over ready nodes of `status.allocatable`. */
    readonly cpuMillis: number;
    readonly memoryBytes: number;
  };
  /** What cannot be read, and the rule that is missing: shown on the Cluster's status. */
  readonly problems: readonly { readonly resource: string; readonly message: string }[];
}

/** `Kind namespace/name` */
export type InventoryKey = `${InventoryKind} ${string}/${string}`;

/** An object that the cluster may not carry: only what its status needs. */
export interface LeftOut {
  readonly uid: string;
  readonly generation: number;
  /** Of a route, as it has them. */
  readonly parentRefs?: unknown;
}

/** A whole inventory, as the hub holds it of a cluster. Immutable; unchanged parts are the same objects. */
export interface ClusterInventory {
  readonly session: string;
  readonly resources: { readonly [K in InventoryResourceKind]: ReadonlyMap<string, Resource<K>> };
  readonly services: ReadonlyMap<string, ServiceContent>;
  readonly secrets: ReadonlyMap<string, SecretContent>;
  /** Labels by name. */
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** By `Kind namespace/name`: objects that the hub's schema refuses, and why. */
  readonly refused: ReadonlyMap<string, { readonly content: InventoryContent; readonly problem: string }>;
  readonly facts: InventoryFacts | undefined;
  /** Objects outside the Kubernetes namespace that the cluster may carry (see `FLEET_NAMESPACE`): counted, and not used. */
  readonly ignored: ReadonlyMap<string, LeftOut>;
}

/**
 * A Cluster in this namespace of the hub belongs to the whole fleet: the namespaces of its Kubernetes cluster are the hub's namespaces of the
 * same name. A Cluster in another one carries only the Kubernetes namespace of that name, so that no tenant's cluster reaches another tenant's policies and secrets.
 */
export const FLEET_NAMESPACE = 'default';
