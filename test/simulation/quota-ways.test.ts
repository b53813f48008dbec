import { expect, it } from 'vitest';
import { BANKS, type QuotaTableWriter } from '../../src/quota/table-contract.ts';
import { playAllWays, type WaysBounds, type WaysFaults } from './quota-ways.ts';

const QUIET: WaysBounds = {
  depth: 7,
  agents: 3,
  asks: 2,
  takes: false,
  hubCrashes: 0,
  agentCrashes: 0,
  twice: 0,
};

it.each<[string, WaysBounds, number]>([
  ['seven events, when messages are late, lost and overtaken', QUIET, 10_000],
  [
    'five, when the hub and an agent also crash, and messages come twice',
    { depth: 5, agents: 3, asks: 2, takes: true, hubCrashes: 1, agentCrashes: 1, twice: 1 },
    5_000,
  ],
])(
  'I20 the real ledger and three real agents admit no more than four of four, whatever way they take: %s',
  { timeout: 60_000 },
  (_, bounds, least) => {
    const { ways, most, violation } = playAllWays(bounds);
    process.stdout.write(`quota ways: ${ways}, at most ${most} of 4\n`);
    expect(violation).toBeUndefined();
    expect(ways).toBeGreaterThan(least);
    // The worst that can be is reached: the limit is used up.
    expect(most).toBe(4);
  },
);

/** Banks that open three seconds before their window. */
const early = (table: QuotaTableWriter): QuotaTableWriter =>
  new Proxy(table, {
    get(target, name): unknown {
      if (name === 'fill') {
        const fill: QuotaTableWriter['fill'] = (slot, bank, tokens, fromMs, untilMs) =>
          target.fill(slot, bank, tokens, bank === BANKS.floor ? fromMs : fromMs - 3_000, untilMs);
        return fill;
      }
      const found: unknown = Reflect.get(target, name, target);
      return typeof found === 'function' ? (found.bind(target) as unknown) : found;
    },
  });

it.each<[string, Partial<WaysBounds>, WaysFaults]>([
  ['replies leave before their pages are durable', { agents: 2, asks: 1, hubCrashes: 1 }, { early: true }],
  [
    'the hub lends floors that nobody promised',
    { agents: 2 },
    { hears: (request) => ({ ...request, waiver: { sinceMs: 0, untilMs: 8e15 } }) },
  ],
  ['tokens are used before their window', { agents: 1 }, { table: early }],
])('I20 is seen broken when %s', { timeout: 60_000 }, (_, bounds, faults) => {
  const { violation } = playAllWays({ ...QUIET, ...bounds }, faults);
  expect(violation?.what).toMatch(/can be admitted/);
  expect(violation?.way.length).toBeGreaterThan(3);
});
