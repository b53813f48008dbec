import { type Failure, failureKind } from '../../src/certificates/failures.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import { AcmeError, AcmeNoAnswer } from './acme/error.ts';
import { OrderOver, WouldPassLimit } from './order-end.ts';

/** What is to be kept of whatever was thrown. */
export function failureOf(thrown: unknown, issuer: ObjectKey, atMs: number): Failure {
  const error = thrown instanceof OrderOver ? thrown.why : PortolanError.from(thrown);
  const problem = error instanceof AcmeError ? error.problem : undefined;
  const told = error instanceof AcmeNoAnswer ? error.retryAfterMs : problem?.retryAfterMs;
  const retryAfterMs = error instanceof WouldPassLimit ? Math.max(0, error.atMs - atMs) : told;
  return {
    atMs,
    issuer,
    kind: failureKind(error.code, problem?.type),
    code: error.code,
    message: error.message,
    fix: error.fix,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
