import type { DomainName } from '../dns/name.ts';

/** Everything a TrafficPolicy can ask of an answer that a DNS provider may or may not keep. */
export type Feature =
  /** Different answers by country, continent or subdivision. */
  | 'geo'
  /** Different answers by client network. */
  | 'subnets'
  /** Shares in proportion to weights that are not all equal. */
  | 'weights'
  /** Later tiers when a tier is down. */
  | 'failover'
  /** A located client is never answered with a cluster outside. */
  | 'residency'
  /** The same client keeps its member. */
  | 'sticky'
  /** An answer near a change has a lower TTL. */
  | 'dynamicTtl'
  /** Too few healthy: all are served. */
  | 'panic'
  /** A tier below its floor is joined by the next. */
  | 'capacityFloor'
  /** A drained share goes down in steps. */
  | 'drainRamp'
  /** Nobody in the rules is healthy: others by distance. */
  | 'nearest'
  /** How many members one answer holds. */
  | 'maxAnswers'
  /** Some places get a CNAME, others addresses. */
  | 'mixedTypes';

/**
 * - `native`: the provider does it with each query.
 * - `computed`: the hub keeps it true by changing records when something changes; it stands still while the hub is away.
 * - `lost`: it is not kept, and the author of the policy accepted that (`spec.dns.accept`) or nobody is harmed.
 * - `refused`: it is not kept and that would not be honest, so nothing is published.
 */
export type Handling = 'native' | 'computed' | 'lost' | 'refused';

export interface FeatureReport {
  readonly feature: Feature;
  readonly handling: Handling;
  /** One sentence for the author of the policy: what a client gets. */
  readonly detail: string;
  /** With `refused`: what a person can write or type instead. */
  readonly fix?: string;
}

/** What becomes of one hostname at one provider: which meaning is kept, by whom, and what is lost. Only features the policy uses are in it. */
export interface CompileReport {
  readonly hostname: DomainName;
  /** `namespace/name` of the DNSProvider; `embedded` for the built-in name servers. */
  readonly provider: string;
  readonly zone: DomainName;
  /** `native` if the provider routes at all; `delegated`: NS records lead to the embedded name servers; `refused`: nothing is changed. */
  readonly outcome: 'native' | 'computed' | 'delegated' | 'refused';
  readonly features: readonly FeatureReport[];
  /** With outcome `refused`, where no single feature is the reason. */
  readonly refusal?: { readonly message: string; readonly fix: string };
  /** What happens to this name while the hub is away: one sentence. */
  readonly hubDown: string;
}
