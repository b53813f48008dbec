import type { CelContext } from '../../src/policy/cel-context.ts';
import type { AuthorizationRule } from '../../src/policy/model.ts';
import type { GatewayRequest } from '../request.ts';
import { accessReviewCheck } from './access-review.ts';
import type { Asking } from './asking.ts';
import { insufficientScope } from './challenge.ts';
import type { Principal } from './contract.ts';
import { type Condition, conditionOf } from './expressions.ts';
import { externalCheck } from './external-check.ts';
import type { Stripped } from './strip.ts';

/** `unavailable`: who would decide cannot be asked. */
export type Verdict = 'allow' | 'deny' | 'unavailable';

export interface Check {
  readonly name: string;
  /** Undefined: always. */
  readonly when: Condition | undefined;
  /** Never rejects. */
  decide(context: CelContext, request: GatewayRequest, principal: Principal): Verdict | Promise<Verdict>;
  /** `WWW-Authenticate` of a denial, where the scheme has one. */
  readonly challenge?: string;
}

/**
 * @param stripped where credentials stand, which others are not told
 * @throws PortolanError CEL_INVALID, MissingSecret
 */
export function checkOf(rule: AuthorizationRule, asking: Asking, stripped: Stripped): Check {
  const { name, check } = rule;
  // A condition that cannot be judged does not lift a check.
  const when = conditionOf(rule.when, 'true');
  switch (check.type) {
    case 'cel': {
      const condition = conditionOf(check.expressions, 'false');
      return {
        name,
        when,
        decide: (context) => (condition === undefined || condition(context) ? 'allow' : 'deny'),
      };
    }
    case 'roles':
      return { name, when, decide: (_c, _r, principal) => members(principal.roles, check) };
    case 'scopes':
      return {
        name,
        when,
        decide: (_c, _r, principal) => members(principal.scopes, check),
        challenge: insufficientScope([...check.allOf, ...check.anyOf]),
      };
    case 'http':
      return { name, when, decide: externalCheck(check, asking, stripped) };
    case 'subjectAccessReview':
      return { name, when, decide: accessReviewCheck(check, asking) };
  }
}

function members(
  given: readonly string[],
  wanted: { readonly anyOf: readonly string[]; readonly allOf: readonly string[] },
): Verdict {
  const some = wanted.anyOf.length === 0 || wanted.anyOf.some((name) => given.includes(name));
  return some && wanted.allOf.every((name) => given.includes(name)) ? 'allow' : 'deny';
}
