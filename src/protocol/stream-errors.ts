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

/** Why a stream or a call ended, as the other end said it; `unreachable` is for what gRPC itself reports (no route, TLS). */
export function fromServiceError(
  error: ServiceError,
  unreachable: 'HUB_UNREACHABLE' | 'PEER_UNREACHABLE',
): PortolanError {
  const code = error.metadata?.get(CODE_TRAILER)[0];
  if (typeof code === 'string' && isErrorCode(code))
    return new PortolanError(code, error.details, { cause: error });
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
