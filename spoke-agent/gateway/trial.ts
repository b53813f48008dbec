import { makeServing } from '../../gateway/serving.ts';
import { createTlsContexts } from '../../gateway/tls/contexts.ts';
import { NO_UPSTREAMS } from '../../gateway/upstream/no-upstreams.ts';
import { messageOf } from '../../src/errors/error.ts';
import { type CelPurpose, compileCel } from '../../src/policy/cel.ts';
import type {
  CompiledAuth,
  CompiledQuota,
  CompiledRule,
  GatewayPart,
  GatewaySecrets,
} from '../../src/policy/model.ts';

/** A configuration that was tried out before, and was good. */
export interface TriedGateway {
  readonly part: GatewayPart;
  readonly secrets: GatewaySecrets;
}

/**
 * Follows every reference of a configuration, and builds all that gateway threads will build of it: route tables with their regular
 * expressions, CEL, TLS contexts (I11). A certificate that cannot be used is no fault of the configuration: it may expire or be replaced
 * while everything else stays, so it is reported where it is served and never holds up the rest.
 * @param before entries that are the same object there were built then and are not built again; undefined: everything is built
 * @returns what is wrong; empty when nothing is
 */
export function gatewayProblems(
  part: GatewayPart,
  secrets: GatewaySecrets,
  before?: TriedGateway,
): readonly string[] {
  const problems = [...expressionProblems(part, before?.part), ...brokenReferences(part)];
  if (problems.length > 0) return problems;
  const serving = makeServing(
    before === undefined ? part : newOf(part, before.part),
    secrets,
    () => NO_UPSTREAMS,
  );
  for (const [listener, reason] of serving.problems) problems.push(`gateway listener ${listener}: ${reason}`);
  if (before?.secrets !== secrets || textOfPorts(part) !== textOfPorts(before.part))
    createTlsContexts().configure(part, secrets);
  return problems;
}

function expressionProblems(part: GatewayPart, before: GatewayPart | undefined): string[] {
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
  for (const [id, auth] of Object.entries(part.auth)) {
    if (before?.auth[id] !== auth) tried(`gateway.auth.${id}`, expressionsOf(auth));
  }
  for (const [id, quota] of Object.entries(part.quota?.policies ?? {})) {
    if (before?.quota?.policies[id] !== quota)
      tried(`gateway.quota.policies.${id}`, limitExpressionsOf(quota));
  }
  return problems;
}

/** Of the whole: an entry that went is missed by entries that stayed. */
function brokenReferences({ ports, rules, backends, auth, edge, quota }: GatewayPart): string[] {
  const problems: string[] = [];
  for (const [id, rule] of Object.entries(rules)) {
    const missing = (what: string): unknown => problems.push(`gateway.rules.${id}: there ${what}`);
    if (rule.auth !== undefined && !Object.hasOwn(auth, rule.auth)) missing(`is no policy ${rule.auth}`);
    if (rule.quota !== undefined && !Object.hasOwn(quota?.policies ?? NOTHING, rule.quota))
      missing(`are no limits ${rule.quota}`);
    if (!Object.hasOwn(edge, rule.edge)) missing(`is no edge ${rule.edge}`);
    for (const { backend } of rule.backends)
      if (backend !== undefined && !Object.hasOwn(backends, backend)) missing(`is no backend ${backend}`);
    for (const caller of rule.callers) {
      for (const { backend } of caller.backends)
        if (backend !== undefined && !Object.hasOwn(backends, backend)) missing(`is no backend ${backend}`);
    }
  }
  for (const { listeners } of ports) {
    for (const { id, hosts } of listeners) {
      for (const { matches } of hosts) {
        for (const { rule } of matches)
          if (!Object.hasOwn(rules, rule)) problems.push(`gateway listener ${id}: there is no rule ${rule}`);
      }
    }
  }
  if (quota === undefined) return problems;
  for (const [id, { limits }] of Object.entries(quota.policies)) {
    const places = limits.flatMap(({ rates, plans }) => [...rates, ...Object.values(plans).flat()]);
    if (places.some((place) => place >= quota.budgets.length))
      problems.push(`gateway.quota.policies.${id}: a limit names a budget that is not there`);
  }
  for (const [domain, id] of Object.entries(quota.domains)) {
    if (!Object.hasOwn(quota.policies, id))
      problems.push(`gateway.quota.domains.${domain}: there are no limits ${id}`);
  }
  return problems;
}

const NOTHING = {};

/** Hosts that are new, or have a rule that is, with all that is built of them. */
function newOf(part: GatewayPart, before: GatewayPart): GatewayPart {
  const rules: Record<string, CompiledRule> = {};
  for (const [id, rule] of Object.entries(part.rules)) if (before.rules[id] !== rule) rules[id] = rule;
  const fresh = new Set(Object.keys(rules));
  const known = new Map(
    before.ports.flatMap(({ listeners }) => listeners.map(({ id, hosts }) => [id, hosts] as const)),
  );
  const ports = part.ports.map((port) => ({
    ...port,
    listeners: port.listeners.map((listener) => {
      const there = known.get(listener.id);
      if (there === listener.hosts && fresh.size === 0) return { ...listener, hosts: [] };
      const old = new Set(there);
      const hosts = listener.hosts.filter(
        (host) => !old.has(host) || (fresh.size > 0 && host.matches.some(({ rule }) => fresh.has(rule))),
      );
      for (const { matches } of hosts) {
        for (const { rule: id } of matches) {
          const rule = part.rules[id];
          if (rule !== undefined) rules[id] = rule;
        }
      }
      return { ...listener, hosts };
    }),
  }));
  return { ...part, ports, rules };
}

/** All that TLS goes by. */
function textOfPorts({ ports }: GatewayPart): string {
  return JSON.stringify(
    ports.map((port) => ({
      ...port,
      listeners: port.listeners.map((listener) => ({ ...listener, hosts: [] })),
    })),
  );
}

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
