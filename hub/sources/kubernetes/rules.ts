import type { KubeRule } from '../../../kube/rules.ts';
import { API_VERSION } from '../../../src/resources/metadata.ts';

const [API_GROUP = ''] = API_VERSION.split('/');

/** What a hub asks of Kubernetes that is driven by custom resources. */
export const HUB_RULES: readonly KubeRule[] = [
  {
    apiGroups: [API_GROUP],
    resources: ['*'],
    verbs: ['list', 'watch', 'patch', 'update'],
    scope: 'cluster',
    why: 'Custom resources, their finalizers and statuses.',
  },
  {
    apiGroups: [''],
    resources: ['events'],
    verbs: ['create', 'patch'],
    scope: 'cluster',
    why: 'What became of a custom resource is told beside it.',
  },
];
