import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initialVoteState, observe, type ProbeResult, verdictAt } from './vote.ts';

type Kind = ProbeResult['kind'];

const rules = fc.record({
  fall: fc.integer({ min: 1, max: 10 }),
  rise: fc.integer({ min: 1, max: 10 }),
  freshForMs: fc.constant(3_000),
});
const kinds = fc.array(fc.constantFrom<Kind>('ok', 'failed', 'unable'), { maxLength: 60 });
const gaps = fc.array(fc.constantFrom(100, 1_000, 2_900, 10_000), { minLength: 60, maxLength: 60 });

const resultOf = (kind: Kind): ProbeResult => {
  if (kind === 'ok') return { kind, latencyMs: 1 };
  if (kind === 'failed') return { kind, detail: 'connection refused', latencyMs: 1 };
  return { kind, detail: 'no file descriptors left' };
};

describe('a vote, over any results at any distance', () => {
  it('turns down only after fall failures in a row that no pause parts, and then always', () => {
    fc.assert(
      fc.property(rules, kinds, gaps, (thresholds, results, distances) => {
        let state = initialVoteState(0);
        let nowMs = 0;
        let failures = 0;
        let heardMs = 0;
        results.forEach((kind, index) => {
          nowMs += distances[index] ?? 0;
          const paused = nowMs - heardMs > thresholds.freshForMs && heardMs > 0;
          state = observe(state, resultOf(kind), { startedAtMs: nowMs, finishedAtMs: nowMs }, thresholds);
          failures = kind === 'failed' ? (paused ? 1 : failures + 1) : 0;
          if (kind !== 'unable') heardMs = nowMs;
          if (failures >= thresholds.fall) expect(state.verdict).toBe('down');
          else if (kind === 'failed')
            expect(state.verdict === 'down' && failures < thresholds.fall && paused).toBe(false);
          if (kind === 'unable') expect(state.verdict).toBe('none');
        });
      }),
    );
  });

  it('reads none whenever nothing finished within its freshness', () => {
    fc.assert(
      fc.property(rules, kinds, fc.integer({ min: 0, max: 20_000 }), (thresholds, results, laterMs) => {
        let state = initialVoteState(0);
        results.forEach((kind, index) => {
          const atMs = index * 1_000;
          state = observe(state, resultOf(kind), { startedAtMs: atMs, finishedAtMs: atMs }, thresholds);
        });
        const nowMs = results.length * 1_000 + laterMs;
        const verdict = verdictAt(state, nowMs, thresholds);
        if (nowMs - (state.finishedAtMs ?? 0) > thresholds.freshForMs) expect(verdict).toBe('none');
        else expect(verdict).toBe(state.verdict);
      }),
    );
  });
});
