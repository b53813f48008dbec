import type { OutboxBatch, UsageOutbox } from './outbox.ts';

export interface UsageSenderDeps {
  readonly outbox: Pick<UsageOutbox, 'next' | 'acknowledged'>;
  /** False: there is no way to the hub now, or it is too slow; nothing is queued. */
  readonly send: (batch: OutboxBatch) => boolean;
  readonly after: (delayMs: number, task: () => void) => () => void;
  /** A batch without a word for so long is given again; default 5 s. */
  readonly patienceMs?: number;
}

export interface UsageSender {
  /** There is something new, or the way to the hub is open again. */
  wake(): void;
  /** The way to the hub broke: what was given and not acknowledged is given again on the next one. */
  interrupted(): void;
  acknowledged(outbox: string, sequence: number): void;
  close(): void;
}

/** Batches on their way at once. */
const WINDOW = 8;
const PATIENCE_MS = 5_000;

/** Gives the outbox to the hub, in order, a few batches at a time, again and again until the hub has them. */
export function createUsageSender({
  outbox,
  send,
  after,
  patienceMs = PATIENCE_MS,
}: UsageSenderDeps): UsageSender {
  /** The last batch given. */
  let given: { readonly outbox: string; readonly sequence: number } | undefined;
  let onTheWay = 0;
  let working = false;
  let again = false;
  let round = 0;
  let closed = false;
  let cancel: () => void = () => undefined;

  const restart = (): void => {
    given = undefined;
    onTheWay = 0;
    round += 1;
  };
  const watch = (): void => {
    cancel();
    if (onTheWay === 0 || closed) return;
    cancel = after(patienceMs, () => {
      restart();
      tryWork();
    });
  };

  async function work(): Promise<void> {
    if (working) {
      again = true;
      return;
    }
    working = true;
    try {
      do {
        again = false;
        while (!closed && onTheWay < WINDOW) {
          const mine = round;
          const batch = await outbox.next(given);
          if (batch === undefined) break;
          if (mine !== round) continue;
          if (!send(batch)) {
            restart();
            break;
          }
          given = batch;
          onTheWay += 1;
          watch();
        }
      } while (again && !closed);
    } finally {
      working = false;
    }
  }
  // What the disk does not give now is asked for again with the next flush.
  const tryWork = (): void => void work().catch(() => undefined);

  return {
    wake: tryWork,
    interrupted() {
      restart();
      cancel();
    },
    acknowledged(id, sequence) {
      void outbox
        .acknowledged(id, sequence)
        .then(() => {
          if (given?.outbox === id && sequence < given.sequence && onTheWay <= 1) restart();
          else onTheWay = Math.max(0, onTheWay - 1);
          watch();
          tryWork();
        })
        .catch(() => undefined);
    },
    close() {
      closed = true;
      cancel();
    },
  };
}
