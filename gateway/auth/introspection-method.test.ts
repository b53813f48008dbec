import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuthenticationMethod, CompiledAuth, DecisionCaching } from '../../src/policy/model.ts';
import { startIssuer, type TestIssuer } from './testing/issuer.ts';
import { type AuthWorld, authWorld, policyOf, requestOf, START_MS, shortly, wayOf } from './testing/world.ts';

type Introspection = Extract<AuthenticationMethod, { type: 'introspection' }>;

const SECONDS = START_MS / 1_000;
let issuer: TestIssuer;
let world: AuthWorld;
/** What the issuer says of a token; absent: not active. */
let tokens: Record<string, object>;
let seen: { readonly body: URLSearchParams; readonly authorization: string | undefined }[];

beforeEach(async () => {
  tokens = { opaque: { active: true, sub: 'ann', scope: 'orders.read', aud: ['orders'], tenant: 7 } };
  seen = [];
  issuer = await startIssuer([]);
  issuer.answers.set('/introspect', (request, body, response) => {
    const form = new URLSearchParams(body);
    seen.push({ body: form, authorization: request.headers.authorization });
    response.end(JSON.stringify(tokens[form.get('token') ?? ''] ?? { active: false }));
  });
  world = authWorld(undefined, { values: { values: { 'shop/idp/secret': 's3cret & more\n' } } });
});
afterEach(async () => {
  world.client.close();
  await issuer.close();
});

function policy(given: Partial<Introspection> = {}, decisions: Partial<DecisionCaching> = {}): CompiledAuth {
  return policyOf({
    authentication: [
      wayOf({
        type: 'introspection',
        credentials: [{ in: 'authorization', scheme: 'Bearer' }],
        url: `${issuer.url}/introspect`,
        clientId: 'gate:way',
        clientSecret: 'shop/idp/secret',
        audiences: [],
        cacheSeconds: 30,
        outbound: { timeoutMs: 1_000, bundles: [] },
        ...given,
      }),
    ],
    decisions: { mode: 'strict', ttlSeconds: 10, negativeTtlSeconds: 2, ...decisions },
  });
}
const bearer = (token: string) => requestOf({ headers: { authorization: `Bearer ${token}` } });
const tried = async (token: string, of: CompiledAuth): Promise<string> =>
  shortly(await world.decide(of, bearer(token)));

describe('introspection (RFC 7662)', () => {
  it('asks the issuer with the client of the policy, and takes what it says', async () => {
    const decision = await world.decide(policy({ tokenTypeHint: 'access_token' }), bearer('opaque'));
    expect(decision.principal).toMatchObject({
      name: 'ann',
      scopes: ['orders.read'],
      identity: { tenant: 7 },
    });
    expect(Object.fromEntries(seen[0]?.body ?? [])).toEqual({
      token: 'opaque',
      token_type_hint: 'access_token',
    });
    // RFC 6749 section 2.3.1: form-encoded before base64.
    expect(Buffer.from(seen[0]?.authorization?.slice(6) ?? '', 'base64').toString()).toBe(
      'gate%3Away:s3cret+%26+more',
    );
    expect(JSON.stringify(decision)).not.toContain('opaque');
  });

  it.each<[string, object, string]>([
    ['that is not active', { active: false, sub: 'ann' }, '401 CREDENTIALS_INVALID'],
    ['with an `active` that is text', { active: 'true', sub: 'ann' }, '401 CREDENTIALS_INVALID'],
    ['for another audience', { active: true, sub: 'ann', aud: 'billing' }, '401 CREDENTIALS_INVALID'],
    ['for the audience', { active: true, sub: 'ann', aud: 'orders' }, '200 ann'],
    ['of nobody', { active: true, aud: 'orders' }, '401 CREDENTIALS_INVALID'],
    [
      'that ended all the same',
      { active: true, sub: 'ann', aud: 'orders', exp: SECONDS - 1 },
      '401 CREDENTIALS_EXPIRED',
    ],
    [
      'that has not begun',
      { active: true, sub: 'ann', aud: 'orders', nbf: SECONDS + 9 },
      '401 CREDENTIALS_INVALID',
    ],
  ])('a token %s: %j gives %s', async (_what, answer, expected) => {
    tokens.t = answer;
    expect(await tried('t', policy({ audiences: ['orders'] }))).toBe(expected);
  });

  it('asks once for equal tokens, once again after the time, and not longer than the token lasts', async () => {
    const of = policy();
    tokens.short = { active: true, sub: 'ann', exp: SECONDS + 5 };
    await Promise.all([tried('opaque', of), tried('opaque', of), tried('short', of)]);
    expect(seen).toHaveLength(2);
    world.nowMs += 6_000;
    expect(await tried('opaque', of)).toBe('200 ann');
    expect(seen).toHaveLength(2);
    expect(await tried('short', of)).toBe('401 CREDENTIALS_EXPIRED');
    world.nowMs += 25_000;
    delete tokens.opaque;
    expect(await tried('opaque', of)).toBe('401 CREDENTIALS_INVALID');
  });

  it.each<[DecisionCaching['mode'], string, string]>([
    ['none', '503 AUTH_UNAVAILABLE', '503 AUTH_UNAVAILABLE'],
    ['strict', '503 AUTH_UNAVAILABLE', '503 AUTH_UNAVAILABLE'],
    ['resilient', '200 ann', '503 AUTH_UNAVAILABLE'],
    ['allow', '200 ann', '200 anonymous'],
  ])('while the issuer is away, %s gives the known %s and the unknown %s', async (mode, known, unknown) => {
    const of = policy({}, { mode });
    expect(await tried('opaque', of)).toBe('200 ann');
    issuer.state = 'down';
    world.nowMs += 31_000;
    expect(await tried('opaque', of)).toBe(known);
    expect(await tried('other', of)).toBe(unknown);
  });

  it.each([
    ['an error', (end: (status: number, body: string) => void) => end(500, '{}')],
    ['no JSON', (end: (status: number, body: string) => void) => end(200, 'active')],
    ['a list', (end: (status: number, body: string) => void) => end(200, '[{"active":true}]')],
    ['a refusal of the client', (end: (status: number, body: string) => void) => end(401, '{}')],
  ])('%s is no answer', async (_what, answer) => {
    issuer.answers.set('/introspect', (_request, _body, response) =>
      answer((status, body) => response.writeHead(status).end(body)),
    );
    expect(await tried('opaque', policy())).toBe('503 AUTH_UNAVAILABLE');
  });
});
