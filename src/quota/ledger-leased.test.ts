import { describe, expect, it } from 'vitest';
import type { Budget } from './budget.ts';
import { createLedger, openLedger } from './ledger.ts';
import type { Ledger } from './ledger-contract.ts';
import type { EntryReport, HoldingReport, QuotaReply, QuotaRequest } from './messages.ts';

const START = 1_800_000_000_000;
const MINUTE = 60_000;
const LEASE = 9_000;

const sliding: Budget = {
  id: 'shop/p/l/60s-sliding',
  scope: 'shop',
  algorithm: 'sliding-window',
  limit: 100,
  window: { type: 'length', ms: MINUTE },
  floorShare: 0,
  allocation: 'proportional',
  waits: false,
};
const bucket: Budget = {
  ...sliding,
  id: 'shop/p/l/60s-bucket',
  algorithm: 'token-bucket',
  burst: 20,
  limit: 60,
};

const opened = (budget: Budget, agents = ['a', 'b']) =>
  configured(createLedger({ epoch: 1, nowMs: START - MINUTE, newId: () => 'ledger' }), budget, agents);

const configured = (ledger: Ledger, budget: Budget, agents = ['a', 'b']) => {
  ledger.setBudgets(new Map([[budget.id, budget]]), 1, START - MINUTE);
  ledger.setAgents(new Map(agents.map((agent) => [agent, ['shop']])), START - MINUTE);
  return ledger;
};

let sent = 0;
const ask = (
  ledger: Ledger,
  budget: Budget,
  agent: string,
  nowMs: number,
  report: Partial<Omit<HoldingReport, 'startMs'>> & Partial<Pick<EntryReport, 'waiting' | 'demand'>>,
  more: Partial<QuotaRequest> = {},
): QuotaReply => {
  sent += 1;
  const { waiting = 0, demand = 0, returned = 0, spent = 0, marks } = report;
  const holding = { startMs: 0, returned, spent, ...(marks === undefined ? {} : { marks }) };
  return ledger.exchange(
    agent,
    {
      session: `${agent}-1`,
      sentMs: sent,
      ledger: '',
      budgets: 1,
      shares: [],
      names: [{ id: 0, budget: budget.id, key: 'k' }],
      entries: [{ id: 0, demand, waiting, holdings: [holding] }],
      ...more,
    },
    nowMs,
  );
};
const granted = (reply: QuotaReply) => reply.entries[0]?.holdings[0]?.granted;
const left = (reply: QuotaReply) => reply.entries[0]?.holdings[0]?.left;

describe('a session that is closed before its leases are over', () => {
  const kinds = [
    { name: 'a sliding window', budget: { ...sliding, window: { type: 'length', ms: 1_000 } } as const },
    { name: 'a token bucket', budget: { ...bucket, limit: 60_000, burst: 100 } },
  ];

  it.each(kinds)('I20 may use what it holds of $name until then: a process too many', ({ budget }) => {
    const ledger = opened(budget);
    expect(granted(ask(ledger, budget, 'a', START, { waiting: 100 }))).toBe(100);
    for (const session of ['a-2', 'a-3', 'a-4', 'a-5'])
      ask(ledger, budget, 'a', START + 1, {}, { session, names: [], entries: [] });
    expect(ask(ledger, budget, 'a', START + 2, {}).closed).toBe(true);
    expect(granted(ask(ledger, budget, 'b', START + LEASE - 1, { waiting: 100 }))).toBe(0);
    expect(granted(ask(ledger, budget, 'b', START + LEASE + 2_000, { waiting: 100 }))).toBe(100);
  });

  it.each(kinds)(
    'I20 may use what it holds of $name until then: a clock that did not go on',
    ({ budget }) => {
      const ledger = opened(budget);
      expect(granted(ask(ledger, budget, 'a', START, { waiting: 100 }))).toBe(100);
      const pages = new Map(
        ledger
          .takeChanges()
          .flatMap(({ page, content }) => (content === undefined ? [] : [[page, content] as const])),
      );
      const nowMs = START + 10;
      const again = configured(openLedger(pages, { epoch: 2, nowMs, newId: () => 'another' }), budget);
      again.pauseUntil(nowMs + LEASE);
      expect(granted(ask(again, budget, 'b', nowMs + LEASE, { waiting: 100 }))).toBe(0);
      expect(granted(ask(again, budget, 'b', nowMs + LEASE + 2_000, { waiting: 100 }))).toBe(100);
    },
  );
});

describe('a sliding window', () => {
  it('I20 frees a token a window after the hub heard that it was spent', () => {
    const ledger = opened(sliding);
    ask(ledger, sliding, 'a', START, { waiting: 100 });
    ask(ledger, sliding, 'a', START + 3_000, { spent: 100 });
    expect(granted(ask(ledger, sliding, 'b', START + 3_000 + MINUTE - 1, { waiting: 100 }))).toBe(0);
    expect(granted(ask(ledger, sliding, 'b', START + 3_000 + MINUTE + 1_000, { waiting: 100 }))).toBe(100);
  });

  it('I20 frees tokens earlier by the age that the agent’s clock shows, less what clocks go apart', () => {
    const ledger = opened(sliding);
    ask(ledger, sliding, 'a', START, { waiting: 100 });
    const marks = [{ spent: 40, ageMs: 5_050 }];
    ask(ledger, sliding, 'a', START + 8_000, { spent: 100, marks });
    // 40 were spent 5 s before or earlier; a step of the log is a 64th of the window.
    expect(left(ask(ledger, sliding, 'b', START + 3_000 + MINUTE - 1, {}))).toBe(0);
    expect(left(ask(ledger, sliding, 'b', START + 3_000 + MINUTE + 940, {}))).toBe(40);
    expect(left(ask(ledger, sliding, 'b', START + 8_000 + MINUTE + 940, {}))).toBe(100);
  });

  it('I20 does not believe an age to the millisecond: the clock that it is by may go too fast', () => {
    const ledger = opened(sliding);
    ask(ledger, sliding, 'a', START, { waiting: 100 });
    for (let at = START; at < START + 50_000; at += LEASE) ask(ledger, sliding, 'a', at, {});
    const marks = [{ spent: 100, ageMs: 50_500 }];
    ask(ledger, sliding, 'a', START + 50_000, { spent: 100, marks });
    expect(left(ask(ledger, sliding, 'b', START + MINUTE - 1, {}))).toBe(0);
    expect(left(ask(ledger, sliding, 'b', START + MINUTE + 1_000, {}))).toBe(100);
  });

  it('I20 counts what a lost session held as spent when its lease ends, and tells it so for ever', () => {
    const ledger = opened(sliding);
    ask(ledger, sliding, 'a', START, { waiting: 100 });
    ledger.sweep(START + LEASE);
    expect(ledger.sizes.sessions).toBe(1);
    ledger.sweep(START + LEASE + 1);
    expect(ledger.sizes.sessions).toBe(0);
    expect(ask(ledger, sliding, 'a', START + LEASE + 2, { returned: 100 }).closed).toBe(true);
    expect(left(ask(ledger, sliding, 'b', START + LEASE + MINUTE, {}))).toBe(0);
    expect(left(ask(ledger, sliding, 'b', START + LEASE + MINUTE + 1_000, {}))).toBe(100);
  });

  it('I20 asks too many grants back when a limit is lowered, and says by when it holds', () => {
    const ledger = opened(sliding);
    ask(ledger, sliding, 'a', START, { waiting: 100 });
    ledger.setBudgets(new Map([[sliding.id, { ...sliding, limit: 30 }]]), 2, START);
    expect(left(ask(ledger, sliding, 'a', START + 1_000, {}))).toBe(-70);
    const [state] = ledger.describe(sliding.id, START + 1_000, { most: 1 });
    expect(state?.limitAppliesMs).toBe(START + 1_000 + LEASE + MINUTE);
    expect(left(ask(ledger, sliding, 'a', START + 2_000, { returned: 70 }))).toBe(0);
    expect(ledger.describe(sliding.id, START + 2_000, { most: 1 })[0]).not.toHaveProperty('limitAppliesMs');
  });

  it('I20 asks lent floors back when an agent’s promise ends', () => {
    const floored = { ...sliding, floorShare: 0.5 };
    const ledger = opened(floored, ['a', 'b']);
    const waiver = { sinceMs: 0, untilMs: START + 6_000 };
    ask(ledger, floored, 'b', START - 1, {}, { waiver });
    expect(granted(ask(ledger, floored, 'a', START, { waiting: 100 }, { waiver }))).toBe(100);
    // The promise of `a` goes on, that of `b` does not.
    const later = { sinceMs: 0, untilMs: START + 20_000 };
    expect(left(ask(ledger, floored, 'a', START + 6_000, {}, { waiver: later }))).toBe(0);
    expect(left(ask(ledger, floored, 'a', START + 6_001, {}, { waiver: later }))).toBe(-25);
  });

  it('I20 goes on after a restart with what was spent and granted', () => {
    const pages = new Map<string, Uint8Array>();
    const ledger = opened(sliding);
    ask(ledger, sliding, 'a', START, { waiting: 60 });
    ask(ledger, sliding, 'a', START + 1_000, { spent: 40 });
    for (const { page, content } of ledger.takeChanges()) if (content !== undefined) pages.set(page, content);
    const again = openLedger(pages, { epoch: 2, nowMs: START + 2_000, newId: () => 'no' });
    configured(again, sliding);
    expect(left(ask(again, sliding, 'b', START + 2_000, {}))).toBe(40);
    expect(left(ask(again, sliding, 'a', START + 2_500, { spent: 40 }))).toBe(40);
    expect(left(ask(again, sliding, 'b', START + 1_000 + MINUTE + 1_000, {}))).toBe(80);
  });

  it('goes on with numbers of a key that it forgot', () => {
    const ledger = opened(sliding);
    const reply = ask(ledger, sliding, 'a', START, { spent: 500, returned: 20, waiting: 5 });
    expect([granted(reply), left(reply)]).toEqual([525, 95]);
  });
});

describe('a token bucket', () => {
  it('I20 grants a burst, and then as fast as tokens come', () => {
    const ledger = opened(bucket);
    expect(granted(ask(ledger, bucket, 'a', START, { waiting: 50 }))).toBe(20);
    expect(granted(ask(ledger, bucket, 'a', START + 1_000, { spent: 20, waiting: 5 }))).toBe(20);
    // There was no room before the hub heard of the 20.
    expect(granted(ask(ledger, bucket, 'a', START + 3_000, { spent: 20, waiting: 5 }))).toBe(22);
  });

  it('I20 has no more than the burst, at the hub and the agents together', () => {
    const ledger = opened(bucket);
    ask(ledger, bucket, 'a', START, { waiting: 12 });
    expect(left(ask(ledger, bucket, 'b', START + 6_000, {}))).toBe(8);
    expect(left(ask(ledger, bucket, 'a', START + 8_000, { returned: 12 }))).toBe(20);
  });

  it('I20 makes up for what an answer cost beyond all grants before it grants again', () => {
    const ledger = opened(bucket);
    ask(ledger, bucket, 'a', START, { waiting: 20 });
    ask(ledger, bucket, 'a', START, { spent: 25 });
    const reply = ask(ledger, bucket, 'a', START + 4_000, { spent: 25, waiting: 10 });
    expect(granted(reply)).toBe(24);
    expect(left(ask(ledger, bucket, 'b', START + 6_000, {}))).toBe(2);
  });

  it('I20 counts a floor that was in use since it was asked last, though its agent promises again by now', () => {
    const floored = { ...bucket, floorShare: 0.5 };
    const ledger = opened(floored);
    const shares = [{ scope: 'shop', millionths: 1_000_000 }];
    const hello = { shares, names: [], entries: [] };
    const promise = (sinceMs: number, untilMs: number) => ({ ...hello, waiver: { sinceMs, untilMs } });
    ask(ledger, floored, 'a', START, {}, promise(0, START + 1_000));
    expect(left(ask(ledger, floored, 'b', START + 500, {}))).toBe(20);
    // It may have saved ten from then on, and used them, before it promised anew.
    ask(ledger, floored, 'a', START + 9_500, {}, promise(START + 9_000, START + MINUTE));
    expect(granted(ask(ledger, floored, 'b', START + 10_000, { waiting: 20 }))).toBe(10);
  });

  it('I20 that was forgotten while floors were in use has no more when it comes again than it would have had', () => {
    const floored = { ...bucket, floorShare: 1 };
    const opener = opened(floored, ['a']);
    // Nothing is promised: all of it may be in use at `a`, and nothing is left of the bucket.
    const share = { names: [], entries: [], shares: [{ scope: 'shop', millionths: 1_000_000 }] };
    ask(opener, floored, 'a', START, {}, share);
    opener.override(floored.id, 'k', { limit: 60, untilMs: START + 1 });
    opener.sweep(START + 2_000);
    expect(opener.sizes.keys).toBe(0);
    // From here on it is, and the bucket has filled for a second.
    const waiver = { sinceMs: START + 2_000, untilMs: START + MINUTE };
    const reply = ask(
      opener,
      floored,
      'a',
      START + 3_000,
      { waiting: 20 },
      {
        ...share,
        names: [{ id: 0, budget: floored.id, key: 'k' }],
        entries: [{ id: 0, demand: 0, waiting: 20, holdings: [] }],
        waiver,
      },
    );
    expect(granted(reply)).toBeLessThanOrEqual(1);
  });

  it('is not refilled by a restart', () => {
    const pages = new Map<string, Uint8Array>();
    const ledger = opened(bucket);
    ask(ledger, bucket, 'a', START, { waiting: 20 });
    ask(ledger, bucket, 'a', START, { spent: 20 });
    for (const { page, content } of ledger.takeChanges()) if (content !== undefined) pages.set(page, content);
    const again = configured(openLedger(pages, { epoch: 2, nowMs: START, newId: () => 'no' }), bucket);
    expect(left(ask(again, bucket, 'b', START + 3_000, {}))).toBe(3);
  });
});

describe('operators', () => {
  it('set a limit for one key until a time, and take it back', () => {
    const ledger = opened(sliding);
    ledger.override(sliding.id, 'k', { limit: 10, untilMs: START + 5_000 });
    expect(left(ask(ledger, sliding, 'a', START, {}))).toBe(10);
    expect(ledger.describe(sliding.id, START, { key: 'k', most: 1 })[0]?.overriddenUntilMs).toBe(
      START + 5_000,
    );
    expect(left(ask(ledger, sliding, 'a', START + 5_000, {}))).toBe(100);
    ledger.override(sliding.id, 'k', { limit: 0, untilMs: START + MINUTE });
    expect(left(ask(ledger, sliding, 'a', START + 6_000, {}))).toBe(0);
    ledger.override(sliding.id, 'k', undefined);
    expect(left(ask(ledger, sliding, 'a', START + 6_000, {}))).toBe(100);
    expect(() => ledger.override('none', 'k', undefined)).toThrow('no budget');
  });

  it.each([
    ['fixed-window', { ...sliding, id: 'f', algorithm: 'fixed-window' as const }],
    ['sliding-window', sliding],
    ['token-bucket', { ...bucket, burst: 60 }],
  ])('forget what was spent of a %s, not what is granted and unspent', (_name, budget) => {
    const ledger = opened(budget);
    const first = ask(ledger, budget, 'a', START, { waiting: 50 });
    const startMs = first.entries[0]?.holdings[0]?.startMs ?? 0;
    const report = { id: 0, demand: 0, waiting: 0, holdings: [{ startMs, returned: 0, spent: 30 }] };
    ask(ledger, budget, 'a', START, {}, { entries: [report] });
    expect(ledger.reset(budget.id, 'k', START)).toBe(30);
    expect(ledger.describe(budget.id, START, { most: 1 })[0]?.windows[0]).toMatchObject({
      leased: 20,
      spent: 0,
      left: budget.limit - 20,
    });
    expect(ledger.reset(budget.id, 'other', START)).toBe(0);
  });

  it('see keys by their share of the limit, with what each agent holds', () => {
    const ledger = opened(sliding);
    ask(ledger, sliding, 'a', START, { waiting: 10, demand: 3 });
    ask(
      ledger,
      sliding,
      'b',
      START,
      { waiting: 50 },
      { names: [{ id: 0, budget: sliding.id, key: 'busy' }] },
    );
    const states = ledger.describe(sliding.id, START, { most: 5 });
    expect(states.map(({ key }) => key)).toEqual(['busy', 'k']);
    expect(states[0]?.windows[0]?.agents).toEqual([
      { agent: 'b', session: 'b-1', leased: 50, spent: 0, floor: 0, demand: 0, heardMs: START },
    ]);
  });

  it('see a budget that is gone until nothing of it counts any more, and it is granted no more', () => {
    const ledger = opened(sliding);
    ask(ledger, sliding, 'a', START, { waiting: 10 });
    ledger.setBudgets(new Map(), 2, START);
    expect(granted(ask(ledger, sliding, 'a', START, { waiting: 20 }))).toBe(10);
    expect(ledger.describe(sliding.id, START, { most: 5 })).toHaveLength(1);
    for (let second = 1; second < 200; second += 1) ledger.sweep(START + second * 1_000);
    expect(ledger.describe(sliding.id, START, { most: 5 })).toEqual([]);
    expect(ledger.sizes.keys).toBe(0);
  });
});

describe('an agent that lies', () => {
  const all = Number.MAX_SAFE_INTEGER;

  it.each([sliding, bucket])(
    'cannot make the book unreadable with what it says it spent of $id',
    (budget) => {
      const ledger = opened(budget);
      for (let process = 0; process < 40; process += 1) {
        const session = `a-${process}`;
        ask(ledger, budget, 'a', START, { spent: 1 }, { session });
        ask(ledger, budget, 'a', START, { spent: all, marks: [{ spent: 5, ageMs: all }] }, { session });
        ask(ledger, budget, 'a', START, { spent: all, returned: all }, { session });
      }
      const pages = new Map(
        ledger
          .takeChanges()
          .flatMap(({ page, content }) => (content === undefined ? [] : [[page, content] as const])),
      );
      const again = openLedger(pages, { epoch: 2, nowMs: START, newId: () => 'no' });
      expect(again.sizes).toEqual(ledger.sizes);
    },
  );

  it('owes no more than a bank can', () => {
    const ledger = opened(sliding);
    ask(ledger, sliding, 'a', START, { waiting: 10 });
    expect(left(ask(ledger, sliding, 'a', START, { spent: all }))).toBe(100 - 10 - 2 ** 23);
  });

  it('leaves no more than one burst of debt in a bucket, however many processes it had', () => {
    const ledger = opened(bucket);
    for (const session of ['a-1', 'a-2', 'a-3', 'a-4']) {
      expect(granted(ask(ledger, bucket, 'a', START, { waiting: 5 }, { session }))).toBe(5);
      ask(ledger, bucket, 'a', START, { spent: all }, { session });
    }
    // Each new process ends the oldest of those before it.
    for (const session of ['a-5', 'a-6', 'a-7', 'a-8'])
      ask(ledger, bucket, 'a', START + 1, {}, { session, names: [] });
    // A token comes each second: 20 of them pay the debt.
    expect(left(ask(ledger, bucket, 'b', START + 1, {}))).toBe(-20);
    expect(granted(ask(ledger, bucket, 'b', START + 25_001, { waiting: 20 }))).toBe(5);
  });

  it('does not starve others for ever by demand beyond all numbers', () => {
    const ledger = opened(sliding, ['a', 'b', 'c']);
    ask(ledger, sliding, 'c', START, { demand: 0.001 });
    for (const session of ['a-1', 'a-2'])
      ask(ledger, sliding, 'a', START, { demand: Number.MAX_VALUE }, { session });
    for (const session of ['a-1', 'a-2'])
      ask(ledger, sliding, 'a', START + 10, { returned: all, demand: 0 }, { session });
    const reply = ask(ledger, sliding, 'c', START + 2_000, { demand: 10 });
    expect(granted(reply)).toBeGreaterThan(5);
  });

  it('is answered once for a key that it says a hundred thousand times', () => {
    const ledger = opened(sliding);
    ask(ledger, sliding, 'a', START, {});
    const entries = Array.from({ length: 100_000 }, () => ({ id: 0, demand: 1, waiting: 1, holdings: [] }));
    expect(ask(ledger, sliding, 'a', START, {}, { entries }).entries).toHaveLength(1);
  });
});
