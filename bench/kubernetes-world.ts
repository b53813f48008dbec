import type { KubeClient, KubeObject, KubeResource } from '../kube/contract.ts';
import {
  ENDPOINT_SLICES,
  GATEWAY_CLASSES,
  GATEWAYS,
  HTTP_ROUTES,
  NAMESPACES,
  SERVICES,
} from '../spoke-agent/kubernetes/resources.ts';

export const NAMESPACE = 'bench';
const CONTROLLER = 'portolan.dev/gateway-controller';
/** Requests to the API server under way at once. */
const AT_ONCE = 48;

export const hostOf = (route: number): string => `r${route}.bench.example`;

export interface WorldSize {
  readonly routes: number;
  readonly slicesPerService: number;
  readonly endpointsPerSlice: number;
}

/** Where the first slice of these Services leads; all their other endpoints are not ready. */
export interface LivePods {
  readonly address: string;
  readonly port: number;
  readonly services: ReadonlySet<number>;
}

/** Namespaces, class and one Gateway that all routes are attached to. */
export async function createFrame(client: KubeClient): Promise<void> {
  const options = { fieldManager: 'portolan-bench', force: true };
  for (const name of ['portolan', NAMESPACE])
    await client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, NAMESPACES, options);
  const apiVersion = 'gateway.networking.k8s.io/v1';
  await client.apply(
    {
      apiVersion,
      kind: 'GatewayClass',
      metadata: { name: 'portolan' },
      spec: { controllerName: CONTROLLER },
    },
    GATEWAY_CLASSES,
    options,
  );
  await client.apply(
    {
      apiVersion,
      kind: 'Gateway',
      metadata: { name: 'web', namespace: NAMESPACE },
      spec: { gatewayClassName: 'portolan', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
    },
    GATEWAYS,
    options,
  );
}

/** Of each route a Service and its slices, as their controllers would write them. */
export async function createRoutes(client: KubeClient, size: WorldSize, live: LivePods): Promise<void> {
  const made: (readonly [KubeObject, KubeResource])[] = [];
  for (let route = 0; route < size.routes; route += 1) {
    made.push([serviceObject(route), SERVICES], [routeObject(route, '0'), HTTP_ROUTES]);
    for (let slice = 0; slice < size.slicesPerService; slice += 1)
      made.push([sliceObject(route, slice, size, live), ENDPOINT_SLICES]);
  }
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < made.length; at = next++) {
      const [object, resource] = made[at] ?? [];
      if (object !== undefined && resource !== undefined) await client.create(object, resource);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

function serviceObject(route: number): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `s${route}`, namespace: NAMESPACE },
    // Headless: the small range of the test's API server has no 5,000 addresses.
    spec: {
      clusterIP: 'None',
      selector: { app: `s${route}` },
      ports: [{ name: 'http', port: 80, targetPort: 8080 }],
    },
  };
}

/** @param version a header of every answer, so that it can be seen which version of the route is served */
export function routeObject(route: number, version: string): KubeObject {
  const header = { name: 'x-route-version', value: version };
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: `r${route}`, namespace: NAMESPACE },
    spec: {
      parentRefs: [{ name: 'web' }],
      hostnames: [hostOf(route)],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          filters: [{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [header] } }],
          backendRefs: [{ name: `s${route}`, port: 80 }],
        },
      ],
    },
  };
}

function sliceObject(route: number, slice: number, size: WorldSize, live: LivePods): KubeObject {
  const isLive = live.services.has(route);
  const first = isLive && slice === 0;
  const endpoints = Array.from({ length: first ? 1 : size.endpointsPerSlice }, (_, at) => {
    const number = (route * size.slicesPerService + slice) * size.endpointsPerSlice + at;
    const pod = `s${route}-${slice}-${at}`;
    return {
      addresses: [first ? live.address : `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`],
      conditions: { ready: !isLive || first, serving: !isLive || first, terminating: false },
      nodeName: `node-${number % 100}`,
      zone: `zone-${number % 3}`,
      targetRef: {
        kind: 'Pod',
        namespace: NAMESPACE,
        name: pod,
        uid: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
      },
    };
  });
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `s${route}-${slice}`,
      namespace: NAMESPACE,
      labels: {
        'kubernetes.io/service-name': `s${route}`,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: first ? live.port : 8080, protocol: 'TCP' }],
    endpoints,
  };
}
