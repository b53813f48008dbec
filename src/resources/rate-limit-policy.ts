import { z } from 'zod';
import { celExpression } from './auth-policy-fields.ts';
import { boundedRecord } from './fields.ts';
import { type AttachedPolicyStatus, onePolicyBlock, policyShape } from './policy-attachment.ts';
import { duration, headerName } from './route-fields.ts';

/** Hits that one limit may allow in a window: what the ledger counts exactly. */
const MAX_LIMIT = 2 ** 40;
/** Hits that one request may cost: what the shared table of a gateway takes at once. */
export const MAX_COST = 1_000_000;
export const CALENDAR_UNITS = ['day', 'week', 'month', 'year', 'eternity'] as const;

const condition = z
  .union([celExpression, z.strictObject({ predicate: celExpression })], 'a CEL expression')
  .transform((given) => (typeof given === 'string' ? given : given.predicate));
const conditions = z.array(condition).max(16);

/** Its text is looked at for each request, so it is shorter than other expressions. */
const counterText = z.string().min(1).max(1024);
const counter = z
  .union(
    [counterText, z.strictObject({ expression: counterText })],
    'a CEL expression of at most 1024 characters',
  )
  .transform((given) => (typeof given === 'string' ? given : given.expression));

const window = z
  .union(
    [duration, z.enum(CALENDAR_UNITS)],
    'a duration such as 10s, 1m or 24h, or one of day, week, month, year and eternity',
  )
  .describe(
    'A length of time (`10s`, `1m`, `24h`; at least 1s), or `day`, `week` (from Monday), `month`, `year`, `eternity`.',
  );

const rate = z.strictObject({
  limit: z.number().int().min(0).max(MAX_LIMIT).describe('Hits in a window; 0: nobody.'),
  window,
});
export type RateSpec = z.output<typeof rate>;

const rates = z.array(rate).max(4);
const burst = z
  .number()
  .int()
  .min(1)
  .max(MAX_LIMIT)
  .optional()
  .describe('Hits at once, for `token-bucket`. Default: the limit.');

const jsonPath = z
  .string()
  .max(256)
  .regex(
    /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){0,7}$/,
    'names with dots between them, such as usage.total_tokens',
  );

const cost = z
  .strictObject({
    request: celExpression
      .optional()
      .describe('CEL for how many hits a request is, taken when it comes. Default: 1.'),
    response: z
      .strictObject({
        header: headerName.optional(),
        json: jsonPath
          .optional()
          .describe('A number in a JSON answer, or in the last event of a stream: `usage.total_tokens`.'),
      })
      .refine((response) => (response.header === undefined) !== (response.json === undefined), {
        message: 'must have exactly one of `header` and `json`',
      })
      .optional()
      .describe('What the answer says it cost: the difference to what was taken is settled then.'),
    most: z
      .number()
      .int()
      .min(1)
      .max(MAX_COST)
      .default(MAX_COST)
      .describe('A cost above this counts as this.'),
  })
  .refine((given) => given.request !== undefined || given.response !== undefined, {
    message: 'must have `request`, `response` or both',
  });

const plan = z.strictObject({ rates: rates.min(1), burst });

const limit = z.strictObject({
  rates: rates
    .default([])
    .describe('All must admit. None: callers whose plan is not named below are not limited.'),
  algorithm: z
    .enum(['fixed-window', 'sliding-window', 'token-bucket'])
    .default('fixed-window')
    .describe(
      '`fixed-window`: so many between two marks of the clock; `sliding-window`: so many in any stretch of that length; `token-bucket`: `burst` at once, `limit` per window in the long run.',
    ),
  burst,
  timeZone: z
    .string()
    .min(1)
    .max(64)
    .default('UTC')
    .describe('Of day, week, month and year, such as Europe/Berlin.'),
  when: conditions.default([]).describe('CEL; a request for which one is false is not counted.'),
  counters: z
    .array(counter)
    .max(8)
    .default([])
    .describe('CEL; requests with equal values share the limit. None: all do.'),
  plans: boundedRecord(z.string().min(1).max(100), plan, 64, 'plans')
    .default({})
    .describe('Rates for callers of a plan (`auth.plan`), in the place of `rates`.'),
  cost: cost.optional().describe('How many hits a request is. Default: 1.'),
  shadow: z.boolean().default(false).describe('Counted and shown in metrics, but nobody is refused.'),
  wait: duration
    .default('300ms')
    .describe('How long a request may wait for the hub to grant what is short; 0s: it is refused at once.'),
  onHubLoss: z
    .enum(['floor', 'deny', 'allow'])
    .default('floor')
    .describe(
      'When the hub cannot be reached and nothing granted is left: a reserved part (exact), nobody, or everybody (not exact).',
    ),
  floor: z
    .number()
    .int()
    .min(0)
    .max(100)
    .optional()
    .describe(
      'Percent of the limit that is reserved for clusters without the hub, lent to others until then. Default 50.',
    ),
  allocation: z
    .enum(['proportional', 'fair'])
    .default('proportional')
    .describe('How what is short is shared among clusters: by demand, or the same to each.'),
  metric: z
    .string()
    .regex(/^[a-zA-Z][a-zA-Z0-9_.-]{0,62}$/, 'a name of letters, digits, "_", "." and "-"')
    .optional()
    .describe('Under which name usage of this limit is accounted.'),
  headers: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Whether answers tell this limit in `RateLimit` and `X-RateLimit-*` fields.'),
});
export type LimitSpec = z.output<typeof limit>;

const limitName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-zA-Z0-9]([-_a-zA-Z0-9]*[a-zA-Z0-9])?$/, 'a name of letters, digits, "-" and "_"');

const limitRules = z.strictObject({
  when: conditions.optional().describe('CEL; requests for which one is false are not limited by it.'),
  limits: boundedRecord(limitName, limit, 32, 'limits').describe(
    'By name; every one that applies must admit. None: no limit.',
  ),
});
export type LimitRules = z.output<typeof limitRules>;

const shape = policyShape(limitRules);

/** Shape of Kuadrant's RateLimitPolicy v1 in the frame of our policies; `domain` is for other proxies. */
export const rateLimitPolicySpec = z
  .strictObject({
    targetRefs: shape.targetRefs,
    selector: shape.selector,
    domain: z
      .string()
      .min(1)
      .max(253)
      .regex(/^[!-~]+$/, 'printable characters without spaces')
      .optional()
      .describe(
        "Instead of targetRefs: what other proxies ask by (Envoy's rate limit service, `POST /v1/quota/take`); expressions see `descriptors`.",
      ),
    rules: shape.rules,
    defaults: shape.defaults,
    overrides: shape.overrides,
  })
  .superRefine((spec, context) => {
    const places = [spec.targetRefs, spec.selector, spec.domain].filter((place) => place !== undefined);
    if (places.length !== 1)
      context.addIssue({
        code: 'custom',
        path: ['targetRefs'],
        message: 'exactly one of targetRefs, selector and domain must be given',
        params: {
          fix: 'Name objects in `targetRefs`, labels in `selector`, or a `domain` of other proxies; one of them.',
        },
      });
    onePolicyBlock(spec, context);
  });
export type RateLimitPolicySpec = z.output<typeof rateLimitPolicySpec>;
export type RateLimitPolicyStatus = AttachedPolicyStatus;

/** The rules of a policy with their path in the document, and how they meet those of others. */
export function limitRulesOf(spec: RateLimitPolicySpec): {
  readonly path: string;
  readonly kind: 'defaults' | 'overrides';
  readonly strategy: 'atomic' | 'merge';
  readonly rules: LimitRules;
} {
  const { rules = { limits: {} }, defaults, overrides } = spec;
  if (overrides !== undefined) return { path: 'spec.overrides.rules', kind: 'overrides', ...overrides };
  if (defaults !== undefined) return { path: 'spec.defaults.rules', kind: 'defaults', ...defaults };
  return { path: 'spec.rules', kind: 'defaults', strategy: 'atomic', rules };
}

/** Of the limit, what is kept for clusters without the hub, percent. */
export function floorPercent({ floor, onHubLoss }: LimitSpec): number {
  return onHubLoss === 'floor' ? (floor ?? 50) : 0;
}
