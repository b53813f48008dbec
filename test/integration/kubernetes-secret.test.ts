import { CoreV1Api, KubeConfig, RbacAuthorizationV1Api } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient } from '../../kube/contract.ts';
import { createKubernetesSecrets } from '../../spoke-agent/certificates/kubernetes-secret.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { startCuttableRelay } from '../support/cuttable-relay.ts';
import { freePort } from '../support/free-port.ts';
import { type KubeApiserver, requireKubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { pathOf } from '../support/servers.ts';

const SUITE = 'certificates in Secrets of Kubernetes';
const found = await requireKubeApiserver(SUITE);
const AGENT = 'token-of-the-agent';
const NOBODY = 'token-of-nobody';

const pair = (n: number) => ({ certificatePem: `certificate ${n}\n`, keyPem: `key-canary-${n}\n` });

describe.skipIf(!found.available)(SUITE, () => {
  let cluster: KubeApiserver;
  let admin: CoreV1Api;
  const api = async (token: string): Promise<KubeClient> =>
    createKubeClient(await openKubeAccess({ file: await cluster.kubeconfig(token, 'web') }));
  const refusal = async (work: Promise<unknown>): Promise<PortolanError> => {
    const thrown: unknown = await work.then(
      () => new Error('it was not refused'),
      (error: unknown) => error,
    );
    if (!(thrown instanceof PortolanError)) throw thrown;
    expect(`${thrown.message} ${thrown.fix} ${JSON.stringify(thrown)}`).not.toContain('key-canary');
    return thrown;
  };

  beforeAll(async () => {
    cluster = await startKubeApiserver(pathOf(found), {
      [AGENT]: { user: 'agent' },
      [NOBODY]: { user: 'nobody' },
    });
    const config = new KubeConfig();
    config.loadFromFile(await cluster.kubeconfig(cluster.adminToken));
    admin = config.makeApiClient(CoreV1Api);
    await admin.createNamespace({ body: { metadata: { name: 'web' } } });
    const rbac = config.makeApiClient(RbacAuthorizationV1Api);
    const metadata = { name: 'portolan-agent', namespace: 'web' };
    await rbac.createNamespacedRole({
      namespace: 'web',
      body: {
        metadata,
        rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'create', 'patch'] }],
      },
    });
    await rbac.createNamespacedRoleBinding({
      namespace: 'web',
      body: {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'portolan-agent' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'agent' }],
      },
    });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  const stored = async (name: string) => {
    const { type, data, metadata } = await admin.readNamespacedSecret({ namespace: 'web', name });
    const values = Object.entries(data ?? {}).map(
      ([k, v]) => [k, Buffer.from(v, 'base64').toString()] as const,
    );
    return { type, data: Object.fromEntries(values), metadata };
  };

  it('makes the Secret with nothing more than get, create and patch, and writes again only what differs', async () => {
    const secrets = createKubernetesSecrets(() => api(AGENT));
    const wanted = { name: 'shop-tls', policy: 'shop/web' };
    expect(await secrets.put({ ...wanted, ...pair(1) })).toBe('written');
    const first = await stored('shop-tls');
    expect(first.type).toBe('kubernetes.io/tls');
    expect(first.data).toEqual({ 'tls.crt': 'certificate 1\n', 'tls.key': 'key-canary-1\n' });
    expect(first.metadata?.annotations).toEqual({ 'portolan.dev/certificate-policy': 'shop/web' });
    expect(await secrets.put({ ...wanted, ...pair(1) })).toBe('same');
    expect((await stored('shop-tls')).metadata?.resourceVersion).toBe(first.metadata?.resourceVersion);
    expect(await secrets.put({ ...wanted, ...pair(2) })).toBe('written');
    expect((await stored('shop-tls')).data).toEqual({
      'tls.crt': 'certificate 2\n',
      'tls.key': 'key-canary-2\n',
    });
  });

  it('leaves what others added to the Secret, and takes over none that others manage', async () => {
    const secrets = createKubernetesSecrets(() => api(AGENT));
    const mine = { name: 'labelled', policy: 'shop/web' };
    await secrets.put({ ...mine, ...pair(1) });
    const { metadata } = await stored('labelled');
    const { data } = await admin.readNamespacedSecret({ namespace: 'web', name: 'labelled' });
    await admin.replaceNamespacedSecret({
      namespace: 'web',
      name: 'labelled',
      fieldManager: 'somebody',
      body: {
        metadata: { ...metadata, labels: { team: 'web' } },
        type: 'kubernetes.io/tls',
        ...(data && { data }),
      },
    });
    await secrets.put({ ...mine, ...pair(2) });
    expect((await stored('labelled')).metadata?.labels).toEqual({ team: 'web' });

    const foreign = { 'tls.crt': 'theirs', 'tls.key': 'theirs' };
    await admin.createNamespacedSecret({
      namespace: 'web',
      fieldManager: 'cert-manager',
      body: { metadata: { name: 'theirs' }, type: 'kubernetes.io/tls', stringData: foreign },
    });
    const error = await refusal(secrets.put({ name: 'theirs', policy: 'shop/web', ...pair(3) }));
    expect(error.code).toBe('KUBERNETES_CONFLICT');
    expect(error.message).toContain('cert-manager');
    expect(error.fix).toContain('Somebody else manages this Secret');
    expect((await stored('theirs')).data).toEqual(foreign);
  });

  it('I33 says what it lacks, and never the key', async () => {
    const forbidden = await refusal(
      createKubernetesSecrets(() => api(NOBODY)).put({ name: 'shop-tls', policy: 'shop/web', ...pair(4) }),
    );
    expect(forbidden.code).toBe('KUBERNETES_FORBIDDEN');
    expect(forbidden.message).toMatch(/^get secrets web\/shop-tls: 403 .*nobody/);
    expect(forbidden.fix).toContain('get, create and patch');
    const elsewhere = await refusal(
      createKubernetesSecrets(() => api(AGENT)).put({
        namespace: 'kube-system',
        name: 'shop-tls',
        policy: 'shop/web',
        ...pair(4),
      }),
    );
    expect(elsewhere.code).toBe('KUBERNETES_FORBIDDEN');
  });

  it('goes on when the API server is back', async () => {
    // Nobody listens at its other end yet.
    await using relay = await startCuttableRelay(await freePort());
    const server = `https://127.0.0.1:${relay.port}`;
    const secrets = createKubernetesSecrets(async () => {
      const access = await openKubeAccess({ file: await cluster.kubeconfig(AGENT, 'web') });
      return createKubeClient({ ...access, server });
    });
    const wanted = { name: 'later', policy: 'shop/web', ...pair(5) };
    const away = await refusal(secrets.put(wanted));
    expect(away.code).toBe('KUBERNETES_UNAVAILABLE');
    relay.leadTo(cluster.server.port);
    expect(await secrets.put(wanted)).toBe('written');
  });
});
