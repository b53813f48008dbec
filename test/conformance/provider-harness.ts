import type { DnsReply } from '../../nameserver/ask.ts';
import type { Provider, ProviderKind, ProviderOptions, ProviderZone } from '../../providers/contract.ts';
import type { ClientAddress } from '../../src/dns/client.ts';
import type { DomainName } from '../../src/dns/name.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';
import type { ServerState } from '../support/servers.ts';
import type { BehaviourId } from './provider-behaviours.ts';

/**
 * What the conformance suite needs of a DNS provider and the server it talks to. One file each in `providers/`, listed in
 * `providers/index.ts`; the name is the column of the matrix.
 *
 *     export const bind: ProviderHarness = {
 *       name: 'rfc2136 (BIND)',
 *       kind: rfc2136,
 *       server: () => requireServer('named', 'provider rfc2136 (BIND)'),
 *       holes: {},
 *       start: async () => { … },
 *     };
 */
export interface ProviderHarness {
  readonly name: string;
  readonly kind: ProviderKind;
  /** Whether the server can run here; a fake of our own always can: `async () => HERE`. */
  server(): Promise<ServerState>;
  /**
   * Behaviours that this server cannot show, each with the reason: one sentence for the footnote of the matrix. What the provider
   * itself cannot do stands in its capabilities and needs no entry.
   */
  readonly holes: Readonly<Partial<Record<BehaviourId, string>>>;
  /**
   * Starts the server with one empty zone (apex NS and SOA are there). Called once for most of the suite, and again for each test
   * that breaks something for good.
   */
  start(): Promise<Running>;
}

/** A server of ours needs nothing on the machine. */
export const HERE: ServerState = { available: true, path: '' };

/** Something that a server may not have; then why. */
export type Possible<T> = T | { readonly why: string };

export function isPossible<T extends object>(value: Possible<T>): value is T {
  return !('why' in value);
}

export interface Running {
  readonly spec: DnsProviderSpec;
  /** As `zones()` has to give it. */
  readonly zone: ProviderZone;
  /**
   * Opens the provider for this server with working credentials. What is not overridden: `turn` lets everything pass, `clock` is real,
   * `guard` allows loopback, `owner` is `conformance`.
   */
  open(overrides?: Partial<ProviderOptions>): Promise<Provider>;
  /** What an authoritative server of the zone answers now, by DNS; `from` is sent as EDNS client subnet. */
  readonly ask: Possible<(name: DomainName, type: string, from?: ClientAddress) => Promise<DnsReply>>;
  /** An edit of somebody else, past our client: makes the set or replaces the one with the same key. */
  writeForeign(set: RecordSet): Promise<void>;
  deleteForeign(set: RecordSet): Promise<void>;
  /** Makes so many more zones (`zone-0.example` …), so that listing them takes more than one page where there are pages. */
  readonly addZones: Possible<(count: number) => Promise<void>>;
  /** Requests so far, as the server counts them, by the action that `turn` names. */
  readonly requests: Possible<() => ReadonlyMap<string, number>>;
  readonly faults: Faults;
  /** Another verdict of the provider's own health checks for an address; for deciders `native` and `both`. */
  readonly setHealth: Possible<(address: string, up: boolean) => Promise<void>>;
  /** The n-th address that a record or endpoint may have here; default: of 192.0.2.0/24. */
  address?(n: number): string;
  /** Addresses of type AAAA; default: of 2001:db8::/32. */
  address6?(n: number): string;
  close(): Promise<void>;
}

/** What goes wrong at a provider. All act on requests that begin afterwards; those with a value are undone with 0. */
export interface Faults {
  /** Milliseconds that every answer comes late. */
  readonly latency: Possible<(delayMs: number) => void>;
  /** Share of requests, 0 to 1, that are refused for being too many. */
  readonly throttle: Possible<(share: number) => void>;
  /** The next change is applied, and its answer never arrives (a 500, or the connection breaks). */
  readonly loseNextAnswer: Possible<() => void>;
  /** The credentials stop working. */
  readonly revoke: Possible<() => Promise<void> | void>;
  /** The zone is deleted. */
  readonly deleteZone: Possible<() => Promise<void> | void>;
}
