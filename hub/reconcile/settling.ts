export interface SettlingOptions {
  /** What was decided before this start is remembered; without it there is nothing to be wrong about. */
  readonly remembered: boolean;
  /** Failure domains heard now. */
  readonly heardDomains: () => number;
  /** Failure domains that can be heard at all: the hub's own and those of its agents, as far as a quorum needs them. */
  readonly neededDomains: () => number;
  readonly monotonicMs: () => number;
  /** Resolves after `ms`, or earlier when the hub stops. */
  readonly wait: (ms: number) => Promise<unknown>;
  readonly signal: AbortSignal;
}

/** A DOWN counts once its probe ran 3 s after its vantage point got connected; then a probe, its confirms and a tick. */
const SETTLE_MS = 4_500;
/** Nobody can be waited for any longer: then this hub answers with what it remembers. */
const LIMIT_MS = 12_000;
const LOOK_MS = 100;

/** Waits until enough vantage points were heard for long enough to withdraw what failed while this hub was away. */
export async function settle(options: SettlingOptions): Promise<void> {
  if (!options.remembered) return;
  const started = options.monotonicMs();
  let heardSince: number | undefined;
  while (!options.signal.aborted) {
    const now = options.monotonicMs();
    if (options.heardDomains() < options.neededDomains()) heardSince = undefined;
    else heardSince ??= now;
    if (now - started >= LIMIT_MS || (heardSince !== undefined && now - heardSince >= SETTLE_MS)) return;
    await options.wait(LOOK_MS);
  }
}
