/** One admitted request, for accounts: counted, collected per minute, reported to the hub in batches (I34). */
export interface UsageHit {
  readonly namespace: string;
  readonly principal: string;
  readonly keyId: string | undefined;
  /** `namespace/name` of the route. */
  readonly route: string;
  /** `hits`, or the name of a metric a limit counts. */
  readonly metric: string;
  readonly amount: number;
  readonly wallMs: number;
}

/** Synchronous and cheap: adds to a counter in memory. */
export interface UsageSink {
  count(hit: UsageHit): void;
}
