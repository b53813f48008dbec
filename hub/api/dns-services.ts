import type { DomainName } from '../../src/dns/name.ts';
import type { CompileReport } from '../../src/plan/compile-report.ts';
import type { HeldName } from '../../src/plan/zone-plan.ts';
import type { Key } from '../store/contract.ts';
import type { ChangeContext, ProposedChange } from './services.ts';

/** What the API asks of the part of the hub that drives DNS providers. Errors as in `HubServices`. */
export interface DnsServices {
  /** Tries credentials, permissions and zones. NOT_FOUND; else what fails is a finding. */
  check(provider: Key<'DNSProvider'>): Promise<ProviderCheck>;
  /** Zones that the account sees. PROVIDER_UNAVAILABLE, PROVIDER_DENIED. */
  zones(provider: Key<'DNSProvider'>): Promise<readonly ProviderZoneSummary[]>;
  /** What is in a zone of the provider now, each name with its owner. */
  content(provider: Key<'DNSProvider'>, zone: DomainName): Promise<ProviderZoneContent>;
  /** How each of the provider's zones stands: applied, planned, held, verified, history. */
  zoneStates(provider: Key<'DNSProvider'>): Promise<readonly ProviderZoneState[]>;
  /** Compile reports of the hostnames of a policy, as they stand. */
  reports(policy: Key<'TrafficPolicy'>): Promise<readonly CompileReport[]>;
  /** What becomes of the origin of a Zone at the provider that it is delegated from; empty: it is not delegated. NOT_FOUND. */
  zoneReports(zone: Key<'Zone'>): Promise<readonly CompileReport[]>;
  /** Compile reports of every policy that `changes` would change, and what would be written. Never writes. */
  planRecords(changes: readonly ProposedChange[]): Promise<RecordPlan>;
  /** Lets the plan with this hash through, once. NOT_FOUND when no such plan waits. */
  approve(
    provider: Key<'DNSProvider'>,
    zone: DomainName,
    hash: string,
    context: ChangeContext,
  ): Promise<ProviderZoneState>;
  /** Takes over what stands at a hostname of a policy. With `dryRun` only shows it; else `digest` must be of what is there. */
  adopt(request: AdoptRequest, context: ChangeContext): Promise<readonly AdoptPreview[]>;
  /** Brings back the content of an earlier generation as a new one, and holds it until `resume`. */
  rollback(
    provider: Key<'DNSProvider'>,
    zone: DomainName,
    generation: number,
    context: ChangeContext,
  ): Promise<ProviderZoneState>;
  /** Ends a rollback's hold. */
  resume(provider: Key<'DNSProvider'>, zone: DomainName, context: ChangeContext): Promise<ProviderZoneState>;
}

export interface ProviderCheck {
  readonly ok: boolean;
  readonly findings: readonly {
    readonly subject: string;
    readonly ok: boolean;
    readonly message: string;
    readonly fix?: string;
  }[];
  /** What the provider can and cannot do, each with the reason. */
  readonly capabilities: readonly {
    readonly about: 'safety' | 'routing' | 'types';
    readonly subject: string;
    readonly native: boolean;
    readonly reason: string;
  }[];
}

export interface ProviderZoneSummary {
  readonly origin: string;
  readonly id: string;
  readonly private: boolean;
  readonly nameServers: readonly string[];
  /** Named in the DNSProvider's `spec.zones`. */
  readonly configured: boolean;
}

export interface ProviderZoneContent {
  readonly origin: string;
  readonly records: readonly {
    readonly name: string;
    readonly type: string;
    readonly setId: string;
    readonly ttlSeconds?: number;
    readonly values: readonly string[];
    /** The provider's routing, as JSON text; absent for plain records. */
    readonly native?: string;
    /** Owner by its marker: `this`, another hub's id, `external-dns:<id>`; absent: nobody's marker. */
    readonly owner?: string;
  }[];
}

export interface ProviderZoneState {
  readonly origin: string;
  readonly id: string;
  readonly generation: number;
  readonly appliedAt?: string;
  readonly error?: string;
  /** What to do about the error. */
  readonly errorFix?: string;
  /** The plan that is due: empty `changes` when there is none. */
  readonly plan: {
    readonly hash: string;
    readonly changes: readonly RecordChangeLine[];
    readonly held: readonly HeldName[];
    readonly waitsForApproval?: {
      readonly code: string;
      readonly message: string;
      readonly fix: string;
      /** What goes once it is approved. */
      readonly removals: readonly RecordChangeLine[];
    };
  };
  /** A rollback holds the zone at the content of this generation. */
  readonly heldAtGeneration?: number;
  /** While it does: what is due once `resume` ended that. */
  readonly afterResume?: {
    readonly changes: readonly RecordChangeLine[];
    readonly held: readonly HeldName[];
  };
  /** `spec.frozen`: plans are made and shown, nothing is written. */
  readonly frozen: boolean;
  /** Newest first: generations that `rollback` can bring back. */
  readonly history: readonly { readonly generation: number; readonly at: string; readonly summary: string }[];
  readonly verified: 'yes' | 'no' | 'pending' | 'off';
  /** What each authoritative server answered where it was not what was expected. */
  readonly disagreements: readonly string[];
}

/** One line of a diff: `+ www.example.com. 30 A 192.0.2.1`. */
export interface RecordChangeLine {
  readonly change: 'create' | 'update' | 'delete';
  readonly name: string;
  readonly type: string;
  readonly setId: string;
  readonly before?: string;
  readonly after?: string;
  /** What the set leads to, line by line, where it is more than records: a tree of profiles. */
  readonly details?: readonly string[];
}

export interface RecordPlan {
  readonly reports: readonly CompileReport[];
  readonly zones: readonly {
    readonly provider: string;
    readonly origin: string;
    readonly changes: readonly RecordChangeLine[];
    readonly held: readonly HeldName[];
    /** Seconds since the zone was read, where it could not be read anew for this plan. */
    readonly readSecondsAgo?: number;
    /** The zone has not been read yet or cannot be: why. */
    readonly unknown?: string;
  }[];
}

export interface AdoptRequest {
  readonly namespace: string;
  readonly hostname: DomainName;
  /** Name of the DNSProvider; all that hold the hostname when absent. */
  readonly provider?: string;
  /** By `provider/zone`: digest shown by the preview. */
  readonly digests?: Readonly<Record<string, string>>;
}

export interface AdoptPreview {
  readonly provider: string;
  readonly zone: string;
  readonly hostname: string;
  readonly digest: string;
  /** What stands there now, and what will replace it. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** `external-dns:<id>` when it was made by external-dns: which must be told to let go. */
  readonly owner?: string;
  /** All of it is this hub's already: there is nothing to take over. */
  readonly ours: boolean;
  readonly adopted: boolean;
}
