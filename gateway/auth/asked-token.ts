import type { CredentialsLocation, DecisionCaching } from '../../src/policy/model.ts';
import type { DecisionQuestion } from '../decisions/contract.ts';
import type { GatewayRequest } from '../request.ts';
import { type Asking, keyOf } from './asking.ts';
import { type Attempt, FAILURES, isFailure, type Method } from './attempt.ts';
import { DOUBTFUL, findCredential } from './credentials.ts';
import type { FailureBudget } from './failure-budget.ts';

export interface AskedToken<T extends object> {
  readonly credentials: readonly CredentialsLocation[];
  readonly caching: DecisionCaching;
  readonly question: DecisionQuestion<string, T>;
  /** @param answer undefined: nobody could be asked, and the policy lets such requests pass */
  readonly judge: (answer: T | undefined, request: GatewayRequest) => Attempt;
}

/** A token that somebody is asked about. What an address asked in vain counts against its budget; a remembered answer costs nothing. */
export function askedToken<T extends object>(
  { credentials, caching, question, judge }: AskedToken<T>,
  { decisions, scope }: Asking,
  budget: FailureBudget,
): Method {
  return {
    attempt(request) {
      const token = findCredential(credentials, request);
      if (token === undefined) return FAILURES.missing;
      if (token === DOUBTFUL) return FAILURES.doubtful;
      const { address } = request.source;
      if (!budget.mayTry(address)) return FAILURES.throttled;
      const answer = decisions.decide(keyOf(scope, token), caching, question, token);
      if (!(answer instanceof Promise)) return judge(answer, request);
      return answer.then(
        (value) => {
          const attempt = judge(value, request);
          if (isFailure(attempt)) budget.failed(address);
          return attempt;
        },
        () => FAILURES.unavailable,
      );
    },
  };
}
