import type { Resource } from '../../src/resources/catalogue.ts';
import { GATEWAY_CONTROLLER } from '../../src/resources/gateway.ts';
import type { ParentReference, RouteStatus } from '../../src/resources/route-fields.ts';
import { type ObjectKey, objectKey } from '../reconcile/objects.ts';
import type { ClusterGateways } from './gateways.ts';
import { conditions, type GatewayStatusInput, keyOf, reported } from './status-input.ts';
import { across, type Verdict, verdictsOf } from './verdicts-across.ts';

/** A route at each Gateway it names. */
export function routeStatus(
  route: Resource<'HTTPRoute'> | Resource<'GRPCRoute'>,
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  input: GatewayStatusInput,
): RouteStatus {
  const key = keyOf(route);
  const reports = reported(gateways, ({ routes }) => routes.get(`${route.kind} ${key}`));
  return {
    parents: route.spec.parentRefs.flatMap((parentRef) => {
      // A parent of another kind or controller is somebody else's.
      if (parentRef.kind !== 'Gateway') return [];
      const here = placesOf(parentRef, route, gateways, input);
      const said = across(
        new Map(
          [...reports].flatMap(([cluster, { parents }]) => {
            const found = parents.find((p) => sameParent(p.parentRef, parentRef));
            return found === undefined || here?.has(cluster) === false
              ? []
              : [[cluster, verdictsOf(found.findings)] as const];
          }),
        ),
      );
      const before = route.status?.parents.find((p) => sameParent(p.parentRef, parentRef));
      const verdicts = said.length === 0 ? [nowhere(route, parentRef, input)] : said;
      return [
        {
          parentRef,
          controllerName: GATEWAY_CONTROLLER,
          conditions: conditions(route, before?.conditions, verdicts, input.wallMs),
        },
      ];
    }),
  };
}

/** Where the Gateway was found, when it is none of the hub's: other clusters cannot know of it. Undefined: everywhere. */
function placesOf(
  parent: ParentReference,
  route: Resource<'HTTPRoute'> | Resource<'GRPCRoute'>,
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  { world }: GatewayStatusInput,
): ReadonlySet<ObjectKey> | undefined {
  const key = objectKey(parent.namespace ?? route.metadata.namespace, parent.name);
  if (world.objects.Gateway.has(key)) return undefined;
  const found = [...gateways].filter(([, { found: has }]) => has?.resources.Gateway.has(key) === true);
  return found.length === 0 ? undefined : new Set(found.map(([cluster]) => cluster));
}

/** No cluster said anything: the Gateway does not exist, or nothing runs it. */
function nowhere(
  route: Resource<'HTTPRoute'> | Resource<'GRPCRoute'>,
  parent: ParentReference,
  { world }: GatewayStatusInput,
): Verdict {
  const key = objectKey(parent.namespace ?? route.metadata.namespace, parent.name);
  return world.objects.Gateway.has(key)
    ? {
        type: 'Accepted',
        status: 'False',
        reason: 'Pending',
        message: `no cluster runs Gateway ${key} yet`,
      }
    : {
        type: 'Accepted',
        status: 'False',
        reason: 'NoMatchingParent',
        message: `there is no Gateway ${key}`,
      };
}

function sameParent(a: ParentReference, b: ParentReference): boolean {
  return (
    a.kind === b.kind &&
    a.group === b.group &&
    a.namespace === b.namespace &&
    a.name === b.name &&
    a.sectionName === b.sectionName &&
    a.port === b.port
  );
}
