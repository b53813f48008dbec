import { describe, expect, it } from 'vitest';
import { longestMs } from './calendar.ts';
import type { QuotaReply, QuotaRequest } from './messages.ts';
import { createSpoke } from './spoke.ts';
import type { SpokeBudget, SpokeMemory } from './spoke-contract.ts';
import { createQuotaMemory, createTableWriter, createTaker } from './table.ts';

const HUB_MS = 1_700_000_000_000;
const LEASE_MS = 2_000;
const ROUND_TRIP_MS = 20;
const FIXED: SpokeBudget = {
  id: 'shop/customers/all/1s',
  scope: 'shop',
  algorithm: 'fixed-window',
  limit: 100,
  window: { type: 'length', ms: 1_000 },
  floorShare: 0.5,
  allocation: 'proportional',
  waits: true,
  onHubLoss: 'floor',
};
const SLIDING: SpokeBudget = { ...FIXED, id: 'shop/customers/all/1s-sliding', algorithm: 'sliding-window' };
const BUCKET: SpokeBudget = { ...FIXED, id: 'shop/customers/all/1s-bucket', algorithm: 'token-bucket' };

interface Options {
  readonly memory?: SpokeMemory;
  readonly capacity?: number;
  readonly nowMs?: number;
  /** Nothing that is to be kept is ever written. */
  readonly diskless?: boolean;
}

/** A spoke with one budget, one thread, and a hub whose words the test chooses. True time is the agent's clock. */
function station(budget: SpokeBudget, options: Options = {}) {
  let nowMs = options.nowMs ?? 0;
  let sessions = 0;
  const memory = createQuotaMemory({ capacity: options.capacity ?? 1_000, seeds: [3, 4] });
  const taker = createTaker(memory);
  const spoke = createSpoke({
    table: createTableWriter(memory),
    newSession: () => {
      sessions += 1;
      return `session ${sessions}`;
    },
    wallMs: () => HUB_MS + nowMs,
    nowMs,
    ...(options.memory === undefined ? {} : { memory: options.memory }),
  });
  spoke.configure([budget], 1, nowMs);
  let asked: QuotaRequest | undefined;
  const me = {
    spoke,
    now: () => nowMs,
    /** Time goes on, tick by tick. */
    pass(ms: number) {
      for (const end = nowMs + ms; nowMs < end; ) {
        nowMs = Math.min(end, nowMs + 20);
        spoke.tick(nowMs);
        if (options.diskless !== true) spoke.remembered(spoke.memory);
      }
    },
    ask(): QuotaRequest {
      const request = spoke.request(nowMs);
      if (request === undefined) throw new Error('there was nothing to say');
      asked = request;
      return request;
    },
    /** The hub answers the last request. @param granted by name of the key: start of the window → tokens in all */
    answer(
      granted: Readonly<Record<number, readonly [startMs: number, tokens: number][]>> = {},
      change: Partial<QuotaReply> = {},
      left = 50,
    ) {
      if (asked === undefined) throw new Error('nothing was asked');
      const request = asked;
      nowMs += ROUND_TRIP_MS;
      spoke.accept(
        {
          session: request.session,
          ledger: 'ledger',
          epoch: 1,
          hubMs: HUB_MS + nowMs - ROUND_TRIP_MS / 2,
          sentMs: request.sentMs,
          closed: false,
          leaseMs: LEASE_MS,
          intervalMs: 200,
          shares: [{ scope: 'shop', millionths: 500_000 }],
          entries: Object.entries(granted).map(([id, holdings]) => ({
            id: Number(id),
            limit: budget.limit,
            horizonMs: 500,
            holdings: holdings.map(([startMs, tokens]) => ({
              startMs,
              endMs: budget.algorithm === 'fixed-window' ? startMs + longestMs(budget.window) : 0,
              granted: tokens,
              left,
            })),
          })),
          unknown: [],
          ...change,
        },
        nowMs,
      );
    },
    exchange(
      granted: Readonly<Record<number, readonly [startMs: number, tokens: number][]>> = {},
      change: Partial<QuotaReply> = {},
      left = 50,
    ) {
      const request = me.ask();
      me.answer(granted, change, left);
      return request;
    },
    want: (key: string, ticket = 1, hits = 1, waitMs = 300) =>
      spoke.want(ticket, 0, key, hits, waitMs, nowMs),
    /** How many of so many hits are admitted. */
    take(key: string, times: number, hits = 1): number {
      let admitted = 0;
      for (let time = 0; time < times; time += 1) {
        const slot = taker.find(0, key);
        if (slot >= 0 && taker.take(slot, hits, nowMs) === 0) admitted += 1;
      }
      return admitted;
    },
    taker,
  };
  return me;
}

/** Start of the window that an instant of the agent's clock lies in. */
const windowOf = (nowMs: number): number => Math.floor((HUB_MS + nowMs) / 1_000) * 1_000;

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

  describe('keys', () => {
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
  });

  describe('floors', () => {
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
