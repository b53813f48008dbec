import type { AuthenticationMethod } from '../../src/policy/model.ts';
import type { DecisionQuestion } from '../decisions/contract.ts';
import { callForObject } from '../outbound/json.ts';
import type { GatewayRequest } from '../request.ts';
import { askedToken } from './asked-token.ts';
import { type Asking, cachingFor, callOf, secretOf } from './asking.ts';
import { type Attempt, FAILURES, type Method } from './attempt.ts';
import { audienceFits, namesIn } from './claims.ts';
import { NOBODY, type Principal } from './contract.ts';
import type { FailureBudget } from './failure-budget.ts';

type Introspection = Extract<AuthenticationMethod, { type: 'introspection' }>;

interface Introspected {
  readonly attempt: Attempt;
  readonly expiresAtMs: number | undefined;
  readonly notBeforeMs: number | undefined;
}

/** An opaque token that its issuer is asked about (RFC 7662). @throws MissingSecret */
export function introspectionMethod(
  method: Introspection,
  rule: string,
  asking: Asking,
  budget: FailureBudget,
): Method {
  const call = callOf(method.outbound, asking.secrets);
  const authorization = clientAuthorization(method, asking);
  const unknownPasses: Principal = { ...NOBODY, rule, method: 'introspection' };

  const question: DecisionQuestion<string, Introspected> = {
    async ask(token) {
      const body = new URLSearchParams({ token });
      if (method.tokenTypeHint !== undefined) body.set('token_type_hint', method.tokenTypeHint);
      const claims = await callForObject(asking.client, {
        url: method.url,
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...authorization },
        body: body.toString(),
        ...call,
      });
      return introspected(claims, method, rule);
    },
    denied: (answer) => 'failed' in answer.attempt,
    expiresAtMs: (answer) => answer.expiresAtMs,
  };

  const judge = (answer: Introspected | undefined, request: GatewayRequest): Attempt => {
    if (answer === undefined) return unknownPasses;
    if (answer.expiresAtMs !== undefined && request.wallMs >= answer.expiresAtMs) return FAILURES.expired;
    if (answer.notBeforeMs !== undefined && request.wallMs < answer.notBeforeMs) return FAILURES.invalid;
    return answer.attempt;
  };

  const caching = cachingFor(asking.caching, method.cacheSeconds);
  return askedToken({ credentials: method.credentials, caching, question, judge }, asking, budget);
}

/** `client_secret_basic` (RFC 6749 section 2.3.1: both parts are form-encoded first). */
function clientAuthorization(method: Introspection, { secrets }: Asking): Readonly<Record<string, string>> {
  const { clientId, clientSecret } = method;
  if (clientId === undefined) {
    return clientSecret === undefined
      ? {}
      : { authorization: `Bearer ${secretOf(secrets.values, clientSecret).trim()}` };
  }
  const secret = clientSecret === undefined ? '' : secretOf(secrets.values, clientSecret).trim();
  const encoded = Buffer.from(`${formEncoded(clientId)}:${formEncoded(secret)}`).toString('base64');
  return { authorization: `Basic ${encoded}` };
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function introspected(
  claims: Readonly<Record<string, unknown>>,
  method: Introspection,
  rule: string,
): Introspected {
  const expiresAtMs = millisecondsIn(claims.exp);
  const notBeforeMs = millisecondsIn(claims.nbf);
  const name = claims.sub ?? claims.username ?? claims.client_id;
  const good =
    claims.active === true && audienceFits(claims.aud, method.audiences) && typeof name === 'string';
  const attempt: Attempt = good
    ? {
        name,
        rule,
        method: 'introspection',
        roles: namesIn(claims.roles),
        scopes: namesIn(claims.scope),
        identity: claims,
      }
    : FAILURES.invalid;
  return { attempt, expiresAtMs, notBeforeMs };
}

function millisecondsIn(claim: unknown): number | undefined {
  return typeof claim === 'number' && Number.isFinite(claim) ? claim * 1_000 : undefined;
}
