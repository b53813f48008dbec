import { z } from 'zod';
import { countryCode, ipAddress, subdivisionCode } from './fields.ts';
import { type Condition, objectName } from './metadata.ts';

export const clusterSpec = z.strictObject({
  location: z
    .strictObject({
      country: countryCode,
      subdivision: subdivisionCode.optional(),
      latitude: z.number().min(-90).max(90).optional(),
      longitude: z.number().min(-180).max(180).optional(),
    })
    .describe('Where the cluster runs; decides residency and distance.'),
  failureDomain: objectName
    .optional()
    .describe(
      "Clusters that fail together share one; a quorum counts failure domains, not clusters. Default: the cluster's name.",
    ),
  addresses: z
    .array(ipAddress)
    .max(16)
    .default([])
    .describe(
      'Public ingress addresses: the default for endpoints on this cluster that list none. Empty: those that its agent finds in Kubernetes.',
    ),
});
export type ClusterSpec = z.output<typeof clusterSpec>;

export interface ClusterStatus {
  readonly conditions: readonly Condition[];
  readonly agent?: {
    readonly uid: string;
    readonly version: string;
    readonly joinedAt: string;
    readonly lastSeenAt: string;
    readonly connected: boolean;
    /** Sequence of the snapshot the agent has applied. */
    readonly snapshotSequence: number;
    /** Addresses its name server answers on, `host:port`. */
    readonly nameServers: readonly string[];
    /** Addresses its gateway answers on, `scheme://host:port`; none: it has no Gateway, or does not serve. */
    readonly gateways?: readonly string[];
    /** Why a listener is not served there, by its id `namespace/gateway/listener`. */
    readonly gatewayProblems?: Readonly<Record<string, string>>;
    /** Where peers reach it, `host:port`. */
    readonly peerAddress?: string;
  };
  /** What its agent found in Kubernetes; absent: nothing, or it does not look. */
  readonly kubernetes?: KubernetesStatus;
  readonly draining?: { readonly since: string; readonly until?: string; readonly reason: string };
}

/** An address that an agent found. */
export interface FoundAddress {
  readonly value: string;
  readonly type: 'IPAddress' | 'Hostname';
  /** Such as `Service istio/gateway`. */
  readonly from: string;
  /** RFC 3339: since then nobody tells of it any more; it is used for a while longer. */
  readonly goneSince?: string;
}

export interface KubernetesStatus {
  /** Such as `v1.36.0`. */
  readonly version: string;
  readonly nodes: {
    readonly ready: number;
    readonly all: number;
    /** Nodes by zone. */
    readonly zones: Readonly<Record<string, number>>;
    /** Of the ready nodes together. */
    readonly cpuMillis: number;
    readonly memoryBytes: number;
  };
  /** Where clients reach it; used where `spec.addresses` is empty. */
  readonly addresses: readonly FoundAddress[];
  /** Kubernetes namespaces with Gateways that it serves; sorted. */
  readonly gatewayNamespaces: readonly string[];
  /** What was found, by kind. */
  readonly objects: Readonly<Record<string, number>>;
  /** What cannot be read or used, and why. */
  readonly problems: readonly { readonly resource: string; readonly message: string }[];
}

/** Where clients reach a cluster: what its spec says, else the IP addresses that its agent found. */
export function clusterAddresses({
  spec,
  status,
}: {
  readonly spec: Pick<ClusterSpec, 'addresses'>;
  readonly status?: Pick<ClusterStatus, 'kubernetes'>;
}): readonly string[] {
  if (spec.addresses.length > 0) return spec.addresses;
  return (status?.kubernetes?.addresses ?? []).flatMap(({ type, value }) =>
    type === 'IPAddress' ? [value] : [],
  );
}

/** `clusterAddresses`, and the names of load balancers that have no address of their own. */
export function clusterEntries(cluster: {
  readonly spec: Pick<ClusterSpec, 'addresses'>;
  readonly status?: Pick<ClusterStatus, 'kubernetes'>;
}): readonly Pick<FoundAddress, 'type' | 'value'>[] {
  const addresses = clusterAddresses(cluster).map((value) => ({ type: 'IPAddress' as const, value }));
  if (cluster.spec.addresses.length > 0) return addresses;
  const names = (cluster.status?.kubernetes?.addresses ?? []).flatMap(({ type, value }) =>
    type === 'Hostname' ? [{ type, value }] : [],
  );
  return [...addresses, ...names];
}

/**
 * The failure domain of a cluster that names none: the cluster alone. Clusters of one name in two namespaces are two, so one
 * tenant's agent cannot share a voice with another's; in the default namespace the bare name reads better.
 */
export function ownFailureDomain(namespace: string, name: string): string {
  return namespace === 'default' ? name : `${namespace}/${name}`;
}
