import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { KIND_NAMES } from '../../src/resources/catalogue.ts';
import type { RoleBinding } from '../store/contract.ts';
import type { Endpoint } from './endpoint.ts';
import { ENDPOINTS } from './endpoints.ts';
import { startTestHub, type TestHub } from './fixture.ts';
import { type Action, may, PERMISSIONS } from './permissions.ts';

const tokensShown = z.object({
  items: z.array(z.object({ bindings: z.array(z.object({ namespace: z.string() })) })).default([]),
});

let hub: TestHub;
beforeAll(async () => {
  hub = await startTestHub();
});
afterAll(() => hub.close());

const CALLERS: readonly { readonly name: string; readonly bindings: readonly RoleBinding[] }[] = [
  { name: 'nobody', bindings: [] },
  ...(['viewer', 'operator', 'admin'] as const).flatMap((role) => [
    { name: `${role} of team`, bindings: [{ namespace: 'team', role }] },
    { name: `${role} of another namespace`, bindings: [{ namespace: 'other', role }] },
    { name: `${role} of all`, bindings: [{ namespace: '*', role }] },
  ]),
];

/** Stated here a second time, by hand: the table under test must not be its own judge. */
const EXPECTED: Readonly<Record<Action, string>> = {
  'Cluster.read': 'voa',
  'Cluster.write': 'a',
  'TrafficPolicy.read': 'voa',
  'TrafficPolicy.write': 'oa',
  'HealthCheck.read': 'voa',
  'HealthCheck.write': 'oa',
  'Zone.read': 'voa',
  'Zone.write': 'oa',
  'DNSProvider.read': 'voa',
  'DNSProvider.write': 'a',
  'Secret.read': 'oa',
  'Secret.write': 'a',
  'Drain.read': 'voa',
  'Drain.write': 'oa',
  'Drill.read': 'voa',
  'Drill.write': 'oa',
  'Gateway.read': 'voa',
  'Gateway.write': 'oa',
  'HTTPRoute.read': 'voa',
  'HTTPRoute.write': 'oa',
  'GRPCRoute.read': 'voa',
  'GRPCRoute.write': 'oa',
  'BackendTLSPolicy.read': 'voa',
  'BackendTLSPolicy.write': 'oa',
  'ReferenceGrant.read': 'voa',
  'ReferenceGrant.write': 'a',
  'Backend.read': 'voa',
  'Backend.write': 'oa',
  'AuthPolicy.read': 'voa',
  'AuthPolicy.write': 'oa',
  'GatewayPolicy.read': 'voa',
  'GatewayPolicy.write': 'oa',
  'RateLimitPolicy.read': 'voa',
  'RateLimitPolicy.write': 'oa',
  'CallerRouting.read': 'voa',
  'CallerRouting.write': 'oa',
  'Issuer.read': 'voa',
  'Issuer.write': 'a',
  'CertificatePolicy.read': 'voa',
  'CertificatePolicy.write': 'oa',
  'cluster.token': 'a',
  'cluster.drain': 'oa',
  'cluster.remove': 'a',
  'drill.run': 'oa',
  'zone.dnssec': 'oa',
  'provider.read': 'oa',
  'provider.manage': 'a',
  plan: 'voa',
  resolve: 'voa',
  'status.read': 'voa',
  'audit.read': 'a',
  'usage.read': 'voa',
  'token.manage': 'a',
  'metrics.read': 'voa',
  'geoip.read': 'voa',
  'geoip.manage': 'a',
  'policy.hubWide': 'a',
  'key.read': 'oa',
  'key.manage': 'oa',
  'quota.read': 'voa',
  'quota.write': 'oa',
  'certificate.read': 'voa',
  'certificate.write': 'oa',
  'source.read': 'voa',
  force: 'a',
};

const urlOf = (endpoint: Endpoint): string =>
  `${hub.bound.url}${endpoint.path.replace('{namespace}', 'team').replace('{name}', 'x').replace('{id}', '0123456789abcdef')}`;

/** An empty body where one is read: a caller who gets as far as 404 or 422 was let in. */
const status = async (endpoint: Endpoint, token: string | undefined): Promise<number> => {
  const reply = await fetch(urlOf(endpoint), {
    method: endpoint.method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  await reply.body?.cancel();
  return reply.status;
};

describe('permissions', () => {
  it('the table says what it is meant to say', () => {
    const letters = Object.fromEntries(
      Object.entries(PERMISSIONS).map(([action, roles]) => [action, roles.map((r) => r.charAt(0)).join('')]),
    );
    expect(letters).toEqual(EXPECTED);
  });

  it('an unbound namespace gives nothing (default deny)', () => {
    for (const action of Object.keys(EXPECTED) as Action[]) {
      expect(may([], action, 'team')).toBe(false);
      expect(may([{ namespace: 'other', role: 'admin' }], action, 'team')).toBe(false);
      expect(may([{ namespace: 'team', role: 'admin' }], action, '*')).toBe(false);
    }
  });

  it('every operation has an access rule and every kind its five operations', () => {
    expect(new Set(ENDPOINTS.map((e) => e.id)).size).toBe(ENDPOINTS.length);
    for (const kind of KIND_NAMES)
      expect(
        ENDPOINTS.filter((e) => e.id.endsWith(kind) && e.path.startsWith('/apis/')).length,
      ).toBeGreaterThanOrEqual(5);
    expect(
      ENDPOINTS.filter((e) => e.access.kind === 'public')
        .map((e) => e.id)
        .sort(),
    ).toEqual(['healthz', 'openapi', 'readyz']);
    expect(
      ENDPOINTS.filter((e) => e.access.kind === 'authenticated')
        .map((e) => e.id)
        .sort(),
    ).toEqual(['apply', 'whoAmI']);
  });

  it('I31 without a token every operation but the public ones is refused', async () => {
    for (const endpoint of ENDPOINTS) {
      const code = await status(endpoint, undefined);
      if (endpoint.access.kind === 'public')
        expect({ id: endpoint.id, code }).toEqual({ id: endpoint.id, code: 200 });
      else expect({ id: endpoint.id, code }).toEqual({ id: endpoint.id, code: 401 });
    }
  });

  // A watch never ends by itself, so it is reached by the same access rule through the list operations only.
  it.each(CALLERS)(
    'I31 every operation × namespace: $name gets in where the table allows, and nowhere else',
    async ({ bindings }) => {
      const { text } = await hub.token(bindings);
      for (const endpoint of ENDPOINTS.filter((e) => e.access.kind !== 'public')) {
        const { access } = endpoint;
        const letters = 'action' in access ? EXPECTED[access.action] : 'voa';
        const allowed =
          access.kind === 'authenticated' ||
          bindings.some(
            (b) =>
              letters.includes(b.role.charAt(0)) &&
              (access.kind === 'somewhere' ||
                b.namespace === '*' ||
                (access.kind !== 'everywhere' && b.namespace === 'team')),
          );
        const code = await status(endpoint, text);
        const further = await fartherDenied(endpoint, bindings);
        expect({ id: endpoint.id, refused: code === 403 }).toEqual({
          id: endpoint.id,
          refused: !allowed || further,
        });
        expect(code).not.toBe(401);
      }
    },
  );

  /** Operations that look at more than the path: without a namespace given they want a binding to all. */
  async function fartherDenied(endpoint: Endpoint, bindings: readonly RoleBinding[]): Promise<boolean> {
    return (
      (['listAudit', 'verifyAudit'].includes(endpoint.id) &&
        !bindings.some((b) => b.namespace === '*' && b.role === 'admin')) ||
      (endpoint.id === 'listUsage' && !bindings.some((b) => b.namespace === '*'))
    );
  }
});

describe('what a body asks for', () => {
  const check = (namespace: string) => ({
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'HealthCheck',
    metadata: { namespace, name: 'c' },
    spec: { protocol: 'tcp', port: 1 },
  });
  const post = async (path: string, token: string, body: unknown): Promise<number> => {
    const reply = await fetch(`${hub.bound.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    await reply.body?.cancel();
    return reply.status;
  };

  it.each(CALLERS)(
    'I31 $name may apply and plan documents of namespaces they have the role in, and of no other',
    async ({ bindings }) => {
      const { text } = await hub.token(bindings);
      for (const namespace of ['team', 'other', 'third']) {
        const writes = bindings.some(
          (b) => ['operator', 'admin'].includes(b.role) && (b.namespace === '*' || b.namespace === namespace),
        );
        const reads = bindings.some((b) => b.namespace === '*' || b.namespace === namespace);
        expect(await post('/v1/apply?dryRun=true', text, { documents: [check(namespace)] })).toBe(
          writes ? 200 : 403,
        );
        expect(await post('/v1/plan', text, { documents: [check(namespace)] })).toBe(reads ? 200 : 403);
        // One document out of reach refuses all of them.
        expect(
          await post('/v1/apply?dryRun=true', text, { documents: [check('team'), check('third')] }),
        ).toBe(bindings.some((b) => b.namespace === '*' && b.role !== 'viewer') ? 200 : 403);
      }
    },
  );

  it.each(CALLERS)(
    'I31 $name creates and sees no token that reaches further than their own',
    async ({ bindings }) => {
      const { text } = await hub.token(bindings);
      const admin = (namespace: string): boolean =>
        bindings.some((b) => b.role === 'admin' && (b.namespace === '*' || b.namespace === namespace));
      for (const namespace of ['team', 'other', '*']) {
        const code = await post('/v1/tokens', text, {
          display: 'made',
          bindings: [{ namespace, role: 'viewer' }],
        });
        expect({ namespace, code }).toEqual({ namespace, code: admin(namespace) ? 201 : 403 });
      }
      const listed = await fetch(`${hub.bound.url}/v1/tokens`, {
        headers: { authorization: `Bearer ${text}` },
      });
      const { items } = tokensShown.parse(await listed.json());
      for (const item of items)
        for (const binding of item.bindings) expect(admin(binding.namespace)).toBe(true);
      if (listed.status === 200) expect(items.length).toBeGreaterThan(0);
    },
  );

  it('a token out of reach can neither be revoked nor told from one that is not there', async () => {
    const victim = await hub.token([{ namespace: '*', role: 'admin' }]);
    const { text } = await hub.token([{ namespace: 'team', role: 'admin' }]);
    const revoke = (id: string) =>
      fetch(`${hub.bound.url}/v1/tokens/${id}`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${text}` },
      });
    const [out, none] = [await revoke(victim.id), await revoke('ffffffffffffffff')];
    const strip = async (reply: Response) => (await reply.text()).replace(/"requestId":"[^"]*"/, '');
    expect(out.status).toBe(404);
    expect(await strip(out)).toEqual(await strip(none));
    expect((await hub.store.listTokens()).some((t) => t.id === victim.id)).toBe(true);
  });

  it('a revoked or expired token is refused from then on', async () => {
    const { text } = await hub.token([{ namespace: '*', role: 'admin' }]);
    const doomed = await hub.token([{ namespace: '*', role: 'viewer' }]);
    const late = await hub.token([{ namespace: '*', role: 'viewer' }], {
      expiresAt: new Date(Date.now() - 1000).toISOString(),
    });
    const who = async (token: string) =>
      (await fetch(`${hub.bound.url}/v1/whoami`, { headers: { authorization: `Bearer ${token}` } })).status;
    expect(await who(doomed.text)).toBe(200);
    expect(
      (
        await fetch(`${hub.bound.url}/v1/tokens/${doomed.id}`, {
          method: 'DELETE',
          headers: { authorization: `Bearer ${text}` },
        })
      ).status,
    ).toBe(204);
    expect(await who(doomed.text)).toBe(401);
    expect(await who(late.text)).toBe(401);
  });

  it("the answer to a question about another namespace's name is refused", async () => {
    hub.services.resolve = async ({ hostname, type }) => ({
      hostname,
      type,
      rcode: 'NOERROR',
      answers: [],
      client: { source: 'unknown' },
      namespace: 'team',
      explanation: [],
      candidates: [],
      scopePrefixLength: 0,
      stableForMs: 0,
      sequence: 1,
    });
    for (const { bindings } of CALLERS) {
      const { text } = await hub.token(bindings);
      const reply = await fetch(`${hub.bound.url}/v1/resolve?hostname=a.example.com`, {
        headers: { authorization: `Bearer ${text}` },
      });
      expect(reply.status).toBe(
        bindings.some((b) => b.namespace === '*' || b.namespace === 'team') ? 200 : 403,
      );
    }
  });

  it('the status shows each caller its namespaces', async () => {
    const agent = (cluster: string) => ({
      uid: cluster,
      cluster,
      failureDomain: 'f',
      version: '1',
      connected: true,
      revoked: false,
      snapshotSequence: 1,
    });
    hub.services.status = async () => ({
      hub: { uid: 'u', version: '0', epoch: 1, startedAt: '2030-01-01T00:00:00Z', sequence: 1 },
      nameServers: [],
      agents: [agent('team/a'), agent('teams/b'), agent('other/c')],
      targets: [],
    });
    const { text } = await hub.token([{ namespace: 'team', role: 'viewer' }]);
    const reply = await fetch(`${hub.bound.url}/v1/status`, { headers: { authorization: `Bearer ${text}` } });
    expect(await reply.json()).toMatchObject({ agents: [{ cluster: 'team/a' }] });
  });
});
