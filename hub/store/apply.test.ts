import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import { applyChange } from './apply.ts';
import type { Change } from './contract.ts';

const key = { kind: 'Cluster', namespace: 'default', name: 'a' } as const;
const spec = { location: { country: 'DE' }, addresses: [] };
const context = { now: '2026-02-02T00:00:00.000Z', revision: 7, newUid: () => 'new uid' };

const plain: AnyResource = {
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Cluster',
  metadata: {
    namespace: 'default',
    name: 'a',
    uid: 'uid',
    resourceVersion: '3',
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00.000Z',
    finalizers: [],
    labels: {},
    annotations: {},
  },
  spec,
};
const held: AnyResource = { ...plain, metadata: { ...plain.metadata, finalizers: ['f'] } };
const leaving: AnyResource = {
  ...held,
  metadata: { ...held.metadata, deletionTimestamp: '2026-01-02T00:00:00.000Z' },
};
const states = { missing: undefined, plain, held, leaving };

const changes = {
  create: { type: 'create', key, spec },
  'update to the same': { type: 'update', key, spec },
  'update of the spec': { type: 'update', key, spec: { ...spec, addresses: ['192.0.2.1'] } },
  'update with a new finalizer': { type: 'update', key, spec, finalizers: ['f', 'g'] },
  'update without finalizers': { type: 'update', key, spec, finalizers: [] },
  'new status': { type: 'status', key, status: { conditions: [] } },
  delete: { type: 'delete', key },
  'removal of the finalizer': { type: 'removeFinalizer', key, finalizer: 'f' },
  'removal of another finalizer': { type: 'removeFinalizer', key, finalizer: 'x' },
} satisfies Record<string, Change>;

/** Each row: what becomes of a missing, a plain, a held and a leaving object. */
const table: Record<keyof typeof changes, readonly [string, string, string, string]> = {
  create: ['added', 'ALREADY_EXISTS', 'ALREADY_EXISTS', 'ALREADY_EXISTS'],
  'update to the same': ['NOT_FOUND', 'unchanged', 'unchanged', 'unchanged'],
  'update of the spec': ['NOT_FOUND', 'modified', 'modified', 'modified'],
  'update with a new finalizer': ['NOT_FOUND', 'modified', 'modified', 'CONFLICT'],
  'update without finalizers': ['NOT_FOUND', 'unchanged', 'modified', 'deleted'],
  'new status': ['NOT_FOUND', 'modified', 'modified', 'modified'],
  delete: ['NOT_FOUND', 'deleted', 'modified', 'unchanged'],
  'removal of the finalizer': ['NOT_FOUND', 'unchanged', 'modified', 'deleted'],
  'removal of another finalizer': ['NOT_FOUND', 'unchanged', 'unchanged', 'unchanged'],
};

function outcome(change: Change, current: AnyResource | undefined): string {
  try {
    return applyChange(change, current, context).type;
  } catch (error) {
    return PortolanError.from(error).code;
  }
}

describe('one change of one object', () => {
  it.each(Object.entries(changes))('%s', (name, change) => {
    const results = Object.values(states).map((state) => outcome(change, state));
    expect(results).toEqual(Object.entries(table).find(([row]) => row === name)?.[1]);
  });

  it('gives every written object the revision of the commit, and raises the generation for the spec alone', () => {
    const written = (change: Change) => applyChange(change, held, context).object.metadata;
    expect(written(changes['update of the spec'])).toMatchObject({ resourceVersion: '7', generation: 2 });
    expect(written(changes['update with a new finalizer'])).toMatchObject({
      resourceVersion: '7',
      generation: 1,
    });
    expect(written(changes['new status'])).toMatchObject({ resourceVersion: '7', generation: 1 });
    expect(written(changes.delete)).toMatchObject({
      resourceVersion: '7',
      generation: 1,
      deletionTimestamp: context.now,
    });
    expect(written(changes['update to the same'])).toBe(held.metadata);
  });

  it('shows a removed object as it last was', () => {
    expect(applyChange(changes.delete, plain, context).object).toBe(plain);
  });

  it('changes nothing it was given', () => {
    const before = JSON.stringify(states);
    for (const change of Object.values(changes))
      for (const state of Object.values(states)) outcome(change, state);
    expect(JSON.stringify(states)).toBe(before);
  });

  it('raises the generation of a secret whose values differ although its spec shows nothing', () => {
    const secret: AnyResource = { ...plain, kind: 'Secret', spec: {}, status: { conditions: [], keys: [] } };
    const change: Change = { type: 'update', key: { ...key, kind: 'Secret' }, spec: {} };
    expect(applyChange(change, secret, { ...context, valuesChanged: true }).object.metadata.generation).toBe(
      2,
    );
    expect(applyChange(change, secret, { ...context, valuesChanged: false }).type).toBe('unchanged');
  });
});
