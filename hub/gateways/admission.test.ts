import { describe, expect, it } from 'vitest';
import type { Removal } from '../../src/plan/budget.ts';
import type { Kind } from '../../src/resources/catalogue.ts';
import type { ParsedInput } from '../../src/resources/validate.ts';
import { testAuthority } from '../../test/support/certificates.ts';
import { containing, matching } from '../../test/support/matchers.ts';
import { admit } from '../reconcile/admission.ts';
import { CONTEXT, create, document, worldOf } from '../reconcile/testing.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');

function judged(kind: Kind, spec: unknown, ...others: readonly ParsedInput[]) {
  const { violations, warnings } = admit({
    world: worldOf(...others),
    context: CONTEXT,
    changes: [create(document(kind, 'x', spec))],
    force: false,
    moment: { targetState: () => 'up', wallMs: NOW },
    budget: new Map<string, readonly Removal[]>(),
    joined: new Set(),
  });
  return {
    violations: violations.map((v) => `${v.code} ${v.path}`),
    fixes: violations.map((v) => v.fix),
    warnings,
  };
}

const auth = (rules: unknown) => ({ targetRefs: [{ kind: 'HTTPRoute', name: 'r' }], rules });

describe('I36 what cannot be used is refused with the field', () => {
  it.each<[string, unknown, string]>([
    ['when', { when: ['request.path =='] }, 'spec.rules.when[0]'],
    [
      'a condition that is no condition',
      { authorization: { a: { cel: { expressions: ['request.path'] } } } },
      'spec.rules.authorization.a.cel.expressions[0]',
    ],
    [
      'a name that is not there',
      { response: { headers: { 'x-a': 'request.nothing' } } },
      'spec.rules.response.headers.x-a',
    ],
    [
      'a login page',
      { response: { unauthenticated: { redirect: '1 +' } } },
      'spec.rules.response.unauthenticated.redirect',
    ],
  ])('CEL: %s', (_what, rules, path) => {
    const { violations, fixes } = judged('AuthPolicy', auth(rules));
    expect(violations).toEqual([`CEL_INVALID ${path}`]);
    expect(fixes[0]).not.toBe('');
  });

  it('a regular expression that cannot be matched in linear time', () => {
    const value = '(a)\\1';
    const match = (m: unknown) => ({ rules: [{ matches: [m] }] });
    for (const [m, path] of [
      [{ path: { type: 'RegularExpression', value } }, 'path.value'],
      [{ headers: [{ type: 'RegularExpression', name: 'a', value }] }, 'headers[0].value'],
      [{ queryParams: [{ type: 'RegularExpression', name: 'a', value }] }, 'queryParams[0].value'],
    ] as const) {
      expect(judged('HTTPRoute', match(m)).violations).toEqual([
        `REGEX_INVALID spec.rules[0].matches[0].${path}`,
      ]);
    }
    expect(
      judged('GRPCRoute', match({ method: { type: 'RegularExpression', service: value } })).violations,
    ).toEqual(['REGEX_INVALID spec.rules[0].matches[0].method.service']);
    expect(
      judged('HTTPRoute', match({ path: { type: 'RegularExpression', value: '/a.*' } })).violations,
    ).toEqual([]);
  });

  it.each([
    ['jwksUri', { authentication: { t: { jwt: { issuer: 'x', jwksUri: 'http://169.254.169.254/' } } } }],
    ['issuer', { authentication: { t: { jwt: { issuer: 'http://127.0.0.1/' } } } }],
    ['introspection', { authentication: { t: { oauth2Introspection: { url: 'http://[::1]/' } } } }],
    ['metadata', { metadata: { m: { http: { url: 'http://[::ffff:127.0.0.1]/' } } } }],
    ['authorisation', { authorization: { a: { http: { url: 'http://100.100.100.200/' } } } }],
    [
      'review',
      { authentication: { t: { kubernetesTokenReview: { kubernetes: { url: 'https://0.0.0.0' } } } } },
    ],
  ])('I32 an outbound URL to an address nothing may contact: %s', (_what, rules) => {
    expect(judged('AuthPolicy', auth(rules)).violations).toEqual([
      matching(/^ADDRESS_FORBIDDEN spec\.rules\./),
    ]);
  });

  it('I32 a backend at such an address', () => {
    const at = (address: string) => ({ endpoints: [{ address, port: 80 }] });
    expect(judged('Backend', at('127.0.0.1')).violations).toEqual([
      'ADDRESS_FORBIDDEN spec.endpoints[0].address',
    ]);
    expect(judged('Backend', at('10.0.0.1')).violations).toEqual([]);
    expect(judged('Backend', at('shop.internal')).violations).toEqual([]);
  });

  it('a residency rule of a region nobody defines', () => {
    const policy = (region: string) => ({ selector: {}, rules: { residency: { rules: [{ region }] } } });
    expect(judged('GatewayPolicy', policy('Atlantis')).violations).toEqual([
      'REFERENCE_NOT_FOUND spec.rules.residency.rules[0].region',
    ]);
    expect(judged('GatewayPolicy', policy('EU')).violations).toEqual([]);
  });

  it('a key that does not belong to its certificate', async () => {
    const authority = await testAuthority();
    const [one, two] = [
      await authority.issue({ dns: ['a.example'] }),
      await authority.issue({ dns: ['b.example'] }),
    ];
    const secret = (crt: string, key: string) => ({ stringData: { 'tls.crt': crt, 'tls.key': key } });
    expect(judged('Secret', secret(one.certificatePem, two.keyPem)).violations).toEqual([
      'GATEWAY_INVALID spec.stringData["tls.key"]',
    ]);
    expect(judged('Secret', secret('not PEM', two.keyPem)).violations).toEqual([
      'GATEWAY_INVALID spec.stringData["tls.crt"]',
    ]);
    expect(judged('Secret', secret(one.certificatePem, one.keyPem)).violations).toEqual([]);
  });
});

describe('what is missing is a warning, not a refusal', () => {
  it('a route whose Gateway, listener or backend does not exist', () => {
    const route = (sectionName?: string) => ({
      parentRefs: [{ name: 'gw', ...(sectionName === undefined ? {} : { sectionName }) }],
      rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }],
    });
    expect(judged('HTTPRoute', route())).toEqual({
      violations: [],
      fixes: [],
      warnings: [
        containing('there is no Gateway default/gw'),
        containing('there is no Backend default/shop'),
      ],
    });
    const gateway = document('Gateway', 'gw', {
      gatewayClassName: 'portolan',
      listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }],
    });
    const backend = document('Backend', 'shop', {});
    expect(judged('HTTPRoute', route('web'), gateway, backend).warnings).toEqual([]);
    expect(judged('HTTPRoute', route('other'), gateway, backend).warnings).toEqual([
      'Gateway default/gw has no listener "other"',
    ]);
  });

  it('a Gateway whose Secret does not exist, and a policy whose target does not', () => {
    const gateway = {
      gatewayClassName: 'portolan',
      listeners: [
        { name: 'web', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'cert' }] } },
      ],
    };
    expect(judged('Gateway', gateway).warnings).toEqual([containing('Secret default/cert')]);
    expect(judged('AuthPolicy', auth({})).warnings).toEqual([
      'there is no HTTPRoute default/r: the policy holds nowhere yet',
    ]);
  });

  it('a policy whose listener or rule does not exist', () => {
    const gateway = document('Gateway', 'gw', {
      gatewayClassName: 'portolan',
      listeners: [{ name: 'web', port: 80, protocol: 'HTTP' }],
    });
    const route = document('HTTPRoute', 'r', {
      parentRefs: [{ name: 'gw' }],
      rules: [{ name: 'orders' }, { matches: [{ path: { value: '/health' } }] }],
    });
    const at = (kind: string, name: string, sectionName: string) =>
      judged(
        'AuthPolicy',
        { targetRefs: [{ kind, name, sectionName }], rules: { authentication: { key: { apiKey: {} } } } },
        gateway,
        route,
      ).warnings;
    for (const rule of ['orders', '1']) expect(at('HTTPRoute', 'r', rule)).toEqual([]);
    expect(at('HTTPRoute', 'r', 'order')).toEqual([
      'HTTPRoute default/r has no rule "order" (it has orders, 1): the policy holds nowhere yet',
    ]);
    expect(at('Gateway', 'gw', 'web')).toEqual([]);
    expect(at('Gateway', 'gw', 'https')).toEqual([
      'Gateway default/gw has no listener "https" (it has web): the policy holds nowhere yet',
    ]);
  });

  it('a policy beside an older one for the same target', () => {
    const route = document('HTTPRoute', 'r', { parentRefs: [{ name: 'gw' }] });
    const rules = { authentication: { key: { apiKey: {} } } };
    const policy = (name: string, spec: object, target = 'r') =>
      document('AuthPolicy', name, { targetRefs: [{ kind: 'HTTPRoute', name: target }], ...spec });
    const beside = (spec: object, ...others: readonly ParsedInput[]) =>
      judged('AuthPolicy', { targetRefs: [{ kind: 'HTTPRoute', name: 'r' }], ...spec }, route, ...others)
        .warnings;
    expect(beside({ rules }, policy('older', { rules }))).toEqual([
      'AuthPolicy default/older targets HTTPRoute r too and is older: this policy does not hold there. Delete one of them, or give both `strategy: merge`',
    ]);
    expect(beside({ rules }, policy('other', { rules }, 's'))).toEqual([]);
    const merging = { defaults: { strategy: 'merge', rules } };
    expect(beside(merging, policy('older', merging))).toEqual([]);
    expect(beside({ rules }, policy('older', merging))).toHaveLength(1);
  });

  it('a listener of another protocol than HTTP and HTTPS', () => {
    const gateway = (protocol: string) => ({
      gatewayClassName: 'portolan',
      listeners: [{ name: 'web', port: 80, protocol }],
    });
    expect(judged('Gateway', gateway('HTTP')).warnings).toEqual([]);
    expect(judged('Gateway', gateway('http')).warnings).toEqual([
      'listener web is not served: its protocol "http" is neither HTTP nor HTTPS',
    ]);
    const passing = {
      gatewayClassName: 'portolan',
      listeners: [{ name: 'web', port: 443, protocol: 'TLS', tls: { mode: 'Passthrough' } }],
    };
    expect(judged('Gateway', passing).warnings).toEqual([containing('there is no TLSRoute')]);
  });
});
