import { type CelPurpose, compileCel } from '../../src/policy/cel.ts';
import type { AuthPolicySpec, AuthRules } from '../../src/resources/auth-policy.ts';
import type { CallerRoutingSpec } from '../../src/resources/caller-routing.ts';
import type { Unplaced } from '../reconcile/references.ts';
import { forbidden, refusedBy } from './refusals.ts';

type Expression = readonly [path: string, text: string | undefined, purpose: CelPurpose];

/** CEL expressions of a policy that do not parse, do not fit their types, or name what is not there. */
export function policyExpressions(spec: AuthPolicySpec | CallerRoutingSpec): readonly Unplaced[] {
  const expressions =
    'targetRefs' in spec || 'selector' in spec || !isCallerRouting(spec)
      ? blocksOf(spec as AuthPolicySpec).flatMap(([at, rules]) => authExpressions(at, rules))
      : spec.rules.map(({ when }, i): Expression => [`spec.rules[${i}].when`, when, 'condition']);
  return expressions.flatMap(([path, text, purpose]) =>
    text === undefined ? [] : refusedBy(path, () => compileCel(text, purpose)),
  );
}

function isCallerRouting(spec: AuthPolicySpec | CallerRoutingSpec): spec is CallerRoutingSpec {
  return Array.isArray(spec.rules);
}

/** URLs of a policy whose host is an address nothing may contact (I32). */
export function policyUrls(spec: AuthPolicySpec, allowedRanges: readonly string[]): readonly Unplaced[] {
  return blocksOf(spec)
    .flatMap(([at, rules]) => authUrls(at, rules))
    .flatMap(([path, url]) =>
      url === undefined || !URL.canParse(url) ? [] : forbidden(path, new URL(url).hostname, allowedRanges),
    );
}

function blocksOf(spec: AuthPolicySpec): readonly (readonly [path: string, rules: AuthRules])[] {
  const blocks = [
    ['spec.rules', spec.rules],
    ['spec.defaults.rules', spec.defaults?.rules],
    ['spec.overrides.rules', spec.overrides?.rules],
  ] as const;
  return blocks.flatMap(([path, rules]) => (rules === undefined ? [] : [[path, rules] as const]));
}

const all = (
  path: string,
  texts: readonly string[] | undefined,
  purpose: CelPurpose,
): readonly Expression[] => (texts ?? []).map((text, i) => [`${path}[${i}]`, text, purpose]);

const each = (
  path: string,
  texts: Readonly<Record<string, string>> | undefined,
  purpose: CelPurpose,
): readonly Expression[] =>
  Object.entries(texts ?? {}).map(([key, text]) => [`${path}.${key}`, text, purpose]);

function authExpressions(at: string, rules: AuthRules): readonly Expression[] {
  const found: Expression[] = [...all(`${at}.when`, rules.when, 'condition')];
  for (const [name, rule] of Object.entries(rules.authentication ?? {})) {
    const path = `${at}.authentication.${name}`;
    found.push(...all(`${path}.when`, rule.when, 'condition'));
    found.push(...each(`${path}.defaults`, rule.defaults, 'any'));
    found.push(...each(`${path}.overrides`, rule.overrides, 'any'));
  }
  for (const [name, rule] of Object.entries(rules.metadata ?? {})) {
    const path = `${at}.metadata.${name}`;
    found.push(...all(`${path}.when`, rule.when, 'condition'));
    found.push([`${path}.http.urlExpression`, rule.http?.urlExpression, 'text']);
    found.push([`${path}.http.body`, rule.http?.body, 'any']);
    found.push([`${path}.cache.key`, rule.cache?.key, 'any']);
  }
  for (const [name, rule] of Object.entries(rules.authorization ?? {})) {
    const path = `${at}.authorization.${name}`;
    const review = rule.kubernetesSubjectAccessReview;
    found.push(...all(`${path}.when`, rule.when, 'condition'));
    found.push(...all(`${path}.cel.expressions`, rule.cel?.expressions, 'condition'));
    found.push([`${path}.http.body`, rule.http?.body, 'any']);
    found.push([`${path}.http.cache.key`, rule.http?.cache?.key, 'any']);
    found.push([`${path}.kubernetesSubjectAccessReview.user`, review?.user, 'text']);
    found.push([`${path}.kubernetesSubjectAccessReview.groups`, review?.groups, 'list']);
    found.push(...each(`${path}.kubernetesSubjectAccessReview.resource`, review?.resource, 'text'));
  }
  const { response } = rules;
  found.push(...each(`${at}.response.headers`, response?.headers, 'text'));
  for (const denial of ['unauthenticated', 'unauthorized'] as const) {
    found.push([`${at}.response.${denial}.body`, response?.[denial]?.body, 'text']);
    found.push([`${at}.response.${denial}.redirect`, response?.[denial]?.redirect, 'text']);
  }
  return found;
}

function authUrls(
  at: string,
  rules: AuthRules,
): readonly (readonly [path: string, url: string | undefined])[] {
  return [
    ...Object.entries(rules.authentication ?? {}).flatMap(([name, rule]) => {
      const path = `${at}.authentication.${name}`;
      return [
        [`${path}.jwt.issuer`, rule.jwt?.jwksUri === undefined ? rule.jwt?.issuer : undefined],
        [`${path}.jwt.jwksUri`, rule.jwt?.jwksUri],
        [`${path}.oauth2Introspection.url`, rule.oauth2Introspection?.url],
        [`${path}.kubernetesTokenReview.kubernetes.url`, rule.kubernetesTokenReview?.kubernetes.url],
      ] as const;
    }),
    ...Object.entries(rules.metadata ?? {}).flatMap(([name, rule]) => {
      const path = `${at}.metadata.${name}`;
      return [
        [`${path}.http.url`, rule.http?.url],
        [`${path}.userInfo.url`, rule.userInfo?.url],
      ] as const;
    }),
    ...Object.entries(rules.authorization ?? {}).flatMap(([name, rule]) => {
      const path = `${at}.authorization.${name}`;
      return [
        [`${path}.http.url`, rule.http?.url],
        [
          `${path}.kubernetesSubjectAccessReview.kubernetes.url`,
          rule.kubernetesSubjectAccessReview?.kubernetes.url,
        ],
      ] as const;
    }),
  ];
}
