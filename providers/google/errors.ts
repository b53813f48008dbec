import { z } from 'zod';
import { type DomainName, tryParseName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { ProviderError, type ProviderFailure } from '../contract.ts';

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

/** `Retry-After`: seconds or an HTTP date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null || header === '') return undefined;
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** Errors of a socket that never carried the request: nothing was changed, whatever was asked. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** Codes of certificates that are not trusted. */
const UNTRUSTED = /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO_/;
const TRUST = 'The certificate is not trusted: name a Secret with its authority in `caSecret`.';

/** There was no answer. */
export function errorOfConnection(request: Request, cause: unknown): ProviderError {
  const refused = find(cause, (error) => (error instanceof PortolanError ? error : undefined));
  if (refused !== undefined) return new ProviderError('denied', refused.message, { cause, fix: refused.fix });
  const code = find(cause, codeOf) ?? '';
  const why = find(cause, (error) =>
    error instanceof Error && error.message !== '' ? error.message : undefined,
  );
  const message = `${request.action} of Google Cloud DNS had no answer: ${why ?? String(cause)}`;
  if (UNTRUSTED.test(code)) return new ProviderError('transient', message, { cause, fix: TRUST });
  if (NEVER_SENT.has(code) || !request.writes) return new ProviderError('transient', message, { cause });
  return new ProviderError('ambiguous', message, { cause });
}

/** No access token: nothing was changed. */
export function errorOfToken(cause: unknown, status: number | undefined): ProviderError {
  const refused = find(cause, (error) => (error instanceof PortolanError ? error : undefined));
  if (refused !== undefined) return new ProviderError('denied', refused.message, { cause, fix: refused.fix });
  const why = cause instanceof Error ? cause.message : String(cause);
  const code = find(cause, codeOf);
  if (status === 429)
    return new ProviderError('throttled', `Google refused an access token for now: ${why}`, { cause });
  const passing = status === undefined ? code !== undefined : status >= 500 || status === 408;
  if (passing)
    return new ProviderError('transient', `Google gave no access token: ${why}`, {
      cause,
      fix: UNTRUSTED.test(code ?? '') ? TRUST : undefined,
    });
  return new ProviderError('denied', `Google gave no access token: ${why}`, {
    cause,
    fix: 'Write a key that is in force into `credentials.json` of the Secret, or give the hub application default credentials (on GKE: a Kubernetes service account with workload identity).',
  });
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The first hit along the chain of causes; the deepest error says most, so it is looked at first. */
function find<T>(thrown: unknown, look: (error: unknown) => T | undefined): T | undefined {
  const chain: unknown[] = [];
  for (let error = thrown; error !== undefined && error !== null && chain.length < 8; ) {
    chain.push(error);
    error = typeof error === 'object' && 'cause' in error ? error.cause : undefined;
  }
  for (const error of chain.reverse()) {
    const hit = look(error);
    if (hit !== undefined) return hit;
  }
  return undefined;
}
