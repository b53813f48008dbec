/** The longest that a CA is believed: a slot of a limit of seven days is free again by then. */
export const MAX_RETRY_AFTER_MS = 7 * 86_400_000;

/**
 * Retry-After (RFC 9110 section 10.2.3) as milliseconds: seconds, or an HTTP date less the answer's own `Date`, so that a wrong clock of ours
 * does no harm. Never negative, at most `maxMs`.
 * @param nowMs NaN: not known, so that a date without `Date` cannot be read
 * @returns undefined when there is none, or it cannot be read
 */
export function retryAfterMs(
  headers: { readonly 'retry-after'?: string | undefined; readonly date?: string | undefined },
  nowMs: number,
  maxMs = MAX_RETRY_AFTER_MS,
): number | undefined {
  const text = headers['retry-after']?.trim();
  if (text === undefined || text === '') return undefined;
  const bounded = (ms: number): number => Math.min(Math.max(ms, 0), maxMs);
  if (/^\d+$/.test(text)) return bounded(Number(text) * 1000);
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) return undefined;
  const theirNowMs = Date.parse(headers.date ?? '');
  const waitMs = atMs - (Number.isNaN(theirNowMs) ? nowMs : theirNowMs);
  return Number.isNaN(waitMs) ? undefined : bounded(waitMs);
}
