import { describe, expect, it } from 'vitest';
import { settle } from './settling.ts';

/** Runs `settle` on a clock that moves only while it waits; how long it took by that clock. */
async function took(options: {
  remembered: boolean;
  heardAtMs?: number;
  lostAtMs?: number;
}): Promise<number> {
  let now = 0;
  await settle({
    remembered: options.remembered,
    heardDomains: () =>
      now >= (options.heardAtMs ?? Number.POSITIVE_INFINITY) &&
      now < (options.lostAtMs ?? Number.POSITIVE_INFINITY)
        ? 3
        : 1,
    neededDomains: () => 2,
    monotonicMs: () => now,
    wait: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    signal: new AbortController().signal,
  });
  return now;
}

describe('a hub that has just started', () => {
  it('answers at once when it remembers nothing', async () => {
    expect(await took({ remembered: false })).toBe(0);
  });

  it('waits until it has heard enough vantage points for long enough', async () => {
    expect(await took({ remembered: true, heardAtMs: 2_000 })).toBe(6_500);
  });

  it('answers with what it remembers when nobody comes back', async () => {
    expect(await took({ remembered: true })).toBe(12_000);
    expect(await took({ remembered: true, heardAtMs: 2_000, lostAtMs: 4_000 })).toBe(12_000);
  });

  it('stops waiting when the hub stops', async () => {
    const stop = new AbortController();
    stop.abort();
    await settle({
      remembered: true,
      heardDomains: () => 0,
      neededDomains: () => 2,
      monotonicMs: () => 0,
      wait: () => Promise.reject(new Error('it must not wait')),
      signal: stop.signal,
    });
  });
});
