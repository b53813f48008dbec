import { type AnyResource, type Kind, type SpecOf, storedVersion } from '../../src/resources/catalogue.ts';
import { type ParsedInput, parseResource } from '../../src/resources/validate.ts';
import { regionTable } from '../../src/routing/geography.ts';
import type { AnyDesired, ProposedChange } from '../api/services.ts';
import { objectsOf } from './objects.ts';
import { buildWorld, type World, type WorldContext } from './world.ts';

/* Builders for the tests of this folder: documents as a person writes them, parsed as the API does. */

export const CONTEXT: WorldContext = { regions: regionTable(), allowedRanges: [] };

export function document(kind: Kind, name: string, spec: unknown, namespace = 'default'): ParsedInput {
  return parseResource({ apiVersion: storedVersion(kind), kind, metadata: { namespace, name }, spec });
}

export function stored(input: ParsedInput, createdAt = '2026-01-01T00:00:00.000Z'): AnyResource {
  const { namespace, name } = input.metadata;
  return {
    apiVersion: storedVersion(input.kind),
    kind: input.kind,
    metadata: {
      namespace,
      name,
      uid: `uid-${input.kind}-${namespace}-${name}`,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: createdAt,
      finalizers: [],
      labels: {},
      annotations: {},
    },
    spec: input.spec as SpecOf<Kind>,
  } as AnyResource;
}

export function worldOf(...inputs: readonly ParsedInput[]): World {
  return buildWorld(objectsOf(inputs.map((i) => stored(i))), CONTEXT);
}

export function desired(input: ParsedInput): AnyDesired {
  const { namespace, name } = input.metadata;
  return {
    kind: input.kind,
    namespace,
    name,
    spec: input.spec,
    labels: {},
    annotations: {},
    finalizers: [],
  } as AnyDesired;
}

export function create(input: ParsedInput): ProposedChange {
  return {
    type: 'create',
    key: { kind: input.kind, namespace: input.metadata.namespace, name: input.metadata.name },
    next: desired(input),
  };
}

export function update(input: ParsedInput, current: ParsedInput): ProposedChange {
  return {
    type: 'update',
    key: { kind: input.kind, namespace: input.metadata.namespace, name: input.metadata.name },
    current: stored(current),
    next: desired(input),
  };
}

export function remove(input: ParsedInput): ProposedChange {
  return {
    type: 'delete',
    key: { kind: input.kind, namespace: input.metadata.namespace, name: input.metadata.name },
    current: stored(input),
  };
}

export const cluster = (name: string, country: string, address: string, namespace?: string): ParsedInput =>
  document('Cluster', name, { location: { country }, addresses: [address] }, namespace);

/** A policy over clusters with one default tier of equal weights. */
export function policy(
  name: string,
  hostnames: readonly string[],
  clusters: readonly string[],
  extra: Record<string, unknown> = {},
  namespace?: string,
): ParsedInput {
  return document(
    'TrafficPolicy',
    name,
    {
      hostnames,
      endpoints: clusters.map((c) => ({ name: c, cluster: c })),
      routing: { default: { tiers: [{ members: clusters.map((endpoint) => ({ endpoint })) }] } },
      ...extra,
    },
    namespace,
  );
}

export const zone = (
  name: string,
  origin: string,
  records: readonly unknown[] = [],
  namespace?: string,
): ParsedInput =>
  document(
    'Zone',
    name,
    { origin, nameServers: [{ name: `ns.${origin}`, addresses: ['192.0.2.53'] }], records },
    namespace,
  );
