import { z } from 'zod';
import { PortolanError } from '../errors/error.ts';
import { KINDS, type Resource, storedVersion } from '../resources/catalogue.ts';
import { routeViolations } from '../resources/route-rules.ts';
import { violationsOf } from '../resources/violations.ts';
import {
  INVENTORY_KINDS,
  type InventoryContent,
  type InventoryFacts,
  type InventoryKind,
  type InventoryResourceKind,
  type LeftOut,
  type SecretContent,
  type ServiceContent,
} from './contract.ts';

/** An `InventoryObject` of the link as it came. */
export interface RawObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly content: string;
}

/** An object as the hub uses it, told apart by what it is. */
export type FoundObject =
  | {
      readonly type: 'resource';
      readonly kind: InventoryResourceKind;
      readonly resource: Resource<InventoryResourceKind>;
    }
  | { readonly type: 'refused'; readonly content: InventoryContent; readonly problem: string }
  | { readonly type: 'service'; readonly service: ServiceContent }
  | { readonly type: 'secret'; readonly secret: SecretContent }
  | { readonly type: 'namespace'; readonly labels: Readonly<Record<string, string>> };

/** RFC 1123 label. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** RFC 1123 subdomain: names in Kubernetes may have dots. */
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

const instant = z
  .string()
  .max(64)
  .refine((text) => !Number.isNaN(Date.parse(text)), 'must be an instant (RFC 3339)')
  // The form of the store's own: then the order of text is the order of time.
  .transform((text) => new Date(text).toISOString());
const texts = z.record(z.string().max(317), z.string().max(262_144));

const content = z.object({
  uid: z.string().min(1).max(128),
  generation: z.number().int().nonnegative(),
  creationTimestamp: instant,
  labels: texts,
  annotations: texts,
  spec: z.unknown(),
  problem: z.string().max(4096).exactOptional(),
});

const portNumber = z.number().int().min(1).max(65_535);
const serviceSpec = z.object({
  type: z.enum(['ClusterIP', 'LoadBalancer', 'NodePort', 'ExternalName', 'Headless']),
  ports: z
    .array(
      z.object({
        port: portNumber,
        name: z.string().max(63).exactOptional(),
        appProtocol: z.string().max(317).exactOptional(),
      }),
    )
    .max(1024),
  externalName: z.string().max(253).exactOptional(),
});
const secretSpec = z.object({
  type: z.string().max(253),
  keys: z.array(z.string().max(253)).max(1024),
  problem: z.string().max(4096).exactOptional(),
  instead: z.enum(['earlier', 'nothing']).exactOptional(),
  authorityProblem: z.string().max(4096).exactOptional(),
  digest: z.string().max(128),
});

const leftOutRoute = z.looseObject({ parentRefs: z.unknown() });

const facts = z.object({
  version: z.string().max(64),
  addresses: z
    .array(
      z.object({
        value: z.string().min(1).max(253),
        type: z.enum(['IPAddress', 'Hostname']),
        from: z.string().max(600),
      }),
    )
    .max(1024),
  nodes: z.object({
    ready: z.number().int().nonnegative(),
    all: z.number().int().nonnegative(),
    zones: z.record(z.string().max(63), z.number().int().nonnegative()),
    cpuMillis: z.number().nonnegative(),
    memoryBytes: z.number().nonnegative(),
  }),
  problems: z.array(z.object({ resource: z.string().max(600), message: z.string().max(4096) })).max(256),
});

export function isInventoryKind(kind: string): kind is InventoryKind {
  return INVENTORY_KINDS.some((known) => known === kind);
}

/**
 * Reads one object. A spec that the hub's schema refuses is `refused`; what no agent of any release sends is an error.
 * @param refuses what no schema can say of a spec, such as a pattern that is none
 * @throws PortolanError VALIDATION_FAILED
 */
export function readObject(
  raw: RawObject & { readonly kind: InventoryKind },
  refuses: (resource: Resource<InventoryResourceKind>) => string | undefined,
): FoundObject {
  const { kind, namespace, name } = raw;
  checkNames(raw);
  const found = parsed(content, jsonOf(raw.content, `${kind} ${namespace}/${name}`), raw);
  switch (kind) {
    case 'Service':
      return { type: 'service', service: parsed(serviceSpec, found.spec, raw) };
    case 'Secret':
      return { type: 'secret', secret: parsed(secretSpec, found.spec, raw) };
    case 'Namespace':
      return { type: 'namespace', labels: found.labels };
    default:
      return resourceOf(kind, raw, found, refuses);
  }
}

/**
 * Of an object that is left out.
 * @throws PortolanError VALIDATION_FAILED
 */
export function readLeftOut(raw: RawObject): LeftOut {
  checkNames(raw);
  const { uid, generation, spec } = parsed(
    content,
    jsonOf(raw.content, `${raw.kind} ${raw.namespace}/${raw.name}`),
    raw,
  );
  const isRoute = raw.kind === 'HTTPRoute' || raw.kind === 'GRPCRoute';
  const parentRefs = isRoute ? leftOutRoute.safeParse(spec).data?.parentRefs : undefined;
  return { uid, generation, ...(parentRefs === undefined ? {} : { parentRefs }) };
}

/** @throws PortolanError VALIDATION_FAILED */
export function readFacts(text: string): InventoryFacts {
  const result = facts.safeParse(jsonOf(text, 'facts'));
  if (result.success) return result.data;
  throw invalid('facts', result.error.issues[0]?.message ?? 'cannot be read');
}

function resourceOf(
  kind: InventoryResourceKind,
  { namespace, name }: RawObject,
  found: InventoryContent,
  refuses: (resource: Resource<InventoryResourceKind>) => string | undefined,
): FoundObject {
  if (found.problem !== undefined) return { type: 'refused', content: found, problem: found.problem };
  const schema: z.ZodType = KINDS[kind].spec;
  const result = schema.safeParse(found.spec);
  if (!result.success) {
    const [first] = violationsOf(result.error.issues, schema, found.spec);
    const problem = first === undefined ? 'its spec is not valid' : `spec.${first.path}: ${first.message}`;
    return { type: 'refused', content: found, problem };
  }
  const { uid, generation, creationTimestamp, labels, annotations } = found;
  const resource = {
    apiVersion: storedVersion(kind),
    kind,
    metadata: {
      namespace,
      name,
      uid,
      resourceVersion: '0',
      generation,
      creationTimestamp,
      finalizers: [],
      labels,
      annotations,
    },
    // The schema is that of the kind; the compiler cannot follow the pairing.
    spec: result.data as Resource<InventoryResourceKind>['spec'],
  } satisfies Resource<InventoryResourceKind>;
  const problem = ruleProblem(resource) ?? refuses(resource);
  return problem === undefined
    ? { type: 'resource', kind, resource }
    : { type: 'refused', content: found, problem };
}

/** What holds between fields of a route. */
function ruleProblem(resource: Resource<InventoryResourceKind>): string | undefined {
  if (resource.kind !== 'HTTPRoute' && resource.kind !== 'GRPCRoute') return undefined;
  const [first] = routeViolations((resource as Resource<'HTTPRoute'> | Resource<'GRPCRoute'>).spec);
  return first === undefined ? undefined : `${first.path}: ${first.message}`;
}

function checkNames({ kind, namespace, name }: RawObject): void {
  const fits = kind === 'Namespace' ? namespace === '' : NAMESPACE.test(namespace);
  if (!fits || !NAME.test(name))
    throw invalid(`${kind} ${namespace}/${name}`.slice(0, 400), 'is no name that Kubernetes has');
}

function jsonOf(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw invalid(what, 'is no JSON');
  }
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, { kind, namespace, name }: RawObject): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw invalid(
    `${kind} ${namespace}/${name}`,
    `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'cannot be read'}`,
  );
}

function invalid(what: string, why: string): PortolanError {
  return new PortolanError('VALIDATION_FAILED', `inventory: ${what} ${why}`, {
    fix: 'Run an agent of this release; the stream begins anew.',
  });
}
