import type { ClusterInventory } from '../inventory/contract.ts';
import type { Resource } from '../resources/catalogue.ts';
import type { GatewayObjects } from './compile-contract.ts';

/** What the agent of a cluster found there, as far as gateways are compiled from it. */
export type FoundObjects = Pick<ClusterInventory, 'resources' | 'services' | 'secrets' | 'namespaces'>;

/** Kinds that come from the hub and from clusters. */
export const FOUND_KINDS = [
  'Gateway',
  'HTTPRoute',
  'GRPCRoute',
  'BackendTLSPolicy',
  'ReferenceGrant',
] as const;

/** Both together: where the hub has an object of the same kind and name, the one that was found is not used. */
export function withFound<O extends Pick<GatewayObjects, (typeof FOUND_KINDS)[number]>>(
  objects: O,
  found: Pick<FoundObjects, 'resources'> | undefined,
): O {
  if (found === undefined) return objects;
  const { resources } = found;
  return {
    ...objects,
    Gateway: merged(objects.Gateway, resources.Gateway),
    HTTPRoute: merged(objects.HTTPRoute, resources.HTTPRoute),
    GRPCRoute: merged(objects.GRPCRoute, resources.GRPCRoute),
    BackendTLSPolicy: merged(objects.BackendTLSPolicy, resources.BackendTLSPolicy),
    ReferenceGrant: merged(objects.ReferenceGrant, resources.ReferenceGrant),
  };
}

function merged<R extends Resource>(
  own: ReadonlyMap<string, R>,
  found: ReadonlyMap<string, R>,
): ReadonlyMap<string, R> {
  if (found.size === 0) return own;
  if (own.size === 0) return found;
  const all = new Map(found);
  for (const [key, object] of own) all.set(key, object);
  return all;
}

/** Labels of a Kubernetes namespace; one that nobody told of has that of its name, which Kubernetes gives to each. */
export function namespaceLabels(
  found: FoundObjects | undefined,
  namespace: string,
): Readonly<Record<string, string>> {
  return { ...found?.namespaces.get(namespace), 'kubernetes.io/metadata.name': namespace };
}
