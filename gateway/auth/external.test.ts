import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuthorizationRule, CompiledAuth, MetadataRule } from '../../src/policy/model.ts';
import { type SigningKey, signingKey, startIssuer, type TestIssuer, tokenOf } from './testing/issuer.ts';
import {
  API_KEY,
  type AuthWorld,
  authWorld,
  celCheck,
  policyOf,
  requestOf,
  shortly,
  wayOf,
} from './testing/world.ts';

type Check = Extract<AuthorizationRule['check'], { type: 'http' }>;
type HttpSource = Extract<MetadataRule['source'], { type: 'http' }>;

const OUTBOUND = { timeoutMs: 1_000, bundles: [] };
let service: TestIssuer;
let world: AuthWorld;
let bodies: unknown[];
let answer: { status: number; body: string };

beforeEach(async () => {
  bodies = [];
  answer = { status: 200, body: '{"result":true}' };
  service = await startIssuer([]);
  service.answers.set('/ask', (_request, body, response) => {
    bodies.push(body === '' ? null : JSON.parse(body));
    response.writeHead(answer.status).end(answer.body);
  });
  world = authWorld();
});
afterEach(async () => {
  world.client.close();
  await service.close();
});

const request = requestOf({
  query: 'a=1&api_key=none',
  headers: { 'x-api-key': 'good', cookie: 'a=b', accept: 'x' },
});
const asking = { ...request, query: 'a=1' };
const tried = async (policy: CompiledAuth, of = asking): Promise<string> =>
  shortly(await world.decide(policy, of));

describe('an authorisation service', () => {
  const policy = (given: Partial<Check> = {}, mode: CompiledAuth['decisions']['mode'] = 'strict') =>
    policyOf({
      decisions: { mode, ttlSeconds: 10, negativeTtlSeconds: 2 },
      authorization: [
        {
          name: 'opa',
          when: [],
          check: { type: 'http', url: `${service.url}/ask`, headers: {}, outbound: OUTBOUND, ...given },
        },
      ],
    });

  it.each([
    [200, '{"result":true}', '200 billing'],
    [200, '{"result":{"allow":true}}', '200 billing'],
    [200, '{"result":false}', '403 ACCESS_DENIED'],
    [200, '{"result":{"allow":false}}', '403 ACCESS_DENIED'],
    [200, '{"allow":false,"result":true}', '403 ACCESS_DENIED'],
    // OPA answers so for a rule that is not defined.
    [200, '{}', '403 ACCESS_DENIED'],
    [200, '', '403 ACCESS_DENIED'],
    [403, '', '403 ACCESS_DENIED'],
    [404, '{"result":true}', '403 ACCESS_DENIED'],
    [500, '{"result":true}', '503 AUTH_UNAVAILABLE'],
    [429, '', '503 AUTH_UNAVAILABLE'],
    [302, '', '503 AUTH_UNAVAILABLE'],
  ])('that answers %i %s gives %s', async (status, body, expected) => {
    answer = { status, body };
    expect(await tried(policy())).toBe(expected);
  });

  it.each([
    [200, '', '200 billing'],
    [204, '', '200 billing'],
    [200, '{"allow":false}', '403 ACCESS_DENIED'],
    [200, '{"result":false}', '403 ACCESS_DENIED'],
  ])('asked with a body of the policy that answers %i %s gives %s', async (status, body, expected) => {
    answer = { status, body };
    expect(await tried(policy({ body: '{"who": auth.principal, "n": 1}' }))).toBe(expected);
    expect(bodies).toEqual([{ who: 'billing', n: 1 }]);
  });

  it('is told the request and the caller, and no credentials', async () => {
    await tried(policy());
    expect(bodies).toEqual([
      {
        input: {
          request: {
            method: 'GET',
            scheme: 'https',
            host: 'api.example.com',
            path: '/orders',
            query: 'a=1',
            headers: { cookie: 'a=b', accept: 'x' },
          },
          source: { address: '192.0.2.9' },
          auth: {
            principal: 'billing',
            method: 'apiKey',
            rule: 'apiKey',
            keyId: 'k-billing',
            roles: ['reader'],
            scopes: [],
            identity: { namespace: 'shop', labels: {}, attributes: {} },
            metadata: {},
          },
        },
      },
    ]);
  });

  it('is asked once for equal questions, or for equal keys', async () => {
    const whole = policy();
    await tried(whole);
    expect(await tried(whole, { ...asking, id: 'another' })).toBe('200 billing');
    expect(bodies).toHaveLength(1);
    await tried(whole, { ...asking, path: '/other' });
    expect(bodies).toHaveLength(2);
    const keyed = policy({ cache: { key: 'auth.principal', seconds: 60 } });
    await tried(keyed);
    world.nowMs += 50_000;
    await tried(keyed, { ...asking, path: '/third' });
    expect(bodies).toHaveLength(3);
  });

  it('that is away leaves what the policy says', async () => {
    for (const [mode, known] of [
      ['strict', '503 AUTH_UNAVAILABLE'],
      ['resilient', '200 billing'],
    ] as const) {
      service.state = 'up';
      const of = policy({}, mode);
      expect(await tried(of)).toBe('200 billing');
      service.state = 'down';
      world.nowMs += 11_000;
      expect(await tried(of)).toBe(known);
      expect(await tried(of, { ...asking, path: `/${mode}` })).toBe('503 AUTH_UNAVAILABLE');
    }
  });

  it('I32 may not be where nobody may call', async () => {
    const of = policy({ url: 'http://169.254.169.254/latest/meta-data/' });
    expect(await tried(of)).toBe('503 AUTH_UNAVAILABLE');
  });
});

describe('metadata over HTTP', () => {
  const policy = (given: Partial<HttpSource>, rule: Partial<MetadataRule> = {}, ...expressions: string[]) =>
    policyOf({
      metadata: [
        {
          name: 'account',
          when: [],
          onFailure: 'deny',
          source: {
            type: 'http',
            method: 'GET',
            url: `"${service.url}/ask"`,
            headers: {},
            outbound: OUTBOUND,
            ...given,
          },
          ...rule,
        },
      ],
      authorization: [celCheck(...expressions)],
    });

  it('is there for authorisation and for headers', async () => {
    answer.body = '{"tier":"gold","seats":5}';
    const of = {
      ...policy({}, {}, 'auth.metadata.account.tier == "gold" && auth.metadata.account.seats >= 5.0'),
      response: { ...policyOf().response, headers: [['x-tier', 'auth.metadata.account.tier']] as const },
    };
    const decision = await world.decide(of, asking);
    expect(decision).toMatchObject({
      allowed: true,
      set: ['x-tier', 'gold'],
      metadata: { account: { seats: 5 } },
    });
  });

  it('has URL and body by CEL', async () => {
    answer.body = '{}';
    const of = policy(
      { method: 'POST', url: `"${service.url}/" + "ask"`, body: '{"caller": auth.principal}' },
      {},
      'auth.metadata.account == {}',
    );
    expect(await tried(of)).toBe('200 billing');
    expect(bodies).toEqual([{ caller: 'billing' }]);
  });

  it.each([
    ['deny', '502 AUTH_UNAVAILABLE'],
    ['null', '200 billing'],
  ] as const)('that cannot be had: %s gives %s', async (onFailure, expected) => {
    answer.status = 500;
    expect(await tried(policy({}, { onFailure }, 'auth.metadata.account == null'))).toBe(expected);
    answer = { status: 200, body: 'no JSON' };
    expect(await tried(policy({}, { onFailure }, 'auth.metadata.account == null'))).toBe(expected);
    expect(await tried(policy({ url: '"http://127.0.0.1:1/" + auth.plan' }, { onFailure }, 'true'))).toBe(
      expected,
    );
  });

  it('is remembered under the key of the policy, and not without one', async () => {
    answer.body = '{}';
    const keyed = policy({}, { cache: { key: 'request.path', seconds: 60 } }, 'true');
    await tried(keyed);
    expect(world.authorizer.decide(keyed, asking)).not.toBeInstanceOf(Promise);
    await tried(keyed, { ...asking, path: '/other' });
    expect(bodies).toHaveLength(2);
    const without = policy({}, { cache: { key: 'request.headers["x-none"]', seconds: 60 } }, 'true');
    await tried(without);
    await tried(without);
    expect(bodies).toHaveLength(4);
  });

  it('is fetched only where its condition is true', async () => {
    expect(await tried(policy({}, { when: ['request.method == "POST"'] }, 'auth.metadata == {}'))).toBe(
      '200 billing',
    );
    expect(bodies).toHaveLength(0);
  });
});

describe('userinfo', () => {
  it('is what the issuer says of the holder of the token, only for the rule it is for', async () => {
    const key: SigningKey = await signingKey('k');
    const issuer = await startIssuer([key]);
    let subject = 'ann';
    issuer.answers.set('/userinfo', (from, _body, response) => {
      const known = from.headers.authorization === `Bearer ${token}`;
      response.end(JSON.stringify(known ? { sub: subject, email: 'ann@example.com' } : {}));
    });
    const policy = policyOf({
      authentication: [
        API_KEY,
        wayOf(
          {
            type: 'jwt',
            credentials: [{ in: 'authorization', scheme: 'Bearer' }],
            issuer: issuer.url,
            audiences: [],
            algorithms: ['ES256'],
            leewaySeconds: 0,
            requiredClaims: [],
            principalClaim: 'sub',
            roleClaims: [],
            scopeClaims: [],
            outbound: OUTBOUND,
          },
          { name: 'staff' },
        ),
      ],
      metadata: [
        {
          name: 'user',
          when: [],
          onFailure: 'deny',
          source: { type: 'userInfo', identity: 'staff', outbound: OUTBOUND },
        },
      ],
    });
    const token = await tokenOf(key, { iss: issuer.url });
    const bearer = requestOf({ headers: { authorization: `Bearer ${token}` } });
    const decision = await world.decide(policy, bearer);
    expect(decision).toMatchObject({ allowed: true, metadata: { user: { email: 'ann@example.com' } } });
    const byKey = await world.decide(policy, requestOf({ headers: { 'x-api-key': 'good' } }));
    expect(byKey).toMatchObject({ allowed: true, metadata: { user: null } });
    subject = 'eve';
    expect(await tried(policy, bearer)).toBe('502 AUTH_UNAVAILABLE');
    await issuer.close();
  });
});
