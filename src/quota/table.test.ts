import { afterEach, describe, expect, it, vi } from 'vitest';
import { createQuotaMemory, createTableWriter, createTaker, MAX_BANK_TOKENS } from './table.ts';
import { BANKS } from './table-contract.ts';

const SEEDS = [0x1234, 0x5678] as const;
const { even, odd, floor } = BANKS;

function tables(capacity = 4) {
  const memory = createQuotaMemory({ capacity, seeds: SEEDS });
  return { writer: createTableWriter(memory), taker: createTaker(memory), memory };
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** Runs `meanwhile` where a thread that takes was stopped: just before it swaps the word, once. */
function stoppedBeforeSwap(meanwhile: () => void): void {
  const swap = Atomics.compareExchange;
  let once = false;
  vi.spyOn(Atomics, 'compareExchange').mockImplementation(((
    array: Int32Array,
    at: number,
    expected: number,
    next: number,
  ) => {
    if (!once) {
      once = true;
      meanwhile();
    }
    return swap(array, at, expected, next);
  }) as typeof Atomics.compareExchange);
}

describe('the table', () => {
  it('admits what a bank holds in its time, and nothing else', () => {
    const { writer, taker } = tables();
    expect(taker.find(0, 'a')).toBe(-1);
    const slot = writer.insert(0, 'a');
    expect(writer.insert(0, 'a')).toBe(slot);
    expect(taker.find(0, 'a')).toBe(slot);
    expect(taker.find(1, 'a')).toBe(-1);
    expect(taker.take(slot, 1, 5)).toBe(2);
    writer.fill(slot, even, 2, 10, 20);
    expect(taker.take(slot, 1, 9.9)).toBe(2);
    expect(taker.take(slot, 1, 10)).toBe(0);
    expect(taker.take(slot, 2, 11)).toBe(2);
    expect(taker.take(slot, 1, 19.9)).toBe(0);
    expect(taker.take(slot, 1, 19.9)).toBe(2);
    writer.add(slot, even, 1);
    expect(taker.take(slot, 1, 20)).toBe(2);
    writer.extend(slot, even, 30);
    expect(taker.take(slot, 1, 20)).toBe(0);
    writer.extend(slot, even, 25);
    writer.add(slot, even, 1);
    expect(taker.take(slot, 1, 29)).toBe(0);
    expect(writer.takeDemand(slot)).toBe(10);
    expect(writer.takeDemand(slot)).toBe(0);
  });

  it('takes from the next bank whose time it is when one has not enough', () => {
    const { writer, taker } = tables();
    const slot = writer.insert(0, 'a');
    taker.find(0, 'a');
    writer.fill(slot, even, 1, 0, 10);
    writer.fill(slot, floor, 5, 0, 10);
    expect(taker.take(slot, 2, 1)).toBe(0);
    expect([writer.tokens(slot, even), writer.tokens(slot, floor)]).toEqual([1, 3]);
  });

  it('I20 gives nothing back to a floor: it would be spent in a later window', () => {
    const { writer, taker } = tables();
    const slot = writer.insert(0, 'a');
    taker.find(0, 'a');
    writer.fill(slot, floor, 5, 0, 10);
    expect(taker.take(slot, 2, 1)).toBe(0);
    expect(taker.settle(slot, taker.receipt, -1)).toBe(false);
    expect(writer.tokens(slot, floor)).toBe(3);
    expect(taker.settle(slot, taker.receipt, 1)).toBe(true);
    expect(writer.tokens(slot, floor)).toBe(2);
  });

  it('tells "no" from "ask" by what the writer reported', () => {
    const { writer, taker } = tables();
    const slot = writer.insert(0, 'a');
    taker.find(0, 'a');
    writer.report(slot, { refuseUntilMs: 50, left: 7, limit: 2 ** 40, resetMs: 60 });
    expect(taker.take(slot, 1, 49)).toBe(1);
    expect(taker.look(slot, 1, 50)).toBe(2);
    writer.fill(slot, odd, 3, 0, 100);
    writer.fill(slot, even, 100, 200, 300);
    expect(taker.look(slot, 3, 50)).toBe(0);
    expect([taker.left(slot), taker.limit(slot), taker.resetMs(slot)]).toEqual([10, 2 ** 40, 60]);
  });

  it('settles in the generation that was taken from, below zero if need be, and in no other', () => {
    const { writer, taker } = tables();
    const slot = writer.insert(0, 'a');
    taker.find(0, 'a');
    writer.fill(slot, even, 10, 0, 10);
    taker.take(slot, 1, 1);
    const { receipt } = taker;
    expect(taker.settle(slot, receipt, 20)).toBe(true);
    expect(writer.tokens(slot, even)).toBe(-11);
    expect(taker.settle(slot, receipt, -15)).toBe(true);
    expect(writer.withdraw(slot, even, 3)).toBe(3);
    expect(writer.withdraw(slot, even, 3)).toBe(1);
    taker.settle(slot, receipt, 2);
    expect(writer.withdraw(slot, even, 3)).toBe(0);
    expect(writer.fill(slot, even, 4, 10, 20)).toBe(-2);
    expect(taker.settle(slot, receipt, -1)).toBe(false);
    for (let n = 1; n < 256; n += 1) writer.fill(slot, even, 4, 10, 20);
    expect(taker.settle(slot, receipt, -1)).toBe(false);
    expect(writer.tokens(slot, even)).toBe(4);
  });

  it('renews a generation with its tokens: what was taken before is neither given back nor charged to it', () => {
    const { writer, taker } = tables();
    const slot = writer.insert(0, 'a');
    taker.find(0, 'a');
    writer.fill(slot, even, 10, 0, 10);
    taker.take(slot, 4, 1);
    const before = taker.receipt;
    expect(writer.renew(slot, even)).toBe(6);
    expect(taker.settle(slot, before, -4)).toBe(false);
    expect(taker.settle(slot, before, 4)).toBe(false);
    expect(taker.take(slot, 2, 9)).toBe(0);
    expect(taker.settle(slot, taker.receipt, -1)).toBe(true);
    expect(writer.tokens(slot, even)).toBe(5);
    expect(taker.charge(slot, 8, 1)).toBe(true);
    expect(writer.renew(slot, even)).toBe(-3);
    expect(taker.charge(slot, 1, 10)).toBe(false);
  });

  it('has a bound for tokens, which settling stays at', () => {
    const { writer, taker } = tables();
    const slot = writer.insert(0, 'a');
    taker.find(0, 'a');
    expect(() => writer.fill(slot, even, MAX_BANK_TOKENS + 1, 0, 10)).toThrow(RangeError);
    writer.fill(slot, even, MAX_BANK_TOKENS, 0, 10);
    expect(() => writer.add(slot, even, 1)).toThrow(RangeError);
    taker.take(slot, 1, 0);
    expect(taker.settle(slot, taker.receipt, -100)).toBe(true);
    expect(writer.tokens(slot, even)).toBe(MAX_BANK_TOKENS);
    taker.settle(slot, taker.receipt, 2 ** 25);
    expect(writer.tokens(slot, even)).toBe(-(2 ** 23));
  });

  it('is full at its capacity: a new key never takes the place of one that is there', () => {
    const { writer, taker } = tables(3);
    const slots = ['a', 'b', 'c'].map((key) => writer.insert(0, key));
    expect(new Set(slots).size).toBe(3);
    expect(writer.insert(0, 'd')).toBe(-1);
    expect(['a', 'b', 'c'].map((key) => taker.find(0, key))).toEqual(slots);
    writer.remove(slots[1] ?? -1);
    writer.remove(slots[1] ?? -1);
    expect(taker.find(0, 'b')).toBe(-1);
    expect(writer.insert(0, 'd')).toBeGreaterThanOrEqual(0);
    expect([writer.size, writer.capacity]).toEqual([3, 3]);
  });

  it('goes on after months, when its clock does not fit into 32 bits', () => {
    const { writer, taker } = tables();
    const slot = writer.insert(0, 'a');
    const forever = writer.insert(0, 'b');
    taker.find(0, 'a');
    taker.find(0, 'b');
    writer.fill(slot, even, 5, 1000.5, 2000);
    writer.fill(forever, even, 400, 0, 8.64e15);
    const day = 86_400_000;
    for (let now = 0; now < 100 * day; now += day / 2) {
      writer.maintain(now);
      expect(taker.take(forever, 1, now + 7 * 3_600_000)).toBe(0);
      expect(taker.look(slot, 1, now + 7 * 3_600_000)).toBe(2);
    }
    writer.fill(slot, odd, 1, 100 * day, 100 * day + 10);
    expect(taker.take(slot, 1, 100 * day - 1)).toBe(2);
    expect(taker.take(slot, 1, 100 * day + 10)).toBe(2);
    expect(taker.take(slot, 1, 100 * day + 9)).toBe(0);
  });
});

describe('a thread that was stopped between looking and taking', () => {
  it('does not take from the window that came meanwhile', () => {
    const { writer, taker } = tables();
    const slot = writer.insert(0, 'a');
    taker.find(0, 'a');
    writer.fill(slot, even, 1, 0, 10);
    stoppedBeforeSwap(() => writer.fill(slot, even, 1, 10, 20));
    expect(taker.take(slot, 1, 5)).toBe(2);
    expect(writer.tokens(slot, even)).toBe(1);
  });

  it('does not take from the key that has the slot meanwhile', () => {
    const { writer, taker } = tables(1);
    const slot = writer.insert(0, 'a');
    taker.find(0, 'a');
    writer.fill(slot, even, 1, 0, 10);
    let reused = -1;
    stoppedBeforeSwap(() => {
      writer.remove(slot);
      // Slots rest, so the same one comes again only after the others.
      for (let n = 0; reused !== slot; n += 1) {
        if (reused >= 0) writer.remove(reused);
        reused = writer.insert(0, `b${n}`);
      }
      writer.fill(reused, even, 1, 0, 10);
    });
    expect(taker.take(slot, 1, 5)).toBe(2);
    expect(taker.take(slot, 1, 5)).toBe(2);
    expect(writer.tokens(slot, even)).toBe(1);
  });

  it('loses a token rather than admit by it when all generations went by', () => {
    const { writer, taker } = tables();
    const slot = writer.insert(0, 'a');
    taker.find(0, 'a');
    writer.fill(slot, even, 1, 0, 10);
    stoppedBeforeSwap(() => {
      for (let n = 0; n < 256; n += 1) writer.fill(slot, even, 1, 10, 20);
    });
    expect(taker.take(slot, 1, 5)).toBe(2);
    expect(writer.tokens(slot, even)).toBe(0);
  });

  it('takes nothing of what was withdrawn meanwhile', () => {
    const { writer, taker } = tables();
    const slot = writer.insert(0, 'a');
    taker.find(0, 'a');
    writer.fill(slot, even, 2, 0, 10);
    stoppedBeforeSwap(() => expect(writer.withdraw(slot, even, 5)).toBe(2));
    expect(taker.take(slot, 1, 5)).toBe(2);
    expect(writer.tokens(slot, even)).toBe(0);
  });
});
