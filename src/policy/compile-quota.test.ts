import { describe, expect, it } from 'vitest';
import { budgetsOf } from './budgets.ts';
import type { GatewayPart, QuotaPart } from './model.ts';
import { compiled, objectsOf, type Stored, stored } from './testing/gateway-objects.ts';

const EDGE = stored('Gateway', 'edge', {
  gatewayClassName: 'portolan',
  listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }],
});
const route = (name: string, path: string) =>
  stored('HTTPRoute', name, {
    parentRefs: [{ name: 'edge' }],
    rules: [{ name: 'main', matches: [{ path: { value: path } }], backendRefs: [{ name: 'b', port: 80 }] }],
  });
const onGateway = { targetRefs: [{ kind: 'Gateway', name: 'edge' }] };
const onRoute = (name: string) => ({ targetRefs: [{ kind: 'HTTPRoute', name }] });
const perMinute = (limit: number) => ({ rates: [{ limit, window: '1m' }] });

const policy = (name: string, spec: object, metadata: Parameters<typeof stored>[3] = {}) =>
  stored('RateLimitPolicy', name, spec, metadata);

function quotaOf(...objects: readonly Stored[]): { readonly part: GatewayPart; readonly quota: QuotaPart } {
  const { part } = compiled(EDGE, route('cart', '/cart'), route('pay', '/pay'), ...objects);
  if (part.quota === undefined) throw new Error('nothing is limited');
  return { part, quota: part.quota };
}

/** Limits of a route with the ids of their budgets. */
function limitsOf(part: GatewayPart, name: string): Readonly<Record<string, readonly string[]>> {
  const rule = part.rules[`HTTPRoute/shop/${name}/0`];
  const own = rule?.quota === undefined ? undefined : part.quota?.policies[rule.quota];
  return Object.fromEntries(
    (own?.limits ?? []).map((limit) => [
      limit.name,
      limit.rates.map((place) => part.quota?.budgets[place]?.id ?? '?'),
    ]),
  );
}

describe('rate limits of a cluster', () => {
  it('are one budget for all routes of the Gateway that a policy is on', () => {
    const { part, quota } = quotaOf(
      policy('customers', { ...onGateway, rules: { limits: { all: perMinute(100) } } }),
    );
    expect(limitsOf(part, 'cart')).toEqual({ all: ['shop/customers/all/60s'] });
    expect(limitsOf(part, 'pay')).toEqual({ all: ['shop/customers/all/60s'] });
    expect(quota.budgets).toEqual([
      {
        id: 'shop/customers/all/60s',
        scope: 'shop',
        algorithm: 'fixed-window',
        limit: 100,
        window: { type: 'length', ms: 60_000 },
        floorShare: 0.5,
        allocation: 'proportional',
        counters: 0,
        waits: true,
        onHubLoss: 'floor',
      },
    ]);
    expect(quota.version).toBe(7);
  });

  it('give way to a more specific policy, unless they override it', () => {
    const own = policy('own', { ...onRoute('pay'), rules: { limits: { pay: perMinute(5) } } });
    const limits = { all: perMinute(100) };
    const byDefault = quotaOf(own, policy('wide', { ...onGateway, defaults: { rules: { limits } } }));
    expect(limitsOf(byDefault.part, 'pay')).toEqual({ pay: ['shop/own/pay/60s-hub'] });
    expect(limitsOf(byDefault.part, 'cart')).toEqual({ all: ['shop/wide/all/60s'] });
    const over = quotaOf(own, policy('wide', { ...onGateway, overrides: { rules: { limits } } }));
    expect(limitsOf(over.part, 'pay')).toEqual({ all: ['shop/wide/all/60s'] });
  });

  it('merge limit by limit, and each keeps the conditions and the budgets of the policy it is from', () => {
    const { part, quota } = quotaOf(
      policy('wide', {
        ...onGateway,
        defaults: {
          strategy: 'merge',
          rules: {
            when: ["request.method != 'HEAD'"],
            limits: { all: perMinute(100), pay: perMinute(50) },
          },
        },
      }),
      policy('own', {
        ...onRoute('pay'),
        rules: { when: ["request.path != '/pay/ok'"], limits: { pay: perMinute(5) } },
      }),
    );
    expect(limitsOf(part, 'pay')).toEqual({
      all: ['shop/wide/all/60s'],
      pay: ['shop/own/pay/60s-hub'],
    });
    const rule = part.rules['HTTPRoute/shop/pay/0'];
    const limits = quota.policies[rule?.quota ?? '']?.limits;
    expect(limits?.map(({ name, when }) => [name, when])).toEqual([
      ['all', ["request.method != 'HEAD'"]],
      ['pay', ["request.path != '/pay/ok'"]],
    ]);
  });

  it('have a budget for each rate and plan, with the window and the algorithm in its id', () => {
    const { quota } = quotaOf(
      policy('tiers', {
        ...onGateway,
        rules: {
          limits: {
            one: {
              rates: [
                { limit: 10, window: '1s' },
                { limit: 1000, window: 'day' },
              ],
              timeZone: 'Europe/Berlin',
              plans: { 'Gold Plus': { rates: [{ limit: 5000, window: 'day' }] } },
              onHubLoss: 'deny',
              wait: '0s',
            },
            two: { algorithm: 'sliding-window', rates: [{ limit: 5, window: '90s' }] },
            three: { algorithm: 'token-bucket', burst: 20, rates: [{ limit: 600, window: '1m' }] },
            ever: { rates: [{ limit: 5, window: 'eternity' }] },
          },
        },
      }),
    );
    expect(quota.budgets.map(({ id, floorShare, waits, burst }) => [id, floorShare, waits, burst])).toEqual([
      ['shop/tiers/ever/eternity', 0, true, undefined],
      ['shop/tiers/one/1s', 0, false, undefined],
      ['shop/tiers/one/Gold%20Plus/day@Europe:Berlin', 0, false, undefined],
      ['shop/tiers/one/day@Europe:Berlin', 0, false, undefined],
      ['shop/tiers/three/60s-bucket', 0.5, true, 20],
      ['shop/tiers/two/90s-sliding', 0.5, true, undefined],
    ]);
    const limit = Object.values(quota.policies)[0]?.limits.find(({ name }) => name === 'one');
    expect(limit?.rates).toEqual([1, 3]);
    expect(limit?.plans).toEqual({ 'Gold Plus': [2] });
    expect(limit?.waitMs).toBe(0);
  });

  it('take expressions as Kuadrant writes them, and costs of answers', () => {
    const { quota } = quotaOf(
      policy('kuadrant', {
        ...onGateway,
        rules: {
          when: [{ predicate: "request.path != '/health'" }],
          limits: {
            tokens: {
              ...perMinute(1000),
              counters: [{ expression: 'auth.identity.id' }, 'request.path'],
              cost: { request: '10', response: { json: 'usage.total_tokens' }, most: 4000 },
              headers: 'off',
              metric: 'tokens',
            },
          },
        },
      }),
    );
    expect(Object.values(quota.policies)[0]?.limits[0]).toMatchObject({
      when: ["request.path != '/health'"],
      counters: ['auth.identity.id', 'request.path'],
      cost: { request: '10', answer: { type: 'json', path: ['usage', 'total_tokens'] }, most: 4000 },
      silent: true,
      metric: 'tokens',
      source: { kind: 'RateLimitPolicy', name: 'shop/kuadrant', sectionName: 'tokens' },
    });
  });

  it('reach every cluster when a policy of the hub selects Gateways, or a route may hang elsewhere', () => {
    const scopeOf = (object: ReturnType<typeof policy>): readonly string[] =>
      [...budgetsOf(objectsOf(object)).values()].map(({ scope }) => scope);
    const rules = { limits: { all: perMinute(1) } };
    expect(scopeOf(policy('a', { selector: {}, rules }, { namespace: 'default' }))).toEqual(['*']);
    expect(scopeOf(policy('b', { selector: {}, rules }))).toEqual(['shop']);
    expect(scopeOf(policy('c', { ...onRoute('cart'), rules }))).toEqual(['*']);
    expect(scopeOf(policy('d', { ...onGateway, rules }))).toEqual(['shop']);
  });

  it('I20 are other budgets when other agents share them: what one part of a floor is then, was never kept for it before', () => {
    const rules = { limits: { all: perMinute(9) } };
    const idOf = (object: ReturnType<typeof policy>) => [...budgetsOf(objectsOf(object)).keys()].join();
    expect(idOf(policy('own', { ...onGateway, rules }))).not.toBe(
      idOf(policy('own', { ...onRoute('pay'), rules })),
    );
    expect(idOf(policy('own', { selector: {}, rules }, { namespace: 'default' }))).not.toBe(
      idOf(policy('own', { ...onGateway, rules }, { namespace: 'default' })),
    );
  });

  it('are the same budgets for the hub as for the clusters', () => {
    const own = policy('own', { ...onRoute('pay'), rules: { limits: { pay: perMinute(5) } } });
    const { quota } = quotaOf(own);
    expect([...budgetsOf(objectsOf(own)).values()]).toEqual(quota.budgets);
  });

  it('are the same octets whatever the order of the objects', () => {
    const objects = [
      policy('a', { ...onGateway, defaults: { strategy: 'merge', rules: { limits: { a: perMinute(1) } } } }),
      policy('b', { ...onRoute('pay'), rules: { limits: { b: perMinute(2) } } }),
      policy('c', { domain: 'envoy', rules: { limits: { c: perMinute(3) } } }),
    ];
    expect(JSON.stringify(quotaOf(...objects).quota)).toBe(
      JSON.stringify(quotaOf(...objects.toReversed()).quota),
    );
  });

  it('of a domain are there without any Gateway, and of two the older one holds', () => {
    const limits = { all: perMinute(3) };
    const { part, reports } = compiled(
      policy('young', { domain: 'envoy', rules: { limits } }, { created: '2026-02-01T00:00:00.000Z' }),
      policy('old', { domain: 'envoy', rules: { limits } }),
      policy('elsewhere', { domain: 'other', rules: { limits } }, { namespace: 'bank' }),
    );
    const id = part.quota?.domains.envoy;
    expect(part.quota?.domains).toEqual({ envoy: id });
    expect(part.quota?.policies[id ?? '']?.source).toEqual([{ kind: 'RateLimitPolicy', name: 'shop/old' }]);
    expect(
      reports.policies.map(({ name, findings }) => [name, findings.map(({ reason }) => reason)]),
    ).toEqual([
      ['young', ['Conflicted']],
      ['old', ['Accepted', 'Enforced']],
    ]);
  });

  it('of a domain in the hub’s namespace may override those of a namespace', () => {
    const wide = policy(
      'wide',
      { domain: 'envoy', overrides: { rules: { limits: { all: perMinute(3) } } } },
      { namespace: 'default' },
    );
    const own = policy('own', { domain: 'envoy', rules: { limits: { mine: perMinute(4) } } });
    const { part, reports } = compiled(wide, own);
    expect(part.quota?.budgets.map(({ id, scope }) => [id, scope])).toEqual([
      ['default/wide/all/60s-hub', '*'],
    ]);
    expect(
      reports.policies.map(({ name, findings }) => [name, findings.map(({ reason }) => reason)]),
    ).toEqual([
      ['wide', ['Accepted', 'Enforced']],
      ['own', ['Accepted', 'Overridden']],
    ]);
  });

  it('report a policy that others override, and one without a target', () => {
    const { reports } = compiled(
      EDGE,
      route('cart', '/cart'),
      policy('wide', { ...onGateway, overrides: { rules: { limits: { all: perMinute(3) } } } }),
      policy('own', { ...onRoute('cart'), rules: { limits: { mine: perMinute(4) } } }),
      policy('lost', { ...onRoute('nowhere'), rules: { limits: { mine: perMinute(4) } } }),
    );
    const told = reports.policies
      .filter(({ kind }) => kind === 'RateLimitPolicy')
      .map(({ name, findings }) => [name, findings.map(({ reason }) => reason)]);
    expect(told).toEqual([
      ['lost', ['TargetNotFound']],
      ['own', ['Accepted', 'Overridden']],
      ['wide', ['Accepted', 'Enforced']],
    ]);
  });

  it('are absent when no policy has a limit', () => {
    expect(compiled(EDGE, route('cart', '/cart')).part.quota).toBeUndefined();
    const none = policy('none', { ...onGateway, rules: { limits: {} } });
    expect(compiled(EDGE, route('cart', '/cart'), none).part.quota).toBeUndefined();
  });
});
