import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DecisionCaching } from '../../src/policy/model.ts';
import { createDecisionCache } from './cache.ts';
import type { DecisionQuestion } from './contract.ts';

interface Answer {
  readonly yes: boolean;
}

const MODES = ['strict', 'resilient', 'allow', 'none'] as const;
const MAX = 3;

const step = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  mode: fc.constantFrom(...MODES),
  reply: fc.constantFrom('yes', 'no', 'down'),
  passMs: fc.constantFrom(0, 500, 1_000, 3_000, 20_000),
});

/** What the cache must do, said as directly as possible: a list in order of use. */
class Model {
  known: { key: string; yes: boolean; atMs: number }[] = [];

  decide(
    key: string,
    { mode, ttlSeconds, negativeTtlSeconds }: DecisionCaching,
    reply: string,
    nowMs: number,
  ): { asked: boolean; outcome: boolean | 'passes' | 'rejects' } {
    const found = this.known.find((entry) => entry.key === key);
    if (mode === 'none') return { asked: true, outcome: reply === 'down' ? 'rejects' : reply === 'yes' };
    if (found !== undefined) {
      const ttl = (found.yes ? ttlSeconds : negativeTtlSeconds) * 1000;
      if (nowMs - found.atMs < ttl) {
        this.known = [...this.known.filter((entry) => entry !== found), found];
        return { asked: false, outcome: found.yes };
      }
    }
    if (reply !== 'down') {
      const entry = { key, yes: reply === 'yes', atMs: nowMs };
      this.known = [...this.known.filter((other) => other.key !== key), entry].slice(-MAX);
      return { asked: true, outcome: entry.yes };
    }
    if (mode === 'strict') return { asked: true, outcome: 'rejects' };
    if (found !== undefined) return { asked: true, outcome: found.yes };
    return { asked: true, outcome: mode === 'allow' ? 'passes' : 'rejects' };
  }
}

it('the decision cache does what its model does, whatever is asked in whatever order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      let now = 0;
      let reply = 'yes';
      let asked = 0;
      const question: DecisionQuestion<undefined, Answer> = {
        ask: async () => {
          asked += 1;
          if (reply === 'down') throw new Error('nobody answers');
          return { yes: reply === 'yes' };
        },
        denied: (answer) => !answer.yes,
      };
      const cache = createDecisionCache({ wallMs: () => now, monotonicMs: () => now, maxEntries: MAX });
      const model = new Model();
      for (const { key, mode, reply: next, passMs } of steps) {
        now += passMs;
        reply = next;
        asked = 0;
        const caching: DecisionCaching = { mode, ttlSeconds: 5, negativeTtlSeconds: 1 };
        const expected = model.decide(key, caching, next, now);
        let outcome: boolean | 'passes' | 'rejects';
        try {
          const answer = await cache.decide(key, caching, question, undefined);
          outcome = answer === undefined ? 'passes' : answer.yes;
        } catch {
          outcome = 'rejects';
        }
        expect({ asked: asked > 0, outcome }).toEqual(expected);
        expect(cache.figures.entries).toBeLessThanOrEqual(MAX);
      }
    }),
    { numRuns: 300 },
  );
});
