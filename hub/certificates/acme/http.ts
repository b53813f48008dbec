import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request as requestHttps } from 'node:https';
import { errorCode } from '../../../prober/network-failure.ts';
import type { OutboundGuard } from '../../../providers/contract.ts';
import { messageOf, PortolanError } from '../../../src/errors/error.ts';
import { AcmeNoAnswer } from './error.ts';

export interface AcmeRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  /** https. */
  readonly url: string;
  /** A signed request. */
  readonly body?: string;
  readonly accept?: string;
}

export interface AcmeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** After redirects. */
  readonly url: string;
}

/** Connections to one CA. */
export interface AcmeHttp {
  /**
   * One request. Redirects are followed for GET only, each checked as the first address was (I32); nothing is sent twice.
   * @throws AcmeNoAnswer
   * @throws PortolanError ADDRESS_FORBIDDEN
   */
  send(request: AcmeRequest, signal: AbortSignal): Promise<AcmeAnswer>;
  close(): void;
}

/** The longest chain with the longest names has a tenth of it. */
const MAX_ANSWER_OCTETS = 1 << 20;
const TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 3;
/** At once, to one CA: with more, nonces and limits of requests run out before time is won. */
const MAX_CONNECTIONS = 8;
/** CAs close idle connections after a minute or more; a request written to one just closed would be lost. */
const IDLE_MS = 10_000;

export function createAcmeHttp(options: {
  readonly guard: OutboundGuard;
  /** PEM, instead of the system's roots. */
  readonly ca: string | undefined;
  /** Of this program, for User-Agent (RFC 8555 section 6.1). */
  readonly version: string;
  readonly timeoutMs?: number | undefined;
}): AcmeHttp {
  const { guard, ca, version, timeoutMs = TIMEOUT_MS } = options;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: MAX_CONNECTIONS,
    maxFreeSockets: MAX_CONNECTIONS,
    timeout: IDLE_MS,
    ...(ca === undefined ? {} : { ca }),
  });

  function once(url: URL, { method, body, accept }: AcmeRequest, signal: AbortSignal): Promise<AcmeAnswer> {
    return new Promise((resolve, reject) => {
      let reached = false;
      const ended = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
      };
      const fail = (thrown: unknown): void => {
        ended();
        reject(noAnswer(url, thrown, reached && method === 'POST'));
      };
      const request = requestHttps(
        url,
        {
          method,
          agent,
          lookup: guard.lookup,
          headers: {
            'User-Agent': `portolan/${version}`,
            'Accept-Language': 'en',
            Accept: accept ?? 'application/json, application/problem+json',
            ...(body === undefined
              ? {}
              : { 'Content-Type': 'application/jose+json', 'Content-Length': Buffer.byteLength(body) }),
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          let octets = 0;
          response.on('data', (part: Buffer) => {
            octets += part.length;
            if (octets > MAX_ANSWER_OCTETS)
              request.destroy(new Error(`the answer has more than ${MAX_ANSWER_OCTETS} octets`));
            else parts.push(part);
          });
          response.on('error', fail);
          response.on('aborted', () => fail(new Error('the answer broke off')));
          response.on('end', () => {
            ended();
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(parts).toString('utf8'),
              url: url.href,
            });
          });
        },
      );
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      const aborted = (): void => void request.destroy(PortolanError.from(signal.reason));
      signal.addEventListener('abort', aborted, { once: true });
      request.on('socket', (socket) => {
        if (request.reusedSocket) reached = true;
        else
          socket.once('secureConnect', () => {
            reached = true;
          });
      });
      request.on('error', fail);
      request.end(body);
      if (signal.aborted) aborted();
    });
  }

  return {
    async send(request, signal) {
      let url = checked(request.url, guard);
      for (let redirects = 0; ; redirects += 1) {
        const answer = await once(url, request, signal);
        const { location } = answer.headers;
        if (answer.status < 300 || answer.status >= 400) return answer;
        if (request.method !== 'GET' || location === undefined || redirects === MAX_REDIRECTS)
          throw new AcmeNoAnswer(`${url.host} redirects (${answer.status}) what may not be redirected`, {
            mayBeDone: false,
          });
        url = checked(location, guard, url);
      }
    },
    close: () => agent.destroy(),
  };
}

function checked(text: string, guard: OutboundGuard, base?: URL): URL {
  let url: URL;
  try {
    url = new URL(text, base);
  } catch {
    throw new AcmeNoAnswer('the CA names an address that is none', { mayBeDone: false });
  }
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw new AcmeNoAnswer(`the CA names an address on ${url.host} that is not plain https`, {
      mayBeDone: false,
    });
  guard.check(url.hostname);
  return url;
}

function noAnswer(url: URL, thrown: unknown, mayBeDone: boolean): PortolanError {
  if (thrown instanceof PortolanError) return thrown;
  return new AcmeNoAnswer(`${url.host} does not answer: ${messageOf(thrown)}`, {
    mayBeDone,
    cause: thrown,
    fix: FIXES[errorCode(thrown) ?? ''],
  });
}

const TRUST =
  "Nobody that this machine trusts vouches for the CA's server: put its roots into a Secret and name that in `spec.acme.caSecret`.";
const CLOCK =
  "Correct this machine's clock (NTP); if it is right, the CA's own certificate has run out, and it is tried again.";

/** What does not pass by waiting, by codes of Node and OpenSSL. */
const FIXES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'Correct the host in `spec.acme.directory`, or have it resolved where the hub runs.',
  DEPTH_ZERO_SELF_SIGNED_CERT: TRUST,
  SELF_SIGNED_CERT_IN_CHAIN: TRUST,
  UNABLE_TO_GET_ISSUER_CERT: TRUST,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TRUST,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TRUST,
  ERR_TLS_CERT_ALTNAME_INVALID:
    'Write the host in `spec.acme.directory` as the certificate of the CA has it.',
  CERT_HAS_EXPIRED: CLOCK,
  CERT_NOT_YET_VALID: CLOCK,
};
