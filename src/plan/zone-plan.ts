import type { DomainName } from '../dns/name.ts';
import type { ErrorCode } from '../errors/table.ts';
import type { FenceStamp } from './fence.ts';
import type { Fence } from './publication.ts';
import type { ChangeGroup, RecordSet, SetChange } from './record-set.ts';

/** What one owned name should be at a provider. */
export interface DesiredName {
  readonly name: DomainName;
  /** What wants it, for the marker and for people: `trafficpolicy/shop/www`, `zone/shop/geo`. */
  readonly resource: string;
  /**
   * The sets at the name and those it leans on below the pool suffix, in creation order. `undefined`: it cannot be said now (refused, or not known
   * yet), so what is there stays as it is.
   */
  readonly sets: readonly RecordSet[] | undefined;
  /** Types at the name itself that are ours to decide: a set of such a type that is not in `sets` goes. */
  readonly types: readonly string[];
  /**
   * Of `types`, those that somebody wants gone (no endpoint of the policy has such an address any more; `onAllDown` says "no answer"). Any other type that has
   * records now keeps some (I4): else the name is held as RECORDS_EMPTY.
   */
  readonly mayEmpty?: readonly string[];
  /** Other owners may contribute values of their own (plain sets only). */
  readonly shared: boolean;
}

export interface ZonePlanInput {
  readonly origin: DomainName;
  /** Who we are in markers and fences: at most 64 of `a-z0-9-`. */
  readonly owner: string;
  /** Leader epoch, and the generation this plan will have. */
  readonly fence: Fence;
  /** As read from the provider (or as known after our own writes). */
  readonly current: readonly RecordSet[];
  readonly desired: readonly DesiredName[];
  /** Foreign names that a person gave us, with the digest of what they saw there (`digestOfName`): another content is not touched. */
  readonly adopted: ReadonlyMap<DomainName, string>;
  /** What we wrote last at each name, as `digestOfOwn` of its sets: names whose marker somebody removed are recognised by it. */
  readonly remembered?: ReadonlyMap<DomainName, string>;
  /** The provider applies a group all or nothing (`preconditions: atomic`): markers need not say what a writer that stops midway would leave. */
  readonly wholeGroups?: boolean;
  /** Types of the provider's own that hubs publish there (`Capabilities.ownTypes`): a marker gives a right to them as to A or CNAME. */
  readonly ownTypes?: readonly string[] | undefined;
  readonly deletions: 'allow' | 'never';
  /** It is not known yet which challenges of certificates are wanted: those that stand there stay. */
  readonly keepsPassing?: boolean;
  readonly maxRemovedPercent: number;
  /** Hashes of plans that a person approved. */
  readonly approved: ReadonlySet<string>;
}

/** A name whose change waits, and why. `fix` is what a person can type. */
export interface HeldName {
  readonly name: DomainName;
  readonly code: ErrorCode;
  readonly message: string;
  readonly fix: string;
}

/** What is to be done in a zone. Pure data; the same input gives the same plan with the same hash. */
export interface ZonePlan {
  readonly origin: DomainName;
  readonly owner: string;
  readonly fence: Fence;
  /**
   * First 16 hex digits of a SHA-256; names the plan in the fence and for approval: of `groups`, or of the removals while those wait, so that it stays the
   * same while other records change.
   */
  readonly hash: string;
  /** Creations and changes first, removals last; nothing to do: empty. */
  readonly groups: readonly ChangeGroup[];
  readonly held: readonly HeldName[];
  /**
   * Removals wait for a person: why. They are in `held`, not in `groups`; `groups` are applied all the same, or a failover would wait for a person, too.
   * `hash` of the plan approves them.
   */
  readonly waitsForApproval:
    | {
        readonly code: ErrorCode;
        readonly message: string;
        readonly fix: string;
        /** What would go. */
        readonly names: readonly DomainName[];
      }
    | undefined;
  /** Owned names after the plan, without challenges. */
  readonly names: number;
  /** The fence set as read; the first batch replaces it. */
  readonly fenceSet: RecordSet | undefined;
  /** Stamp found in it. A newer epoch than ours means that another hub took over: nothing may be written. */
  readonly foundStamp: FenceStamp | undefined;
}

/** A batch as it is sent, with the fence it carries. */
export interface PackedBatch {
  readonly groups: readonly ChangeGroup[];
  readonly fence: SetChange;
  readonly stamp: FenceStamp;
}
