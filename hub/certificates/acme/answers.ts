import { z } from 'zod';
import { CHALLENGE_TYPES } from '../../../src/resources/certificate-policy.ts';
import type { AcmeAuthorization, AcmeDirectory, AcmeOrder, AcmeProblem, RenewalInfo } from '../contract.ts';
import { AcmeNoAnswer } from './error.ts';
import type { AcmeAnswer } from './http.ts';
import { retryAfterMs } from './retry-after.ts';

/*
 * What CAs answer, parsed: whatever one sends, what leaves here has the shapes of the contract, bounded, and texts without control characters.
 */

const PREFIX = 'urn:ietf:params:acme:error:';
const MAX_TEXT = 1_000;
/** An order is looked at again within this, whatever the CA asks. */
const MAX_POLL_MS = 3_600_000;
/** RFC 9773 section 4.3: between a minute and a day, 6 hours where nothing is said. */
const ARI_POLL = { defaultMs: 6 * 3_600_000, minMs: 60_000, maxMs: 86_400_000 };

/** One line that can be shown on any terminal. */
const text = (max: number) => z.string().transform((value) => plain(value, max));

export function plain(value: string, max: number): string {
  return value
    .slice(0, max * 2)
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, max);
}

const url = z
  .string()
  .max(2048)
  .refine((value) => URL.canParse(value) && new URL(value).protocol === 'https:', 'is no https URL');
const instant = z
  .string()
  .max(64)
  .transform((value) => Date.parse(value))
  .refine((ms) => Number.isFinite(ms), 'is no instant');

const problemType = text(200).transform((value) =>
  value.startsWith(PREFIX) ? value.slice(PREFIX.length) : value,
);
const subproblem = z
  .object({
    type: problemType.catch('malformed'),
    detail: text(MAX_TEXT).catch(''),
    identifier: z
      .object({ value: text(253) })
      .optional()
      .catch(undefined),
  })
  .transform(({ type, detail, identifier }) => ({
    type,
    detail,
    ...(identifier === undefined ? {} : { name: identifier.value }),
  }));
const problem = z
  .object({
    type: problemType,
    detail: text(MAX_TEXT).catch(''),
    status: z.number().int().min(100).max(599).optional().catch(undefined),
    instance: url.optional().catch(undefined),
    subproblems: z
      .array(z.unknown())
      .transform((all) => all.slice(0, 100).flatMap((one) => subproblem.safeParse(one).data ?? []))
      .catch([]),
  })
  .transform(
    ({ type, detail, status, instance, subproblems }): AcmeProblem => ({
      type,
      // The page that a person has to open (RFC 8555 section 7.3.3).
      detail: instance === undefined || type !== 'userActionRequired' ? detail : `${detail} (${instance})`,
      ...(status === undefined ? {} : { status }),
      subproblems,
    }),
  );

/** @returns undefined when the answer is no problem document, such as the page of a proxy */
export function problemOf(answer: AcmeAnswer, nowMs: number): AcmeProblem | undefined {
  const type = answer.headers['content-type'] ?? '';
  if (!type.startsWith('application/problem+json') && !type.startsWith('application/json')) return undefined;
  const parsed = problem.safeParse(json(answer.body)).data;
  if (parsed === undefined) return undefined;
  const waitMs = retryAfterMs(answer.headers, nowMs);
  return { ...parsed, status: answer.status, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
}

const directory = z.object({
  newNonce: url,
  newAccount: url,
  newOrder: url,
  revokeCert: url,
  renewalInfo: url.optional().catch(undefined),
  meta: z
    .object({
      termsOfService: url.optional().catch(undefined),
      caaIdentities: z.array(text(253)).max(20).catch([]),
      externalAccountRequired: z.boolean().catch(false),
      profiles: z.record(z.string().max(64), text(300)).catch({}),
    })
    .prefault({ caaIdentities: [], externalAccountRequired: false, profiles: {} }),
});

export interface Directory extends AcmeDirectory {
  readonly urls: {
    readonly newNonce: string;
    readonly newAccount: string;
    readonly newOrder: string;
    readonly revokeCert: string;
    readonly renewalInfo?: string;
  };
}

const MAX_PROFILES = 50;

export function directoryOf(answer: AcmeAnswer): Directory {
  const { meta, renewalInfo, ...urls } = read(directory, answer, 'directory');
  const { termsOfService } = meta;
  return {
    urls: { ...urls, ...(renewalInfo === undefined ? {} : { renewalInfo }) },
    profiles: Object.fromEntries(Object.entries(meta.profiles).slice(0, MAX_PROFILES)),
    hasRenewalInfo: renewalInfo !== undefined,
    externalAccountRequired: meta.externalAccountRequired,
    caaIdentities: meta.caaIdentities,
    ...(termsOfService === undefined ? {} : { termsOfService }),
  };
}

const account = z.object({
  status: z.enum(['valid', 'deactivated', 'revoked']),
  contact: z.array(z.string().max(512)).max(20).optional().catch(undefined),
  orders: url.optional().catch(undefined),
});
export type AccountAnswer = z.output<typeof account>;

export function accountOf(answer: AcmeAnswer): AccountAnswer {
  return read(account, answer, 'account');
}

/** A CA may not sign for more than it was asked; the driver compares. */
const identifier = z.object({ type: z.literal('dns'), value: z.string().min(1).max(253) });

const order = z.object({
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  expires: instant.optional(),
  identifiers: z.array(identifier).min(1).max(200),
  authorizations: z.array(url).max(200),
  finalize: url,
  certificate: url.optional(),
  error: problem.optional().catch(undefined),
});

/** @param url of the order, where it is known otherwise than by the answer's Location */
export function orderOf(answer: AcmeAnswer, url: string | undefined, nowMs: number): AcmeOrder {
  const { status, expires, identifiers, authorizations, finalize, certificate, error } = read(
    order,
    answer,
    'order',
  );
  const retryMs = retryAfterMs(answer.headers, nowMs, MAX_POLL_MS);
  return {
    url: url ?? locationOf(answer, 'order'),
    status,
    names: [...new Set(identifiers.map(({ value }) => value.toLowerCase()))].sort(),
    authorizations: [...new Set(authorizations)],
    finalizeUrl: finalize,
    ...(certificate === undefined ? {} : { certificateUrl: certificate }),
    ...(expires === undefined ? {} : { expiresAtMs: expires }),
    ...(retryMs === undefined ? {} : { retryAfterMs: retryMs }),
    ...(error === undefined ? {} : { problem: error }),
  };
}

const challenge = z.object({
  type: z.enum(CHALLENGE_TYPES),
  url,
  // RFC 8555 section 8.1 has no other characters, and a path is made of it (section 8.3).
  token: z.string().regex(/^[A-Za-z0-9_-]{1,512}$/),
  status: z.enum(['pending', 'processing', 'valid', 'invalid']),
  error: problem.optional().catch(undefined),
});
const authorization = z.object({
  status: z.enum(['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked']),
  identifier,
  wildcard: z.boolean().optional().default(false),
  expires: instant.optional(),
  challenges: z.array(z.looseObject({ type: z.string() })).max(50),
});
const ours: ReadonlySet<string> = new Set(CHALLENGE_TYPES);

export function authorizationOf(answer: AcmeAnswer, url: string, nowMs: number): AcmeAuthorization {
  const {
    status,
    identifier: named,
    wildcard,
    expires,
    challenges,
  } = read(authorization, answer, 'authorization');
  const retryMs = retryAfterMs(answer.headers, nowMs, MAX_POLL_MS);
  return {
    url,
    status,
    name: named.value.toLowerCase(),
    wildcard,
    ...(expires === undefined ? {} : { expiresAtMs: expires }),
    challenges: challenges.flatMap((one) => {
      if (!ours.has(one.type)) return [];
      const { error, ...rest } = parse(challenge, one, answer, 'challenge');
      return [{ ...rest, ...(error === undefined ? {} : { problem: error }) }];
    }),
    ...(retryMs === undefined ? {} : { retryAfterMs: retryMs }),
  };
}

const orders = z.object({ orders: z.array(url).max(10_000) });

export function ordersOf(answer: AcmeAnswer): readonly string[] {
  return read(orders, answer, 'list of orders').orders;
}

const renewalInfo = z
  .object({
    suggestedWindow: z.object({ start: instant, end: instant }),
    explanationURL: url.optional().catch(undefined),
  })
  .refine(({ suggestedWindow: { start, end } }) => start < end, 'the window ends before it begins');

/** RFC 9773 section 4.2. */
export function renewalInfoOf(answer: AcmeAnswer, nowMs: number): RenewalInfo {
  const { suggestedWindow, explanationURL } = read(renewalInfo, answer, 'renewal information');
  const waitMs = retryAfterMs(answer.headers, nowMs, ARI_POLL.maxMs) ?? ARI_POLL.defaultMs;
  return {
    startMs: suggestedWindow.start,
    endMs: suggestedWindow.end,
    ...(explanationURL === undefined ? {} : { explanationUrl: explanationURL }),
    retryAfterMs: Math.max(ARI_POLL.minMs, waitMs),
  };
}

export function locationOf(answer: AcmeAnswer, what: string): string {
  const { location } = answer.headers;
  if (location !== undefined && URL.canParse(location, answer.url)) {
    const resolved = url.safeParse(new URL(location, answer.url).href);
    if (resolved.success) return resolved.data;
  }
  throw notAsHasIt(answer, what, 'it has no Location');
}

export function nonceOf({ headers }: AcmeAnswer): string | undefined {
  const nonce = headers['replay-nonce'];
  return typeof nonce === 'string' && /^[A-Za-z0-9_-]{1,512}$/.test(nonce) ? nonce : undefined;
}

function read<S extends z.ZodType>(schema: S, answer: AcmeAnswer, what: string): z.output<S> {
  return parse(schema, json(answer.body), answer, what);
}

function parse<S extends z.ZodType>(
  schema: S,
  value: unknown,
  answer: AcmeAnswer,
  what: string,
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path.join('.') ?? '';
  throw notAsHasIt(
    answer,
    what,
    value === undefined
      ? 'it is no JSON'
      : plain(`${path}${path === '' ? '' : ': '}${issue?.message ?? ''}`, 200),
  );
}

export function notAsHasIt(answer: AcmeAnswer, what: string, why: string): AcmeNoAnswer {
  return new AcmeNoAnswer(
    `${new URL(answer.url).host} answered ${answer.status} with something that is no ${what} of ACME: ${why}`,
    // A proxy that gave up says nothing about what happened behind it.
    {
      mayBeDone: answer.status < 300 || answer.status >= 500,
      retryAfterMs: answer.status < 300 ? undefined : retryAfterMs(answer.headers, Number.NaN),
    },
  );
}

function json(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
