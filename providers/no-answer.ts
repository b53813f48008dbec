import { messageOf, PortolanError } from '../src/errors/error.ts';
import { ProviderError } from './contract.ts';

/** Codes of a socket that never carried the request: nothing was changed, whatever was asked. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

/** Node's codes for certificates that are not trusted, out of date, or another host's: the request was not sent either. */
const UNTRUSTED = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT)/;
const TRUST =
  'Name the Secret with the certificate authority of the server in `caSecret`, and in the address the host that its certificate is for.';

/**
 * What it means that a request had no answer: `denied` when the guard refused the address (I32), `transient` while nothing can have been
 * changed, else `ambiguous`.
 *
 * @param about begins the message, such as `ns1.example.com:8081`
 * @param writes what was sent may change something
 */
export function noAnswer(
  about: string,
  thrown: unknown,
  { writes }: { readonly writes: boolean },
): ProviderError {
  const forbidden = forbiddenBy(thrown);
  if (forbidden !== undefined) return forbidden;
  const chain = causesOf(thrown);
  const codes = chain.flatMap((error) => codeOf(error) ?? []);
  const why = chain.map(messageOf).findLast((message) => message !== '') ?? 'the connection broke';
  const untrusted = codes.some((code) => UNTRUSTED.test(code));
  const sent = !untrusted && !codes.some((code) => NEVER_SENT.has(code));
  return new ProviderError(writes && sent ? 'ambiguous' : 'transient', `${about}: ${why}`, {
    cause: thrown,
    fix: untrusted ? TRUST : undefined,
  });
}

/** The guard's refusal of an address, wherever it stands among the causes (I32). */
export function forbiddenBy(thrown: unknown): ProviderError | undefined {
  const refusal = causesOf(thrown).find(
    (error) => error instanceof PortolanError && error.code === 'ADDRESS_FORBIDDEN',
  );
  return refusal === undefined ? undefined : ProviderError.from('denied', refusal);
}

/** What was thrown, what caused it, and what caused that. Eight are enough for every SDK, and end a circle. */
export function causesOf(thrown: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let error = thrown; error !== undefined && error !== null && chain.length < 8; ) {
    chain.push(error);
    error = typeof error === 'object' && 'cause' in error ? error.cause : undefined;
  }
  return chain;
}

/** The code of an error of the system or of TLS. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * `Retry-After` in milliseconds: seconds or an HTTP date (RFC 9110, section 10.2.3).
 * @param wallMs milliseconds since 1970; without it a date says nothing
 */
export function retryAfterMs(header: string | null | undefined, wallMs = Number.NaN): number | undefined {
  if (header === null || header === undefined || header === '') return undefined;
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at - wallMs) ? undefined : Math.max(0, at - wallMs);
}
