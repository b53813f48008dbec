import { z } from 'zod';
import { ipAddress, percent, port } from './fields.ts';
import { type Condition, objectName } from './metadata.ts';
import { preciseHostname } from './route-fields.ts';

const milliseconds = (least: number, most: number) => z.number().int().min(least).max(most);

const backendEndpoint = z.strictObject({
  address: z
    .union([ipAddress, preciseHostname], 'an IP address or a DNS name')
    .describe('IP address, or a DNS name that the agent looks up.'),
  port,
  cluster: objectName.optional().describe('Only gateways of this cluster use it; default: all.'),
  weight: z.number().int().min(0).max(10_000).default(1).describe('Share relative to the other endpoints.'),
  servicePort: port
    .optional()
    .describe('Only for references that name this port; default: whatever port they name.'),
});
export type BackendEndpoint = z.output<typeof backendEndpoint>;

/** Where requests go. A backendRef of kind `Service` leads to the Backend of that name and namespace. */
export const backendSpec = z.strictObject({
  endpoints: z.array(backendEndpoint).max(1024).default([]),
  protocol: z
    .enum(['http/1.1', 'h2'])
    .default('http/1.1')
    .describe('`h2` without TLS is prior knowledge (h2c). A GRPCRoute uses `h2` always.'),
  balance: z.enum(['roundRobin', 'leastRequest', 'random']).default('roundRobin'),
  connectTimeoutMs: milliseconds(10, 60_000).default(2000),
  idleTimeoutMs: milliseconds(100, 3_600_000)
    .default(30_000)
    .describe('How long an unused connection is kept; less than the backend keeps it.'),
  limits: z
    .strictObject({
      maxConnections: z
        .number()
        .int()
        .min(1)
        .max(65_535)
        .default(1024)
        .describe('Connections per endpoint and gateway thread.'),
      maxPendingRequests: z
        .number()
        .int()
        .min(0)
        .max(1_000_000)
        .default(1024)
        .describe('Requests that wait for a connection; more are answered 503.'),
    })
    .prefault({}),
  outlierEjection: z
    .strictObject({
      consecutiveFailures: z.number().int().min(1).max(1000).default(5),
      baseEjectionMs: milliseconds(100, 3_600_000).default(30_000),
      maxEjectedPercent: percent.default(50),
    })
    .prefault({})
    .describe('An endpoint that fails this often in a row is left out for a while.'),
  healthCheck: z
    .strictObject({
      path: z
        .string()
        .min(1)
        .max(1024)
        .regex(/^\/[\x21-\x7e]*$/, 'a path that starts with "/"')
        .default('/'),
      intervalMs: milliseconds(100, 300_000).default(5000),
      timeoutMs: milliseconds(10, 60_000).default(1000),
      fall: z.number().int().min(1).max(100).default(3),
      rise: z.number().int().min(1).max(100).default(2),
      statuses: z.array(z.number().int().min(100).max(599)).min(1).max(32).default([200]),
    })
    .optional()
    .describe('GET by each gateway thread; none when left out.'),
});
export type BackendSpec = z.output<typeof backendSpec>;

export interface BackendStatus {
  readonly conditions: readonly Condition[];
}
