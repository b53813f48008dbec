import { PortolanError } from '../../src/errors/error.ts';
import type { Actor, Store } from '../store/contract.ts';

/** The hub's own controllers, as audit rows name them. */
export const RECONCILE_ACTOR: Actor = { id: 'hub', display: 'reconcile' };

/**
 * Whether this hub is the one that acts on its store. Each start takes a higher epoch; the hub with an older one has lost for
 * good and must publish, decide and write statuses no more.
 */
export interface Leadership {
  /** Why this hub must not act; `undefined` while it leads, as far as it knows. */
  readonly lost: string | undefined;
  /** Asks the store: a write fenced by the epoch that changes nothing. Rejects only when the store does not answer. */
  confirm(): Promise<boolean>;
}

export function createLeadership(
  store: Pick<Store, 'commit' | 'epoch'>,
  onLost: (reason: string) => void,
): Leadership {
  let lost: string | undefined;
  return {
    get lost() {
      return lost;
    },
    async confirm() {
      if (lost !== undefined) return false;
      try {
        await store.commit([], { actor: RECONCILE_ACTOR, epoch: store.epoch });
        return true;
      } catch (thrown) {
        const error = PortolanError.from(thrown);
        if (error.code !== 'CONFLICT') throw error;
        lost ??= error.message;
        onLost(lost);
        return false;
      }
    },
  };
}
