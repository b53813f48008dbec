import type { SigningMaterial } from '../dns/dnssec/material.ts';
import type { QuorumConfig, Target } from '../health/types.ts';
import type { GatewayPart, GatewaySecrets } from '../policy/model.ts';
import type { GatewayFrame } from '../policy/pieces.ts';
import type { ZoneSpec } from '../resources/zone.ts';
import type { RegionTable, RoutedPolicy } from '../routing/model.ts';

/**
 * Everything an agent needs to probe, decide and answer without the hub. The hub compiles one per agent, from one content
 * sequence; `parts` travel and are stored as exact bytes (JSON, UTF-8) that the signed manifest covers.
 */
export interface SnapshotContent {
  readonly routing: RoutingPart;
  readonly probes: ProbesPart;
  readonly peers: PeersPart;
  /** Only for agents that answer DNS; a hub that knows no such part sends none. */
  readonly dns?: DnsPart;
  /** Only for clusters with a Gateway; the two come together. */
  readonly gateway?: GatewayPart;
  /** In the place of `gateway`, for agents that read it: the same in pieces, which travel beside the parts. */
  readonly gatewayFrame?: GatewayFrame;
  readonly gatewaySecrets?: GatewaySecrets;
}

/** The exact bytes of a snapshot's parts. */
export interface SnapshotParts {
  readonly routing: Uint8Array;
  readonly probes: Uint8Array;
  readonly peers: Uint8Array;
  readonly dns?: Uint8Array;
  readonly gateway?: Uint8Array;
  readonly gatewayFrame?: Uint8Array;
  readonly gatewaySecrets?: Uint8Array;
}

export interface RoutingPart {
  /** Content sequence of the hub's store: grows with every change of zones, policies, clusters; the SOA serial. */
  readonly sequence: number;
  readonly zones: readonly RoutedZone[];
  readonly policies: readonly RoutedPolicy[];
  readonly regions: RegionTable;
  /** Hex SHA-256 of the GeoIP database the hub uses; a server with another one says so and keeps answering. */
  readonly geoSha256: string;
  /** Drains of indefinite or dated length; `expiresAtMs` is hub wall clock, `remainingMs` counts from `issuedAtMs`. */
  readonly drains: readonly {
    readonly cluster: string;
    readonly sinceMs: number;
    readonly remainingMs?: number;
  }[];
  readonly issuedAtMs: number;
}

export interface RoutedZone {
  readonly namespace: string;
  readonly name: string;
  readonly spec: ZoneSpec;
  /**
   * Hex SHA-256 of what is public of the zone's signing material; absent for an unsigned zone. The serial grows with it, and a
   * name server that has no such material must not serve the zone.
   */
  readonly signingSha256?: string;
}

/**
 * Secrets that name servers hold: to sign zones and to know who may copy them. Never stored in the hub but encrypted, never in what
 * the hub publishes or shows; on an agent's disk like its own private key.
 */
export interface DnsPart {
  /** By zone origin. */
  readonly signing: Readonly<Record<string, SigningMaterial>>;
  /** By `namespace/secret`. */
  readonly tsigKeys: Readonly<Record<string, TsigKeyMaterial>>;
}

export interface TsigKeyMaterial {
  /** Key name, as a domain name. */
  readonly name: string;
  readonly algorithm: 'hmac-sha256' | 'hmac-sha384' | 'hmac-sha512';
  /** base64. */
  readonly secret: string;
}

export interface ProbesPart {
  readonly quorum: QuorumConfig;
  /** Every target that any policy uses (an agent may have to decide alone). */
  readonly targets: readonly Target[];
  /** PEM certificates that checks trust (`caSecret`), by `namespace/secret/key`. Public by nature. */
  readonly caBundles: Readonly<Record<string, string>>;
  /** Ids this agent probes: those of its own cluster and those the hub assigned. */
  readonly assigned: readonly string[];
}

export interface PeersPart {
  readonly self: { readonly agentUid: string; readonly cluster: string; readonly failureDomain: string };
  readonly peers: readonly {
    readonly agentUid: string;
    readonly cluster: string;
    readonly failureDomain: string;
    /** `host:port` of its peer listener. */
    readonly address: string;
    /** Agent generation: an identity of an older one is revoked. */
    readonly generation: number;
  }[];
}

/** Signed, over these exact bytes: `portolan-snapshot-v1\0` + canonical JSON of this. */
export interface SnapshotManifest {
  readonly hub: string;
  readonly cluster: string;
  /** Fencing epoch of the hub that issued it. */
  readonly epoch: number;
  /** Grows with every snapshot for this agent within an epoch. */
  readonly version: number;
  /** SHA-256 of the previous manifest, hex; empty for the first. */
  readonly previous: string;
  readonly issuedAtMs: number;
  readonly minimumAgent: string;
  readonly parts: readonly {
    readonly name: keyof SnapshotContent;
    readonly sha256: string;
    readonly size: number;
  }[];
}
