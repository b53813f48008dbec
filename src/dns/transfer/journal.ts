import type { ZoneDifference } from './difference.ts';

/** How much of a zone's past is kept. */
export interface JournalLimits {
  readonly versions: number;
  readonly octets: number;
}

export const DEFAULT_JOURNAL_LIMITS: JournalLimits = { versions: 100, octets: 4 << 20 };

/** The latest differences of one zone, oldest first, each beginning where the one before ends. */
export class Journal {
  readonly #limits: JournalLimits;
  #differences: ZoneDifference[] = [];
  #octets = 0;

  constructor(limits: JournalLimits = DEFAULT_JOURNAL_LIMITS) {
    this.#limits = limits;
  }

  get octets(): number {
    return this.#octets;
  }

  get versions(): number {
    return this.#differences.length;
  }

  /** One that does not begin where the last ends starts the journal anew. The oldest go when the limits are passed. */
  append(difference: ZoneDifference): void {
    const last = this.#differences.at(-1);
    if (last !== undefined && last.to.serial !== difference.from.serial) this.clear();
    this.#differences.push(difference);
    this.#octets += difference.octets;
    let gone = 0;
    for (const { octets } of this.#differences) {
      const { versions, octets: most } = this.#limits;
      if (this.#differences.length - gone <= versions && this.#octets <= most) break;
      this.#octets -= octets;
      gone += 1;
    }
    this.#differences.splice(0, gone);
  }

  clear(): void {
    this.#differences = [];
    this.#octets = 0;
  }

  /** What leads from one serial to another; `undefined` when the journal does not reach that far. */
  between(from: number, to: number): readonly ZoneDifference[] | undefined {
    const first = this.#differences.findIndex((difference) => difference.from.serial === from);
    if (first < 0 || this.#differences.at(-1)?.to.serial !== to) return undefined;
    return this.#differences.slice(first);
  }
}
