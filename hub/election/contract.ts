/** Who leads, as far as this process knows. It only says who should try: the store's epoch keeps what is safe. */
export interface Election {
  readonly leads: boolean;
  /** Tries once. Resolves to whether this hub leads now; rejects when nobody answered. */
  attempt(): Promise<boolean>;
  /** Goes on by itself: tries to lead, renews while it does. */
  start(): void;
  /** The lead may be free: tries now. */
  nudge(): void;
  /** In the transaction that takes the store's epoch. Rejects with NOT_LEADER when the lead is no longer this hub's. */
  readonly mayLead?: (run: LeaseQuery) => Promise<void>;
  /** Tries no more, and gives the lead back if it has it. Safe to call twice. */
  close(): Promise<void>;
}

/** One statement in somebody else's transaction. */
export type LeaseQuery = (
  text: string,
  values: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

export interface ElectionEvents {
  /** Once: this hub leads from now on. */
  readonly onLead: () => void;
  /** Once: it did, and must act no more. */
  readonly onLost: (reason: string) => void;
}

export interface ElectionClock {
  readonly monotonicMs: () => number;
  /** Calls back after a time; the result cancels. */
  readonly after: (delayMs: number, task: () => void) => () => void;
}
