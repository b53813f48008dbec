import { PortolanError } from '../src/errors/error.ts';
import { backoffDelayMs } from '../src/protocol/backoff.ts';
import type { LinkClock } from '../src/protocol/clock.ts';
import type { GeoFiles } from './geo-files.ts';

const RETRY = { baseMs: 1_000, capMs: 300_000 };

/** Sees to it that the database the hub decides by is on this disk. */
export interface GeoKeeper {
  /** The newest snapshot wants this one. */
  want(sha256: string): void;
  /** What waits to be tried again need not wait any longer. */
  hubIsBack(): void;
  close(): void;
}

/**
 * @param read a part of the hub's database
 * @param onFetched a database that was missing is here now
 */
export function createGeoKeeper(options: {
  readonly files: GeoFiles;
  readonly read: (
    sha256: string,
    offset: number,
  ) => Promise<{ readonly total: number; readonly content: Uint8Array }>;
  readonly onFetched: (sha256: string, path: string) => void;
  readonly clock: Pick<LinkClock, 'after'>;
  readonly random: () => number;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}): GeoKeeper {
  const { files, clock, log } = options;
  let wanted = '';
  let failures = 0;
  let working = false;
  let closed = false;
  let cancel = (): void => undefined;

  const work = async (): Promise<void> => {
    if (working || closed) return;
    working = true;
    const sha256 = wanted;
    let delayMs: number | undefined;
    try {
      if ((await files.find(sha256)) === undefined) {
        const path = await files.fetch(sha256, (offset) => options.read(sha256, offset));
        log.info({ sha256 }, "the hub's GeoIP database is here");
        if (!closed) options.onFetched(sha256, path);
      }
      failures = 0;
    } catch (thrown) {
      failures += 1;
      delayMs = backoffDelayMs(failures, options.random, RETRY);
      const err = PortolanError.from(thrown);
      // Without the hub nothing can be fetched, which the link says already.
      if (err.code !== 'HUB_UNREACHABLE')
        log.warn({ err, sha256 }, "the hub's GeoIP database cannot be fetched; it is tried again");
    } finally {
      working = false;
    }
    if (closed) return;
    if (sha256 !== wanted) void work();
    else if (delayMs !== undefined) cancel = clock.after(delayMs, () => void work());
  };

  return {
    want(sha256) {
      if (sha256 === '' || sha256 === wanted) return;
      wanted = sha256;
      failures = 0;
      cancel();
      void work();
    },
    hubIsBack() {
      cancel();
      if (wanted !== '') void work();
    },
    close() {
      closed = true;
      cancel();
    },
  };
}
