import { describe, expect, it } from 'vitest';
import { backendAt, matchOf, partOf, ruleOf } from '../../gateway/testing/gateway-fixture.ts';
import type { CompiledAuth, GatewayPart, GatewaySecrets } from '../../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { compiled, stored } from '../../src/policy/testing/gateway-objects.ts';
import { partProblems } from '../snapshot-schema.ts';
import { gatewayProblems } from './trial.ts';

const DENY = { status: 401, headers: {} };
const AUTH: CompiledAuth = {
  source: [{ kind: 'AuthPolicy', name: 'default/keys' }],
  when: [],
  authentication: [
    {
      name: 'key',
      when: [],
      method: {
        type: 'apiKey',
        credentials: [{ in: 'header', name: 'x-api-key' }],
        namespaces: [],
        labels: {},
      },
      defaults: {},
      overrides: {},
    },
  ],
  metadata: [],
  authorization: [
    { name: 'read', when: [], check: { type: 'cel', expressions: ["request.method == 'GET'"] } },
  ],
  response: { headers: [['x-caller', 'auth.principal']], unauthenticated: DENY, unauthorized: DENY },
  decisions: { mode: 'strict', ttlSeconds: 10, negativeTtlSeconds: 2 },
  maxStalenessSeconds: 0,
};
const GOOD = partOf(8080, { rules: [ruleOf('all', { auth: 'a' })], auth: { a: AUTH } });

const { quota: QUOTA } = compiled(
  stored('RateLimitPolicy', 'limits', {
    domain: 'envoy',
    rules: { limits: { one: { counters: ["descriptors[0]['a']"], rates: [{ limit: 5, window: '1m' }] } } },
  }),
).part;
if (QUOTA === undefined) throw new Error('nothing is limited');
const [QUOTA_ID = '', LIMITS] = Object.entries(QUOTA.policies)[0] ?? [];
const [LIMIT] = LIMITS?.limits ?? [];
const LIMITED = { ...GOOD, quota: QUOTA };
const withLimit = (changes: object): unknown => ({
  ...LIMITED,
  quota: { ...QUOTA, policies: { [QUOTA_ID]: { ...LIMITS, limits: [{ ...LIMIT, ...changes }] } } },
});

/** As the check program: the shape first, then what threads build of it. */
function tried(part: unknown, secrets: GatewaySecrets = NO_GATEWAY_SECRETS): string {
  const shape = [...partProblems('gateway', part), ...partProblems('gatewaySecrets', secrets)];
  if (shape.length > 0) return shape.join('; ');
  // The schema has just vouched for its shape.
  return gatewayProblems(part as GatewayPart, secrets).join('; ');
}

const withAuth = (changes: Partial<CompiledAuth>): GatewayPart => ({
  ...GOOD,
  auth: { a: { ...AUTH, ...changes } },
});

describe('I11 the gateway of a snapshot is tried out before it is believed', () => {
  it('a good one passes, and fields of a newer hub with it', () => {
    expect(tried(GOOD)).toBe('');
    expect(tried(LIMITED)).toBe('');
    expect(tried(withLimit({ more: true }))).toBe('');
    const headers = [['x-admin', "'yes'", ["request.path == '/admin'"]] as const];
    expect(tried(withAuth({ response: { ...AUTH.response, headers } }))).toBe('');
    expect(
      tried({ ...GOOD, somethingNew: { a: 1 }, edge: { edge: { ...GOOD.edge.edge, more: true } } }),
    ).toBe('');
  });

  it.each<[string, unknown, string]>([
    ['no ports', { ...GOOD, ports: undefined }, 'gateway.ports'],
    ['a port that is none', { ...GOOD, ports: [{ ...GOOD.ports[0], port: 70_000 }] }, 'gateway.ports.0.port'],
    [
      'a filter of an unknown kind, which might be the one that protects',
      { ...GOOD, rules: { all: { ...GOOD.rules.all, filters: [{ type: 'firewall' }] } } },
      'gateway.rules.all.filters.0',
    ],
    [
      'a way to authenticate that it does not know',
      {
        ...GOOD,
        auth: { a: { ...AUTH, authentication: [{ ...AUTH.authentication[0], method: { type: 'retina' } }] } },
      },
      'gateway.auth.a.authentication.0.method.type',
    ],
    [
      'a condition of a header that is no CEL',
      withAuth({ response: { ...AUTH.response, headers: [['x-admin', "'yes'", ['request.path ==']]] } }),
      'gateway.auth.a',
    ],
    ['a condition that is no CEL', withAuth({ when: ['request.method =='] }), 'gateway.auth.a'],
    ['a condition on what does not exist', withAuth({ when: ['reqest.method == ""'] }), 'gateway.auth.a'],
    [
      'a condition that is no condition',
      withAuth({ authorization: [{ name: 'x', when: [], check: { type: 'cel', expressions: ['1 + 1'] } }] }),
      'gateway.auth.a',
    ],
    [
      'a pattern that is no pattern',
      partOf(8080, { matches: [matchOf('all', { path: { type: 'regex', value: '/(' } })] }),
      'regular expression',
    ],
    ['a rule whose policy is missing, which would be open', { ...GOOD, auth: {} }, 'there is no policy a'],
    [
      'a rule with a backend that is not there',
      partOf(8080, { rules: [ruleOf('all', { backends: [{ backend: 'gone', weight: 1, filters: [] }] })] }),
      'there is no backend gone',
    ],
    [
      'a match with a rule that is not there',
      partOf(8080, { matches: [matchOf('gone')] }),
      'there is no rule gone',
    ],
    [
      'a caller rule that cannot be evaluated',
      partOf(8080, { rules: [ruleOf('all', { callers: [{ when: 'auth.principal ==', backends: [] }] })] }),
      'gateway listener default/gateway/http',
    ],
    ['a limit with a counter that is no CEL', withLimit({ counters: ['request.path =='] }), 'gateway.quota'],
    ['a limit of a budget that is not there', withLimit({ rates: [7] }), 'a budget that is not there'],
    [
      'a budget counted in a way that it does not know',
      { ...LIMITED, quota: { ...QUOTA, budgets: [{ ...QUOTA.budgets[0], algorithm: 'leaky' }] } },
      'gateway.quota.budgets.0.algorithm',
    ],
    [
      'a rule whose limits are missing, which would be open',
      partOf(8080, { rules: [ruleOf('all', { quota: 'gone' })] }),
      'there are no limits gone',
    ],
    [
      'a backend with a port that is none',
      partOf(8080, { backends: { other: backendAt(0) } }),
      'gateway.backends.other.endpoints.0.port',
    ],
  ])('%s is refused with its place', (_, part, said) => {
    expect(tried(part)).toContain(said);
  });

  it('a certificate that cannot be used holds nothing up: it is skipped where it is served', () => {
    const secrets = { ...NO_GATEWAY_SECRETS, certificates: { 'd/c': { certificatePem: 'x', keyPem: 'y' } } };
    expect(tried(GOOD, secrets)).toBe('');
  });
});
