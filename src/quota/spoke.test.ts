import { describe, expect, it } from 'vitest';
import { BUCKET, FIXED, HUB_MS, LEASE_MS, SLIDING, station, windowOf } from './spoke-fixture.ts';

describe('the agent’s side of the quota', () => {
  it('asks for a key with its name as soon as a hit waits for it, and lets it try when there are tokens', () => {
    const me = station(FIXED);
    me.pass(100);
    me.want('alice', 7);
    expect(me.spoke.dueMs()).toBeLessThanOrEqual(me.now());
    const request = me.exchange({ 0: [[windowOf(100), 3]] });
    expect(request.names).toEqual([{ id: 0, budget: FIXED.id, key: 'alice' }]);
    expect(request.entries).toMatchObject([{ id: 0, waiting: 1, holdings: [] }]);
    expect(me.spoke.settled()).toEqual([{ ticket: 7, outcome: 'try' }]);
    expect(me.take('alice', 10)).toBe(3);
  });

  it('has nothing to ask while nobody wants anything and there is no floor to waive', () => {
    const me = station({ ...FIXED, floorShare: 0 });
    expect(me.spoke.dueMs()).toBe(Number.POSITIVE_INFINITY);
    expect(me.spoke.request(0)).toBeUndefined();
    me.want('alice');
    expect(me.spoke.dueMs()).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it('says the name again until it was heard, and what was spent in every message until that was', () => {
    const me = station(FIXED);
    me.pass(100);
    me.want('alice');
    me.ask();
    me.pass(1_000);
    expect(me.ask().names).toHaveLength(1);
    me.answer({ 0: [[windowOf(me.now()), 5]] });
    me.take('alice', 4);
    me.pass(200);
    const said = me.ask();
    expect(said.names).toEqual([]);
    expect(said.entries[0]?.holdings).toMatchObject([{ spent: 4 }]);
  });

  it('does not use tokens of a window before both ends of the hub’s clock are in it, nor when one is out of it', () => {
    const me = station(FIXED);
    me.pass(800);
    me.want('alice');
    const next = windowOf(me.now()) + 1_000;
    me.exchange({ 0: [[next, 10]] });
    expect(me.take('alice', 1)).toBe(0);
    // The reply was written 10 ms before it came, or up to 20: so much later is the window surely there.
    while (HUB_MS + me.now() < next) me.pass(1);
    expect(me.take('alice', 1)).toBe(0);
    me.pass(16);
    expect(me.take('alice', 1)).toBe(1);
    while (HUB_MS + me.now() < next + 960) me.pass(1);
    expect(me.take('alice', 1)).toBe(1);
    while (HUB_MS + me.now() < next + 1_000) me.pass(1);
    expect(me.take('alice', 1)).toBe(0);
  });

  it('counts grants once however often and in whatever order replies come', () => {
    const me = station(FIXED);
    me.pass(100);
    me.want('alice');
    const start = windowOf(me.now());
    me.exchange({ 0: [[start, 5]] });
    me.answer({ 0: [[start, 5]] });
    me.answer({ 0: [[start, 3]] });
    expect(me.take('alice', 10)).toBe(5);
    me.answer({ 0: [[start, 6]] });
    expect(me.take('alice', 10)).toBe(1);
  });

  it('gives back what demand does not need, and cannot use it any more when it has said so', () => {
    const me = station(FIXED);
    me.pass(20);
    me.want('alice');
    me.exchange({ 0: [[windowOf(me.now()), 60]] });
    me.pass(400);
    const [entry] = me.ask().entries;
    const returned = entry?.holdings[0]?.returned ?? 0;
    expect(returned).toBeGreaterThan(30);
    expect(me.take('alice', 100)).toBe(60 - returned);
  });

  it.each([SLIDING, BUCKET])('uses grants of a $algorithm no longer than their lease', (budget) => {
    const me = station(budget);
    me.want('alice');
    const sentMs = me.now();
    me.exchange({ 0: [[0, 10]] });
    while (me.now() < sentMs + LEASE_MS * 0.99 - 2) me.pass(1);
    expect(me.take('alice', 1)).toBe(1);
    me.pass(4);
    expect(me.take('alice', 1)).toBe(0);
  });

  it.each([SLIDING, BUCKET])(
    'I20 renews the lease of a $algorithm only by a reply about that key, and gives back at once what floors need',
    (budget) => {
      const me = station(budget);
      me.want('alice');
      me.exchange({ 0: [[0, 10]] });
      me.pass(200);
      me.want('bob', 2);
      me.exchange({ 1: [[0, 0]] });
      // The hub counts four more than there are: somebody does not waive a floor any more.
      me.pass(1_000);
      const asked = me.exchange({ 0: [[0, 10]] }, {}, -4);
      expect(asked.entries.map(({ id }) => id)).toContain(0);
      const left = 10 - (asked.entries.find(({ id }) => id === 0)?.holdings[0]?.returned ?? 0);
      expect(me.take('alice', 100)).toBe(Math.max(0, left - 4));
    },
  );

  it.each([SLIDING, BUCKET])(
    'I20 takes back what an answer of a $algorithm cost less until the hub is told that it was spent, and not after that',
    (budget) => {
      const me = station(budget);
      me.want('alice');
      me.exchange({ 0: [[0, 10]] });
      const slot = me.taker.find(0, 'alice');
      expect(me.take('alice', 1, 6)).toBe(1);
      const soon = me.taker.receipt;
      expect(me.taker.settle(slot, soon, -2)).toBe(true);
      expect(me.take('alice', 1, 4)).toBe(1);
      const late = me.taker.receipt;
      me.pass(200);
      expect(me.ask().entries[0]?.holdings[0]?.spent).toBe(8);
      expect(me.taker.settle(slot, soon, -1)).toBe(false);
      expect(me.taker.settle(slot, late, -1)).toBe(false);
      expect(me.take('alice', 10)).toBe(2);
    },
  );

  it('I20 dates what was spent by the clock’s next reading: threads go on after the one that it was seen at', () => {
    const me = station(SLIDING);
    me.want('alice');
    me.exchange({ 0: [[0, 10]] });
    me.pass(200);
    me.spoke.tick(me.now());
    // Between the clock's reading and the look at the bank.
    me.take('alice', 4);
    me.spoke.tick(me.now());
    const seenMs = me.now();
    me.pass(180);
    const [mark] = me.ask().entries[0]?.holdings[0]?.marks ?? [];
    expect(mark?.spent).toBe(4);
    expect(mark?.ageMs).toBe(me.now() - seenMs - 20);
  });

  it('says how long ago tokens of a sliding window were spent, never sooner than it was', () => {
    const me = station(SLIDING);
    me.want('alice');
    me.exchange({ 0: [[0, 10]] });
    const spentMs = me.now();
    me.take('alice', 4);
    me.pass(200);
    const [holding] = me.ask().entries[0]?.holdings ?? [];
    expect(holding?.spent).toBe(4);
    const [first] = holding?.marks ?? [];
    expect(first?.spent).toBe(4);
    expect(first?.ageMs).toBeGreaterThan(150);
    expect(first?.ageMs).toBeLessThanOrEqual(me.now() - spentMs);
  });

  it.each([
    ['the hub says that its session is over', { closed: true }],
    ['another ledger answers', { ledger: 'another' }],
    ['the hub’s clock cannot be the one of before', { hubMs: HUB_MS + 600_000 }],
  ])('drops everything and begins another session when %s', (_, change) => {
    const me = station(FIXED);
    me.pass(20);
    me.want('alice');
    const first = me.exchange({ 0: [[windowOf(me.now()), 60]] });
    me.pass(220);
    me.exchange({}, change);
    expect(me.take('alice', 5)).toBe(0);
    me.pass(20);
    const next = me.ask();
    expect(next.session).not.toBe(first.session);
    expect(next.names).toMatchObject([{ key: 'alice' }]);
    expect(next.entries[0]?.holdings).toEqual([]);
  });

  it('drops everything when its own clock broke', () => {
    const me = station(FIXED);
    me.pass(20);
    me.want('alice');
    me.exchange({ 0: [[windowOf(me.now()), 60]] });
    me.spoke.clockBroke(me.now());
    expect(me.take('alice', 5)).toBe(0);
    expect(me.spoke.describe(me.now()).hub).toBeUndefined();
  });

  it('does not believe a hub that was replaced', () => {
    const me = station(FIXED);
    me.pass(20);
    me.want('alice');
    me.exchange({ 0: [[windowOf(me.now()), 5]] }, { epoch: 2 });
    me.answer({ 0: [[windowOf(me.now()), 50]] }, { epoch: 1 });
    expect(me.take('alice', 100)).toBe(5);
  });

  it('holds more than a bank of the table can, and all of it can be taken and is accounted', () => {
    const granted = 20_000_000;
    const me = station({ ...FIXED, limit: granted });
    me.pass(20);
    me.want('alice', 1, 1_000_000);
    me.exchange({ 0: [[windowOf(me.now()), granted]] });
    let taken = 0;
    for (let turn = 0; turn < 30; turn += 1) {
      taken += me.take('alice', 1, 1_000_000);
      me.pass(20);
    }
    expect(taken).toBe(20);
    expect(me.ask().entries[0]?.holdings[0]?.spent).toBe(granted);
  });

  describe('hits that wait', () => {
    it('are refused when the hub has nothing, and the threads need not ask until the next exchange', () => {
      const me = station(FIXED);
      me.pass(20);
      me.want('alice');
      me.exchange({ 0: [[windowOf(me.now()), 0]] }, {}, 0);
      expect(me.spoke.settled()).toEqual([{ ticket: 1, outcome: 'refused' }]);
      const slot = me.taker.find(0, 'alice');
      expect(me.taker.take(slot, 1, me.now())).toBe(1);
      me.pass(300);
      expect(me.taker.take(slot, 1, me.now())).toBe(2);
    });

    it.each([
      ['an interval, while others hold some', FIXED, { elsewhere: 3 }, 200],
      ['to the end of the window, when all is used up', FIXED, { elsewhere: 0 }, 960],
      ['until one is free, when all is used up', SLIDING, { elsewhere: 0, endMs: HUB_MS + 460 }, 450],
    ])('are told to try again after %s', (_, budget, grant, afterMs) => {
      const me = station(budget);
      me.pass(20);
      me.want('alice');
      const startMs = budget === FIXED ? windowOf(me.now()) : 0;
      const endMs = startMs + 1_000;
      const holding = { startMs, endMs, granted: 0, left: 0, ...grant };
      me.exchange({}, { entries: [{ id: 0, limit: 100, horizonMs: 500, holdings: [holding] }] });
      const retryMs = me.taker.retryMs(me.taker.find(0, 'alice')) - me.now();
      expect(retryMs).toBeGreaterThan(afterMs - 60);
      expect(retryMs).toBeLessThan(afterMs + 60);
    });

    it('wait no longer than they may', () => {
      const me = station(FIXED);
      me.want('alice', 1, 1, 100);
      me.pass(80);
      expect(me.spoke.settled()).toEqual([]);
      me.pass(40);
      expect(me.spoke.settled()).toEqual([{ ticket: 1, outcome: 'refused' }]);
    });

    it('are told that the hub is away after a lease without a reply', () => {
      const me = station({ ...FIXED, floorShare: 0 });
      me.want('alice');
      me.exchange({ 0: [] });
      me.spoke.settled();
      me.pass(1_000);
      me.ask();
      me.pass(LEASE_MS + 100);
      me.want('bob', 2);
      expect(me.spoke.settled()).toContainEqual({ ticket: 2, outcome: 'away' });
    });

    it('are not told so because nothing was asked for long', () => {
      const me = station({ ...FIXED, floorShare: 0 });
      me.pass(LEASE_MS + 30_000);
      expect(me.spoke.away(me.now())).toBe(false);
      me.want('alice', 1);
      expect(me.spoke.settled()).toEqual([]);
      expect(me.spoke.dueMs()).toBeLessThanOrEqual(me.now());
    });

    it('are at most 64 at a key, and 10,000 in all', () => {
      const me = station(FIXED);
      for (let ticket = 0; ticket < 70; ticket += 1) me.want('alice', ticket);
      expect(me.spoke.settled()).toEqual(
        [64, 65, 66, 67, 68, 69].map((ticket) => ({ ticket, outcome: 'full' })),
      );
      for (let ticket = 0; ticket < 10_000; ticket += 1) me.want(`key ${ticket % 990}`, 100 + ticket);
      expect(me.spoke.describe(0).waiting).toBe(10_000);
      expect(me.spoke.settled()).toHaveLength(64);
    });
  });
});
