import { z } from 'zod';
import { boundedRecord, cidr, regionName } from './fields.ts';
import { type AttachedPolicyStatus, policySpec } from './policy-attachment.ts';
import { headerName, headerValue, routeHostname } from './route-fields.ts';

const bounded = (least: number, most: number) => z.number().int().min(least).max(most).optional();

/** What holds before and around routing. Every field is optional: what no policy says has the product's default. */
const gatewayRules = z.strictObject({
  responseHeaders: boundedRecord(headerName, headerValue.nullable(), 64, 'headers')
    .optional()
    .describe('Set on every answer, such as security headers; null removes one of the backend.'),
  limits: z
    .strictObject({
      maxBodyBytes: bounded(0, 1_099_511_627_776).describe('Default 10 MiB (10485760).'),
      maxHeaderBytes: bounded(1024, 1_048_576).describe('Default 32768.'),
      headerTimeoutMs: bounded(100, 600_000).describe('Until the header is there. Default 10000.'),
      bodyIdleTimeoutMs: bounded(100, 3_600_000).describe('Between two pieces of a body. Default 30000.'),
      keepAliveTimeoutMs: bounded(0, 3_600_000).describe('Default 60000.'),
      maxConnections: bounded(1, 1_000_000).describe('Per port and gateway thread. Default 10000.'),
      maxConcurrentStreams: bounded(1, 10_000).describe('HTTP/2, per connection. Default 100.'),
    })
    .optional(),
  clientAddress: z
    .strictObject({
      proxyProtocol: z.enum(['off', 'accept', 'require']).optional().describe('Default off.'),
      trustedProxies: z
        .array(cidr)
        .max(256)
        .optional()
        .describe('Peers whose PROXY header or X-Forwarded-For is believed. Default: none.'),
    })
    .optional(),
  path: z
    .strictObject({
      doubtful: z
        .enum(['refuse', 'keep'])
        .optional()
        .describe(
          'What servers read differently (%2F, //, dot segments, ";"): refused with 400, or kept. Default refuse.',
        ),
    })
    .optional(),
  accessLog: z
    .strictObject({ format: z.enum(['json', 'common', 'off']).optional().describe('Default json.') })
    .optional(),
  residency: z
    .strictObject({
      fromTrafficPolicies: z
        .boolean()
        .optional()
        .describe(
          "TrafficPolicies' residency rules hold for clients of their hostnames as well. Default true.",
        ),
      rules: z
        .array(
          z.strictObject({
            region: regionName.describe('Clients located here are served by clusters inside it only.'),
            unknownLocation: z.enum(['restrict', 'allow']).default('restrict'),
            hostnames: z.array(routeHostname).max(100).default([]).describe('Default: all.'),
          }),
        )
        .max(16)
        .optional(),
    })
    .optional()
    .describe('By client address; a client that must be served elsewhere gets 403.'),
  retryBudget: z
    .strictObject({
      percent: z
        .number()
        .int()
        .min(0)
        .max(100)
        .optional()
        .describe('Of the requests of the interval. Default 20.'),
      intervalMs: bounded(1000, 600_000).describe('Default 10000.'),
      minPerSecond: bounded(0, 100_000).describe('Retries that are always allowed. Default 10.'),
    })
    .optional()
    .describe('How many retries routes with `retry` may make at all.'),
});
export type GatewayRules = z.output<typeof gatewayRules>;

export const gatewayPolicySpec = policySpec(gatewayRules);
export type GatewayPolicySpec = z.output<typeof gatewayPolicySpec>;
export type GatewayPolicyStatus = AttachedPolicyStatus;
