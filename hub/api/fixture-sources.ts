import { PortolanError } from '../../src/errors/error.ts';
import type { SourceServices } from '../sources/contract.ts';

/** Sources of a hub that has none. */
export function idleSourceServices(): SourceServices {
  const none = (): never => {
    throw new PortolanError('NOT_FOUND', 'no source runs');
  };
  return {
    statuses: [],
    held: [],
    originOf: () => undefined,
    approve: async () => none(),
    giveBack: async () => none(),
  };
}
