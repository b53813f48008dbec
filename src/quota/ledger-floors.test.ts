import { describe, expect, it } from 'vitest';
import { openLedger } from './ledger.ts';
import { ask, granted, left, MINUTE, opened, perMinute, request, START } from './ledger-fixture.ts';
import type { QuotaRequest } from './messages.ts';

describe('floors at the hub', () => {
  const floored = { ...perMinute, floorShare: 0.4 };
  const waiver = (nowMs: number, sinceMs = 0) => ({ sinceMs, untilMs: nowMs + 6_000 });

  /** Both agents have half of the floors. */
  const shared = () => {
    const ledger = opened([floored], ['a', 'b']);
    for (const agent of ['a', 'b']) {
      const reply = ask(ledger, agent, START - MINUTE, { budget: floored, waiver: waiver(START - MINUTE) });
      expect(reply.shares).toEqual([{ scope: 'shop', millionths: 500_000 }]);
    }
    return ledger;
  };

  it('I20 of agents that have not waived are granted to nobody', () => {
    const ledger = shared();
    expect(granted(ask(ledger, 'a', START, { waiting: 100, budget: floored }))).toBe(60);
  });

  it('I20 give nothing of a lowered share to others before its agent took a reply that lowered it', () => {
    const ledger = opened([floored], ['a']);
    const of = (agent: string, at: number, more: Partial<QuotaRequest> = {}) =>
      ledger.exchange(agent, request({ session: `${agent}-1`, sentMs: at, waiver: waiver(at), ...more }), at)
        .shares;
    const whole = [{ scope: 'shop', millionths: 1_000_000 }];
    const half = [{ scope: 'shop', millionths: 500_000 }];
    expect(of('a', START)).toEqual(whole);
    ledger.setAgents(new Map(['a', 'b'].map((agent) => [agent, ['shop']])), START + 1);
    expect(of('a', START + 2, { shares: whole, takenHubMs: START })).toEqual(half);
    // It says nothing of the share that is on its way to it.
    expect(of('a', START + 3, { shares: [], takenHubMs: START })).toEqual(half);
    expect(of('b', START + 4)).toEqual([]);
    expect(of('a', START + 5, { shares: half, takenHubMs: START + 2 })).toEqual(half);
    expect(of('b', START + 6)).toEqual(half);
  });

  it('are lent in windows that a waiver covers', () => {
    const ledger = shared();
    expect(granted(ask(ledger, 'a', START, { waiting: 100, budget: floored, waiver: waiver(START) }))).toBe(
      80,
    );
    ask(ledger, 'b', START, { budget: floored, waiver: waiver(START) });
    expect(granted(ask(ledger, 'a', START, { waiting: 100, budget: floored, waiver: waiver(START) }))).toBe(
      100,
    );
    const [state] = ledger.describe(floored.id, START, { most: 1 });
    expect(state?.windows[0]).toMatchObject({ floors: 0, agents: [{ floor: 20 }, { floor: 20 }] });
  });

  it('stay lent in a window over restarts of an agent, and then of the hub', () => {
    const ledger = shared();
    const given = { waiting: 100, budget: floored, waiver: waiver(START) };
    for (const agent of ['b', 'a']) ask(ledger, agent, START, given);
    for (const agent of ['a', 'b'])
      ask(ledger, agent, START + 30_000, {
        session: `${agent}-2`,
        budget: floored,
        waiver: waiver(START + 30_000, START + 30_000),
      });
    const pages = new Map<string, Uint8Array>();
    for (const { page, content } of ledger.takeChanges()) if (content !== undefined) pages.set(page, content);
    const again = openLedger(pages, { epoch: 2, nowMs: START + 31_000, newId: () => 'no' });
    again.setBudgets(new Map([[floored.id, floored]]), 1, START + 31_000);
    again.setAgents(new Map(['a', 'b'].map((agent) => [agent, ['shop']])), START + 31_000);
    const [state] = again.describe(floored.id, START + 31_000, { most: 1 });
    expect(state?.windows[0]).toMatchObject({ floors: 0 });
  });

  it('I20 are not lent when the promise began within the window', () => {
    const ledger = shared();
    const reply = ask(ledger, 'a', START + 10_000, {
      waiting: 100,
      budget: floored,
      waiver: waiver(START + 10_000, START + 5_000),
    });
    expect(granted(reply)).toBe(60);
  });

  it('I20 of an agent that comes back to a smaller share count as large as before until it has it', () => {
    const ledger = opened([floored], ['a']);
    ask(ledger, 'a', START - MINUTE, { budget: floored, waiver: waiver(START - MINUTE) });
    ledger.setAgents(
      new Map([
        ['a', ['shop']],
        ['b', ['shop']],
      ]),
      START,
    );
    const first = ask(ledger, 'b', START, { waiting: 100, budget: floored, waiver: waiver(START) });
    expect(first.shares).toEqual([]);
    expect(granted(first)).toBe(60);
    const sharesOf = (taken: number | undefined, nowMs: number) =>
      ledger.exchange(
        'a',
        request({
          session: 'a-1',
          waiver: waiver(nowMs),
          shares: [{ scope: 'shop', millionths: taken === undefined ? 1_000_000 : 500_000 }],
          ...(taken === undefined ? {} : { takenHubMs: taken }),
        }),
        nowMs,
      ).shares;
    const at = START + MINUTE;
    expect(sharesOf(undefined, at)).toEqual([{ scope: 'shop', millionths: 500_000 }]);
    expect(ask(ledger, 'b', at + 1, { budget: floored, waiver: waiver(at) }).shares).toEqual([]);
    sharesOf(at, at + 2);
    expect(ask(ledger, 'b', at + 3, { budget: floored, waiver: waiver(at) }).shares).toEqual([
      { scope: 'shop', millionths: 500_000 },
    ]);
  });

  it('I20 of a limit that was lowered count by the old one until every agent has the new one', () => {
    const ledger = shared();
    const lower = { ...floored, limit: 50 };
    ledger.setBudgets(new Map([[lower.id, lower]]), 2, START);
    expect(left(ask(ledger, 'a', START, { budget: lower }))).toBe(10);
    for (const agent of ['a', 'b'])
      ledger.exchange(
        agent,
        request({ session: `${agent}-1`, budgets: 2, shares: [{ scope: 'shop', millionths: 500_000 }] }),
        START + 1,
      );
    ledger.sweep(START + 2);
    expect(left(ask(ledger, 'a', START + 3, { budget: lower }))).toBe(10);
    expect(left(ask(ledger, 'a', START + MINUTE, { budget: lower }))).toBe(30);
  });
});
