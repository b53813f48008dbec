import { expect, it } from 'vitest';
import type { QuotaRequest } from '../../src/quota/messages.ts';
import { exploreQuota } from './quota-model.ts';

/** Each more is about six times as many states. */
const DEPTH = Number(process.env.PORTOLAN_QUOTA_MODEL_DEPTH ?? 7);
const THREE = { agents: 3, requests: 2, agentCrashes: 1, hubCrashes: 1, depth: DEPTH };
/** Mutants need a longer way, and fewer things that go wrong besides. */
const TWO = { ...THREE, agents: 2, agentCrashes: 0, depth: 9 };

it(`I20 holds in every state that three agents and the hub reach in ${DEPTH} events, two windows of a limit of four`, () => {
  const { states, hubStates, most, violation } = exploreQuota(THREE);
  process.stdout.write(`quota model: ${states} states, ${hubStates} of the ledger, at most ${most} of 4\n`);
  expect(violation).toBeUndefined();
  expect(states).toBeGreaterThan(10_000);
  // The worst that can be is reached: the limit is used up.
  expect(most).toBe(4);
});

const holdings = (
  request: QuotaRequest,
  change: (holding: QuotaRequest['entries'][number]['holdings'][number]) => object,
): QuotaRequest => ({
  ...request,
  entries: request.entries.map((entry) => ({
    ...entry,
    holdings: entry.holdings.map((holding) => ({ ...holding, ...change(holding) })),
  })),
});

it.each<[string, Parameters<typeof exploreQuota>[1]]>([
  ['grants twice because replies leave before their pages are durable', { early: true }],
  [
    'lends floors that nobody waived',
    { hears: (request) => ({ ...request, waiver: { sinceMs: 0, untilMs: 8e15 } }) },
  ],
  [
    'counts what came back twice',
    {
      hears: (request) =>
        holdings(request, ({ returned, spent }) => ({
          returned: returned * 2,
          spent: Math.max(0, spent - returned),
        })),
    },
  ],
  [
    'takes what was spent for given back',
    { hears: (request) => holdings(request, ({ spent }) => ({ returned: spent, spent: 0 })) },
  ],
])('I20 is seen broken when the hub %s', (_what, faults) => {
  const { violation } = exploreQuota({ ...TWO, hubCrashes: faults?.early ? 1 : 0 }, faults);
  expect(violation?.what).toMatch(/can be admitted/);
  expect(violation?.way.length).toBeGreaterThan(3);
});
