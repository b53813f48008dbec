import type { DrillStatus } from '../../src/resources/drill.ts';

/** A Drill as the CLI prints it, once the hub has written its status. */
export interface Drill {
  readonly status: DrillStatus;
}
