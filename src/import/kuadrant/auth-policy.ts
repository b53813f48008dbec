import type { Attributes } from './attributes.ts';
import { type AuthContext, authenticationRule } from './authentication.ts';
import { authorizationRule } from './authorization.ts';
import { compact } from './documents.ts';
import { identityAttributes } from './identity.ts';
import type { Field } from './ledger.ts';
import { metadataRule } from './metadata-rules.ts';
import { Patterns } from './patterns.ts';
import { freeName } from './rate-limit-policy.ts';
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
  const identity = identityAttributes(rules?.get('authentication'));
  const before: AuthContext = {
    namespace,
    patterns: new Patterns(field.get('patterns'), identity),
    secrets,
    handedOn: {},
  };
  const metadata = each(rules?.get('metadata'), (rule) => metadataRule(rule, before));
  const patterns = new Patterns(field.get('patterns'), {
    ...identity,
    ...notFetched(rules?.get('metadata'), metadata),
  });
  const response = responseOf(rules?.get('response'), patterns);
  const { handedOn } = response;
  const context: AuthContext = { namespace, patterns, secrets, handedOn };
  const checks: AuthContext = {
    ...context,
    patterns: new Patterns(field.get('patterns'), { ...patterns.attributes, ...overridden(handedOn) }),
  };
  const made = compact({
    // Without its conditions the policy protects more than it was meant to, which is the safe side.
    when: field.get('when') === undefined ? undefined : patterns.list(field.get('when')),
    authentication: authenticationOf(rules?.get('authentication'), context),
    metadata,
    authorization: each(rules?.get('authorization'), (rule) => authorizationRule(rule, checks)),
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

/** What is never fetched cannot be asked for: "is not on the list" would be true of everybody. */
function notFetched(rules: Field | undefined, metadata: Readonly<Record<string, unknown>>): Attributes {
  const names = (rules?.entries() ?? []).map(([name]) => name);
  if (names.every((name) => name in metadata)) return {};
  const fetched = names
    .filter((name) => name in metadata)
    .map((name) => [`auth.metadata.${name}`, { ours: `auth.metadata.${name}` }] as const);
  return { 'auth.metadata': {}, ...Object.fromEntries(fetched) };
}

/** There a check sees the claim of this name, here what is handed on: checks over it cannot be said. */
function overridden(handedOn: Readonly<Record<string, string>>): Attributes {
  const other = Object.entries(handedOn).filter(([name, text]) => text !== `auth.identity.${name}`);
  return Object.fromEntries(other.map(([name]) => [`auth.identity.${name}`, {}]));
}

function each(
  rules: Field | undefined,
  make: (rule: Field) => Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  const all: Record<string, Readonly<Record<string, unknown>>> = {};
  for (const [name, rule] of rules?.entries() ?? []) {
    const made = make(rule);
    if (made !== undefined) all[freeName(name, all)] = made;
  }
  return all;
}
