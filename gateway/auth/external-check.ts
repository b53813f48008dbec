import { type CelContext, headerMap } from '../../src/policy/cel-context.ts';
import { celJson } from '../../src/policy/cel-values.ts';
import type { AuthorizationRule } from '../../src/policy/model.ts';
import type { DecisionQuestion } from '../decisions/contract.ts';
import type { OutboundAnswer } from '../outbound/client.ts';
import { OutboundFailure } from '../outbound/failure.ts';
import { isObject, parseJson } from '../outbound/json.ts';
import type { GatewayRequest } from '../request.ts';
import { type Asking, cachingFor, callOf, keyOf } from './asking.ts';
import type { Check, Verdict } from './authorization.ts';
import type { Principal } from './contract.ts';
import { expression } from './expressions.ts';
import { type Stripped, withoutCredentials, withoutParameters } from './strip.ts';

type HttpCheck = Extract<AuthorizationRule['check'], { type: 'http' }>;

interface Answered {
  readonly allowed: boolean;
}

/**
 * Asks an authorisation service. With a body of the policy's own any 2xx allows, unless the answer says `{"allow": false}` or
 * `{"result": false}`. With the default body, Open Policy Agent's input document (https://www.openpolicyagent.org/docs/rest-api), the
 * answer must say so: OPA gives 200 and `{}` for a rule that is not defined. 4xx denies; everything else is no decision.
 */
export function externalCheck(check: HttpCheck, asking: Asking, stripped: Stripped): Check['decide'] {
  const call = callOf(check.outbound, asking.secrets);
  const bodyOf = check.body === undefined ? undefined : expression(check.body, 'any');
  const keyText = check.cache === undefined ? undefined : expression(check.cache.key, 'text');
  const caching =
    check.cache === undefined
      ? asking.caching
      : cachingFor(
          asking.caching.mode === 'none' ? { ...asking.caching, mode: 'strict' } : asking.caching,
          check.cache.seconds,
        );

  const question: DecisionQuestion<string, Answered> = {
    async ask(body) {
      const answer = await asking.client.call({
        url: check.url,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...check.headers },
        body,
        ...call,
      });
      return { allowed: allows(answer, bodyOf === undefined) };
    },
    denied: (answer) => !answer.allowed,
  };
  const verdict = (answer: Answered | undefined): Verdict =>
    answer === undefined || answer.allowed ? 'allow' : 'deny';

  return (context, request, principal) => {
    const body = JSON.stringify(
      bodyOf === undefined
        ? { input: inputOf(request, principal, context, stripped) }
        : (celJson(bodyOf(context)) ?? null),
    );
    const key = keyText?.(context);
    const asked = key === undefined || key === null ? body : JSON.stringify(celJson(key));
    const answer = asking.decisions.decide(keyOf(asking.scope, asked), caching, question, body);
    return answer instanceof Promise ? answer.then(verdict, (): Verdict => 'unavailable') : verdict(answer);
  };
}

function allows({ status, ...answer }: OutboundAnswer, mustSay: boolean): boolean {
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) return false;
  if (status < 200 || status > 299)
    throw new OutboundFailure('answer', `authorisation is answered with ${status}`);
  const said = saidIn(parseJson({ status, ...answer }));
  return said ?? !mustSay;
}

function saidIn(value: unknown): boolean | undefined {
  if (!isObject(value)) return undefined;
  const { allow, result } = value;
  if (allow === false || result === false) return false;
  if (allow === true || result === true) return true;
  return isObject(result) && typeof result.allow === 'boolean' ? result.allow : undefined;
}

/** What is told: without what differs in every request, so that equal questions are equal, and without credentials. */
function inputOf(
  request: GatewayRequest,
  principal: Principal,
  context: CelContext,
  stripped: Stripped,
): object {
  const headers = headerMap(withoutCredentials(request.fields, stripped));
  const query = withoutParameters(request.query, stripped.query);
  const { method, scheme, host, path } = request;
  return {
    request: { method, scheme, host, path, query, headers },
    source: { address: request.source.address },
    auth: {
      principal: principal.name,
      method: principal.method,
      rule: principal.rule,
      roles: principal.roles,
      scopes: principal.scopes,
      ...(principal.keyId === undefined ? {} : { keyId: principal.keyId }),
      ...(principal.plan === undefined ? {} : { plan: principal.plan }),
      identity: celJson(principal.identity),
      metadata: celJson(context.auth.metadata),
    },
  };
}
