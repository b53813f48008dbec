import type { PortolanError } from '../../src/errors/error.ts';
import { type OutboxBatch, openUsageOutbox } from './outbox.ts';
import { createUsageSender } from './sender.ts';
import type { UsageCount } from './usage-counts.ts';

export interface UsageKeeperDeps {
  /** Of the outbox. */
  readonly folder: string;
  readonly newId: () => string;
  /** To the hub; false: not now. */
  readonly send: (batch: OutboxBatch) => boolean;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly log: { warn(details: object, message: string): void };
  readonly maxOctets?: number;
}

/** Usage of one agent from its threads to the hub: durable as soon as it is here, given until the hub has it. */
export interface UsageKeeper {
  add(counts: readonly UsageCount[]): Promise<void>;
  /** Whether there is a way to the hub. */
  link(up: boolean): void;
  acknowledged(outbox: string, sequence: number): void;
  /** Hits that are lost to accounts since the start: the disk was full or failed. */
  readonly lost: number;
  readonly waitingOctets: number;
  close(): Promise<void>;
}

/** @throws PortolanError DATA_DIR_INVALID */
export async function openUsageKeeper(deps: UsageKeeperDeps): Promise<UsageKeeper> {
  let lost = 0;
  const outbox = await openUsageOutbox({
    folder: deps.folder,
    newId: deps.newId,
    ...(deps.maxOctets === undefined ? {} : { maxOctets: deps.maxOctets }),
    lost: (amount: number, err: PortolanError | undefined) => {
      if (lost === 0)
        deps.log.warn(
          { err, amount },
          'usage is lost: the outbox is full or cannot be written; requests are served all the same',
        );
      lost += amount;
    },
  });
  let up = false;
  const sender = createUsageSender({
    outbox,
    send: (batch) => up && deps.send(batch),
    after: deps.after,
  });
  return {
    get lost() {
      return lost;
    },
    get waitingOctets() {
      return outbox.waitingOctets;
    },
    async add(counts) {
      await outbox.append(counts);
      if (up) sender.wake();
    },
    link(isUp) {
      if (isUp === up) return;
      up = isUp;
      if (up) sender.wake();
      else sender.interrupted();
    },
    acknowledged: (id, sequence) => sender.acknowledged(id, sequence),
    async close() {
      sender.close();
      await outbox.close();
    },
  };
}
