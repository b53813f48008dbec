import { describe, expect, it } from 'vitest';
import type { CompiledAuth } from '../../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import type { GatewayRequest } from '../request.ts';
import type { AuthDecision } from './contract.ts';
import {
  API_KEY,
  authWorld,
  celCheck,
  keyOfBilling,
  keyTableOf,
  policyOf,
  requestOf,
  START_MS,
  shortly,
  TRUSTED_PROXY,
  wayOf,
} from './testing/world.ts';

const KEYS = keyTableOf({
  good: { type: 'known', record: keyOfBilling({ plan: 'gold', attributes: { email: 'a@example.com' } }) },
  elsewhere: { type: 'known', record: keyOfBilling({ namespace: 'other' }) },
  labelled: { type: 'known', record: keyOfBilling({ principal: 'partner', labels: { tier: 'gold' } }) },
  revoked: { type: 'revoked', id: 'k-old' },
  expired: { type: 'expired', id: 'k-old' },
  'app:secret': { type: 'known', record: keyOfBilling({ principal: 'pair' }) },
});
const world = authWorld(KEYS);

function now(policy: CompiledAuth, request: GatewayRequest): AuthDecision {
  const decision = world.authorizer.decide(policy, request);
  if (decision instanceof Promise) throw new Error('this decision needs no promise');
  return decision;
}

const asked = (headers: Record<string, string>, rest: Partial<GatewayRequest> = {}): GatewayRequest =>
  requestOf({ headers, ...rest });

describe('API keys', () => {
  it.each([
    ['a header', asked({ 'x-api-key': 'good' })],
    ['the Authorization scheme', asked({ authorization: 'APIKEY good' })],
    ['the scheme in other case, with more spaces', asked({ authorization: 'apikey   good ' })],
    ['a query parameter', asked({}, { query: 'a=1&api_key=good' })],
    ['an encoded query parameter', asked({}, { query: 'api%5Fkey=g%6Fod' })],
    ['a cookie among others', asked({ cookie: 'a=b; key=good; c=d' })],
    ['a quoted cookie', asked({ cookie: 'key="good"' })],
  ])('are found in %s', (_place, request) => {
    expect(shortly(now(policyOf(), request))).toBe('200 billing');
  });

  it.each([
    ['none at all', asked({}), '401 CREDENTIALS_MISSING'],
    ['another scheme', asked({ authorization: 'Bearer good' }), '401 CREDENTIALS_MISSING'],
    ['a scheme that only begins so', asked({ authorization: 'APIKEYS good' }), '401 CREDENTIALS_MISSING'],
    ['an empty header', asked({ 'x-api-key': '' }), '401 CREDENTIALS_MISSING'],
    ['an unknown key', asked({ 'x-api-key': 'bad' }), '401 CREDENTIALS_INVALID'],
    ['a key of another namespace', asked({ 'x-api-key': 'elsewhere' }), '401 CREDENTIALS_INVALID'],
    ['a revoked key', asked({ 'x-api-key': 'revoked' }), '401 CREDENTIALS_REVOKED'],
    ['an expired key', asked({ 'x-api-key': 'expired' }), '401 CREDENTIALS_EXPIRED'],
    ['two places', asked({ 'x-api-key': 'good', authorization: 'APIKEY good' }), '400 REQUEST_MALFORMED'],
    [
      'a header twice',
      requestOf({ fields: ['x-api-key', 'good', 'x-api-key', 'bad'] }),
      '400 REQUEST_MALFORMED',
    ],
    ['a parameter twice', asked({}, { query: 'api_key=good&api%5fkey=bad' }), '400 REQUEST_MALFORMED'],
    ['a cookie twice', asked({ cookie: 'key=good; key=bad' }), '400 REQUEST_MALFORMED'],
    [
      'a cookie twice in two fields',
      requestOf({ fields: ['cookie', 'key=good', 'cookie', 'key=bad'] }),
      '400 REQUEST_MALFORMED',
    ],
    [
      'two Authorization fields',
      requestOf({ fields: ['authorization', 'APIKEY good', 'authorization', 'Basic eA=='] }),
      '400 REQUEST_MALFORMED',
    ],
    [
      'merged Authorization fields',
      asked({ authorization: 'APIKEY good, APIKEY bad' }),
      '400 REQUEST_MALFORMED',
    ],
    ['a parameter that is not text', asked({}, { query: 'api_key=%ff' }), '400 REQUEST_MALFORMED'],
  ])('with %s are refused', (_what, request, expected) => {
    expect(shortly(now(policyOf(), request))).toBe(expected);
  });

  it('are found whatever the case in which a policy writes the name of the header', () => {
    const policy = policyOf({
      authentication: [
        wayOf({
          type: 'apiKey',
          credentials: [{ in: 'header', name: 'X-Api-Key' }],
          namespaces: ['shop'],
          labels: {},
        }),
      ],
    });
    const decision = now(policy, asked({ 'x-api-key': 'good' }));
    expect(shortly(decision)).toBe('200 billing');
    expect(decision.allowed ? decision.removed : []).toContain('x-api-key');
  });

  it('must have the labels that the policy asks for', () => {
    const policy = policyOf({
      authentication: [
        wayOf({
          type: 'apiKey',
          credentials: [{ in: 'header', name: 'x-api-key' }],
          namespaces: ['shop'],
          labels: { tier: 'gold' },
        }),
      ],
    });
    expect(shortly(now(policy, asked({ 'x-api-key': 'labelled' })))).toBe('200 partner');
    expect(shortly(now(policy, asked({ 'x-api-key': 'good' })))).toBe('401 CREDENTIALS_INVALID');
  });

  it('are not honoured longer than the policy says without word from the hub', () => {
    const stale = authWorld(
      keyTableOf({ good: { type: 'known', record: keyOfBilling() } }, 61_000),
    ).authorizer;
    const request = asked({ 'x-api-key': 'good' });
    const decide = (maxStalenessSeconds: number) =>
      stale.decide(policyOf({ maxStalenessSeconds }), request) as AuthDecision;
    expect(shortly(decide(0))).toBe('200 billing');
    expect(shortly(decide(62))).toBe('200 billing');
    expect(shortly(decide(60))).toBe('503 CREDENTIALS_STALE');
  });
});

describe('id and key pairs', () => {
  const policy = policyOf({
    authentication: [
      wayOf({
        type: 'keyPair',
        id: { in: 'header', name: 'x-app-id' },
        key: { in: 'header', name: 'x-app-key' },
        basic: true,
        namespaces: ['shop'],
        labels: {},
      }),
    ],
  });
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

  it.each([
    ['two headers', asked({ 'x-app-id': 'app', 'x-app-key': 'secret' }), '200 pair'],
    ['HTTP Basic', asked({ authorization: basic('app:secret') }), '200 pair'],
    ['a wrong key', asked({ 'x-app-id': 'app', 'x-app-key': 'other' }), '401 CREDENTIALS_INVALID'],
    ['only the id', asked({ 'x-app-id': 'app' }), '401 CREDENTIALS_INVALID'],
    ['only the key', asked({ 'x-app-key': 'secret' }), '401 CREDENTIALS_INVALID'],
    ['nothing', asked({}), '401 CREDENTIALS_MISSING'],
    [
      'both kinds',
      asked({ 'x-app-id': 'app', 'x-app-key': 'secret', authorization: basic('app:secret') }),
      '400 REQUEST_MALFORMED',
    ],
    ['Basic without a colon', asked({ authorization: basic('app') }), '400 REQUEST_MALFORMED'],
    ['Basic that is no base64', asked({ authorization: 'Basic a!b' }), '400 REQUEST_MALFORMED'],
  ])('in %s', (_what, request, expected) => {
    expect(shortly(now(policy, request))).toBe(expected);
  });

  it('are asked for by Basic and by name', () => {
    const denied = now(policy, asked({}));
    expect(denied.allowed ? [] : denied.fields).toEqual(
      expect.arrayContaining(['www-authenticate', 'Basic realm="gateway", charset="UTF-8"']),
    );
  });
});

describe('several ways', () => {
  const plain = wayOf({ type: 'plain', header: 'X-User' });
  const anonymous = wayOf({ type: 'anonymous' });

  it('are tried in order; the first that finds valid credentials decides', () => {
    const policy = policyOf({ authentication: [plain, API_KEY, anonymous] });
    const both = asked({ 'x-user': 'ann', 'x-api-key': 'good' }, { source: TRUSTED_PROXY });
    expect(shortly(now(policy, both))).toBe('200 ann');
    expect(shortly(now(policy, asked({ 'x-api-key': 'good' })))).toBe('200 billing');
    expect(shortly(now(policy, asked({ 'x-api-key': 'bad' })))).toBe('200 anonymous');
  });

  it('tell the failure that got furthest when all fail', () => {
    const policy = policyOf({ authentication: [API_KEY, plain] });
    expect(shortly(now(policy, asked({})))).toBe('401 CREDENTIALS_MISSING');
    expect(shortly(now(policy, asked({ 'x-api-key': 'bad' })))).toBe('401 CREDENTIALS_INVALID');
  });

  it('end at credentials that could be read in two ways, whatever would come next', () => {
    const policy = policyOf({ authentication: [API_KEY, anonymous] });
    const request = requestOf({ fields: ['x-api-key', 'good', 'x-api-key', 'bad'] });
    expect(shortly(now(policy, request))).toBe('400 REQUEST_MALFORMED');
  });

  it('are left out when their condition is false or cannot be judged', () => {
    const when = (text: string) => policyOf({ authentication: [{ ...anonymous, when: [text] }] });
    expect(shortly(now(when('request.path == "/orders"'), asked({})))).toBe('200 anonymous');
    expect(shortly(now(when('request.path == "/other"'), asked({})))).toBe('401 CREDENTIALS_MISSING');
    expect(shortly(now(when('request.headers["x-none"] == "1"'), asked({})))).toBe('401 CREDENTIALS_MISSING');
  });

  it('add to the identity, by default or always', () => {
    const policy = policyOf({
      authentication: [
        {
          ...API_KEY,
          defaults: { namespace: '"never"', tier: '"free"' },
          overrides: { mail: 'auth.identity.attributes.email', wrong: 'auth.identity.nothing' },
        },
      ],
    });
    const decision = now(policy, asked({ 'x-api-key': 'good' }));
    expect(decision.principal?.identity).toMatchObject({
      namespace: 'shop',
      tier: 'free',
      mail: 'a@example.com',
    });
    expect(decision.principal?.identity).not.toHaveProperty('wrong');
  });
});

describe('headers that say who somebody is', () => {
  it.each([
    ["request.path.startsWith('/admin')", '/admin/users', ['x-admin', 'yes']],
    ["request.path.startsWith('/admin')", '/public', []],
    ["request.headers['x-none'] == '1'", '/admin/users', []],
  ])('are set only when their condition holds: %s at %s', (condition, path, set) => {
    const policy = policyOf({
      authentication: [wayOf({ type: 'anonymous' })],
      response: { ...policyOf().response, headers: [['x-admin', "'yes'", [condition]]] },
    });
    const decision = now(policy, asked({ 'x-admin': 'mine' }, { path }));
    expect(decision).toMatchObject({ allowed: true, set });
    expect(decision.allowed && decision.removed).toContain('x-admin');
  });

  const plain = policyOf({ authentication: [wayOf({ type: 'plain', header: 'X-User' })] });

  it('I29 count from trusted proxies only', () => {
    expect(shortly(now(plain, asked({ 'x-user': 'root' }, { source: TRUSTED_PROXY })))).toBe('200 root');
    expect(shortly(now(plain, asked({ 'x-user': 'root' })))).toBe('401 CREDENTIALS_MISSING');
  });

  it('are always taken from what the client sent: credentials, what the policy sets, what proxies say', () => {
    const policy = policyOf({
      authentication: [API_KEY, wayOf({ type: 'plain', header: 'X-User' })],
      response: {
        ...policyOf().response,
        headers: [
          ['X-Caller', 'auth.principal'],
          ['x-plan', 'auth.plan'],
          ['x-roles', 'auth.roles'],
          ['x-missing', 'auth.identity.nothing'],
          ['x-broken', '"a\\r\\nb"'],
          ['x-name', '"Jürgen"'],
        ],
      },
    });
    const decision = now(policy, asked({ 'x-api-key': 'good', 'x-caller': 'root', 'x-missing': 'x' }));
    if (!decision.allowed) throw new Error('it is allowed');
    expect(decision.removed).toEqual(
      expect.arrayContaining([
        ...['x-api-key', 'authorization', 'x-user', 'x-caller', 'x-plan', 'x-roles', 'x-missing', 'x-broken'],
        ...['client-cert', 'client-cert-chain', 'x-forwarded-client-cert'],
      ]),
    );
    expect(decision.removedQuery).toEqual(['api_key']);
    expect(decision.removedCookies).toEqual(['key']);
    expect(decision.set).toEqual([
      ...['x-caller', 'billing', 'x-plan', 'gold', 'x-roles', 'reader'],
      ...['x-name', Buffer.from('Jürgen', 'utf8').toString('latin1')],
    ]);
  });

  it('are taken away where a policy does not protect, too', () => {
    const policy = policyOf({
      when: ['request.path.startsWith("/private")'],
      response: { ...policyOf().response, headers: [['x-caller', 'auth.principal']] },
    });
    const decision = now(policy, asked({ 'x-caller': 'root' }));
    expect(decision).toMatchObject({ allowed: true, set: [] });
    expect(decision.allowed ? decision.removed : []).toContain('x-caller');
  });
});

describe('a condition of the whole policy', () => {
  it.each([
    ['request.path.startsWith("/private")', '/public', '200 anonymous'],
    ['request.path.startsWith("/private")', '/private/x', '401 CREDENTIALS_MISSING'],
    // What cannot be judged is protected.
    ['request.headers["x-none"] == "1"', '/public', '401 CREDENTIALS_MISSING'],
  ])('%s for %s gives %s', (when, path, expected) => {
    expect(shortly(now(policyOf({ when: [when] }), asked({}, { path })))).toBe(expected);
  });
});

describe('authorisation', () => {
  const decide = (check: CompiledAuth['authorization'][number], key = 'good'): string =>
    shortly(now(policyOf({ authorization: [check] }), asked({ 'x-api-key': key })));
  const members = (type: 'roles' | 'scopes', anyOf: string[], allOf: string[]) =>
    ({ name: 'm', when: [], check: { type, anyOf, allOf } }) as const;

  it.each([
    ['request.method == "GET" && auth.principal == "billing"', '200 billing'],
    ['auth.plan == "gold" && "reader" in auth.roles', '200 billing'],
    ['auth.identity.attributes.email.endsWith("@example.com")', '200 billing'],
    ['request.method == "POST"', '403 ACCESS_DENIED'],
    ['auth.identity.attributes.nothing == "x"', '403 ACCESS_DENIED'],
    ['request.headers["x-none"] != "x"', '403 ACCESS_DENIED'],
  ])('by CEL: %s gives %s', (expression, expected) => {
    expect(decide(celCheck(expression))).toBe(expected);
  });

  it('needs every expression and every rule', () => {
    expect(decide(celCheck('true', 'false'))).toBe('403 ACCESS_DENIED');
    const policy = policyOf({ authorization: [celCheck('true'), celCheck('false')] });
    expect(shortly(now(policy, asked({ 'x-api-key': 'good' })))).toBe('403 ACCESS_DENIED');
  });

  it.each([
    [members('roles', ['reader', 'writer'], []), '200 billing'],
    [members('roles', ['writer'], []), '403 ACCESS_DENIED'],
    [members('roles', [], ['reader']), '200 billing'],
    [members('roles', [], ['reader', 'writer']), '403 ACCESS_DENIED'],
    [members('scopes', ['orders.read'], []), '403 ACCESS_DENIED'],
  ])('by roles and scopes: %j gives %s', (check, expected) => {
    expect(decide(check)).toBe(expected);
  });

  it('asks for the missing scope as RFC 6750 says', () => {
    const policy = policyOf({ authorization: [members('scopes', ['orders.read'], [])] });
    const denied = now(policy, asked({ 'x-api-key': 'good' }));
    expect(denied.allowed ? [] : denied.fields).toContain(
      'Bearer realm="gateway", error="insufficient_scope", scope="orders.read"',
    );
    expect(denied.principal?.name).toBe('billing');
  });

  it('leaves a rule out only when its condition is surely false', () => {
    const never = celCheck('false');
    expect(decide({ ...never, when: ['request.method == "POST"'] })).toBe('200 billing');
    expect(decide({ ...never, when: ['request.headers["x-none"] == "1"'] })).toBe('403 ACCESS_DENIED');
  });
});

describe('denials', () => {
  const denying = (response: Partial<CompiledAuth['response']['unauthenticated']>) =>
    policyOf({
      response: {
        ...policyOf().response,
        unauthenticated: { status: 401, headers: {}, ...response },
      },
    });

  it('are problem documents with a code, a challenge for every way, and nothing of the request', () => {
    const denied = now(policyOf(), asked({ 'x-api-key': 'canary-4711' }));
    if (denied.allowed) throw new Error('it is denied');
    expect(denied.contentType).toBe('application/problem+json');
    expect(JSON.parse(denied.body)).toMatchObject({
      type: 'https://portolan.dev/errors/CREDENTIALS_INVALID',
      code: 'CREDENTIALS_INVALID',
      status: 401,
      requestId: 'r-1',
    });
    expect(denied.fields).toEqual([
      ...['cache-control', 'no-store'],
      ...['www-authenticate', 'ApiKey realm="gateway", header="x-api-key"'],
      ...['www-authenticate', 'APIKEY realm="gateway"'],
      ...['www-authenticate', 'ApiKey realm="gateway", query="api_key"'],
      ...['www-authenticate', 'ApiKey realm="gateway", cookie="key"'],
    ]);
    expect(JSON.stringify(denied)).not.toContain('canary');
  });

  it('have the status, headers and body that the policy says', () => {
    const denied = now(
      denying({
        status: 418,
        headers: { 'X-Hint': 'teapot', 'Content-Type': 'text/html' },
        body: '"no, " + request.path',
      }),
      asked({}),
    );
    expect(denied).toMatchObject({ status: 418, body: 'no, /orders', contentType: 'text/html' });
    expect(denied.allowed ? [] : denied.fields).toEqual(['cache-control', 'no-store', 'x-hint', 'teapot']);
  });

  it('are problem documents when the expression for the body fails', () => {
    const denied = now(denying({ body: 'request.headers["x-none"]' }), asked({}));
    expect(denied).toMatchObject({ status: 401, contentType: 'application/problem+json' });
  });

  const html = { accept: 'text/html,application/xhtml+xml' };
  const login = '"https://login.example.com/?to=" + request.path';
  it.each([
    [
      'a browser is sent to the login page',
      login,
      asked(html),
      '302',
      'https://login.example.com/?to=/orders',
    ],
    ['a path of this host will do', '"/login"', asked(html), '302', '/login'],
    ['a program is not', login, asked({ accept: 'application/json' }), '401', undefined],
    ['nor is a form that was sent', login, asked(html, { method: 'POST' }), '401', undefined],
    ['nobody is sent to a script', '"javascript:alert(1)"', asked(html), '401', undefined],
    ['nor to a host that looks like a path', '"//evil.example"', asked(html), '401', undefined],
    ['nor to one behind a backslash', '"/\\\\evil.example"', asked(html), '401', undefined],
    ['a line break makes no header', '"/a\\r\\nset-cookie: x"', asked(html), '401', undefined],
  ])('%s', (_what, redirect, request, status, location) => {
    const denied = now(denying({ redirect }), request);
    if (denied.allowed) throw new Error('it is denied');
    expect(String(denied.status)).toBe(status);
    const at = denied.fields.indexOf('location');
    expect(at === -1 ? undefined : denied.fields[at + 1]).toBe(location);
  });
});

describe('what cannot be used', () => {
  it('lets nobody pass, and says so once', () => {
    const broken = authWorld(KEYS);
    const policy = policyOf({
      authentication: [
        wayOf({
          type: 'mtls',
          bundles: ['shop/none/ca.crt'],
          subjects: [],
          spiffeIds: [],
          dnsNames: [],
          principal: 'subject',
        }),
      ],
      authorization: [celCheck('nonsense ===')],
    });
    const decide = (): string => shortly(broken.authorizer.decide(policy, asked({})) as AuthDecision);
    expect([decide(), decide()]).toEqual(['503 AUTH_UNAVAILABLE', '503 AUTH_UNAVAILABLE']);
    expect(broken.logged).toHaveLength(1);
    expect(broken.authorizer.problems(policy)).toHaveLength(2);
    const open = policyOf({ authentication: [], authorization: [celCheck('nonsense ===')] });
    expect(shortly(broken.authorizer.decide(open, asked({})) as AuthDecision)).toBe('503 AUTH_UNAVAILABLE');
  });

  it('is tried again with new secrets', () => {
    let secrets = NO_GATEWAY_SECRETS;
    const { authorizer } = authWorld(KEYS, { secrets: () => secrets });
    const policy = policyOf({
      authentication: [
        wayOf({
          type: 'mtls',
          bundles: ['a'],
          subjects: [],
          spiffeIds: [],
          dnsNames: [],
          principal: 'subject',
        }),
      ],
    });
    expect(authorizer.problems(policy)).toEqual(['authentication mtls: the secret a is missing']);
    secrets = { ...NO_GATEWAY_SECRETS, bundles: { a: '' } };
    expect(authorizer.problems(policy)).toEqual([]);
  });
});

describe('the clock', () => {
  it('is the wall clock of the request', () => {
    const policy = policyOf({
      authorization: [celCheck('request.time > timestamp("2026-01-01T00:00:00Z")')],
    });
    const headers = { 'x-api-key': 'good' };
    expect(shortly(now(policy, asked(headers, { wallMs: START_MS + 1 })))).toBe('200 billing');
    expect(shortly(now(policy, asked(headers, { wallMs: START_MS })))).toBe('403 ACCESS_DENIED');
  });
});
