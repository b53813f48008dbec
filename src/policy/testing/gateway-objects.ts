import { INPUT_SCHEMAS, KINDS, type Kind, type Resource } from '../../resources/catalogue.ts';
import { regionTable } from '../../routing/geography.ts';
import { compileGateways } from '../compile.ts';
import type { CompiledGateways, GatewayKind, GatewayObjects } from '../compile-contract.ts';

/** A stored object from what a person would write; defaults are those of the schema. */
export function stored<K extends Kind>(
  kind: K,
  name: string,
  spec: unknown,
  metadata: {
    readonly namespace?: string;
    readonly created?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  } = {},
): Resource<K> {
  const [apiVersion] = KINDS[kind].apiVersions;
  const namespace = metadata.namespace ?? 'shop';
  const parsed = INPUT_SCHEMAS[kind].parse({ apiVersion, kind, metadata: { namespace, name }, spec });
  return {
    apiVersion,
    kind,
    metadata: {
      namespace,
      name,
      uid: `${kind}-${namespace}-${name}`,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: metadata.created ?? '2026-01-01T00:00:00.000Z',
      finalizers: [],
      labels: metadata.labels ?? {},
      annotations: metadata.annotations ?? {},
    },
    spec: parsed.spec,
  };
}

export function clusterIn(country: string, name = 'fra', labels: Readonly<Record<string, string>> = {}) {
  return stored('Cluster', name, { location: { country } }, { labels });
}

/** Any of the objects that gateways are compiled from. */
export type Stored = { readonly [K in GatewayKind]: Resource<K> }[GatewayKind];

/** Objects as the hub hands them over. */
export function objectsOf(...objects: readonly Stored[]): GatewayObjects {
  const of = <K extends GatewayKind>(kind: K): ReadonlyMap<string, Resource<K>> =>
    new Map(
      objects.flatMap((object) =>
        isOf(object, kind) ? [[`${object.metadata.namespace}/${object.metadata.name}`, object] as const] : [],
      ),
    );
  return {
    Gateway: of('Gateway'),
    HTTPRoute: of('HTTPRoute'),
    GRPCRoute: of('GRPCRoute'),
    BackendTLSPolicy: of('BackendTLSPolicy'),
    ReferenceGrant: of('ReferenceGrant'),
    Backend: of('Backend'),
    AuthPolicy: of('AuthPolicy'),
    GatewayPolicy: of('GatewayPolicy'),
    RateLimitPolicy: of('RateLimitPolicy'),
    CallerRouting: of('CallerRouting'),
    CertificatePolicy: of('CertificatePolicy'),
    Cluster: of('Cluster'),
    TrafficPolicy: of('TrafficPolicy'),
    Secret: of('Secret'),
  };
}

function isOf<K extends GatewayKind>(object: Resource, kind: K): object is Resource<K> {
  return object.kind === kind;
}

/** What the cluster `shop/fra` (in Germany, unless another one is given) gets. */
export function compiled(...objects: readonly Stored[]): CompiledGateways {
  const own = objects.some(({ kind }) => kind === 'Cluster') ? objects : [clusterIn('DE'), ...objects];
  const first = own.find(({ kind }) => kind === 'Cluster');
  return compileGateways(objectsOf(...own), `shop/${first?.metadata.name ?? 'fra'}`, {
    regions: regionTable(),
    quotaVersion: 7,
  });
}

/** A Gateway with one HTTP listener on port 80 unless others are given. */
export function gatewayOf(
  listeners: readonly object[] = [{ name: 'http', port: 80, protocol: 'HTTP' }],
  name = 'web',
  metadata = {},
) {
  return stored('Gateway', name, { gatewayClassName: 'portolan', listeners }, metadata);
}

export function backendOf(name: string, namespace = 'shop') {
  return stored('Backend', name, { endpoints: [{ address: '10.0.0.1', port: 8080 }] }, { namespace });
}
