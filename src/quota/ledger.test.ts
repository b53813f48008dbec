import { describe, expect, it } from 'vitest';
import type { Budget } from './budget.ts';
import { createLedger } from './ledger.ts';
import {
  ask,
  granted,
  left,
  MINUTE,
  opened,
  perMinute,
  reopened,
  request,
  START,
  save,
} from './ledger-fixture.ts';

describe('a fixed window', () => {
  it('I20 grants to all agents together no more than the limit', () => {
    const ledger = opened([perMinute]);
    expect(granted(ask(ledger, 'a', START, { waiting: 60 }))).toBe(60);
    const second = ask(ledger, 'b', START, { waiting: 60 });
    expect([granted(second), left(second)]).toEqual([40, 0]);
    expect(granted(ask(ledger, 'c', START, { waiting: 1 }))).toBe(0);
  });

  it('tells the same cumulative grant again when nothing changed, whatever was lost on the way', () => {
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 10 });
    expect(granted(ask(ledger, 'a', START, { waiting: 10 }))).toBe(10);
  });

  it('lends what comes back to others', () => {
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 100 });
    ask(ledger, 'a', START, { returned: 30, spent: 10 });
    expect(granted(ask(ledger, 'b', START, { waiting: 50 }))).toBe(30);
  });

  it('I20 does not lend what came back twice when the message comes twice', () => {
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 100 });
    for (let times = 0; times < 3; times += 1) ask(ledger, 'a', START, { returned: 30 });
    expect(granted(ask(ledger, 'b', START, { waiting: 100 }))).toBe(30);
  });

  it('charges what answers cost beyond all grants', () => {
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 10 });
    ask(ledger, 'a', START, { spent: 70 });
    expect(granted(ask(ledger, 'b', START, { waiting: 100 }))).toBe(30);
  });

  it('begins anew when the next one begins, and grants ahead of it', () => {
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 100 });
    const reply = ask(ledger, 'a', START + MINUTE - 1_000, { demand: 5 });
    expect(reply.entries[0]?.holdings).toHaveLength(2);
    const ahead = reply.entries[0]?.holdings[1];
    expect(ahead?.startMs).toBe(START + MINUTE);
    expect(ahead?.granted).toBeGreaterThan(0);
    const after = ask(ledger, 'b', START + MINUTE, { waiting: 100 });
    expect((granted(after) ?? 0) + (ahead?.granted ?? 0)).toBe(100);
  });

  it('I20 burns what a lost data process held until the window ends', () => {
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 100, session: 'a-1' });
    expect(granted(ask(ledger, 'a', START + 20_000, { waiting: 100, session: 'a-2' }))).toBe(0);
    expect(granted(ask(ledger, 'a', START + MINUTE, { waiting: 100, session: 'a-2' }))).toBe(100);
  });

  it('keeps tokens of a tiny limit for hits that wait', () => {
    const two = { ...perMinute, limit: 2, waits: true };
    const ledger = opened([two]);
    expect(granted(ask(ledger, 'a', START, { demand: 3, budget: two }))).toBe(0);
    const reply = ask(ledger, 'b', START, { demand: 3, waiting: 2, budget: two });
    expect([granted(reply), reply.entries[0]?.horizonMs]).toEqual([2, 0]);
  });

  it('asks for exchanges by its length, and sooner when little is left', () => {
    const ledger = opened([perMinute]);
    expect(ask(ledger, 'a', START, { demand: 0.1 }).intervalMs).toBe(5_000);
    expect(ask(ledger, 'a', START, { demand: 30 }).intervalMs).toBe(2_500);
  });

  it('is asked at the interval of its window also while nothing is left of it: what is given back has somebody to go to', () => {
    const budget: Budget = { ...perMinute, limit: 40, window: { type: 'length', ms: 4_000 } };
    const ledger = opened([budget]);
    expect(ask(ledger, 'b', START, { budget, waiting: 40 }).entries[0]?.holdings[0]?.left).toBe(0);
    const reply = ask(ledger, 'a', START, { budget, demand: 5 });
    expect(reply.entries[0]?.holdings[0]).toMatchObject({ granted: 0, left: 0, elsewhere: 40 });
    expect(reply.intervalMs).toBe(500);
  });
});

describe('what is short', () => {
  const share = (allocation: Budget['allocation']) => {
    const budget = { ...perMinute, allocation };
    const ledger = opened([budget], ['a', 'b', 'c'], { random: () => 0.5 });
    const demands = { a: 8, b: 1.5, c: 0.5 };
    const got = new Map<string, number>();
    for (const [agent, demand] of Object.entries(demands))
      ask(ledger, agent, START - MINUTE, { demand, budget });
    for (let at = START; at < START + MINUTE; at += 1_000) {
      for (const [agent, demand] of Object.entries(demands)) {
        const before = got.get(agent) ?? 0;
        got.set(agent, granted(ask(ledger, agent, at, { demand, spent: before, budget })) ?? 0);
      }
    }
    return got;
  };

  it('goes by demand', () => {
    const got = share('proportional');
    expect([...got.values()].reduce((a, b) => a + b)).toBe(100);
    expect(got.get('a')).toBeGreaterThan(65);
    expect(got.get('c')).toBeLessThan(12);
  });

  it('is not all taken beforehand by who asks first', () => {
    const ledger = opened([perMinute]);
    const agents = ['a', 'b', 'c'];
    for (const agent of agents) ask(ledger, agent, START - 30_000, { demand: 50 });
    const next = agents.map((agent) =>
      ask(ledger, agent, START - 1_000, { demand: 50 })
        .entries.flatMap(({ holdings }) => holdings)
        .find(({ startMs }) => startMs === START),
    );
    for (const holding of next) {
      expect(holding?.granted).toBeGreaterThan(20);
      expect(holding?.granted).toBeLessThan(45);
    }
  });

  it('goes to each alike when the policy says so, and who wants less gets all of it', () => {
    const got = share('fair');
    expect([...got.values()].reduce((a, b) => a + b)).toBeGreaterThanOrEqual(99);
    expect(got.get('a')).toBeLessThanOrEqual(40);
    expect(got.get('b')).toBeGreaterThanOrEqual(33);
    expect(got.get('c')).toBeGreaterThanOrEqual(25);
  });
});

describe('names', () => {
  it('are unknown when the budget is, is of another scope, or when there are too many', () => {
    const other = { ...perMinute, id: 'bank/x/y/60s', scope: 'bank' };
    const ledger = opened([perMinute, other], ['a'], { mostEntriesPerSession: 2 });
    const names = ['none', other.id, perMinute.id, perMinute.id, perMinute.id].map((budget, id) => ({
      id,
      budget,
      key: `k${id}`,
    }));
    expect(ledger.exchange('a', request({ names }), START).unknown).toEqual([0, 1, 4]);
    expect(ledger.sizes).toEqual({ sessions: 1, entries: 2, keys: 2 });
  });

  it('of one namespace leave room for those of others, which is theirs again when they are gone', () => {
    const other = { ...perMinute, id: 'bank/x/y/60s', scope: 'bank' };
    const ledger = createLedger({ epoch: 1, nowMs: START, newId: () => 'ledger', mostEntries: 100 });
    ledger.setBudgets(new Map([perMinute, other].map((budget) => [budget.id, budget])), 1, START);
    ledger.setAgents(
      new Map([
        ['a', ['shop']],
        ['b', ['bank']],
      ]),
      START,
    );
    const many = (agent: string, budget: string, session = `${agent}-1`): number => {
      const names = Array.from({ length: 100 }, (_, id) => ({ id, budget, key: `k${id}` }));
      return 100 - ledger.exchange(agent, request({ session, names }), START).unknown.length;
    };
    expect(many('a', perMinute.id)).toBe(80);
    expect(many('b', other.id)).toBe(16);
    for (let second = 1; second < 200; second += 1) ledger.sweep(START + second * 1_000);
    expect(ledger.sizes.keys).toBe(0);
    expect(many('b', other.id, 'b-2')).toBe(80);
  });

  it('are unknown when an entry comes without one', () => {
    const ledger = opened([perMinute]);
    const entries = [{ id: 7, demand: 1, waiting: 0, holdings: [] }];
    expect(ledger.exchange('a', request({ entries }), START).unknown).toEqual([7]);
  });

  it('are forgotten when nobody spoke of them for long and their windows are over', () => {
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 1 });
    for (let second = 1; second < 200; second += 1) ledger.sweep(START + second * 1_000);
    expect(ledger.sizes).toMatchObject({ entries: 0, keys: 0 });
  });
});

describe('sessions', () => {
  it('that are over stay over, through a restart of the hub as well', () => {
    const pages = new Map<string, Uint8Array>();
    const ledger = opened([perMinute]);
    for (let process = 0; process < 6; process += 1)
      ask(ledger, 'a', START + process, { waiting: 1, session: `p${process}` });
    expect(ask(ledger, 'a', START + 10, { session: 'p0' }).closed).toBe(true);
    save(pages, ledger);
    const again = reopened(pages, START + 20, [perMinute]);
    expect(ask(again, 'a', START + 20, { session: 'p0' }).closed).toBe(true);
    expect(ask(again, 'a', START + 20, { session: 'p5' }).closed).toBe(false);
  });

  it('of another ledger are over', () => {
    const ledger = opened([perMinute]);
    expect(ledger.exchange('a', request({ ledger: 'lost' }), START).closed).toBe(true);
  });

  it('of agents that the hub does not have are over', () => {
    expect(ask(opened([perMinute]), 'stranger', START).closed).toBe(true);
  });
});

describe('a request that was overtaken', () => {
  it('is merged, but grants nothing and tells nothing of shares', () => {
    const ledger = opened([perMinute]);
    const names = [{ id: 0, budget: perMinute.id, key: 'k' }];
    const entry = (waiting: number, spent: number) => [
      { id: 0, demand: 0, waiting, holdings: [{ startMs: START, returned: 0, spent }] },
    ];
    ledger.exchange('a', request({ names, entries: entry(5, 0), sentMs: 2e6 }), START);
    const reply = ledger.exchange('a', request({ names, entries: entry(50, 5), sentMs: 1e6 }), START);
    expect(granted(reply)).toBe(5);
    expect(ledger.describe(perMinute.id, START, { most: 1 })[0]?.windows[0]).toMatchObject({
      leased: 0,
      spent: 5,
    });
  });
});
