import type { ClientAddress } from './client.ts';
import type { DomainName } from './name.ts';
import type { Rdata } from './records/catalogue.ts';
import type { RRset } from './rrset.ts';

/** A name whose answer depends on who asks and on what is healthy. Must be safe to call at any rate and never block. */
export interface RoutedName {
  /**
   * The types that can exist here: A, AAAA, or CNAME. With CNAME the callback is asked for every type, because an alias
   * stands for all of them, and no static record can stand beside it.
   */
  readonly types: ReadonlySet<number>;
  answer(query: RoutedQuery): RoutedAnswer;
  /**
   * What stands at this name in a copy of the zone that cannot route (a secondary by zone transfer): the same whatever is
   * healthy and whoever asks, and safe for residency. Absent: the copy has no such name.
   */
  readonly fallback?: () => readonly StaticSet[];
  /** How the answer to this query can be given again without asking; `undefined` when it cannot. Not for every query: it takes long. */
  readonly repeat?: (query: RoutedQuery) => Repeat | undefined;
}

/** An answer that a server may keep and draw again by itself: as one more call of `answer` would. */
export interface Repeat {
  readonly moment: RoutingMoment;
  /** It holds while `moment.epoch()` is this. */
  readonly epoch: number;
  /** Clients for whom it holds; `undefined`: all of them, with the ECS scope 0. */
  readonly class: { readonly of: ClientClasses; readonly number: number } | undefined;
  /** One of them is the answer, in proportion to the weights. All are compiled. */
  readonly sets: readonly RRset[];
  readonly weights: readonly number[];
}

/** Numbers the classes of clients that names with the same rules tell apart. Shared by all of them, and never numbered anew. */
export interface ClientClasses {
  /** By the number of a place: the number of the class, from 1; 0: not known yet. */
  readonly byPlace: Uint8Array;
}

/** What all routed names of one server have in common at one moment. */
export interface RoutingMoment {
  /** Another number when answers may be others; -1: nothing may be kept or drawn again now. */
  epoch(): number;
  /** Finds out `place` and `scope` of a client. */
  locate(client: ClientAddress): void;
  /** Number of the place last located; -1 when there is none for it. */
  readonly place: number;
  /** ECS scope of the place last located, for an answer that goes by it. */
  readonly scope: number;
  /** Uniform in [0, 1). */
  random(): number;
}

/** Records of one type for a copy of the zone. */
export interface StaticSet {
  readonly type: number;
  readonly ttlSeconds: number;
  readonly records: readonly Rdata[];
}

export interface RoutedQuery {
  /** The name asked for: below a wildcard, not the wildcard itself. */
  readonly name: DomainName;
  readonly type: number;
  readonly client: ClientAddress;
}

export interface RoutedAnswer {
  /** Seconds until the earliest change this answer could see; also bounds a negative answer. */
  readonly ttlSeconds: number;
  /**
   * The TTL that answers of this name have when no change is near; at least `ttlSeconds`, which is its default. Signatures
   * are over this one, so that they serve for every lower TTL.
   */
  readonly fullTtlSeconds?: number;
  /** `records` with `ttlSeconds`, where that was compiled before. */
  readonly set?: RRset | undefined;
  /** In the order to answer: addresses of the type asked for, or one CNAME; none means NODATA. */
  readonly records: readonly Rdata[];
  /** Bits of the client's network over which this decision is the same (RFC 7871 section 7.2.1); 0: the same for everyone. */
  readonly ecsScope: number;
}
