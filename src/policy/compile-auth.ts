import type {
  AuthenticationSpec,
  AuthorizationSpec,
  AuthRules,
  DenialSpec,
  MetadataSpec,
} from '../resources/auth-policy.ts';
import type { Resource } from '../resources/catalogue.ts';
import { compileCel } from './cel.ts';
import type { EffectiveRules, PolicyBlock } from './effective-policy.ts';
import type {
  AuthenticationMethod,
  AuthenticationRule,
  AuthorizationRule,
  AuthResponse,
  CompiledAuth,
  DenyResponse,
  KubernetesApi,
  MetadataRule,
  Outbound,
  Source,
} from './model.ts';
import type { SecretRefBook } from './secret-refs.ts';

/** What an AuthPolicy says under one name: the unit of merging. */
export type AuthItem =
  | { readonly part: 'authentication'; readonly name: string; readonly spec: AuthenticationSpec }
  | { readonly part: 'metadata'; readonly name: string; readonly spec: MetadataSpec }
  | { readonly part: 'authorization'; readonly name: string; readonly spec: AuthorizationSpec }
  | { readonly part: 'header'; readonly name: string; readonly cel: string }
  | { readonly part: 'unauthenticated' | 'unauthorized'; readonly spec: DenialSpec }
  | { readonly part: 'mode'; readonly mode: CompiledAuth['decisions']['mode'] }
  | { readonly part: 'ttlSeconds' | 'negativeTtlSeconds' | 'maxStalenessSeconds'; readonly value: number };

const blocks = new WeakMap<Resource<'AuthPolicy'>, PolicyBlock<AuthItem>>();

/** The rules of an AuthPolicy under the names by which they merge. Remembered by the identity of the object. */
export function authBlock(policy: Resource<'AuthPolicy'>): PolicyBlock<AuthItem> {
  const known = blocks.get(policy);
  if (known !== undefined) return known;
  const { spec, metadata } = policy;
  const given = spec.overrides ?? spec.defaults ?? { strategy: 'atomic', rules: spec.rules ?? {} };
  const block: PolicyBlock<AuthItem> = {
    source: { kind: 'AuthPolicy', name: `${metadata.namespace}/${metadata.name}` },
    created: metadata.creationTimestamp,
    kind: spec.overrides === undefined ? 'defaults' : 'overrides',
    strategy: given.strategy,
    rules: items(given.rules),
    when: given.rules.when ?? [],
  };
  blocks.set(policy, block);
  return block;
}

function items(rules: AuthRules): ReadonlyMap<string, AuthItem> {
  const found = new Map<string, AuthItem>();
  for (const [name, spec] of Object.entries(rules.authentication ?? {})) {
    found.set(`authentication.${name}`, { part: 'authentication', name, spec });
  }
  for (const [name, spec] of Object.entries(rules.metadata ?? {})) {
    found.set(`metadata.${name}`, { part: 'metadata', name, spec });
  }
  for (const [name, spec] of Object.entries(rules.authorization ?? {})) {
    found.set(`authorization.${name}`, { part: 'authorization', name, spec });
  }
  for (const [name, cel] of Object.entries(rules.response?.headers ?? {})) {
    const lower = name.toLowerCase();
    found.set(`response.headers.${lower}`, { part: 'header', name: lower, cel });
  }
  for (const part of ['unauthenticated', 'unauthorized'] as const) {
    const spec = rules.response?.[part];
    if (spec !== undefined) found.set(`response.${part}`, { part, spec });
  }
  const mode = rules.decisions?.mode;
  if (mode !== undefined) found.set('decisions.mode', { part: 'mode', mode });
  for (const part of ['ttlSeconds', 'negativeTtlSeconds'] as const) {
    const value = rules.decisions?.[part];
    if (value !== undefined) found.set(`decisions.${part}`, { part, value });
  }
  const value = rules.maxStalenessSeconds;
  if (value !== undefined) found.set('maxStalenessSeconds', { part: 'maxStalenessSeconds', value });
  return found;
}

const ANONYMOUS: AuthenticationRule = {
  name: 'anonymous',
  when: [],
  method: { type: 'anonymous' },
  defaults: {},
  overrides: {},
};

/**
 * One effective AuthPolicy. Rules of several policies keep the conditions of the policy they are from: a policy cannot unprotect what
 * another one protects. Without any authentication rule everybody is `anonymous`, and is still authorised.
 * @returns undefined when no rule is left: anyone may pass
 */
export function compileAuth(
  rules: EffectiveRules<AuthItem>,
  secrets: SecretRefBook,
): CompiledAuth | undefined {
  if (rules.size === 0) return undefined;
  const sources = new Map<string, Source>();
  const conditions = new Set<string>();
  for (const { from } of rules.values()) {
    sources.set(from.source.name, from.source);
    conditions.add(JSON.stringify(from.when ?? []));
  }
  const shared = conditions.size === 1;
  const whole = shared ? ([...rules.values()][0]?.from.when ?? []) : [];
  const own = (from: PolicyBlock<AuthItem>): readonly string[] => (shared ? [] : (from.when ?? []));

  const authentication: Ranked<AuthenticationRule>[] = [];
  const metadata: Ranked<MetadataRule>[] = [];
  const authorization: Ranked<AuthorizationRule>[] = [];
  const headers: AuthResponse['headers'][number][] = [];
  let unauthenticated: DenialSpec | undefined;
  let unauthorized: DenialSpec | undefined;
  const numbers = { ttlSeconds: 10, negativeTtlSeconds: 2, maxStalenessSeconds: 0 };
  let mode: CompiledAuth['decisions']['mode'] = 'strict';
  for (const { value: item, from } of rules.values()) {
    const scope: Scope = { namespace: namespaceOf(from.source), when: own(from), secrets };
    switch (item.part) {
      case 'authentication':
        authentication.push({ ...item.spec, rule: authenticationRule(item.name, item.spec, scope) });
        break;
      case 'metadata':
        metadata.push({ ...item.spec, rule: metadataRule(item.name, item.spec, scope) });
        break;
      case 'authorization':
        authorization.push({ ...item.spec, rule: authorizationRule(item.name, item.spec, scope) });
        break;
      case 'header':
        headers.push(scope.when.length === 0 ? [item.name, item.cel] : [item.name, item.cel, scope.when]);
        break;
      case 'unauthenticated':
        unauthenticated = item.spec;
        break;
      case 'unauthorized':
        unauthorized = item.spec;
        break;
      case 'mode':
        mode = item.mode;
        break;
      default:
        numbers[item.part] = item.value;
    }
  }
  return {
    source: [...sources.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    when: whole,
    authentication:
      authentication.length === 0 ? [ANONYMOUS] : [...inOrder(authentication), ...elsewhere(rules, shared)],
    metadata: inOrder(metadata),
    authorization: inOrder(authorization),
    response: {
      headers: headers.sort((a, b) => (a[0] < b[0] ? -1 : 1)),
      unauthenticated: denial(unauthenticated, 401),
      unauthorized: denial(unauthorized, 403),
    },
    decisions: { mode, ttlSeconds: numbers.ttlSeconds, negativeTtlSeconds: numbers.negativeTtlSeconds },
    maxStalenessSeconds: numbers.maxStalenessSeconds,
  };
}

/**
 * The way in where the condition of every policy that asks who calls is false: for such a request there is no authentication rule, so everybody
 * is `anonymous` and still authorised by the policies that hold there. A condition that fails is no: nobody comes in by it.
 */
function elsewhere(rules: EffectiveRules<AuthItem>, shared: boolean): readonly AuthenticationRule[] {
  if (shared) return [];
  const asking = new Map<string, readonly string[]>();
  for (const { value, from } of rules.values()) {
    if (value.part === 'authentication') asking.set(from.source.name, from.when ?? []);
  }
  const conditions = [...asking.values()];
  if (conditions.some((when) => when.length === 0)) return [];
  // A comment of CEL ends with its line.
  const when = conditions.map((all) => `!(${all.map((one) => `(${one}\n)`).join(' && ')})`);
  return when.every(isUsable) ? [{ ...ANONYMOUS, when }] : [];
}

const usable = new Map<string, boolean>();
const MAX_REMEMBERED = 10_000;

/** Conditions that are each within the limits of CEL may not be together: then nobody comes in without credentials. */
function isUsable(text: string): boolean {
  const known = usable.get(text);
  if (known !== undefined) return known;
  let fine = true;
  try {
    compileCel(text, 'condition');
  } catch {
    fine = false;
  }
  if (usable.size >= MAX_REMEMBERED) usable.clear();
  usable.set(text, fine);
  return fine;
}

interface Ranked<R extends { readonly name: string }> {
  readonly priority: number;
  readonly rule: R;
}

function inOrder<R extends { readonly name: string }>(rules: readonly Ranked<R>[]): readonly R[] {
  return rules
    .toSorted((a, b) => a.priority - b.priority || (a.rule.name < b.rule.name ? -1 : 1))
    .map(({ rule }) => rule);
}

/** What a rule's references are read in. */
interface Scope {
  readonly namespace: string;
  readonly when: readonly string[];
  readonly secrets: SecretRefBook;
}

function namespaceOf(source: Source): string {
  return source.name.slice(0, source.name.indexOf('/'));
}

function authenticationRule(name: string, spec: AuthenticationSpec, scope: Scope): AuthenticationRule {
  return {
    name,
    when: [...scope.when, ...spec.when],
    method: methodOf(spec, scope),
    defaults: spec.defaults,
    overrides: spec.overrides,
  };
}

function methodOf(spec: AuthenticationSpec, scope: Scope): AuthenticationMethod {
  const { namespace, secrets } = scope;
  const namespaces = (given: readonly string[]): readonly string[] =>
    given.length === 0 ? [namespace] : given;
  if (spec.apiKey !== undefined || spec.keyPair !== undefined) secrets.needPeppers();
  if (spec.apiKey !== undefined) {
    const { credentials, labels } = spec.apiKey;
    return { type: 'apiKey', credentials, namespaces: namespaces(spec.apiKey.namespaces), labels };
  }
  if (spec.keyPair !== undefined) {
    return { type: 'keyPair', ...spec.keyPair, namespaces: namespaces(spec.keyPair.namespaces) };
  }
  if (spec.jwt !== undefined) {
    const { jwksUri, jwksRef, tokenType, caRefs, timeoutMs, ...rest } = spec.jwt;
    return {
      type: 'jwt',
      ...rest,
      ...(jwksUri === undefined ? {} : { jwksUri }),
      ...(jwksRef === undefined ? {} : { jwks: secrets.value(namespace, jwksRef) }),
      ...(tokenType === undefined ? {} : { tokenType }),
      outbound: outboundOf({ caRefs, timeoutMs }, scope),
    };
  }
  if (spec.oauth2Introspection !== undefined) {
    const { clientSecretRef, tokenTypeHint, clientId, caRefs, timeoutMs, ...rest } = spec.oauth2Introspection;
    return {
      type: 'introspection',
      ...rest,
      ...(tokenTypeHint === undefined ? {} : { tokenTypeHint }),
      ...(clientId === undefined ? {} : { clientId }),
      ...(clientSecretRef === undefined ? {} : { clientSecret: secrets.value(namespace, clientSecretRef) }),
      outbound: outboundOf({ caRefs, timeoutMs }, scope),
    };
  }
  if (spec.mtls !== undefined) {
    const { caRefs, header, ...rest } = spec.mtls;
    const bundles = caRefs.map((ref) => secrets.bundle(namespace, ref));
    return { type: 'mtls', ...rest, bundles, ...(header === undefined ? {} : { header }) };
  }
  if (spec.kubernetesTokenReview !== undefined) {
    const { credentials, audiences, cacheSeconds, kubernetes } = spec.kubernetesTokenReview;
    return {
      type: 'tokenReview',
      credentials,
      audiences,
      cacheSeconds,
      kubernetes: kubernetesOf(kubernetes, scope),
    };
  }
  if (spec.plain !== undefined) return { type: 'plain', header: spec.plain.header.toLowerCase() };
  return { type: 'anonymous' };
}

type OutboundSpec = { readonly timeoutMs: number; readonly caRefs: readonly { name: string; key: string }[] };

function outboundOf(spec: OutboundSpec, { namespace, secrets }: Scope): Outbound {
  return { timeoutMs: spec.timeoutMs, bundles: spec.caRefs.map((ref) => secrets.bundle(namespace, ref)) };
}

function kubernetesOf(
  spec: NonNullable<AuthenticationSpec['kubernetesTokenReview']>['kubernetes'],
  scope: Scope,
): KubernetesApi {
  return {
    ...(spec.url === undefined ? {} : { url: spec.url }),
    ...(spec.tokenRef === undefined ? {} : { token: scope.secrets.value(scope.namespace, spec.tokenRef) }),
    outbound: outboundOf(spec, scope),
  };
}

function metadataRule(name: string, spec: MetadataSpec, scope: Scope): MetadataRule {
  return {
    name,
    when: [...scope.when, ...spec.when],
    source: metadataSource(spec, scope),
    ...(spec.cache === undefined ? {} : { cache: spec.cache }),
    onFailure: spec.onFailure,
  };
}

function metadataSource(spec: MetadataSpec, scope: Scope): MetadataRule['source'] {
  if (spec.userInfo !== undefined) {
    const { identity, url } = spec.userInfo;
    const outbound = outboundOf(spec.userInfo, scope);
    return { type: 'userInfo', identity, ...(url === undefined ? {} : { url }), outbound };
  }
  const http = spec.http;
  return {
    type: 'http',
    method: http?.method ?? 'GET',
    url: http?.urlExpression ?? celQuote(http?.url ?? ''),
    headers: http?.headers ?? {},
    ...(http?.body === undefined ? {} : { body: http.body }),
    outbound: outboundOf(http ?? { timeoutMs: 2000, caRefs: [] }, scope),
  };
}

/** A text as a CEL literal. */
export function celQuote(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n').replace(/\r/g, '\\r')}'`;
}

function authorizationRule(name: string, spec: AuthorizationSpec, scope: Scope): AuthorizationRule {
  return { name, when: [...scope.when, ...spec.when], check: checkOf(spec, scope) };
}

function checkOf(spec: AuthorizationSpec, scope: Scope): AuthorizationRule['check'] {
  if (spec.roles !== undefined) return { type: 'roles', ...spec.roles };
  if (spec.scopes !== undefined) return { type: 'scopes', ...spec.scopes };
  if (spec.http !== undefined) {
    const { url, headers, body, cache } = spec.http;
    return {
      type: 'http',
      url,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(cache === undefined ? {} : { cache }),
      outbound: outboundOf(spec.http, scope),
    };
  }
  if (spec.kubernetesSubjectAccessReview !== undefined) {
    const { user, groups, resource, cacheSeconds, kubernetes } = spec.kubernetesSubjectAccessReview;
    return {
      type: 'subjectAccessReview',
      user,
      ...(groups === undefined ? {} : { groups }),
      ...(resource === undefined ? {} : { resource }),
      cacheSeconds,
      kubernetes: kubernetesOf(kubernetes, scope),
    };
  }
  return { type: 'cel', expressions: spec.cel?.expressions ?? ['false'] };
}

function denial(spec: DenialSpec | undefined, status: number): DenyResponse {
  return {
    status: spec?.status ?? status,
    headers: spec?.headers ?? {},
    ...(spec?.body === undefined ? {} : { body: spec.body }),
    ...(spec?.redirect === undefined ? {} : { redirect: spec.redirect }),
  };
}
