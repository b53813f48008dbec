import { describe, expect, it } from 'vitest';
import { supportedSpec } from './supported-spec.ts';

const PARENTS = [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'web' }];
const RULE = {
  matches: [{ path: { type: 'PathPrefix', value: '/' } }],
  backendRefs: [{ group: '', kind: 'Service', name: 'cart', port: 80, weight: 1 }],
};
const ROUTE = { parentRefs: PARENTS, hostnames: ['shop.example.com'], rules: [RULE] };
const GATEWAY = {
  gatewayClassName: 'portolan',
  listeners: [{ name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'Same' } } }],
};

describe('the spec of an object of the Gateway API', () => {
  it('passes as the API server has it, with the defaults of its definitions', () => {
    expect(supportedSpec('HTTPRoute', ROUTE)).toEqual({ spec: ROUTE });
    expect(supportedSpec('Gateway', GATEWAY)).toEqual({ spec: GATEWAY });
  });

  it.each<[string, object]>([
    ['a list of listeners that nobody may add to', { allowedListeners: { namespaces: { from: 'None' } } }],
    ['the same, left to its default', { allowedListeners: {} }],
    ['a null', { newField: null }],
    ['an empty list', { newField: [] }],
  ])('leaves out what asks for nothing: %s', (_, field) => {
    expect(supportedSpec('Gateway', { ...GATEWAY, ...field })).toEqual({ spec: GATEWAY });
  });

  it('leaves it out where it is deep inside, and keeps what stands beside it', () => {
    const rules = [{ ...RULE, newer: [], filters: [] }];
    expect(supportedSpec('HTTPRoute', { ...ROUTE, rules })).toEqual({
      spec: { ...ROUTE, rules: [{ ...RULE, filters: [] }] },
    });
  });

  it.each<[string, Parameters<typeof supportedSpec>[0], unknown, string]>([
    [
      'listeners from elsewhere',
      'Gateway',
      { ...GATEWAY, allowedListeners: { namespaces: { from: 'All' } } },
      'spec.allowedListeners is not supported',
    ],
    [
      'parameters of the infrastructure',
      'Gateway',
      { ...GATEWAY, infrastructure: { parametersRef: { group: '', kind: 'ConfigMap', name: 'x' } } },
      'spec.infrastructure.parametersRef is not supported',
    ],
    [
      'options of a policy that are not ours',
      'BackendTLSPolicy',
      {
        targetRefs: [{ group: '', kind: 'Service', name: 'cart' }],
        validation: { hostname: 'cart.example.com', wellKnownCACertificates: 'System' },
        options: { 'example.com/minimum': '1.3' },
      },
      'spec.options is not supported',
    ],
    [
      'a field of a newer release beside a filter, which might be the one that protects',
      'HTTPRoute',
      { ...ROUTE, rules: [{ ...RULE, externalAuth: { backendRef: { name: 'auth' } } }] },
      'spec.rules[0].externalAuth is not supported',
    ],
    [
      'a filter of a kind that is not known',
      'HTTPRoute',
      { ...ROUTE, rules: [{ ...RULE, filters: [{ type: 'ExternalAuth', externalAuth: {} }] }] },
      'spec.rules[0].filters[0]',
    ],
    [
      'a rule that contradicts itself',
      'HTTPRoute',
      {
        ...ROUTE,
        rules: [{ ...RULE, filters: [{ type: 'RequestRedirect', requestRedirect: { statusCode: 301 } }] }],
      },
      'spec.rules[0].backendRefs',
    ],
    ['no spec at all', 'ReferenceGrant', undefined, 'spec'],
  ])('a problem names the field: %s', (_, kind, spec, told) => {
    const judged = supportedSpec(kind, spec);
    expect(judged.problem).toContain(told);
    expect(judged.spec).toBe(spec);
  });
});
