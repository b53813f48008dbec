import type { ClientAddress } from '../dns/client.ts';
import type { DomainName } from '../dns/name.ts';
import type { ContinentCode } from '../resources/fields.ts';
import type { ResidencySpec } from '../resources/traffic-policy.ts';

/**
 * A TrafficPolicy with every reference resolved: what routing needs and nothing else. The hub makes it from resources,
 * puts it in the snapshot, and hub and agents decide with it by the same code. JSON-safe and immutable.
 */
export interface RoutedPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  readonly hostnames: readonly DomainName[];
  readonly ttlSeconds: number;
  readonly minTtlSeconds: number;
  readonly endpoints: readonly RoutedEndpoint[];
  readonly geo: readonly RoutedGeoRule[];
  readonly defaultTiers: readonly RoutedTier[];
  readonly nextBest: 'nearest' | 'none';
  readonly residency: readonly ResidencySpec[];
  readonly selection:
    | { readonly mode: 'weighted'; readonly maxAnswers: number }
    | {
        readonly mode: 'sticky';
        readonly maxAnswers: number;
        readonly ipv4PrefixLength: number;
        readonly ipv6PrefixLength: number;
      };
  readonly panicThresholdPercent: number;
  readonly capacityFloorPercent: number;
  readonly drainRampSeconds: number;
}

export interface RoutedEndpoint {
  readonly name: string;
  /** `namespace/name`. */
  readonly cluster: string;
  /** Country of the cluster: decides residency. */
  readonly country: string;
  readonly latitude?: number;
  readonly longitude?: number;
  readonly capacity: number;
  readonly kind: 'addresses' | 'cname';
  /** For kind `addresses`: each with the health target that judges it. */
  readonly addresses: readonly {
    readonly address: string;
    readonly family: 4 | 6;
    readonly targetId: string;
  }[];
  /** For kind `cname`. */
  readonly cname?: { readonly name: DomainName; readonly targetId: string };
}

export interface RoutedTier {
  readonly members: readonly { readonly endpoint: string; readonly weight: number }[];
}

export interface RoutedGeoRule {
  readonly name: string;
  readonly cidrs: readonly string[];
  readonly subdivisions: readonly string[];
  readonly countries: readonly string[];
  readonly regions: readonly string[];
  readonly continents: readonly ContinentCode[];
  readonly tiers: readonly RoutedTier[];
}

/** Named regions: built in and the operator's. Country codes. */
export type RegionTable = Readonly<Record<string, readonly string[]>>;

/** Where a query comes from, as far as is known. */
export interface Location {
  readonly country?: string;
  readonly subdivision?: string;
  readonly continent?: ContinentCode;
  readonly latitude?: number;
  readonly longitude?: number;
}

export type { ClientAddress };

/** What a lookup found for a client address. */
export interface Located {
  readonly location: Location;
  /** Bits of the network all of which has this location; it may be longer than what the client announced. */
  readonly prefixLength: number;
  /**
   * False when the client announced fewer bits than that (RFC 7871 source prefix): the location is that of the first address
   * of what was announced, the rest may lie elsewhere.
   */
  readonly exact: boolean;
}

/** Looks a client address up. */
export interface GeoLookup {
  locate(address: ClientAddress): Located;
  /** SHA-256 of the database file: name servers that answer the same zone must agree on it. */
  readonly sha256: string;
  /** The octets of the database, for a thread that looks up in it, too. */
  readonly database?: Uint8Array;
  /** False when it knows countries only, so that no subdivision rule can match. */
  readonly hasSubdivisions?: boolean;
}

/** What routing may know of the world's state; an immutable view that is swapped whole. */
export interface StateView {
  /** State of a health target; unknown ids are `unknown`. `reason` is for explanations only and may be left out. */
  target(targetId: string): {
    readonly state: 'up' | 'down' | 'unknown';
    /** Milliseconds until a change that is in sight could happen; bounds the TTL. */
    readonly earliestChangeMs: number;
    readonly reason?: string;
  };
  /**
   * `drainedForMs` while a person or a drill keeps the cluster out, with what is left when the end is known;
   * `undrainedForMs` after that, with how long it was drained: a ramp comes back from where it had got to. Neither: active. The policy's ramp makes a share of the weight of it.
   */
  cluster(key: string): {
    readonly drainedForMs?: number;
    readonly undrainedForMs?: number;
    readonly wasDrainedForMs?: number;
    readonly drainEndsInMs?: number;
  };
  /** Endpoints of the last healthy answer inside a residency region, for `onAllDown: lastAnswer`. */
  lastHealthy(policyKey: string, region: string): readonly string[];
  /** The same object in views that differ in `staleForMs` alone; absent: no other view says the same. */
  readonly content?: object;
  /**
   * Monotonic milliseconds, for a view that says how its times go: durations grow with this clock; `earliestChangeMs` and
   * `drainEndsInMs` fall with it, never below 0; nothing else changes as long as the view is the same object. Absent: nothing
   * can be kept of what the view said.
   */
  monotonicMs?(): number;
  /** The view itself is this old (snapshot or state from a hub that is away); lowers the TTL when above 30 s. */
  readonly staleForMs: number;
}
