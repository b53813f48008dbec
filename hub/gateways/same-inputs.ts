import type { GatewayKind, GatewayObjects } from '../../src/policy/compile-contract.ts';
import { sameValue } from '../../src/policy/same-value.ts';
import type { Resource } from '../../src/resources/catalogue.ts';

/**
 * `now`, as gateways are compiled from it, with the objects and maps of `before` wherever they would be compiled to the same: a written status is
 * no difference. `before` itself when nothing is.
 */
export function withSameInputs(before: GatewayObjects | undefined, now: GatewayObjects): GatewayObjects {
  const inputs: GatewayObjects = {
    Gateway: sameObjects(before?.Gateway, now.Gateway),
    HTTPRoute: sameObjects(before?.HTTPRoute, now.HTTPRoute),
    GRPCRoute: sameObjects(before?.GRPCRoute, now.GRPCRoute),
    BackendTLSPolicy: sameObjects(before?.BackendTLSPolicy, now.BackendTLSPolicy),
    ReferenceGrant: sameObjects(before?.ReferenceGrant, now.ReferenceGrant),
    Backend: sameObjects(before?.Backend, now.Backend),
    AuthPolicy: sameObjects(before?.AuthPolicy, now.AuthPolicy),
    GatewayPolicy: sameObjects(before?.GatewayPolicy, now.GatewayPolicy),
    RateLimitPolicy: sameObjects(before?.RateLimitPolicy, now.RateLimitPolicy),
    CallerRouting: sameObjects(before?.CallerRouting, now.CallerRouting),
    CertificatePolicy: sameObjects(before?.CertificatePolicy, now.CertificatePolicy),
    Cluster: sameObjects(before?.Cluster, now.Cluster),
    TrafficPolicy: sameObjects(before?.TrafficPolicy, withResidency(now.TrafficPolicy)),
    Secret: sameObjects(before?.Secret, now.Secret),
  };
  const kinds = Object.keys(inputs) as GatewayKind[];
  return before !== undefined && kinds.every((kind) => inputs[kind] === before[kind]) ? before : inputs;
}

/** Of TrafficPolicies only residency concerns gateways. */
function withResidency(policies: GatewayObjects['TrafficPolicy']): GatewayObjects['TrafficPolicy'] {
  return new Map([...policies].filter(([, { spec }]) => spec.residency.length > 0));
}

function sameObjects<R extends Resource>(
  before: ReadonlyMap<string, R> | undefined,
  now: ReadonlyMap<string, R>,
): ReadonlyMap<string, R> {
  if (before === undefined || before === now) return now;
  let same = before.size === now.size;
  const objects = new Map<string, R>();
  for (const [key, object] of now) {
    const known = before.get(key);
    const keeps = known !== undefined && sameInput(known, object);
    objects.set(key, keeps ? known : object);
    same &&= keeps;
  }
  return same ? before : objects;
}

function sameInput(before: Resource, now: Resource): boolean {
  if (before === now) return true;
  const [a, b] = [before.metadata, now.metadata];
  return (
    a.uid === b.uid &&
    a.generation === b.generation &&
    sameValue(a.labels, b.labels) &&
    sameValue(a.annotations, b.annotations)
  );
}
