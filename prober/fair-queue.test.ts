import { describe, expect, it } from 'vitest';
import { FairQueue } from './fair-queue.ts';

describe('the fair queue', () => {
  const drain = (queue: FairQueue<string>) => {
    const order: string[] = [];
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) order.push(item);
    return order;
  };

  it('takes keys in turn and items of a key in order', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) queue.push(item.charAt(0), item);
    expect(queue.size).toBe(6);
    expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
    expect(queue.size).toBe(0);
  });

  it('lets a key that comes late have its turn', () => {
    const queue = new FairQueue<string>();
    for (const item of ['a1', 'a2', 'a3']) queue.push('a', item);
    expect(queue.shift()).toBe('a1');
    queue.push('b', 'b1');
    expect(drain(queue)).toEqual(['a2', 'b1', 'a3']);
  });

  it('holds an item once', () => {
    const queue = new FairQueue<string>();
    queue.push('a', 'a1');
    queue.push('a', 'a1');
    expect(drain(queue)).toEqual(['a1']);
  });
});
