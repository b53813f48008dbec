import { describe, expect, it } from 'vitest';
import type { DecisionCaching } from '../../src/policy/model.ts';
import { createDecisionCache } from './cache.ts';
import type { DecisionQuestion } from './contract.ts';

interface Answer {
  readonly yes: boolean;
  readonly exp?: number;
}
type Reply = Answer | 'down';

/** One who decides, and a clock. */
function world(maxEntries = 100) {
  let now = 1_000_000;
  let reply: Reply = { yes: true };
  const asked: string[] = [];
  const held: (() => void)[] = [];
  let holding = false;
  const question: DecisionQuestion<string, Answer> = {
    ask: async (context) => {
      asked.push(context);
      const mine = reply;
      if (holding) await new Promise<void>((resolve) => held.push(resolve));
      if (mine === 'down') throw new Error('nobody answers');
      return mine;
    },
    denied: (answer) => !answer.yes,
    expiresAtMs: (answer) => answer.exp,
  };
  const cache = createDecisionCache({ wallMs: () => now, monotonicMs: () => now, maxEntries });
  return {
    cache,
    asked,
    pass: (ms: number) => {
      now += ms;
    },
    says: (next: Reply) => {
      reply = next;
    },
    hold: () => {
      holding = true;
    },
    release: () => {
      holding = false;
      for (const go of held.splice(0)) go();
    },
    decide: (mode: DecisionCaching['mode'], key = 'k') =>
      cache.decide(key, { mode, ttlSeconds: 10, negativeTtlSeconds: 2 }, question, key),
  };
}

const YES: Answer = { yes: true };
const NO: Answer = { yes: false };

describe('the decision cache', () => {
  it('asks once for what is known, and answers the rest without a promise', async () => {
    const { decide, asked } = world();
    expect(await decide('strict')).toEqual(YES);
    expect(decide('strict')).toEqual(YES);
    expect(asked).toHaveLength(1);
  });

  it('asks again after the time of a yes, and earlier after that of a no', async () => {
    const { decide, asked, pass, says } = world();
    says(NO);
    await decide('strict');
    pass(1_999);
    expect(decide('strict')).toEqual(NO);
    pass(1);
    says(YES);
    expect(await decide('strict')).toEqual(YES);
    pass(9_999);
    expect(decide('strict')).toEqual(YES);
    pass(1);
    await decide('strict');
    expect(asked).toHaveLength(3);
  });

  it('asks one question for all who wait for the same, and one for each other key', async () => {
    const { decide, asked, hold, release } = world();
    hold();
    const waiting = [decide('strict'), decide('strict'), decide('resilient'), decide('strict', 'other')].map(
      (answer) => Promise.resolve(answer),
    );
    release();
    expect(await Promise.all(waiting)).toEqual([YES, YES, YES, YES]);
    expect(asked).toEqual(['k', 'other']);
  });

  it('asks for each by itself with mode none, and remembers nothing', async () => {
    const { decide, asked } = world();
    await decide('none');
    await decide('none');
    await decide('none');
    expect(asked).toHaveLength(3);
  });

  // Rows: what is known when nobody answers; columns: what each mode makes of it.
  it.each([
    ['none', 'nothing', 'rejects'],
    ['none', 'an old yes', 'rejects'],
    ['strict', 'nothing', 'rejects'],
    ['strict', 'an old yes', 'rejects'],
    ['strict', 'an old no', 'rejects'],
    ['resilient', 'nothing', 'rejects'],
    ['resilient', 'an old yes', YES],
    ['resilient', 'an old no', NO],
    ['allow', 'nothing', undefined],
    ['allow', 'an old yes', YES],
    ['allow', 'an old no', NO],
  ] as const)('%s with %s, and nobody to ask: %o', async (mode, known, outcome) => {
    const { decide, pass, says } = world();
    if (known !== 'nothing') {
      says(known === 'an old yes' ? YES : NO);
      await decide('strict');
      pass(3_600_000);
    }
    says('down');
    const answer = Promise.resolve(decide(mode));
    if (outcome === 'rejects') await expect(answer).rejects.toThrow('nobody answers');
    else expect(await answer).toEqual(outcome);
  });

  it('never uses an answer after its own end, in no mode', async () => {
    for (const mode of ['strict', 'resilient', 'allow'] as const) {
      const { decide, pass, says, asked } = world();
      says({ yes: true, exp: 1_005_000 });
      await decide(mode);
      pass(4_999);
      expect(await decide(mode)).toMatchObject(YES);
      expect(asked).toHaveLength(1);
      pass(1);
      says('down');
      await expect(decide(mode)).rejects.toThrow('nobody answers');
    }
  });

  it('lets the least recently used go when it is full', async () => {
    const { decide, asked } = world(2);
    await decide('strict', 'a');
    await decide('strict', 'b');
    await decide('strict', 'a');
    await decide('strict', 'c');
    await decide('strict', 'a');
    expect(asked).toEqual(['a', 'b', 'c']);
    await decide('strict', 'b');
    expect(asked).toEqual(['a', 'b', 'c', 'b']);
  });

  it('asks anew after a failure: what failed is not remembered', async () => {
    const { decide, says } = world();
    says('down');
    await expect(decide('strict')).rejects.toThrow('nobody answers');
    says(YES);
    expect(await decide('strict')).toEqual(YES);
  });
});
