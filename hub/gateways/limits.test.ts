import { describe, expect, it } from 'vitest';
import { compiled, objectsOf, stored } from '../../src/policy/testing/gateway-objects.ts';
import { containing } from '../../test/support/matchers.ts';
import type { DesiredObject } from '../api/services.ts';
import { NO_OBJECTS } from '../reconcile/objects.ts';
import { explainRoute } from './explain-route.ts';
import { limitExpressions } from './limit-fields.ts';
import { limitWarnings } from './limit-warnings.ts';

const minute = { rates: [{ limit: 100, window: '1m' }] };
const policy = (spec: object) => stored('RateLimitPolicy', 'limits', spec);
const onGateway = (limits: object, more: object = {}) =>
  policy({ targetRefs: [{ kind: 'Gateway', name: 'edge' }], rules: { limits, ...more } });
const ofDomain = (limits: object) => policy({ domain: 'envoy', rules: { limits } });
const refused = (object: ReturnType<typeof policy>) =>
  limitExpressions(object.spec).map(({ path, message }) => [path, message]);
const warned = (object: ReturnType<typeof policy>, objects = NO_OBJECTS) => {
  const { kind, spec } = object;
  const desired = {
    kind,
    namespace: 'shop',
    name: 'limits',
    spec,
    labels: {},
    annotations: {},
    finalizers: [],
  };
  return limitWarnings(desired as unknown as DesiredObject<'RateLimitPolicy'>, objects);
};

describe('expressions of limits', () => {
  it('may look at requests and callers, as Kuadrant writes them', () => {
    const one = {
      ...minute,
      when: [{ predicate: "request.method == 'POST'" }],
      counters: ['auth.identity.id', "request.headers['x-tenant']", { expression: 'request.path' }],
      cost: { request: "int(request.headers['x-cost'])" },
    };
    expect(refused(onGateway({ one }))).toEqual([]);
  });

  it.each([
    [{ when: ['request.method'] }, 'when[0]', 'bool'],
    [{ counters: ['request.nothing'] }, 'counters[0]', 'nothing'],
    [{ counters: ["request.path.matches('(')"] }, 'counters[0]', 'cannot be used'],
    [{ counters: ["descriptors[0]['a']"] }, 'counters[0]', 'what other proxies say'],
    [{ cost: { request: 'request.path' } }, 'cost.request', 'a number is needed'],
  ])('are refused: %j', (own, path, message) => {
    expect(refused(onGateway({ one: { ...minute, ...own } }))).toEqual([
      [`spec.rules.limits.one.${path}`, containing(message)],
    ]);
  });

  it('of a domain see descriptors only', () => {
    expect(refused(ofDomain({ one: { ...minute, counters: ["descriptors[0]['remote_address']"] } }))).toEqual(
      [],
    );
    expect(refused(ofDomain({ one: { ...minute, when: ["request.method == 'GET'"] } }))).toEqual([
      ['spec.rules.limits.one.when[0]', containing('`request` is not known for a domain')],
    ]);
  });
});

describe('warnings of limits', () => {
  it('are none for what does what it says', () => {
    expect(warned(onGateway({ one: { ...minute, counters: ['source.address'] } }))).toEqual([]);
  });

  it('tell of callers whom nobody identifies, until an AuthPolicy does', () => {
    const limits = onGateway({ one: { ...minute, counters: ['auth.identity.id'] } });
    expect(warned(limits)).toEqual([containing('all callers share one count')]);
    const known = objectsOf(
      stored('AuthPolicy', 'keys', { targetRefs: [{ kind: 'Gateway', name: 'edge' }], rules: {} }),
    );
    expect(warned(limits, { ...NO_OBJECTS, AuthPolicy: known.AuthPolicy })).toEqual([]);
  });

  it.each([
    [{ when: ['false'] }, 'never true'],
    [{ rates: [{ limit: 0, window: '1m' }] }, 'refuses every request'],
    [{ algorithm: 'token-bucket', burst: 1, rates: [{ limit: 100, window: '1s' }] }, 'below 50'],
    [{ onHubLoss: 'allow' }, 'not exact'],
    [{ cost: { response: { json: 'usage.total_tokens' } } }, 'up to 1000000 hits'],
  ])('tell of %j', (own, message) => {
    expect(warned(onGateway({ one: { ...minute, ...own } }))).toEqual([containing(message)]);
  });

  it('tell of a policy that limits nothing, and of another one with its domain', () => {
    expect(warned(onGateway({}))).toEqual([containing('no limit')]);
    expect(warned(onGateway({ one: minute }, { when: ['false'] }))).toEqual([containing('never true')]);
    const other = stored('RateLimitPolicy', 'other', { domain: 'envoy', rules: { limits: {} } });
    expect(
      warned(ofDomain({ one: minute }), { ...NO_OBJECTS, RateLimitPolicy: objectsOf(other).RateLimitPolicy }),
    ).toEqual([containing('shop/other has the same domain')]);
  });
});

describe('portolan explain route', () => {
  it('shows each limit in words, with the policy it is from', () => {
    const gateway = stored('Gateway', 'edge', {
      gatewayClassName: 'portolan',
      listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }],
    });
    const route = stored('HTTPRoute', 'api', {
      parentRefs: [{ name: 'edge' }],
      rules: [{ backendRefs: [{ name: 'b', port: 80 }] }],
    });
    const limits = onGateway({
      day: {
        rates: [{ limit: 1000, window: 'day' }],
        timeZone: 'Europe/Berlin',
        plans: { gold: { rates: [{ limit: 5000, window: 'day' }] } },
        counters: ['auth.identity.id'],
        shadow: true,
      },
      burst: { algorithm: 'token-bucket', burst: 20, rates: [{ limit: 10, window: '1s' }], wait: '0s' },
    });
    const own = compiled(gateway, route, limits);
    const [told] = explainRoute({ route: { namespace: 'shop', name: 'api' } }, new Map([['shop/fra', own]]));
    expect(told?.limits).toEqual([
      {
        piece: 'limits.burst',
        value: '10 per 1s (token bucket, 20 at once); all callers together; does not wait',
        source: 'RateLimitPolicy shop/limits',
        by: 'defaults',
      },
      {
        piece: 'limits.day',
        value:
          '1000 per day (Europe/Berlin); plan gold: 5000 per day (Europe/Berlin); by auth.identity.id; waits up to 300 ms; shadow: refuses nobody',
        source: 'RateLimitPolicy shop/limits',
        by: 'defaults',
      },
    ]);
  });
});
