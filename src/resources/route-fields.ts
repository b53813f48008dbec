import { z } from 'zod';
import { parseIpv4 } from '../dns/address.ts';
import { boundedRecord, port } from './fields.ts';
import { type Condition, objectName } from './metadata.ts';

/** Versions of the Gateway API that are taken; `gateway.networking.k8s.io/v1` is how its kinds are stored. */
export const GATEWAY_API_VERSION = 'gateway.networking.k8s.io/v1';
export const GATEWAY_API_GROUP = 'gateway.networking.k8s.io';
/** Group of our own kinds, in references. */
export const PORTOLAN_GROUP = 'portolan.dev';

const LABELS = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const WITH_WILDCARD = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const noAddress = (text: string): boolean => parseIpv4(text) === undefined;

/** `Hostname` of the Gateway API: lower case, no trailing dot, no address; may be `*.` and a name. */
export const routeHostname = z
  .string()
  .min(1)
  .max(253)
  .regex(WITH_WILDCARD, 'a host name in lower case, such as api.example.com or *.example.com')
  .refine(noAddress, 'must be a name, not an address');

/** `PreciseHostname`: as `Hostname`, without a wildcard. */
export const preciseHostname = z
  .string()
  .min(1)
  .max(253)
  .regex(LABELS, 'a host name in lower case without wildcard, such as api.example.com')
  .refine(noAddress, 'must be a name, not an address');

export const sectionName = z
  .string()
  .min(1)
  .max(253)
  .regex(LABELS, 'lower-case letters, digits, "-" and ".", starting and ending with a letter or digit');

/** API group of a reference; empty: the core group (Service, Secret). */
export const apiGroup = z
  .string()
  .max(253)
  .regex(
    /^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'an API group such as gateway.networking.k8s.io, or "" for the core group',
  );

export const kindName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/, 'a kind such as Service');

/** Name of what a reference leads to: some kinds allow dots. */
export const referencedName = z
  .string()
  .min(1)
  .max(253)
  .regex(LABELS, 'lower-case letters, digits, "-" and ".", starting and ending with a letter or digit');

/** GEP-2257: `1h`, `30s`, `1m30s`, `250ms`; see `durationMs`. */
export const duration = z
  .string()
  .max(32)
  .regex(/^([0-9]{1,5}(h|m|s|ms)){1,4}$/, 'a duration such as 30s, 250ms or 1m30s');

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Milliseconds of a GEP-2257 duration; 0 for text that is none. */
export function durationMs(text: string): number {
  let sum = 0;
  for (const [, digits, unit] of text.matchAll(/([0-9]{1,5})(ms|h|m|s)/g))
    sum += Number(digits) * (UNITS[unit ?? ''] ?? 0);
  return sum;
}

/** RFC 9110 §5.1 field name. */
export const headerName = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/, 'a header name');

/** RFC 9110 §5.5: no control characters, so that nothing can end the line. */
export const headerValue = z
  .string()
  .min(1)
  .max(4096)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  .regex(/^[^\u0000-\u0008\u000a-\u001f\u007f]*$/, 'a header value without control characters');

export const httpMethod = z.enum([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
]);

export const labelMap = boundedRecord(z.string().min(1).max(317), z.string().max(253), 64, 'labels');

/** `metav1.LabelSelector`; all of it must hold. */
export const labelSelector = z.strictObject({
  matchLabels: labelMap.optional(),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string().min(1).max(317),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string().max(253)).max(64).optional(),
      }),
    )
    .max(16)
    .optional(),
});
export type LabelSelector = z.output<typeof labelSelector>;

export const parentReference = z.strictObject({
  group: apiGroup.default(GATEWAY_API_GROUP),
  kind: kindName.default('Gateway'),
  namespace: objectName.optional().describe("Default: the route's own."),
  name: referencedName,
  sectionName: sectionName
    .optional()
    .describe('Name of a listener; default: every listener that takes the route.'),
  port: port.optional().describe('Only listeners of this port.'),
});
export type ParentReference = z.output<typeof parentReference>;

const backendObject = {
  group: apiGroup.default(''),
  kind: kindName
    .default('Service')
    .describe(
      '`Service` (which leads to the Backend of that name) or, with group `portolan.dev`, `Backend`.',
    ),
  namespace: objectName
    .optional()
    .describe("Default: the route's own; another one takes a ReferenceGrant there."),
  name: referencedName,
  port: port.optional().describe('Needed for a Service.'),
};

/** `BackendObjectReference`, as a mirror has it. */
export const backendObjectReference = z.strictObject(backendObject);
export type BackendObjectReference = z.output<typeof backendObjectReference>;

const weight = z
  .number()
  .int()
  .min(0)
  .max(1_000_000)
  .default(1)
  .describe("Share relative to the rule's other backends; 0: none.");

/** `BackendRef`: a backend without filters of its own. */
export const backendReference = z.strictObject({ ...backendObject, weight });
export type BackendReference = z.output<typeof backendReference>;

const header = z.strictObject({ name: headerName, value: headerValue });

const headerChanges = z.strictObject({
  set: z.array(header).max(16).optional(),
  add: z.array(header).max(16).optional(),
  remove: z.array(headerName).max(16).optional(),
});

const replacement = z
  .string()
  .max(1024)
  .regex(/^[^\s#?]*$/, 'a path without blanks, "?" or "#"');

const pathModifier = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ReplaceFullPath'), replaceFullPath: replacement }),
  z.strictObject({ type: z.literal('ReplacePrefixMatch'), replacePrefixMatch: replacement }),
]);
export type PathModifier = z.output<typeof pathModifier>;

const corsOrigin = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^\*$|^https?:\/\/((\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(:[0-9]{1,5})?$/,
    '`*` or an origin such as https://app.example.com or https://*.example.com',
  );

export const extensionReference = z.strictObject({
  group: apiGroup,
  kind: kindName,
  name: referencedName,
});

const requestHeaderModifier = z.strictObject({
  type: z.literal('RequestHeaderModifier'),
  requestHeaderModifier: headerChanges,
});
const responseHeaderModifier = z.strictObject({
  type: z.literal('ResponseHeaderModifier'),
  responseHeaderModifier: headerChanges,
});
const requestMirror = z.strictObject({
  type: z.literal('RequestMirror'),
  requestMirror: z
    .strictObject({
      backendRef: backendObjectReference,
      percent: z.number().int().min(0).max(100).optional(),
      fraction: z
        .strictObject({
          numerator: z.number().int().min(0).max(2_147_483_647),
          denominator: z.number().int().min(1).max(2_147_483_647).default(100),
        })
        .refine((f) => f.numerator <= f.denominator, 'must not be more than one')
        .optional(),
    })
    .refine((m) => m.percent === undefined || m.fraction === undefined, {
      path: ['fraction'],
      message: 'a mirror has either a percent or a fraction',
    }),
});
const extensionRef = z.strictObject({
  type: z.literal('ExtensionRef'),
  extensionRef: extensionReference.describe(
    'Group `portolan.dev`, kind `CallerRouting`: other backends for some callers.',
  ),
});

/** `HTTPRouteFilter`: `type` and the field of that name. */
export const httpRouteFilter = z.discriminatedUnion('type', [
  requestHeaderModifier,
  responseHeaderModifier,
  requestMirror,
  z.strictObject({
    type: z.literal('RequestRedirect'),
    requestRedirect: z.strictObject({
      scheme: z.enum(['http', 'https']).optional(),
      hostname: preciseHostname.optional(),
      path: pathModifier.optional(),
      port: port.optional(),
      statusCode: z
        .union(
          [z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)],
          '301, 302, 303, 307 or 308',
        )
        .default(302),
    }),
  }),
  z.strictObject({
    type: z.literal('URLRewrite'),
    urlRewrite: z.strictObject({ hostname: preciseHostname.optional(), path: pathModifier.optional() }),
  }),
  z.strictObject({
    type: z.literal('CORS'),
    cors: z.strictObject({
      allowOrigins: z.array(corsOrigin).max(64).default([]),
      allowCredentials: z.boolean().default(false),
      allowMethods: z
        .array(z.union([httpMethod, z.literal('*')], 'an HTTP method or `*`'))
        .max(9)
        .default([]),
      allowHeaders: z.array(headerName).max(64).default([]),
      exposeHeaders: z.array(headerName).max(64).default([]),
      maxAge: z.number().int().min(1).max(2_147_483_647).default(5).describe('Seconds.'),
    }),
  }),
  extensionRef,
]);
export type HttpRouteFilter = z.output<typeof httpRouteFilter>;

/** `GRPCRouteFilter`. */
export const grpcRouteFilter = z.discriminatedUnion('type', [
  requestHeaderModifier,
  responseHeaderModifier,
  requestMirror,
  extensionRef,
]);
export type GrpcRouteFilter = z.output<typeof grpcRouteFilter>;

/** `HTTPHeaderMatch`, `GRPCHeaderMatch`. */
export const headerMatch = z.strictObject({
  type: z.enum(['Exact', 'RegularExpression']).default('Exact'),
  name: headerName,
  value: headerValue,
});

/** `SessionPersistence` (GEP-1619). */
export const sessionPersistence = z
  .strictObject({
    sessionName: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/, 'a name of a cookie or header')
      .optional(),
    absoluteTimeout: duration.optional(),
    idleTimeout: duration.optional(),
    type: z.enum(['Cookie', 'Header']).default('Cookie'),
    cookieConfig: z
      .strictObject({ lifetimeType: z.enum(['Session', 'Permanent']).default('Session') })
      .optional(),
  })
  .refine((s) => s.cookieConfig?.lifetimeType !== 'Permanent' || s.absoluteTimeout !== undefined, {
    path: ['absoluteTimeout'],
    message: 'is needed for a permanent cookie',
  });
export type SessionPersistence = z.output<typeof sessionPersistence>;

export const parentRefs = z
  .array(parentReference)
  .max(32)
  .default([])
  .describe('The Gateways (and listeners) it wants to be served by.');

export const hostnames = z
  .array(routeHostname)
  .max(16)
  .default([])
  .describe("Hosts of the route; default: its listeners'. What no listener has is left out.");

export const ruleName = sectionName.describe(
  'Name of the rule, for policies that target it and for `explain`.',
);

/** `RouteStatus`. */
export interface RouteStatus {
  readonly parents: readonly RouteParentStatus[];
}

/** `RouteParentStatus`: what became of the route at one parent. */
export interface RouteParentStatus {
  readonly parentRef: ParentReference;
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}

/** `PolicyAncestorStatus`. */
export interface PolicyAncestorStatus {
  readonly ancestorRef: {
    readonly group: string;
    readonly kind: string;
    readonly namespace?: string;
    readonly name: string;
    readonly sectionName?: string;
  };
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}
