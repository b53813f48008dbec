import type { Principal } from '../auth/contract.ts';
import type { GatewayRequest } from '../request.ts';

/** What is known of a request when it is over; one per request, refused ones included. */
export interface ExchangeRecord {
  /** Undefined when it could not be parsed or normalised. */
  readonly request: GatewayRequest | undefined;
  /** Id of the listener, `namespace/gateway/listener`. */
  readonly listener: string;
  /** Id of the rule; empty: none matched. */
  readonly rule: string;
  /** `namespace/name` of the route; empty: none matched. */
  readonly route: string;
  readonly principal: Principal | undefined;
  readonly status: number;
  /** Code of our own refusal or failure; empty when the backend answered. */
  readonly code: string;
  /** Name of the limit that refused it; absent or empty: none did. */
  readonly limit?: string;
  /** Octets of bodies. */
  readonly received: number;
  readonly sent: number;
  readonly startMs: number;
  /** Monotonic instants, milliseconds; 0: never happened. */
  readonly authorisedMs: number;
  /** Of the backend's answer. */
  readonly firstByteMs: number;
  readonly endMs: number;
  readonly backend: string;
  readonly endpoint: string;
  readonly retries: number;
  /** W3C trace id and our own span id, hex. */
  readonly traceId: string;
  readonly spanId: string;
}

export interface Telemetry {
  ended(record: ExchangeRecord): void;
}
