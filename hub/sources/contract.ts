import type { FieldViolation } from '../../src/errors/error.ts';
import type { Kind } from '../../src/resources/catalogue.ts';
import type { ParsedInput } from '../../src/resources/validate.ts';
import type { Actor, Key } from '../store/contract.ts';

/**
 * Annotation of a stored object that a source sets: which one. Nobody else writes such an object (MANAGED_ELSEWHERE), until an admin takes
 * it over; clients neither add, change nor remove the annotation.
 */
export const MANAGED_BY = 'portolan.dev/managed-by';
/** Value of `MANAGED_BY` after an admin took the object over: no source writes it, whatever its document says of adopting. */
export const TAKEN_OVER = 'api';
/** Annotation in a source's document: an object of this name that nobody manages (it was made through the API) becomes the source's. */
export const ADOPT = 'portolan.dev/adopt';

/** What may set objects besides the API. One of each kind at most. */
export type SourceName = 'git-folder' | 'kubernetes';

/** Kinds that sources may set: all but what stands for an act (`Drill`) and for what a person does in an emergency (`Drain`). */
export const SOURCE_KINDS: readonly Exclude<Kind, 'Drill' | 'Drain'>[] = [
  // In the order in which they are written, so that what is referred to is there first; removed in the opposite order.
  'Secret',
  'Cluster',
  'HealthCheck',
  'DNSProvider',
  'Zone',
  'Issuer',
  'CertificatePolicy',
  'TrafficPolicy',
  'Backend',
  'BackendTLSPolicy',
  'ReferenceGrant',
  'Gateway',
  'HTTPRoute',
  'GRPCRoute',
  'GatewayPolicy',
  'AuthPolicy',
  'RateLimitPolicy',
  'CallerRouting',
];

/** One object as a source wants it. */
export interface Wanted {
  readonly input: ParsedInput;
  /** Where it stands, for messages: `shop/policy.yaml:12`, or the uid of the object in Kubernetes. */
  readonly origin: string;
  readonly adopt: boolean;
}

/** All that a source wants, by `Kind namespace/name`. */
export interface WantedSet {
  readonly objects: ReadonlyMap<string, Wanted>;
  /** False: something could not be read, so that what is missing is not removed. */
  readonly complete: boolean;
  /** What stands still, by `Kind namespace/name`: what the source means of it is not known, so it is neither written nor removed. */
  readonly keep?: (id: string) => boolean;
  /** What somebody asked to be removed, which is more than missing: removed in a set that is not complete, too. */
  readonly removed?: ReadonlySet<string>;
  /** True: what is missing goes without asking, too, when that leaves hostnames without an answer. */
  readonly removesHostnames?: boolean;
}

/** What became of one object in a pass. */
export type Outcome =
  | {
      readonly state: 'applied';
      readonly changed: boolean;
      readonly resourceVersion: string;
      readonly generation: number;
    }
  /** It is being removed; finalizers hold it. */
  | { readonly state: 'removed'; readonly gone: boolean }
  /** Somebody else sets it: `api` or the other source. */
  | { readonly state: 'conflict'; readonly manager: SourceName | 'api'; readonly message: string }
  /** A guard refuses it until an admin approves exactly this change. */
  | { readonly state: 'held'; readonly hold: HeldChange }
  | {
      readonly state: 'refused';
      readonly code: string;
      readonly message: string;
      readonly fix: string;
      readonly violations: readonly FieldViolation[];
    }
  /** The store did not take it; tried again with the next pass. */
  | { readonly state: 'failed'; readonly message: string };

/** A change that only an admin may let through, by its id. */
export interface HeldChange {
  /** 12 hex digits over source, key, verb and content: another change has another one, the same change the same after a restart. */
  readonly id: string;
  readonly source: SourceName;
  readonly key: Key;
  readonly verb: 'create' | 'update' | 'delete';
  readonly origin: string;
  /** What the guards say. */
  readonly violations: readonly FieldViolation[];
  /** RFC 3339; of this hub's memory. */
  readonly since: string;
}

export interface SourcePass {
  /** By `Kind namespace/name`: everything wanted, and everything that is to go. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Objects of this source in the store afterwards. */
  readonly managed: number;
  /** Objects of kinds that a source may set, and none does; at most 100, as `Kind namespace/name`. */
  readonly unmanaged: readonly string[];
}

/** Brings what a source manages in line with what it wants, through the same admission and the same lane as the API (I7). Level-based: nothing is remembered of the last pass but approvals. */
export interface SourceSync {
  /** @throws PortolanError NOT_LEADER; everything else is an outcome */
  pass(source: SourceName, wanted: WantedSet): Promise<SourcePass>;
  readonly held: readonly HeldChange[];
  /**
   * Lets one held change through, now, with `force` and this reason in the audit log.
   * @throws PortolanError NOT_FOUND no such change is held (any more), and what the store says
   */
  approve(id: string, actor: Actor, reason: string): Promise<void>;
  /**
   * Ends a take-over: the source that wants the object sets it again, with its next pass.
   * @throws PortolanError NOT_FOUND, SOURCE_INVALID it was not taken over, or no source wants it
   */
  giveBack(key: Key, actor: Actor, reason: string | undefined): Promise<SourceName>;
  /** Where the object's source has it from, as of the last pass. */
  originOf(key: Key): string | undefined;
}

/** What the API and the CLI ask of the sources. */
export interface SourceServices extends Omit<SourceSync, 'pass'> {
  /** Of the sources that run in this hub. */
  readonly statuses: readonly SourceStatus[];
}

/** One running source, for `portolan source status` and metrics. */
export interface SourceStatus {
  readonly source: SourceName;
  /** The folder, or the API server's address. */
  readonly at: string;
  readonly ready: boolean;
  /** Of the last pass, RFC 3339; absent: none yet. */
  readonly lastPassAt?: string;
  /** What was read: a Git commit where the folder is a checkout, else a digest; of Kubernetes nothing. */
  readonly revision?: string;
  readonly objects: {
    readonly applied: number;
    readonly conflict: number;
    readonly held: number;
    readonly refused: number;
    readonly failed: number;
  };
  /** What cannot be read, and every outcome that is not `applied`. At most 100. */
  readonly problems: readonly {
    readonly origin: string;
    readonly object?: string;
    readonly message: string;
    readonly fix?: string;
  }[];
  /** Objects in the hub that no source sets; at most 100, as `Kind namespace/name`. */
  readonly unmanaged?: readonly string[];
}

export interface Source {
  readonly status: SourceStatus;
  /** Calls `pass` soon. */
  poke(): void;
  start(): void;
  close(): Promise<void>;
}
