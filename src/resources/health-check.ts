import { z } from 'zod';
import { boundedRecord, port } from './fields.ts';
import { type Condition, objectName } from './metadata.ts';

const timing = {
  intervalSeconds: z
    .number()
    .min(0.2)
    .max(300)
    .default(1)
    .describe('Seconds between scheduled probes of one vantage point.'),
  timeoutMs: z
    .number()
    .int()
    .min(50)
    .max(30_000)
    .default(700)
    .describe(
      'Milliseconds until one probe counts as failed; at most the interval, or one second where the interval is shorter.',
    ),
  fall: z
    .number()
    .int()
    .min(1)
    .max(10)
    .default(3)
    .describe('Failures in a row (scheduled probe and confirms) that make a vote DOWN.'),
  rise: z.number().int().min(1).max(10).default(2).describe('Successes in a row that make a vote UP again.'),
  confirmDelaysMs: z
    .array(z.number().int().min(50).max(30_000))
    .max(9)
    .default([300, 600])
    .describe(
      'After a failure of a healthy endpoint, confirms are sent this many milliseconds after its start.',
    ),
  port,
};

/** Reference to one key of a Secret in the same namespace. */
export const secretKeyRef = z.strictObject({ name: objectName, key: z.string().min(1).max(253) });

const tlsFields = {
  serverName: z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe('SNI and the name the certificate must carry; default: the first hostname of the policy.'),
  caSecret: secretKeyRef
    .optional()
    .describe("PEM bundle to trust instead of the system's roots. Verification is never turned off."),
};

const httpFields = {
  path: z
    .string()
    .regex(/^\/[^\s#]*$/, 'an absolute path without spaces or "#"')
    .max(2048)
    .default('/'),
  method: z.enum(['GET', 'HEAD']).default('GET'),
  host: z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe('Host header; default: the first hostname of the policy.'),
  headers: boundedRecord(
    z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/),
    z
      .string()
      .max(4096)
      .regex(/^[^\r\n\0]*$/),
    64,
    'headers',
  ).optional(),
  expectedStatuses: z
    .array(z.union([z.number().int().min(100).max(599), z.string().regex(/^[1-5]\d\d-[1-5]\d\d$/)]))
    .min(1)
    .max(20)
    .default(['200-399'])
    .describe('Inclusive status ranges that count as success.'),
  bodyContains: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe('Must occur in the first 64 KiB of the body.'),
};

/** How one endpoint is probed. Redirects are not followed: a 3xx is judged as it is. */
export const checkSpec = z
  .discriminatedUnion('protocol', [
    z.strictObject({ protocol: z.literal('http'), ...timing, port: port.default(80), ...httpFields }),
    z.strictObject({
      protocol: z.literal('https'),
      ...timing,
      port: port.default(443),
      ...httpFields,
      ...tlsFields,
    }),
    z.strictObject({ protocol: z.literal('tcp'), ...timing }),
    z.strictObject({ protocol: z.literal('tls'), ...timing, port: port.default(443), ...tlsFields }),
    /** grpc.health.v1.Health/Check; `service` empty asks for the whole server. */
    z.strictObject({
      protocol: z.literal('grpc'),
      ...timing,
      service: z.string().max(253).default(''),
      tls: z.boolean().default(false),
      ...tlsFields,
    }),
  ])
  .superRefine(({ timeoutMs, intervalSeconds }, context) => {
    const longestMs = Math.max(intervalSeconds * 1000, 1000);
    if (timeoutMs <= longestMs) return;
    context.addIssue({
      code: 'custom',
      path: ['timeoutMs'],
      message: `must be at most ${longestMs}: the interval of ${intervalSeconds} s${intervalSeconds < 1 ? ', or 1 s where that is longer' : ''}`,
      params: { fix: `Write at most ${longestMs}, or raise intervalSeconds.` },
    });
  });
export type CheckSpec = z.output<typeof checkSpec>;

export const healthCheckSpec = checkSpec;
export type HealthCheckSpec = CheckSpec;

export interface HealthCheckStatus {
  readonly conditions: readonly Condition[];
}
