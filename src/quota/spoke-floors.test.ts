import { describe, expect, it } from 'vitest';
import type { QuotaReply } from './messages.ts';
import type { SpokeMemory } from './spoke-contract.ts';
import { BUCKET, FIXED, HUB_MS, LEASE_MS, SLIDING, station } from './spoke-fixture.ts';

describe('floors at an agent', () => {
  it('are waived ahead of time while the hub answers, and since the process started', () => {
    const me = station(FIXED);
    me.pass(500);
    expect(me.exchange().waiver).toBeUndefined();
    me.pass(200);
    const { waiver } = me.ask();
    expect(waiver?.sinceMs).toBeGreaterThanOrEqual(HUB_MS);
    expect(waiver?.sinceMs).toBeLessThan(HUB_MS + 50);
    expect(waiver?.untilMs).toBeGreaterThan(HUB_MS + me.now() + 200);
  });

  it('that are gone are told to the hub until it has heard, or it would go on keeping them', () => {
    const me = station(FIXED);
    me.pass(500);
    me.exchange();
    me.spoke.configure([{ ...FIXED, floorShare: 0 }], 2, me.now());
    me.pass(200);
    expect(me.ask().budgets).toBe(2);
    me.pass(1_000);
    expect(me.spoke.dueMs()).toBeLessThanOrEqual(me.now());
    expect(me.exchange().budgets).toBe(2);
    expect(me.spoke.dueMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('that were said in a request without an answer are taken back as well: the hub may have heard of them', () => {
    const me = station(FIXED);
    expect(me.ask().budgets).toBe(1);
    me.spoke.configure([{ ...FIXED, floorShare: 0 }], 2, me.now());
    me.pass(6_000);
    expect(me.spoke.dueMs()).toBeLessThanOrEqual(me.now());
    expect(me.exchange().budgets).toBe(2);
    expect(me.spoke.dueMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('are not waived while the hub owes an answer: whoever is cut off needs them, and has promised enough', () => {
    const me = station(FIXED);
    me.pass(500);
    me.exchange();
    me.pass(200);
    expect(me.ask().waiver).toBeDefined();
    me.pass(1_000);
    expect(me.ask().waiver).toBeUndefined();
    me.pass(1_000);
    me.exchange();
    me.pass(200);
    expect(me.ask().waiver).toBeDefined();
  });

  it.each([
    ['some keys before it was time', 'bob'],
    ['nothing, for there was nothing to say', undefined],
  ])('are promised no further for an exchange about %s', (_, other) => {
    const me = station({ ...FIXED, window: { type: 'length', ms: 4_000 } });
    const windowMs = Math.floor(HUB_MS / 4_000) * 4_000;
    const answer = { intervalMs: 200 };
    me.pass(20);
    me.want('alice', 1, 1);
    for (let turn = 1; turn <= 6; turn += 1) {
      me.exchange({ 0: [[windowMs, 3 * turn]] }, answer);
      me.take('alice', 3);
      me.pass(200);
    }
    me.exchange({ 0: [[windowMs, 18]] }, answer);
    me.pass(other === undefined ? 200 : 60);
    if (other !== undefined) me.want(other, 2);
    // The hub has nothing to say of those that it was not asked about.
    const asked = me.exchange({}, { intervalMs: 5_000 });
    expect(asked.entries.some(({ id }) => id === 0)).toBe(false);
    me.pass(500);
    expect(me.spoke.dueMs()).toBeLessThanOrEqual(me.now());
    expect(me.ask().waiver?.untilMs).toBeLessThan(HUB_MS + me.now() + 2 * 500 + 2 * 200);
  });

  it('I20 admit in a window that nobody was promised, when the hub is away, and no more than the share in a window', () => {
    const me = station(FIXED);
    for (let turn = 0; turn < 30; turn += 1) {
      me.pass(180);
      me.exchange();
    }
    const { waiver } = me.ask();
    const promised = (waiver?.untilMs ?? 0) - HUB_MS;
    me.want('alice');
    let first: number | undefined;
    const admitted: number[] = [];
    for (let step = 0; step < 1_000; step += 1) {
      me.pass(10);
      if (step % 20 === 0) me.want('alice', step);
      for (let hit = me.take('alice', 3); hit > 0; hit -= 1) {
        first ??= me.now();
        admitted.push(me.now());
      }
    }
    expect(Math.floor((HUB_MS + (first ?? 0)) / 1_000)).toBeGreaterThan(
      Math.floor((HUB_MS + promised) / 1_000),
    );
    // Half of the limit is kept, and half of that is this agent's.
    for (const from of admitted) {
      const within = admitted.filter((at) => at >= from && at < from + 1_000).length;
      expect(within).toBeLessThanOrEqual(25);
    }
    expect(admitted.length).toBeGreaterThan(75);
  });

  it.each([
    { algorithm: 'fixed-window', budget: FIXED, windowMs: 1_000 },
    { algorithm: 'sliding-window', budget: SLIDING, windowMs: 2_000 },
    { algorithm: 'token-bucket', budget: BUCKET, windowMs: 1_000 },
  ])(
    'I20 that became larger rest until what the hub lent of them before is over: $algorithm',
    ({ budget, windowMs }) => {
      const me = station({ ...budget, floorShare: 0 });
      me.pass(3_000);
      me.want('alice');
      for (let turn = 0; turn < 20; turn += 1) {
        me.pass(200);
        me.take('alice', 1);
        me.exchange();
      }
      me.pass(4_000);
      const changedMs = me.now();
      me.spoke.configure([budget], 2, changedMs);
      let first: number | undefined;
      for (let step = 0; step < 1_000 && first === undefined; step += 1) {
        me.pass(10);
        if (step % 20 === 0) me.want('alice', step);
        if (me.take('alice', 1) > 0) first = me.now();
      }
      expect(first).toBeGreaterThanOrEqual(changedMs + LEASE_MS);
      expect(first).toBeLessThan(changedMs + 2 * LEASE_MS + windowMs + 300);
    },
  );

  it('I20 stay shut until it is written down that they may be in use', () => {
    const me = station(FIXED, { diskless: true });
    for (let turn = 0; turn < 30; turn += 1) {
      me.pass(180);
      me.exchange();
    }
    const promised = me.spoke.memory;
    expect(promised).toMatchObject({ ledger: 'ledger', waivedSinceMs: expect.any(Number) as number });
    me.want('alice');
    const tries = (seconds: number): number => {
      let admitted = 0;
      for (let step = 0; step < seconds * 10; step += 1) {
        me.pass(100);
        me.want('alice', step);
        admitted += me.take('alice', 1);
      }
      return admitted;
    };
    expect(tries(20)).toBe(0);
    expect(me.spoke.memory.waivedSinceMs).toBeUndefined();
    // The word of before, written late, is not that one.
    me.spoke.remembered(promised);
    expect(tries(5)).toBe(0);
    me.spoke.remembered(me.spoke.memory);
    expect(tries(5)).toBeGreaterThan(0);
  });

  it('were not in use before a restart either, when it is written down so, by the clock of the same ledger', () => {
    const before = station(FIXED);
    for (let turn = 0; turn < 5; turn += 1) {
      before.pass(180);
      before.exchange();
    }
    const { memory } = before.spoke;
    const restarted = (change: Partial<QuotaReply>): number => {
      const me = station(FIXED, { memory, nowMs: 60_000 });
      me.pass(100);
      me.want('alice');
      me.exchange({}, change);
      me.pass(200);
      return me.ask().waiver?.sinceMs ?? 0;
    };
    expect(restarted({})).toBe(memory.waivedSinceMs);
    expect(restarted({ ledger: 'another' })).toBeGreaterThan(HUB_MS + 59_000);
  });

  it('I20 rest after a start for as long as what the process before used may count', () => {
    const memory: SpokeMemory = {
      shares: [{ scope: 'shop', millionths: 500_000 }],
      givenWallMs: HUB_MS,
      leaseMs: LEASE_MS,
    };
    const me = station(FIXED, { memory });
    let first: number | undefined;
    for (let step = 0; step < 800 && first === undefined; step += 1) {
      if (step % 10 === 0) me.want('alice', step);
      if (me.take('alice', 1) > 0) first = me.now();
      me.pass(10);
    }
    expect(first).toBeGreaterThanOrEqual(1_010 + 2 * LEASE_MS);
    expect(first).toBeLessThan(1_010 + 2 * LEASE_MS + 300);
  });

  it('are gone when nobody has given them for a week', () => {
    const memory: SpokeMemory = {
      shares: [{ scope: 'shop', millionths: 500_000 }],
      givenWallMs: HUB_MS - 7 * 86_400_000,
      leaseMs: LEASE_MS,
    };
    const me = station(FIXED, { memory });
    me.pass(10_000);
    me.want('alice');
    expect(me.take('alice', 1)).toBe(0);
    expect(me.ask().shares).toEqual([]);
  });

  it('of a bucket begin empty and fill at their part of the rate', () => {
    const memory: SpokeMemory = {
      shares: [{ scope: 'shop', millionths: 1_000_000 }],
      givenWallMs: HUB_MS,
      leaseMs: LEASE_MS,
    };
    const me = station(BUCKET, { memory });
    me.pass(1_010 + 2 * LEASE_MS + 20);
    me.want('alice');
    expect(me.take('alice', 100)).toBeLessThan(3);
    let admitted = 0;
    for (let step = 0; step < 100; step += 1) {
      me.pass(20);
      admitted += me.take('alice', 20);
    }
    expect(admitted).toBeGreaterThan(90);
    expect(admitted).toBeLessThanOrEqual(100);
  });

  it('are waived again only from the moment at which the last of them was used', () => {
    const memory: SpokeMemory = {
      shares: [{ scope: 'shop', millionths: 500_000 }],
      givenWallMs: HUB_MS,
      leaseMs: LEASE_MS,
    };
    const me = station(FIXED, { memory });
    me.pass(6_000);
    me.want('alice');
    expect(me.take('alice', 10)).toBe(10);
    me.exchange({ 0: [] });
    me.pass(20);
    const usedMs = me.now();
    expect(me.ask().waiver?.sinceMs).toBeGreaterThanOrEqual(HUB_MS + usedMs - 20);
    expect(me.take('alice', 10)).toBe(0);
  });
});
