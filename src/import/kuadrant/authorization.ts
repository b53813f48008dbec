import { quoted } from './attributes.ts';
import type { AuthContext } from './authentication.ts';
import { textsOf } from './authentication.ts';
import { compact } from './documents.ts';
import type { Field } from './ledger.ts';
import { valueExpression } from './patterns.ts';

/** Refuses everybody: what could not be said must not let anybody through. */
const NOBODY = { cel: { expressions: ['false'] } };

/** One rule of `authorization`. What cannot be said denies, and is told. */
export function authorizationRule(rule: Field, context: AuthContext): Readonly<Record<string, unknown>> {
  const when = rule.get('when') === undefined ? [] : context.patterns.list(rule.get('when'));
  const made = check(rule, context);
  const priority = rule.get('priority')?.value;
  rule.exact('priority');
  rule.get('metrics')?.tell('exact', 'every rule has metrics');
  rule.get('cache')?.tell('approximate', 'decisions are remembered as the policy says in `decisions`');
  const as = made ?? NOBODY;
  if (made === undefined)
    rule.leaveOut(
      'the rule denies everybody until you write it: as CEL, or as an authorisation service (`http`)',
    );
  return {
    ...(typeof priority === 'number' && priority > 0 ? { priority } : {}),
    // A rule whose condition could not be said holds always.
    ...compact({ when: when ?? [] }),
    ...as,
  };
}

function check(rule: Field, context: AuthContext): Readonly<Record<string, unknown>> | undefined {
  const matching = rule.get('patternMatching');
  if (matching !== undefined) {
    const expressions = context.patterns.list(matching.get('patterns'));
    return expressions === undefined
      ? undefined
      : { cel: { expressions: expressions.length === 0 ? ['true'] : expressions } };
  }
  const review = rule.get('kubernetesSubjectAccessReview');
  return review === undefined ? undefined : accessReview(review, context);
}

function accessReview(
  review: Field,
  { patterns: { attributes } }: AuthContext,
): Readonly<Record<string, unknown>> | undefined {
  const user = review.get('user');
  const groups = review.get('authorizationGroups');
  const fixed = textsOf(review.get('groups'));
  const userText = user === undefined ? undefined : valueExpression(user, attributes);
  const groupText =
    groups === undefined
      ? fixed.length === 0
        ? undefined
        : `[${fixed.map(quoted).join(', ')}]`
      : valueExpression(groups, attributes);
  review
    .get('groups')
    ?.tell(
      groups === undefined ? 'exact' : 'unsupported',
      groups === undefined ? undefined : '`authorizationGroups` takes their place',
    );
  const asked = review.get('resourceAttributes');
  const resource = Object.fromEntries(
    (asked?.entries() ?? []).flatMap(([name, value]) => {
      const text = valueExpression(value, attributes);
      return text === undefined ? [] : [[name, text]];
    }),
  );
  const lost =
    (user !== undefined && userText === undefined) ||
    (groups !== undefined && groupText === undefined) ||
    Object.keys(resource).length < (asked?.entries().length ?? 0);
  if (lost) return undefined;
  return {
    kubernetesSubjectAccessReview: compact({
      user: userText,
      groups: groupText,
      resource: asked === undefined ? undefined : resource,
    }),
  };
}
