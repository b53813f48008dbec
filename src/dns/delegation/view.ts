import type { DomainName } from '../name.ts';
import type { Message } from '../wire/message.ts';

/** What came of one question to one server. */
export type Reply =
  | { readonly kind: 'message'; readonly message: Message; readonly octets: number }
  /** Nothing usable; `here` when the question could not even leave this machine (no IPv6, no route). */
  | { readonly kind: 'none'; readonly detail: string; readonly here: boolean };

/** One address of a server, and what it is called. */
export interface ServerAddress {
  readonly name: DomainName;
  readonly address: string;
  readonly port: number;
}

/** A server of the zone above, asked about the zone. */
export interface ParentServer extends ServerAddress {
  /** NS of the zone: a referral. */
  readonly referral: Reply;
  /** DS of the zone, with DO. */
  readonly ds: Reply;
}

/** A server that the parent, the zone or the hub names for the zone; each question over UDP unless it says otherwise. */
export interface ZoneServer extends ServerAddress {
  /** SOA with EDNS (1232 octets) and a client cookie. */
  readonly udp: Reply;
  /** SOA over TCP. */
  readonly tcp: Reply;
  /** NS over TCP where TCP answers. */
  readonly ns: Reply;
  /** A and AAAA of each name server in the zone. */
  readonly addresses: readonly { readonly name: DomainName; readonly replies: readonly Reply[] }[];
  /** SOA with EDNS version 1, which does not exist. */
  readonly ednsVersion: Reply;
  /** SOA of the parent zone, with RD: somebody else's name. */
  readonly recursion: Reply;
  /** Over TCP with DO. */
  readonly keys: Reply;
  readonly signedSoa: Reply;
  readonly cds: Reply;
}

/** Everything that was seen of a delegation; judged without asking anybody. */
export interface DelegationView {
  readonly zone: DomainName;
  /** `undefined` when it could not be found, and for the root. */
  readonly parentZone: DomainName | undefined;
  /** Why there is no parent to ask. */
  readonly parentProblem?: string | undefined;
  readonly parents: readonly ParentServer[];
  readonly servers: readonly ZoneServer[];
  /** Names of servers without any address. */
  readonly unresolved: readonly DomainName[];
  /** What the hub says the zone is to be. */
  readonly wanted?: WantedZone | undefined;
  /** The client cookie that was sent. */
  readonly cookie: Uint8Array;
  readonly nowSeconds: number;
}

export interface WantedZone {
  readonly nameServers: readonly { readonly name: DomainName; readonly addresses: readonly string[] }[];
  /** Absent before it is served. */
  readonly serial?: number | undefined;
  readonly signed: boolean;
  /** Name servers of the hub and its agents that are not up to date, each in a sentence. */
  readonly lagging: readonly string[];
}
