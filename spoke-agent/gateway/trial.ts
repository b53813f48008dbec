import { makeServing } from '../../gateway/serving.ts';
import { createTlsContexts } from '../../gateway/tls/contexts.ts';
import type { Upstreams } from '../../gateway/upstream/contract.ts';
import { messageOf } from '../../src/errors/error.ts';
import { type CelPurpose, compileCel } from '../../src/policy/cel.ts';
import type { CompiledAuth, CompiledQuota, GatewayPart, GatewaySecrets } from '../../src/policy/model.ts';

/**
 * Builds all that gateway threads will build of a configuration: route tables with their regular expressions, CEL, TLS contexts
 * (I11). A certificate that cannot be used is no fault of the configuration: it may expire or be replaced while everything else
 * stays, so it is reported where it is served and never holds up the rest.
 * @returns what is wrong; empty when nothing is
 */
export function gatewayProblems(part: GatewayPart, secrets: GatewaySecrets): readonly string[] {
  const problems: string[] = [];
  const tried = (
    at: string,
    expressions: readonly (readonly [text: string, purpose: CelPurpose])[],
  ): void => {
    for (const [text, purpose] of expressions) {
      try {
        compileCel(text, purpose);
      } catch (thrown) {
        problems.push(`${at}: ${messageOf(thrown)}`);
      }
    }
  };
  for (const [id, auth] of Object.entries(part.auth)) tried(`gateway.auth.${id}`, expressionsOf(auth));
  for (const [id, quota] of Object.entries(part.quota?.policies ?? {}))
    tried(`gateway.quota.policies.${id}`, limitExpressionsOf(quota));
  for (const [id, rule] of Object.entries(part.rules)) {
    if (rule.auth !== undefined && part.auth[rule.auth] === undefined)
      problems.push(`gateway.rules.${id}: there is no policy ${rule.auth}`);
    if (rule.quota !== undefined && part.quota?.policies[rule.quota] === undefined)
      problems.push(`gateway.rules.${id}: there are no limits ${rule.quota}`);
    if (part.edge[rule.edge] === undefined)
      problems.push(`gateway.rules.${id}: there is no edge ${rule.edge}`);
    const named = [...rule.backends, ...rule.callers.flatMap(({ backends }) => backends)];
    for (const { backend } of named) {
      if (backend !== undefined && part.backends[backend] === undefined)
        problems.push(`gateway.rules.${id}: there is no backend ${backend}`);
    }
  }
  if (problems.length > 0) return problems;
  const serving = makeServing(part, secrets, () => NO_UPSTREAMS);
  for (const [listener, reason] of serving.problems) problems.push(`gateway listener ${listener}: ${reason}`);
  createTlsContexts().configure(part, secrets);
  return problems;
}

/** What is built of them is tried where backends are real: here nothing may be dialled. */
const NO_UPSTREAMS: Upstreams = {
  choose: () => undefined,
  sessionValue: () => '',
  forward: () => ({ contended: false, drained: () => undefined, abort: () => undefined }),
  mirror: () => undefined,
  connect: (_choice, opened) => opened(undefined),
};

function limitExpressionsOf({
  limits,
}: CompiledQuota): readonly (readonly [text: string, purpose: CelPurpose])[] {
  return limits.flatMap(({ when, counters, cost }): readonly (readonly [string, CelPurpose])[] => [
    ...when.map((text) => [text, 'condition'] as const),
    ...counters.map((text) => [text, 'text'] as const),
    ...(cost.request === undefined ? [] : [[cost.request, 'any'] as const]),
  ]);
}

function expressionsOf(auth: CompiledAuth): readonly (readonly [text: string, purpose: CelPurpose])[] {
  const found: (readonly [string, CelPurpose])[] = [];
  const add = (purpose: CelPurpose, ...texts: readonly (string | undefined)[]): void => {
    for (const text of texts) if (text !== undefined) found.push([text, purpose]);
  };
  add('condition', ...auth.when);
  for (const { when, defaults, overrides } of auth.authentication) {
    add('condition', ...when);
    add('any', ...Object.values(defaults), ...Object.values(overrides));
  }
  for (const { when, source, cache } of auth.metadata) {
    add('condition', ...when);
    if (source.type === 'http') {
      add('text', source.url);
      add('any', source.body);
    }
    add('any', cache?.key);
  }
  for (const { when, check } of auth.authorization) {
    add('condition', ...when);
    if (check.type === 'cel') add('condition', ...check.expressions);
    if (check.type === 'http') add('any', check.body, check.cache?.key);
    if (check.type === 'subjectAccessReview') add('any', check.user, check.groups);
  }
  for (const [, cel, when = []] of auth.response.headers) {
    add('text', cel);
    add('condition', ...when);
  }
  for (const { body, redirect } of [auth.response.unauthenticated, auth.response.unauthorized])
    add('text', body, redirect);
  return found;
}
