import type { CelContext } from '../../src/policy/cel-context.ts';
import { celJson } from '../../src/policy/cel-values.ts';
import type { AuthenticationRule, DecisionCaching, MetadataRule } from '../../src/policy/model.ts';
import type { DecisionQuestion } from '../decisions/contract.ts';
import { OutboundFailure } from '../outbound/failure.ts';
import { callForObject, parseJson } from '../outbound/json.ts';
import type { GatewayRequest } from '../request.ts';
import { type Asking, type Call, callOf, keyOf } from './asking.ts';
import type { Principal } from './contract.ts';
import { findCredential } from './credentials.ts';
import { type Condition, conditionOf, expression } from './expressions.ts';
import { discoverJwksUri } from './jwks.ts';

/** Something fetched before authorisation. */
export interface MetadataSource {
  readonly name: string;
  /** Undefined: always. */
  readonly when: Condition | undefined;
  readonly onFailure: 'deny' | 'null';
  /** Rejects when it cannot be had. */
  fetch(context: CelContext, request: GatewayRequest, principal: Principal): unknown;
}

interface Fetched {
  readonly value: unknown;
}

/** @throws PortolanError CEL_INVALID, MissingSecret */
export function metadataSource(
  rule: MetadataRule,
  authentication: readonly AuthenticationRule[],
  asking: Asking,
): MetadataSource {
  const { name, onFailure } = rule;
  // A condition that fails fetches nothing.
  const when = conditionOf(rule.when, 'false');
  const fetch =
    rule.source.type === 'http'
      ? httpSource(rule.source, rule.cache, asking)
      : userInfoSource(rule.source, rule.cache, authentication, asking);
  return { name, when, onFailure, fetch };
}

type Fetch = MetadataSource['fetch'];

function httpSource(
  source: Extract<MetadataRule['source'], { type: 'http' }>,
  cache: MetadataRule['cache'],
  asking: Asking,
): Fetch {
  const call = callOf(source.outbound, asking.secrets);
  const urlOf = expression(source.url, 'text');
  const bodyOf = source.body === undefined ? undefined : expression(source.body, 'any');
  const question: DecisionQuestion<CelContext, Fetched> = {
    async ask(context) {
      const url = urlOf(context);
      if (typeof url !== 'string') throw new OutboundFailure('forbidden', 'the expression gives no URL');
      const body = bodyOf === undefined ? undefined : JSON.stringify(celJson(bodyOf(context)) ?? null);
      const answer = await asking.client.call({
        url,
        method: source.method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...source.headers,
        },
        ...(body === undefined ? {} : { body }),
        ...call,
      });
      if (answer.status < 200 || answer.status > 299) {
        throw new OutboundFailure('answer', `metadata is answered with ${answer.status}`);
      }
      const value = parseJson(answer);
      if (value === undefined) throw new OutboundFailure('answer', 'metadata is not JSON');
      return { value };
    },
    denied: () => false,
  };
  return remembering(question, cache, asking, (context) => context);
}

/** OpenID Connect Core section 5.3: the claims of whoever holds the token. */
function userInfoSource(
  source: Extract<MetadataRule['source'], { type: 'userInfo' }>,
  cache: MetadataRule['cache'],
  authentication: readonly AuthenticationRule[],
  asking: Asking,
): Fetch {
  const call = callOf(source.outbound, asking.secrets);
  const identity = authentication.find((rule) => rule.name === source.identity)?.method;
  const urlOf = userInfoUrl(source.url, identity?.type === 'jwt' ? identity.issuer : undefined, call, asking);
  const question: DecisionQuestion<{ readonly token: string; readonly subject: unknown }, Fetched> = {
    async ask({ token, subject }) {
      const claims = await callForObject(asking.client, {
        url: await urlOf(),
        headers: { authorization: `Bearer ${token}` },
        ...call,
      });
      // Section 5.3.2: the answer must be about the same subject, or it may be somebody else's.
      if (claims.sub !== subject) throw new OutboundFailure('answer', 'userinfo is about another subject');
      return { value: claims };
    },
    denied: () => false,
  };
  const fetch = remembering(question, cache, asking, (_context, request, principal) => {
    const token = identity?.type === 'jwt' ? findCredential(identity.credentials, request) : undefined;
    if (typeof token !== 'string') throw new OutboundFailure('answer', 'there is no token to ask with');
    return { token, subject: principal.identity.sub };
  });
  // Somebody else's rule let this caller in: there is no userinfo then.
  return (context, request, principal) =>
    principal.rule === source.identity ? fetch(context, request, principal) : null;
}

function userInfoUrl(
  given: string | undefined,
  issuer: string | undefined,
  call: Call,
  { client }: Asking,
): () => Promise<string> {
  let found = given;
  return async () => {
    if (found !== undefined) return found;
    if (issuer === undefined) throw new OutboundFailure('answer', 'the rule of the token does not exist');
    const { userinfo } = await discoverJwksUri(client, issuer, call);
    if (userinfo === undefined) throw new OutboundFailure('answer', 'the issuer has no userinfo endpoint');
    found = userinfo;
    return userinfo;
  };
}

/** Asks each time, or at most once per key and time. */
function remembering<C>(
  question: DecisionQuestion<C, Fetched>,
  cache: MetadataRule['cache'],
  asking: Asking,
  contextOf: (context: CelContext, request: GatewayRequest, principal: Principal) => C,
): Fetch {
  if (cache === undefined) {
    return async (context, request, principal) =>
      (await question.ask(contextOf(context, request, principal))).value;
  }
  const keyText = expression(cache.key, 'text');
  const caching: DecisionCaching = {
    mode: 'strict',
    ttlSeconds: cache.seconds,
    negativeTtlSeconds: cache.seconds,
  };
  return (context, request, principal) => {
    const key = keyText(context);
    // Without a key it could be another's: then it is not remembered.
    if (key === undefined || key === null) {
      return question.ask(contextOf(context, request, principal)).then((fetched) => fetched.value);
    }
    const asked = contextOf(context, request, principal);
    const answer = asking.decisions.decide(
      keyOf(asking.scope, JSON.stringify(celJson(key))),
      caching,
      question,
      asked,
    );
    return answer instanceof Promise ? answer.then((fetched) => fetched?.value ?? null) : answer?.value;
  };
}
