import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type OutboundGuard, ProviderError } from '../contract.ts';
import { noAnswer } from '../no-answer.ts';

/** Where the API is, and by which key it is asked. */
export interface ApiEndpoint {
  /** Base URL, such as `https://ns1.example.com:8081`; a path before `/api` is kept. */
  readonly url: URL;
  readonly apiKey: string;
  readonly ca: string | undefined;
  readonly guard: OutboundGuard;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
  readonly retryAfter: string | undefined;
}

/** A zone of half a million sets in JSON; more is refused before it fills the memory, also when many servers send it at once. */
const MAX_ANSWER_OCTETS = 64 << 20;
/** Nothing comes for so long: the connection is given up. Twice what a server under load, or a proxy before it, takes for an answer. */
const IDLE_MS = 60_000;

/**
 * One request; redirects are not followed (I32).
 * @throws ProviderError `transient` when nothing was sent or only something read, `ambiguous` when a change may have been made
 */
export async function requestApi(
  { url: base, apiKey, ca, guard }: ApiEndpoint,
  method: 'GET' | 'PATCH',
  path: string,
  body: string | undefined,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  const url = new URL(`${base.pathname.replace(/\/$/, '')}/api/v1${path}`, base);
  try {
    guard.check(url.hostname);
  } catch (thrown) {
    throw ProviderError.from('denied', thrown);
  }
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    let sent = false;
    const fail = (error: unknown): void =>
      reject(noAnswer(url.host, error, { writes: sent && method === 'PATCH' }));
    const request = send(
      url,
      {
        method,
        // One connection each: a request is never written to one that the server has just closed.
        agent: false,
        lookup: guard.lookup,
        ...(ca === undefined ? {} : { ca }),
        headers: {
          'X-API-Key': apiKey,
          Accept: 'application/json',
          ...(body === undefined
            ? {}
            : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }),
        },
        signal,
      },
      (response) => {
        const parts: Buffer[] = [];
        let octets = 0;
        response.on('data', (part: Buffer) => {
          octets += part.length;
          if (octets > MAX_ANSWER_OCTETS) request.destroy(new Error('the answer is too big'));
          else parts.push(part);
        });
        response.on('error', (error) => fail(error));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: bodyOf(response.statusCode ?? 0, Buffer.concat(parts).toString('utf8'), apiKey),
            retryAfter: response.headers['retry-after'],
          }),
        );
      },
    );
    request.setTimeout(IDLE_MS, () => request.destroy(new Error(`nothing came for ${IDLE_MS} ms`)));
    request.on('socket', (socket) => {
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
        sent = true;
      });
    });
    request.on('error', (error) => fail(error));
    request.end(body);
  });
}

/** I33: proxies and debugging servers refuse with what they were sent, and what they say is shown to people. */
function bodyOf(status: number, text: string, apiKey: string): string {
  return status >= 200 && status < 300 ? text : text.replaceAll(apiKey, '***');
}
