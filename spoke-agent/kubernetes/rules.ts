import type { KubeRule } from '../../kube/rules.ts';
import { GATEWAY_API_GROUP } from '../../src/resources/route-fields.ts';
import { GATEWAY_CLASS_DEFINITION } from './resources.ts';

/** Name of the Lease that one agent of a cluster holds: it writes statuses. */
export const AGENT_LEASE = 'portolan-agent';

const READ = ['get', 'list', 'watch'] as const;
const FOLLOW = ['list', 'watch'] as const;

/**
 * All that the agent asks of a Kubernetes cluster. Roles are made of this list. Secrets are not in it: they are granted one by one, by name
 * (`secretRule`).
 */
export const AGENT_RULES: readonly KubeRule[] = [
  {
    apiGroups: [GATEWAY_API_GROUP],
    resources: ['gatewayclasses', 'gateways', 'httproutes', 'grpcroutes', 'backendtlspolicies'],
    verbs: READ,
    scope: 'cluster',
    why: 'What is to be served. Without it nothing of the cluster is.',
  },
  {
    apiGroups: [GATEWAY_API_GROUP],
    resources: ['referencegrants'],
    verbs: FOLLOW,
    scope: 'cluster',
    why: 'Which references into other namespaces are allowed. Without it none is.',
  },
  {
    apiGroups: [GATEWAY_API_GROUP],
    resources: ['gatewayclasses/status', 'gateways/status'],
    verbs: ['patch'],
    scope: 'cluster',
    why: 'What became of them. Without it their statuses stay empty.',
  },
  {
    apiGroups: [GATEWAY_API_GROUP],
    resources: ['httproutes/status', 'grpcroutes/status', 'backendtlspolicies/status'],
    verbs: ['update'],
    scope: 'cluster',
    why: 'What became of them. Without it their statuses stay empty.',
  },
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions'],
    verbs: ['get'],
    resourceNames: [GATEWAY_CLASS_DEFINITION],
    scope: 'cluster',
    why: 'Which release of the Gateway API is installed, for the status of the GatewayClass.',
  },
  {
    apiGroups: [''],
    resources: ['services', 'namespaces'],
    verbs: FOLLOW,
    scope: 'cluster',
    why: 'Backends, and labels that listeners select namespaces by.',
  },
  {
    apiGroups: ['discovery.k8s.io'],
    resources: ['endpointslices'],
    verbs: FOLLOW,
    scope: 'cluster',
    why: 'Addresses of ready pods. Without it requests have nowhere to go.',
  },
  {
    apiGroups: ['networking.k8s.io'],
    resources: ['ingresses'],
    verbs: FOLLOW,
    scope: 'cluster',
    why: 'Public addresses, where neither a Service nor a Gateway has one.',
  },
  {
    apiGroups: [''],
    resources: ['nodes'],
    verbs: FOLLOW,
    scope: 'cluster',
    why: 'Zones and capacity on the status of the Cluster.',
  },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'update'],
    resourceNames: [AGENT_LEASE],
    scope: 'namespace',
    why: 'One agent of the cluster writes statuses.',
  },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get'],
    resourceNames: [AGENT_LEASE],
    scope: 'cluster',
    why: 'Whether another installation in this cluster still writes its statuses: of two only one may.',
  },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['create'],
    scope: 'namespace',
    why: 'The Lease is made when it is not there; a name cannot be given for that.',
  },
];

/**
 * The rule of a Role in one namespace that grants these Secrets and no other. Names hold for list and watch too, because the agent asks with a field selector
 * of `metadata.name`: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
 */
export function secretRule(names: readonly string[]): Omit<KubeRule, 'scope' | 'why'> {
  return { apiGroups: [''], resources: ['secrets'], verbs: FOLLOW, resourceNames: names };
}
