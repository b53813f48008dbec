import type { DomainName } from '../../../src/dns/name.ts';

/** What the API refuses, with the status and reason it has for it. */
export class Refused extends Error {
  readonly status: number;
  readonly reason: string;
  readonly location: string | undefined;

  constructor(status: number, reason: string, message: string, location?: string) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.location = location;
  }
}

/** https://cloud.google.com/dns/quotas */
export const LIMITS = {
  rrsetAdditionsPerChange: 1000,
  rrsetDeletionsPerChange: 1000,
  totalRrdataSizePerChange: 100_000,
  rrsetsPerManagedZone: 10_000,
  resourceRecordsPerRrset: 100,
  itemsPerRoutingPolicy: 100,
  nameserversPerDelegation: 8,
} as const;

/** What rules depend on besides the records. */
export interface ZoneFacts {
  readonly origin: DomainName;
  readonly private: boolean;
  /** DNSSEC is on. */
  readonly signed: boolean;
  /** `selfLink`s of health checks that exist. */
  readonly healthChecks: ReadonlySet<string>;
}
