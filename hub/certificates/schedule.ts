import { createTask } from 'node-cron';

/** Every minute: what the clock says is looked at anew, also after the machine slept or its clock was set. */
const EVERY_MINUTE = '* * * * *';
/** Hubs that were started together do not look at the same second. */
const SPREAD_MS = 20_000;

export interface CertificateSchedule {
  start(): void;
  /** No pass begins any more. */
  stop(): void;
}

/**
 * Looks once a minute what is due. The instants themselves lie in the records, each with its jitter (`renewal.ts`), so that a pass late by hours
 * finds what is due then, and starts as many at once as the driver allows, not all.
 */
export function createCertificateSchedule(options: {
  readonly pass: () => void;
  readonly log: { warn(details: object, message: string): void };
}): CertificateSchedule {
  const { pass, log } = options;
  const task = createTask(
    EVERY_MINUTE,
    () => {
      try {
        pass();
      } catch (thrown) {
        log.warn({ err: thrown }, 'looking which certificates are due');
      }
    },
    {
      name: 'certificates',
      noOverlap: true,
      maxRandomDelay: SPREAD_MS,
      suppressMissedWarning: true,
      unref: true,
    },
  );
  return {
    start: () => void task.start(),
    stop: () => void task.destroy(),
  };
}
