import { request } from 'node:https';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { ERROR_TABLE, type ErrorCode } from '../src/errors/table.ts';
import { HUB_SERVER_NAME } from '../src/identity/certificate.ts';
import { MAX_JOIN_REPLY_OCTETS } from '../src/protocol/join-messages.ts';

export interface HubReply {
  readonly body: string;
  /** The hub's wall clock when it answered, if it said so; believed only as far as the connection is. */
  readonly hubWallMs: number | undefined;
}

export interface HubRequest {
  /** `https://host:port` of a join listener. */
  readonly origin: string;
  readonly path: '/ca' | '/join' | '/challenge' | '/renew';
  /** Sent as JSON by POST when present. */
  readonly json?: unknown;
  /**
   * PEM of the only CAs trusted, under the hub's fixed name. `'nobody'`: the server is not verified, and nothing it says
   * is believed before it was compared with something that is; only for `/ca`.
   */
  readonly trust: string | 'nobody';
  readonly timeoutMs: number;
}

/** TLS failures that mean "not valid at this time" rather than "not valid". */
const TIME_ERRORS: readonly string[] = ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'];

/** A TLS failure because of the time; the caller knows the hub's time and turns it into CLOCK_SKEW. */
export class CertificateTimeError extends Error {}

/**
 * One request to a hub's join listener.
 * @throws PortolanError HUB_UNREACHABLE, CA_PIN_MISMATCH (a server with another CA answered), or the hub's own error
 * @throws CertificateTimeError
 */
export async function askHub(options: HubRequest): Promise<HubReply> {
  const body = options.json === undefined ? undefined : JSON.stringify(options.json);
  const tls =
    options.trust === 'nobody' && options.path === '/ca'
      ? { rejectUnauthorized: false }
      : { ca: options.trust };
  return await new Promise<HubReply>((resolve, reject) => {
    const outgoing = request(
      `${options.origin}${options.path}`,
      {
        ...tls,
        method: body === undefined ? 'GET' : 'POST',
        servername: HUB_SERVER_NAME,
        minVersion: 'TLSv1.3',
        agent: false,
        signal: AbortSignal.timeout(options.timeoutMs),
        headers:
          body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_JOIN_REPLY_OCTETS) outgoing.destroy(new Error('the reply is too long'));
          chunks.push(chunk);
        });
        response.on('error', (error) => reject(unreachable(options.origin, error)));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const wall = Number(response.headers['x-portolan-wall-ms']);
          if (response.statusCode === 200) {
            resolve({ body: text, hubWallMs: Number.isFinite(wall) ? wall : undefined });
          } else {
            reject(problemFrom(text, options.origin, response.statusCode ?? 0));
          }
        });
      },
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) => reject(connectionError(options, error)));
    outgoing.end(body);
  });
}

function connectionError(options: HubRequest, error: NodeJS.ErrnoException): Error {
  const code = error.code ?? '';
  if (TIME_ERRORS.includes(code)) return new CertificateTimeError(messageOf(error), { cause: error });
  const untrusted =
    code === 'SELF_SIGNED_CERT_IN_CHAIN' ||
    code === 'DEPTH_ZERO_SELF_SIGNED_CERT' ||
    code === 'CERT_SIGNATURE_FAILURE' ||
    code === 'ERR_TLS_CERT_ALTNAME_INVALID' ||
    code === 'INVALID_PURPOSE' ||
    code.startsWith('UNABLE_TO_');
  if (untrusted) {
    return new PortolanError('CA_PIN_MISMATCH', `the server at ${options.origin} is not the hub (${code})`, {
      cause: error,
    });
  }
  return unreachable(options.origin, error);
}

function unreachable(origin: string, error: Error): PortolanError {
  const reason =
    error.name === 'AbortError' || error.name === 'TimeoutError'
      ? 'it did not answer in time'
      : messageOf(error);
  return new PortolanError('HUB_UNREACHABLE', `the hub at ${origin} cannot be reached: ${reason}`, {
    cause: error,
    fix: 'Check that the hub runs, that its join address is right and that no firewall is in between.',
  });
}

/** The hub's problem document as the error it was; anything else is not a hub's answer. */
function problemFrom(text: string, origin: string, status: number): PortolanError {
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === 'object' && problem !== null && 'code' in problem && isErrorCode(problem.code)) {
      const detail =
        'detail' in problem && typeof problem.detail === 'string' ? problem.detail : `HTTP ${status}`;
      const fix = 'fix' in problem && typeof problem.fix === 'string' ? { fix: problem.fix } : {};
      return new PortolanError(problem.code, detail, fix);
    }
  } catch {
    // Not JSON: said below.
  }
  return new PortolanError('HUB_UNREACHABLE', `${origin} answered with HTTP ${status}, not as a hub does`, {
    fix: "Check the join address: it is the hub's join listener, not its API.",
  });
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_TABLE, value);
}
