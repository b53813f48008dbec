import type { KubeRule } from '../../kube/rules.ts';

/** What a hub asks of Kubernetes that elects a leader by Lease. Its name is the release's, so no rule can name it. */
export const ELECTION_RULES: readonly KubeRule[] = [
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'create', 'update'],
    scope: 'namespace',
    why: 'Several hubs agree who leads.',
  },
];
