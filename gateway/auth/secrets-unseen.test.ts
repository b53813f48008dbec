import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { AuthenticationMethod, CompiledAuth } from '../../src/policy/model.ts';
import type { GatewayRequest } from '../request.ts';
import type { AuthDecision } from './contract.ts';
import { craftedToken } from './testing/issuer.ts';
import { authWorld, keyOfBilling, keyTableOf, policyOf, requestOf, shortly, wayOf } from './testing/world.ts';

/* A credential is recognised by a canary in it: it must come back nowhere. */

const CANARY = `canary${randomBytes(8).toString('hex')}`;
const OUTBOUND = { timeoutMs: 300, bundles: [] };
const bearer = [{ in: 'authorization', scheme: 'Bearer' }] as const;
/** Nobody listens there. */
const AWAY = 'http://127.0.0.1:9';

const METHODS: readonly AuthenticationMethod[] = [
  {
    type: 'apiKey',
    credentials: [
      { in: 'header', name: 'x-api-key' },
      { in: 'query', name: 'key' },
      { in: 'cookie', name: 'key' },
      { in: 'authorization', scheme: 'APIKEY' },
    ],
    namespaces: ['shop'],
    labels: {},
  },
  {
    type: 'keyPair',
    id: { in: 'header', name: 'x-id' },
    key: { in: 'header', name: 'x-key' },
    basic: true,
    namespaces: ['shop'],
    labels: {},
  },
  {
    type: 'jwt',
    credentials: bearer,
    issuer: AWAY,
    audiences: [],
    algorithms: ['ES256'],
    leewaySeconds: 0,
    requiredClaims: [],
    principalClaim: 'sub',
    roleClaims: [],
    scopeClaims: [],
    outbound: OUTBOUND,
  },
  {
    type: 'introspection',
    credentials: bearer,
    url: `${AWAY}/introspect?${CANARY}`,
    clientId: 'gateway',
    clientSecret: 'secret',
    audiences: [],
    cacheSeconds: 1,
    outbound: OUTBOUND,
  },
  {
    type: 'tokenReview',
    credentials: bearer,
    audiences: [],
    cacheSeconds: 1,
    kubernetes: { url: AWAY, token: 'secret', outbound: OUTBOUND },
  },
];

const REQUESTS: readonly GatewayRequest[] = [
  requestOf({ headers: { 'x-api-key': CANARY } }),
  requestOf({ fields: ['x-api-key', CANARY, 'x-api-key', 'b'] }),
  requestOf({ query: `key=${CANARY}` }),
  requestOf({ query: `key=${CANARY}&key=2` }),
  requestOf({ headers: { cookie: `key=${CANARY}; key=2` } }),
  requestOf({ headers: { authorization: `APIKEY ${CANARY}` } }),
  requestOf({ headers: { authorization: `Basic ${Buffer.from(`app:${CANARY}`).toString('base64')}` } }),
  requestOf({ headers: { 'x-id': 'app', 'x-key': CANARY } }),
  requestOf({ headers: { authorization: `Bearer ${CANARY}` } }),
  requestOf({ headers: { authorization: `Bearer ${CANARY} ${CANARY}` } }),
  requestOf({
    headers: {
      authorization: `Bearer ${craftedToken({ alg: 'ES256', kid: CANARY }, { sub: CANARY }, 'AA')}`,
    },
  }),
];

describe('I29 I33 a credential', () => {
  const known = keyTableOf({
    [CANARY]: { type: 'known', record: keyOfBilling() },
    [`app:${CANARY}`]: { type: 'known', record: keyOfBilling() },
  });
  const values = { values: { secret: CANARY } };

  const everywhere = async (
    keys: typeof known,
  ): Promise<{ readonly text: string; readonly seen: string[] }> => {
    const world = authWorld(keys, { values });
    const seen: string[] = [];
    const told: AuthDecision[] = [];
    for (const method of METHODS) {
      const policy: CompiledAuth = policyOf({
        authentication: [wayOf(method)],
        response: {
          ...policyOf().response,
          headers: [
            ['x-caller', 'auth.principal'],
            ['x-identity', 'auth.identity'],
          ],
        },
      });
      for (const request of REQUESTS) {
        const decision = await world.decide(policy, request);
        told.push(decision);
        seen.push(shortly(decision));
      }
    }
    world.client.close();
    return { text: JSON.stringify([told, world.logged]), seen };
  };

  it('stands in no decision, header, denial or log, whether it is right, wrong or could not be checked', async () => {
    const [right, wrong] = await Promise.all([everywhere(known), everywhere(keyTableOf({}))]);
    // It was looked at: all kinds of outcomes are there.
    expect(new Set(right.seen)).toEqual(
      new Set([
        ...['200 billing', '400 REQUEST_MALFORMED', '401 CREDENTIALS_MISSING', '401 CREDENTIALS_INVALID'],
        '503 AUTH_UNAVAILABLE',
      ]),
    );
    expect(wrong.seen).not.toContain('200 billing');
    for (const text of [right.text, wrong.text]) {
      expect(text).toContain('token keys cannot be read');
      expect(text).not.toContain(CANARY);
      expect(text).not.toContain(Buffer.from(CANARY).toString('base64').slice(0, 16));
    }
  });

  it('stands in no error that gets away', async () => {
    const thrown: unknown[] = [];
    const listener = (error: unknown): void => void thrown.push(error);
    process.on('unhandledRejection', listener);
    await everywhere(known);
    await wait(0);
    process.off('unhandledRejection', listener);
    expect(thrown).toEqual([]);
  });
});
