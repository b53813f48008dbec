import type { Resource } from '../resources/catalogue.ts';
import { GATEWAY_API_GROUP, type LabelSelector, type ParentReference } from '../resources/route-fields.ts';
import { type Finding, finding } from './compile-report.ts';
import { type Hostname, intersections } from './hostnames.ts';
import type { JudgedListener } from './listeners.ts';

export type AnyRoute = Resource<'HTTPRoute'> | Resource<'GRPCRoute'>;

/** What became of a route at one of its parents. */
export interface Attachment {
  readonly parentRef: ParentReference;
  readonly accepted: Finding;
  readonly listeners: readonly AttachedListener[];
}

export interface AttachedListener {
  readonly listener: JudgedListener;
  /** Hosts that the route is served for here. */
  readonly hostnames: readonly Hostname[];
}

export interface AttachmentWorld {
  /** Listeners on this cluster by the `namespace/name` of their Gateway. */
  readonly listeners: ReadonlyMap<string, readonly JudgedListener[]>;
  /** Every Gateway there is. */
  readonly gateways: ReadonlyMap<string, Resource<'Gateway'>>;
  /** Labels of a Kubernetes namespace. */
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>>;
}

/**
 * Attaches a route to the listeners its parentRefs lead to (Gateway API, "Attaching Routes to Gateways"): the parent must exist, the
 * listener must allow the route's kind and namespace, and both must have a host in common. Parents of other kinds, and Gateways
 * that do not run on this cluster, are left out.
 */
export function attach(route: AnyRoute, world: AttachmentWorld): readonly Attachment[] {
  const attachments: Attachment[] = [];
  for (const parentRef of route.spec.parentRefs) {
    if (parentRef.group !== GATEWAY_API_GROUP || parentRef.kind !== 'Gateway') continue;
    const name = `${parentRef.namespace ?? route.metadata.namespace}/${parentRef.name}`;
    const listeners = world.listeners.get(name);
    if (listeners !== undefined) attachments.push(attachTo(route, parentRef, listeners, world));
    else if (!world.gateways.has(name)) {
      attachments.push(refused(parentRef, 'NoMatchingParent', `There is no Gateway ${name}.`));
    }
  }
  return attachments;
}

function refused(parentRef: ParentReference, reason: string, message: string): Attachment {
  return { parentRef, accepted: finding('Accepted', false, reason, message), listeners: [] };
}

function attachTo(
  route: AnyRoute,
  parentRef: ParentReference,
  listeners: readonly JudgedListener[],
  world: Pick<AttachmentWorld, 'namespaceLabels'>,
): Attachment {
  const { sectionName, port } = parentRef;
  const named = listeners.filter(
    ({ spec }) =>
      (sectionName === undefined || spec.name === sectionName) && (port === undefined || spec.port === port),
  );
  if (named.length === 0) {
    const wanted = `${sectionName === undefined ? '' : ` named ${sectionName}`}${port === undefined ? '' : ` on port ${port}`}`;
    return refused(parentRef, 'NoMatchingParent', `The Gateway has no listener${wanted}.`);
  }
  const allowed = named.filter(
    (listener) =>
      listener.kinds.includes(route.kind) && allowsNamespace(listener, route.metadata.namespace, world),
  );
  if (allowed.length === 0) {
    return refused(
      parentRef,
      'NotAllowedByListeners',
      `No listener takes ${route.kind}s of namespace ${route.metadata.namespace}.`,
    );
  }
  const attached = allowed.flatMap((listener) => {
    const hostnames = intersections(listener.spec.hostname, route.spec.hostnames);
    return hostnames.length === 0 ? [] : [{ listener, hostnames }];
  });
  if (attached.length === 0) {
    return refused(
      parentRef,
      'NoMatchingListenerHostname',
      'Its hostnames and those of the listeners have nothing in common.',
    );
  }
  return {
    parentRef,
    accepted: finding('Accepted', true, 'Accepted', 'The route is attached.'),
    listeners: attached,
  };
}

function allowsNamespace(
  { gateway, spec }: JudgedListener,
  namespace: string,
  { namespaceLabels }: Pick<AttachmentWorld, 'namespaceLabels'>,
): boolean {
  const { from, selector } = spec.allowedRoutes.namespaces;
  if (from === 'All') return true;
  if (from === 'Same') return namespace === gateway.metadata.namespace;
  return selector !== undefined && selects(selector, namespaceLabels(namespace));
}

/** An empty selector selects all. */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    if (labels[key] !== value) return false;
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const value = labels[key];
    if (operator === 'In' && (value === undefined || !values.includes(value))) return false;
    if (operator === 'NotIn' && value !== undefined && values.includes(value)) return false;
    if (operator === 'Exists' && value === undefined) return false;
    if (operator === 'DoesNotExist' && value !== undefined) return false;
  }
  return true;
}
