import type { InventoryResourceKind } from '../../src/inventory/contract.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { routePatterns } from '../gateways/route-patterns.ts';

/** What the API refuses of a route and no schema can say; undefined: nothing. */
export function specProblem(resource: Resource<InventoryResourceKind>): string | undefined {
  if (resource.kind !== 'HTTPRoute' && resource.kind !== 'GRPCRoute') return undefined;
  const route = resource as Resource<'HTTPRoute'> | Resource<'GRPCRoute'>;
  const [first] = routePatterns(route);
  return first === undefined ? undefined : `${first.path}: ${first.message}`;
}
