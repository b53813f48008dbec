import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Batches } from './batches.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function collector() {
  const posted: (readonly number[])[] = [];
  let dropped = 0;
  const batches = new Batches<number>(
    { batch: 3, inFlight: 2, waiting: 5, delayMs: 20 },
    (items) => posted.push(items),
    () => {
      dropped += 1;
    },
  );
  return { batches, posted, dropped: () => dropped };
}

describe('batches', () => {
  it('leave when they are full, or when the first item has waited long enough', () => {
    const { batches, posted } = collector();
    for (const item of [1, 2, 3, 4]) batches.push(item);
    expect(posted).toEqual([[1, 2, 3]]);
    vi.advanceTimersByTime(20);
    expect(posted).toEqual([[1, 2, 3], [4]]);
  });

  it('wait for a receiver that does not keep up, are dropped beyond the bound, and go on when it does', () => {
    const { batches, posted, dropped } = collector();
    for (let item = 1; item <= 15; item += 1) batches.push(item);
    expect(posted).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(dropped()).toBe(4); // 7 to 11 wait
    vi.advanceTimersByTime(1000);
    expect(posted).toHaveLength(2);
    batches.taken();
    batches.taken();
    expect(posted.slice(2)).toEqual([
      [7, 8, 9],
      [10, 11],
    ]);
    batches.taken();
    batches.push(16);
    vi.advanceTimersByTime(20);
    expect(posted.at(-1)).toEqual([16]);
  });
});
