import { describe, expect, it, vi } from 'vitest';
import { CelContext, type CelRequestFacts } from '../../src/policy/cel-context.ts';
import { createQuotaMemory, createTableWriter, createTaker } from '../../src/quota/table.ts';
import { BANKS } from '../../src/quota/table-contract.ts';
import { Counters } from '../../src/telemetry/counters.ts';
import type { QuotaDecision } from './contract.ts';
import { machineMs, SupervisorClock } from './table-clock.ts';
import { budgetOf, limitOf, type QuotaWorld, quotaPartOf, startQuota } from './testing/quota-world.ts';
import { createThreadQuota } from './thread-quota.ts';

function contextOf(headers: Readonly<Record<string, string>> = {}): CelContext {
  const facts: CelRequestFacts = {
    id: 'id',
    method: 'GET',
    scheme: 'http',
    host: 'shop.example',
    path: '/',
    query: '',
    fields: Object.entries(headers).flat(),
    httpVersion: '1.1',
    source: { address: '192.0.2.1', port: 1 },
    tls: undefined,
    wallMs: 0,
  };
  return new CelContext(facts);
}

function decide(
  { gate, policy }: QuotaWorld,
  headers: Readonly<Record<string, string>> = {},
  plan?: string,
): Promise<QuotaDecision> {
  return new Promise((resolve) => {
    const decision = gate.decide(policy, contextOf(headers), plan);
    if (decision.state !== 'waiting') resolve(decision);
    else gate.wait(decision, { gone: false, decided: resolve });
  });
}

const USER = ["request.headers['user']"];

describe('limits in a thread', () => {
  it('I20 admit as many as the limit says for each key, and refuse the rest', async () => {
    using world = startQuota(quotaPartOf([budgetOf('a', 5)], [limitOf('per-user', [0], { counters: USER })]));
    const decisions = await Promise.all(
      Array.from({ length: 24 }, (_, n) => decide(world, { user: `user-${n % 2}` })),
    );
    expect(decisions.filter(({ state }) => state === 'admitted')).toHaveLength(10);
    expect(new Set(decisions.filter(({ state }) => state === 'refused').map(({ code }) => code))).toEqual(
      new Set(['QUOTA_EXCEEDED']),
    );
    const refused = await decide(world, { user: 'user-1' });
    expect(refused).toMatchObject({ state: 'refused', status: 429, limit: 'per-user' });
    const fields = refused.fields.join(' ');
    expect(fields).toContain('ratelimit-policy "per-user";q=5 ratelimit "per-user";r=0;t=');
    expect(fields).toMatch(
      /x-ratelimit-limit 5 x-ratelimit-remaining 0 x-ratelimit-reset \d+ retry-after \d+$/,
    );
    expect([world.count('admitted'), world.count('exceeded')]).toEqual([10, 15]);
  });

  it('say nothing of when to try again where nobody is ever admitted', async () => {
    using world = startQuota(quotaPartOf([budgetOf('a', 0)], [limitOf('none', [0])]));
    for (let n = 0; n < 2; n += 1) {
      const refused = await decide(world);
      expect(refused).toMatchObject({ state: 'refused', status: 429 });
      expect(refused.fields.join(' ')).toContain('x-ratelimit-limit 0 x-ratelimit-remaining 0');
      expect(refused.fields).not.toContain('retry-after');
    }
  });

  it('say nothing of when to try again to a request that is too large for any window, and what is left for others', async () => {
    using world = startQuota(
      quotaPartOf(
        [budgetOf('a', 5)],
        [limitOf('all', [0], { cost: { request: "int(request.headers['cost'])", most: 100 } })],
      ),
    );
    const fields: string[] = [];
    for (const cost of ['6', '2', '6']) {
      const { state, fields: said } = await decide(world, { cost });
      expect(state).toBe(cost === '2' ? 'admitted' : 'refused');
      fields.push(said.join(' '));
    }
    expect(fields[0]).toMatch(/q=5.* x-ratelimit-remaining 0$/);
    expect(fields[2]).toMatch(/q=5 ratelimit "all";r=3 x-ratelimit-limit 5 x-ratelimit-remaining 3$/);
    // One that is refused only for now hears when to come again.
    const large = await decide(world, { cost: '5' });
    expect(large.state).toBe('refused');
    expect(large.fields).toContain('retry-after');
  });

  it('refuse at once what is larger than the burst of a bucket, also where that is less than the limit', async () => {
    const algorithm = 'token-bucket' as const;
    using world = startQuota(
      quotaPartOf(
        [budgetOf('a', 60, { algorithm, burst: 5 })],
        [limitOf('all', [0], { cost: { request: "int(request.headers['cost'])", most: 100 } })],
      ),
    );
    await decide(world, { cost: '1' });
    // It need not wait to know.
    const refused = world.gate.decide(world.policy, contextOf({ cost: '6' }), undefined);
    expect(refused).toMatchObject({ state: 'refused', code: 'QUOTA_EXCEEDED' });
    expect(refused.fields).not.toContain('retry-after');
  });

  it('admit synchronously once tokens are here, and say what is left', async () => {
    using world = startQuota(
      quotaPartOf(
        [budgetOf('a', 1000, { window: { type: 'length', ms: 3_600_000 } })],
        [limitOf('all', [0]), limitOf('never', [0], { when: ['false'] })],
      ),
    );
    await decide(world);
    await expect
      .poll(() => {
        const { state, fields } = world.gate.decide(world.policy, contextOf(), undefined);
        return state === 'admitted' && /^"all";r=\d{3};t=\d+$/.test(fields[3] ?? '') && fields[1];
      })
      .toBe('"all";q=1000;w=3600');
  });

  it('do not say of those after the one that refuses that nothing is left', async () => {
    using world = startQuota(
      quotaPartOf([budgetOf('a', 1), budgetOf('b', 10)], [limitOf('first', [0]), limitOf('then', [1])]),
    );
    expect((await decide(world)).state).toBe('admitted');
    await decide(world);
    // Nobody is asked any more.
    const { state, fields } = world.gate.decide(world.policy, contextOf(), undefined);
    expect(state).toBe('refused');
    expect(fields[3]).toMatch(/^"first";r=0(?:;t=\d+)?, "then";r=[1-9]/);
  });

  it('take from all budgets or from none', async () => {
    using world = startQuota(
      quotaPartOf([budgetOf('big', 10), budgetOf('small', 3)], [limitOf('both', [0, 1])]),
    );
    const states = [];
    for (let n = 0; n < 6; n += 1) states.push((await decide(world)).state);
    expect(states).toEqual(['admitted', 'admitted', 'admitted', 'refused', 'refused', 'refused']);
    using alone = startQuota(quotaPartOf([budgetOf('big', 10)], [limitOf('big', [0])]));
    expect((await decide(alone)).state).toBe('admitted');
    // What the small one refused is not gone from the big one: seven are left.
    const { claims } = await decide(world);
    expect(claims.every(({ taken }) => !taken)).toBe(true);
  });

  it('give back what they took when somebody else was faster at the next budget', () => {
    const memory = createQuotaMemory({ capacity: 10, seeds: [1, 2], originMs: machineMs() });
    const writer = createTableWriter(memory);
    const clocks = { monotonicMs: () => performance.now(), machineMs, wallMs: () => Date.now() };
    const clock = new SupervisorClock(memory, clocks);
    const [big, small] = [writer.insert(0, ''), writer.insert(1, '')];
    writer.fill(big, BANKS.even, 10, 0, 1e9);
    writer.fill(small, BANKS.even, 1, 0, 1e9);
    const gate = createThreadQuota({
      ...clocks,
      counters: new Counters(),
      ask: () => undefined,
      paused: () => undefined,
      after: () => () => undefined,
      soon: () => undefined,
    });
    const part = quotaPartOf([budgetOf('big', 10), budgetOf('small', 1)], [limitOf('both', [0, 1])]);
    const policy = gate.open(part, { memory, numbers: [0, 1] }).get('policy');
    if (policy === undefined) throw new Error('the policy is missing');
    const other = createTaker(memory);
    const swap = Atomics.compareExchange;
    const spy = vi.spyOn(Atomics, 'compareExchange').mockImplementationOnce(((
      words: Int32Array,
      at: number,
      expected: number,
      next: number,
    ) => {
      expect(other.take(other.find(1, ''), 1, clock.now())).toBe(0);
      return swap(words, at, expected, next);
    }) as typeof Atomics.compareExchange);
    const decision = gate.decide(policy, contextOf(), undefined);
    expect(spy).toHaveBeenCalled();
    spy.mockRestore();
    expect(decision.state).toBe('waiting');
    expect([writer.tokens(big, BANKS.even), writer.tokens(small, BANKS.even)]).toEqual([10, 0]);
  });

  describe('with few tokens for many who wait', () => {
    function few(tokens: number) {
      const memory = createQuotaMemory({ capacity: 10, seeds: [1, 2], originMs: machineMs() });
      const writer = createTableWriter(memory);
      const clocks = { monotonicMs: () => performance.now(), machineMs, wallMs: () => Date.now() };
      const clock = new SupervisorClock(memory, clocks);
      const slots = [writer.insert(0, ''), writer.insert(1, '')] as const;
      const asked: number[] = [];
      const soon: (() => void)[] = [];
      const gate = createThreadQuota({
        ...clocks,
        counters: new Counters(),
        ask: (wants) => asked.push(...wants.map(({ budget }) => budget)),
        paused: () => undefined,
        after: () => () => undefined,
        soon: (task) => soon.push(task),
      });
      const limits = [limitOf('big', [0]), limitOf('small', [1])];
      const part = quotaPartOf([budgetOf('big', 10), budgetOf('small', 3)], limits);
      const policy = gate.open(part, { memory, numbers: [0, 1] }).get('policy');
      if (policy === undefined) throw new Error('the policy is missing');
      const fill = (at: 0 | 1, count: number): void =>
        void writer.fill(slots[at], BANKS.even, count, clock.read() - 1, 1e9);
      const decision = gate.decide(policy, contextOf(), undefined);
      gate.wait(decision, { gone: false, decided: () => undefined });
      const settle = (outcome: 'try' | 'refused'): void => {
        for (const task of soon.splice(0)) task();
        gate.settled([{ ticket: asked.length, outcome }]);
      };
      fill(0, 10);
      settle('try');
      // Others take what the big one had while this one waits for the small one, of which there is not enough for all.
      fill(0, 0);
      fill(1, tokens);
      settle('refused');
      return { decision, settle, fill, asked };
    }

    it('go on for those for whom they do', () => {
      const { decision, settle, fill, asked } = few(1);
      expect(decision.state).toBe('waiting');
      fill(0, 10);
      settle('try');
      expect([decision.state, asked]).toEqual(['admitted', [0, 1, 0]]);
    });

    it('name the limit that has none', () => {
      expect(few(0).decision).toMatchObject({ state: 'refused', code: 'QUOTA_EXCEEDED', limit: 'small' });
    });
  });

  it('use the rates of the plan of the caller, the cost of the request, and no key for what is missing', async () => {
    using world = startQuota(
      quotaPartOf(
        [budgetOf('a', 2), budgetOf('gold', 10)],
        [
          limitOf('plans', [0], {
            counters: USER,
            plans: { gold: [1] },
            cost: { request: "int(request.headers['cost'])", most: 4 },
          }),
        ],
      ),
    );
    expect((await decide(world, { user: 'u', cost: '3' })).state).toBe('refused');
    expect((await decide(world, { user: 'u', cost: '2' })).state).toBe('admitted');
    expect((await decide(world, { user: 'u', cost: '0' })).state).toBe('admitted');
    expect((await decide(world, { user: 'u' })).state).toBe('refused');
    expect((await decide(world, { user: 'u', cost: '400' }, 'gold')).claims[0]).toMatchObject({ hits: 4 });
    expect((await decide(world, { cost: '1' })).claims[0]).toMatchObject({ key: '', taken: true });
  });

  it('never refuse in shadow, and tell how often they would have', async () => {
    using world = startQuota(quotaPartOf([budgetOf('a', 2)], [limitOf('shadow', [0], { shadow: true })]));
    for (let n = 0; n < 5; n += 1)
      expect(world.gate.decide(world.policy, contextOf(), undefined)).toMatchObject({
        state: 'admitted',
        fields: [],
      });
    await expect.poll(() => [world.count('admitted'), world.count('shadow')]).toEqual([2, 3]);
    expect(world.count('exceeded')).toBe(0);
  });

  it('refuse a request that would have to wait where waiting is not wanted, and have tokens for the next', async () => {
    using world = startQuota(quotaPartOf([budgetOf('a', 50)], [limitOf('now', [0], { waitMs: 0 })]));
    expect((await decide(world)).state).toBe('refused');
    await expect.poll(async () => (await decide(world)).state).toBe('admitted');
  });

  it('settle what an answer cost, also below zero', async () => {
    using world = startQuota(
      quotaPartOf(
        [budgetOf('a', 20)],
        [limitOf('a', [0], { cost: { most: 100, answer: { type: 'header', name: 'x' } } })],
      ),
    );
    const { claims } = await decide(world);
    const [claim] = claims;
    if (claim === undefined) throw new Error('nothing was taken');
    world.gate.settle(claim, 19);
    const states = [];
    for (let n = 0; n < 3; n += 1) states.push((await decide(world)).state);
    expect(states).toEqual(['admitted', 'refused', 'refused']);
  });

  it('take nothing for a client that has gone', async () => {
    using world = startQuota(quotaPartOf([budgetOf('a', 1)], [limitOf('a', [0])]));
    const decision = world.gate.decide(world.policy, contextOf(), undefined);
    expect(decision.state).toBe('waiting');
    let called = false;
    world.gate.wait(decision, {
      gone: true,
      decided() {
        called = true;
      },
    });
    expect((await decide(world)).state).toBe('admitted');
    expect(called).toBe(false);
  });

  it('refuse new keys when the table is full, and keep those that are there', async () => {
    using world = startQuota(quotaPartOf([budgetOf('a', 100)], [limitOf('a', [0], { counters: USER })]), {
      maxKeys: 3,
    });
    for (const user of ['a', 'b', 'c']) expect((await decide(world, { user })).state).toBe('admitted');
    for (let n = 0; n < 20; n += 1)
      expect(await decide(world, { user: `new-${n}` })).toMatchObject({
        code: 'QUOTA_UNAVAILABLE',
        status: 503,
      });
    for (const user of ['a', 'b', 'c']) expect((await decide(world, { user })).state).toBe('admitted');
  });

  it('while the hub is away, refuse what nobody granted, unless the policy lets everybody pass', async () => {
    using world = startQuota(
      quotaPartOf(
        [budgetOf('a', 100), budgetOf('b', 100)],
        [
          limitOf('exact', [0], { when: ["request.headers['user'] == 'exact'"], waitMs: 100 }),
          limitOf('open', [1], {
            when: ["request.headers['user'] == 'open'"],
            onHubLoss: 'allow',
            waitMs: 100,
          }),
        ],
      ),
    );
    world.reachable = false;
    world.supervisor.away();
    expect((await decide(world, { user: 'exact' })).state).toBe('refused');
    expect((await decide(world, { user: 'open' })).state).toBe('admitted');
    expect([world.count('unlimited', 'open'), world.count('unlimited', 'exact')]).toEqual([1, 0]);
  });

  it('I20 take nothing after a pause of the machine until every grant was dropped', async () => {
    let jumpMs = 0;
    using world = startQuota(quotaPartOf([budgetOf('a', 1000)], [limitOf('a', [0])]), {
      wallMs: () => Date.now() + jumpMs,
    });
    await decide(world);
    await expect.poll(() => world.gate.decide(world.policy, contextOf(), undefined).state).toBe('admitted');
    const session = world.supervisor.describe()?.session;
    jumpMs = 5_000;
    expect(world.gate.decide(world.policy, contextOf(), undefined).state).toBe('waiting');
    expect(world.supervisor.describe()?.session).not.toBe(session);
    expect((await decide(world)).state).toBe('admitted');
  });
});
