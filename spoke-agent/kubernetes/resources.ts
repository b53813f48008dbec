import type { KubeResource } from '../../kube/contract.ts';
import { GATEWAY_API_GROUP } from '../../src/resources/route-fields.ts';

/* Collections of the Kubernetes API that the agent looks at or writes to. */

const gatewayApi = (version: string, plural: string, kind: string, namespaced = true): KubeResource => ({
  group: GATEWAY_API_GROUP,
  version,
  plural,
  kind,
  namespaced,
});
const core = (plural: string, kind: string, namespaced = true): KubeResource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
});

export const GATEWAY_CLASSES = gatewayApi('v1', 'gatewayclasses', 'GatewayClass', false);
export const GATEWAYS = gatewayApi('v1', 'gateways', 'Gateway');
export const HTTP_ROUTES = gatewayApi('v1', 'httproutes', 'HTTPRoute');
export const GRPC_ROUTES = gatewayApi('v1', 'grpcroutes', 'GRPCRoute');
export const BACKEND_TLS_POLICIES = gatewayApi('v1', 'backendtlspolicies', 'BackendTLSPolicy');
/** `v1` came late: the newest that a server has is taken. */
export const REFERENCE_GRANTS = gatewayApi('v1', 'referencegrants', 'ReferenceGrant');
export const REFERENCE_GRANTS_BETA = gatewayApi('v1beta1', 'referencegrants', 'ReferenceGrant');

export const SERVICES = core('services', 'Service');
export const SECRETS = core('secrets', 'Secret');
export const NAMESPACES = core('namespaces', 'Namespace', false);
export const NODES = core('nodes', 'Node', false);
export const ENDPOINT_SLICES: KubeResource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
};
export const INGRESSES: KubeResource = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'ingresses',
  kind: 'Ingress',
  namespaced: true,
};
export const CUSTOM_RESOURCE_DEFINITIONS: KubeResource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

/** The definition whose annotation says which release of the Gateway API is installed. */
export const GATEWAY_CLASS_DEFINITION = `gatewayclasses.${GATEWAY_API_GROUP}`;
