/** Exponential back-off with full jitter: the whole delay is drawn, so that clients cut off together come back apart. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
}

/** Links between hub and agents, and between agents. */
const LINK_BACKOFF: BackoffOptions = { baseMs: 250, capMs: 8_000 };

/** Below this a refused connection would be tried in a tight loop when the draw is low. */
const FLOOR_MS = 10;

/** Delay before the next try after `failures` (≥ 1) in a row; `random` gives [0, 1). Milliseconds. */
export function backoffDelayMs(
  failures: number,
  random: () => number,
  options: BackoffOptions = LINK_BACKOFF,
): number {
  const ceiling = Math.min(options.capMs, options.baseMs * 2 ** Math.max(0, failures - 1));
  return Math.max(FLOOR_MS, Math.floor(random() * ceiling));
}
