import { type FoundKey, type KeySearch, SEARCH_BUSY } from './contract.ts';

/** `busy`: too many were asked for just now; `away`: the hub cannot be asked. */
export type KeySearchAnswer = FoundKey | 'busy' | 'away';

export interface KeySearchOptions {
  /** Sends the question on its way to the hub; what comes back goes to `found`. */
  readonly ask: (id: number, digest: string) => void;
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
}

/** The way of one thread to the hub for keys that the table does not have. */
export interface HubSearch extends KeySearch {
  found(id: number, answer: KeySearchAnswer): void;
}

/** Questions a second, of one thread and of one agent. */
export const SEARCHES_PER_SECOND = 20;
/** Longer nobody waits for a key. */
const LIMIT_MS = 1_000;

export function createKeySearch({ ask, monotonicMs, after }: KeySearchOptions): HubSearch {
  const waiting = new Map<number, (answer: KeySearchAnswer) => void>();
  const mayAsk = searchBudget(monotonicMs);
  let lastId = 0;

  return {
    ask(digest) {
      // Before anything is sent: a flood of wrong keys must not reach the other threads.
      if (!mayAsk()) return Promise.reject(SEARCH_BUSY);
      return new Promise((resolve, reject) => {
        lastId += 1;
        const id = lastId;
        const settle = (answer: KeySearchAnswer): void => {
          waiting.delete(id);
          cancel();
          if (answer === 'busy') reject(SEARCH_BUSY);
          else if (answer === 'away') reject(new Error('the hub cannot be asked for a key'));
          else resolve(answer);
        };
        const cancel = after(LIMIT_MS, () => settle('away'));
        waiting.set(id, settle);
        ask(id, digest);
      });
    },
    found: (id, answer) => waiting.get(id)?.(answer),
  };
}

/** True at most so many times a second, and as many at once. */
export function searchBudget(monotonicMs: () => number, perSecond = SEARCHES_PER_SECOND): () => boolean {
  let left = perSecond;
  let atMs = monotonicMs();
  return () => {
    const now = monotonicMs();
    left = Math.min(perSecond, left + ((now - atMs) / 1_000) * perSecond);
    atMs = now;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}
