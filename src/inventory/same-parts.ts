import type { ClusterInventory } from './contract.ts';

/** `now` with every part that says what it said in `before` replaced by that of `before`, so that what was made of it stays. */
export function withSameParts(before: ClusterInventory, now: ClusterInventory): ClusterInventory {
  const { resources: old, ...rest } = before;
  const resources = {
    Gateway: sameValues(old.Gateway, now.resources.Gateway),
    HTTPRoute: sameValues(old.HTTPRoute, now.resources.HTTPRoute),
    GRPCRoute: sameValues(old.GRPCRoute, now.resources.GRPCRoute),
    BackendTLSPolicy: sameValues(old.BackendTLSPolicy, now.resources.BackendTLSPolicy),
    ReferenceGrant: sameValues(old.ReferenceGrant, now.resources.ReferenceGrant),
  };
  const kinds = Object.keys(resources) as (keyof typeof resources)[];
  return {
    session: now.session,
    resources: kinds.every((kind) => resources[kind] === old[kind]) ? old : resources,
    services: sameValues(rest.services, now.services),
    secrets: sameValues(rest.secrets, now.secrets),
    namespaces: sameValues(rest.namespaces, now.namespaces),
    refused: sameValues(rest.refused, now.refused),
    ignored: sameValues(rest.ignored, now.ignored),
    facts: JSON.stringify(rest.facts) === JSON.stringify(now.facts) ? rest.facts : now.facts,
  };
}

function sameValues<V>(before: ReadonlyMap<string, V>, now: ReadonlyMap<string, V>): ReadonlyMap<string, V> {
  let same = before.size === now.size;
  const kept = new Map<string, V>();
  for (const [key, value] of now) {
    const known = before.get(key);
    const keeps = known !== undefined && JSON.stringify(known) === JSON.stringify(value);
    kept.set(key, keeps ? known : value);
    same &&= keeps;
  }
  return same ? before : kept;
}
