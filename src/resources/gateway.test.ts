import { describe, expect, it } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import { durationMs } from './route-fields.ts';
import { parseAs, parseResource } from './validate.ts';

const G = 'gateway.networking.k8s.io/v1';
const P = 'portolan.dev/v1alpha1';

const violationsOf = (document: unknown): readonly string[] => {
  try {
    parseResource(document);
    return [];
  } catch (error) {
    if (!(error instanceof PortolanError)) throw error;
    return error.violations.map((v) => `${v.path}: ${v.message}`);
  }
};
const of = (apiVersion: string, kind: string, spec: unknown) => ({
  apiVersion,
  kind,
  metadata: { name: 'x' },
  spec,
});

const https = (tls: unknown) =>
  of(G, 'Gateway', {
    gatewayClassName: 'portolan',
    listeners: [{ name: 'a', port: 443, protocol: 'HTTPS', tls }],
  });

describe('kinds of the Gateway API', () => {
  it('what the standard defaults is there after parsing', () => {
    const route = parseAs(
      'HTTPRoute',
      of(G, 'HTTPRoute', {
        parentRefs: [{ name: 'gw' }],
        rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }],
      }),
    );
    expect(route.spec.parentRefs).toEqual([
      { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'gw' },
    ]);
    expect(route.spec.rules).toEqual([
      {
        matches: [{ path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [] }],
        filters: [],
        backendRefs: [{ group: '', kind: 'Service', name: 'shop', port: 80, weight: 1, filters: [] }],
      },
    ]);
    expect(parseAs('HTTPRoute', of(G, 'HTTPRoute', {})).spec.rules).toHaveLength(1);
  });

  it('a ReferenceGrant is taken as v1 and v1beta1, a Gateway as v1 only', () => {
    const spec = {
      from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'a' }],
      to: [{ group: '', kind: 'Service' }],
    };
    expect(parseResource(of(`${G}beta1`, 'ReferenceGrant', spec)).kind).toBe('ReferenceGrant');
    expect(parseResource(of(G, 'ReferenceGrant', spec)).kind).toBe('ReferenceGrant');
    const gateway = { ...https({ options: { 'portolan.dev/certificate': 'internal' } }) };
    expect(parseResource(gateway).kind).toBe('Gateway');
    expect(() => parseResource({ ...gateway, apiVersion: P })).toThrow(/apiVersion/);
    expect(() => parseResource({ ...gateway, apiVersion: `${G}beta1` })).toThrow(/apiVersion/);
  });

  it.each([
    ['no TLS', undefined, 'spec.listeners[0].tls: is needed on an HTTPS listener'],
    [
      'passthrough',
      { mode: 'Passthrough' },
      'spec.listeners[0].tls.mode: must be Terminate on an HTTPS listener',
    ],
    [
      'no certificate',
      {},
      'spec.listeners[0].tls.certificateRefs: is empty, and no other certificate is asked for',
    ],
    [
      'an unknown option',
      { certificateRefs: [{ name: 'c' }], options: { x: 'y' } },
      'spec.listeners[0].tls.options.x: is no option of this gateway',
    ],
  ])('an HTTPS listener with %s is refused', (_what, tls, violation) => {
    expect(violationsOf(https(tls))).toContain(violation);
  });

  it.each(['no-slash', '/a//b', '/a/../b', '/a/.', '/%2fa', '/a?b', '/a#b'])(
    'the path %s of a match is refused',
    (value) => {
      const [first] = violationsOf(
        of(G, 'HTTPRoute', { rules: [{ matches: [{ path: { type: 'Exact', value } }] }] }),
      );
      expect(first).toContain('spec.rules[0].matches[0].path.value: must');
    },
  );

  it('a filter that is not implemented is refused by name, and one without its field as well', () => {
    const filters = (filter: unknown) => of(G, 'HTTPRoute', { rules: [{ filters: [filter] }] });
    expect(violationsOf(filters({ type: 'ExternalAuth', externalAuth: {} }))[0]).toMatch(/ExternalAuth/);
    expect(violationsOf(filters({ type: 'URLRewrite' }))[0]).toMatch(/filters\[0\]\.urlRewrite: is required/);
    expect(violationsOf(filters({ type: 'CORS', cors: { allowOrigins: ['ftp://x'] } }))).toHaveLength(1);
  });

  it('I26 a header value cannot end the line', () => {
    const set = (value: string) =>
      of(G, 'HTTPRoute', {
        rules: [
          {
            filters: [
              { type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [{ name: 'a', value }] } },
            ],
          },
        ],
      });
    expect(violationsOf(set('b'))).toEqual([]);
    expect(violationsOf(set('b\r\nc: d'))).toHaveLength(1);
    expect(violationsOf(set('b\u0000'))).toHaveLength(1);
  });

  it.each([
    ['10s', 10_000],
    ['1m30s', 90_000],
    ['250ms', 250],
    ['1h1m1s1ms', 3_661_001],
    ['0s', 0],
  ])('the duration %s is %d ms', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });
});

describe('I36 what the CRDs of the Gateway API refuse', () => {
  const ref = { name: 'shop', port: 80 };
  const redirect = (path?: unknown) => ({ type: 'RequestRedirect', requestRedirect: { path } });
  const exact = [{ path: { type: 'Exact', value: '/a' } }];
  const prefix = { type: 'ReplacePrefixMatch', replacePrefixMatch: '/b' };

  it.each<[string, unknown, string]>([
    ['a rule name twice', [{ name: 'a' }, { name: 'a' }], 'spec.rules[1].name'],
    ['a Service without port', [{ backendRefs: [{ name: 'shop' }] }], 'spec.rules[0].backendRefs[0].port'],
    [
      'a redirect beside backends',
      [{ filters: [redirect()], backendRefs: [ref] }],
      'spec.rules[0].backendRefs',
    ],
    [
      'a redirect and a rewrite',
      [{ filters: [redirect(), { type: 'URLRewrite', urlRewrite: { hostname: 'a.example' } }] }],
      'spec.rules[0].filters[1].type',
    ],
    ['a filter twice', [{ filters: [redirect(), redirect()] }], 'spec.rules[0].filters[1].type'],
    [
      'a prefix replaced where none was matched',
      [{ matches: exact, filters: [redirect(prefix)] }],
      'spec.rules[0].filters[0].requestRedirect.path.type',
    ],
    [
      'a try longer than the request',
      [{ timeouts: { request: '1s', backendRequest: '2s' } }],
      'spec.rules[0].timeouts.backendRequest',
    ],
  ])('%s', (_what, rules, path) => {
    expect(violationsOf(of(G, 'HTTPRoute', { rules })).map((v) => v.split(': ')[0])).toEqual([path]);
  });

  it('and what they take', () => {
    const rules = [
      { timeouts: { request: '0s', backendRequest: '2s' }, backendRefs: [ref] },
      { filters: [redirect(prefix)] },
      { backendRefs: [{ kind: 'Backend', group: 'portolan.dev', name: 'shop' }] },
    ];
    expect(violationsOf(of(G, 'HTTPRoute', { rules }))).toEqual([]);
  });
});

describe('policies', () => {
  const target = { targetRefs: [{ kind: 'HTTPRoute', name: 'r' }] };

  it('every way to authenticate can be said, and has its defaults', () => {
    const { spec } = parseAs(
      'AuthPolicy',
      of(P, 'AuthPolicy', {
        ...target,
        rules: {
          authentication: {
            key: { apiKey: {} },
            pair: { keyPair: { basic: true } },
            token: { jwt: { issuer: 'https://issuer.example.com', audiences: ['shop'] } },
            opaque: { oauth2Introspection: { url: 'https://issuer.example.com/introspect' } },
            mesh: { mtls: { caRefs: [{ name: 'ca' }] } },
            pod: { kubernetesTokenReview: {} },
            proxy: { plain: { header: 'x-user' } },
            all: { priority: 9, anonymous: {} },
          },
          authorization: { member: { roles: { anyOf: ['a'] } }, rule: { cel: { expressions: ['true'] } } },
        },
      }),
    );
    expect(spec.rules?.authentication?.key?.apiKey?.credentials).toEqual([
      { in: 'header', name: 'x-api-key' },
      { in: 'authorization', scheme: 'APIKEY' },
    ]);
    expect(spec.rules?.authentication?.token?.jwt?.algorithms).toEqual(['RS256', 'ES256']);
    expect(Object.keys(spec.rules?.authentication ?? {})).toHaveLength(8);
  });

  it('I27 an unsigned or symmetric algorithm cannot be asked for', () => {
    for (const algorithm of ['none', 'HS256'])
      expect(
        violationsOf(
          of(P, 'AuthPolicy', {
            ...target,
            rules: {
              authentication: { t: { jwt: { issuer: 'https://i.example', algorithms: [algorithm] } } },
            },
          }),
        ),
      ).toHaveLength(1);
  });

  it.each([
    [
      'two methods in one rule',
      { ...target, rules: { authentication: { a: { apiKey: {}, anonymous: {} } } } },
      'exactly one of',
    ],
    ['no method', { ...target, rules: { authentication: { a: {} } } }, 'exactly one of'],
    ['neither target nor selector', { rules: {} }, 'exactly one of targetRefs and selector'],
    [
      'rules and defaults',
      { ...target, rules: {}, defaults: { rules: {} } },
      'exactly one of rules, defaults and overrides',
    ],
    [
      'an outbound URL that is not http',
      { ...target, rules: { authorization: { a: { http: { url: 'file:///etc/passwd' } } } } },
      'an http or https URL',
    ],
  ])('%s is refused', (_what, spec, message) => {
    expect(violationsOf(of(P, 'AuthPolicy', spec)).join('\n')).toContain(message);
  });

  it('a GatewayPolicy leaves out what it does not say, so that another one can', () => {
    const { spec } = parseAs(
      'GatewayPolicy',
      of(P, 'GatewayPolicy', {
        selector: { clusters: { tier: 'edge' } },
        overrides: {
          strategy: 'merge',
          rules: { responseHeaders: { 'x-frame-options': 'DENY', server: null } },
        },
      }),
    );
    expect(spec.overrides).toEqual({
      strategy: 'merge',
      rules: { responseHeaders: { 'x-frame-options': 'DENY', server: null } },
    });
  });
});
