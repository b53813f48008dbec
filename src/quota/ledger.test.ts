import { describe, expect, it } from 'vitest';
import type { Budget } from './budget.ts';
import { createLedger, type LedgerOptions, longestLeaseMs, openLedger } from './ledger.ts';
import type { Ledger } from './ledger-contract.ts';
import type { QuotaReply, QuotaRequest } from './messages.ts';

const MINUTE = 60_000;
/** A full minute of the hub's clock. */
const START = 1_800_000_000_000;

const perMinute: Budget = {
  id: 'shop/customers/per-customer/60s',
  scope: 'shop',
  algorithm: 'fixed-window',
  limit: 100,
  window: { type: 'length', ms: MINUTE },
  floorShare: 0,
  allocation: 'proportional',
  waits: false,
};

const opened = (
  budgets: readonly Budget[],
  agents = ['a', 'b', 'c'],
  options: Partial<LedgerOptions> = {},
) => {
  const ledger = createLedger({ epoch: 1, nowMs: START - 2 * MINUTE, newId: () => 'ledger', ...options });
  ledger.setBudgets(new Map(budgets.map((budget) => [budget.id, budget])), 1, START - 2 * MINUTE);
  ledger.setAgents(new Map(agents.map((agent) => [agent, ['shop']])), START - 2 * MINUTE);
  return ledger;
};

let sent = 0;
const request = (given: Partial<QuotaRequest> = {}): QuotaRequest => {
  sent += 1;
  return {
    session: 'one',
    sentMs: sent,
    ledger: '',
    budgets: 1,
    shares: [],
    names: [],
    entries: [],
    ...given,
  };
};

/** Asks for one key: so many hits wait. */
const ask = (
  ledger: Ledger,
  agent: string,
  nowMs: number,
  given: {
    readonly waiting?: number;
    readonly demand?: number;
    readonly returned?: number;
    readonly spent?: number;
    readonly startMs?: number;
    readonly session?: string;
    readonly budget?: Budget;
    readonly key?: string;
    readonly waiver?: QuotaRequest['waiver'];
    readonly ages?: QuotaRequest['entries'][number]['holdings'][number]['marks'];
  } = {},
): QuotaReply => {
  const { budget = perMinute, returned, spent, key = 'k' } = given;
  const startMs =
    given.startMs ?? (budget.algorithm === 'fixed-window' ? Math.floor(nowMs / MINUTE) * MINUTE : 0);
  return ledger.exchange(
    agent,
    request({
      session: given.session ?? `${agent}-1`,
      names: [{ id: 0, budget: budget.id, key }],
      ...(given.waiver === undefined ? {} : { waiver: given.waiver }),
      entries: [
        {
          id: 0,
          demand: given.demand ?? 0,
          waiting: given.waiting ?? 0,
          holdings:
            returned === undefined && spent === undefined
              ? []
              : [
                  {
                    startMs,
                    returned: returned ?? 0,
                    spent: spent ?? 0,
                    ...(given.ages === undefined ? {} : { marks: given.ages }),
                  },
                ],
        },
      ],
    }),
    nowMs,
  );
};

const granted = (reply: QuotaReply) => reply.entries[0]?.holdings[0]?.granted;
const left = (reply: QuotaReply) => reply.entries[0]?.holdings[0]?.left;

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

describe('floors', () => {
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

const save = (pages: Map<string, Uint8Array>, ledger: Ledger) => {
  for (const { page, content } of ledger.takeChanges()) {
    if (content === undefined) pages.delete(page);
    else pages.set(page, content);
  }
};

const reopened = (
  pages: ReadonlyMap<string, Uint8Array>,
  nowMs: number,
  budgets: readonly Budget[],
  agents = ['a', 'b', 'c'],
) => {
  const ledger = openLedger(pages, { epoch: 2, nowMs, newId: () => 'another' });
  ledger.setBudgets(new Map(budgets.map((budget) => [budget.id, budget])), 1, nowMs);
  ledger.setAgents(new Map(agents.map((agent) => [agent, ['shop']])), nowMs);
  return ledger;
};

describe('pages', () => {
  it('I20 bring back what was granted: a restart loses and doubles nothing', () => {
    const pages = new Map<string, Uint8Array>();
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 60 });
    ask(ledger, 'b', START, { waiting: 10 });
    ask(ledger, 'a', START, { spent: 20, returned: 30, waiting: 1 });
    save(pages, ledger);
    const again = reopened(pages, START + 1_000, [perMinute]);
    expect(again.id).toBe('ledger');
    expect(again.sizes).toEqual(ledger.sizes);
    const question = { most: 10 };
    expect(again.describe(perMinute.id, START, question)[0]?.windows[0]).toMatchObject({
      leased: 20,
      spent: 20,
    });
    expect(granted(ask(again, 'b', START + 1_000, { waiting: 100 }))).toBe(70);
  });

  it('are given out once, and only those in which something was granted or changed', () => {
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 60 });
    expect(ledger.takeChanges().map(({ page }) => page)).toEqual(
      expect.arrayContaining(['meta', 'b/0', 'a/a', 's/1', 'e/1/0', 'k/0']),
    );
    expect(ledger.takeChanges()).toEqual([]);
    ask(ledger, 'a', START, { spent: 30 });
    expect(ledger.takeChanges()).toEqual([]);
    ask(ledger, 'a', START, { waiting: 40 });
    expect(ledger.takeChanges().map(({ page }) => page)).toEqual(['e/1/0']);
  });

  it('are refused when they do not fit together', () => {
    const pages = new Map<string, Uint8Array>();
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 60 });
    save(pages, ledger);
    pages.delete('k/0');
    expect(() => reopened(pages, START, [perMinute])).toThrow('does not fit to the others');
    pages.delete('meta');
    expect(() => reopened(pages, START, [perMinute])).toThrow('meta');
  });
});

describe('a clock that does not go on', () => {
  it('I20 pauses grants through a restart as well', () => {
    const pages = new Map<string, Uint8Array>();
    const ledger = opened([perMinute]);
    ledger.pauseUntil(START + 10_000);
    save(pages, ledger);
    const again = reopened(pages, START + 1_000, [perMinute]);
    expect(granted(ask(again, 'a', START + 9_999, { waiting: 10 }))).toBe(0);
    expect(granted(ask(again, 'a', START + 10_000, { waiting: 10 }))).toBe(10);
  });

  it('ends all sessions, changes the ledger’s name, keeps what was granted, and pauses', () => {
    let ids = 0;
    const ledger = opened([perMinute], ['a', 'b'], { newId: () => `id${ids++}` });
    ask(ledger, 'a', START, { waiting: 60 });
    ledger.pauseUntil(START + 10_000);
    expect(ledger.id).toBe('id1');
    expect(ask(ledger, 'a', START + 1, { waiting: 10 }).closed).toBe(true);
    expect(granted(ask(ledger, 'b', START + 9_999, { waiting: 100 }))).toBe(0);
    expect(granted(ask(ledger, 'b', START + 10_000, { waiting: 100 }))).toBe(40);
  });
});

it('has one length of leases: four intervals, two round trips and half a second', () => {
  expect(longestLeaseMs()).toBe(9_000);
});
