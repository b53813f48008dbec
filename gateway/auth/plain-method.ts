import type { AuthenticationMethod } from '../../src/policy/model.ts';
import { FAILURES, type Method } from './attempt.ts';
import { NOBODY, type Principal } from './contract.ts';
import { DOUBTFUL, fieldOnce } from './credentials.ts';

type Plain = Extract<AuthenticationMethod, { type: 'plain' }>;

/** A name in a header that a trusted proxy sets. From others it does not count, as if it was not there. */
export function plainMethod(method: Plain, rule: string): Method {
  const name = method.header.toLowerCase();
  return {
    attempt(request) {
      if (!request.source.trusted) return FAILURES.missing;
      const value = fieldOnce(request.fields, name);
      if (value === DOUBTFUL) return FAILURES.doubtful;
      if (value === undefined || value === '') return FAILURES.missing;
      return { name: value, rule, method: 'plain', roles: [], scopes: [], identity: {} };
    },
  };
}

/** Nobody in particular: always there, so a policy names it last. */
export function anonymousMethod(rule: string): Method {
  const nobody: Principal = Object.freeze({ ...NOBODY, rule, method: 'anonymous' });
  return { attempt: () => nobody };
}
