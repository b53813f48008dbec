import type { CompiledAuth, GatewayPart, GatewaySecrets } from '../../src/policy/model.ts';
import { refusingRule } from '../../src/policy/residency.ts';
import {
  type AuthAllowed,
  type AuthDenied,
  type Authorizer,
  NOBODY,
  type Principal,
} from '../auth/contract.ts';
import { parseAuthority } from '../authority.ts';
import { normalisePath } from '../normalise-path.ts';
import { problemAnswer } from '../refusal.ts';
import {
  type ClientSource,
  type ConnectionTls,
  type Fields,
  fieldOf,
  type GatewayRequest,
} from '../request.ts';
import { makeServing, type ServedRule, type Serving } from '../serving.ts';
import type { Telemetry } from '../telemetry/contract.ts';
import { continueTrace, hex128 } from '../trace-context.ts';
import type { Upstreams } from '../upstream/contract.ts';
import type { UsageSink } from '../usage/contract.ts';
import type { AskedLimits, LimitVerdict } from './asked-limits.ts';

/** A request that somebody else serves: another proxy, or the service itself. */
export interface AskedRequest {
  /** Of the one who asks; absent: made here. */
  readonly id?: string | undefined;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Host field or `:authority`. */
  readonly authority: string;
  /** Origin form, with query. */
  readonly target: string;
  /** Names in lower case. */
  readonly fields: Fields;
  readonly httpVersion: '1.0' | '1.1' | '2';
  readonly source: ClientSource;
  readonly tls: ConnectionTls | undefined;
  /** `namespace/name` of an AuthPolicy, which then holds whatever route matches; said by the one who asks, never by a client. */
  readonly policy?: string | undefined;
}

export type Ruling =
  | {
      readonly allowed: true;
      readonly principal: Principal;
      /** Absent: the route has no policy. */
      readonly decision: AuthAllowed | undefined;
      /** Names of headers that policies set, and so no client may: to be taken from the request. Lower case. */
      readonly identityNames: ReadonlySet<string>;
      readonly route: string;
      readonly requestId: string;
      /** For the client's answer: what limits leave. Names in lower case. */
      readonly answerFields: readonly string[];
    }
  | { readonly allowed: false; readonly denied: AuthDenied; readonly requestId: string };

export interface AuthorizationDesk {
  /** Decides by this configuration from now on. */
  serve(part: GatewayPart, secrets: GatewaySecrets): void;
  /** False: there is no configuration yet, and everybody is refused. */
  readonly ready: boolean;
  /** Synchronous when everything is known here. Never rejects. */
  decide(asked: AskedRequest): Ruling | Promise<Ruling>;
}

export interface DeskDeps {
  /** In logs, in the place of a listener. */
  readonly name: string;
  readonly authorizer: Authorizer;
  readonly usage: UsageSink;
  readonly telemetry: Telemetry;
  /** Absent: nothing is limited here. */
  readonly limits?: AskedLimits | undefined;
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  readonly random: () => number;
  readonly country: (address: string) => string | undefined;
  readonly log: { warn(details: object, message: string): void };
}

/** The same decision as at the gateway, for requests that do not pass through it: route, policy, account and log line. */
export function createAuthorizationDesk(deps: DeskDeps): AuthorizationDesk {
  let serving: Serving | undefined;
  let policies: ReadonlyMap<string, CompiledAuth> = new Map();

  function decide(asked: AskedRequest): Ruling | Promise<Ruling> {
    const startMs = deps.monotonicMs();
    const id = asked.id ?? hex128(deps.random);
    const current = serving;
    const over = (
      request: GatewayRequest | undefined,
      rule: ServedRule | undefined,
      ruling: Ruling,
    ): Ruling => {
      record(asked, request, rule, ruling, startMs);
      return ruling;
    };
    const refuse = (
      code: string,
      status: number,
      detail: string,
      request?: GatewayRequest,
      rule?: ServedRule,
    ): Ruling =>
      over(request, rule, { allowed: false, denied: denial(code, status, detail, id), requestId: id });

    if (current === undefined) return refuse('AUTH_UNAVAILABLE', 503, 'No configuration has come yet.');
    const authority = parseAuthority(asked.authority);
    if (authority === undefined) return refuse('REQUEST_MALFORMED', 400, 'The host is none.');
    if (!asked.target.startsWith('/')) return refuse('REQUEST_MALFORMED', 400, 'The target is no path.');
    const found = find(current, asked, authority);
    const normal = normalisePath(asked.target, found?.keepDoubtfulPaths === true);
    if ('fault' in normal) {
      const code = normal.fault === 'doubtful' ? 'PATH_DOUBTFUL' : 'REQUEST_MALFORMED';
      return refuse(code, 400, normal.reason);
    }
    if (found?.keepDoubtfulPaths === true && RESOLVED.test(asked.target))
      return refuse('PATH_DOUBTFUL', 400, 'it has empty or dot segments');
    const request: GatewayRequest = {
      id,
      method: asked.method,
      scheme: asked.scheme,
      host: authority.host,
      port: authority.port ?? (asked.scheme === 'https' ? 443 : 80),
      path: normal.path,
      query: normal.query,
      fields: asked.fields,
      httpVersion: asked.httpVersion,
      source: asked.source,
      tls: asked.tls,
      wallMs: deps.wallMs(),
    };
    let rule: ServedRule | undefined;
    let auth: CompiledAuth | undefined;
    if (asked.policy === undefined) {
      // 403 where the gateway says 404: whoever asks knows only yes and no, and what nobody wrote a route for is no.
      if (found === undefined) return refuse('HOST_UNKNOWN', 403, '', request);
      rule = found.routes.find(request)?.target;
      if (rule === undefined) return refuse('ROUTE_NOT_FOUND', 403, '', request);
      auth = rule.auth;
    } else {
      auth = policies.get(asked.policy);
      if (auth === undefined)
        return refuse('ROUTE_NOT_FOUND', 403, 'No route here has the policy that was asked for.', request);
    }
    const residency = rule?.edge.residency;
    if (
      residency !== undefined &&
      refusingRule(residency, request.host, deps.country(request.source.address)) !== undefined
    )
      return refuse('RESIDENCY_REFUSED', 403, '', request, rule);
    const { identityNames } = current;
    const routeFacts =
      rule === undefined
        ? undefined
        : {
            name: rule.route.slice(rule.namespace.length + 1),
            namespace: rule.namespace,
            rule: rule.rule.source.sectionName ?? '',
          };
    const finish = (decision: AuthAllowed | AuthDenied | undefined): Ruling | Promise<Ruling> => {
      if (decision?.allowed === false)
        return over(request, rule, { allowed: false, denied: decision, requestId: id });
      const policy = rule?.rule.quota;
      if (policy === undefined || routeFacts === undefined || deps.limits === undefined)
        return pass(decision, NO_FIELDS);
      const verdict = deps.limits({
        policy,
        request,
        principal: decision?.principal ?? NOBODY,
        metadata: decision?.metadata ?? {},
        route: routeFacts,
        port: request.port,
      });
      return verdict instanceof Promise
        ? verdict.then((late) => limited(decision, late))
        : limited(decision, verdict);
    };
    const limited = (decision: AuthAllowed | undefined, verdict: LimitVerdict): Ruling => {
      if (verdict.admitted) return pass(decision, verdict.fields);
      const { code, status, limit, fields } = verdict;
      const detail = limit === '' ? '' : `The limit ${limit} admits no more now.`;
      const denied = denial(code, status, detail, id);
      return over(request, rule, {
        allowed: false,
        denied: {
          ...denied,
          fields: [...denied.fields, ...fields],
          ...(decision === undefined ? {} : { principal: decision.principal }),
        },
        requestId: id,
      });
    };
    const pass = (decision: AuthAllowed | undefined, answerFields: readonly string[]): Ruling => {
      const principal = decision?.principal ?? NOBODY;
      const route = rule?.route ?? asked.policy ?? '';
      if (decision !== undefined)
        deps.usage.count({
          namespace: route.slice(0, Math.max(0, route.indexOf('/'))),
          principal: principal.name,
          keyId: principal.keyId,
          route,
          metric: 'hits',
          amount: 1,
          wallMs: request.wallMs,
        });
      return over(request, rule, {
        allowed: true,
        principal,
        decision,
        identityNames,
        route,
        requestId: id,
        answerFields,
      });
    };
    if (auth === undefined) return finish(undefined);
    const decision = deps.authorizer.decide(auth, request, {
      ...(routeFacts === undefined ? {} : { route: routeFacts }),
      port: request.port,
    });
    return decision instanceof Promise ? decision.then(finish) : finish(decision);
  }

  function record(
    asked: AskedRequest,
    request: GatewayRequest | undefined,
    rule: ServedRule | undefined,
    ruling: Ruling,
    startMs: number,
  ): void {
    const endMs = deps.monotonicMs();
    const trace = continueTrace(fieldOf(asked.fields, 'traceparent'), deps.random);
    const principal = ruling.allowed ? ruling.principal : ruling.denied.principal;
    deps.telemetry.ended({
      request,
      listener: deps.name,
      rule: rule?.rule.id ?? '',
      route: rule?.route ?? '',
      principal,
      status: ruling.allowed ? 200 : ruling.denied.status,
      code: ruling.allowed ? '' : ruling.denied.code,
      received: 0,
      sent: 0,
      startMs,
      authorisedMs: endMs,
      firstByteMs: 0,
      endMs,
      backend: '',
      endpoint: '',
      retries: 0,
      traceId: trace.traceId,
      spanId: trace.spanId,
    });
  }

  return {
    serve(part, secrets) {
      const next = makeServing(part, secrets, () => NO_UPSTREAMS, undefined, serving);
      for (const [listener, reason] of next.problems)
        deps.log.warn({ listener, asker: deps.name }, `a listener is not decided for: ${reason}`);
      serving = next;
      policies = policiesOf(part);
    },
    get ready() {
      return serving !== undefined;
    },
    decide,
  };
}

/** Segments that the gateway resolves where doubtful paths are kept: whoever asks here goes on with the path as it was sent. */
const RESOLVED = /^[^?]*\/(?:\/|(?:\.|%2e){1,2}(?:[/?]|$))/i;

/** The host's routes: those of the port that the client's scheme and port lead to, else of another one that has the host. */
function find(
  serving: Serving,
  asked: AskedRequest,
  authority: { readonly host: string; readonly port: number | undefined },
) {
  const wanted = authority.port ?? (asked.scheme === 'https' ? 443 : 80);
  const distance = (port: { readonly port: number; readonly protocol: string }): number =>
    (port.protocol === asked.scheme ? 0 : 2) + (port.port === wanted ? 0 : 1);
  let ports = [...serving.ports.values()].filter(({ port }) => port.protocol !== 'tls');
  if (ports.length > 1) ports = ports.sort((a, b) => distance(a.port) - distance(b.port));
  for (const { listeners, edge } of ports) {
    const host = listeners.find(authority.host)?.hosts.find(authority.host);
    if (host !== undefined)
      return { routes: host.routes, keepDoubtfulPaths: edge.edge.path.doubtful === 'keep' };
  }
  return undefined;
}

/** Policies by the names of the AuthPolicies they come from: one that was not merged with another before those that were. */
function policiesOf(part: GatewayPart): ReadonlyMap<string, CompiledAuth> {
  const policies = new Map<string, CompiledAuth>();
  const bySources = Object.values(part.auth).toSorted((a, b) => a.source.length - b.source.length);
  for (const auth of bySources)
    for (const { kind, name } of auth.source)
      if (kind === 'AuthPolicy' && !policies.has(name)) policies.set(name, auth);
  return policies;
}

function denial(code: string, status: number, detail: string, requestId: string): AuthDenied {
  const { fields, body } = problemAnswer(code, status, detail, requestId, false);
  return {
    allowed: false,
    status,
    code,
    fields: ['cache-control', 'no-store'],
    contentType: fields[1] ?? 'application/problem+json',
    body,
  };
}

const NO_FIELDS: readonly string[] = [];

/** Nothing is forwarded from here. */
const NO_UPSTREAMS: Upstreams = {
  choose: () => undefined,
  sessionValue: () => '',
  forward: () => ({ drained: () => undefined, contended: false, abort: () => undefined }),
  mirror: () => undefined,
  connect: (_, opened) => opened(undefined),
};
