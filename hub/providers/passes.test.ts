import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { systemProviderClock } from './clock.ts';
import { createPasses } from './passes.ts';
import { createVirtualClock } from './virtual-clock.ts';

const TEN_YEARS_MS = 315_360_000_000;

describe('passes after a failure', () => {
  it('come again within five minutes, whatever the server says of its return', async () => {
    const clock = createVirtualClock();
    let made = 0;
    const passes = createPasses({
      pass() {
        made += 1;
        return Promise.reject(new Error('503'));
      },
      onFailure: () => TEN_YEARS_MS,
      onEnd: () => undefined,
      clock,
    });
    passes.ask();
    await clock.pass(299_000);
    expect(made).toBe(1);
    await clock.pass(2_000);
    expect(made).toBe(2);
    await passes.close();
  });
});

describe('a pass that left off for a newer one', () => {
  it('ends no row of failures', async () => {
    const clock = createVirtualClock();
    const rows: number[] = [];
    let made = 0;
    const passes = createPasses({
      pass() {
        made += 1;
        return made % 2 === 0 ? Promise.resolve('overtaken' as const) : Promise.reject(new Error('503'));
      },
      onFailure(_thrown, failures) {
        rows.push(failures);
        return 1_000;
      },
      onEnd: () => undefined,
      clock,
    });
    passes.ask();
    await clock.pass(2_500);
    expect(rows).toEqual([1, 2, 3]);
    await passes.close();
  });
});

describe("the machine's clock", () => {
  it('waits longer than a timer of Node can', async () => {
    const stop = new AbortController();
    const waiting = systemProviderClock.wait(TEN_YEARS_MS, stop.signal).then(
      () => 'over',
      () => 'stopped',
    );
    expect(await Promise.race([waiting, delay(50, 'still waiting')])).toBe('still waiting');
    stop.abort();
    expect(await waiting).toBe('stopped');
  });
});
