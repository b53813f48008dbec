import type { DomainName } from '../dns/name.ts';
import type { Target } from '../health/types.ts';
import type { Feature } from './compile-report.ts';

/** Who takes an endpoint that is down out of answers: the hub by its quorum, the provider's own health checks, or the hub with the provider as its fallback. */
export type Decider = 'portolan' | 'native' | 'both';

/**
 * What a hostname answers in every place, as a table: what a provider's routing is made from. It is computed with the code that
 * answers DNS (`evaluate`), place by place, so a provider that reproduces the table reproduces the policy. Distance alone is not in it:
 * endpoints that no rule names stand together (`placementOf` says why). JSON-safe.
 */
export interface Placement {
  readonly hostname: DomainName;
  /** `namespace/name` of the TrafficPolicy. */
  readonly policy: string;
  readonly ttlSeconds: number;
  readonly decider: Decider;
  /** A, AAAA, or CNAME alone. A type that no place gets is not there. */
  readonly types: readonly TypePlacement[];
  /** Places that no residency rule keeps any endpoint from, whoever answers there; absent where there are no such rules. */
  readonly unbound?: readonly string[];
  /** What the policy asks for, so that a provider says of each what it does. */
  readonly features: readonly Feature[];
  /** Losses that the author of the policy accepts. */
  readonly accepted: readonly Feature[];
}

export interface TypePlacement {
  readonly type: 'A' | 'AAAA' | 'CNAME';
  /** Every place is in exactly one group (or, NODATA there, in none). The first one holds `unknown`, if any does. */
  readonly groups: readonly PlaceGroup[];
}

/** Places that are answered alike. */
export interface PlaceGroup {
  /**
   * 10 hex digits: a hash of who answers here while everything is up. A name for the group that stays while weights and health change; the same
   * for types with the same members.
   */
  readonly id: string;
  /** Countries (`DE`), subdivisions that a rule names (`US-CA`), `unknown`; sorted. A country stands for the rest of it besides its subdivisions listed anywhere. */
  readonly places: readonly string[];
  /**
   * The first tier answers. With decider `portolan` there is only that one, of members healthy now. Else the later ones follow, each
   * being what would answer if all before it were down.
   */
  readonly tiers: readonly PlacedTier[];
}

export interface PlacedTier {
  readonly members: readonly PlacedMember[];
}

export interface PlacedMember {
  /** Name of the endpoint, or `maintenance`. */
  readonly endpoint: string;
  /** `namespace/name`; empty for maintenance addresses. */
  readonly cluster: string;
  /** Above 0, relative to the tier. With decider `native` and `both` weight 0 is possible: only when every other member is down. */
  readonly weight: number;
  /** Addresses of the type, or one CNAME target; canonical presentation form, sorted. */
  readonly values: readonly string[];
  /** Health targets that judge `values`, in their order; empty for maintenance addresses. */
  readonly targets: readonly Target[];
}
