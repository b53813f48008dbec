import { z } from 'zod';
import {
  backendReference,
  grpcRouteFilter,
  headerMatch,
  hostnames,
  parentRefs,
  type RouteStatus,
  ruleName,
  sessionPersistence,
} from './route-fields.ts';

const methodMatch = z
  .strictObject({
    type: z.enum(['Exact', 'RegularExpression']).default('Exact'),
    service: z.string().min(1).max(1024).optional().describe('Such as `shop.v1.Orders`.'),
    method: z.string().min(1).max(1024).optional(),
  })
  .superRefine((match, context) => {
    if (match.service === undefined && match.method === undefined)
      context.addIssue({ code: 'custom', message: 'must have a service, a method or both' });
    if (match.type === 'RegularExpression') return;
    if (match.service !== undefined && !/^[a-zA-Z_][\w]*(\.[a-zA-Z_][\w]*)*$/.test(match.service))
      context.addIssue({ code: 'custom', path: ['service'], message: 'must be a gRPC service name' });
    if (match.method !== undefined && !/^[A-Za-z_][\w]*$/.test(match.method))
      context.addIssue({ code: 'custom', path: ['method'], message: 'must be a gRPC method name' });
  });

const match = z.strictObject({
  method: methodMatch.optional(),
  headers: z.array(headerMatch).max(16).default([]),
});
export type GrpcRouteMatch = z.output<typeof match>;

/** `GRPCBackendRef`. */
const grpcBackendRef = z.strictObject({
  ...backendReference.shape,
  filters: z.array(grpcRouteFilter).max(16).default([]),
});
export type GrpcBackendRef = z.output<typeof grpcBackendRef>;

const rule = z.strictObject({
  name: ruleName.optional(),
  matches: z.array(match).max(64).default([]).describe('One of them must match; none: every call.'),
  filters: z.array(grpcRouteFilter).max(16).default([]),
  backendRefs: z.array(grpcBackendRef).max(16).default([]),
  sessionPersistence: sessionPersistence.optional(),
});
export type GrpcRouteRule = z.output<typeof rule>;

/** `GRPCRouteSpec` of the Gateway API v1. */
export const grpcRouteSpec = z.strictObject({
  parentRefs,
  hostnames,
  rules: z.array(rule).min(1).max(16).prefault([{}]),
});
export type GrpcRouteSpec = z.output<typeof grpcRouteSpec>;
export type GrpcRouteStatus = RouteStatus;
