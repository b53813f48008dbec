import { PortolanError } from '../src/errors/error.ts';
import { sha256Hex } from '../src/identity/digest.ts';
import type { SignedSnapshot, SnapshotMark } from '../src/identity/snapshot-signing.ts';
import type { AgentLog } from './log.ts';
import type { SnapshotStore, StoredSnapshot } from './snapshot-store.ts';

/** Which snapshot it is and where it lies: its bytes are not kept. */
export type SnapshotPlace = Pick<StoredSnapshot, 'path' | 'mark'>;

export interface SnapshotIntakeOptions {
  readonly store: SnapshotStore;
  /** What the disk had at the start; already in use. */
  readonly current: SnapshotPlace | undefined;
  /** Hash of what the data process serves at the start; empty: nothing. */
  readonly served: string;
  /** Probes, peers and rules go by this one from now on. */
  readonly apply: (stored: StoredSnapshot) => void;
  /** The data process shall serve this file. */
  readonly tellData: (path: string) => void;
  /** Tells the hub; an empty error says that it is served. */
  readonly acknowledge: (mark: SnapshotMark, error: string) => void;
  readonly log: AgentLog;
}

/** The way of a snapshot: from the hub, through the store, to this process and the data process, and the answer to the hub. */
export interface SnapshotIntake {
  offer(message: SignedSnapshot): void;
  /** The data process says what it serves, and why not the newest. */
  serving(hash: string, error: string): void;
  readonly current: SnapshotPlace | undefined;
  /** Hash of the one the data process serves; empty: none. */
  readonly served: string;
  /** Settles when none is being tried out any more. */
  close(): Promise<void>;
}

export function createSnapshotIntake(options: SnapshotIntakeOptions): SnapshotIntake {
  const { store, log } = options;
  let { current, served } = options;
  let unacknowledged: SnapshotMark | undefined;
  /** Files that the data process was told of and has not answered for: it takes one after the other, and each has an answer. */
  let told = 0;
  /** The newest that waits while another one is tried out: those in between are never needed. */
  let waiting: SignedSnapshot | undefined;
  let working: Promise<void> | undefined;
  let closed = false;

  const tellData = (path: string): void => {
    told += 1;
    options.tellData(path);
  };

  const accept = async (message: SignedSnapshot): Promise<void> => {
    try {
      const stored = await store.accept(message);
      if (closed) return;
      if (stored.mark.hash !== current?.mark.hash) {
        current = { path: stored.path, mark: stored.mark };
        options.apply(stored);
        const { epoch, version } = stored.mark;
        log.info({ epoch, version }, 'a snapshot of the hub was accepted');
      }
      if (stored.mark.hash === served) {
        options.acknowledge(stored.mark, '');
        return;
      }
      unacknowledged = stored.mark;
      tellData(stored.path);
    } catch (thrown) {
      if (closed) return;
      const err = PortolanError.from(thrown);
      if (err.code === 'SNAPSHOT_INCOMPLETE') log.info({ err }, 'the hub is asked for all of a snapshot');
      else log.error({ err }, 'a snapshot of the hub was refused; the last good one stays');
      const { epoch, version } = current?.mark ?? { epoch: 0, version: 0 };
      options.acknowledge(
        { epoch, version, hash: sha256Hex(message.manifest) },
        `${err.code}: ${err.message}`,
      );
    }
  };

  const work = async (): Promise<void> => {
    while (waiting !== undefined && !closed) {
      const next = waiting;
      waiting = undefined;
      await accept(next);
    }
    working = undefined;
  };

  if (current !== undefined && current.mark.hash !== served) tellData(current.path);

  return {
    get current() {
      return current;
    },
    get served() {
      return served;
    },
    offer(message) {
      waiting = message;
      working ??= work();
    },
    serving(hash, error) {
      served = hash;
      told = Math.max(0, told - 1);
      if (unacknowledged === undefined) return;
      // What is said of one before it is no word on the newest.
      if (told > 0 && unacknowledged.hash !== hash) return;
      options.acknowledge(unacknowledged, unacknowledged.hash === hash ? '' : error);
      unacknowledged = undefined;
    },
    async close() {
      closed = true;
      await working;
    },
  };
}
