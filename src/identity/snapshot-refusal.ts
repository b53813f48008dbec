import { PortolanError } from '../errors/error.ts';

/** Why a snapshot is not taken; the last good one stays. */
export function invalid(why: string, cause?: unknown): PortolanError {
  return new PortolanError('SNAPSHOT_INVALID', `the snapshot is refused: ${why}`, { cause });
}
