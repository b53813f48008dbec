import type { KubeClient, KubeResource } from '../../kube/contract.ts';
import type { KubeRule } from '../../kube/rules.ts';

const rbac = (plural: string, kind: string, namespaced: boolean): KubeResource => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced,
});
const API = 'rbac.authorization.k8s.io/v1';

/** Grants a user exactly these rules: a ClusterRole, and a Role in the namespace of the program. Replaces what it was granted by this name. */
export async function grant(
  admin: KubeClient,
  to: { readonly user: string; readonly namespace: string; readonly name?: string },
  rules: readonly Omit<KubeRule, 'why'>[],
): Promise<void> {
  const name = to.name ?? to.user;
  const subjects = [{ kind: 'User', name: to.user, apiGroup: 'rbac.authorization.k8s.io' }];
  for (const scope of ['cluster', 'namespace'] as const) {
    const namespace = scope === 'cluster' ? {} : { namespace: to.namespace };
    const kind = scope === 'cluster' ? 'ClusterRole' : 'Role';
    const role = scope === 'cluster' ? rbac('clusterroles', kind, false) : rbac('roles', kind, true);
    const binding =
      scope === 'cluster'
        ? rbac('clusterrolebindings', 'ClusterRoleBinding', false)
        : rbac('rolebindings', 'RoleBinding', true);
    const own = rules
      .filter((rule) => rule.scope === scope)
      .map(({ apiGroups, resources, verbs, resourceNames }) => ({
        apiGroups,
        resources,
        verbs,
        ...(resourceNames === undefined ? {} : { resourceNames }),
      }));
    const options = { fieldManager: 'portolan-tests', force: true };
    const metadata = { name, ...namespace };
    await admin.apply({ apiVersion: API, kind, metadata, rules: own }, role, options);
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name };
    await admin.apply({ apiVersion: API, kind: binding.kind, metadata, subjects, roleRef }, binding, options);
  }
}
