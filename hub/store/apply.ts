import { PortolanError } from '../../src/errors/error.ts';
import {
  type AnyResource,
  type Kind,
  type Resource,
  type StatusOf,
  storedVersion,
} from '../../src/resources/catalogue.ts';
import type { Metadata } from '../../src/resources/metadata.ts';
import { canonicalJson } from './canonical.ts';
import type { Change, Key } from './contract.ts';

export interface ApplyContext {
  /** RFC 3339, UTC. */
  readonly now: string;
  /** Revision the commit will have. */
  readonly revision: number;
  readonly newUid: () => string;
  /** For a Secret: its values differ although `spec` cannot show it. */
  readonly valuesChanged?: boolean;
  /** For a Secret: the status the store itself knows, of the values. */
  readonly status?: StatusOf<Kind>;
}

export type Outcome =
  | { readonly type: 'added' | 'modified' | 'deleted'; readonly object: AnyResource }
  /** Nothing differs: nothing is written. */
  | { readonly type: 'unchanged'; readonly object: AnyResource };

/**
 * What one change makes of one object. Pure; the decision table:
 *
 * | change          | no object      | object               | object being deleted                    |
 * |-----------------|----------------|----------------------|-----------------------------------------|
 * | create          | added          | ALREADY_EXISTS       | ALREADY_EXISTS                          |
 * | update          | NOT_FOUND      | modified / unchanged | as before; deleted with its last finalizer; CONFLICT on a new one |
 * | status          | NOT_FOUND      | modified / unchanged | modified / unchanged                    |
 * | delete          | NOT_FOUND      | deleted, or modified while finalizers remain | unchanged       |
 * | removeFinalizer | NOT_FOUND      | modified / unchanged | deleted with its last finalizer         |
 */
export function applyChange(
  change: Change,
  current: AnyResource | undefined,
  context: ApplyContext,
): Outcome {
  if (change.type === 'create') return create(change, current, context);
  if (current === undefined) throw new PortolanError('NOT_FOUND', `There is no ${describe(change.key)}.`);
  switch (change.type) {
    case 'update':
      return update(change, current, context);
    case 'status':
      assertVersion(change.resourceVersion, current);
      return written(current, { ...current, status: change.status }, context);
    case 'delete':
      return remove(change, current, context);
    case 'removeFinalizer': {
      const finalizers = current.metadata.finalizers.filter((f) => f !== change.finalizer);
      return written(current, { ...current, metadata: { ...current.metadata, finalizers } }, context);
    }
  }
}

/** `Cluster default/berlin`, for messages. */
function describe(key: Key): string {
  return `${key.kind} ${key.namespace}/${key.name}`;
}

function create(
  change: Change & { type: 'create' },
  current: AnyResource | undefined,
  context: ApplyContext,
): Outcome {
  if (current !== undefined) {
    const leaving = current.metadata.deletionTimestamp !== undefined;
    throw new PortolanError(
      'ALREADY_EXISTS',
      leaving
        ? `${describe(change.key)} is still being deleted (finalizers: ${current.metadata.finalizers.join(', ')}).`
        : `${describe(change.key)} exists already.`,
      leaving ? { fix: 'Wait until it is gone, then create it again.' } : {},
    );
  }
  const metadata: Metadata = {
    namespace: change.key.namespace,
    name: change.key.name,
    uid: context.newUid(),
    resourceVersion: String(context.revision),
    generation: 1,
    creationTimestamp: context.now,
    finalizers: unique(change.finalizers ?? []),
    labels: change.labels ?? {},
    annotations: change.annotations ?? {},
  };
  const status = context.status === undefined ? {} : { status: context.status };
  return {
    type: 'added',
    object: ofOneKind({
      apiVersion: storedVersion(change.key.kind),
      kind: change.key.kind,
      metadata,
      spec: change.spec,
      ...status,
    }),
  };
}

function update(change: Change & { type: 'update' }, current: AnyResource, context: ApplyContext): Outcome {
  assertVersion(change.resourceVersion, current);
  const before = current.metadata;
  const finalizers = change.finalizers === undefined ? before.finalizers : unique(change.finalizers);
  const added = finalizers.filter((f) => !before.finalizers.includes(f));
  if (before.deletionTimestamp !== undefined && added.length > 0) {
    throw new PortolanError(
      'CONFLICT',
      `${describe(change.key)} is being deleted; no finalizer can be added (${added.join(', ')}).`,
      {
        fix: 'Wait until it is gone, then create it again.',
      },
    );
  }
  const sameSpec = canonicalJson(change.spec) === canonicalJson(current.spec);
  const specChanged = context.valuesChanged === true || !sameSpec;
  const metadata: Metadata = {
    ...before,
    generation: before.generation + (specChanged ? 1 : 0),
    finalizers,
    labels: change.labels ?? {},
    annotations: change.annotations ?? {},
  };
  const status = context.status ?? current.status;
  return written(
    current,
    {
      ...current,
      metadata,
      spec: sameSpec ? current.spec : change.spec,
      ...(status === undefined ? {} : { status }),
    },
    context,
  );
}

function remove(change: Change & { type: 'delete' }, current: AnyResource, context: ApplyContext): Outcome {
  assertVersion(change.resourceVersion, current);
  if (change.uid !== undefined && change.uid !== current.metadata.uid) {
    throw new PortolanError(
      'CONFLICT',
      `${describe(change.key)} is another object now: its uid is ${current.metadata.uid}.`,
    );
  }
  if (current.metadata.deletionTimestamp !== undefined) return { type: 'unchanged', object: current };
  if (current.metadata.finalizers.length === 0) return { type: 'deleted', object: current };
  const metadata: Metadata = { ...current.metadata, deletionTimestamp: context.now };
  return written(current, { ...current, metadata }, context);
}

/** The object goes when its deletion was asked for and nobody holds it any more. */
function written(current: AnyResource, next: Resource, context: ApplyContext): Outcome {
  if (next.metadata.deletionTimestamp !== undefined && next.metadata.finalizers.length === 0) {
    return { type: 'deleted', object: ofOneKind(next) };
  }
  if (isSame(next, current)) return { type: 'unchanged', object: current };
  const metadata: Metadata = { ...next.metadata, resourceVersion: String(context.revision) };
  return { type: 'modified', object: ofOneKind({ ...next, metadata }) };
}

/** A spec is compared by the object first: that of a big zone takes a third of a second to write out. */
function isSame({ spec, ...a }: Resource, { spec: before, ...b }: AnyResource): boolean {
  return (
    canonicalJson(a) === canonicalJson(b) &&
    (spec === before || canonicalJson(spec) === canonicalJson(before))
  );
}

function assertVersion(wanted: string | undefined, current: AnyResource): void {
  const stored = current.metadata.resourceVersion;
  if (wanted === undefined || wanted === stored) return;
  const key = { kind: current.kind, namespace: current.metadata.namespace, name: current.metadata.name };
  throw new PortolanError(
    'CONFLICT',
    `${describe(key)} has resourceVersion ${stored}, not ${wanted}: it changed since it was read.`,
  );
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

/** Kind and spec come together from one parsed document; the type system cannot carry that through `Change`. */
function ofOneKind(object: Resource): AnyResource {
  return object as AnyResource;
}
