import type { z } from 'zod';
import type { FieldViolation } from '../../src/errors/error.ts';
import type { InventoryResourceKind } from '../../src/inventory/contract.ts';
import { backendTlsPolicySpec } from '../../src/resources/backend-tls-policy.ts';
import { gatewaySpec } from '../../src/resources/gateway.ts';
import { grpcRouteSpec } from '../../src/resources/grpc-route.ts';
import { httpRouteSpec } from '../../src/resources/http-route.ts';
import { formatPath, type Path, valueAt } from '../../src/resources/path.ts';
import { referenceGrantSpec } from '../../src/resources/reference-grant.ts';
import { routeViolations } from '../../src/resources/route-rules.ts';
import { violationsOf } from '../../src/resources/violations.ts';

export interface JudgedSpec {
  /** What the hub gets: the spec without fields that say nothing, or as it was found when there is a problem. */
  readonly spec: unknown;
  /** For the person who wrote it: which field, and why it is not served. */
  readonly problem?: string;
}

/** Paths start at `spec`, without indexes. Fields that are not served, at the values that ask for nothing. */
const WITHOUT_EFFECT: readonly { readonly path: string; readonly asks: (value: unknown) => boolean }[] = [
  { path: 'allowedListeners', asks: (value) => fromOf(value) !== 'None' },
  { path: 'defaultScope', asks: (value) => value !== 'None' },
  { path: 'useDefaultGateways', asks: (value) => value !== 'None' },
  { path: 'options', asks: (value) => !isMapping(value) || Object.keys(value).length > 0 },
];

/**
 * Whether the hub's schema accepts the spec of an object of the Gateway API. The API server's defaults and fields of a newer release that ask for
 * nothing are left out; one that asks for something that is not served is a problem, since a route without it might let through what it was
 * to stop.
 */
export function supportedSpec(kind: InventoryResourceKind, spec: unknown): JudgedSpec {
  switch (kind) {
    case 'Gateway':
      return judge(gatewaySpec, spec, () => []);
    case 'HTTPRoute':
      return judge(httpRouteSpec, spec, routeViolations);
    case 'GRPCRoute':
      return judge(grpcRouteSpec, spec, routeViolations);
    case 'BackendTLSPolicy':
      return judge(backendTlsPolicySpec, spec, () => []);
    case 'ReferenceGrant':
      return judge(referenceGrantSpec, spec, () => []);
  }
}

function judge<T>(
  schema: z.ZodType<T>,
  spec: unknown,
  rules: (parsed: T) => readonly FieldViolation[],
): JudgedSpec {
  let found = spec;
  let result = schema.safeParse(found);
  if (!result.success) {
    const unknown = result.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key): Path => [...issue.path, key]) : [],
    );
    const asking = unknown.filter((path) => hasEffect(path, valueAt(spec, path)));
    const [first] = asking;
    if (first !== undefined) {
      const more = asking.length > 1 ? ` (and ${asking.length - 1} more)` : '';
      return { spec, problem: `spec.${formatPath(first)} is not supported${more}` };
    }
    if (unknown.length > 0) {
      found = without(spec, unknown);
      result = schema.safeParse(found);
    }
  }
  if (!result.success) return refused(spec, 'spec', violationsOf(result.error.issues, schema, found));
  const violations = rules(result.data);
  return violations.length === 0 ? { spec: found } : refused(spec, '', violations);
}

function refused(spec: unknown, under: string, violations: readonly FieldViolation[]): JudgedSpec {
  const [first] = violations;
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  const path = [under, first?.path ?? ''].filter((part) => part !== '').join('.');
  return { spec, problem: `${path} ${first?.message ?? 'does not fit its schema'}${more}`.slice(0, 1000) };
}

function hasEffect(path: Path, value: unknown): boolean {
  if (value === null || value === undefined) return false;
  if (Array.isArray(value)) return value.length > 0;
  const plain = path.filter((part) => typeof part === 'string').join('.');
  return WITHOUT_EFFECT.find((known) => known.path === plain)?.asks(value) ?? true;
}

/** A copy without what these paths lead to. */
function without(value: unknown, paths: readonly Path[]): unknown {
  if (paths.length === 0) return value;
  const under = (key: PropertyKey): readonly Path[] =>
    paths.flatMap(([head, ...rest]) => (head === key ? [rest] : []));
  if (Array.isArray(value)) return value.map((item: unknown, i) => without(item, under(i)));
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      const deeper = under(key);
      return deeper.some((rest) => rest.length === 0) ? [] : [[key, without(inner, deeper)]];
    }),
  );
}

function fromOf(value: unknown): unknown {
  const namespaces = isMapping(value) ? value.namespaces : undefined;
  return isMapping(namespaces) ? (namespaces.from ?? 'None') : 'None';
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
