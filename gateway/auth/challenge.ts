import type { AuthenticationRule } from '../../src/policy/model.ts';
import type { FailureKind } from './attempt.ts';

const REALM = 'realm="gateway"';

/**
 * `WWW-Authenticate` for every way a policy takes (RFC 9110 section 11.6.1), each scheme once. `Bearer` says `invalid_token` when one was
 * shown, and nothing about an error when none was (RFC 6750 section 3.1). What has no registered scheme names its place.
 */
export function challengesOf(rules: readonly AuthenticationRule[], failed: FailureKind): readonly string[] {
  return [...new Set(rules.flatMap((rule) => challengesOfRule(rule, failed)))];
}

function challengesOfRule({ method }: AuthenticationRule, failed: FailureKind): readonly string[] {
  switch (method.type) {
    case 'apiKey':
      return method.credentials.map((location) =>
        location.in === 'authorization'
          ? `${location.scheme} ${REALM}`
          : `ApiKey ${REALM}, ${location.in}="${quoted(location.name)}"`,
      );
    case 'keyPair':
      return method.basic ? [`Basic ${REALM}, charset="UTF-8"`] : [`ApiKey ${REALM}`];
    case 'jwt':
    case 'introspection':
    case 'tokenReview': {
      const scheme = method.credentials.find((location) => location.in === 'authorization')?.scheme;
      return [`${scheme ?? 'Bearer'} ${REALM}${failed === 'missing' ? '' : ', error="invalid_token"'}`];
    }
    case 'mtls':
      return [`ClientCertificate ${REALM}`];
    case 'anonymous':
    case 'plain':
      return [];
  }
}

/** RFC 6750 section 3.1: what a token would have to have. */
export function insufficientScope(scopes: readonly string[]): string {
  return `Bearer ${REALM}, error="insufficient_scope", scope="${quoted(scopes.join(' '))}"`;
}

function quoted(text: string): string {
  return text.replaceAll(/["\\]/g, '\\$&');
}
