import { PortolanError } from '../../src/errors/error.ts';
import type { Store } from '../store/contract.ts';

/** The hub writes an object's status a few times a second at most; more lost races in a row than these are something else. */
const MAX_ATTEMPTS = 5;

/**
 * Reads, admits and commits again when an object was written between its reading and the commit: the hub's own statuses do not
 * wait in the write lane. A version that the client gave is compared at the reading, so it is still a CONFLICT when it is old.
 * @param work is run anew each time; it must commit with the `commit` it is given
 */
export async function despiteLostRaces<T>(
  store: Pick<Store, 'commit'>,
  work: (commit: Store['commit']) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    let lost = false;
    try {
      return await work(async (changes, options) => {
        try {
          return await store.commit(changes, options);
        } catch (thrown) {
          lost = thrown instanceof PortolanError && thrown.code === 'CONFLICT';
          throw thrown;
        }
      });
    } catch (thrown) {
      if (!lost || attempt === MAX_ATTEMPTS) throw thrown;
    }
  }
}
