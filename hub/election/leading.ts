import type { Kysely } from 'kysely';
import type { ServedTable } from '../../nameserver/service.ts';
import type { StateViewInput } from '../../src/health/state-view.ts';
import type { DataDirectory } from '../data-dir.ts';
import type { PublicationStore } from '../store/publication.ts';
import type { Tables } from '../store/schema.ts';
import type { PublicationWriter } from './publication-writer.ts';

/** One of the hubs of a database, as people see it. */
export interface HubMember {
  readonly identity: string;
  readonly role: 'leader' | 'standby';
  readonly version: string;
  /** That the leader took; that the standby knows of. */
  readonly epoch: number;
  /** Of its API, for other hubs. */
  readonly api: string;
  /** RFC 3339. */
  readonly startedAt: string;
  /** Milliseconds since it was heard; they say something every second. */
  readonly heardAgoMs: number;
}

/** A name server of a hub that stands by. */
export interface StandbyNameServer {
  /** `hub/<identity>` */
  readonly id: string;
  /** `host:port` */
  readonly addresses: readonly string[];
  /** Content sequence it answers from; 0: it says SERVFAIL. */
  readonly sequence: number;
}

/** What a hub answered DNS from while it stood by. */
export interface AnsweredBefore {
  readonly served: ServedTable;
  readonly states: StateViewInput;
}

/** What a hub that was elected has from its election. A hub without one is alone. */
export interface Leading {
  /** Stays the caller's. */
  readonly data: DataDirectory;
  /** In the transaction that takes the epoch. Rejects with NOT_LEADER. */
  readonly mayLead?: (tx: Kysely<Tables>) => Promise<void>;
  /** The store refused a write: another hub took a higher epoch. This one must act no more. */
  readonly onOvertaken: (reason: string) => void;
  /** Lets go of the addresses that this process has listened on while it stood by. Resolves to what it answered there. */
  readonly freeAddresses: () => Promise<AnsweredBefore | undefined>;
  readonly publish: (store: PublicationStore, states: () => StateViewInput) => PublicationWriter;
  readonly hubs: () => readonly HubMember[];
  /** Where agents reach the others, which give them to this one: `host:port`, `https://host:port`. */
  readonly otherLinks: () => readonly string[];
  readonly otherJoinUrls: () => readonly string[];
  /** The client's address, where a hub that stands by has passed the request on. */
  readonly passedOnFor: (request: Request) => string | undefined;
  readonly standbyNameServers: () => readonly StandbyNameServer[];
}
