import { z } from 'zod';
import {
  backendReference,
  duration,
  headerMatch,
  headerName,
  hostnames,
  httpMethod,
  httpRouteFilter,
  parentRefs,
  type RouteStatus,
  ruleName,
  sessionPersistence,
} from './route-fields.ts';

const DOUBTFUL = /\/\/|\/\.\.?(\/|$)|%2[fF]|#|\?|\s/;

const pathMatch = z
  .strictObject({
    type: z.enum(['Exact', 'PathPrefix', 'RegularExpression']).default('PathPrefix'),
    value: z.string().max(1024).default('/'),
  })
  .superRefine((path, context) => {
    if (path.type === 'RegularExpression') return;
    if (!path.value.startsWith('/'))
      context.addIssue({ code: 'custom', path: ['value'], message: 'must start with "/"' });
    if (DOUBTFUL.test(path.value))
      context.addIssue({
        code: 'custom',
        path: ['value'],
        message: 'must not have "//", dot segments, %2F, "#", "?" or blanks',
      });
  })
  .describe('`PathPrefix` goes by path element: `/a` matches `/a/b`, not `/ab`.');

const match = z.strictObject({
  path: pathMatch.prefault({}),
  headers: z.array(headerMatch).max(16).default([]),
  queryParams: z
    .array(
      z.strictObject({
        type: z.enum(['Exact', 'RegularExpression']).default('Exact'),
        name: headerName,
        value: z.string().min(1).max(1024),
      }),
    )
    .max(16)
    .default([]),
  method: httpMethod.optional(),
});
export type HttpRouteMatch = z.output<typeof match>;

/** `HTTPBackendRef`. */
const httpBackendRef = z.strictObject({
  ...backendReference.shape,
  filters: z.array(httpRouteFilter).max(16).default([]),
});
export type HttpBackendRef = z.output<typeof httpBackendRef>;

const statusCode = z.number().int().min(400).max(599);

const rule = z.strictObject({
  name: ruleName.optional(),
  matches: z.array(match).max(64).prefault([{}]).describe('One of them must match; default: every request.'),
  filters: z.array(httpRouteFilter).max(16).default([]),
  backendRefs: z.array(httpBackendRef).max(16).default([]),
  timeouts: z
    .strictObject({
      request: duration.optional().describe('For the whole answer; 0s: no limit.'),
      backendRequest: duration.optional().describe('For one try at a backend.'),
    })
    .optional()
    .describe(
      'Without any, a backend may take 60 s to begin its answer, longer while the request still arrives.',
    ),
  retry: z
    .strictObject({
      codes: z.array(statusCode).max(32).default([]),
      attempts: z.number().int().min(0).max(10).default(1).describe('Beyond the first try.'),
      backoff: duration.default('25ms').describe('Least time between two tries.'),
    })
    .optional()
    .describe(
      'Tries again; how many retries a gateway makes at all is the `retryBudget` of a GatewayPolicy.',
    ),
  sessionPersistence: sessionPersistence.optional(),
});
export type HttpRouteRule = z.output<typeof rule>;

/** `HTTPRouteSpec` of the Gateway API v1. */
export const httpRouteSpec = z.strictObject({
  parentRefs,
  hostnames,
  rules: z.array(rule).min(1).max(16).prefault([{}]),
});
export type HttpRouteSpec = z.output<typeof httpRouteSpec>;
export type HttpRouteStatus = RouteStatus;
