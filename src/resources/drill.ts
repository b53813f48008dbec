import { z } from 'zod';
import { countryCode, percent, port } from './fields.ts';
import { type Condition, objectName } from './metadata.ts';

export const drillSpec = z.strictObject({
  action: z
    .enum(['drain', 'fail'])
    .describe(
      '`drain`: take the cluster out on purpose. `fail`: every vantage point reports its endpoints as failing, so detection is rehearsed too.',
    ),
  cluster: objectName,
  durationSeconds: z
    .number()
    .int()
    .min(5)
    .max(86_400)
    .default(60)
    .describe('How long the fault is held before it is rolled back.'),
  countries: z
    .array(countryCode)
    .max(250)
    .default([])
    .describe(
      'Countries whose answers the report follows; default: the countries of all clusters and of all geo rules.',
    ),
  guards: z
    .strictObject({
      minCapacityPercent: percent
        .default(30)
        .describe(
          'Refuse to start, and roll back, when a hostname has less than this share of its capacity healthy outside the cluster.',
        ),
      maxErrorRatePercent: percent
        .default(5)
        .describe('Roll back when more than this share of the requests seen at the backends fail.'),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      port: port.optional(),
      path: z.string().startsWith('/').max(2048).default('/metrics'),
      requests: z
        .string()
        .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/)
        .default('http_requests_total'),
      errors: z
        .string()
        .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/)
        .default('http_request_errors_total'),
    })
    .optional()
    .describe(
      "Where requests at the backends are counted: a Prometheus text endpoint on every endpoint's address.",
    ),
});
export type DrillSpec = z.output<typeof drillSpec>;

export type DrillPhase = 'Planned' | 'Running' | 'RollingBack' | 'Completed' | 'Aborted' | 'Failed';

export interface DrillEvent {
  readonly at: string;
  readonly kind:
    | 'planned'
    | 'started'
    | 'detected'
    | 'decided'
    | 'published'
    | 'converged'
    | 'guard'
    | 'rollback'
    | 'recovered'
    | 'note'
    | 'finished';
  readonly message: string;
}

/** What one country's answers did, at every name server. */
export interface DrillCountryReport {
  readonly country: string;
  readonly hostname: string;
  readonly before: readonly string[];
  readonly during: readonly string[];
  readonly after: readonly string[];
  /** The cluster answered there, or had a share there, before or during the fault. */
  readonly affected?: boolean;
  /** Milliseconds from the start until every name server had left the cluster; absent when it was not left, or not used. */
  readonly convergedMs?: number;
}

export interface DrillReport {
  /** Milliseconds from the start of the fault, each absent when it did not happen. */
  readonly detectMs?: number;
  readonly decideMs?: number;
  readonly publishMs?: number;
  readonly convergeMs?: number;
  /** How long resolvers that had cached the old answer may have used it: the largest TTL handed out before the change. */
  readonly staleTailMs?: number;
  readonly recoverMs?: number;
  readonly countries: readonly DrillCountryReport[];
  readonly requests: readonly {
    readonly endpoint: string;
    readonly before: number;
    readonly during: number;
    readonly after: number;
    readonly errors: number;
  }[];
  readonly outcome: string;
}

export interface DrillStatus {
  readonly conditions: readonly Condition[];
  readonly phase: DrillPhase;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly timeline: readonly DrillEvent[];
  readonly report?: DrillReport;
}
