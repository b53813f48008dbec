import { z } from 'zod';
import { MAX_KEY } from '../../src/quota/budget-key.ts';
import { type Endpoint, endpoint, jsonBody } from './endpoint.ts';
import type { QuotaExplanation, QuotaKey, QuotaLimit, QuotaList } from './quota-services.ts';

const MAX_HITS = 2 ** 40;
const YEAR_SECONDS = 366 * 86_400;

/** `policy`, `policy/limit`, … with the name of a rate at most. */
const limitName = z.string().min(1).max(1_024);
const keyText = z.string().max(MAX_KEY);
const reason = z.string().max(500).optional();

const count = z.number();
const maybeInstant = z.string().exactOptional();
const shownWindow = z.object({
  start: maybeInstant,
  end: maybeInstant,
  leased: count,
  spent: count,
  floors: count,
  left: count,
  clusters: z.array(
    z.object({
      cluster: z.string(),
      leased: count,
      spent: count,
      floor: count,
      demandPerSecond: count,
      leaseAgeMs: count,
    }),
  ),
});
const shownKey: z.ZodType<QuotaKey> = z
  .object({
    key: z.string(),
    hits: count,
    overriddenUntil: maybeInstant,
    effectiveAt: maybeInstant,
    windows: z.array(shownWindow),
  })
  .meta({ id: 'QuotaKey' });
const shownLimit: z.ZodType<QuotaLimit> = z
  .object({
    limit: z.string(),
    algorithm: z.enum(['fixed-window', 'sliding-window', 'token-bucket']),
    hits: count,
    burst: count.exactOptional(),
    window: z.string(),
    scope: z.string(),
    floorPercent: count,
    keys: z.array(shownKey),
  })
  .meta({ id: 'QuotaLimit' });
const shownList: z.ZodType<QuotaList> = z
  .object({ at: z.string(), pausedUntil: maybeInstant, items: z.array(shownLimit) })
  .meta({ id: 'QuotaList' });
const explanation: z.ZodType<QuotaExplanation> = z
  .object({
    limit: z.string(),
    key: z.string(),
    verdict: z.enum(['open', 'leased', 'spent', 'paused']),
    until: maybeInstant,
    explanation: z.array(z.string()),
  })
  .meta({ id: 'QuotaExplanation' });

const listQuery = z.strictObject({
  limit: limitName.optional().describe('A policy, policy/limit, or the whole name of a rate.'),
  key: keyText.optional(),
  most: z
    .string()
    .regex(/^(?:[1-9]\d{0,2}|1000)$/, 'a number from 1 to 1000')
    .default('20')
    .describe('Keys of each limit.'),
});
const oneKey = z.strictObject({ limit: limitName, key: keyText.default('') });
const override = z
  .strictObject({
    limit: limitName,
    key: keyText.default(''),
    hits: z
      .number()
      .int()
      .min(0)
      .max(MAX_HITS)
      .describe('In a window, in the place of what the policy says.'),
    seconds: z.number().int().min(1).max(YEAR_SECONDS).describe('How long it holds.'),
    reason,
  })
  .meta({ id: 'QuotaOverride' });
const resetting = z
  .strictObject({ limit: limitName, key: keyText.default(''), reason })
  .meta({ id: 'QuotaReset' });
const resetReply = z
  .object({ forgotten: count.describe('Hits that were forgotten.'), limit: shownLimit })
  .meta({ id: 'QuotaResetResult' });

const base = '/v1/quota/{namespace}';

/** Limits of callers, as the hub's ledger has them now. */
export const QUOTA_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'listQuota',
    method: 'GET',
    path: base,
    tag: 'quota',
    summary: 'Limits of a namespace, and of the keys in use what is spent, leased to clusters and left.',
    access: { kind: 'namespace', action: 'quota.read' },
    query: listQuery,
    replies: { 200: { description: 'the limits', schema: shownList } },
    handle: async ({ params, query }, { services }) => ({
      status: 200,
      json: await services.quota.list(params.namespace ?? '', { ...query, most: Number(query.most) }),
    }),
  }),
  endpoint({
    id: 'explainQuota',
    method: 'GET',
    path: `${base}/explanation`,
    tag: 'quota',
    summary: 'Whether a key is granted more of a limit now, who holds what, and until when.',
    access: { kind: 'namespace', action: 'quota.read' },
    query: oneKey,
    replies: { 200: { description: 'the explanation', schema: explanation } },
    handle: async ({ params, query }, { services }) => ({
      status: 200,
      json: await services.quota.explain(params.namespace ?? '', query),
    }),
  }),
  endpoint({
    id: 'setQuota',
    method: 'PUT',
    path: `${base}/override`,
    tag: 'quota',
    summary: 'Another limit for one key, until it ends by itself.',
    access: { kind: 'namespace', action: 'quota.write' },
    body: jsonBody(override),
    replies: { 200: { description: 'the limit with this key', schema: shownLimit } },
    handle: async ({ params, body, actor }, { services }) => ({
      status: 200,
      json: await services.quota.set(params.namespace ?? '', body, actor),
    }),
  }),
  endpoint({
    id: 'unsetQuota',
    method: 'DELETE',
    path: `${base}/override`,
    tag: 'quota',
    summary: 'Take the limit of one key back: the policy holds again.',
    access: { kind: 'namespace', action: 'quota.write' },
    query: oneKey,
    replies: { 200: { description: 'the limit with this key', schema: shownLimit } },
    handle: async ({ params, query, actor }, { services }) => ({
      status: 200,
      json: await services.quota.unset(params.namespace ?? '', query, actor),
    }),
  }),
  endpoint({
    id: 'resetQuota',
    method: 'POST',
    path: `${base}/reset`,
    tag: 'quota',
    summary: 'Forget what was admitted for a key in the windows that run; what is leased stays counted.',
    access: { kind: 'namespace', action: 'quota.write' },
    body: jsonBody(resetting),
    replies: { 200: { description: 'what was forgotten', schema: resetReply } },
    handle: async ({ params, body, actor }, { services }) => ({
      status: 200,
      json: await services.quota.reset(params.namespace ?? '', body, actor),
    }),
  }),
];
