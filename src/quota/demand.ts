/** Hits a second, smoothed, and what is needed of them. */

/** What `perSecond` may take in so long: the expected hits and twice their deviation. */
export function needFor(perSecond: number, ms: number): number {
  const expected = (perSecond * ms) / 1_000;
  return expected + 2 * Math.sqrt(expected);
}

/** No key is remembered for longer than some of these. */
const LONGEST_MEMORY_MS = 20_000;

/**
 * Demand after `hits` more in `elapsedMs`. Rare hits are smoothed over more time than frequent ones, which would jump.
 * @param before undefined: there is no earlier figure
 * @param windowMs of the limit: a third of it is enough memory
 */
export function smoothDemand(
  before: number | undefined,
  hits: number,
  elapsedMs: number,
  intervalMs: number,
  windowMs: number,
): number {
  if (before === undefined) return (hits * 1_000) / Math.max(elapsedMs, intervalMs);
  const most = Math.min(LONGEST_MEMORY_MS, Math.max(2 * intervalMs, windowMs / 3));
  const memoryMs = Math.max(intervalMs, Math.min(12_000 / Math.max(before, 1e-9), most));
  const weight = -Math.expm1(-elapsedMs / memoryMs);
  return before * (1 - weight) + ((hits * 1_000) / Math.max(elapsedMs, 1e-3)) * weight;
}
