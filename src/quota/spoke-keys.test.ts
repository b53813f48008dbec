import { describe, expect, it } from 'vitest';
import { FIXED, SLIDING, station, windowOf } from './spoke-fixture.ts';

describe('keys at an agent', () => {
  it('that nobody uses are given back and forgotten when the hub has heard of it', () => {
    const me = station({ ...FIXED, floorShare: 0 });
    me.pass(20);
    me.want('alice');
    me.exchange({ 0: [[windowOf(me.now()), 60]] });
    for (let turn = 0; turn < 200 && me.spoke.describe(0).keys > 0; turn += 1) {
      me.pass(200);
      me.exchange({ 0: [] });
    }
    expect(me.spoke.describe(0).keys).toBe(0);
    expect(me.spoke.dueMs()).toBe(Number.POSITIVE_INFINITY);
    expect(me.taker.find(0, 'alice')).toBe(-1);
  });

  it('that were given back give back what comes for them late, too, until the hub has heard of that', () => {
    const me = station({ ...SLIDING, floorShare: 0 });
    me.pass(20);
    me.want('alice');
    me.exchange({ 0: [[0, 5]] });
    let leaving = me.ask();
    for (let turn = 0; turn < 200 && me.spoke.describe(0).keys > 0; turn += 1) {
      me.answer({ 0: [[0, 5]] });
      me.pass(200);
      leaving = me.ask();
    }
    expect(leaving.entries).toMatchObject([{ id: 0, demand: 0, holdings: [{ returned: 5 }] }]);
    me.answer({ 0: [[0, 30]] }, { sentMs: leaving.sentMs - 1 });
    // This answers what was said before the 25 more were there.
    me.answer({ 0: [[0, 30]] }, { sentMs: leaving.sentMs });
    me.pass(200);
    expect(me.exchange({ 0: [[0, 30]] }).entries).toMatchObject([{ id: 0, holdings: [{ returned: 30 }] }]);
    me.pass(200);
    expect(me.spoke.dueMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('that come by the thousand do not take the place of those in use, nor more memory than the table has', () => {
    const me = station({ ...FIXED, floorShare: 0 }, { capacity: 2_000 });
    me.want('good');
    let full = 0;
    for (let turn = 0; turn < 50; turn += 1) {
      for (let key = 0; key < 200; key += 1) me.want(`${turn} ${key}`, 1, 1, 0);
      const granted: Record<number, [number, number][]> = {};
      const request = me.ask();
      for (const { id } of request.entries) granted[id] = [[windowOf(me.now()), 1]];
      me.answer(granted);
      me.take('good', 1);
      full += me.spoke.settled().filter(({ outcome }) => outcome === 'full').length;
      expect(me.spoke.describe(0).keys).toBeLessThanOrEqual(2_000);
      me.pass(20);
      expect(me.taker.find(0, 'good')).toBeGreaterThanOrEqual(0);
    }
    expect(full).toBeGreaterThan(0);
    // What came once is gone soon.
    for (let turn = 0; turn < 10; turn += 1) {
      me.pass(200);
      me.take('good', 1);
      me.exchange();
    }
    expect(me.spoke.describe(0).keys).toBeLessThan(1_100);
  });

  it('that come by the thousand leave their places to those that were in use for longer than they rest now', () => {
    const me = station({ ...FIXED, floorShare: 0 }, { capacity: 2_000 });
    const turns = (count: number, each: (turn: number) => void): void => {
      for (let turn = 0; turn < count; turn += 1) {
        each(turn);
        me.pass(200);
        me.exchange();
      }
    };
    me.want('good');
    turns(15, () => me.take('good', 1));
    turns(10, (turn) => {
      for (let key = 0; key < 600; key += 1) me.want(`${turn} ${key}`, 1, 1, 0);
    });
    expect(me.spoke.describe(0).keys).toBeGreaterThan(1_000);
    expect(me.taker.find(0, 'good')).toBeGreaterThanOrEqual(0);
    expect(me.taker.find(0, '0 0')).toBe(-1);
  });

  it('of a budget that is gone are given back', () => {
    const me = station(FIXED);
    me.pass(20);
    me.want('alice');
    me.exchange({ 0: [[windowOf(me.now()), 60]] });
    me.spoke.configure([], 2, me.now());
    me.pass(200);
    const request = me.ask();
    expect(request.budgets).toBe(2);
    expect(request.entries).toMatchObject([{ id: 0, demand: 0, holdings: [{ returned: 60, spent: 0 }] }]);
    expect(me.taker.find(0, 'alice')).toBe(-1);
  });

  it('names many keys in more than one message, each of them once', () => {
    const me = station(SLIDING, { capacity: 6_000 });
    for (let key = 0; key < 5_000; key += 1) me.want(`${key}`.padEnd(256, '.'), key);
    const named: number[][] = [];
    for (let message = 0; message < 3; message += 1) {
      const { names } = me.ask();
      named.push(names.map(({ id }) => id));
      me.answer(Object.fromEntries(names.map(({ id }) => [id, [[0, 1]]])));
      me.pass(20);
    }
    expect(named.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 5_000 }, (_, id) => id));
    expect(named[0]?.length).toBeLessThan(4_000);
  });
});
