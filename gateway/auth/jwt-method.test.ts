import { createHmac, sign as signOctets } from 'node:crypto';
import { exportPKCS8, exportSPKI, importJWK } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AuthenticationMethod, CompiledAuth } from '../../src/policy/model.ts';
import {
  craftedToken,
  type SigningKey,
  signingKey,
  startIssuer,
  type TestIssuer,
  tokenOf,
} from './testing/issuer.ts';
import { type AuthWorld, authWorld, policyOf, requestOf, START_MS, shortly, wayOf } from './testing/world.ts';

type Jwt = Extract<AuthenticationMethod, { type: 'jwt' }>;

const SECONDS = START_MS / 1_000;
let first: SigningKey;
let second: SigningKey;
let rsa: SigningKey;
let strange: SigningKey;
let issuer: TestIssuer;
let world: AuthWorld;

beforeAll(async () => {
  [first, second, rsa, strange] = await Promise.all([
    signingKey('first'),
    signingKey('second', 'EdDSA'),
    signingKey('rsa', 'RS256'),
    signingKey('strange'),
  ]);
});
beforeEach(async () => {
  issuer = await startIssuer([first, rsa]);
  world = authWorld();
});
afterEach(async () => {
  world.client.close();
  await issuer.close();
});

function jwtPolicy(given: Partial<Jwt> = {}): CompiledAuth {
  return policyOf({
    authentication: [
      wayOf({
        type: 'jwt',
        credentials: [{ in: 'authorization', scheme: 'Bearer' }],
        issuer: issuer.url,
        audiences: ['orders'],
        algorithms: ['ES256', 'RS256', 'EdDSA'],
        leewaySeconds: 30,
        requiredClaims: [],
        principalClaim: 'sub',
        roleClaims: ['realm_access.roles'],
        scopeClaims: ['scope'],
        outbound: { timeoutMs: 2_000, bundles: [] },
        ...given,
      }),
    ],
  });
}

const good = (): Record<string, unknown> => ({ iss: issuer.url, aud: 'orders' });
const bearer = (token: string) => requestOf({ headers: { authorization: `Bearer ${token}` } });
const tried = async (token: string, policy = jwtPolicy()): Promise<string> =>
  shortly(await world.decide(policy, bearer(token)));

describe('a token', () => {
  it('passes with its subject, roles, scopes and claims', async () => {
    const token = await tokenOf(first, {
      ...good(),
      scope: 'orders.read orders.write',
      realm_access: { roles: ['admin'] },
      tenant: 7,
    });
    const decision = await world.decide(jwtPolicy(), bearer(token));
    expect(decision.principal).toMatchObject({
      name: 'ann',
      method: 'jwt',
      roles: ['admin'],
      scopes: ['orders.read', 'orders.write'],
      identity: { tenant: 7 },
    });
    expect(JSON.stringify(decision)).not.toContain(token);
  });

  it('is verified once a minute: in between without a promise', async () => {
    const policy = jwtPolicy();
    const token = await tokenOf(first, good());
    expect(world.authorizer.decide(policy, bearer(token))).toBeInstanceOf(Promise);
    expect(await tried(token, policy)).toBe('200 ann');
    const request = bearer(token);
    expect(world.authorizer.decide(policy, request)).not.toBeInstanceOf(Promise);
    expect(world.authorizer.decide(policy, { ...request, wallMs: START_MS + 61_000 })).toBeInstanceOf(
      Promise,
    );
  });

  it('is verified once for all who bring it at the same time', async () => {
    const policy = jwtPolicy();
    const token = await tokenOf(first, good());
    const decisions = await Promise.all(Array.from({ length: 20 }, () => tried(token, policy)));
    expect(new Set(decisions)).toEqual(new Set(['200 ann']));
    expect(issuer.asked.get('/jwks')).toBe(1);
  });

  it('stays verified when a new configuration has the same rule, and not for another rule', async () => {
    const token = await tokenOf(first, good());
    expect(await tried(token)).toBe('200 ann');
    expect(world.authorizer.decide(jwtPolicy(), bearer(token))).not.toBeInstanceOf(Promise);
    const other = jwtPolicy({ audiences: ['billing'] });
    expect(world.authorizer.decide(other, bearer(token))).toBeInstanceOf(Promise);
    expect(await tried(token, other)).toBe('401 CREDENTIALS_INVALID');
  });

  it('is not kept beyond its end', async () => {
    const policy = jwtPolicy({ leewaySeconds: 5 });
    const token = await tokenOf(first, { ...good(), exp: SECONDS + 10 });
    expect(await tried(token, policy)).toBe('200 ann');
    world.nowMs += 14_000;
    expect(await tried(token, policy)).toBe('200 ann');
    world.nowMs += 2_000;
    expect(await tried(token, policy)).toBe('401 CREDENTIALS_EXPIRED');
  });

  it.each([
    ['that ended an hour ago', { exp: SECONDS - 3_600 }, '401 CREDENTIALS_EXPIRED'],
    ['that ended within the leeway', { exp: SECONDS - 29 }, '200 ann'],
    ['that ended just beyond the leeway', { exp: SECONDS - 31 }, '401 CREDENTIALS_EXPIRED'],
    ['that never ends', { exp: undefined }, '401 CREDENTIALS_INVALID'],
    ['that ends at a time that is text', { exp: '9999999999' }, '401 CREDENTIALS_INVALID'],
    ['that begins in an hour', { nbf: SECONDS + 3_600 }, '401 CREDENTIALS_INVALID'],
    ['that begins within the leeway', { nbf: SECONDS + 29 }, '200 ann'],
    ['that was issued in the future', { iat: SECONDS + 3_600 }, '401 CREDENTIALS_INVALID'],
    ['of another issuer', { iss: 'https://other.example' }, '401 CREDENTIALS_INVALID'],
    ['that names no issuer', { iss: undefined }, '401 CREDENTIALS_INVALID'],
    ['for somebody else', { aud: 'billing' }, '401 CREDENTIALS_INVALID'],
    ['for several', { aud: ['billing', 'orders'] }, '200 ann'],
    ['for nobody', { aud: undefined }, '401 CREDENTIALS_INVALID'],
    ['without a subject', { sub: undefined }, '401 CREDENTIALS_INVALID'],
    ['whose subject is no text', { sub: 7 }, '401 CREDENTIALS_INVALID'],
  ])('%s: %j gives %s', async (_what, claims, expected) => {
    expect(await tried(await tokenOf(first, { ...good(), ...claims }))).toBe(expected);
  });

  it('must have the type and the claims that the policy asks for', async () => {
    const policy = jwtPolicy({ tokenType: 'at+jwt', requiredClaims: ['jti'] });
    const token = (claims: object, typ: string | undefined) =>
      tokenOf(first, { ...good(), ...claims }, typ === undefined ? {} : { typ });
    expect(await tried(await token({ jti: '1' }, 'at+jwt'), policy)).toBe('200 ann');
    expect(await tried(await token({ jti: '1' }, 'JWT'), policy)).toBe('401 CREDENTIALS_INVALID');
    expect(await tried(await token({ jti: '1' }, undefined), policy)).toBe('401 CREDENTIALS_INVALID');
    expect(await tried(await token({}, 'at+jwt'), policy)).toBe('401 CREDENTIALS_INVALID');
  });

  it('is challenged as RFC 6750 says: an error only when one was shown', async () => {
    const challenge = async (request: ReturnType<typeof requestOf>) => {
      const denied = await world.decide(jwtPolicy(), request);
      return denied.allowed ? '' : denied.fields[denied.fields.indexOf('www-authenticate') + 1];
    };
    expect(await challenge(requestOf())).toBe('Bearer realm="gateway"');
    expect(await challenge(bearer('a.b.c'))).toBe('Bearer realm="gateway", error="invalid_token"');
  });

  it('is verified with a key set of the operator, without asking anybody', async () => {
    const own = authWorld(undefined, {
      values: { values: { 'shop/keys/jwks': JSON.stringify({ keys: [second.jwk] }) } },
    });
    const policy = jwtPolicy({ jwks: 'shop/keys/jwks' });
    const decide = async (key: SigningKey) =>
      shortly(await own.decide(policy, bearer(await tokenOf(key, good()))));
    expect(await decide(second)).toBe('200 ann');
    expect(await decide(first)).toBe('401 CREDENTIALS_INVALID');
    expect(issuer.asked.size).toBe(0);
  });
});

describe('I27 the corpus of bad tokens', () => {
  const corpus: readonly (readonly [string, () => Promise<string> | string])[] = [
    ['alg none', () => craftedToken({ alg: 'none' }, { ...good(), sub: 'root', exp: SECONDS + 60 })],
    ['alg None', () => craftedToken({ alg: 'None' }, { ...good(), sub: 'root', exp: SECONDS + 60 }, 'AA')],
    ['no alg', () => craftedToken({ kid: 'first' }, { ...good(), sub: 'root', exp: SECONDS + 60 }, 'AA')],
    ['HS256 with the public RSA key as PEM', async () => await hmacToken(await pemOf(rsa), 'rsa')],
    ['HS256 with the JWK as text', async () => await hmacToken(JSON.stringify(rsa.jwk), 'rsa')],
    ['HS256 with an empty key', async () => await hmacToken('', 'first')],
    ['a key of its own in `jwk`', () => tokenOf(strange, good(), { kid: 'first', jwk: strange.jwk })],
    ['a key of its own in `jwk` without kid', () => tokenOf(strange, good(), { kid: '', jwk: strange.jwk })],
    ['a `jku` of its own', () => tokenOf(strange, good(), { jku: `${issuer.url}/evil-jwks` })],
    ['an `x5u` of its own', () => tokenOf(strange, good(), { x5u: `${issuer.url}/evil.pem` })],
    ['an `x5c` of its own', () => tokenOf(strange, good(), { kid: 'first', x5c: ['MIIB'] })],
    ['a kid that is a path', () => tokenOf(strange, good(), { kid: '../../../../dev/null' })],
    ['a kid that is SQL', () => tokenOf(strange, good(), { kid: "x' UNION SELECT 'key" })],
    ['a kid of the prototype', () => tokenOf(strange, good(), { kid: '__proto__' })],
    ['another key under a known kid', () => tokenOf(strange, good(), { kid: 'first' })],
    ['an unknown kid', () => tokenOf(strange, good())],
    ['a kid that is no text', () => craftedToken({ alg: 'ES256', kid: 7 }, good(), 'AA')],
    ['an unknown critical header', () => crafted({ crit: ['exp'], exp: 1 })],
    ['critical b64', () => crafted({ crit: ['b64'], b64: false })],
    ['b64 without crit', () => crafted({ b64: true })],
    ['the algorithm of another key', () => tokenOf(second, good(), { kid: 'first' })],
    ['an algorithm that the policy does not take', async () => (await tokenOf(rsa, good())).trim()],
    ['a changed payload', async () => changed(await tokenOf(first, good()), 1)],
    ['a changed header', async () => changed(await tokenOf(first, good()), 0)],
    ['a changed signature', async () => changed(await tokenOf(first, good()), 2)],
    ['no signature', async () => (await tokenOf(first, good())).replace(/\.[^.]*$/, '.')],
    ['an all-zero ES256 signature', () => zeroSigned()],
    ['a DER signature where R and S are expected', () => derSigned()],
    ['padding', async () => `${await tokenOf(first, good())}==`],
    ['four parts', async () => `${await tokenOf(first, good())}.AA`],
    ['two parts', async () => (await tokenOf(first, good())).replace(/\.[^.]*$/, '')],
    ['an encrypted one of five parts', () => 'eyJhbGciOiJkaXIifQ..AA.AA.AA'],
    ['a JSON serialisation', () => '{"payload":"e30"}'],
    ['a header that is no object', () => `${Buffer.from('[]').toString('base64url')}.e30.AA`],
    ['a header that is no JSON', () => 'AAAA.e30.AA'],
    ['a payload that is a list', () => signedPayload('[1]')],
    ['a payload that is no JSON', () => signedPayload('nonsense')],
    ['a huge one', () => `${'A'.repeat(200_000)}.e30.AA`],
    ['a huge header', () => `${'A'.repeat(5_000)}.e30.AA`],
    ['standard base64', async () => (await tokenOf(first, good())).replace(/^./, '+')],
  ];

  it.each(corpus)('%s is refused', async (_what, make) => {
    const policy = jwtPolicy({ algorithms: ['ES256'] });
    const token = await make();
    expect(await tried(token, policy)).toBe('401 CREDENTIALS_INVALID');
    expect(issuer.asked.get('/evil-jwks')).toBeUndefined();
    // Beside it a good one passes: nothing was learnt from the bad one.
    expect(await tried(await tokenOf(first, good()), policy)).toBe('200 ann');
    expect(await tried(token, policy)).toBe('401 CREDENTIALS_INVALID');
  });

  it('algorithms with shared secrets are not taken, whatever a policy says', async () => {
    const own = authWorld(undefined, {
      values: {
        values: { keys: JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'rsa' }, rsa.jwk] }) },
      },
    });
    const policy = jwtPolicy({ jwks: 'keys', algorithms: ['HS256', 'none'] });
    const token = await hmacToken('secret', 'rsa');
    expect(shortly(await own.decide(policy, bearer(token)))).toBe('401 CREDENTIALS_INVALID');
  });

  it('a key set with a private or symmetric key leaves that key out', async () => {
    issuer.keys = [{ kty: 'oct', k: 'c2VjcmV0', kid: 'first', alg: 'HS256' }, first.jwk];
    expect(await tried(await hmacToken('secret', 'first'))).toBe('401 CREDENTIALS_INVALID');
    expect(await tried(await tokenOf(first, good()))).toBe('200 ann');
  });

  async function hmacToken(secret: string, kid: string): Promise<string> {
    const unsigned = craftedToken({ alg: 'HS256', kid }, { ...good(), sub: 'root', exp: SECONDS + 60 }).slice(
      0,
      -1,
    );
    return `${unsigned}.${createHmac('sha256', secret).update(unsigned).digest('base64url')}`;
  }
  async function pemOf(key: SigningKey): Promise<string> {
    const imported = await importJWK(key.jwk, key.alg, { extractable: true });
    if (imported instanceof Uint8Array) throw new TypeError('it is symmetric');
    return await exportSPKI(imported);
  }
  const signedRaw = async (header: object, payload: string): Promise<string> => {
    const part = (text: string): string => Buffer.from(text).toString('base64url');
    const unsigned = `${part(JSON.stringify(header))}.${part(payload)}`;
    const key = { key: await exportPKCS8(first.privateKey), dsaEncoding: 'ieee-p1363' as const };
    return `${unsigned}.${signOctets('sha256', Buffer.from(unsigned), key).toString('base64url')}`;
  };
  const claims = (): object => ({ ...good(), sub: 'root', exp: SECONDS + 60 });
  const crafted = (header: object) =>
    signedRaw({ alg: 'ES256', kid: 'first', ...header }, JSON.stringify(claims()));
  const signedPayload = (payload: string) => signedRaw({ alg: 'ES256', kid: 'first' }, payload);
  const zeroSigned = (): string =>
    craftedToken({ alg: 'ES256', kid: 'first' }, claims(), Buffer.alloc(64).toString('base64url'));
  async function derSigned(): Promise<string> {
    const unsigned = craftedToken({ alg: 'ES256', kid: 'first' }, claims()).slice(0, -1);
    const key = await exportPKCS8(first.privateKey);
    return `${unsigned}.${signOctets('sha256', Buffer.from(unsigned), key).toString('base64url')}`;
  }
  function changed(token: string, part: number): string {
    const parts = token.split('.');
    const text = parts[part] ?? '';
    const middle = Math.floor(text.length / 2);
    parts[part] = `${text.slice(0, middle)}${text[middle] === 'A' ? 'B' : 'A'}${text.slice(middle + 1)}`;
    return parts.join('.');
  }

  it('is signed rightly by these means, so that each is refused for its own reason', async () => {
    const policy = jwtPolicy({ algorithms: ['ES256'] });
    expect(await tried(await crafted({}), policy)).toBe('200 root');
    expect(await tried(await signedPayload(JSON.stringify(claims())), policy)).toBe('200 root');
  });
});

describe('the keys of an issuer', () => {
  it('are found by discovery, only where the document names the issuer exactly', async () => {
    issuer.claimedIssuer = `${issuer.url}/`;
    expect(await tried(await tokenOf(first, good()))).toBe('503 AUTH_UNAVAILABLE');
    expect(issuer.asked.get('/jwks')).toBeUndefined();
    expect(world.logged.join()).toContain('names another issuer');
  });

  it('are read from the place that the policy names', async () => {
    issuer.answers.set('/other', (_request, _body, response) =>
      response.end(JSON.stringify({ keys: [second.jwk] })),
    );
    const policy = jwtPolicy({ jwksUri: `${issuer.url}/other` });
    expect(await tried(await tokenOf(second, good()), policy)).toBe('200 ann');
    expect(issuer.asked.has('/.well-known/openid-configuration')).toBe(false);
  });

  it('rotate: a token of a new key is verified at once, one of a withdrawn key no longer', async () => {
    const policy = jwtPolicy();
    const old = await tokenOf(first, good());
    expect(await tried(old, policy)).toBe('200 ann');
    issuer.keys = [second.jwk];
    world.nowMs += 31_000;
    expect(await tried(await tokenOf(second, good()), policy)).toBe('200 ann');
    expect(await tried(old, policy)).toBe('401 CREDENTIALS_INVALID');
  });

  it('I28 in an outage known keys keep working, beyond the time of a refresh', async () => {
    const policy = jwtPolicy();
    expect(await tried(await tokenOf(first, good()), policy)).toBe('200 ann');
    issuer.state = 'down';
    for (const minutes of [5, 20, 600]) {
      world.nowMs = START_MS + minutes * 60_000;
      const seconds = world.nowMs / 1_000;
      expect(
        await tried(await tokenOf(first, { ...good(), jti: `${minutes}`, exp: seconds + 60 }), policy),
      ).toBe('200 ann');
    }
    world.nowMs = START_MS + 25 * 3_600_000;
    const exp = world.nowMs / 1_000 + 60;
    expect(await tried(await tokenOf(first, { ...good(), exp }), policy)).toBe('503 AUTH_UNAVAILABLE');
    issuer.state = 'up';
    world.nowMs += 31_000;
    expect(await tried(await tokenOf(first, { ...good(), exp }), policy)).toBe('200 ann');
  });

  it('I28 unknown keys make the issuer be asked at most once in 30 s, in an outage or not', async () => {
    const policy = jwtPolicy();
    expect(await tried(await tokenOf(first, good()), policy)).toBe('200 ann');
    expect(issuer.asked.get('/jwks')).toBe(1);
    const flood = async (): Promise<readonly string[]> =>
      await Promise.all(
        Array.from({ length: 20 }, async (_v, i) => {
          const token = await tokenOf(strange, { ...good(), jti: `${i}` }, { kid: `unknown-${i}` });
          const request = requestOf({
            headers: { authorization: `Bearer ${token}` },
            source: { address: `192.0.2.${i}`, port: 1, peer: '192.0.2.1', trusted: false },
          });
          return shortly(await world.decide(policy, request));
        }),
      );
    world.nowMs += 29_000;
    expect(new Set(await flood())).toEqual(new Set(['401 CREDENTIALS_INVALID']));
    expect(issuer.asked.get('/jwks')).toBe(1);
    world.nowMs += 2_000;
    for (let i = 0; i < 29; i += 7) {
      await flood();
      world.nowMs += 7_000;
    }
    expect(issuer.asked.get('/jwks')).toBe(2);
    issuer.state = 'error';
    const before = requests();
    world.nowMs += 10_000;
    for (let i = 0; i < 29; i += 7) {
      expect(new Set(await flood())).toEqual(new Set(['503 AUTH_UNAVAILABLE']));
      expect(await tried(await tokenOf(first, { ...good(), jti: `known-${i}` }), policy)).toBe('200 ann');
      world.nowMs += 7_000;
    }
    expect(requests() - before).toBe(1);
  });

  it('that were never had are asked for again soon, and then less often', async () => {
    issuer.state = 'down';
    const policy = jwtPolicy();
    const token = await tokenOf(first, good());
    let calls = 0;
    for (let second = 0; second < 60; second += 1) {
      expect(await tried(token, policy)).toBe('503 AUTH_UNAVAILABLE');
      calls = requests();
      world.nowMs += 1_000;
    }
    // After 0, 1, 3, 7, 15, 31 s: five waits that double.
    expect(calls).toBe(6);
    issuer.state = 'up';
    world.nowMs += 30_000;
    expect(await tried(token, policy)).toBe('200 ann');
  });

  it('are waited for no longer than the policy says', async () => {
    issuer.state = 'slow';
    const policy = jwtPolicy({ outbound: { timeoutMs: 100, bundles: [] } });
    expect(await tried(await tokenOf(first, good()), policy)).toBe('503 AUTH_UNAVAILABLE');
  });

  it('without a kid in the token are tried, those that fit the algorithm', async () => {
    const more = await Promise.all([signingKey('a'), signingKey('b')]);
    issuer.keys = [...more.map((key) => key.jwk), first.jwk, rsa.jwk];
    const token = await tokenOf(first, good(), { kid: undefined });
    expect(await tried(token)).toBe('200 ann');
    expect(await tried(await tokenOf(strange, good(), { kid: undefined }))).toBe('401 CREDENTIALS_INVALID');
  });

  const requests = (): number => [...issuer.asked.values()].reduce((a, b) => a + b, 0);
});

describe('wrong tokens', () => {
  it('of one source are no longer verified when there are too many; others are', async () => {
    const limited = authWorld(undefined, { failures: { burst: 5, perSecond: 1, maxSources: 100 } });
    const policy = jwtPolicy();
    const from = (address: string, token: string) => ({
      ...bearer(token),
      source: { address, port: 1, peer: address, trusted: false },
    });
    const bad = (i: number) => tokenOf(strange, { ...good(), jti: `${i}` }, { kid: 'first' });
    const codes: string[] = [];
    for (let i = 0; i < 7; i += 1)
      codes.push(shortly(await limited.decide(policy, from('192.0.2.1', await bad(i)))));
    expect(codes).toEqual([
      ...Array.from({ length: 5 }, () => '401 CREDENTIALS_INVALID'),
      ...Array.from({ length: 2 }, () => '429 CREDENTIALS_THROTTLED'),
    ]);
    const token = await tokenOf(first, good());
    expect(shortly(await limited.decide(policy, from('192.0.2.2', token)))).toBe('200 ann');
    // What is known already passes from there as well.
    expect(shortly(await limited.decide(policy, from('192.0.2.1', token)))).toBe('200 ann');
    limited.nowMs += 2_000;
    expect(shortly(await limited.decide(policy, from('192.0.2.1', await bad(9))))).toBe(
      '401 CREDENTIALS_INVALID',
    );
    limited.client.close();
  });
});
