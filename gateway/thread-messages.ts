import type { ErrorCode } from '../src/errors/table.ts';
import type { GatewaySecrets } from '../src/policy/model.ts';
import type { GatewayFrame } from '../src/policy/pieces.ts';
import type { CounterNews } from '../src/telemetry/counters.ts';
import type { AuthorizationSettings } from './external/listeners.ts';
import type { SharedKeys } from './keys/layout.ts';
import type { KeySearchAnswer } from './keys/search.ts';
import type { QuotaSettled, QuotaWant, SharedQuota } from './quota/contract.ts';
import type { BoundPort } from './server.ts';
import type { FileCertificate } from './tls/contract.ts';
import type { ServiceEndpoints } from './upstream/service-endpoints.ts';
import type { UsageCount } from './usage/usage-counts.ts';

/*
 * What the process's own thread and its gateway threads say to each other. Both come from the same release, so the shapes need
 * no versions.
 */

/** What a thread begins with. */
export interface GatewayThreadStart {
  /** Ranges that backends, key sets and the like may lie in although they are loopback, link-local or metadata (I32). */
  readonly allowedRanges: readonly string[];
  /** The API keys of the cluster. */
  readonly keys: SharedKeys | undefined;
  /** `findKey` is answered. */
  readonly findsKeys: boolean;
  /** Absent: standard output. */
  readonly accessLogFile: string | undefined;
  /** Where other proxies ask. */
  readonly authorization: AuthorizationSettings;
  readonly ticketKeys: Uint8Array;
  readonly files: readonly FileCertificate[];
  readonly configuration: ConfigurationMessage;
  /** Of Kubernetes Services, what is known. */
  readonly endpoints: ServiceEndpoints;
}

export interface ConfigurationMessage {
  readonly type: 'configuration';
  /** Grows with each; the thread acknowledges it. */
  readonly version: number;
  /** Without the ports that are not bound here. */
  readonly frame: GatewayFrame;
  /** Bytes by SHA-256 of those pieces that the message before did not name; of all, for a thread that begins. All threads share them. */
  readonly pieces: ReadonlyMap<string, SharedArrayBuffer>;
  /** Absent: those of the message before. */
  readonly secrets: GatewaySecrets | undefined;
  /** Where the ports are to be bound: chosen already. */
  readonly ports: readonly BoundPort[];
  /** A GeoIP database; absent when no rule of the part asks where clients are. */
  readonly geo: SharedArrayBuffer | undefined;
  /** The table of the limits' tokens; absent: nothing is limited, and never was. */
  readonly quota: SharedQuota | undefined;
}

export type ToGatewayThread =
  | ConfigurationMessage
  /** Of Kubernetes Services, what is otherwise. */
  | { readonly type: 'endpoints'; readonly changed: ServiceEndpoints }
  | { readonly type: 'files'; readonly files: readonly FileCertificate[] }
  | { readonly type: 'ticketKeys'; readonly keys: Uint8Array }
  | { readonly type: 'reopenLogs' }
  | { readonly type: 'foundKey'; readonly id: number; readonly found: KeySearchAnswer }
  /** Answers to `quotaWants`. */
  | { readonly type: 'quotaSettled'; readonly settled: readonly QuotaSettled[] }
  | { readonly type: 'close'; readonly graceMs: number };

export type FromGatewayThread =
  /** Every request that arrives from now on is routed by this version. */
  | {
      readonly type: 'served';
      readonly version: number;
      /** Listeners that are not served and why; by id. */
      readonly problems: readonly (readonly [listener: string, reason: string])[];
    }
  | {
      readonly type: 'failed';
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly fix: string };
    }
  | { readonly type: 'counters'; readonly news: CounterNews }
  /** A key that the table does not have, by the hub's digest. */
  | { readonly type: 'findKey'; readonly id: number; readonly digest: string }
  /** Keys of limits without tokens in the table. */
  | { readonly type: 'quotaWants'; readonly wants: readonly QuotaWant[] }
  /** The machine was paused. @see QuotaSupervisor.paused */
  | { readonly type: 'quotaPaused'; readonly breaks: number }
  /** Hits since the last time. */
  | { readonly type: 'usage'; readonly counts: readonly UsageCount[] }
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warn';
      readonly message: string;
      readonly details: Readonly<Record<string, string | number>>;
    };
