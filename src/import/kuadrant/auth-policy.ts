import { type AuthContext, authenticationRule } from './authentication.ts';
import { authorizationRule } from './authorization.ts';
import { compact } from './documents.ts';
import { identityAttributes } from './identity.ts';
import type { Field } from './ledger.ts';
import { metadataRule } from './metadata-rules.ts';
import { Patterns } from './patterns.ts';
import { ourName } from './rate-limit-policy.ts';
import { responseOf } from './response.ts';
import type { SourceSecrets } from './secrets.ts';
import { blocksOf, placed, targetRefsOf } from './target.ts';

/** `kuadrant.io/v1` AuthPolicy. Undefined: it has no rules or no target that can have one. */
export function authSpec(
  spec: Field,
  namespace: string,
  secrets: SourceSecrets,
): Readonly<Record<string, unknown>> | undefined {
  const targetRefs = targetRefsOf(spec);
  const [block, second] = blocksOf(spec, ['rules', 'when']);
  if (targetRefs === undefined || block === undefined) return undefined;
  second?.field.tell('unsupported', 'a policy has only one of rules, defaults and overrides');
  const { as, field } = block;
  const rules = field.get('rules');
  const patterns = new Patterns(field.get('patterns'), identityAttributes(rules?.get('authentication')));
  const response = responseOf(rules?.get('response'), patterns);
  const context: AuthContext = { namespace, patterns, secrets, handedOn: response.handedOn };
  const made = compact({
    // Without its conditions the policy protects more than it was meant to, which is the safe side.
    when: field.get('when') === undefined ? undefined : patterns.list(field.get('when')),
    authentication: authenticationOf(rules?.get('authentication'), context),
    metadata: each(rules?.get('metadata'), (rule) => metadataRule(rule, context)),
    authorization: each(rules?.get('authorization'), (rule) => authorizationRule(rule, context)),
    response: response.as,
  });
  patterns.tellNamed();
  return { targetRefs, ...placed(as, field, made) };
}

function authenticationOf(
  rules: Field | undefined,
  context: AuthContext,
): Readonly<Record<string, unknown>> | undefined {
  const names = Object.keys(context.handedOn);
  // Without rules everybody is anonymous, and has the fields that are handed on.
  if (rules === undefined)
    return names.length === 0 ? undefined : { anonymous: { anonymous: {}, overrides: context.handedOn } };
  const made = each(rules, (rule) => authenticationRule(rule, context));
  // No way in is left: nobody may come in, rather than everybody.
  return Object.keys(made).length > 0 ? made : { nobody: { when: ['false'], anonymous: {} } };
}

function each(
  rules: Field | undefined,
  make: (rule: Field) => Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    (rules?.entries() ?? []).flatMap(([name, rule]) => {
      const made = make(rule);
      return made === undefined ? [] : [[ourName(name), made]];
    }),
  );
}
