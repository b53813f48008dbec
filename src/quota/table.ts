import { HEADER, shapeOf } from './table-layout.ts';

export { MAX_TOKENS as MAX_BANK_TOKENS } from './table-layout.ts';
export { createTaker } from './table-taker.ts';
export { createTableWriter } from './table-writer.ts';

export interface QuotaMemoryOptions {
  /** Keys at most, 1 to 4,194,304; each takes about 120 octets. */
  readonly capacity: number;
  /** 32 random bits each: keys that meet in the table cannot be found without them. */
  readonly seeds: readonly [number, number];
  /** `process.hrtime` of now, milliseconds: where the table's clock begins. */
  readonly originMs?: number;
}

/** Memory for one table, empty: to be given to one `createTableWriter` and any number of `createTaker`. */
export function createQuotaMemory({ capacity, seeds, originMs = 0 }: QuotaMemoryOptions): SharedArrayBuffer {
  const shape = shapeOf(capacity);
  const memory = new SharedArrayBuffer(shape.octets);
  const words = new Int32Array(memory);
  words[HEADER.capacity] = shape.capacity;
  words[HEADER.slots] = shape.slots;
  words[HEADER.entries] = shape.entries;
  words[HEADER.seed0] = seeds[0];
  words[HEADER.seed1] = seeds[1];
  new Float64Array(memory)[HEADER.origin / 2] = originMs;
  return memory;
}
