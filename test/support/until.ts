/** Bounds are those of a machine with nothing else to do; on one that is busy, what takes three times as long does not hang. */
const SLACK = 3;

/**
 * Looks again and again until `look` gives something; the last failure is in the error when time is over. The bound is one for hangs: a test that
 * wants speed looks at `tookMs`.
 * @returns what it gave, and how long it took in milliseconds
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs: number,
  everyMs = 50,
): Promise<{ readonly value: T; readonly tookMs: number }> {
  const started = performance.now();
  let last: unknown = 'nothing yet';
  for (;;) {
    try {
      const value = await look();
      if (value !== undefined && value !== false) return { value, tookMs: performance.now() - started };
    } catch (error) {
      last = error;
    }
    if (performance.now() - started > SLACK * timeoutMs) {
      throw new Error(
        `${what}: not within ${SLACK * timeoutMs} ms (last: ${last instanceof Error ? last.message : String(last)})`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
