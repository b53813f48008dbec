import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RoleBinding } from '../store/contract.ts';
import { startTestHub, type TestHub } from './fixture.ts';
import type { ExplainedRule, RouteQuestion } from './gateway-services.ts';

let hub: TestHub;
let asked: RouteQuestion | undefined;
let told: readonly ExplainedRule[] = [];

beforeAll(async () => {
  hub = await startTestHub();
  hub.services.gateways = {
    explainRoute: async (question) => {
      asked = question;
      return told;
    },
    caCertificate: async () => 'PEM',
  };
});
afterAll(() => hub.close());

async function call(
  path: string,
  bindings: readonly RoleBinding[],
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const { text } = await hub.token(bindings);
  const reply = await fetch(`${hub.bound.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${text}`, 'content-type': 'application/json' },
  });
  return { status: reply.status, body: await reply.json() };
}
const viewer: readonly RoleBinding[] = [{ namespace: 'team', role: 'viewer' }];

describe('explain', () => {
  it('reads host, path, method and headers as a client sends them', async () => {
    const query = new URLSearchParams({
      request: 'Shop.Example.com:8443/cart?x=1',
      method: 'POST',
      headers: 'X-Team: red\nAccept:text/html',
      cluster: 'fra',
    });
    expect((await call(`/v1/gateways/explain?${query}`, viewer)).status).toBe(200);
    expect(asked).toEqual({
      request: {
        hostname: 'shop.example.com',
        path: '/cart?x=1',
        method: 'POST',
        headers: [
          ['x-team', 'red'],
          ['accept', 'text/html'],
        ],
      },
      cluster: 'fra',
    });
  });

  it('I31 shows only routes of namespaces the caller may read', async () => {
    const rule = (namespace: string): ExplainedRule => ({
      clusters: [],
      kind: 'HTTPRoute',
      namespace,
      name: 'r',
      rule: '0',
      listeners: [],
      matches: [],
      filters: [],
      backends: [],
      timeouts: '{}',
      auth: [],
      edge: [],
      limits: [],
    });
    told = [rule('team'), rule('other')];
    const { body } = await call('/v1/gateways/explain?route=team/r', viewer);
    expect(asked).toEqual({ route: { namespace: 'team', name: 'r' } });
    expect(body).toMatchObject({ items: [{ namespace: 'team' }] });
    expect(JSON.stringify(body)).not.toContain('other');
  });

  it.each(['', '?route=a/b&request=c', '?route=alone'])('I36 refuses the question "%s"', async (query) => {
    const { status, body } = await call(`/v1/gateways/explain${query}`, viewer);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body).toHaveProperty('fix');
  });
});

it('the CA of development certificates is no secret', async () => {
  expect(await call('/v1/gateways/ca', viewer)).toEqual({ status: 200, body: { certificatePem: 'PEM' } });
});

describe('I31 a policy that holds for every namespace takes the admin role everywhere', () => {
  const path = (namespace: string): string =>
    `/apis/portolan.dev/v1alpha1/namespaces/${namespace}/gatewaypolicies`;
  const hubWide = (name: string) => ({ metadata: { name }, spec: { selector: {}, rules: {} } });
  const body = (document: object): RequestInit => ({ method: 'POST', body: JSON.stringify(document) });
  const admin: readonly RoleBinding[] = [{ namespace: 'default', role: 'admin' }];
  const everywhere: readonly RoleBinding[] = [{ namespace: '*', role: 'admin' }];
  const targeted = (name: string) => ({
    metadata: { name },
    spec: { targetRefs: [{ kind: 'Gateway', name: 'g' }], rules: {} },
  });

  it('create, replace and delete', async () => {
    expect((await call(path('default'), admin, body(hubWide('a')))).status).toBe(403);
    expect((await call(path('default'), everywhere, body(hubWide('a')))).status).toBe(201);
    const put = { method: 'PUT', body: JSON.stringify(targeted('a')) };
    expect((await call(`${path('default')}/a`, admin, put)).status).toBe(403);
    expect((await call(`${path('default')}/a`, admin, { method: 'DELETE' })).status).toBe(403);
    expect((await call(`${path('default')}/a`, everywhere, { method: 'DELETE' })).status).toBe(200);
  });

  it('apply has no side door (I7)', async () => {
    const document = { apiVersion: 'portolan.dev/v1alpha1', kind: 'GatewayPolicy', ...hubWide('b') };
    const apply = body({ documents: [document] });
    expect((await call('/v1/apply', admin, apply)).status).toBe(403);
    expect((await call('/v1/apply', everywhere, apply)).status).toBe(200);
  });

  it('a domain of other proxies too', async () => {
    const domain = (name: string) => ({
      metadata: { name },
      spec: { domain: 'envoy', rules: { limits: {} } },
    });
    const limits = (namespace: string) =>
      `/apis/portolan.dev/v1alpha1/namespaces/${namespace}/ratelimitpolicies`;
    expect((await call(limits('default'), admin, body(domain('a')))).status).toBe(403);
    expect((await call(limits('default'), everywhere, body(domain('a')))).status).toBe(201);
    const operator: readonly RoleBinding[] = [{ namespace: 'team', role: 'operator' }];
    expect((await call(limits('team'), operator, body(domain('b')))).status).toBe(201);
  });

  it('one with targets, or in another namespace, does not', async () => {
    expect((await call(path('default'), admin, body(targeted('c')))).status).toBe(201);
    const operator: readonly RoleBinding[] = [{ namespace: 'team', role: 'operator' }];
    expect((await call(path('team'), operator, body(hubWide('d')))).status).toBe(201);
  });
});
