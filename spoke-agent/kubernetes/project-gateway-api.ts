import { z } from 'zod';
import type { KubeObject } from '../../kube/contract.ts';
import type { InventoryContent, InventoryResourceKind } from '../../src/inventory/contract.ts';
import { GATEWAY_CLASS, GATEWAY_CONTROLLER } from '../../src/resources/gateway.ts';
import { GATEWAY_API_GROUP } from '../../src/resources/route-fields.ts';
import { ownEntries } from './status-content.ts';
import { ownerOf } from './status-owner.ts';
import { supportedSpec } from './supported-spec.ts';

/*
 * What is kept of objects of the Gateway API. Content is text, the one that is sent: of five thousand routes the texts take a tenth of what their trees do.
 */

/** The content of one object is not more than this, in characters of JSON. */
export const MAX_CONTENT = 512 * 1024;
const MAX_SECRETS = 256;

export interface KeptObject {
  readonly uid: string;
  readonly generation: number;
  /** JSON of `InventoryContent`. */
  readonly content: string;
  /** What our controller wrote into its status, as `ownEntries` has it; empty: nothing. */
  readonly status: string;
}

export interface KeptGateway extends KeptObject {
  readonly className: string;
  /** `namespace/name` of what its listeners and its TLS refer to. */
  readonly secrets: readonly string[];
}

export interface KeptRoute extends KeptObject {
  /** One for each parentRef: `namespace/name` of the Gateway; empty: of another kind. */
  readonly parents: readonly string[];
}

export interface KeptPolicy extends KeptObject {
  /** `namespace/name` of the Secrets with authorities. */
  readonly secrets: readonly string[];
}

export interface KeptClass {
  readonly uid: string;
  readonly generation: number;
  readonly ours: boolean;
  /** Why it cannot be accepted. */
  readonly problem?: string;
  /** Namespace of the installation that writes statuses, as it says. */
  readonly owner?: string;
  readonly status: string;
}

const reference = z.object({
  group: z.string().optional(),
  kind: z.string().optional(),
  namespace: z.string().optional(),
  name: z.string(),
});
type Reference = z.output<typeof reference>;

const caRefs = z.object({
  validation: z.object({ caCertificateRefs: z.array(reference).optional() }).optional(),
});
const gatewayParts = z.object({
  gatewayClassName: z.string(),
  listeners: z
    .array(z.object({ tls: z.object({ certificateRefs: z.array(reference).optional() }).optional() }))
    .optional(),
  tls: z
    .object({
      backend: z.object({ clientCertificateRef: reference.optional() }).optional(),
      frontend: z
        .object({ default: caRefs.optional(), perPort: z.array(z.object({ tls: caRefs })).optional() })
        .optional(),
    })
    .optional(),
});
const routeParts = z.object({ parentRefs: z.array(reference).optional() });
const policyParts = z.object({
  validation: z.object({ caCertificateRefs: z.array(reference).optional() }).optional(),
});
const classParts = z.object({ controllerName: z.string(), parametersRef: z.unknown().optional() });

/** A GatewayClass; those of other controllers too, since it costs nothing and one word makes it ours. */
export function projectClass(object: KubeObject, before: KeptClass | undefined): KeptClass {
  const parts = classParts.safeParse(object.spec);
  const ours = parts.success && parts.data.controllerName === GATEWAY_CONTROLLER;
  const parametrised = ours && parts.data.parametersRef !== undefined && parts.data.parametersRef !== null;
  const owner = ours ? ownerOf(object.status) : undefined;
  return unchanged(before, {
    uid: object.metadata.uid ?? '',
    generation: object.metadata.generation ?? 0,
    ours,
    ...(owner === undefined ? {} : { owner }),
    ...(parametrised ? { problem: 'spec.parametersRef is not supported' } : {}),
    status: ours ? ownEntries('GatewayClass', object.status) : '',
  });
}

export function projectGateway(object: KubeObject, before: KeptGateway | undefined): KeptGateway | undefined {
  const parts = gatewayParts.safeParse(object.spec);
  if (!parts.success) return undefined;
  const { gatewayClassName, listeners = [], tls } = parts.data;
  const secrets = secretNames(object.metadata.namespace ?? '', [
    ...listeners.flatMap((listener) => listener.tls?.certificateRefs ?? []),
    ...(tls?.backend?.clientCertificateRef === undefined ? [] : [tls.backend.clientCertificateRef]),
    ...(tls?.frontend?.default?.validation?.caCertificateRefs ?? []),
    ...(tls?.frontend?.perPort ?? []).flatMap((port) => port.tls.validation?.caCertificateRefs ?? []),
  ]);
  // Whatever the class is called here: that it is ours was found by its controller.
  const spec = { ...asMapping(object.spec), gatewayClassName: GATEWAY_CLASS };
  return unchanged(before, {
    ...kept('Gateway', object, spec),
    className: gatewayClassName,
    secrets,
  });
}

export function projectRoute(
  kind: 'HTTPRoute' | 'GRPCRoute',
  object: KubeObject,
  before: KeptRoute | undefined,
): KeptRoute | undefined {
  const parts = routeParts.safeParse(object.spec);
  const refs = parts.success ? (parts.data.parentRefs ?? []) : [];
  const status = ownEntries(kind, object.status);
  const parents = refs.map((ref) =>
    (ref.group ?? GATEWAY_API_GROUP) === GATEWAY_API_GROUP && (ref.kind ?? 'Gateway') === 'Gateway'
      ? `${ref.namespace ?? object.metadata.namespace ?? ''}/${ref.name}`
      : '',
  );
  // What leads to no Gateway (a mesh's) is not kept, but for what there is to take back.
  if (status === '' && parents.every((parent) => parent === '')) return undefined;
  return unchanged(before, { ...kept(kind, object, object.spec), status, parents });
}

export function projectGrant(object: KubeObject, before: KeptObject | undefined): KeptObject {
  return unchanged(before, kept('ReferenceGrant', object, object.spec));
}

export function projectPolicy(object: KubeObject, before: KeptPolicy | undefined): KeptPolicy {
  const parts = policyParts.safeParse(object.spec);
  const refs = parts.success ? (parts.data.validation?.caCertificateRefs ?? []) : [];
  return unchanged(before, {
    ...kept('BackendTLSPolicy', object, object.spec),
    secrets: secretNames(object.metadata.namespace ?? '', refs),
  });
}

/** The content of a route with only those of its parents that `isOurs`; undefined: none is. */
export function contentAt(route: KeptRoute, isOurs: (gateway: string) => boolean): string | undefined {
  const ours = route.parents.map((parent) => parent !== '' && isOurs(parent));
  if (!ours.includes(true)) return undefined;
  if (!ours.includes(false)) return route.content;
  const content = contentJson.parse(JSON.parse(route.content));
  const { parentRefs, ...rest } = content.spec;
  const left = parentRefs.filter((_, i) => ours[i] === true);
  return JSON.stringify({ ...content, spec: { parentRefs: left, ...rest } });
}

const contentJson = z.looseObject({ spec: z.looseObject({ parentRefs: z.array(z.unknown()) }) });

function kept(kind: InventoryResourceKind, object: KubeObject, found: unknown): KeptObject {
  const { uid = '', generation = 0 } = object.metadata;
  const { spec, problem } = supportedSpec(kind, found);
  return {
    uid,
    generation,
    content: contentOf(object, spec, problem),
    status: ownEntries(kind, object.status),
  };
}

/** JSON of an object's `InventoryContent`. */
export function contentOf(object: KubeObject, spec: unknown, problem?: string): string {
  const { uid = '', generation = 0, creationTimestamp = '', labels = {}, annotations = {} } = object.metadata;
  const content: InventoryContent = {
    uid,
    generation,
    creationTimestamp,
    labels,
    annotations: Object.fromEntries(
      Object.entries(annotations).filter(([key]) => key.startsWith('portolan.dev/')),
    ),
    spec,
    ...(problem === undefined ? {} : { problem }),
  };
  const text = JSON.stringify(content);
  if (text.length <= MAX_CONTENT) return text;
  return JSON.stringify({
    ...content,
    labels: {},
    annotations: {},
    spec: null,
    problem: `it has ${text.length} characters of JSON; at most ${MAX_CONTENT} are taken`,
  });
}

/** The one there was, when nothing in it differs: then nobody is told. */
export function unchanged<T extends object>(before: T | undefined, next: T): T {
  return before !== undefined && JSON.stringify(before) === JSON.stringify(next) ? before : next;
}

function secretNames(namespace: string, refs: readonly Reference[]): readonly string[] {
  const names = refs.flatMap((ref) =>
    (ref.group ?? '') === '' && (ref.kind ?? 'Secret') === 'Secret'
      ? [`${ref.namespace ?? namespace}/${ref.name}`]
      : [],
  );
  return [...new Set(names)].slice(0, MAX_SECRETS);
}

function asMapping(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
