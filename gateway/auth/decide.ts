import type { CelContext } from '../../src/policy/cel-context.ts';
import { celJson } from '../../src/policy/cel-values.ts';
import type { GatewayRequest } from '../request.ts';
import { type Attempt, FAILURES, type Failure, isFailure, worse } from './attempt.ts';
import type { Verdict } from './authorization.ts';
import { type AuthAllowed, type AuthDecision, type AuthDenied, NOBODY, type Principal } from './contract.ts';
import { CODE_OF, refusal } from './denial.ts';
import { headerValue } from './header-values.ts';
import type { Plan, Way } from './plan.ts';

const NO_METADATA: Readonly<Record<string, unknown>> = Object.freeze({});
const NO_FIELDS: readonly string[] = [];

/** One request on its way through a policy. */
export interface Run {
  readonly plan: Plan;
  readonly request: GatewayRequest;
  readonly context: CelContext;
}

export type Deciding = AuthDecision | Promise<AuthDecision>;

/** Decides one request; a promise only where somebody else has to be asked. May reject or throw when something is broken here. */
export function decide(run: Run): Deciding {
  const { plan, context } = run;
  if (plan.when !== undefined && !plan.when(context)) return allowed(plan, NOBODY, NO_METADATA, NO_FIELDS);
  return authenticate(run, 0, FAILURES.missing);
}

/** Tries the ways from this one on; goes on by itself where one has to wait. */
function authenticate(run: Run, from: number, before: Failure): Deciding {
  const { ways } = run.plan;
  if (ways.length === 0) return admit(run, NOBODY);
  let failure = before;
  for (let i = from; i < ways.length; i += 1) {
    const way = ways[i];
    if (way === undefined || (way.when !== undefined && !way.when(run.context))) continue;
    const attempt = way.method.attempt(run.request);
    if (attempt instanceof Promise) {
      const soFar = failure;
      return attempt.then((settled) => {
        const next = weigh(run, way, settled, soFar);
        return next.failed === undefined ? next.decision : authenticate(run, i + 1, next.failed);
      });
    }
    if (!isFailure(attempt)) return admit(run, shaped(way, attempt, run.context));
    if (attempt === FAILURES.doubtful) return reject(run, attempt);
    failure = worse(failure, attempt);
  }
  return reject(run, failure);
}

function weigh(
  run: Run,
  way: Way,
  attempt: Attempt,
  before: Failure,
): { readonly failed: Failure } | { readonly failed?: never; readonly decision: Deciding } {
  if (!isFailure(attempt)) return { decision: admit(run, shaped(way, attempt, run.context)) };
  if (attempt === FAILURES.doubtful) return { decision: reject(run, attempt) };
  return { failed: worse(before, attempt) };
}

function reject({ plan, request, context }: Run, { failed }: Failure): AuthDenied {
  const code = CODE_OF[failed];
  switch (failed) {
    case 'stale':
    case 'unavailable':
    case 'throttled':
    case 'doubtful':
      return refusal(request, code);
    case 'missing':
    case 'invalid':
    case 'expired':
    case 'revoked':
      return plan.unauthenticated.deny(request, context, code, plan.challenges(failed));
  }
}

/** The principal with what the policy adds to its identity. */
function shaped(way: Way, principal: Principal, context: CelContext): Principal {
  if (way.defaults.length === 0 && way.overrides.length === 0) return principal;
  context.authenticated(principal);
  const identity: Record<string, unknown> = { ...principal.identity };
  for (const { name, read } of way.defaults) {
    if (!Object.hasOwn(identity, name)) put(identity, name, read(context));
  }
  for (const { name, read } of way.overrides) put(identity, name, read(context));
  return { ...principal, identity };
}

/** As an own property, whatever the name is. */
function put(target: Record<string, unknown>, name: string, value: unknown): void {
  if (value === undefined) return;
  Object.defineProperty(target, name, { value: celJson(value), enumerable: true, configurable: true });
}

function admit(run: Run, principal: Principal): Deciding {
  run.context.authenticated(principal);
  if (run.plan.metadata.length === 0) return check(run, principal, NO_METADATA, 0);
  return collect(run, principal, {}, 0);
}

/** Fetches what is asked for, one after the other: a later one may use what an earlier one gave. */
function collect(run: Run, principal: Principal, metadata: Record<string, unknown>, from: number): Deciding {
  const { plan, request, context } = run;
  const broken = (at: number, onFailure: 'deny' | 'null', name: string): Deciding => {
    // 502: something behind the gateway did not answer as it must.
    if (onFailure === 'deny') return { ...refusal(request, 'AUTH_UNAVAILABLE', 502), principal };
    put(metadata, name, null);
    return collect(run, principal, metadata, at + 1);
  };
  for (let i = from; i < plan.metadata.length; i += 1) {
    const source = plan.metadata[i];
    if (source === undefined || (source.when !== undefined && !source.when(context))) continue;
    context.authenticated(principal, metadata);
    let value: unknown;
    try {
      value = source.fetch(context, request, principal);
    } catch {
      return broken(i, source.onFailure, source.name);
    }
    if (value instanceof Promise) {
      return value.then(
        (fetched: unknown) => {
          put(metadata, source.name, fetched);
          return collect(run, principal, metadata, i + 1);
        },
        () => broken(i, source.onFailure, source.name),
      );
    }
    put(metadata, source.name, value);
  }
  context.authenticated(principal, metadata);
  return check(run, principal, metadata, 0);
}

/** All must allow; the first that does not decides. */
function check(
  run: Run,
  principal: Principal,
  metadata: Readonly<Record<string, unknown>>,
  from: number,
): Deciding {
  const { plan, request, context } = run;
  for (let i = from; i < plan.checks.length; i += 1) {
    const rule = plan.checks[i];
    if (rule === undefined || (rule.when !== undefined && !rule.when(context))) continue;
    const verdict = rule.decide(context, request, principal);
    if (verdict instanceof Promise) {
      return verdict.then((settled) =>
        settled === 'allow'
          ? check(run, principal, metadata, i + 1)
          : forbid(run, principal, settled, rule.challenge),
      );
    }
    if (verdict !== 'allow') return forbid(run, principal, verdict, rule.challenge);
  }
  return allowed(plan, principal, metadata, headersFor(plan, context));
}

function forbid(
  { plan, request, context }: Run,
  principal: Principal,
  verdict: Exclude<Verdict, 'allow'>,
  challenge: string | undefined,
): AuthDenied {
  if (verdict === 'unavailable') return { ...refusal(request, 'AUTH_UNAVAILABLE'), principal };
  const challenges = challenge === undefined ? NO_FIELDS : [challenge];
  return plan.unauthorized.deny(request, context, 'ACCESS_DENIED', challenges, principal);
}

function headersFor(plan: Plan, context: CelContext): readonly string[] {
  if (plan.headers.length === 0) return NO_FIELDS;
  const set: string[] = [];
  for (const { name, read } of plan.headers) {
    const value = headerValue(read(context));
    if (value !== undefined) set.push(name, value);
  }
  return set;
}

function allowed(
  plan: Plan,
  principal: Principal,
  metadata: Readonly<Record<string, unknown>>,
  set: readonly string[],
): AuthAllowed {
  const { fields, query, cookies } = plan.stripped;
  return {
    allowed: true,
    principal,
    metadata,
    set,
    removed: fields,
    removedQuery: query,
    removedCookies: cookies,
  };
}
