import { messageOf } from '../src/errors/error.ts';
import { ERROR_TABLE, type ErrorCode } from '../src/errors/table.ts';
import { CelContext } from '../src/policy/cel-context.ts';
import type { CompiledMatch, CompiledTimeouts, WeightedBackend } from '../src/policy/model.ts';
import { refusingRule } from '../src/policy/residency.ts';
import type { Route } from '../src/policy/route-table.ts';
import type { AuthDecision, RequestPlace } from './auth/contract.ts';
import { NOBODY } from './auth/contract.ts';
import { withoutParameters } from './auth/strip.ts';
import { clientBehind } from './client-address.ts';
import type { Exchange } from './exchange.ts';
import { isPreflight } from './filters/cors.ts';
import { redirectLocation, rewrittenPath } from './filters/path.ts';
import { sessionOf } from './filters/session.ts';
import { authorityOf, forwardFields } from './forward-fields.ts';
import { grpcTimeoutMs, isGrpc } from './grpc.ts';
import { normalise } from './normalise.ts';
import { AnswerCost } from './quota/answer-cost.ts';
import type { QuotaDecision } from './quota/contract.ts';
import { type ConnectionTls, fieldOf, type GatewayRequest } from './request.ts';
import type { ServedHost, ServedListener, ServedPort, ServedRule } from './serving.ts';
import { continueTrace, hex128 } from './trace-context.ts';
import type { ForwardRequest } from './upstream/contract.ts';

/** `over`: the exchange has its answer. `later`: the step goes on by itself and calls `proceed`. */
type Outcome = 'next' | 'over' | 'later';
type Step = (exchange: Exchange) => Outcome;

/** What happens to a request, in this order. */
const STEPS: readonly Step[] = [
  normaliseRequest,
  findHostAndRoute,
  checkLimits,
  checkResidency,
  answerPreflight,
  authenticate,
  checkQuota,
  admit,
  redirect,
  chooseBackend,
  forward,
];
const AFTER_AUTHENTICATE = STEPS.indexOf(authenticate) + 1;
const AFTER_QUOTA = STEPS.indexOf(checkQuota) + 1;

const CHALLENGE_FIELDS = ['content-type', 'text/plain', 'cache-control', 'no-store'];

/** Takes an exchange through the steps; without a promise unless a step needs one. */
export function begin(exchange: Exchange): void {
  proceed(exchange, 0);
}

function proceed(exchange: Exchange, from: number): void {
  try {
    for (let at = from; at < STEPS.length; at += 1) {
      if (STEPS[at]?.(exchange) !== 'next') return;
    }
  } catch (thrown) {
    exchange.core.deps.log.warn({ error: messageOf(thrown) }, 'a request failed inside the gateway');
    exchange.fail('INTERNAL', 500, '');
  }
}

function refuse(exchange: Exchange, code: ErrorCode, detail: string): Outcome {
  exchange.refuse(code, ERROR_TABLE[code].status, detail);
  return 'over';
}

function normaliseRequest(exchange: Exchange): Outcome {
  const { connection, port, core } = exchange;
  const { edge, trusted } = port.edge;
  const scheme = connection.tls === undefined ? 'http' : 'https';
  const normal = normalise(exchange.raw(), {
    scheme,
    keepDoubtfulPaths: edge.path.doubtful === 'keep',
    maxHeaderBytes: edge.limits.maxHeaderBytes,
  });
  if ('message' in normal) return refuse(exchange, normal.code, normal.message);
  exchange.normal = normal;
  const direct = connection.source(port.edge);
  const source =
    direct.trusted && normal.forwardedFor !== undefined
      ? clientBehind(direct, normal.forwardedFor, trusted)
      : direct;
  const trace = continueTrace(normal.traceparent, core.deps.random);
  exchange.trace = trace;
  const seenScheme = direct.trusted ? schemeOf(normal.forwardedProto, scheme) : scheme;
  exchange.request = {
    id: direct.trusted && isRequestId(normal.requestId) ? normal.requestId : hex128(core.deps.random),
    method: normal.method,
    scheme: seenScheme,
    host: normal.host,
    port: normal.port ?? (seenScheme === 'https' ? 443 : 80),
    path: normal.path,
    query: normal.query,
    fields: normal.fields,
    httpVersion: normal.httpVersion,
    source,
    tls: connection.tls,
    wallMs: exchange.wallMs,
  };
  return 'next';
}

function schemeOf(said: string | undefined, actual: 'http' | 'https'): 'http' | 'https' {
  const last = said === undefined ? undefined : said.split(',').at(-1)?.trim().toLowerCase();
  return last === 'http' || last === 'https' ? last : actual;
}

function isRequestId(text: string | undefined): text is string {
  return text !== undefined && /^[\x21-\x7e]{1,128}$/.test(text);
}

function findHostAndRoute(exchange: Exchange): Outcome {
  const { request, port, connection, serving } = exchange;
  if (request === undefined) return 'over';
  if (serving.challenges !== undefined && answersChallenge(exchange, request, serving.challenges))
    return 'over';
  const listener = port.listeners.find(request.host);
  if (
    connection.tls !== undefined &&
    listener !== undefined &&
    isMisdirected(connection.tls, listener, port)
  ) {
    exchange.listenerId = listener.listener.id;
    return refuse(exchange, 'MISDIRECTED', '');
  }
  if (listener === undefined) return refuse(exchange, 'HOST_UNKNOWN', '');
  exchange.listenerId = listener.listener.id;
  const host = listener.hosts.find(request.host);
  if (host === undefined) return refuse(exchange, 'HOST_UNKNOWN', '');
  const route = host.routes.find(request) ?? routeOfPreflight(host, exchange);
  if (route === undefined) return refuse(exchange, 'ROUTE_NOT_FOUND', '');
  exchange.served = route.target;
  exchange.match = route.match;
  return 'next';
}

/**
 * A CA asks whether a name is ours (http-01), in plain text and by whatever name: before anything that routes, protects or redirects.
 * What is not asked for goes the way of every request.
 */
function answersChallenge(
  exchange: Exchange,
  { method, path, query }: GatewayRequest,
  challenges: ReadonlyMap<string, string>,
): boolean {
  if (exchange.connection.tls !== undefined || query !== '') return false;
  if (method !== 'GET' && method !== 'HEAD') return false;
  const answer = challenges.get(path);
  if (answer === undefined) return false;
  exchange.answer(200, CHALLENGE_FIELDS, answer);
  return true;
}

/**
 * What the handshake agreed on decides whose requests may be sent (RFC 9110 §7.4): a host of another listener than the server name
 * has another certificate, and may ask more of its clients.
 */
function isMisdirected(tls: ConnectionTls, { listener }: ServedListener, { listeners }: ServedPort): boolean {
  const named = listeners.find(tls.serverName);
  if (named !== undefined && named.listener !== listener) return true;
  const clientCa = listener.tls?.clientCa;
  if (clientCa === undefined) return false;
  // Without a server name some other listener may have looked at the client's certificate. And what is demanded now may not have
  // been when the connection began.
  return tls.serverName === undefined || (clientCa.mode === 'require' && tls.peerChain().length === 0);
}

/** A route for POST only has no match for the OPTIONS that browsers ask about it with. */
function routeOfPreflight(host: ServedHost, { request, normal }: Exchange): Route<ServedRule> | undefined {
  if (request === undefined || normal?.origin === undefined || !isPreflight(request)) return undefined;
  const method = fieldOf(request.fields, 'access-control-request-method') ?? '';
  const route = host.routes.find({ ...request, method });
  return route?.target.filters.cors === undefined ? undefined : route;
}

function checkLimits(exchange: Exchange): Outcome {
  const { normal, served } = exchange;
  if (normal === undefined || served === undefined) return 'over';
  const { maxBodyBytes } = served.edge.edge.limits;
  if (normal.contentLength !== undefined && normal.contentLength > maxBodyBytes) {
    return refuse(exchange, 'BODY_TOO_LARGE', `The body may have ${maxBodyBytes} octets.`);
  }
  return 'next';
}

function checkResidency(exchange: Exchange): Outcome {
  const { served, request, core } = exchange;
  const residency = served?.edge.residency ?? exchange.port.edge.residency;
  if (residency === undefined || request === undefined) return 'next';
  const rule = refusingRule(residency, request.host, core.deps.country(request.source.address));
  return rule === undefined ? 'next' : refuse(exchange, 'RESIDENCY_REFUSED', '');
}

/** Browsers send no credentials with it, so it is answered before anybody asks for them (Fetch standard §4.8). */
function answerPreflight(exchange: Exchange): Outcome {
  const { served, request, normal } = exchange;
  const cors = served?.filters.cors;
  if (cors === undefined || request === undefined || normal?.origin === undefined) return 'next';
  if (!isPreflight(request)) return 'next';
  exchange.preflight = true;
  exchange.answer(204, cors.preflight(normal.origin, request), '');
  return 'over';
}

function authenticate(exchange: Exchange): Outcome {
  const { served, request, core } = exchange;
  if (served?.auth === undefined || request === undefined) return 'next';
  const decision = core.deps.authorizer.decide(served.auth, request, placeOf(exchange, served));
  if (!(decision instanceof Promise)) return decided(exchange, decision);
  decision.then(
    (late) => {
      if (exchange.over || exchange.answered) return;
      if (decided(exchange, late) === 'next') proceed(exchange, AFTER_AUTHENTICATE);
    },
    (thrown: unknown) => {
      core.deps.log.warn({ error: messageOf(thrown) }, 'an authorisation failed inside the gateway');
      exchange.fail('INTERNAL', 500, '');
    },
  );
  return 'later';
}

function decided(exchange: Exchange, decision: AuthDecision): Outcome {
  if (!decision.allowed) {
    exchange.deny(decision);
    return 'over';
  }
  exchange.allowed = decision;
  exchange.principal = decision.principal;
  return 'next';
}

/** Whoever it is from is known by now. Takes tokens, or waits for some of the hub's. */
function checkQuota(exchange: Exchange): Outcome {
  const { served, request, core, principal } = exchange;
  const limits = core.deps.quota;
  if (served?.quota === undefined || limits === undefined || request === undefined) return 'next';
  const decision = limits.gate.decide(served.quota, contextOf(exchange, served, request), principal?.plan);
  if (decision.state !== 'waiting') return counted(exchange, decision);
  limits.gate.wait(decision, {
    get gone() {
      return exchange.over || exchange.answered;
    },
    decided(late) {
      if (counted(exchange, late) === 'next') proceed(exchange, AFTER_QUOTA);
    },
  });
  return 'later';
}

function counted(exchange: Exchange, decision: QuotaDecision): Outcome {
  if (decision.state === 'refused') {
    exchange.limited(decision);
    return 'over';
  }
  const { core } = exchange;
  exchange.limitFields = decision.fields;
  let last = '';
  for (const { limit, hits } of decision.claims) {
    // Several rates of one limit are one account; what the answer tells is accounted then.
    if (limit.metric === undefined || limit.answer !== undefined || limit.name === last) continue;
    last = limit.name;
    account(exchange, limit.metric, hits);
  }
  if (core.deps.quota !== undefined)
    exchange.cost = AnswerCost.of(decision, core.deps.quota.gate, (metric, amount) => {
      account(exchange, metric, amount);
    });
  return 'next';
}

function account({ served, principal, core, wallMs }: Exchange, metric: string, amount: number): void {
  if (served === undefined) return;
  const { name, keyId } = principal ?? NOBODY;
  const { namespace, route } = served;
  core.deps.usage.count({ namespace, principal: name, keyId, route, metric, amount, wallMs });
}

/** From here on it counts. */
function admit(exchange: Exchange): Outcome {
  const { served, core } = exchange;
  exchange.authorisedMs = core.deps.monotonicMs();
  if (served?.auth !== undefined) {
    const principal = exchange.principal ?? NOBODY;
    core.deps.usage.count({
      namespace: served.namespace,
      principal: principal.name,
      keyId: principal.keyId,
      route: served.route,
      metric: 'hits',
      amount: 1,
      wallMs: exchange.wallMs,
    });
  }
  return 'next';
}

function redirect(exchange: Exchange): Outcome {
  const { served, request, match, port } = exchange;
  const filter = served?.filters.redirect;
  if (filter === undefined || request === undefined || match === undefined) return 'next';
  const location = redirectLocation(filter, request, match, port.port.port);
  exchange.answer(filter.statusCode, ['location', location], '');
  return 'over';
}

function chooseBackend(exchange: Exchange): Outcome {
  const { served, request, serving, core } = exchange;
  if (served === undefined || request === undefined) return 'over';
  const { sessionPersistence } = served.rule;
  const backends = backendsFor(exchange, served);
  if (sessionPersistence !== undefined) exchange.session = sessionOf(sessionPersistence, request);
  const choice = serving.upstreams.choose(backends, sessionPersistence, exchange.session, core.deps.random());
  if (choice?.target.backend === undefined) {
    const none = choice !== undefined || backends.every(({ weight }) => weight === 0);
    return refuse(exchange, none ? 'BACKEND_UNRESOLVED' : 'BACKEND_UNAVAILABLE', '');
  }
  exchange.choice = choice;
  exchange.targetFilters = served.targets.get(choice.target);
  const own = exchange.targetFilters?.redirect;
  if (own !== undefined && exchange.match !== undefined) {
    const location = redirectLocation(own, request, exchange.match, exchange.port.port.port);
    exchange.answer(own.statusCode, ['location', location], '');
    return 'over';
  }
  return 'next';
}

const places = new WeakMap<ServedRule, RequestPlace>();

/** Made once per rule; a rule that several ports share has its place made anew when the port changes. */
function placeOf(exchange: Exchange, served: ServedRule): RequestPlace {
  const { port } = exchange.port.port;
  const known = places.get(served);
  if (known?.port === port) return known;
  const route = {
    name: served.route.slice(served.namespace.length + 1),
    namespace: served.namespace,
    rule: served.rule.source.sectionName ?? '',
  };
  const place: RequestPlace = { route, port };
  places.set(served, place);
  return place;
}

function backendsFor(exchange: Exchange, served: ServedRule): readonly WeightedBackend[] {
  if (served.callers.length === 0 || exchange.request === undefined) return served.rule.backends;
  const context = contextOf(exchange, served, exchange.request);
  return served.callers.find(({ when }) => when(context))?.backends ?? served.rule.backends;
}

function contextOf(exchange: Exchange, served: ServedRule, request: GatewayRequest): CelContext {
  const { route, port } = placeOf(exchange, served);
  const context = new CelContext(request, {
    ...(route === undefined ? {} : { route }),
    ...(port === undefined ? {} : { port }),
    countryOf: exchange.core.deps.country,
  });
  context.authenticated(exchange.principal ?? NOBODY, exchange.allowed?.metadata);
  return context;
}

function forward(exchange: Exchange): Outcome {
  const { served, request, normal, match, choice, core, serving, targetFilters } = exchange;
  if (served === undefined || request === undefined || normal === undefined) return 'over';
  if (match === undefined || choice === undefined) return 'over';
  const { rule, filters } = served;
  const timeouts = isGrpc(normal) ? timeoutsOfCall(exchange, rule.timeouts) : rule.timeouts;
  if (timeouts === undefined) return refuse(exchange, 'REQUEST_MALFORMED', 'grpc-timeout is no time.');
  const fields = forwardFields(exchange);
  let path = pathFor(request.path, match, filters.rewritePath, targetFilters?.rewritePath);
  const removedQuery = exchange.allowed?.removedQuery;
  const query = removedQuery === undefined ? request.query : withoutParameters(request.query, removedQuery);
  if (query !== '') path += `?${query}`;
  const mirrors =
    targetFilters === undefined ? filters.mirrors : [...filters.mirrors, ...targetFilters.mirrors];
  const body = exchange.takeBody();
  const plain: ForwardRequest = {
    method: normal.method,
    path,
    scheme: request.scheme,
    authority: targetFilters?.rewriteHost ?? filters.rewriteHost ?? authorityOf(exchange),
    fields,
    timeouts,
    deadlineOfClient: timeouts.requestMs !== rule.timeouts.requestMs,
    retry: rule.retry,
    trailers: normal.trailers,
    body,
  };
  for (const { backend, fraction } of mirrors) {
    if (core.deps.random() >= fraction || exchange.upgrade !== undefined) continue;
    serving.upstreams.mirror(backend, { ...plain, retry: undefined });
  }
  if (normal.expectsContinue && body !== undefined) exchange.sendContinue();
  const forwarded = exchange.upgrade === undefined ? plain : { ...plain, upgrade: exchange.upgrade };
  const forwarding = serving.upstreams.forward(choice, forwarded, exchange);
  if (!exchange.over) exchange.forwarding = forwarding;
  return 'over';
}

/** A call brings its own deadline, which began with it; the rule's holds when it is the shorter. @returns undefined: it cannot be read */
function timeoutsOfCall(
  { request, startMs, core }: Exchange,
  timeouts: CompiledTimeouts,
): CompiledTimeouts | undefined {
  const said = request === undefined ? undefined : fieldOf(request.fields, 'grpc-timeout');
  if (said === undefined) return timeouts;
  const callMs = grpcTimeoutMs(said);
  if (callMs === undefined) return undefined;
  const leftMs = Math.max(0, callMs - (core.deps.monotonicMs() - startMs));
  return { ...timeouts, requestMs: Math.min(leftMs, timeouts.requestMs ?? leftMs) };
}

function pathFor(
  path: string,
  match: CompiledMatch,
  rule: ServedRule['filters']['rewritePath'],
  target: ServedRule['filters']['rewritePath'],
): string {
  return rewrittenPath(path, match, target ?? rule);
}
