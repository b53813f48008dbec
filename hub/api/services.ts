import type { DomainName } from '../../src/dns/name.ts';
import type { FieldViolation } from '../../src/errors/error.ts';
import type { AnyResource, Kind, Resource, SpecOf } from '../../src/resources/catalogue.ts';
import type { DrillSpec } from '../../src/resources/drill.ts';
import type { HubMember } from '../election/leading.ts';
import type { GeoStatus } from '../geo/library.ts';
import type { GeoProof } from '../geo/proof.ts';
import type { SourceServices } from '../sources/contract.ts';
import type { Actor, Key } from '../store/contract.ts';
import type { CertificateServices } from './certificate-services.ts';
import type { DnsServices } from './dns-services.ts';
import type { GatewayServices } from './gateway-services.ts';
import type { InventoryServices } from './inventory-services.ts';
import type { KeyServices } from './key-services.ts';
import type { QuotaServices } from './quota-services.ts';

/**
 * What the API asks of the rest of the hub. The API itself knows HTTP, who may do what, and the store; everything that
 * needs the world (health, routing, agents, drills) is behind this one interface, so the API can be tested without it.
 *
 * Every method may reject with a PortolanError, which reaches the client as problem+json unchanged. Writes made by an
 * implementation go through `Store.commit` with the given actor (I7: there is no side door). The API calls `admit` and the
 * commit that follows (for a plan: `admit` alone, outside the lane), and drain/undrain/remove/drillStart/drillAbort, inside the write lane (`write-lane.ts`), so two
 * requests never interleave between admission and commit; an implementation must not take the lane again.
 */
export interface HubServices {
  /** The part that drives DNS providers. */
  readonly dns: DnsServices;
  /** The part that compiles gateways. */
  readonly gateways: GatewayServices;
  /** API keys of callers. */
  readonly keys: KeyServices;
  /** Limits of callers, over all clusters. */
  readonly inventories: InventoryServices;
  readonly quota: QuotaServices;
  /** Certificates of CAs. */
  readonly certificates: CertificateServices;
  /** What sets objects besides the API: a Git folder, Kubernetes. */
  readonly sources: SourceServices;

  /**
   * Cross-object validation and guards over schema-valid changes, all judged together: references, claimed hostnames and
   * origins, address ranges, CLUSTER_JOINED, IN_USE, LAST_CAPACITY, CHANGE_BUDGET_EXCEEDED. A change may refer to an
   * object that another change of the same call creates. Never writes.
   */
  admit(changes: readonly ProposedChange[], context: ChangeContext): Promise<Admission>;

  /** What a client would be answered now, by the code that answers DNS, and why. Rejects only on INTERNAL. */
  resolve(question: ResolveQuestion): Promise<ResolveResult>;

  /** How the answers per hostname and place would change if `changes` were applied, at the health known now. Never writes. */
  planAnswers(changes: readonly ProposedChange[]): Promise<AnswerDiff>;

  /** A new join token. NOT_FOUND when the cluster does not exist. `ttlSeconds` is 60 to 3600 (I30). */
  clusterToken(
    cluster: Key<'Cluster'>,
    options: { readonly ttlSeconds: number; readonly actor: Actor },
  ): Promise<ClusterToken>;

  /**
   * Creates or updates the Drain object of the cluster. NOT_FOUND; LAST_CAPACITY or CHANGE_BUDGET_EXCEEDED unless forced.
   * `expiresAt` is RFC 3339.
   */
  drain(
    cluster: Key<'Cluster'>,
    options: ChangeContext & { readonly expiresAt?: string },
  ): Promise<ClusterActionResult>;
  /** Deletes every Drain of the cluster. Doing it twice is no error. */
  undrain(cluster: Key<'Cluster'>, options: ChangeContext): Promise<ClusterActionResult>;
  /** Drains, revokes the agent and deletes the Cluster once nothing is answered with it. IN_USE while policies name it. */
  remove(cluster: Key<'Cluster'>, options: ChangeContext): Promise<ClusterActionResult>;

  /** Begins to replace a key of a signed zone. NOT_FOUND, DNSSEC_REFUSED while another roll is under way. */
  rollZoneKey(
    zone: Key<'Zone'>,
    role: 'ksk' | 'zsk',
    options: ChangeContext,
  ): Promise<ZoneDnssecActionResult>;
  /** A person has seen the parent's DS, or that it is gone. DNSSEC_REFUSED when nothing waits for it. */
  confirmZoneDs(zone: Key<'Zone'>, options: ChangeContext): Promise<ZoneDnssecActionResult>;
  /** Goes on without name servers that have been away for long. DNSSEC_REFUSED before. */
  continueZoneRoll(zone: Key<'Zone'>, options: ChangeContext): Promise<ZoneDnssecActionResult>;

  /** What the drill would do and whether its guards allow it now. Never writes. */
  drillPlan(drill: { readonly namespace: string; readonly spec: DrillSpec }): Promise<DrillPlan>;
  /** Starts an existing Drill object. DRILL_REFUSED, DRILL_ACTIVE, NOT_FOUND. Resolves to the object as started. */
  drillStart(drill: Key<'Drill'>, options: ChangeContext): Promise<Resource<'Drill'>>;
  /** Rolls a running drill back. A drill that is not running is DRILL_REFUSED. */
  drillAbort(drill: Key<'Drill'>, options: ChangeContext): Promise<Resource<'Drill'>>;

  /** The GeoIP databases: in use, before it, staged. */
  geoStatus(): GeoStatus;
  /** See `GeoLibrary`: GEO_DATABASE_UNTRUSTED, GEO_DATABASE_INVALID, GEO_UPDATE_REFUSED. */
  geoStage(bytes: Uint8Array, proof: GeoProof, actor: Actor): Promise<GeoStatus>;
  geoActivate(
    sha256: string,
    approval: { readonly approve: boolean; readonly reason?: string | undefined },
    actor: Actor,
  ): Promise<GeoStatus>;
  geoRollback(reason: string | undefined, actor: Actor): Promise<GeoStatus>;

  /** Everything known of name servers, agents and health; the API shows each caller only its namespaces. */
  status(): Promise<HubStatus>;
  /** Prometheus text exposition format 0.0.4. */
  metrics(): Promise<string>;
  /** For /readyz: false with reasons while starting, stopping, or while the store does not answer. */
  ready(): Promise<Readiness>;
}

/** Who asks, and how insistent. */
export interface ChangeContext {
  readonly actor: Actor;
  /** Nothing is stored. */
  readonly dryRun: boolean;
  /** The caller overrides LAST_CAPACITY and CHANGE_BUDGET_EXCEEDED; never validation. */
  readonly force: boolean;
  /** The object is taken from the source that sets it. */
  readonly takeOver?: boolean;
  /** Why it is forced or taken over; required with either, goes into the audit row. */
  readonly reason?: string;
}

/** A desired object after schema validation: defaults applied, names canonical. */
export interface DesiredObject<K extends Kind = Kind> {
  readonly kind: K;
  readonly namespace: string;
  readonly name: string;
  readonly spec: SpecOf<K>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly finalizers: readonly string[];
}

/** A desired object of any kind, told apart by `kind`. */
export type AnyDesired = { [K in Kind]: DesiredObject<K> }[Kind];

export type ProposedChange =
  | { readonly type: 'create'; readonly key: Key; readonly next: AnyDesired }
  | { readonly type: 'update'; readonly key: Key; readonly current: AnyResource; readonly next: AnyDesired }
  | { readonly type: 'delete'; readonly key: Key; readonly current: AnyResource };

/** A violation of one of the changes given to `admit`; `path` starts at that change's document (`spec.endpoints[0].cluster`). */
export interface AdmissionViolation extends FieldViolation {
  /** Index into the `changes` argument. */
  readonly change: number;
}

export type Admission =
  | { readonly ok: true; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly violations: readonly AdmissionViolation[] };

export interface ResolveQuestion {
  readonly hostname: DomainName;
  /** Record type in upper case: A, AAAA, CNAME, MX, TXT, …. */
  readonly type: string;
  readonly from: /** An IPv4 or IPv6 address; looked up in the GeoIP database. */
    | { readonly kind: 'client'; readonly address: string }
    /** ISO 3166-1 alpha-2, as if GeoIP had said so. */
    | { readonly kind: 'country'; readonly country: string }
    | { readonly kind: 'unknown' };
}

export interface ResolveResult {
  /** Canonical name that was asked for. */
  readonly hostname: string;
  readonly type: string;
  readonly rcode: 'NOERROR' | 'NXDOMAIN' | 'REFUSED' | 'SERVFAIL';
  /** The answer section in presentation form. */
  readonly answers: readonly {
    readonly name: string;
    readonly type: string;
    readonly ttlSeconds: number;
    readonly data: string;
  }[];
  /** Where the query was taken to come from. */
  readonly client: {
    readonly address?: string;
    readonly country?: string;
    readonly subdivision?: string;
    readonly continent?: string;
    readonly source: 'client' | 'country' | 'unknown';
  };
  /** Namespace of the policy or zone that answered; absent when none did. Decides who may see this. */
  readonly namespace?: string;
  /** The TrafficPolicy that routed the name; absent for static records. */
  readonly policy?: string;
  readonly zone?: string;
  /** How the decision came about, in order: one sentence a step, for people. */
  readonly explanation: readonly string[];
  /** Every endpoint of the policy with its part in this answer. */
  readonly candidates: readonly ResolveCandidate[];
  /** Prefix length over which the whole decision is the same (ECS scope); 0 when it does not depend on the client. */
  readonly scopePrefixLength: number;
  /** Milliseconds this answer cannot change, given what is known; bounds the TTL. */
  readonly stableForMs: number;
  /** Content sequence (SOA serial) it was decided on. */
  readonly sequence: number;
}

export interface ResolveCandidate {
  readonly endpoint: string;
  /** `namespace/name`. */
  readonly cluster: string;
  readonly addresses: readonly string[];
  readonly state: 'up' | 'down' | 'unknown';
  /** Share of such queries this endpoint gets, 0 to 100. */
  readonly sharePercent: number;
  /** Why it is in or out: "down: refused from 3 of 4", "outside residency region EU", "tier 2". */
  readonly reason: string;
}

export interface AnswerShare {
  readonly endpoint: string;
  /** `namespace/name`. */
  readonly cluster: string;
  /** 0 to 100; the shares of one side add up to 100, or the side is empty. */
  readonly percent: number;
}

/** One hostname's answers in places that change alike: "DE, FR: eu-1 70 → 100 %". */
export interface AnswerChange {
  readonly hostname: string;
  /** Namespace of the policy that answers it. */
  readonly namespace: string;
  /** Country codes, sorted; `unknown` stands for a location nobody knows. */
  readonly places: readonly string[];
  readonly before: readonly AnswerShare[];
  readonly after: readonly AnswerShare[];
}

export interface AnswerDiff {
  readonly changes: readonly AnswerChange[];
  /** How much was compared, so that "no change" means something. */
  readonly compared: { readonly hostnames: number; readonly places: number };
}

export interface ClusterToken {
  /** `ptl1.…`, shown once. */
  readonly token: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  /** The command to type on the cluster. */
  readonly command: string;
}

export interface ZoneDnssecActionResult {
  /** `namespace/name`. */
  readonly zone: string;
  /** One sentence for people. */
  readonly message: string;
}

export interface ClusterActionResult {
  /** `namespace/name`. */
  readonly cluster: string;
  /** What is true now. */
  readonly state: 'draining' | 'active' | 'removing' | 'removed';
  /** One sentence for people. */
  readonly message: string;
  readonly warnings: readonly string[];
}

export interface DrillPlan {
  /** Every guard with its figures; the drill starts only when all are ok. */
  readonly guards: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
  /** What would happen, in order. */
  readonly steps: readonly string[];
  readonly answers: AnswerDiff;
}

export interface Readiness {
  readonly ready: boolean;
  /** `standby`: another hub leads; this one reads, relays and answers DNS. */
  readonly role?: 'standby';
  /** Why not; empty when ready. */
  readonly reasons: readonly string[];
}

export interface HubStatus {
  /** Where several hubs share the store: all that were heard lately, the one that leads first. */
  readonly hubs?: readonly HubMember[];
  readonly hub: {
    readonly uid: string;
    readonly version: string;
    readonly epoch: number;
    /** RFC 3339. */
    readonly startedAt: string;
    /** Content sequence (SOA serial). */
    readonly sequence: number;
  };
  readonly nameServers: readonly NameServerStatus[];
  readonly agents: readonly AgentStatus[];
  readonly targets: readonly TargetStatus[];
}

export interface NameServerStatus {
  /** `hub` or `agent/<uid>`. */
  readonly id: string;
  /** `namespace/name` of the cluster it runs on; absent for the hub's. */
  readonly cluster?: string;
  /** `host:port`. */
  readonly addresses: readonly string[];
  /** Content sequence it answers from. */
  readonly sequence: number;
  readonly state: 'serving' | 'behind' | 'unreachable';
  /** One sentence: why `behind` or `unreachable`. */
  readonly detail: string;
}

export interface AgentStatus {
  readonly uid: string;
  /** `namespace/name`. */
  readonly cluster: string;
  readonly failureDomain: string;
  readonly version: string;
  readonly connected: boolean;
  readonly revoked: boolean;
  /** RFC 3339; absent when it never connected since the hub started. */
  readonly lastSeenAt?: string;
  readonly snapshotSequence: number;
}

/** A health target with its explanation: who saw what, when. */
export interface TargetStatus {
  readonly id: string;
  /** `namespace/name`. */
  readonly cluster: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
  readonly state: 'up' | 'down' | 'unknown';
  readonly degraded: boolean;
  /** RFC 3339. */
  readonly since: string;
  readonly reason: string;
  readonly votes: readonly {
    readonly vantage: string;
    readonly failureDomain: string;
    readonly verdict: 'up' | 'down' | 'none';
    readonly counted: boolean;
    readonly ageMs: number;
    readonly detail: string;
    readonly injected: boolean;
  }[];
  /** `namespace/policy/endpoint` of every endpoint it judges. */
  readonly usedBy: readonly string[];
}
