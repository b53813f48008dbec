import {
  type Provider,
  ProviderError,
  type ProviderFailure,
  type ProviderZone,
} from '../../providers/contract.ts';
import type { Connection } from './connection.ts';

export interface LedProviderOptions {
  readonly provider: Provider;
  readonly connection: Connection;
  /** Key of the zone, for taking turns. */
  readonly key: string;
  readonly zone: ProviderZone;
  /** Asks the store whether this hub leads; rejects when it does not answer. */
  readonly leads: () => Promise<boolean>;
  /** Nothing is checked at the provider: a write must end soon after the store said that this hub leads. */
  readonly isUnchecked: boolean;
  readonly onRead: () => void;
  /** What a person should see although it is tried again. */
  readonly onTrouble: (thrown: unknown) => void;
}

/**
 * Without preconditions a hub that lost its lead can still harm for this long: the next one reads the zone again after it. A change at PowerDNS is up to
 * four requests (two readings, one more for LUA records, the PATCH): with 30 s for each answer it is through.
 */
export const UNCHECKED_WRITE_LIMIT_MS = 150_000;
/** When such a zone is read once more after the first reading: soon, for writes that take their usual time, and after the limit. */
export const LATE_READS_MS: readonly number[] = [15_000, 170_000];

/** A conflict, a lost race or a refused record is everyday life; these are not. */
const TROUBLE: ReadonlySet<ProviderFailure> = new Set([
  'throttled',
  'transient',
  'ambiguous',
  'denied',
  'gone',
]);

/**
 * A provider whose every write begins with the store saying that this hub leads, whoever asks for it. Each request has a limit in time of its
 * own, and an account that is throttled waits as a whole.
 */
export function ledProvider(options: LedProviderOptions): Pick<Provider, 'read' | 'apply'> {
  const { provider, connection, zone } = options;

  async function request<T>(
    operation: 'read' | 'apply',
    run: (signal: AbortSignal) => Promise<T>,
    limitMs?: number,
  ): Promise<T> {
    try {
      return await connection.operate(operation, options.key, run, limitMs);
    } catch (thrown) {
      const failure = thrown instanceof ProviderError ? thrown.failure : undefined;
      if (failure === 'throttled' && thrown instanceof ProviderError)
        connection.account.throttled(thrown.retryAfterMs);
      if (failure === undefined || TROUBLE.has(failure)) options.onTrouble(thrown);
      throw thrown;
    }
  }

  return {
    async read(_zone, signal) {
      const content = await request('read', (limit) => provider.read(zone, AbortSignal.any([signal, limit])));
      options.onRead();
      return content;
    },
    async apply(to, batch, signal) {
      if (!(await options.leads())) throw new ProviderError('busy', 'this hub does not lead any more');
      await request(
        'apply',
        (limit) => provider.apply(to, batch, AbortSignal.any([signal, limit])),
        options.isUnchecked ? UNCHECKED_WRITE_LIMIT_MS : undefined,
      );
    },
  };
}
