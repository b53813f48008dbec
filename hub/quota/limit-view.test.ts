import { expect, it } from 'vitest';
import { budgetsOf } from '../../src/policy/budgets.ts';
import { stored } from '../../src/policy/testing/gateway-objects.ts';
import { limitView } from './limit-view.ts';

const nothing = { nowMs: 0, pausedUntilMs: 0, clusterOf: () => '' };

it.each([
  ['Gateway', 'shop'],
  ['HTTPRoute', '*'],
])('a limit of a policy on a %s is named by its policy, its own name and its rate', (kind, scope) => {
  const policy = stored('RateLimitPolicy', 'customers', {
    targetRefs: [{ kind, name: 'orders' }],
    rules: { limits: { 'per-customer': { rates: [{ limit: 5, window: '1m' }] } } },
  });
  const budgets = budgetsOf({ RateLimitPolicy: new Map([['shop/customers', policy]]) });
  expect([...budgets.values()].map((budget) => limitView(budget, [], nothing))).toMatchObject([
    { limit: 'customers/per-customer/60s', scope },
  ]);
});
