import type { GatewayPart, GatewaySecrets } from '../src/policy/model.ts';
import type { Authorizer } from './auth/contract.ts';
import type { QuotaGate } from './quota/contract.ts';
import type { PreparedQuota } from './quota/limits.ts';
import type { ExchangeRecord } from './telemetry/contract.ts';
import type { Upstreams } from './upstream/contract.ts';
import type { UsageSink } from './usage/contract.ts';

/** Where one port of a Gateway is bound: the agent's configuration maps what Gateways say to what the machine has. */
export interface BoundPort {
  /** As the Gateway says. */
  readonly port: number;
  readonly host: string;
  /** Bound; 0 before, when the system chooses. */
  readonly boundPort: number;
}

/** Everything one gateway thread is built from; the rest of its configuration comes with `serve`. */
export interface GatewayServerDeps {
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
  /** How often clients that stopped sending or taking are looked for, milliseconds; default 1,000. */
  readonly sweepMs?: number;
  readonly random: () => number;
  readonly authorizer: Authorizer;
  /** Called anew for each configuration; pools of backends that stay the same go on. */
  readonly upstreams: (part: GatewayPart, secrets: GatewaySecrets) => Upstreams;
  readonly telemetry: { ended(record: ExchangeRecord): void };
  readonly usage: UsageSink;
  /** Absent: nothing is limited. */
  readonly quota?: {
    readonly gate: QuotaGate;
    /** Of the configuration that `serve` was called with. */
    readonly policies: () => ReadonlyMap<string, PreparedQuota>;
  };
  /** ISO country of an address, for residency; undefined: not known. */
  readonly country: (address: string) => string | undefined;
  /** Octets held of answers that clients do not take; default 64 MiB. */
  readonly maxUntakenOctets?: number;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** A gateway in one thread. */
export interface GatewayServer {
  /**
   * Routes by this configuration from now on; a request keeps the one it began with. Ports that stay keep their connections, new ones
   * are bound, those that are gone finish their requests. Resolves with the listeners that cannot be served and why; never half-applied:
   * what cannot be bound does not keep the rest from serving.
   */
  serve(part: GatewayPart, secrets: GatewaySecrets): Promise<ReadonlyMap<string, string>>;
  readonly bound: readonly BoundPort[];
  /** Stops accepting, lets requests finish up to `graceMs`, then cuts them. */
  close(graceMs: number): Promise<void>;
}
