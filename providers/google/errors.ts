import { z } from 'zod';
import { type DomainName, tryParseName } from '../../src/dns/name.ts';
import { messageOf } from '../../src/errors/error.ts';
import { ProviderError, type ProviderFailure } from '../contract.ts';
import { causesOf, codeOf, forbiddenBy, noAnswer, retryAfterMs } from '../no-answer.ts';

/** What an answer of the API that is not 2xx says. https://cloud.google.com/dns/docs/reference/rest/v1#errors */
export interface Refusal {
  readonly status: number;
  readonly message: string;
  /** `alreadyExists`, `conditionNotMet`, `rateLimitExceeded` … */
  readonly reason: string;
  /** Field of the request, such as `entity.change.additions[3].rrdata[0]`; from the message, where `location` is missing. */
  readonly location: string;
}

const errorBody = z.object({
  error: z.object({
    message: z.string().optional(),
    status: z.string().optional(),
    errors: z
      .array(
        z.object({
          message: z.string().optional(),
          reason: z.string().optional(),
          location: z.string().optional(),
        }),
      )
      .optional(),
  }),
});

/** An answer with another status than 2xx. */
export function refusalOf(status: number, body: unknown): Refusal {
  const parsed = errorBody.safeParse(body);
  const error = parsed.success ? parsed.data.error : undefined;
  const [first] = error?.errors ?? [];
  const message = first?.message ?? error?.message ?? `HTTP status ${status}`;
  return {
    status,
    message,
    reason: first?.reason ?? error?.status ?? '',
    location: first?.location ?? /entity\.change\.(?:additions|deletions)\S*/.exec(message)?.[0] ?? '',
  };
}

/** A set of a change, and the owned name it is there for; the fence is there for none. */
export interface SentSet {
  readonly name: DomainName;
  readonly group: DomainName | undefined;
}

/** What was asked, for messages and for whether a failure leaves it open if something was written. */
export interface Request {
  /** `changes.create`: the method of the API, as IAM's permission `dns.changes.create` names it. */
  readonly action: string;
  readonly writes: boolean;
  /** Where it has one: the managed zone. */
  readonly zone?: string;
  /** Sets of additions and deletions, by their place in the request. */
  readonly additions?: readonly SentSet[];
  readonly deletions?: readonly SentSet[];
}

/** Reasons with which the API says that it was asked too often or too much. */
const QUOTA_REASONS: ReadonlySet<string> = new Set([
  'rateLimitExceeded',
  'userRateLimitExceeded',
  'dailyLimitExceeded',
  'quotaExceeded',
  'RESOURCE_EXHAUSTED',
]);

export function errorOfRefusal(
  request: Request,
  refusal: Refusal,
  retryAfter: string | null,
  now: number,
): ProviderError {
  const { status, message, reason } = refusal;
  const said = `Google Cloud DNS answered ${request.action} with ${status}${reason === '' ? '' : ` ${reason}`}: ${message}`;
  const failed = (failure: ProviderFailure, fix?: string, group?: DomainName): ProviderError =>
    new ProviderError(failure, said, { fix, group, retryAfterMs: retryAfterMs(retryAfter, now) });

  // Too much in one change, which does not pass by itself.
  if (status === 413) return failed('invalid');
  // A deletion of what is not there is `404 notFound` of a field of the request, not of the zone.
  if (status === 404 && refusal.location.startsWith('entity.change.')) return failed('conflict');
  // 403 is used for quotas, too: the reason tells.
  if (status === 429 || QUOTA_REASONS.has(reason))
    return failed(
      'throttled',
      'Lower `requestsPerSecond` of the DNSProvider, or ask for a higher quota: https://cloud.google.com/dns/quotas.',
    );
  if (status === 401)
    return failed(
      'denied',
      'The access token was not accepted. Write a key that is in force into `credentials.json` of the Secret.',
    );
  if (status === 403)
    return failed(
      'denied',
      `Grant the service account the permission dns.${request.action}: \`roles/dns.admin\` on the managed zone and \`roles/dns.reader\` on the project hold all that is needed. If the API is not enabled: gcloud services enable dns.googleapis.com.`,
    );
  if (status === 404)
    return request.zone === undefined
      ? failed(
          'gone',
          'There is no such project, or the credentials do not see it: look at `spec.google.project`.',
        )
      : failed(
          'gone',
          `There is no managed zone ${request.zone}: make it again, or take it out of spec.zones.`,
        );
  if (status === 409 || status === 412) return failed('conflict');
  if (status === 400) return failed('invalid', undefined, groupOf(request, refusal));
  // 408, 5xx, and what nobody foresaw.
  return failed(request.writes ? 'ambiguous' : 'transient');
}

/** The owned name that a refusal is about. Google writes `additions[3]` and `additions[www.example.com.][CNAME]`. */
function groupOf(request: Request, { location }: Refusal): DomainName | undefined {
  const [, list, key = ''] = /(additions|deletions)\[([^\]]*)\]/.exec(location) ?? [];
  if (list === undefined) return undefined;
  const sent = (list === 'additions' ? request.additions : request.deletions) ?? [];
  if (/^\d+$/.test(key)) return sent[Number(key)]?.group;
  const name = tryParseName(key);
  return sent.find((set) => set.name === name)?.group;
}

/** There was no answer. */
export function errorOfConnection(request: Request, cause: unknown): ProviderError {
  return noAnswer(`${request.action} of Google Cloud DNS had no answer`, cause, { writes: request.writes });
}

/** No access token: nothing was changed. */
export function errorOfToken(cause: unknown, status: number | undefined): ProviderError {
  const forbidden = forbiddenBy(cause);
  if (forbidden !== undefined) return forbidden;
  const why = messageOf(cause);
  if (status === 429)
    return new ProviderError('throttled', `Google refused an access token for now: ${why}`, { cause });
  if (status === undefined && causesOf(cause).some((error) => codeOf(error) !== undefined))
    return noAnswer('Google gave no access token', cause, { writes: false });
  if (status !== undefined && (status >= 500 || status === 408))
    return new ProviderError('transient', `Google gave no access token: ${why}`, { cause });
  return new ProviderError('denied', `Google gave no access token: ${why}`, {
    cause,
    fix: 'Write a key that is in force into `credentials.json` of the Secret, or give the hub application default credentials (on GKE: a Kubernetes service account with workload identity).',
  });
}
