import { expect, test } from 'vitest';
import { TYPE } from '../dns/types.ts';
import { compilePolicy } from './compiled.ts';
import { explain, explainText } from './explain.ts';
import { regionTable } from './geography.ts';
import type { RoutedPolicy } from './model.ts';
import {
  from,
  fromClient,
  geoRule,
  policyOf,
  seeded,
  stateOf,
  tier,
  type WorldSketch,
} from './testing/world.ts';

const POLICY = {
  geo: [geoRule('europe', { regions: ['EU'] }, tier(['fra', 3], ['par', 1]), tier('iad'))],
  residency: [
    { region: 'EU', unknownLocation: 'restrict' as const, onAllDown: { action: 'panic' as const } },
  ],
};

function told(
  query: Parameters<typeof explain>[1],
  world: WorldSketch = {},
  policy: Partial<RoutedPolicy> = POLICY,
) {
  const compiled = compilePolicy(policyOf(policy), regionTable());
  return explainText(explain(compiled, query, stateOf(world), seeded(1)));
}

test('who answers a German client, and why', () => {
  expect(told(fromClient('198.51.100.7', 'DE', 17))).toEqual([
    'A from 198.51.100.7/32 in DE, policy default/api',
    'rules: europe (by region), then the default',
    'residency EU: only fra, par may answer',
    'healthy: the first tier with a healthy member answers',
    '  fra (DE): 75 %, rule europe, tier 1',
    '  par (FR): 25 %, rule europe, tier 1',
    '  iad (US): outside the residency region',
    '  sin (SG): outside the residency region',
    'answer: fra 192.0.2.154',
    'TTL 30 s (of the policy); no change is in sight',
    'scope /17: the same for every client in this network',
  ]);
});

test('what happens when everything in the region is down', () => {
  const text = told(from('FR'), { down: ['fra', 'par'], earliestChangeMs: { fra: 12_000, par: 30_000 } });
  expect(text).toContain('panic: nobody in EU is healthy: everybody in EU who is not drained answers');
  expect(text).toContain('  fra (DE): 75 %, rule europe, tier 1 [192.0.2.154 down]');
  expect(text).toContain(
    'TTL 5 s (the minimum: recovery should be seen at once); it stays for at least 12 s',
  );
});

test('why an unknown location is restricted', () => {
  const text = told(from(undefined));
  expect(text[0]).toBe('A from an unknown location, policy default/api');
  expect(text).toContain('residency EU (the location is not fully known): only fra, par may answer');
});

test('what the health of a target says is passed on', () => {
  const compiled = compilePolicy(policyOf(), regionTable());
  const state = stateOf({ down: ['fra'] });
  const reasons = {
    ...state,
    target: (id: string) => ({
      ...state.target(id),
      ...(id === 'fra' ? { reason: 'down: 3 of 4 say so' } : {}),
    }),
  };
  const { explanation } = explain(compiled, from('DE'), reasons, seeded(1));
  expect(explanation.endpoints[0]).toMatchObject({
    verdict: 'down',
    targets: [{ address: '192.0.2.154', state: 'down', reason: 'down: 3 of 4 say so' }],
  });
  expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
});

test('drained, standby and not asked are told apart', () => {
  const policy = { defaultTiers: [tier('fra', ['par', 0]), tier('iad')] };
  const compiled = compilePolicy(policyOf(policy), regionTable());
  const verdicts = (world: WorldSketch) =>
    explain(compiled, from('DE'), stateOf(world), seeded(1)).explanation.endpoints.map((e) => e.verdict);
  expect(verdicts({})).toEqual(['eligible', 'standby', 'notAsked', 'byDistance']);
  expect(verdicts({ clusters: { fra: { drainedForMs: 1 } } })).toEqual([
    'drained',
    'eligible',
    'notAsked',
    'byDistance',
  ]);
  expect(verdicts({ down: ['fra', 'par'] })).toEqual(['down', 'down', 'eligible', 'byDistance']);
});

test('an endpoint in no tier that applies is not said to wait for an earlier one', () => {
  const tiers = {
    geo: [geoRule('asia', { countries: ['SG'] }, tier('sin'))],
    defaultTiers: [tier('fra'), tier('par')],
  };
  const line = (policy: Partial<RoutedPolicy>, name: string) =>
    told(from('DE'), {}, { ...tiers, ...policy }).find((text) => text.startsWith(`  ${name} `));
  expect(line({ nextBest: 'none' }, 'par')).toBe('  par (FR): not asked: an earlier tier answers');
  expect(line({ nextBest: 'none' }, 'sin')).toBe('  sin (SG): not asked: in no tier that applies here');
  expect(line({ nextBest: 'nearest' }, 'sin')).toBe(
    '  sin (SG): not asked: in no tier that applies here, only next by distance',
  );
});

test('no endpoint waits for an earlier tier when none has the type', () => {
  const compiled = compilePolicy(policyOf(), regionTable());
  const { explanation } = explain(compiled, { ...from('DE'), qtype: TYPE.AAAA }, stateOf(), seeded(1));
  expect(explanation.mode).toBe('noData');
  expect(explanation.endpoints.map((e) => e.verdict)).toEqual(Array(4).fill('noAddress'));
});

test('healthy endpoints that are drained are not called unhealthy', () => {
  const drained = { drainedForMs: 1 };
  const text = told(from('FR'), { clusters: { fra: drained, par: drained } });
  expect(text).toContain(
    'lastResort: everybody who could answer in EU is drained: they answer rather than nobody',
  );
});
