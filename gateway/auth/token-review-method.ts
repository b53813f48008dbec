import type { AuthenticationMethod } from '../../src/policy/model.ts';
import type { DecisionQuestion } from '../decisions/contract.ts';
import { OutboundFailure } from '../outbound/failure.ts';
import { askedToken } from './asked-token.ts';
import { type Asking, askKubernetes, cachingFor } from './asking.ts';
import { type Attempt, FAILURES, type Method } from './attempt.ts';
import { NOBODY, type Principal } from './contract.ts';
import type { FailureBudget } from './failure-budget.ts';
import type { ReviewedToken } from './kubernetes-reviews.ts';

type TokenReviewRule = Extract<AuthenticationMethod, { type: 'tokenReview' }>;

/** A token that a Kubernetes API server is asked about: service accounts, and whatever that server trusts. */
export function tokenReviewMethod(
  method: TokenReviewRule,
  rule: string,
  asking: Asking,
  budget: FailureBudget,
): Method {
  const unknownPasses: Principal = { ...NOBODY, rule, method: 'tokenReview' };

  const question: DecisionQuestion<string, { readonly attempt: Attempt }> = {
    async ask(token) {
      const spec = { token, ...(method.audiences.length === 0 ? {} : { audiences: method.audiences }) };
      const answer = await askKubernetes(method.kubernetes, asking, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec,
      });
      const { tokenReview } = await import('./kubernetes-reviews.ts');
      const review = tokenReview.safeParse(answer);
      if (!review.success) throw new OutboundFailure('answer', 'the API server gives no TokenReview');
      return { attempt: reviewed(review.data.status, method, rule) };
    },
    denied: (answer) => 'failed' in answer.attempt,
  };

  return askedToken(
    {
      credentials: method.credentials,
      caching: cachingFor(asking.caching, method.cacheSeconds),
      question,
      judge: (answer) => answer?.attempt ?? unknownPasses,
    },
    asking,
    budget,
  );
}

function reviewed(status: ReviewedToken, method: TokenReviewRule, rule: string): Attempt {
  const { user } = status;
  if (!status.authenticated || user === undefined || user.username === '') return FAILURES.invalid;
  // A server that does not know audiences answers none: the token is then good for the server alone, not for us.
  const { audiences } = method;
  if (audiences.length > 0 && !audiences.some((audience) => status.audiences.includes(audience))) {
    return FAILURES.invalid;
  }
  return {
    name: user.username,
    rule,
    method: 'tokenReview',
    roles: user.groups,
    scopes: [],
    identity: {
      username: user.username,
      uid: user.uid,
      groups: user.groups,
      extra: user.extra,
      audiences: status.audiences,
    },
  };
}
