import type { operations } from './generated/api.d.ts';

export interface WriteOptions {
  readonly dryRun?: boolean;
  /** Overrides LAST_CAPACITY and CHANGE_BUDGET_EXCEEDED; needs `reason` and the admin role. */
  readonly force?: boolean;
  /** Takes an object from the source that sets it; needs `reason` and the admin role. Of writes to objects only. */
  readonly takeOver?: boolean;
  readonly reason?: string;
}

type WriteQuery = NonNullable<operations['apply']['parameters']['query']>;

/** As the hub reads them. */
export function queryOf(write: WriteOptions | undefined): WriteQuery {
  const { dryRun = false, force = false, takeOver = false, reason } = write ?? {};
  return {
    ...(dryRun ? { dryRun: 'true' } : {}),
    ...(force ? { force: 'true' } : {}),
    ...(takeOver ? { takeOver: 'true' } : {}),
    ...(reason === undefined ? {} : { reason }),
  };
}
