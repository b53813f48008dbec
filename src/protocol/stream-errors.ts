import { Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { PortolanError } from '../errors/error.ts';
import { ERROR_TABLE, type ErrorCode } from '../errors/table.ts';

/** Trailer that carries our code, so that neither end reads messages to know what happened. */
const CODE_TRAILER = 'portolan-code';

/** How a stream ends for this reason. */
export function toStatus(error: PortolanError): StatusObject {
  const metadata = new Metadata();
  metadata.set(CODE_TRAILER, error.code);
  return { code: statusCodeOf(error.code), details: error.message, metadata };
}

/**
 * OpenSSL's words for a chain that would be good at another time; gRPC keeps no code of it. Page:
 * https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
 */
const AT_ANOTHER_TIME: readonly string[] = ['certificate is not yet valid', 'certificate has expired'];

/**
 * Why a stream or a call ended, as the other end said it; CLOCK_SKEW when its certificate is not valid at this machine's time; `unreachable` is for what else gRPC
 * itself reports (no route, TLS).
 */
export function fromServiceError(
  error: ServiceError,
  unreachable: 'HUB_UNREACHABLE' | 'PEER_UNREACHABLE',
): PortolanError {
  const code = error.metadata?.get(CODE_TRAILER)[0];
  if (typeof code === 'string' && isErrorCode(code))
    return new PortolanError(code, error.details, { cause: error });
  const words = AT_ANOTHER_TIME.find((one) => error.details.includes(one));
  if (words !== undefined)
    return new PortolanError(
      'CLOCK_SKEW',
      `the certificate of the other end is not valid by the clock of this machine (${words}): one of the two clocks is wrong`,
      { cause: error, fix: 'Compare the clocks of both machines (NTP).' },
    );
  return new PortolanError(unreachable, error.details, { cause: error });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, code);
}

function statusCodeOf(code: ErrorCode): status {
  switch (ERROR_TABLE[code].status) {
    case 400:
    case 422:
      return status.INVALID_ARGUMENT;
    case 401:
      return status.UNAUTHENTICATED;
    case 403:
      return status.PERMISSION_DENIED;
    case 404:
      return status.NOT_FOUND;
    case 409:
    case 410:
    case 412:
      return status.ABORTED;
    case 413:
    case 429:
      return status.RESOURCE_EXHAUSTED;
    case 503:
      return status.UNAVAILABLE;
    default:
      return status.INTERNAL;
  }
}
