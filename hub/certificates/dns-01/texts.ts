import type { WantedText } from '../../../src/certificates/dns-challenge.ts';

/** What challenges want to stand where, for those who publish it: the workers of zones at providers, and the publication of embedded Zones. */
export interface ChallengeTexts {
  /** The same array as long as nothing changed. */
  readonly texts: readonly WantedText[];
  /**
   * False while it is not known where everything that is wanted has to stand (the hub has just started, a resolver does not answer): what is
   * there already stays meanwhile.
   */
  readonly complete: boolean;
  /** The texts of an embedded publication, and its content sequence. */
  published(texts: readonly WantedText[], sequence: number): void;
  /** What was published last. */
  readonly live: { readonly texts: readonly WantedText[]; readonly sequence: number } | undefined;
}

export interface MutableTexts extends ChallengeTexts {
  set(texts: readonly WantedText[], complete: boolean): void;
  /** Resolves at the next change of `live`, or when the signal aborts. */
  nextLive(signal: AbortSignal): Promise<void>;
}

export function createChallengeTexts(onChange: () => void): MutableTexts {
  let texts: readonly WantedText[] = [];
  let complete = false;
  let live: ChallengeTexts['live'];
  const waiting = new Set<() => void>();
  return {
    get texts() {
      return texts;
    },
    get complete() {
      return complete;
    },
    get live() {
      return live;
    },
    published(of, sequence) {
      if (live?.texts === of && live.sequence === sequence) return;
      live = { texts: of, sequence };
      for (const told of [...waiting]) told();
    },
    set(next, isComplete) {
      const same = JSON.stringify(next) === JSON.stringify(texts);
      if (same && complete === isComplete) return;
      if (!same) texts = next;
      complete = isComplete;
      onChange();
    },
    nextLive: (signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          waiting.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        if (signal.aborted) return resolve();
        waiting.add(done);
        signal.addEventListener('abort', done);
      }),
  };
}
