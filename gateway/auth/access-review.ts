import type { CelContext } from '../../src/policy/cel-context.ts';
import { celText } from '../../src/policy/cel-values.ts';
import type { AuthorizationRule } from '../../src/policy/model.ts';
import type { DecisionQuestion } from '../decisions/contract.ts';
import { OutboundFailure } from '../outbound/failure.ts';
import type { GatewayRequest } from '../request.ts';
import { type Asking, askKubernetes, cachingFor, keyOf } from './asking.ts';
import type { Check, Verdict } from './authorization.ts';
import { expression } from './expressions.ts';

type ReviewCheck = Extract<AuthorizationRule['check'], { type: 'subjectAccessReview' }>;

interface Reviewed {
  readonly allowed: boolean;
}

/** Asks the RBAC of a Kubernetes cluster. */
export function accessReviewCheck(check: ReviewCheck, asking: Asking): Check['decide'] {
  const caching = cachingFor(asking.caching, check.cacheSeconds);
  const userOf = expression(check.user, 'text');
  const groupsOf = check.groups === undefined ? undefined : expression(check.groups, 'list');
  const resource = Object.entries(check.resource ?? {}).map(
    ([name, text]) => [name, expression(text, 'text')] as const,
  );

  const question: DecisionQuestion<object, Reviewed> = {
    async ask(spec) {
      const answer = await askKubernetes(check.kubernetes, asking, {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec,
      });
      const { accessReview } = await import('./kubernetes-reviews.ts');
      const review = accessReview.safeParse(answer);
      if (!review.success) {
        throw new OutboundFailure('answer', 'the API server gives no SubjectAccessReview');
      }
      return { allowed: review.data.status.allowed && !review.data.status.denied };
    },
    denied: (answer) => !answer.allowed,
  };
  const verdict = (answer: Reviewed | undefined): Verdict =>
    answer === undefined || answer.allowed ? 'allow' : 'deny';

  const specOf = (context: CelContext, request: GatewayRequest): object | undefined => {
    const user = celText(userOf(context));
    if (user === undefined || user === '') return undefined;
    const groups = groupsOf?.(context);
    if (groupsOf !== undefined && !Array.isArray(groups)) return undefined;
    const who = {
      user,
      ...(Array.isArray(groups) ? { groups: groups.filter((g): g is string => typeof g === 'string') } : {}),
    };
    if (check.resource === undefined) {
      return {
        ...who,
        nonResourceAttributes: { path: request.path, verb: request.method.toLowerCase() },
      };
    }
    const attributes = resource.map(([name, of]) => [name, celText(of(context))] as const);
    // An attribute that cannot be said would widen the question: an empty name asks for all.
    if (attributes.some(([, value]) => value === undefined)) return undefined;
    return { ...who, resourceAttributes: Object.fromEntries(attributes.filter(([, value]) => value !== '')) };
  };

  return (context, request) => {
    const spec = specOf(context, request);
    if (spec === undefined) return 'deny';
    const answer = asking.decisions.decide(
      keyOf(asking.scope, JSON.stringify(spec)),
      caching,
      question,
      spec,
    );
    return answer instanceof Promise ? answer.then(verdict, (): Verdict => 'unavailable') : verdict(answer);
  };
}
