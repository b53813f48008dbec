import type { DomainName } from '../../src/dns/name.ts';
import { ProviderError } from '../contract.ts';
import { retryAfterMs } from '../no-answer.ts';
import type { ApiAnswer } from './http.ts';
import { failure } from './wire.ts';

/** What a request was about. */
export interface Asked {
  readonly method: 'GET' | 'PATCH';
  /** For messages: `zone example.com.`. */
  readonly what: string;
  /** Names in the request: PowerDNS tells the one that it refuses. */
  readonly names: readonly DomainName[];
}

/** Why an answer is no success; `undefined` when it is one. The API has no error codes but those of HTTP. */
export function failureOf(answer: ApiAnswer, asked: Asked): ProviderError | undefined {
  const { status } = answer;
  if (status >= 200 && status < 300) return undefined;
  const said = `PowerDNS answered ${status} to ${asked.method} ${asked.what}: ${messageIn(answer)}`;
  switch (status) {
    case 401:
    case 403:
      return new ProviderError('denied', said, {
        fix: 'Write the value of `api-key` in pdns.conf into the key `apiKey` of the Secret, and add the address of the hub to `webserver-allow-from`.',
      });
    case 404:
      return new ProviderError('gone', said, {
        fix: 'Create the zone by `pdnsutil create-zone`, or correct `spec.zones` or `spec.powerdns.server` (the server id, nearly always `localhost`).',
      });
    case 400:
    case 409:
    case 422:
      return new ProviderError('invalid', said, { group: refusedName(answer, asked.names) });
    case 413:
      return new ProviderError('unsupported', said, { fix: 'Raise `webserver-max-bodysize` in pdns.conf.' });
    case 429:
      return new ProviderError('throttled', said, { retryAfterMs: retryAfterMs(answer.retryAfter) });
    case 405:
    case 501:
      return new ProviderError('unsupported', said, { fix: 'Set `api=yes` in pdns.conf.' });
    case 502:
    case 503:
    case 504:
      // What stands in front of PowerDNS: a 503 was not passed on.
      return new ProviderError(asked.method === 'PATCH' && status !== 503 ? 'ambiguous' : 'transient', said, {
        retryAfterMs: retryAfterMs(answer.retryAfter),
      });
    default:
      if (status >= 300 && status < 400)
        return new ProviderError('denied', said, {
          fix: 'Write the address that it leads to into `spec.powerdns.url`: redirects are not followed.',
        });
      return new ProviderError(asked.method === 'PATCH' ? 'ambiguous' : 'transient', said);
  }
}

function messageIn({ body }: ApiAnswer): string {
  try {
    return failure.parse(JSON.parse(body)).error;
  } catch {
    return body.slice(0, 200).trim() || 'no explanation';
  }
}

/** `Record www.example.com./A '…'`, `RRset www.example.com. IN A: …`, `Name 'www.example.com.' contains …`. */
function refusedName(answer: ApiAnswer, names: readonly DomainName[]): DomainName | undefined {
  const name = /^(?:Record |RRset |Name ')([^\s/']+)/.exec(messageIn(answer))?.[1]?.toLowerCase();
  return names.find((candidate) => candidate === name);
}
