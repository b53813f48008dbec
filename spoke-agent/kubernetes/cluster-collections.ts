import { projectSlice, type Slice } from '../../src/kubernetes/endpoint-slices.ts';
import type { ServiceEndpoints } from '../../src/kubernetes/service-endpoints.ts';
import { type ClusterWatch, type WatchDeps, watchCluster } from './cluster-watch.ts';
import {
  type KeptNamespace,
  type KeptNode,
  type KeptService,
  type PublicAddress,
  projectIngress,
  projectNamespace,
  projectNode,
  projectService,
} from './project-core.ts';
import {
  type KeptClass,
  type KeptGateway,
  type KeptObject,
  type KeptPolicy,
  type KeptRoute,
  projectClass,
  projectGateway,
  projectGrant,
  projectPolicy,
  projectRoute,
} from './project-gateway-api.ts';
import {
  BACKEND_TLS_POLICIES,
  ENDPOINT_SLICES,
  GATEWAY_CLASSES,
  GATEWAYS,
  GRPC_ROUTES,
  HTTP_ROUTES,
  INGRESSES,
  NAMESPACES,
  NODES,
  REFERENCE_GRANTS,
  REFERENCE_GRANTS_BETA,
  SERVICES,
} from './resources.ts';

/** Objects of the Gateway API with this label are the hub's own: it takes them as it takes its custom resources, and agents leave them alone. */
const NOT_OF_THE_HUB = 'portolan.dev/hub!=true';

/** Everything of the cluster that is followed, but for Secrets. */
export interface ClusterCollections {
  readonly classes: ClusterWatch<KeptClass>;
  readonly gateways: ClusterWatch<KeptGateway>;
  readonly routes: Readonly<Record<'HTTPRoute' | 'GRPCRoute', ClusterWatch<KeptRoute>>>;
  readonly grants: ClusterWatch<KeptObject>;
  readonly policies: ClusterWatch<KeptPolicy>;
  readonly services: ClusterWatch<KeptService>;
  readonly slices: ClusterWatch<Slice>;
  readonly ingresses: ClusterWatch<readonly PublicAddress[]>;
  readonly nodes: ClusterWatch<KeptNode>;
  readonly namespaces: ClusterWatch<KeptNamespace>;
}

export type CollectionName =
  | 'classes'
  | 'gateways'
  | 'HTTPRoute'
  | 'GRPCRoute'
  | Exclude<keyof ClusterCollections, 'routes'>;

/** @param onChange names of what is otherwise, once per turn of the loop */
export function followCluster(
  deps: WatchDeps,
  onChange: (collection: CollectionName, names: Iterable<string>) => void,
  feed: ServiceEndpoints,
): ClusterCollections {
  const told = (collection: CollectionName) => (changed: ReadonlyMap<string, unknown>) =>
    onChange(collection, changed.keys());
  const route = (kind: 'HTTPRoute' | 'GRPCRoute') =>
    watchCluster<KeptRoute>(deps, {
      versions: [kind === 'HTTPRoute' ? HTTP_ROUTES : GRPC_ROUTES],
      labelSelector: NOT_OF_THE_HUB,
      project: (object, before) => projectRoute(kind, object, before),
      onChange: told(kind),
    });
  return {
    classes: watchCluster<KeptClass>(deps, {
      versions: [GATEWAY_CLASSES],
      project: projectClass,
      onChange: told('classes'),
    }),
    gateways: watchCluster<KeptGateway>(deps, {
      versions: [GATEWAYS],
      labelSelector: NOT_OF_THE_HUB,
      project: projectGateway,
      onChange: told('gateways'),
    }),
    routes: { HTTPRoute: route('HTTPRoute'), GRPCRoute: route('GRPCRoute') },
    grants: watchCluster<KeptObject>(deps, {
      versions: [REFERENCE_GRANTS, REFERENCE_GRANTS_BETA],
      labelSelector: NOT_OF_THE_HUB,
      project: projectGrant,
      onChange: told('grants'),
    }),
    policies: watchCluster<KeptPolicy>(deps, {
      versions: [BACKEND_TLS_POLICIES],
      labelSelector: NOT_OF_THE_HUB,
      project: projectPolicy,
      onChange: told('policies'),
    }),
    services: watchCluster<KeptService>(deps, {
      versions: [SERVICES],
      project: projectService,
      onChange(changed) {
        feed.services(changed);
        onChange('services', changed.keys());
      },
    }),
    slices: watchCluster<Slice>(deps, {
      versions: [ENDPOINT_SLICES],
      labelSelector: 'kubernetes.io/service-name',
      project: projectSlice,
      onChange(changed) {
        feed.slices(changed);
        onChange('slices', changed.keys());
      },
    }),
    ingresses: watchCluster<readonly PublicAddress[]>(deps, {
      versions: [INGRESSES],
      project: projectIngress,
      onChange: told('ingresses'),
    }),
    nodes: watchCluster<KeptNode>(deps, { versions: [NODES], project: projectNode, onChange: told('nodes') }),
    namespaces: watchCluster<KeptNamespace>(deps, {
      versions: [NAMESPACES],
      project: projectNamespace,
      onChange: told('namespaces'),
    }),
  };
}

export function allOf({ routes, ...others }: ClusterCollections): readonly ClusterWatch<unknown>[] {
  return [...Object.values(others), routes.HTTPRoute, routes.GRPCRoute];
}
