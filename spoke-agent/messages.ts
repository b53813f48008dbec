import type { KeySearchAnswer } from '../gateway/keys/search.ts';
import type { UsageCount } from '../gateway/usage/usage-counts.ts';
import type { TargetMemory } from '../src/health/types.ts';
import type { QuotaReply, QuotaRequest } from '../src/quota/messages.ts';
import type { AgentConfig } from './config.ts';
import type { KeysMessage } from './credentials/messages.ts';
import type { EndpointsMessage, UsedServicesMessage } from './endpoints/messages.ts';

/*
 * What the two processes of an agent say to each other (child process IPC, JSON). Both come from the same release, so the
 * shapes need no versions; durations instead of instants, since each has its own monotonic clock.
 */

/** One target: id, state (u up, d down, ? unknown), degraded, earliest change, changed ago, flaps, recovering for (-1: not), since (wall). */
export type TargetTuple = readonly [
  id: string,
  state: 'u' | 'd' | '?',
  degraded: 0 | 1,
  earliestChangeMs: number,
  changedAgoMs: number,
  flaps: number,
  recoveringForMs: number,
  sinceWallMs: number,
];

/** One drain: cluster, drained for, ends in (-1: until taken back; below zero else: ended so long ago), is a lease. */
export interface DrainMessage {
  readonly cluster: string;
  readonly drainedForMs: number;
  readonly endsInMs?: number;
  readonly leased: boolean;
}

export interface StatesMessage {
  readonly type: 'states';
  /** True: targets that are not named are no longer there. False: the others stand. */
  readonly complete: boolean;
  readonly source: 'hub' | 'quorum';
  readonly epoch: number;
  readonly targets: readonly TargetTuple[];
  /** The whole set, when it changed. */
  readonly drains?: readonly DrainMessage[];
  readonly hubHeardAgoMs: number;
}

/** What the data process keeps on disk of the last states, so that either process can start from it. */
export interface SavedStates {
  readonly savedAtWallMs: number;
  readonly epoch: number;
  readonly targets: readonly TargetTuple[];
  readonly drains: readonly DrainMessage[];
  readonly hubHeardAgoMs: number;
  readonly lastHealthy: readonly (readonly [key: string, endpoints: readonly string[]])[];
}

/** Where the gateway of the data process answers, and what of it does not. */
export interface GatewayFacts {
  /** `scheme://host:port` */
  readonly gateways: readonly string[];
  /** By id of the listener. */
  readonly gatewayProblems: Readonly<Record<string, string>>;
}

/** How it goes with the Kubernetes cluster around the agent. */
export interface KubernetesFacts {
  /** The hub has all of it. */
  readonly complete: boolean;
  /** This agent writes statuses. */
  readonly writesStatuses: boolean;
  readonly objects: Readonly<Record<string, number>>;
  readonly problems: readonly { readonly resource: string; readonly message: string }[];
}

export type ToControl =
  | ({
      readonly type: 'start';
      readonly config: AgentConfig;
      /** Addresses the name server answers on, `host:port`. */
      readonly nameServers: readonly string[];
      /** Hash of the snapshot the data process serves; empty: none. */
      readonly serving: string;
      readonly remembered?: SavedStates;
      /** Kubernetes Services that the gateway uses, `namespace/name:port`. */
      readonly services: Pick<UsedServicesMessage, 'used' | 'watched'>;
    } & GatewayFacts)
  /** The data process serves this snapshot now, or why it does not. */
  | ({ readonly type: 'serving'; readonly hash: string; readonly error?: string } & GatewayFacts)
  /** The same snapshot, and the gateway is otherwise: it began, or a port became free. */
  | ({ readonly type: 'gateway' } & GatewayFacts)
  | { readonly type: 'metrics'; readonly id: number }
  /** A batch of the usage outbox for the hub; without a stream to it nothing happens, and it is given again. */
  | {
      readonly type: 'usage';
      readonly outbox: string;
      readonly sequence: number;
      readonly counts: readonly UsageCount[];
    }
  /** For the hub; without a stream to it nothing happens: what is said is cumulative, and said again. */
  | { readonly type: 'quota'; readonly request: QuotaRequest }
  | UsedServicesMessage
  /** A key that the table does not have, by the hub's digest. */
  | { readonly type: 'findKey'; readonly id: number; readonly digest: string }
  | { readonly type: 'stop' };

export type ToData =
  | { readonly type: 'running'; readonly peerAddress: string }
  /** A checked snapshot is on the disk. */
  | { readonly type: 'snapshot'; readonly path: string }
  /** Values of the Kubernetes cluster's Secrets on the disk are otherwise. */
  | { readonly type: 'clusterSecrets' }
  /** The GeoIP database the hub uses was fetched. */
  | { readonly type: 'geo'; readonly sha256: string }
  | StatesMessage
  | KeysMessage
  | EndpointsMessage
  | {
      readonly type: 'link';
      readonly hub: 'up' | 'down';
      readonly peers: number;
      /** For people; absent: it follows no Kubernetes cluster. */
      readonly kubernetes?: KubernetesFacts;
    }
  | { readonly type: 'foundKey'; readonly id: number; readonly found: KeySearchAnswer }
  /** The hub has this of an outbox, durably. */
  | { readonly type: 'usageAck'; readonly outbox: string; readonly sequence: number }
  | { readonly type: 'quota'; readonly reply: QuotaReply }
  | { readonly type: 'metrics'; readonly id: number; readonly text: string };

/** What the one-shot start of the control program (`bootstrap`) tells its parent. */
export type BootstrapReport =
  | {
      readonly ok: true;
      readonly config: AgentConfig;
      /** The newest snapshot on the disk that could be verified. */
      readonly snapshotPath?: string;
      readonly warnings: readonly string[];
    }
  | {
      readonly ok: false;
      readonly error: { readonly code: string; readonly message: string; readonly fix: string };
    };

const CODE = { up: 'u', down: 'd', unknown: '?' } as const;
const STATE = { u: 'up', d: 'down', '?': 'unknown' } as const;

export function toTuple(
  id: string,
  held: { readonly degraded: boolean; readonly earliestChangeMs: number; readonly memory: TargetMemory },
): TargetTuple {
  const { memory } = held;
  return [
    id,
    CODE[memory.state],
    held.degraded ? 1 : 0,
    Math.round(held.earliestChangeMs),
    Math.round(memory.changedAgoMs),
    memory.flaps,
    memory.recoveringForMs === undefined ? -1 : Math.round(memory.recoveringForMs),
    Math.round(memory.sinceWallMs),
  ];
}

/** The memory of a tuple, `elapsedMs` after it was made. */
export function memoryOfTuple(tuple: TargetTuple, elapsedMs: number): TargetMemory {
  const [, code, , , changedAgoMs, flaps, recoveringForMs, sinceWallMs] = tuple;
  return {
    state: STATE[code],
    sinceWallMs,
    changedAgoMs: changedAgoMs + elapsedMs,
    flaps,
    ...(recoveringForMs < 0 ? {} : { recoveringForMs }),
  };
}

export function stateOfTuple(tuple: TargetTuple): 'up' | 'down' | 'unknown' {
  return STATE[tuple[1]];
}
