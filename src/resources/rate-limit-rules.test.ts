import { describe, expect, it } from 'vitest';
import { matching } from '../../test/support/matchers.ts';
import { PortolanError } from '../errors/error.ts';
import { parseResource } from './validate.ts';

const limit = { rates: [{ limit: 100, window: '1m' }] };

function document(spec: object): unknown {
  return {
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'RateLimitPolicy',
    metadata: { namespace: 'shop', name: 'limits' },
    spec: { targetRefs: [{ kind: 'Gateway', name: 'edge' }], ...spec },
  };
}

function refused(spec: object): readonly (readonly [string, string])[] {
  try {
    parseResource(document(spec));
  } catch (error) {
    if (error instanceof PortolanError && error.violations !== undefined) {
      return error.violations.map(({ path, message }) => [path, message]);
    }
    throw error;
  }
  return [];
}
const refusedLimit = (own: object) => refused({ rules: { limits: { one: { ...limit, ...own } } } });

describe('a RateLimitPolicy', () => {
  it('needs no more than a rate', () => {
    const { spec } = parseResource(document({ rules: { limits: { one: limit } } }));
    expect(spec).toMatchObject({
      rules: {
        limits: {
          one: { algorithm: 'fixed-window', wait: '300ms', onHubLoss: 'floor', headers: 'on', counters: [] },
        },
      },
    });
  });

  it.each<readonly [string, object, string, RegExp]>([
    ['a window below a second', { rates: [{ limit: 1, window: '500ms' }] }, 'rates[0].window', /below 1s/],
    [
      'a word that is no window',
      { rates: [{ limit: 1, window: 'fortnight' }] },
      'rates[0].window',
      /duration/,
    ],
    ['no rate', { rates: [] }, 'rates', /no rate/],
    [
      'a window twice',
      {
        rates: [
          { limit: 1, window: '60s' },
          { limit: 2, window: '1m' },
        ],
      },
      'rates[1].window',
      /twice/,
    ],
    [
      'a calendar window of a bucket',
      { algorithm: 'token-bucket', rates: [{ limit: 1, window: 'day' }] },
      'rates[0].window',
      /token-bucket does not have/,
    ],
    [
      'a sliding window of two days',
      { algorithm: 'sliding-window', rates: [{ limit: 1, window: '48h' }] },
      'rates[0].window',
      /longer than 24h/,
    ],
    ['a burst without a bucket', { burst: 5 }, 'burst', /no meaning/],
    ['a limit below zero', { rates: [{ limit: -1, window: '1m' }] }, 'rates[0].limit', /0/],
    [
      'a limit above what is counted',
      { rates: [{ limit: 2 ** 41, window: '1m' }] },
      'rates[0].limit',
      /1099511627776/,
    ],
    [
      'more than four rates',
      { rates: [1, 2, 3, 4, 5].map((n) => ({ limit: 1, window: `${n}m` })) },
      'rates',
      /4/,
    ],
    [
      'a zone that is none',
      { rates: [{ limit: 1, window: 'day' }], timeZone: 'Mars/Olympus' },
      'timeZone',
      /no time zone/,
    ],
    ['a zone without a day', { timeZone: 'Europe/Berlin' }, 'timeZone', /no meaning/],
    ['a floor that is never used', { onHubLoss: 'deny', floor: 20 }, 'floor', /no meaning/],
    ['a wait of a minute', { wait: '1m' }, 'wait', /longer than 5s/],
    ['a counter of 2000 characters', { counters: ['a'.repeat(2000)] }, 'counters[0]', /1024/],
    ['a cost of nothing', { cost: {} }, 'cost', /request/],
    [
      'two costs of an answer',
      { cost: { response: { header: 'x', json: 'y' } } },
      'cost.response',
      /exactly one/,
    ],
  ])('is refused with %s', (_what, own, path, message) => {
    expect(refusedLimit(own)).toEqual([[`spec.rules.limits.one.${path}`, matching(message)]]);
  });

  it('allows nobody with a limit of 0', () => {
    expect(refusedLimit({ rates: [{ limit: 0, window: '1m' }] })).toEqual([]);
  });

  it('holds for one of objects, labels and a domain', () => {
    const rules = { limits: { one: limit } };
    expect(refused({ domain: 'envoy', rules })).toEqual([
      ['spec.targetRefs', 'exactly one of targetRefs, selector and domain must be given'],
    ]);
    expect(refused({ targetRefs: undefined, domain: 'envoy', rules })).toEqual([]);
    expect(refused({ rules, defaults: { rules } })).toEqual([
      ['spec.rules', 'exactly one of rules, defaults and overrides must be given'],
    ]);
  });

  it('of a domain has neither plans nor costs of answers', () => {
    const one = { ...limit, plans: { gold: limit }, cost: { response: { header: 'x-cost' } } };
    expect(refused({ targetRefs: undefined, domain: 'envoy', rules: { limits: { one } } })).toEqual([
      ['spec.rules.limits.one.plans', matching(/do not say a plan/)],
      ['spec.rules.limits.one.cost.response', matching(/before there is an answer/)],
    ]);
  });
});
