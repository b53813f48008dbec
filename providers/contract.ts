import type { LookupFunction } from 'node:net';
import type { DomainName } from '../src/dns/name.ts';
import { PortolanError } from '../src/errors/error.ts';
import type { AidSpec } from '../src/plan/aid.ts';
import type { FeatureReport } from '../src/plan/compile-report.ts';
import type { NativeCompilation } from '../src/plan/native-compilation.ts';
import type { Placement } from '../src/plan/placement.ts';
import type { ChangeGroup, RecordSet, SetChange } from '../src/plan/record-set.ts';
import type { DnsProviderSpec, DnsProviderType } from '../src/resources/dns-provider.ts';

/**
 * A DNS provider, as the hub uses it: lists zones, reads a zone, applies a batch of changes, says what it can do. It decides nothing: what
 * belongs into a zone, what is ours, and whether a change is safe is decided in `src/plan`, the same for all of them.
 *
 * How to add one: docs/guides/providers/adding.md. All of them pass `test/conformance/providers.test.ts`.
 */
export interface ProviderKind {
  readonly type: DnsProviderType | 'embedded';
  readonly capabilities: Capabilities;
  /** Pure. What the provider's own routing makes of a placement; the hub falls back on plain records when it cannot. */
  readonly compile: (input: CompileInput) => NativeCompilation;
  /** Pure. What an aid is, for people: a line that can stand in place of its id, and lines below it. Absent where there are no aids. */
  readonly describeAid?: (aid: AidSpec) => readonly string[];
  /** Opens an account. Loads the SDK only now; makes no call. @throws ProviderError `denied` when the credentials cannot be used as they are */
  readonly open: (options: ProviderOptions) => Promise<Provider>;
}

export interface Provider {
  /** Zones that the credentials see, with every page read. */
  zones(signal: AbortSignal): Promise<readonly ProviderZone[]>;
  /** The whole zone, each set in canonical form. */
  read(zone: ProviderZone, signal: AbortSignal): Promise<ZoneContent>;
  /**
   * Applies the batch and resolves once the provider's own servers have it, as far as its API tells (Route 53: INSYNC). Sets of `batch` were
   * packed within `capabilities.batch`. Every `before` is a precondition, as far as `capabilities.preconditions` says; with `atomic` all changes
   * happen or none.
   * @throws ProviderError
   */
  apply(zone: ProviderZone, batch: Batch, signal: AbortSignal): Promise<void>;
  /** Whatever record sets lean on; absent where nothing is needed. */
  readonly aids?: Aids;
  /** Tries every permission that is needed, changing nothing that stays. Never rejects: what fails is a finding. */
  check(zones: readonly ProviderZone[], signal: AbortSignal): Promise<readonly CheckFinding[]>;
  close(): Promise<void>;
}

export interface ProviderOptions {
  /** Spec of the DNSProvider; for `embedded` only what it shares with them. */
  readonly spec: DnsProviderSpec;
  /** Values of the Secret that the spec names; empty when it names none. */
  readonly secret: Readonly<Record<string, string>>;
  /** PEM bundle of the key that `caSecret` names, to trust instead of the system's roots. */
  readonly ca?: string;
  /** `namespace/name`, for tags and messages. */
  readonly name: string;
  /** Who owns what is made: goes into tags, at most 64 of `a-z0-9-`. */
  readonly owner: string;
  readonly guard: OutboundGuard;
  /** Called before each request with the API action (`ChangeResourceRecordSets`): waits for its turn, and counts. Rejects when aborted. */
  readonly turn: (action: string, signal: AbortSignal) => Promise<void>;
  readonly clock: ProviderClock;
  /** In [0, 1). */
  readonly random: () => number;
}

export interface ProviderClock {
  /** Milliseconds, never backwards. */
  monotonicMs(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Resolves after `delayMs`; rejects with the reason when aborted. */
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
}

/** I32: where a user's settings may make the hub connect to. */
export interface OutboundGuard {
  /** For `lookup` of sockets and agents: resolves once and refuses forbidden addresses. */
  readonly lookup: LookupFunction;
  /** For hosts that may be written as an address, also in brackets, which sockets do not look up; a name passes. @throws PortolanError ADDRESS_FORBIDDEN */
  readonly check: (host: string) => void;
}

/** A zone at a provider. */
export interface ProviderZone {
  readonly origin: DomainName;
  /** The provider's name for it: `Z0123456789ABC`, a managed zone's name, a resource id; the origin where there is none. */
  readonly id: string;
  /** Seen from inside private networks only. */
  readonly private: boolean;
  /** Names of its authoritative servers, as the provider tells them; empty when it does not. */
  readonly nameServers: readonly DomainName[];
}

export interface ZoneContent {
  /** In any order; apex NS and SOA included. */
  readonly sets: readonly RecordSet[];
  /** What a conditional write of a set needs besides the set itself (an ETag), by `setKey`. */
  readonly tokens: ReadonlyMap<string, string>;
}

/** Changes that are sent together. Where `capabilities.preconditions` is `atomic`, `fence` is written with them. */
export interface Batch {
  readonly groups: readonly ChangeGroup[];
  /** The change of the fence's TXT set; absent for a provider that does not fence by a record. */
  readonly fence?: SetChange;
  /** As `ZoneContent.tokens` when it was read. */
  readonly tokens: ReadonlyMap<string, string>;
}

export interface Capabilities {
  /**
   * - `atomic`: a batch is all or nothing, and every `before` must still be there exactly.
   * - `per-set`: each set is replaced only if it is as read; a batch may be applied in part.
   * - `none`: nothing is checked; the hub reads the zone again after writing, and repairs.
   */
  readonly preconditions: 'atomic' | 'per-set' | 'none';
  /** Why, with a link to the provider's documentation in the guide: one sentence. */
  readonly preconditionsWhy: string;
  readonly batch: {
    /** Sets deleted plus sets written in one request; a replacement may count as both. */
    readonly maxChanges: number;
    /** Cost of one set change against `maxChanges` and `maxOctets`. */
    readonly cost: (change: SetChange) => { readonly changes: number; readonly octets: number };
    readonly maxOctets: number;
  };
  /** Requests per second of an account that the provider allows, and how many at once after a pause. */
  readonly rate: { readonly perSecond: number; readonly burst: number };
  readonly ttl: { readonly minSeconds: number; readonly maxSeconds: number };
  /** What `compile` may keep natively; the rest with the reason (`Route 53 has no …`). Shown by `portolan provider check`. */
  readonly routing: readonly {
    readonly feature: FeatureReport['feature'];
    readonly native: boolean;
    readonly reason: string;
  }[];
  /** Health checks of its own, for deciders `native` and `both`; else why not. */
  readonly healthChecks: { readonly native: true } | { readonly native: false; readonly reason: string };
  /** Types beside A, AAAA and CNAME that `compile` makes at a hostname itself (`LUA`): ours to remove there. */
  readonly ownTypes?: readonly string[];
  /** Record types that cannot be written, with the reason. */
  readonly unsupportedTypes: readonly { readonly type: string; readonly reason: string }[];
  /** What a stale writer can still do here, for the guide and for people: one sentence. */
  readonly staleWriter: string;
}

export interface CompileInput {
  readonly placement: Placement;
  readonly zone: ProviderZone;
  readonly spec: DnsProviderSpec;
  /** Where names that only lead on may be made: `<label>.<poolSuffix>`. */
  readonly poolSuffix: DomainName;
}

export type { NativeCompilation } from '../src/plan/native-compilation.ts';

/** Health checks and profiles beside the zone. */
export interface Aids {
  /** Makes what is missing, finds what is there (by owner and key), and gives each key its id. Idempotent; never changes one in place. */
  ensure(specs: readonly AidSpec[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** Deletes those of this owner that `keep` does not name and that are older than a minute. Called after a plan was applied and read back. */
  collect(keep: ReadonlySet<string>, signal: AbortSignal): Promise<number>;
}

/** One thing `portolan provider check` found out. */
export interface CheckFinding {
  /** What was tried: `route53:ListHostedZones`, `UPDATE example.com`. */
  readonly subject: string;
  readonly ok: boolean;
  readonly message: string;
  /** What to type or grant; with `ok: false`. */
  readonly fix?: string;
}

/**
 * Why a provider did not do what it was asked, in terms the hub acts on.
 * - `throttled`: come back after `retryAfterMs`. - `busy`: another change is in flight. - `transient`: nothing was changed; again later.
 * - `ambiguous`: it may have been applied (an answer was lost, a 500): read before the next write.
 * - `conflict`: something of the batch is not as read. - `invalid`: the provider refuses a record for what it is; `group` when it says which.
 * - `denied`: credentials or permissions. - `gone`: the zone is not there. - `unsupported`: it cannot do this at all.
 */
export type ProviderFailure =
  | 'throttled'
  | 'busy'
  | 'transient'
  | 'ambiguous'
  | 'conflict'
  | 'invalid'
  | 'denied'
  | 'gone'
  | 'unsupported';

export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly failure: ProviderFailure;
  readonly retryAfterMs: number | undefined;
  /** Owned name whose record was refused, where the provider says so. */
  readonly group: DomainName | undefined;
  /** What a person can do; the table of codes has a general one. */
  readonly fix: string | undefined;

  constructor(
    failure: ProviderFailure,
    message: string,
    details: {
      readonly retryAfterMs?: number | undefined;
      readonly group?: DomainName | undefined;
      readonly fix?: string | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(tame(message), { cause: isUnfit(details.cause) ? undefined : details.cause });
    this.failure = failure;
    this.retryAfterMs = details.retryAfterMs;
    this.group = details.group;
    this.fix = details.fix;
  }

  /** The same message and fix, as the failure of a provider. `set` is the one it is about, and goes before the message. */
  static from(
    failure: ProviderFailure,
    thrown: unknown,
    set?: Pick<RecordSet, 'name' | 'type'>,
  ): ProviderError {
    const cause = PortolanError.from(thrown);
    const about = set === undefined ? '' : `${set.name} ${set.type}: `;
    return new ProviderError(failure, `${about}${cause.message}`, {
      group: set?.name,
      fix: cause.fix,
      cause,
    });
  }
}

/** What servers say goes into statuses, logs and terminals: a server that says a book, or moves the cursor, is not quoted to the letter. */
const MAX_MESSAGE = 2_000;
// Control characters, and those that turn the direction of text.
const UNPRINTABLE = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]+/gu;

// I33: proxies and debugging servers answer with what they were sent.
const BEARER = /\b(Bearer\s+)[\w.~+/=-]+/gi;
const PROOF = /\b((?:client_secret|client_assertion|assertion|subject_token)=)[^&\s"']+/g;

function tame(message: string): string {
  const short = message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE)}…`;
  return short.replace(BEARER, '$1***').replace(PROOF, '$1***').replace(UNPRINTABLE, ' ');
}

/** Logs say what causes say: one that would say what the message must not is left out. */
function isUnfit(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  const { message } = cause;
  return message.length > MAX_MESSAGE || message.search(BEARER) >= 0 || message.search(PROOF) >= 0;
}
