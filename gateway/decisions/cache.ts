import type { DecisionCaching } from '../../src/policy/model.ts';
import type { DecisionCache, DecisionQuestion } from './contract.ts';

export interface DecisionCacheDeps {
  /** Wall clock, milliseconds: answers have ends of their own (`exp`) in it. */
  readonly wallMs: () => number;
  /** A clock that never goes back: answers age by it, so that a corrected wall clock does not make them young again. */
  readonly monotonicMs: () => number;
  /** Answers kept; the least recently used goes first. */
  readonly maxEntries: number;
}

/** What a scrape shows of it; plain numbers, each with one writer. */
export interface DecisionFigures {
  /** Answered from memory. */
  hits: number;
  /** Somebody was asked. */
  asked: number;
  /** Waited for a question that was already under way. */
  joined: number;
  /** Asking failed. */
  failed: number;
  /** Asking failed and the last answer, or `allow`, stood in. */
  stoodIn: number;
  readonly entries: number;
}

interface Entry {
  readonly answer: object;
  readonly denied: boolean;
  readonly storedMs: number;
  /** Wall clock; Infinity: no end of its own. */
  readonly endsAtMs: number;
}

/**
 * The memory of APIcast's caching policy: only an answer that still holds saves the call. How long one holds is asked at each use, of the
 * policy as it is then, so that a shortened time takes effect at once.
 */
export function createDecisionCache(
  deps: DecisionCacheDeps,
): DecisionCache & { readonly figures: DecisionFigures } {
  const { wallMs, monotonicMs, maxEntries } = deps;
  // In order of use: a Map keeps its keys as they came, and the used one is put to the end.
  const entries = new Map<string, Entry>();
  const asking = new Map<string, Promise<object | undefined>>();
  const figures: DecisionFigures = {
    hits: 0,
    asked: 0,
    joined: 0,
    failed: 0,
    stoodIn: 0,
    get entries() {
      return entries.size;
    },
  };

  function keep(key: string, entry: Entry): void {
    entries.delete(key);
    entries.set(key, entry);
    if (entries.size <= maxEntries) return;
    const oldest = entries.keys().next();
    if (oldest.done !== true) entries.delete(oldest.value);
  }

  function holds(entry: Entry, caching: DecisionCaching): boolean {
    const seconds = entry.denied ? caching.negativeTtlSeconds : caching.ttlSeconds;
    return monotonicMs() - entry.storedMs < seconds * 1000 && wallMs() < entry.endsAtMs;
  }

  async function ask<C, T extends object>(
    key: string,
    caching: DecisionCaching,
    question: DecisionQuestion<C, T>,
    context: C,
  ): Promise<T | undefined> {
    figures.asked += 1;
    let answer: T;
    try {
      answer = await question.ask(context);
    } catch (error) {
      figures.failed += 1;
      if (caching.mode === 'strict' || caching.mode === 'none') throw error;
      // Looked up now, not before the call: the answer may have come meanwhile from another question.
      const last = entries.get(key);
      if (last !== undefined && wallMs() < last.endsAtMs) {
        figures.stoodIn += 1;
        return last.answer as T;
      }
      if (caching.mode === 'allow' && last === undefined) {
        figures.stoodIn += 1;
        return undefined;
      }
      throw error;
    }
    if (caching.mode !== 'none')
      keep(key, {
        answer,
        denied: question.denied(answer),
        storedMs: monotonicMs(),
        endsAtMs: question.expiresAtMs?.(answer) ?? Number.POSITIVE_INFINITY,
      });
    return answer;
  }

  return {
    figures,
    decide<C, T extends object>(
      key: string,
      caching: DecisionCaching,
      question: DecisionQuestion<C, T>,
      context: C,
    ): T | undefined | Promise<T | undefined> {
      if (caching.mode === 'none') return ask(key, caching, question, context);
      const known = entries.get(key);
      if (known !== undefined && holds(known, caching)) {
        figures.hits += 1;
        entries.delete(key);
        entries.set(key, known);
        // The key names the question, so that what is kept under it has the question's type.
        return known.answer as T;
      }
      const underWay = asking.get(key);
      if (underWay !== undefined) {
        figures.joined += 1;
        return underWay as Promise<T | undefined>;
      }
      const answer = ask(key, caching, question, context).finally(() => asking.delete(key));
      asking.set(key, answer);
      return answer;
    },
  };
}
