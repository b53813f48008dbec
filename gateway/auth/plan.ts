import { hash } from 'node:crypto';
import { messageOf } from '../../src/errors/error.ts';
import type { CelContext } from '../../src/policy/cel-context.ts';
import type {
  AuthenticationRule,
  CompiledAuth,
  CredentialsLocation,
  DenyResponse,
  GatewaySecrets,
} from '../../src/policy/model.ts';
import type { DecisionCache } from '../decisions/contract.ts';
import type { KeyTable } from '../keys/contract.ts';
import type { OutboundClient } from '../outbound/client.ts';
import { type Asking, callOf, secretOf } from './asking.ts';
import { FAILURES, type FailureKind, type Method } from './attempt.ts';
import { type Check, checkOf } from './authorization.ts';
import { challengesOf } from './challenge.ts';
import { type Denier, denierOf } from './denial.ts';
import { type Condition, conditionOf, expression } from './expressions.ts';
import type { FailureBudget } from './failure-budget.ts';
import { CERTIFICATE_HEADERS } from './forwarded-certificate.ts';
import { introspectionMethod } from './introspection-method.ts';
import { fixedKeys } from './jwks.ts';
import { jwtMethod } from './jwt-method.ts';
import { apiKeyMethod, keyPairMethod } from './key-methods.ts';
import type { KeySources } from './key-sources.ts';
import { type MetadataSource, metadataSource } from './metadata.ts';
import { mtlsMethod } from './mtls-method.ts';
import { anonymousMethod, plainMethod } from './plain-method.ts';
import type { ServiceAccount } from './service-account.ts';
import type { Stripped } from './strip.ts';
import { tokenReviewMethod } from './token-review-method.ts';
import type { VerifiedMemories } from './verified-tokens.ts';

export interface PlanDeps {
  readonly keys: KeyTable;
  readonly secrets: GatewaySecrets;
  readonly client: OutboundClient;
  readonly decisions: DecisionCache;
  readonly keySources: KeySources;
  readonly budget: FailureBudget;
  readonly memories: VerifiedMemories;
  readonly serviceAccount: ServiceAccount;
}

/** One way to be known. */
export interface Way {
  readonly name: string;
  readonly when: Condition | undefined;
  readonly method: Method;
  readonly defaults: readonly IdentityField[];
  readonly overrides: readonly IdentityField[];
}

export interface IdentityField {
  readonly name: string;
  readonly read: (context: CelContext) => unknown;
}

/** A policy made ready: everything that can be done before the first request is done. */
export interface Plan {
  readonly secrets: GatewaySecrets;
  /** Rules that cannot be used here and why; they let nobody pass. */
  readonly problems: readonly string[];
  /** Undefined: always protected. */
  readonly when: Condition | undefined;
  readonly ways: readonly Way[];
  readonly metadata: readonly MetadataSource[];
  readonly checks: readonly Check[];
  readonly headers: readonly { readonly name: string; readonly read: (context: CelContext) => unknown }[];
  readonly stripped: Stripped;
  readonly unauthenticated: Denier;
  readonly unauthorized: Denier;
  readonly challenges: (failed: FailureKind) => readonly string[];
}

export function planOf(given: CompiledAuth, deps: PlanDeps): Plan {
  const auth = { ...given, authentication: given.authentication.map(withLowerNames) };
  const problems: string[] = [];
  /** What breaks while it is built is replaced by what lets nobody pass. */
  const built = <T>(what: string, build: () => T, instead: () => T): T => {
    try {
      return build();
    } catch (error) {
      problems.push(`${what}: ${messageOf(error)}`);
      return instead();
    }
  };
  const stripped = strippedBy(auth);
  const askingFor = (rule: object): Asking => ({
    client: deps.client,
    decisions: deps.decisions,
    secrets: deps.secrets,
    serviceAccount: deps.serviceAccount,
    caching: auth.decisions,
    scope: hash('sha256', JSON.stringify(rule), 'base64'),
  });

  const ways = auth.authentication.map((rule): Way => {
    const what = `authentication ${rule.name}`;
    return {
      name: rule.name,
      // A condition that fails leaves one way less.
      when: built(
        what,
        () => conditionOf(rule.when, 'false'),
        () => () => false,
      ),
      method: built(
        what,
        () => methodOf(rule, auth, askingFor(rule), deps),
        () => UNUSABLE,
      ),
      ...built(
        what,
        () => ({ defaults: identityFields(rule.defaults), overrides: identityFields(rule.overrides) }),
        () => ({ defaults: [], overrides: [] }),
      ),
    };
  });

  const challenges = new Map<FailureKind, readonly string[]>();
  return {
    secrets: deps.secrets,
    problems,
    // What cannot be judged is protected.
    when: built(
      'when',
      () => conditionOf(auth.when, 'true'),
      () => undefined,
    ),
    ways,
    metadata: auth.metadata.map((rule) =>
      built(
        `metadata ${rule.name}`,
        () => metadataSource(rule, auth.authentication, askingFor(rule)),
        () => brokenSource(rule.name, rule.onFailure),
      ),
    ),
    checks: auth.authorization.map((rule) =>
      built(
        `authorization ${rule.name}`,
        () => checkOf(rule, askingFor(rule), stripped),
        (): Check => ({ name: rule.name, when: undefined, decide: () => 'unavailable' }),
      ),
    ),
    headers: auth.response.headers.map(([name, text, when = []]) => ({
      name: name.toLowerCase(),
      read: built(
        `header ${name}`,
        () => onlyWhen(conditionOf(when, 'false'), expression(text, 'text')),
        () => () => undefined,
      ),
    })),
    stripped,
    unauthenticated: denier(auth.response.unauthenticated, built),
    unauthorized: denier(auth.response.unauthorized, built),
    challenges(failed) {
      let told = challenges.get(failed);
      if (told === undefined) {
        told = challengesOf(auth.authentication, failed);
        challenges.set(failed, told);
      }
      return told;
    },
  };
}

const UNUSABLE: Method = { attempt: () => FAILURES.unavailable };

/** Requests have field names in lower case. */
function withLowerNames(rule: AuthenticationRule): AuthenticationRule {
  const lower = (location: CredentialsLocation): CredentialsLocation =>
    location.in === 'header' ? { in: 'header', name: location.name.toLowerCase() } : location;
  const { method } = rule;
  if (method.type === 'keyPair') {
    return { ...rule, method: { ...method, id: lower(method.id), key: lower(method.key) } };
  }
  if (!('credentials' in method)) return rule;
  return { ...rule, method: { ...method, credentials: method.credentials.map(lower) } };
}

function brokenSource(name: string, onFailure: 'deny' | 'null'): MetadataSource {
  return {
    name,
    when: undefined,
    onFailure,
    fetch: () => Promise.reject(new Error(`metadata ${name} cannot be used`)),
  };
}

function denier(
  response: DenyResponse,
  built: (what: string, build: () => Denier, instead: () => Denier) => Denier,
): Denier {
  return built(
    `response ${response.status}`,
    () => denierOf(response),
    () => denierOf({ status: response.status, headers: response.headers }),
  );
}

function onlyWhen(when: Condition | undefined, read: IdentityField['read']): IdentityField['read'] {
  return when === undefined ? read : (context) => (when(context) ? read(context) : undefined);
}

function identityFields(fields: Readonly<Record<string, string>>): readonly IdentityField[] {
  return Object.entries(fields).map(([name, text]) => ({ name, read: expression(text, 'any') }));
}

function methodOf(rule: AuthenticationRule, auth: CompiledAuth, asking: Asking, deps: PlanDeps): Method {
  const { name, method } = rule;
  const { keys, secrets, budget } = deps;
  const { maxStalenessSeconds } = auth;
  switch (method.type) {
    case 'apiKey':
      return apiKeyMethod(method, { rule: name, keys, maxStalenessSeconds, asking, budget });
    case 'keyPair':
      return keyPairMethod(method, { rule: name, keys, maxStalenessSeconds, asking, budget });
    case 'jwt': {
      const source =
        method.jwks === undefined
          ? deps.keySources.of(method.issuer, method.jwksUri, callOf(method.outbound, secrets))
          : fixedKeys(keysOf(method, secrets));
      const known = deps.memories.of(JSON.stringify([name, method, keysOf(method, secrets)]));
      return jwtMethod(method, { rule: name, keys: source, budget, known });
    }
    case 'introspection':
      return introspectionMethod(method, name, asking, budget);
    case 'mtls':
      return mtlsMethod(method, name, secrets, deps.memories);
    case 'tokenReview':
      return tokenReviewMethod(method, name, asking, budget);
    case 'anonymous':
      return anonymousMethod(name);
    case 'plain':
      return plainMethod(method, name);
  }
}

/** The operator's own key set; empty when the issuer has them. @throws MissingSecret */
function keysOf(method: { readonly jwks?: string }, secrets: GatewaySecrets): string {
  return method.jwks === undefined ? '' : secretOf(secrets.values, method.jwks);
}

/**
 * What a client's request loses whatever happens: every place where a credential of this policy may stand, everything that the policy or
 * a proxy says about identity.
 */
function strippedBy(auth: CompiledAuth): Stripped {
  const fields = new Set<string>(CERTIFICATE_HEADERS);
  const query = new Set<string>();
  const cookies = new Set<string>();
  for (const { method } of auth.authentication) {
    const locations =
      method.type === 'keyPair' ? [method.id, method.key] : 'credentials' in method ? method.credentials : [];
    for (const location of locations) {
      if (location.in === 'authorization') fields.add('authorization');
      else if (location.in === 'header') fields.add(location.name);
      else if (location.in === 'query') query.add(location.name);
      else cookies.add(location.name);
    }
    if (method.type === 'keyPair' && method.basic) fields.add('authorization');
    if (method.type === 'plain') fields.add(method.header.toLowerCase());
  }
  for (const [name] of auth.response.headers) fields.add(name.toLowerCase());
  return { fields: [...fields], query: [...query], cookies: [...cookies] };
}
