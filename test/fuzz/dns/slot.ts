/** The memory that the thread under test shares with its watcher: three 32-bit words, then the input under way. */
export const SLOT = { count: 0, target: 1, length: 2, words: 3, inputAt: 16, octets: 16 + 8192 } as const;

export type WorkerReport =
  | { readonly kind: 'failure'; readonly target: string; readonly hex: string; readonly message: string }
  | {
      readonly kind: 'done';
      readonly tried: number;
      /** Different outcomes by target. */
      readonly outcomes: Readonly<Record<string, number>>;
    };
