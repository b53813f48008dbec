import { expect, test } from 'vitest';
import { TYPE } from '../dns/types.ts';
import { createStateView } from '../health/state-view.ts';
import { NO_PENDING_CHANGE_MS } from '../health/types.ts';
import { compilePolicy } from './compiled.ts';
import { CachedEvaluator, EvaluationCache } from './evaluation-cache.ts';
import { regionTable } from './geography.ts';
import { parseClient } from './location.ts';
import type { GeoLookup, RoutedPolicy, StateView } from './model.ts';
import { geoRule, located, policyOf, tier } from './testing/world.ts';

const REGIONS = regionTable();
const COUNTRIES = ['DE', 'FR', 'US', 'SG', 'BR', 'JP', 'AU', 'ZA'];
const GEO: GeoLookup = {
  locate: ({ bytes }) => located(COUNTRIES[(bytes[3] ?? 0) % COUNTRIES.length], 24),
  sha256: '',
};

function healthy(): StateView {
  const up = { state: 'up', earliestChangeMs: NO_PENDING_CHANGE_MS } as const;
  return createStateView(
    {
      targets: new Map(['fra', 'par', 'iad', 'sin'].map((id) => [id, up])),
      drains: new Map(),
      lastHealthy: new Map(),
      takenAtMs: 0,
      freshAtMs: Number.POSITIVE_INFINITY,
    },
    () => 0,
  );
}

function evaluatorOf(policy: RoutedPolicy, cache: EvaluationCache) {
  const made = { count: 0 };
  const compiled = compilePolicy(policy, REGIONS);
  const evaluator = new CachedEvaluator(compiled, GEO, cache, (evaluation) => {
    made.count += 1;
    return evaluation;
  });
  return { evaluator, made };
}

const BY_PLACE = policyOf({
  geo: [
    geoRule('eu', { countries: ['DE', 'FR'] }, tier('fra', 'par')),
    geoRule('us', { countries: ['US'] }, tier('iad')),
  ],
});

test('clients of one class share an evaluation, whatever their country', () => {
  const cache = new EvaluationCache();
  const { evaluator, made } = evaluatorOf(BY_PLACE, cache);
  const view = healthy();
  for (let i = 0; i < 80; i += 1) {
    const { extra } = evaluator.find(TYPE.A, parseClient(`192.0.2.${i}`), view);
    expect(extra.candidates.length).toBeGreaterThan(0);
    expect(cache.scopePrefixLength).toBe(24);
  }
  expect(made.count).toBe(3);
});

test('another view is evaluated anew, and so is each kind of query', () => {
  const { evaluator, made } = evaluatorOf(policyOf(), new EvaluationCache());
  const client = parseClient('192.0.2.1');
  const view = healthy();
  for (const type of [TYPE.A, TYPE.AAAA, TYPE.TXT, TYPE.MX, TYPE.A]) evaluator.find(type, client, view);
  expect(made.count).toBe(3);
  evaluator.find(TYPE.A, client, healthy());
  expect(made.count).toBe(4);
});

test('no more is kept than the bound, over all policies and however many clients ask', () => {
  const cache = new EvaluationCache(10);
  const evaluators = Array.from({ length: 12 }, (_, i) =>
    evaluatorOf({ ...BY_PLACE, name: `p${i}`, defaultTiers: [] }, cache),
  );
  const view = healthy();
  for (let i = 0; i < 200; i += 1) {
    for (const { evaluator } of evaluators) {
      evaluator.find(i % 2 === 0 ? TYPE.A : TYPE.AAAA, parseClient(`192.0.2.${i}`), view);
      expect(cache.size).toBeLessThanOrEqual(10);
    }
  }
  expect(cache.generation).toBeGreaterThan(10);
  const [first] = evaluators;
  const kept = first?.evaluator.find(TYPE.A, parseClient('192.0.2.0'), view);
  expect(kept?.extra.candidates.map(({ endpoint }) => endpoint.name)).toEqual(['fra', 'par']);
});

test('more classes of clients than are told apart are evaluated all the same', () => {
  const rules = Array.from({ length: 300 }, (_, i) =>
    geoRule(
      `r${i}`,
      { cidrs: [`10.${Math.trunc(i / 250)}.${i % 250}.0/24`] },
      tier(i % 2 === 0 ? 'fra' : 'iad'),
    ),
  );
  const { evaluator } = evaluatorOf(policyOf({ geo: rules }), new EvaluationCache());
  const view = healthy();
  for (let round = 0; round < 2; round += 1) {
    for (let i = 0; i < 300; i += 1) {
      const client = parseClient(`10.${Math.trunc(i / 250)}.${i % 250}.7`);
      const { extra } = evaluator.find(TYPE.A, client, view);
      expect(extra.candidates[0]?.endpoint.name).toBe(i % 2 === 0 ? 'fra' : 'iad');
    }
  }
});
