import type { ParentDs, ParentView } from './parent-view.ts';

/** Key-signing (signs the DNSKEY set, named by the parent's DS) or zone-signing (signs everything else). */
export type KeyRole = 'ksk' | 'zsk';

export type KeyState = 'published' | 'ready' | 'active' | 'retired';

export type ZonePhase = 'signing' | 'awaiting-ds' | 'signed' | 'unsigning' | 'unsigned';

/** One key of a zone; its private half lies elsewhere, under `id`. Instants are wall-clock milliseconds. */
export interface ZoneKey {
  readonly id: string;
  readonly keyTag: number;
  readonly role: KeyRole;
  readonly state: KeyState;
  readonly createdAtMs: number;
  /** When it came into this state. */
  readonly sinceMs: number;
  /** Revision that name servers have to have for its next step. */
  readonly revision: number;
  /** When every name server was first seen with that revision. */
  readonly spreadAtMs?: number;
  /** What the parent may publish for it: digests of one key. Empty for a zone-signing key. */
  readonly ds: readonly ParentDs[];
  /** Since when every server of the parent has a DS of it. */
  readonly dsSeenAtMs?: number;
  /** A person said so. */
  readonly dsConfirmed?: boolean;
}

/** Everything of a zone's signing that has to outlive the hub, but for private keys. JSON-safe. */
export interface RolloverState {
  readonly phase: ZonePhase;
  readonly sinceMs: number;
  /** Grows with every change of what name servers get. */
  readonly revision: number;
  readonly keys: readonly ZoneKey[];
  /** The longest TTL that a cache may hold anything of the zone with; `lowered` is on its way to take its place. */
  readonly ttl: {
    readonly seconds: number;
    readonly lowered?: { readonly seconds: number; readonly revision: number; readonly spreadAtMs?: number };
  };
  /** Name servers that a person has left behind, until they are heard again. */
  readonly excused: readonly string[];
  /** Longest TTL that was seen of the parent's DS set. */
  readonly dsTtlSeconds?: number;
  /** The newest view of the parent that went into this. */
  readonly parentSeenAtMs?: number;
  /** While unsigning: since when no server of the parent has a DS. */
  readonly dsGoneAtMs?: number;
  /** While unsigning: what servers have to have to ask the parent for no DS any more, and when every one had it. */
  readonly farewell?: {
    readonly revision: number;
    readonly spreadAtMs?: number;
    /** A DS was seen at the parent since: none can be on its way there. */
    readonly dsShown?: boolean;
  };
}

/** A name server that serves the zone, or did when it was last heard. */
export interface SigningServer {
  /** `hub` or `agent/<uid>`. */
  readonly id: string;
  /** The newest revision of this zone it is known to serve; 0 when nothing is known. */
  readonly revision: number;
}

/** What is seen at one moment. */
export interface RolloverInput {
  /** Wall clock. */
  readonly nowMs: number;
  /** The zone is to be signed. */
  readonly wanted: boolean;
  readonly zskLifetimeMs: number;
  /** The longest TTL of anything in the zone as it is published now, the DNSKEY set and negative answers included. */
  readonly longestTtlSeconds: number;
  /** What servers that copy the zone (AXFR) may lag behind: SOA refresh and retry; 0 when nobody does. */
  readonly copyDelayMs: number;
  readonly servers: readonly SigningServer[];
  /** The newest look at the parent; `undefined` before the first. */
  readonly parent: ParentView | undefined;
}

/** Makes a key pair and keeps it; impure, so it is given. */
export type NewKey = (role: KeyRole) => Pick<ZoneKey, 'id' | 'keyTag' | 'ds'>;

/** What a step waits for. */
export type Wait =
  | {
      readonly for: 'servers';
      /** Ids; empty when what is to be served has not been published yet. */
      readonly servers: readonly string[];
      readonly sinceMs: number;
    }
  | { readonly for: 'time'; readonly untilMs: number }
  | {
      readonly for: 'parent';
      readonly what: 'ds' | 'no-ds';
      readonly keyTag?: number;
      readonly sinceMs: number;
    };

export interface RolloverEvent {
  readonly type:
    | 'SigningStarted'
    | 'Signed'
    | 'RolloverStarted'
    | 'KeyActive'
    | 'KeyRemoved'
    | 'DSExpected'
    | 'DSSeen'
    | 'DSLost'
    | 'DSConfirmed'
    | 'UnsigningStarted'
    | 'UnsigningStopped'
    | 'Unsigned'
    | 'ServersLeftBehind';
  readonly keyTag?: number;
  readonly message: string;
}

/** TTL that is assumed of a DS set that was never seen: what the biggest registries use, twice. */
export const UNKNOWN_DS_TTL_SECONDS = 172_800;

/** Servers that are not known to serve `revision` yet, but for those left behind on purpose. */
export function lagging(
  state: Pick<RolloverState, 'excused'>,
  input: Pick<RolloverInput, 'servers'>,
  revision: number,
): readonly string[] {
  return input.servers
    .filter((server) => server.revision < revision && !state.excused.includes(server.id))
    .map((server) => server.id);
}

/** One zone, one look: what follows from what is seen, and what happened. A state without any change comes back as it was. */
export interface Advance {
  readonly state: RolloverState;
  readonly events: readonly RolloverEvent[];
}
