import { z } from 'zod';
import { messageOf, PortolanError } from '../errors/error.ts';
import { ERROR_TABLE, type ErrorCode } from '../errors/table.ts';

const text = z.string();
const problemBody = z.object({
  code: text,
  detail: text,
  fix: text,
  cause: text.optional(),
  violations: z.array(z.object({ path: text, code: text, message: text, fix: text })).default([]),
});

/** The PortolanError a problem body stands for; `undefined` when it is none. A code of a newer hub becomes INTERNAL and is named. */
export function errorOfProblem(body: unknown): PortolanError | undefined {
  const parsed = problemBody.safeParse(body);
  if (!parsed.success) return undefined;
  const { code, detail, fix, cause, violations } = parsed.data;
  const message = isErrorCode(code) ? detail : `${code}: ${detail}`;
  return new PortolanError(known(code), message, {
    fix,
    violations: violations.map((v) => ({ ...v, code: known(v.code) })),
    ...(cause === undefined ? {} : { cause: new Error(cause) }),
  });
}

/** What a response that is no success means. */
export async function errorOfResponse(response: Response, server: string): Promise<PortolanError> {
  const body = await response.text().catch(() => '');
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = undefined;
  }
  return (
    errorOfProblem(parsed) ??
    new PortolanError(
      'HUB_UNREACHABLE',
      `${server} answered ${response.status}, but not as a Portolan hub does`,
      {
        fix: "Check that --server (or PORTOLAN_SERVER) is the address of the hub's API and that no proxy stands between.",
      },
    )
  );
}

/**
 * What a failed connection means.
 * @param timeoutMs after how long the request was given up, when it was bounded
 */
export function unreachable(thrown: unknown, server: string, timeoutMs?: number): PortolanError {
  if (thrown instanceof PortolanError) return thrown;
  const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
  // The code of a DOMException is a number that says nothing.
  const code =
    typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string'
      ? cause.code
      : '';
  const gaveUp = thrown instanceof Error && thrown.name === 'TimeoutError' && timeoutMs !== undefined;
  const why = gaveUp
    ? `no answer within ${timeoutMs / 1000} s`
    : code === ''
      ? messageOf(cause)
      : `${code}${messageOf(cause).includes(code) ? '' : `: ${messageOf(cause)}`}`;
  const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code);
  return new PortolanError(
    'HUB_UNREACHABLE',
    `the hub at ${server} cannot be reached: ${why === '' ? 'no answer' : why}`,
    {
      cause: thrown,
      fix: untrusted
        ? 'Its certificate is not trusted here: set NODE_EXTRA_CA_CERTS to the PEM file of the CA that signed it.'
        : `Check that the hub runs (\`portolan hub\`) and that --server (or PORTOLAN_SERVER) is right; now it is ${server}.`,
    },
  );
}

function known(code: string): ErrorCode {
  return isErrorCode(code) ? code : 'INTERNAL';
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, code);
}
