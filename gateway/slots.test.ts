import { describe, expect, it } from 'vitest';
import { NO_SLOT, Slots } from './slots.ts';

function inside<T>(slots: Slots<T>): readonly T[] {
  const seen: T[] = [];
  slots.each((thing) => seen.push(thing));
  return seen;
}

describe('slots', () => {
  it('shows what was put in and not what left', () => {
    const slots = new Slots<string>();
    const first = slots.put('first');
    slots.put('second');
    expect(slots.release(first)).toBe(NO_SLOT);
    expect(inside(slots)).toEqual(['second']);
    expect(slots.size).toBe(1);
  });

  it('gives a number that is free again to the next one, so that many that come and go take no more room than few', () => {
    const slots = new Slots<number>();
    const numbers = new Set<number>();
    for (let at = 0; at < 1_000; at += 1) {
      const slot = slots.put(at);
      numbers.add(slot);
      slots.release(slot);
    }
    expect(numbers.size).toBe(1);
    expect(slots.size).toBe(0);
  });

  it('takes it calmly when nothing is released', () => {
    const slots = new Slots<string>();
    const slot = slots.put('here');
    expect(slots.release(NO_SLOT)).toBe(NO_SLOT);
    expect(slots.size).toBe(1);
    slots.release(slot);
    expect(inside(slots)).toEqual([]);
  });

  it('may be left, and left by others, while it is looked through', () => {
    const slots = new Slots<{ readonly name: string; slot: number }>();
    const things = ['a', 'b', 'c'].map((name) => ({ name, slot: NO_SLOT as number }));
    for (const thing of things) thing.slot = slots.put(thing);
    const seen: string[] = [];
    slots.each((thing) => {
      seen.push(thing.name);
      thing.slot = slots.release(thing.slot);
      if (thing.name === 'a') slots.release(things[1]?.slot ?? NO_SLOT);
    });
    expect(seen).toEqual(['a', 'c']);
    expect(slots.size).toBe(0);
  });

  it('gives back the room of a crowd when it is gone, and goes on', () => {
    const slots = new Slots<number>();
    const crowd = Array.from({ length: 5_000 }, (_, at) => slots.put(at));
    for (const slot of crowd) slots.release(slot);
    expect(slots.size).toBe(0);
    expect(slots.put(7)).toBe(0);
    expect(inside(slots)).toEqual([7]);
  });
});
