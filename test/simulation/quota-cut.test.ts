import { expect, it } from 'vitest';
import { longestLeaseMs } from '../../src/quota/ledger.ts';
import { type Cut, floorsAfterCut } from './quota-cut.ts';

const CUT: Cut = {
  algorithm: 'fixed-window',
  windowMs: 4_000,
  limit: 60,
  keys: 1,
  roundTripMs: 60,
  cutMs: 0,
  seed: 0,
};
/** What was promised last, two intervals and two round trips ahead; ticks, the clocks' distance, and the time to the next hit. */
const PROMISED_MS = 2 * 500 + 2 * CUT.roundTripMs + 900;

it.each<[string, Partial<Cut>, number]>([
  ['fixed windows: with the first that begins then', {}, CUT.windowMs],
  ['fixed windows of many customers', { keys: 8 }, CUT.windowMs],
  [
    'sliding windows: a lease and a window later',
    { algorithm: 'sliding-window' },
    longestLeaseMs() + CUT.windowMs,
  ],
  [
    'token buckets: a lease later, and when a token has come',
    { algorithm: 'token-bucket' },
    longestLeaseMs() + 500,
  ],
])(
  'I21 when nobody reaches the hub any more, every agent admits from its floors two intervals later — %s',
  (_, change, moreMs) => {
    for (let seed = 1; seed <= 6; seed += 1) {
      const after = floorsAfterCut({ ...CUT, ...change, cutMs: 20_000 + seed * 361, seed });
      expect(Math.max(...after), `seed ${seed}`).toBeLessThan((PROMISED_MS + moreMs) * 1.01);
    }
  },
);
