import { PortolanError } from '../../src/errors/error.ts';
import { type AnyResource, KINDS, type Resource } from '../../src/resources/catalogue.ts';
import type { ParsedInput } from '../../src/resources/validate.ts';
import { ADOPT, MANAGED_BY, type SourceName, TAKEN_OVER } from '../sources/contract.ts';
import { managedElsewhere, managerOf } from '../sources/managed.ts';
import { canonicalJson } from '../store/canonical.ts';
import type { Change, Key, Store } from '../store/contract.ts';
import { ALL_NAMESPACES } from './permissions.ts';
import { demand, type Principal } from './principal.ts';
import type { Admission, AnyDesired, ChangeContext, HubServices, ProposedChange } from './services.ts';

/** Finalizers under this prefix belong to the hub's controllers; a client's document neither adds nor removes them. */
const HUB_FINALIZER_PREFIX = 'portolan.dev/';

/** Policies that select gateways of every namespace stand here. */
const HUB_WIDE_NAMESPACE = 'default';

/** One write as the world (`proposed`) and the store (`change`) see it. */
export interface Write {
  readonly proposed: ProposedChange;
  readonly change: Change;
}

/**
 * What writing `input` means: `create` an object that must be new, `replace` one that must exist, or `apply` whichever fits.
 * @param takeOver it belongs to a person from now on, whichever source set it before
 * @throws PortolanError NOT_FOUND, ALREADY_EXISTS, CONFLICT (resourceVersion or uid of the document is not the stored one)
 */
export async function writeOf(
  input: ParsedInput,
  mode: 'create' | 'replace' | 'apply',
  store: Store,
  takeOver = false,
): Promise<Write> {
  const key = keyOf(input);
  const current = await anyObject(store, key);
  if (current === undefined) {
    if (mode === 'replace') throw notFound(key);
    if (input.metadata.resourceVersion !== undefined) {
      throw new PortolanError('CONFLICT', `${describe(key)} no longer exists`, {
        fix: 'Remove metadata.resourceVersion and uid to create it anew.',
      });
    }
    return creationOf(input, undefined);
  }
  if (mode === 'create') throw new PortolanError('ALREADY_EXISTS', `${describe(key)} exists already`);
  const { resourceVersion, uid } = input.metadata;
  if (uid !== undefined && uid !== current.metadata.uid) {
    throw new PortolanError(
      'CONFLICT',
      `${describe(key)} was deleted and created again since it was read (its uid differs)`,
    );
  }
  checkVersion(current, resourceVersion);
  const manager = current.metadata.annotations[MANAGED_BY];
  return updateOf(input, current, takeOver && manager !== undefined ? TAKEN_OVER : manager);
}

/** @param manager what the annotation says of who sets it; a document has no say in that */
export function creationOf(input: ParsedInput, manager: string | undefined): Write {
  const key = keyOf(input);
  const next = desired(input, [], manager);
  const { spec, labels, annotations, finalizers } = next;
  return {
    proposed: { type: 'create', key, next },
    change: { type: 'create', key, spec, labels, annotations, finalizers },
  };
}

/** As `creationOf`, of an object that is there. */
export function updateOf(
  input: ParsedInput,
  current: AnyResource,
  manager: string | undefined,
): Write & { readonly proposed: { readonly type: 'update' } } {
  const key = keyOf(input);
  const next = desired(input, current.metadata.finalizers, manager);
  const { spec, labels, annotations, finalizers } = next;
  return {
    proposed: { type: 'update', key, current, next },
    // The version that was admitted: the store refuses when another process wrote in between.
    change: {
      type: 'update',
      key,
      spec,
      labels,
      annotations,
      finalizers,
      resourceVersion: current.metadata.resourceVersion,
    },
  };
}

/** True when the store would find nothing to write. A Secret with values is never known to be the same. */
export function changesNothing({ current, next }: ProposedChange & { readonly type: 'update' }): boolean {
  if (next.kind === 'Secret' && Object.keys(next.spec.stringData ?? {}).length > 0) return false;
  const { labels, annotations, finalizers } = current.metadata;
  const spec = next.kind === 'Secret' ? {} : next.spec;
  const before = current.kind === 'Secret' ? {} : current.spec;
  return (
    canonicalJson([labels, annotations, finalizers, before]) ===
    canonicalJson([next.labels, next.annotations, next.finalizers, spec])
  );
}

/** @throws PortolanError NOT_FOUND, CONFLICT */
export async function deletionOf(
  key: Key,
  store: Store,
  resourceVersion: string | undefined,
): Promise<Write> {
  const current = await anyObject(store, key);
  if (current === undefined) throw notFound(key);
  checkVersion(current, resourceVersion);
  return removalOf(key, current, resourceVersion);
}

/** @param resourceVersion the one that must still be stored; whichever it is when left out */
export function removalOf(key: Key, current: AnyResource, resourceVersion: string | undefined): Write {
  return {
    proposed: { type: 'delete', key, current },
    change: {
      type: 'delete',
      key,
      uid: current.metadata.uid,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
  };
}

/**
 * A policy with a selector (or, of rate limits, a domain) in namespace `default` holds for gateways of every namespace: to write, change
 * or delete one takes a role in all of them. @throws PortolanError FORBIDDEN
 */
export function demandReach(principal: Principal, { proposed }: Write): void {
  const specs = [
    ...(proposed.type === 'create' ? [] : [proposed.current]),
    ...(proposed.type === 'delete' ? [] : [proposed.next]),
  ];
  const hubWide = specs.some(
    (object) =>
      proposed.key.namespace === HUB_WIDE_NAMESPACE &&
      (((object.kind === 'AuthPolicy' ||
        object.kind === 'GatewayPolicy' ||
        object.kind === 'RateLimitPolicy') &&
        object.spec.selector !== undefined) ||
        (object.kind === 'RateLimitPolicy' && object.spec.domain !== undefined)),
  );
  if (hubWide) demand(principal, 'policy.hubWide', ALL_NAMESPACES);
}

/** The source that sets the object of a write, where that write would change something. */
export function managerOfWrite({ proposed }: Write): SourceName | undefined {
  if (proposed.type === 'create') return undefined;
  // What is stored may be applied again: nothing is written, and whoever plans with the source's own files sees that they agree.
  return proposed.type === 'update' && changesNothing(proposed) ? undefined : managerOf(proposed.current);
}

/**
 * An object of a source is written there, or taken over by an admin who says why.
 * @throws PortolanError MANAGED_ELSEWHERE, FORBIDDEN
 */
export function demandClaim(
  principal: Principal,
  write: Write,
  { takeOver }: ChangeContext,
  { sources }: Pick<HubServices, 'sources'>,
): void {
  const { key } = write.proposed;
  const manager = managerOfWrite(write);
  if (manager === undefined) return;
  if (takeOver !== true) throw managedElsewhere(key, manager, sources.originOf(key));
  demand(principal, 'force', key.namespace);
}

/** Asks the guards; throws what they refuse. Call it, and the commit after it, inside the write lane. */
export async function admitOrThrow(
  writes: readonly Write[],
  context: ChangeContext,
  services: HubServices,
): Promise<readonly string[]> {
  const admission = await services.admit(
    writes.map((w) => w.proposed),
    context,
  );
  if (admission.ok) return admission.warnings;
  throw refusalOf(admission.violations);
}

/** One code for all when they agree, so that a client can act on it; the general one otherwise. */
export function refusalOf(violations: Extract<Admission, { ok: false }>['violations']): PortolanError {
  const codes = [...new Set(violations.map((v) => v.code))];
  const first = violations[0];
  const code = codes.length === 1 && codes[0] !== undefined ? codes[0] : 'VALIDATION_FAILED';
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return new PortolanError(
    code,
    `${first?.path ?? ''}${first?.path ? ': ' : ''}${first?.message ?? 'the change is refused'}${more}`,
    {
      violations: violations.map(({ path, code: c, message, fix }) => ({ path, code: c, message, fix })),
      ...(first === undefined ? {} : { fix: first.fix }),
    },
  );
}

/** What a client may see of an object: a Secret's values never leave, whatever the store holds. */
export function presentable(object: AnyResource): AnyResource {
  return object.kind === 'Secret' ? { ...object, spec: {} } : object;
}

export function keyOf(input: ParsedInput): Key {
  return { kind: input.kind, namespace: input.metadata.namespace, name: input.metadata.name };
}

export function describe(key: Key): string {
  return `${key.kind} "${key.namespace}/${key.name}"`;
}

export function notFound(key: Key): PortolanError {
  return new PortolanError('NOT_FOUND', `${describe(key)} does not exist`, {
    fix: `List what exists with \`portolan get ${KINDS[key.kind].plural} -n ${key.namespace}\`.`,
  });
}

/** An object by a key whose kind is only known at run time. */
export async function anyObject(store: Pick<Store, 'get'>, key: Key): Promise<AnyResource | undefined> {
  const object = await store.get(key);
  return object === undefined ? undefined : narrow(object);
}

function narrow(object: Resource): AnyResource {
  // The store keeps kind and spec together; TypeScript cannot see that they agree.
  return object as AnyResource;
}

function checkVersion(current: AnyResource, wanted: string | undefined): void {
  if (wanted === undefined || wanted === current.metadata.resourceVersion) return;
  throw new PortolanError(
    'CONFLICT',
    `${describe({ kind: current.kind, namespace: current.metadata.namespace, name: current.metadata.name })} changed since it was read: resourceVersion is ${current.metadata.resourceVersion}, not ${wanted}`,
  );
}

function desired(input: ParsedInput, current: readonly string[], manager: string | undefined): AnyDesired {
  const { namespace, name, labels = {}, annotations: given = {}, finalizers } = input.metadata;
  const ofHub = (finalizer: string): boolean => finalizer.startsWith(HUB_FINALIZER_PREFIX);
  const kept =
    finalizers === undefined ? current : [...current.filter(ofHub), ...finalizers.filter((f) => !ofHub(f))];
  // Who sets an object is the hub's to say, and to adopt one is a word to a source: neither is kept of a document.
  const { [MANAGED_BY]: _manager, [ADOPT]: _adopt, ...own } = given;
  const annotations = manager === undefined ? own : { ...own, [MANAGED_BY]: manager };
  return desiredOf(input, { namespace, name, labels, annotations, finalizers: [...new Set(kept)] });
}

type Common = Pick<AnyDesired, 'namespace' | 'name' | 'labels' | 'annotations' | 'finalizers'>;

function desiredOf(input: ParsedInput, common: Common): AnyDesired {
  switch (input.kind) {
    case 'Cluster':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'TrafficPolicy':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'HealthCheck':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'Zone':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'DNSProvider':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'Secret':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'Drain':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'Drill':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'Gateway':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'HTTPRoute':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'GRPCRoute':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'BackendTLSPolicy':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'ReferenceGrant':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'Backend':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'AuthPolicy':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'GatewayPolicy':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'RateLimitPolicy':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'CallerRouting':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'Issuer':
      return { ...common, kind: input.kind, spec: input.spec };
    case 'CertificatePolicy':
      return { ...common, kind: input.kind, spec: input.spec };
  }
}
