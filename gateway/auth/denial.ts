import { ERROR_TABLE, type ErrorCode } from '../../src/errors/table.ts';
import type { CelContext } from '../../src/policy/cel-context.ts';
import type { DenyResponse } from '../../src/policy/model.ts';
import { fieldOf, type GatewayRequest } from '../request.ts';
import type { FailureKind } from './attempt.ts';
import type { AuthDenied, Principal } from './contract.ts';
import { expression } from './expressions.ts';
import { headerValue, redirectLocation } from './header-values.ts';

export const CODE_OF: Readonly<Record<FailureKind, ErrorCode>> = {
  missing: 'CREDENTIALS_MISSING',
  invalid: 'CREDENTIALS_INVALID',
  expired: 'CREDENTIALS_EXPIRED',
  revoked: 'CREDENTIALS_REVOKED',
  stale: 'CREDENTIALS_STALE',
  unavailable: 'AUTH_UNAVAILABLE',
  throttled: 'CREDENTIALS_THROTTLED',
  doubtful: 'REQUEST_MALFORMED',
};

/** How a policy says no. */
export interface Denier {
  deny(
    request: GatewayRequest,
    context: CelContext,
    code: ErrorCode,
    challenges: readonly string[],
    principal?: Principal,
  ): AuthDenied;
}

/** @throws PortolanError CEL_INVALID */
export function denierOf(response: DenyResponse): Denier {
  const bodyOf = response.body === undefined ? undefined : expression(response.body, 'text');
  const placeOf = response.redirect === undefined ? undefined : expression(response.redirect, 'text');
  const own = Object.entries(response.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const type = own.find(([name]) => name === 'content-type')?.[1];
  const others = own.filter(([name]) => name !== 'content-type' && name !== 'content-length').flat();

  return {
    deny(request, context, code, challenges, principal) {
      const known = principal === undefined ? {} : { principal };
      const location =
        placeOf !== undefined && isBrowser(request) ? redirectLocation(placeOf(context)) : undefined;
      if (location !== undefined) {
        const fields = ['location', location, 'cache-control', 'no-store', ...others];
        return { allowed: false, status: 302, code, fields, contentType: 'text/plain', body: '', ...known };
      }
      const { status } = response;
      const fields = ['cache-control', 'no-store', ...challengeFields(status, challenges), ...others];
      const text = bodyOf === undefined ? undefined : bodyText(bodyOf(context));
      return text === undefined
        ? { ...problem(request, code, status, fields), ...known }
        : {
            allowed: false,
            status,
            code,
            fields,
            contentType: type ?? 'text/plain; charset=utf-8',
            body: text,
            message: text,
            ...known,
          };
    },
  };
}

/** A refusal that no policy shapes: nobody can be asked, or the request could be read in two ways. */
export function refusal(request: GatewayRequest, code: ErrorCode, status?: number): AuthDenied {
  const told = status ?? ERROR_TABLE[code].status;
  const fields = ['cache-control', 'no-store', ...(told >= 429 ? ['retry-after', '1'] : [])];
  return problem(request, code, told, fields);
}

/** RFC 9457. It says what is wrong in general: nothing of what the client sent. */
function problem(
  request: GatewayRequest,
  code: ErrorCode,
  status: number,
  fields: readonly string[],
): AuthDenied {
  const { meaning, fix } = ERROR_TABLE[code];
  const body = JSON.stringify({
    type: `https://portolan.dev/errors/${code}`,
    code,
    status,
    title: meaning,
    fix,
    requestId: request.id,
  });
  return { allowed: false, status, code, fields, contentType: 'application/problem+json', body };
}

/** RFC 9110 section 15.5.2 wants a challenge with 401; with 403 only a scheme's own says more (RFC 6750 section 3.1). */
function challengeFields(status: number, challenges: readonly string[]): readonly string[] {
  return status === 401 || status === 403 ? challenges.flatMap((text) => ['www-authenticate', text]) : [];
}

function bodyText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return headerValue(value);
}

/** Somebody who can use a login page: a page is asked for, and asking again does no harm. */
function isBrowser(request: GatewayRequest): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  return fieldOf(request.fields, 'accept')?.includes('text/html') === true;
}
