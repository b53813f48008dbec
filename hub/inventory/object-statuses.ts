import { z } from 'zod';
import {
  type ClusterInventory,
  FLEET_NAMESPACE,
  type InventoryKey,
  type InventoryKind,
} from '../../src/inventory/contract.ts';
import type { RouteReport } from '../../src/policy/compile-report.ts';
import { FOUND_KINDS } from '../../src/policy/found-objects.ts';
import type { AnyResource, Resource } from '../../src/resources/catalogue.ts';
import { GATEWAY_CONTROLLER, type GatewayStatus } from '../../src/resources/gateway.ts';
import type { Condition } from '../../src/resources/metadata.ts';
import { GATEWAY_API_GROUP } from '../../src/resources/route-fields.ts';
import { gatewayStatus } from '../gateways/gateway-status.ts';
import type { ClusterGateways } from '../gateways/gateways.ts';
import { ancestorsOf } from '../gateways/policy-status.ts';
import { routeStatus } from '../gateways/route-status.ts';
import { conditions, type GatewayStatusInput } from '../gateways/status-input.ts';
import type { Verdict } from '../gateways/verdicts-across.ts';
import type { ObjectKey } from '../reconcile/objects.ts';

/** What is said of one object of an inventory. */
export interface FoundStatus {
  readonly key: InventoryKey;
  readonly kind: InventoryKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** `GatewayStatus` without `clusters`; of routes the entries of `parents`, of BackendTLSPolicies those of `ancestors`. */
  readonly status: unknown;
}

/** What was said last. */
export interface SaidBefore {
  /** Of an object; undefined: nothing. */
  status(kind: InventoryKind, name: string): unknown;
  /** True when that stands: neither the object nor anything else that it was made from is another one. */
  stands(kind: InventoryKind, name: string, object: object): boolean;
  /** Of a route, now. */
  report(kind: InventoryKind, name: string): RouteReport | undefined;
}

/** With the object that it is of. */
export type MadeStatus = readonly [status: FoundStatus, object: object];

/**
 * What the `status` of each object of an inventory is to be, as the gateways of its cluster were compiled with it; but not of those of which stands
 * what was said: of thousands of routes one changes.
 * @param said what says the same as that keeps its time
 */
export function* foundStatuses(
  cluster: ObjectKey,
  own: ClusterGateways,
  inventory: ClusterInventory,
  input: GatewayStatusInput,
  said: SaidBefore,
): Generator<MadeStatus, void, undefined> {
  const { objects } = input.world;
  const gateways = new Map([[cluster, own]]);
  const isOurs = (namespace: string, name: string): boolean =>
    objects.Gateway.has(`${namespace}/${name}`) || inventory.resources.Gateway.has(`${namespace}/${name}`);
  const isLeftOut = (namespace: string, name: string): boolean =>
    inventory.ignored.has(`Gateway ${namespace}/${name}`);
  for (const kind of FOUND_KINDS) {
    if (kind === 'ReferenceGrant') continue;
    for (const [name, resource] of inventory.resources[kind]) {
      const isElsewhere = objects[kind].has(name);
      if (!isElsewhere && isRoute(resource) && said.stands(kind, name, resource)) continue;
      const last = said.status(kind, name);
      if (isElsewhere) {
        const status = elsewhere(resource, last, isOurs, input.wallMs);
        // Not the object: when the hub's goes, what is said of this one is made anew.
        if (status !== undefined) yield [statusOf(resource, status), input];
      } else if (resource.kind === 'Gateway') {
        const { clusters: _, ...status } = gatewayStatus(
          { ...resource, ...statusBefore(last) },
          gateways,
          input,
        );
        yield [statusOf(resource, status), resource];
      } else if (isRoute(resource)) {
        const report = said.report(kind, name);
        // Only this one: others' reports are thousands.
        const reports = { gateways: [], routes: report === undefined ? [] : [report], policies: [] };
        const here = new Map([[cluster, { ...own, reports }]]);
        const { parents } = routeStatus(withParents(resource, last), here, input);
        const ours = parents.filter(({ parentRef }) =>
          isOurs(parentRef.namespace ?? resource.metadata.namespace, parentRef.name),
        );
        const away = refusedStatus(resource, notCarried(cluster, 'Gateway'), last, isLeftOut, input.wallMs);
        const status = Array.isArray(away) ? [...ours, ...(away as readonly unknown[])] : ours;
        yield [statusOf(resource, status), resource];
      } else if (resource.kind === 'BackendTLSPolicy') {
        const ancestors = Array.isArray(last) ? { ancestors: last as never[] } : { ancestors: [] };
        const status = ancestorsOf({ ...resource, status: ancestors }, gateways, input);
        yield [statusOf(resource, status), resource];
      }
    }
  }
  for (const [key, object] of inventory.refused) {
    const { kind, namespace, name } = parts(key);
    if (said.stands(kind, `${namespace}/${name}`, object)) continue;
    const { content, problem } = object;
    const resource = { kind, metadata: { namespace, name, ...content }, spec: content.spec } as Found;
    const last = said.status(kind, `${namespace}/${name}`);
    const status = refusedStatus(resource, refusal(kind, problem), last, isOurs, input.wallMs);
    if (status !== undefined) yield [statusOf(resource, status), object];
  }
  for (const [key, object] of inventory.ignored) {
    const { kind, namespace, name } = parts(key);
    if (said.stands(kind, `${namespace}/${name}`, object)) continue;
    const { uid, generation, parentRefs } = object;
    const resource = { kind, metadata: { namespace, name, uid, generation }, spec: { parentRefs } };
    const last = said.status(kind, `${namespace}/${name}`);
    const anyOfOurs = (...of: [string, string]): boolean => isOurs(...of) || isLeftOut(...of);
    const status = refusedStatus(resource, notCarried(cluster, kind), last, anyOfOurs, input.wallMs);
    if (status !== undefined) yield [statusOf(resource, status), object];
  }
}

function isRoute(resource: {
  readonly kind: string;
}): resource is Resource<'HTTPRoute'> | Resource<'GRPCRoute'> {
  return resource.kind === 'HTTPRoute' || resource.kind === 'GRPCRoute';
}

function statusOf({ kind, metadata }: Found, status: unknown): FoundStatus {
  const { namespace, name, uid } = metadata;
  return { key: `${kind} ${namespace}/${name}`, kind, namespace, name, uid, status };
}

/** Of an object outside the namespace that a tenant's Cluster carries. */
function notCarried(cluster: ObjectKey, kind: InventoryKind): Verdict {
  const [namespace = ''] = cluster.split('/');
  return {
    type: 'Accepted',
    status: 'False',
    reason: 'NamespaceNotCarried',
    message: `Cluster ${cluster} of the hub belongs to a tenant and carries the Kubernetes namespace ${namespace} alone; only a Cluster in namespace ${FLEET_NAMESPACE} carries the others: move this ${kind} to ${namespace}, or let this Kubernetes cluster join in ${FLEET_NAMESPACE}`,
  };
}

type Found = {
  readonly kind: InventoryKind;
  readonly metadata: Pick<AnyResource['metadata'], 'namespace' | 'name' | 'uid' | 'generation'>;
  readonly spec: unknown;
};

function parts(key: string): {
  readonly kind: InventoryKind;
  readonly namespace: string;
  readonly name: string;
} {
  const [kind = '', rest = ''] = key.split(' ');
  const [namespace = '', name = ''] = rest.split('/');
  return { kind: kind as InventoryKind, namespace, name };
}

/** Statuses that this hub said itself; what is kept of them is of that shape. */
function statusBefore(last: unknown): { readonly status?: GatewayStatus } {
  return last === undefined ? {} : { status: { clusters: [], ...(last as Omit<GatewayStatus, 'clusters'>) } };
}

function withParents<R extends Resource<'HTTPRoute'> | Resource<'GRPCRoute'>>(route: R, last: unknown): R {
  return Array.isArray(last) ? { ...route, status: { parents: last } } : route;
}

const elsewhere = (
  resource: Found,
  last: unknown,
  isOurs: (namespace: string, name: string) => boolean,
  wallMs: number,
): unknown =>
  refusedStatus(
    resource,
    {
      type: 'Accepted',
      status: 'False',
      reason: 'ManagedElsewhere',
      message: `the hub has a ${resource.kind} ${resource.metadata.namespace}/${resource.metadata.name}, which is used in its place; remove one of them`,
    },
    last,
    isOurs,
    wallMs,
  );

function refusal(kind: InventoryKind, message: string): Verdict {
  const isRoute = kind === 'HTTPRoute' || kind === 'GRPCRoute';
  return { type: 'Accepted', status: 'False', reason: isRoute ? 'UnsupportedValue' : 'Invalid', message };
}

/** An entry that was told before. */
interface SaidOfParent {
  readonly parentRef: unknown;
  readonly conditions: readonly Condition[];
}

const parentRefs = z.object({
  parentRefs: z.array(
    z.looseObject({ name: z.string(), namespace: z.string().optional(), kind: z.string().optional() }),
  ),
});

/** Of an object that is not used at all; undefined: its kind has no status. */
function refusedStatus(
  resource: Found,
  verdict: Verdict,
  last: unknown,
  isOurs: (namespace: string, name: string) => boolean,
  wallMs: number,
): unknown {
  // Only the metadata is looked at.
  const object = resource as AnyResource;
  const { namespace } = resource.metadata;
  switch (resource.kind) {
    case 'Gateway': {
      const known = statusBefore(last).status;
      const programmed: Verdict = {
        type: 'Programmed',
        status: 'False',
        reason: 'Invalid',
        message: verdict.message,
      };
      return {
        conditions: conditions(object, known?.conditions, [verdict, programmed], wallMs),
        addresses: [],
        listeners: [],
      };
    }
    case 'HTTPRoute':
    case 'GRPCRoute': {
      const refs = parentRefs.safeParse(resource.spec);
      const before = Array.isArray(last) ? (last as readonly SaidOfParent[]) : [];
      return (refs.success ? refs.data.parentRefs : [])
        .filter(
          (ref) => (ref.kind ?? 'Gateway') === 'Gateway' && isOurs(ref.namespace ?? namespace, ref.name),
        )
        .map((ref) => {
          const parentRef = { group: GATEWAY_API_GROUP, kind: 'Gateway', ...ref };
          const text = JSON.stringify(parentRef);
          const said = before.find((one) => JSON.stringify(one.parentRef) === text);
          return {
            parentRef,
            controllerName: GATEWAY_CONTROLLER,
            conditions: conditions(object, said?.conditions, [verdict], wallMs),
          };
        });
    }
    case 'BackendTLSPolicy':
    case 'ReferenceGrant':
    case 'Service':
    case 'Secret':
    case 'Namespace':
      return undefined;
  }
}
