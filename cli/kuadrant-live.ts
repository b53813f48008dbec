import { createKubeClient } from '../kube/client.ts';
import { openKubeAccess } from '../kube/config.ts';
import type { KubeClient, KubeListOptions, KubeResource } from '../kube/contract.ts';
import { KEY_LABEL } from '../src/import/kuadrant/api-keys.ts';

const resource = (
  group: string,
  version: string,
  plural: string,
  kind: string,
  namespaced = true,
): KubeResource => ({
  group,
  version,
  plural,
  kind,
  namespaced,
});

const SECRETS = resource('', 'v1', 'secrets', 'Secret');

/** What is read, and of Secrets only those: keys that Authorino watches, and credentials of DNS providers. */
const READ: readonly (readonly [KubeResource, KubeListOptions])[] = [
  [resource('kuadrant.io', 'v1', 'dnspolicies', 'DNSPolicy'), {}],
  [resource('kuadrant.io', 'v1', 'tlspolicies', 'TLSPolicy'), {}],
  [resource('kuadrant.io', 'v1', 'authpolicies', 'AuthPolicy'), {}],
  [resource('kuadrant.io', 'v1', 'ratelimitpolicies', 'RateLimitPolicy'), {}],
  [resource('kuadrant.io', 'v1alpha1', 'tokenratelimitpolicies', 'TokenRateLimitPolicy'), {}],
  [resource('extensions.kuadrant.io', 'v1alpha1', 'planpolicies', 'PlanPolicy'), {}],
  [resource('extensions.kuadrant.io', 'v1alpha1', 'oidcpolicies', 'OIDCPolicy'), {}],
  [resource('gateway.networking.k8s.io', 'v1', 'gateways', 'Gateway'), {}],
  [resource('cert-manager.io', 'v1', 'issuers', 'Issuer'), {}],
  [resource('cert-manager.io', 'v1', 'clusterissuers', 'ClusterIssuer', false), {}],
  [SECRETS, { labelSelector: KEY_LABEL }],
  ...['aws', 'gcp', 'azure'].map((type): readonly [KubeResource, KubeListOptions] => [
    SECRETS,
    { fieldSelector: `type=kuadrant.io/${type}` },
  ]),
];

/** @throws PortolanError KUBERNETES_UNAVAILABLE, KUBERNETES_FORBIDDEN */
export async function readLive(access: {
  readonly context?: string;
  readonly file?: string;
}): Promise<readonly unknown[]> {
  return await listed(createKubeClient(await openKubeAccess(access)));
}

async function listed(client: KubeClient): Promise<readonly unknown[]> {
  const objects: unknown[] = [];
  for (const [kind, options] of READ) {
    if (!(await client.serves(kind))) continue;
    // Items of a list do not say what they are.
    for await (const { items } of client.list(kind, options))
      for (const item of items)
        objects.push({
          ...item,
          apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`,
          kind: kind.kind,
        });
  }
  return objects;
}
