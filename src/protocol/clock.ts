/** Time as the links use it; real in programs, virtual in tests. */
export interface LinkClock {
  /** Milliseconds since the epoch. */
  wallMs(): number;
  /** Milliseconds that never go back; their zero means nothing. */
  monotonicMs(): number;
  /** Runs `task` once after `delayMs`; the returned function takes it back. */
  after(delayMs: number, task: () => void): () => void;
}
