import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type FlowKind, RateLimiter, type RateLimits, type Verdict } from './rate-limit.ts';

const LIMITS: RateLimits = {
  perSecond: { total: 0, answer: 100, negative: 50, referral: 50, error: 20, any: 5 },
  windowSeconds: 5,
  slip: 2,
};

/** Those of a name server whose configuration says nothing. */
const DEFAULTS: RateLimits['perSecond'] = {
  total: 50_000,
  answer: 1000,
  negative: 200,
  referral: 200,
  error: 100,
  any: 20,
};

interface Counts {
  pass: number;
  drop: number;
  slip: number;
}

function limiterOf({
  entries = 4096,
  seed = 42,
  ...change
}: Partial<RateLimits> & { entries?: number; seed?: number } = {}) {
  const clock = { ms: 1000 };
  const memory = new ArrayBuffer(RateLimiter.octetsFor(entries));
  const limiter = new RateLimiter(memory, { ...LIMITS, ...change }, seed, () => clock.ms);
  return {
    limiter,
    clock,
    memory,
    take: (network = 1, name = 'www.example.', kind: FlowKind = 'answer'): Verdict => {
      limiter.begin(0xffff, network);
      return limiter.take(kind, name);
    },
  };
}

/** Steady queries of one flow for some seconds. */
function steady(
  world: ReturnType<typeof limiterOf>,
  perSecond: number,
  seconds: number,
  next: (i: number) => Verdict = () => world.take(),
): Counts {
  const counts: Counts = { pass: 0, drop: 0, slip: 0 };
  for (let i = 0; i < perSecond * seconds; i += 1) {
    counts[next(i)] += 1;
    world.clock.ms += 1000 / perSecond;
  }
  return counts;
}

describe('response rate limiting', () => {
  it('lets a flow below its limit pass, for ever', () => {
    expect(steady(limiterOf(), 99, 60)).toEqual({ pass: 99 * 60, drop: 0, slip: 0 });
  });

  it('lets one second of answers pass at once, and no more', () => {
    const world = limiterOf();
    const verdicts = Array.from({ length: 200 }, () => world.take());
    expect(verdicts.filter((verdict) => verdict === 'pass')).toHaveLength(100);
    expect(verdicts.slice(100).includes('pass')).toBe(false);
  });

  it('I24 lets a flood have its first second, then every second answer as a truncated one', () => {
    const counts = steady(limiterOf(), 5000, 10);
    expect(counts.pass).toBeLessThanOrEqual(110);
    expect(counts.slip).toBe(Math.floor((50_000 - counts.pass) / 2));
    expect(counts.pass + counts.slip + counts.drop).toBe(50_000);
  });

  it.each([
    [0, 0],
    [1, 1],
    [2, 1 / 2],
    [10, 1 / 10],
  ])('with slip %i sends that part of what is limited truncated', (slip, part) => {
    const world = limiterOf({ slip });
    const counts = steady(world, 5000, 2);
    expect(counts.slip).toBe(Math.floor((10_000 - counts.pass) * part));
  });

  it('lets a flow pass again after the window, and not before it slowed down', () => {
    const world = limiterOf();
    steady(world, 5000, 10);
    world.clock.ms += 4900;
    expect(world.take()).not.toBe('pass');
    world.clock.ms += 200;
    expect(world.take()).toBe('pass');
  });

  it('counts networks, names and kinds apart', () => {
    const world = limiterOf();
    steady(world, 5000, 1);
    expect(world.take()).not.toBe('pass');
    expect(world.take(2)).toBe('pass');
    expect(world.take(1, 'mail.example.')).toBe('pass');
    expect(world.take(1, 'www.example.', 'negative')).toBe('pass');
  });

  it('has no limit where the limit is 0', () => {
    expect(steady(limiterOf(), 5000, 2, () => 'pass')).toMatchObject({ drop: 0 });
    const world = limiterOf();
    expect(steady(world, 5000, 2, () => world.take(1, '', 'total')).pass).toBe(10_000);
    world.limiter.charge(60_000); // of no account
    expect(world.limiter.began).toBe(false);
  });

  it('counts a large answer as several', () => {
    const pass = (octets: number): number => {
      const world = limiterOf();
      let passed = 0;
      for (let i = 0; i < 200; i += 1) {
        if (world.take() !== 'pass') continue;
        passed += 1;
        world.limiter.charge(octets);
      }
      return passed;
    };
    expect([pass(60), pass(256), pass(257), pass(1232)]).toEqual([100, 100, 50, 20]);
  });

  it.each([
    ['each name has a limit of its own', 100],
    ['names have no limit', 0],
  ])('I24 counts a large answer as several for all names of a network together, when %s', (_what, answer) => {
    const pass = (octets: number): number => {
      const world = limiterOf({ perSecond: { ...LIMITS.perSecond, total: 1000, answer } });
      let passed = 0;
      for (let i = 0; i < 2000; i += 1) {
        if (world.take(1, '', 'total') !== 'pass') continue;
        if (world.limiter.take('answer', `n${i}.example.`) !== 'pass') continue;
        passed += 1;
        world.limiter.charge(octets);
      }
      return passed;
    };
    expect([pass(60), pass(256), pass(257), pass(1232)]).toEqual([1000, 1000, 500, 200]);
  });

  it('counts the size once where nothing but the total is counted', () => {
    const world = limiterOf({ perSecond: { ...LIMITS.perSecond, total: 1000 } });
    let passed = 0;
    for (let i = 0; i < 2000; i += 1) {
      if (world.take(1, '', 'total') !== 'pass') continue;
      passed += 1;
      world.limiter.charge(257);
    }
    expect(passed).toBe(500);
  });

  it('says once that a flow began to be limited, until it passed again', () => {
    const world = limiterOf();
    const begins = (count: number): number => {
      let begun = 0;
      for (let i = 0; i < count; i += 1) if (world.take() !== 'pass' && world.limiter.began) begun += 1;
      return begun;
    };
    expect(begins(500)).toBe(1);
    world.clock.ms += 20_000;
    expect(begins(500)).toBe(1);
  });

  it('works across the turn of its clock, and forgets what is older', () => {
    const world = limiterOf();
    const turn = 2 ** 32 / 100; // ms
    world.clock.ms = turn - 500;
    expect(steady(world, 5000, 1).pass).toBeLessThanOrEqual(120);
    expect(world.take()).not.toBe('pass');
    world.clock.ms += turn / 2;
    expect(world.take()).toBe('pass');
    world.clock.ms += turn - 10_000; // looks as if it came before the last one
    expect(world.take()).toBe('pass');
  });

  it('takes memory for a power of two of flows', () => {
    expect(RateLimiter.octetsFor(1)).toBe(4 * 12);
    expect(RateLimiter.octetsFor(1025)).toBe(2048 * 12);
  });
});

describe('response rate limiting, in a simulation', () => {
  it('I24 limits a forged flood, while another network has every answer and a large resolver too', () => {
    const world = limiterOf({ entries: 65_536 });
    const victim: Counts = { pass: 0, drop: 0, slip: 0 };
    const neighbour: Counts = { pass: 0, drop: 0, slip: 0 };
    const resolver: Counts = { pass: 0, drop: 0, slip: 0 };
    // 5 s: 20,000 a second in the victim's name; 50 a second for the same name from its neighbour; a resolver that asks for
    // 10,000 a second, 5,000 different names.
    for (let i = 0; i < 100_000; i += 1) {
      victim[world.take(1, 'big.example.')] += 1;
      if (i % 400 === 0) neighbour[world.take(2, 'big.example.')] += 1;
      if (i % 2 === 0) resolver[world.take(3, `n${(i / 2) % 5000}.example.`)] += 1;
      world.clock.ms += 0.05;
    }
    expect(victim.pass).toBeLessThanOrEqual(110);
    expect(victim.slip).toBe(Math.floor((100_000 - victim.pass) / 2));
    expect(neighbour).toEqual({ pass: 250, drop: 0, slip: 0 });
    expect(resolver).toEqual({ pass: 50_000, drop: 0, slip: 0 });
  });

  it('I24 with the defaults gives a forged flood over many names no more octets than its total, and a large resolver all', () => {
    const { limiter, clock } = limiterOf({ entries: 65_536, perSecond: DEFAULTS });
    const sent = (network: number, name: string, octets: number): number => {
      limiter.begin(0xffff, network);
      if (limiter.take('total', '') !== 'pass' || limiter.take('answer', name) !== 'pass') return 0;
      limiter.charge(octets);
      return octets;
    };
    // 4 s: 50,000 a second over 1,000 names with the largest answers, and a resolver of the size of a public one: 10,000 a second
    // for 50,000 names, each third answer signed and with 600 octets, now and then one that fills a datagram.
    let victim = 0;
    let missed = 0;
    for (let i = 0; i < 200_000; i += 1) {
      victim += sent(1, `n${i % 1000}.example.`, 1232);
      if (i % 5 === 0) {
        const asked = i / 5;
        const octets = asked % 100 === 0 ? 1232 : asked % 3 === 0 ? 600 : 120;
        if (sent(2, `r${asked % 50_000}.example.`, octets) === 0) missed += 1;
      }
      clock.ms += 0.02;
    }
    // The first second's worth, and what time gives back until the account is at its window.
    expect(victim).toBeLessThanOrEqual(2 * 50_000 * 256);
    expect(missed).toBe(0);
  });

  it('I24 with a full table limits nobody wrongly, and goes on limiting the flood', () => {
    const world = limiterOf({ entries: 1024 });
    const flood: Counts = { pass: 0, drop: 0, slip: 0 };
    const others: Counts = { pass: 0, drop: 0, slip: 0 };
    // A flood, and forged queries from a million networks at once, to push it out of the table.
    for (let i = 0; i < 200_000; i += 1) {
      if (i % 4 === 0) flood[world.take(1)] += 1;
      others[world.take(1000 + (i % 1_000_000))] += 1;
      world.clock.ms += 0.05;
    }
    expect(others).toEqual({ pass: 200_000, drop: 0, slip: 0 });
    // 5,000 a second for 10 s: its account is the largest, so it keeps its place.
    expect(flood.pass).toBeLessThanOrEqual(110);
  });

  it('I24 keeps its memory whatever comes', () => {
    const world = limiterOf({ entries: 1024 });
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 200_000; i += 1) world.take(i, `${i}.example.`);
    expect(world.memory.byteLength).toBe(1024 * 12);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  it('spreads flows over the table, whatever the seed', () => {
    for (const seed of [0, 1, -7, 0x7fff_ffff]) {
      const world = limiterOf({ entries: 16_384, seed });
      for (let i = 0; i < 8192; i += 1) world.take(i, 'www.example.');
      const table = new Int32Array(world.memory);
      let taken = 0;
      for (let at = 0; at < table.length; at += 3) if (table[at] !== 0) taken += 1;
      // Half full: few sets of four overflow when flows fall evenly.
      expect(taken).toBeGreaterThan(7600);
    }
  });
});

describe('accounts that threads share', () => {
  /** Before the limiter's next compare-and-swap, another thread does this. */
  const meanwhile = (act: (table: Int32Array) => void, times = 1): (() => number) => {
    const real = Reflect.get(Atomics, 'compareExchange');
    let races = 0;
    vi.spyOn(Atomics, 'compareExchange').mockImplementation((...args: Parameters<typeof real>) => {
      const [table] = args;
      if (races < times && table instanceof Int32Array) {
        races += 1;
        act(table);
      }
      return real(...args);
    });
    return () => races;
  };
  afterEach(() => vi.restoreAllMocks());

  it('I24 keep what another thread put on an account at the same moment', () => {
    const world = limiterOf();
    world.take();
    const at = new Int32Array(world.memory).findIndex((word) => word !== 0);
    const races = meanwhile((table) => {
      table[at + 1] = (table[at + 1] ?? 0) + 99 * 1000; // 99 answers of 1,000 ticks
    });
    expect(world.take()).toBe('drop'); // 1 + 99 + 1
    expect(races()).toBe(1);
  });

  it('I24 count an answer however many races they lose', () => {
    const world = limiterOf();
    world.take();
    const at = new Int32Array(world.memory).findIndex((word) => word !== 0);
    const races = meanwhile((table) => {
      table[at + 1] = (table[at + 1] ?? 0) + 1000;
    }, 98);
    expect(world.take()).toBe('pass'); // 1 + 98 + 1
    expect(races()).toBe(98);
    expect(world.take()).toBe('drop');
  });

  it('I24 look for another place when another thread took the one they chose', () => {
    const world = limiterOf({ entries: 4 });
    const stranger = 12_345;
    const races = meanwhile((table) => {
      table[0] = stranger;
      table[1] = 1000 * 100 + 50_000;
    });
    expect(world.take()).toBe('pass');
    expect(races()).toBe(1);
    const table = new Int32Array(world.memory);
    expect(table[0]).toBe(stranger);
    expect(table[3]).not.toBe(0); // the next place
  });

  it('I24 find their own account when another thread made it at the same moment', () => {
    const first = limiterOf({ entries: 4 });
    first.take();
    const tag = new Int32Array(first.memory)[0] ?? 0;
    const world = limiterOf({ entries: 4 });
    meanwhile((table) => {
      table[0] = tag;
    });
    expect(world.take()).toBe('pass');
    expect([...new Int32Array(world.memory)].filter((word) => word === tag)).toHaveLength(1);
  });

  it.each([0, 3])('I24 find their own account when it was made at word %s since they looked', (word) => {
    const first = limiterOf({ entries: 4 });
    first.take();
    const [tag = 0, emptyAt = 0] = new Int32Array(first.memory);
    const world = limiterOf({ entries: 4 });
    const table = new Int32Array(world.memory);
    const stranger = 12_345;
    table.fill(stranger, 0, 1);
    table[1] = emptyAt + 20_000;
    const real = Reflect.get(Atomics, 'load');
    let looked = 0;
    vi.spyOn(Atomics, 'load').mockImplementation((...args: Parameters<typeof real>) => {
      looked += 1;
      if (looked === 5) {
        table[word] = tag;
        table[word + 1] = emptyAt;
      }
      return real(...args);
    });
    expect(world.take()).toBe('pass');
    expect([...table].filter((one) => one === tag)).toHaveLength(1);
    expect(table[word + 1]).toBe(emptyAt + 1000); // an answer more
  });

  it('I24 stay full for a thread whose clock is behind', () => {
    const clock = { ms: 1000 };
    const memory = new ArrayBuffer(RateLimiter.octetsFor(64));
    const threads = [0, 0.05, 20].map(
      (behindMs) => new RateLimiter(memory, LIMITS, 42, () => clock.ms - behindMs),
    );
    let passed = 0;
    for (let i = 0; i < 30_000; i += 1) {
      const thread = threads[i % threads.length];
      thread?.begin(1, 2);
      if (thread?.take('answer', 'www.example.') === 'pass') passed += 1;
      clock.ms += 0.1;
    }
    // What may be had at once, less what a clock 20 ms behind makes of it.
    expect(passed).toBe(99);
  });

  it('I24 add up: two threads together pass what one would', async () => {
    const memory = new SharedArrayBuffer(RateLimiter.octetsFor(64));
    const ready = new SharedArrayBuffer(4);
    const source = `
      const { workerData, parentPort } = require('node:worker_threads');
      const { memory, limits, module } = workerData;
      import(module).then(({ RateLimiter }) => {
        const limiter = new RateLimiter(memory, limits, 7, () => 1000);
        limiter.begin(1, 2);
        const ready = new Int32Array(workerData.ready);
        Atomics.add(ready, 0, 1);
        while (Atomics.load(ready, 0) < 2); // both at once, or there is nothing to see
        let passed = 0;
        for (let name = 0; name < 15; name += 1)
          for (let i = 0; i < 150000; i += 1) if (limiter.take('answer', name + '.') === 'pass') passed += 1;
        parentPort.postMessage(passed);
      });`;
    const limits: RateLimits = { ...LIMITS, perSecond: { ...LIMITS.perSecond, answer: 100_000 } };
    const workerData = { module: new URL('./rate-limit.ts', import.meta.url).href, memory, ready, limits };
    const workers = [0, 1].map(() => new Worker(source, { eval: true, workerData }));
    const passed = await Promise.all(
      workers.map(
        (worker) =>
          new Promise<number>((resolve, reject) => {
            worker.once('message', resolve);
            worker.once('error', reject);
          }),
      ),
    );
    const sum = passed.reduce((a, b) => a + b, 0);
    expect(sum).toBe(1_500_000);
  }, 30_000);
});
