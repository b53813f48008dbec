import type { ErrorCode } from '../src/errors/table.ts';
import type { CounterNews } from '../src/telemetry/counters.ts';
import type { SharedProtection } from './protection.ts';
import type { NameServerSettings } from './settings.ts';
import type { StatesUpdate } from './state-replica.ts';
import type { TableImage } from './table-image.ts';

/*
 * What the process's own thread and its name server threads say to each other. Both come from the same release, so the shapes
 * need no versions.
 */

/** What a thread begins with. */
export interface ThreadStart {
  /** Ports are chosen already. */
  readonly listen: readonly { readonly host: string; readonly port: number }[];
  readonly settings: NameServerSettings;
  /** Rate limits and cookies, common to all threads. */
  readonly protection: SharedProtection;
  readonly table: TableMessage;
  readonly states: StatesUpdate;
}

export interface TableMessage {
  readonly type: 'table';
  /** Grows with each table; the thread acknowledges it. */
  readonly version: number;
  /** Absent: nothing to answer from yet. */
  readonly image?: TableImage;
}

export type ToThread =
  | TableMessage
  | { readonly type: 'states'; readonly update: StatesUpdate }
  /** A batch of the query log was taken. */
  | { readonly type: 'queryLogTaken' }
  | { readonly type: 'close' };

export type FromThread =
  | { readonly type: 'listening' }
  | {
      readonly type: 'failed';
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly fix: string };
    }
  /** Every query that arrives from now on is answered from the table of this version. */
  | { readonly type: 'tableServed'; readonly version: number }
  | { readonly type: 'tableFailed'; readonly version: number; readonly message: string }
  | { readonly type: 'statesHeld' }
  | { readonly type: 'counters'; readonly news: CounterNews }
  | { readonly type: 'queryLog'; readonly octets: Uint8Array; readonly records: number }
  | { readonly type: 'warning'; readonly message: string; readonly details: string };
