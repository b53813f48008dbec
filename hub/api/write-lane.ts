/**
 * Lets one write through at a time: what was admitted is still true when it is committed. Two requests that each claim the
 * last free hostname, or each drain one of the last two clusters, would otherwise both be admitted.
 */
export interface WriteLane {
  /** Runs `work` after everything that entered before it; a failure of one does not affect the next. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createWriteLane(): WriteLane {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    run(work) {
      const result = tail.then(work);
      tail = result.catch(() => undefined);
      return result;
    },
  };
}
