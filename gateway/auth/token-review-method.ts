import { z } from 'zod';
import type { AuthenticationMethod } from '../../src/policy/model.ts';
import type { DecisionQuestion } from '../decisions/contract.ts';
import { OutboundFailure } from '../outbound/failure.ts';
import { callForObject } from '../outbound/json.ts';
import { type Asking, cachingFor, keyOf, kubernetesCall } from './asking.ts';
import { type Attempt, FAILURES, type Method } from './attempt.ts';
import { NOBODY, type Principal } from './contract.ts';
import { DOUBTFUL, findCredential } from './credentials.ts';
import type { FailureBudget } from './failure-budget.ts';

type TokenReviewRule = Extract<AuthenticationMethod, { type: 'tokenReview' }>;

/** `authentication.k8s.io/v1` TokenReview, as far as it is used. */
const tokenReview = z.object({
  kind: z.literal('TokenReview'),
  status: z.object({
    authenticated: z.boolean().default(false),
    error: z.string().default(''),
    audiences: z.array(z.string()).default([]),
    user: z
      .object({
        username: z.string().default(''),
        uid: z.string().default(''),
        groups: z.array(z.string()).default([]),
        extra: z.record(z.string(), z.array(z.string())).default({}),
      })
      .optional(),
  }),
});

/** A token that a Kubernetes API server is asked about: service accounts, and whatever that server trusts. */
export function tokenReviewMethod(
  method: TokenReviewRule,
  rule: string,
  asking: Asking,
  budget: FailureBudget,
): Method {
  const caching = cachingFor(asking.caching, method.cacheSeconds);
  const unknownPasses: Principal = { ...NOBODY, rule, method: 'tokenReview' };

  const question: DecisionQuestion<string, { readonly attempt: Attempt }> = {
    async ask(token) {
      const { url, token: own, call } = await kubernetesCall(method.kubernetes, asking);
      const answer = await callForObject(asking.client, {
        url: new URL('/apis/authentication.k8s.io/v1/tokenreviews', url).href,
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${own}` },
        body: JSON.stringify({
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenReview',
          spec: { token, ...(method.audiences.length === 0 ? {} : { audiences: method.audiences }) },
        }),
        ...call,
      });
      const review = tokenReview.safeParse(answer);
      if (!review.success) throw new OutboundFailure('answer', 'the API server gives no TokenReview');
      return { attempt: reviewed(review.data.status, method, rule) };
    },
    denied: (answer) => 'failed' in answer.attempt,
  };

  return {
    attempt(request) {
      const token = findCredential(method.credentials, request);
      if (token === undefined) return FAILURES.missing;
      if (token === DOUBTFUL) return FAILURES.doubtful;
      const { address } = request.source;
      if (!budget.mayTry(address)) return FAILURES.throttled;
      const answer = asking.decisions.decide(keyOf(asking.scope, token), caching, question, token);
      if (!(answer instanceof Promise)) return answer?.attempt ?? unknownPasses;
      return answer.then(
        (value) => {
          const attempt = value?.attempt ?? unknownPasses;
          if ('failed' in attempt) budget.failed(address);
          return attempt;
        },
        () => FAILURES.unavailable,
      );
    },
  };
}

function reviewed(
  status: z.output<typeof tokenReview>['status'],
  method: TokenReviewRule,
  rule: string,
): Attempt {
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
