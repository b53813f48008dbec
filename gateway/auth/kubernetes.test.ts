import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuthenticationMethod, AuthorizationRule, CompiledAuth } from '../../src/policy/model.ts';
import { type FakeKubernetes, startFakeKubernetes } from '../../test/fakes/kubernetes-auth/server.ts';
import { testAuthority } from '../../test/support/certificates.ts';
import { serviceAccountFiles } from './service-account.ts';
import { type AuthWorld, authWorld, policyOf, requestOf, shortly, wayOf } from './testing/world.ts';

type TokenReview = Extract<AuthenticationMethod, { type: 'tokenReview' }>;
type Sar = Extract<AuthorizationRule['check'], { type: 'subjectAccessReview' }>;

let kubernetes: FakeKubernetes;
let world: AuthWorld;

const OUTBOUND = { timeoutMs: 2_000, bundles: [] };
const api = () => ({ url: kubernetes.url, token: 'shop/kube/token', outbound: OUTBOUND });

beforeEach(async () => {
  kubernetes = await startFakeKubernetes();
  kubernetes.tokens.set('gateway-token', { username: 'system:serviceaccount:portolan:gateway' });
  kubernetes.tokens.set('pod-token', {
    username: 'system:serviceaccount:shop:billing',
    uid: '7',
    groups: ['system:serviceaccounts'],
    audiences: ['gateway'],
  });
  kubernetes.tokens.set('api-token', { username: 'system:serviceaccount:shop:api' });
  kubernetes.rules.push(
    {
      subject: 'system:serviceaccount:portolan:gateway',
      verb: 'create',
      on: 'authentication.k8s.io/tokenreviews',
    },
    {
      subject: 'system:serviceaccount:portolan:gateway',
      verb: 'create',
      on: 'authorization.k8s.io/subjectaccessreviews',
    },
  );
  world = authWorld(undefined, { values: { values: { 'shop/kube/token': 'gateway-token' } } });
});
afterEach(async () => {
  world.client.close();
  await kubernetes.close();
});

function reviewing(given: Partial<TokenReview> = {}): CompiledAuth['authentication'][number] {
  return wayOf({
    type: 'tokenReview',
    credentials: [{ in: 'authorization', scheme: 'Bearer' }],
    audiences: ['gateway'],
    cacheSeconds: 10,
    kubernetes: api(),
    ...given,
  });
}

const bearer = (token: string) => requestOf({ headers: { authorization: `Bearer ${token}` } });
const tried = async (token: string, policy: CompiledAuth): Promise<string> =>
  shortly(await world.decide(policy, bearer(token)));

describe('TokenReview', () => {
  it('says who a service account is, with its groups', async () => {
    const policy = policyOf({ authentication: [reviewing()] });
    const decision = await world.decide(policy, bearer('pod-token'));
    expect(decision.principal).toMatchObject({
      name: 'system:serviceaccount:shop:billing',
      method: 'tokenReview',
      roles: ['system:serviceaccounts', 'system:authenticated'],
      identity: { uid: '7', audiences: ['gateway'] },
    });
    expect(JSON.stringify(decision)).not.toContain('pod-token');
  });

  it.each([
    ['an unknown token', 'nonsense', '401 CREDENTIALS_INVALID'],
    ['a token for another audience', 'api-token', '401 CREDENTIALS_INVALID'],
  ])('refuses %s', async (_what, token, expected) => {
    expect(await tried(token, policyOf({ authentication: [reviewing()] }))).toBe(expected);
  });

  it('is asked once for equal tokens, also at the same time, and again after its time', async () => {
    const policy = policyOf({ authentication: [reviewing()] });
    await Promise.all(Array.from({ length: 10 }, () => tried('pod-token', policy)));
    expect(await tried('pod-token', policy)).toContain('200');
    expect(kubernetes.asked.tokenReviews).toBe(1);
    expect(world.authorizer.decide(policy, bearer('pod-token'))).not.toBeInstanceOf(Promise);
    world.nowMs += 11_000;
    await tried('pod-token', policy);
    expect(kubernetes.asked.tokenReviews).toBe(2);
  });

  it.each(['throttled', 'broken'] as const)(
    'that is %s is no answer: 503, or the last decision where the policy says so',
    async (state) => {
      const strict = policyOf({ authentication: [reviewing()] });
      const resilient = policyOf({
        authentication: [reviewing()],
        decisions: { mode: 'resilient', ttlSeconds: 10, negativeTtlSeconds: 2 },
      });
      await tried('pod-token', resilient);
      await tried('pod-token', strict);
      kubernetes.state = state;
      world.nowMs += 11_000;
      expect(await tried('api-token', strict)).toBe('503 AUTH_UNAVAILABLE');
      expect(await tried('pod-token', strict)).toBe('503 AUTH_UNAVAILABLE');
      expect(await tried('pod-token', resilient)).toContain('200');
      expect(await tried('api-token', resilient)).toBe('503 AUTH_UNAVAILABLE');
    },
  );

  it('by a gateway that may not ask, or is not known, is no answer', async () => {
    const policy = policyOf({ authentication: [reviewing({ cacheSeconds: 0 })] });
    kubernetes.rules.splice(0);
    expect(await tried('pod-token', policy)).toBe('503 AUTH_UNAVAILABLE');
    kubernetes.tokens.delete('gateway-token');
    expect(await tried('pod-token', policy)).toBe('503 AUTH_UNAVAILABLE');
  });

  it('without an audience takes tokens of the API server', async () => {
    const policy = policyOf({ authentication: [reviewing({ audiences: [] })] });
    expect(await tried('api-token', policy)).toBe('200 system:serviceaccount:shop:api');
    expect(await tried('pod-token', policy)).toBe('401 CREDENTIALS_INVALID');
  });
});

describe('SubjectAccessReview', () => {
  const checking = (given: Partial<Sar> = {}): CompiledAuth =>
    policyOf({
      authentication: [reviewing()],
      authorization: [
        {
          name: 'rbac',
          when: [],
          check: {
            type: 'subjectAccessReview',
            user: 'auth.principal',
            groups: 'auth.roles',
            cacheSeconds: 10,
            kubernetes: api(),
            ...given,
          },
        },
      ],
    });

  it('asks for path and method', async () => {
    expect(await tried('pod-token', checking())).toBe('403 ACCESS_DENIED');
    kubernetes.rules.push({ subject: 'system:serviceaccount:shop:billing', verb: 'get', on: '/orders' });
    world.nowMs += 3_000;
    expect(await tried('pod-token', checking())).toBe('200 system:serviceaccount:shop:billing');
    expect(kubernetes.asked.accessReviews).toBe(2);
  });

  it('asks for a resource, with the groups', async () => {
    const policy = checking({
      resource: {
        namespace: '"shop"',
        group: '"apps"',
        resource: '"deployments"',
        name: '""',
        subresource: '""',
        verb: 'request.method == "GET" ? "get" : "update"',
      },
    });
    expect(await tried('pod-token', policy)).toBe('403 ACCESS_DENIED');
    kubernetes.rules.push({
      subject: 'system:serviceaccounts',
      verb: 'get',
      on: 'apps/deployments',
      namespace: 'shop',
    });
    world.nowMs += 3_000;
    expect(await tried('pod-token', policy)).toContain('200');
    const post = await world.decide(policy, { ...bearer('pod-token'), method: 'POST' });
    expect(shortly(post)).toBe('403 ACCESS_DENIED');
  });

  it('denies without asking when the question cannot be put', async () => {
    expect(await tried('pod-token', checking({ user: 'auth.identity.nothing' }))).toBe('403 ACCESS_DENIED');
    expect(await tried('pod-token', checking({ groups: 'auth.identity.nothing' }))).toBe('403 ACCESS_DENIED');
    const resource = {
      namespace: 'auth.identity.nothing',
      group: '""',
      resource: '""',
      name: '""',
      subresource: '""',
      verb: '"get"',
    };
    expect(await tried('pod-token', checking({ resource }))).toBe('403 ACCESS_DENIED');
    expect(kubernetes.asked.accessReviews).toBe(0);
  });

  it('that cannot be had lets nobody pass', async () => {
    const policy = checking();
    await tried('pod-token', policy);
    kubernetes.rules.splice(1);
    world.nowMs += 3_000;
    expect(await tried('pod-token', policy)).toBe('503 AUTH_UNAVAILABLE');
  });
});

describe('the API server of the own cluster', () => {
  it('is asked with the files of the service account, over TLS with its CA', async () => {
    const authority = await testAuthority();
    const server = await authority.issue({ dns: ['localhost'] });
    const secured = await startFakeKubernetes({ tls: { key: server.keyPem, cert: server.certificatePem } });
    const folder = mkdtempSync(join(tmpdir(), 'portolan-account-'));
    try {
      secured.tokens.set('own', { username: 'gateway' }).set('pod', { username: 'pod' });
      secured.rules.push({ subject: 'gateway', verb: '*', on: '*' });
      writeFileSync(join(folder, 'token'), 'own\n');
      writeFileSync(join(folder, 'ca.crt'), authority.certificatePem);
      const { hostname, port } = new URL(secured.url);
      const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
      const here = authWorld(undefined, { serviceAccount: serviceAccountFiles(env, folder) });
      const policy = (url?: string) =>
        policyOf({
          authentication: [
            reviewing({
              audiences: [],
              cacheSeconds: 0,
              kubernetes: { outbound: OUTBOUND, ...(url === undefined ? {} : { url }) },
            }),
          ],
        });
      const decide = async (url?: string) => shortly(await here.decide(policy(url), bearer('pod')));
      expect(await decide()).toBe('200 pod');
      // The token of the service account is not sent anywhere else.
      expect(await decide(kubernetes.url)).toBe('503 AUTH_UNAVAILABLE');
      expect(kubernetes.asked.tokenReviews).toBe(0);
      writeFileSync(join(folder, 'ca.crt'), (await testAuthority('another')).certificatePem);
      here.client.close();
      expect(await decide()).toBe('503 AUTH_UNAVAILABLE');
      here.client.close();
    } finally {
      rmSync(folder, { recursive: true });
      await secured.close();
    }
  });

  it('is not there outside a cluster', async () => {
    const policy = policyOf({ authentication: [reviewing({ kubernetes: { outbound: OUTBOUND } })] });
    expect(await tried('pod-token', policy)).toBe('503 AUTH_UNAVAILABLE');
  });
});
