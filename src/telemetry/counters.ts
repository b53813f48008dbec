import type { Family, Sample } from './metric-text.ts';

/** What a metric is called and means. Declare it once, as a constant, beside the code that counts. */
export type Metric = Omit<Family, 'samples'>;

/** A number that a scrape shows. Adding to it allocates nothing and takes no lock. */
export class Counter {
  readonly #cells: Float64Array;
  readonly #at: number;

  constructor(cells: Float64Array, at: number) {
    this.#cells = cells;
    this.#at = at;
  }

  add(by = 1): void {
    this.#cells[this.#at] = (this.#cells[this.#at] ?? 0) + by;
  }

  set(value: number): void {
    this.#cells[this.#at] = value;
  }

  get value(): number {
    return this.#cells[this.#at] ?? 0;
  }
}

/** What a reader in another thread has to know of counters; to be handed over in the order it comes. */
export type CounterNews =
  | { readonly kind: 'cells'; readonly buffer: SharedArrayBuffer }
  | {
      readonly kind: 'counter';
      readonly metric: Metric;
      readonly suffix: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly at: number;
    };

const CELLS = 512;

/**
 * The counters of one thread, open-ended: whoever has something to count asks for a counter and keeps it. A cell has one
 * writer, so that plain stores do; a reader in another thread sees each within the blink of a cache line.
 */
export class Counters {
  readonly #tell: ((news: CounterNews) => void) | undefined;
  readonly #known = new Map<string, Counter>();
  readonly samples: CounterSample[] = [];
  #cells: Float64Array = new Float64Array(0);
  #used = 0;

  /** @param tell given, the counters live in shared memory, and it is told what a `CounterReader` needs to read them */
  constructor(tell?: (news: CounterNews) => void) {
    this.#tell = tell;
  }

  /**
   * The counter of a metric with these labels; the same one for the same labels. Not for the path of every query: keep what
   * it returns. Labels must come from a bounded set, never from what a client writes.
   */
  counter(metric: Metric, labels: Readonly<Record<string, string>> = {}, suffix = ''): Counter {
    const key = `${metric.name}${suffix} ${JSON.stringify(labels)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#used % CELLS === 0) this.#grow();
    const counter = new Counter(this.#cells, this.#used % CELLS);
    this.#tell?.({ kind: 'counter', metric, suffix, labels, at: this.#used });
    this.#used += 1;
    this.#known.set(key, counter);
    this.samples.push({ metric, suffix, labels, counter });
    return counter;
  }

  /** The counters as they are now. */
  families(): readonly Family[] {
    return familiesOf([this.samples]);
  }

  /** Goes on counting where a thread that has ended left off; what it had at one moment (gauges) went with it. */
  absorb(samples: readonly CounterSample[]): void {
    for (const { metric, suffix, labels, counter } of samples) {
      if (metric.type !== 'gauge') this.counter(metric, labels, suffix).add(counter.value);
    }
  }

  #grow(): void {
    if (this.#tell === undefined) {
      this.#cells = new Float64Array(CELLS);
      return;
    }
    const buffer = new SharedArrayBuffer(CELLS * Float64Array.BYTES_PER_ELEMENT);
    this.#cells = new Float64Array(buffer);
    this.#tell({ kind: 'cells', buffer });
  }
}

export interface CounterSample {
  readonly metric: Metric;
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly counter: Counter;
}

/** Reads the counters of another thread. */
export class CounterReader {
  readonly #cells: Float64Array[] = [];
  readonly samples: CounterSample[] = [];

  hear(news: CounterNews): void {
    if (news.kind === 'cells') {
      this.#cells.push(new Float64Array(news.buffer));
      return;
    }
    const cells = this.#cells[Math.floor(news.at / CELLS)];
    if (cells === undefined) return;
    const { metric, suffix, labels, at } = news;
    this.samples.push({ metric, suffix, labels, counter: new Counter(cells, at % CELLS) });
  }
}

/** Metrics of several threads as one: samples with the same labels are added up, gauges too. */
export function familiesOf(threads: readonly (readonly CounterSample[])[]): readonly Family[] {
  const families = new Map<string, { readonly metric: Metric; readonly samples: Map<string, Sample> }>();
  for (const { metric, suffix, labels, counter } of threads.flat()) {
    let family = families.get(metric.name);
    if (family === undefined) {
      family = { metric, samples: new Map() };
      families.set(metric.name, family);
    }
    const key = `${suffix} ${JSON.stringify(labels)}`;
    const value = (family.samples.get(key)?.value ?? 0) + counter.value;
    family.samples.set(key, { suffix, labels, value });
  }
  return [...families.values()].map(({ metric, samples }) => ({ ...metric, samples: [...samples.values()] }));
}
