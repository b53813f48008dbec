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
    .describe('Public ingress addresses: the default for endpoints on this cluster that list none.'),
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
  readonly draining?: { readonly since: string; readonly until?: string; readonly reason: string };
}

/**
 * The failure domain of a cluster that names none: the cluster alone. Clusters of one name in two namespaces are two, so one
 * tenant's agent cannot share a voice with another's; in the default namespace the bare name reads better.
 */
export function ownFailureDomain(namespace: string, name: string): string {
  return namespace === 'default' ? name : `${namespace}/${name}`;
}
