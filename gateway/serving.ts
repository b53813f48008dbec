import { messageOf } from '../src/errors/error.ts';
import { compileCondition } from '../src/policy/cel.ts';
import type { CelContext } from '../src/policy/cel-context.ts';
import { HostTable } from '../src/policy/host-table.ts';
import type {
  CompiledAuth,
  CompiledEdge,
  CompiledFilter,
  CompiledListener,
  CompiledResidency,
  CompiledRule,
  GatewayPart,
  GatewayPort,
  GatewaySecrets,
  PathRewrite,
  VirtualHost,
  WeightedBackend,
} from '../src/policy/model.ts';
import { RouteTable } from '../src/policy/route-table.ts';
import { Networks } from './client-address.ts';
import { dashed } from './field-names.ts';
import { CorsRules } from './filters/cors.ts';
import { HeaderEdit } from './filters/headers.ts';
import type { PreparedQuota } from './quota/limits.ts';
import type { Upstreams } from './upstream/contract.ts';

/** A configuration made ready for requests. Immutable: a request keeps the one it began with. */
export interface Serving {
  readonly part: GatewayPart;
  readonly upstreams: Upstreams;
  readonly ports: ReadonlyMap<number, ServedPort>;
  /** Names that policies set for backends: never taken from a client. Lower case; those with `_` also with `-` instead. */
  readonly identityNames: ReadonlySet<string>;
  /** Names that are believed from trusted proxies only; written the same way. */
  readonly proxyNames: ReadonlySet<string>;
  /** What a CA asks for by http-01, by path; undefined: nothing, as nearly always. */
  readonly challenges: ReadonlyMap<string, string> | undefined;
  /** By listener id: cannot be served, why. */
  readonly problems: ReadonlyMap<string, string>;
  /** What the next configuration takes over as far as it says the same. */
  readonly made: MadeEntries;
}

interface MadeEntries {
  readonly edges: ReadonlyMap<string, ServedEdge>;
  readonly rules: ReadonlyMap<string, ServedRule>;
  /** By id of the rule: cannot be made ready, why. */
  readonly broken: ReadonlyMap<string, string>;
  readonly quotas: ReadonlyMap<string, PreparedQuota> | undefined;
}

export interface ServedPort {
  readonly port: GatewayPort;
  readonly edge: ServedEdge;
  readonly listeners: HostTable<ServedListener>;
  /** For requests that no listener takes. */
  readonly listenerId: string;
}

export interface ServedListener {
  readonly listener: CompiledListener;
  readonly hosts: HostTable<ServedHost>;
}

export interface ServedHost {
  readonly host: VirtualHost;
  readonly routes: RouteTable<ServedRule>;
  readonly passthrough: readonly WeightedBackend[];
}

export interface ServedEdge {
  readonly edge: CompiledEdge;
  readonly trusted: Networks;
  /** Only when one of its rules can refuse on this cluster. */
  readonly residency: CompiledResidency | undefined;
  /** Names that answers of backends lose; lower case. */
  readonly answerGone: ReadonlySet<string>;
  readonly answerPut: readonly string[];
}

export interface ServedRule {
  readonly rule: CompiledRule;
  /** `namespace/name` */
  readonly route: string;
  readonly namespace: string;
  readonly edge: ServedEdge;
  readonly auth: CompiledAuth | undefined;
  readonly quota: PreparedQuota | undefined;
  readonly filters: ServedFilters;
  readonly callers: readonly {
    readonly when: (context: CelContext) => boolean;
    readonly backends: readonly WeightedBackend[];
  }[];
  readonly targets: ReadonlyMap<WeightedBackend, ServedFilters>;
}

export interface ServedFilters {
  readonly request: readonly HeaderEdit[];
  readonly response: readonly HeaderEdit[];
  readonly rewriteHost: string | undefined;
  readonly rewritePath: PathRewrite | undefined;
  readonly redirect: Extract<CompiledFilter, { readonly type: 'redirect' }> | undefined;
  readonly mirrors: readonly { readonly backend: string; readonly fraction: number }[];
  readonly cors: CorsRules | undefined;
}

/** RFC 9440 and Envoy's: a client could claim any certificate with them. */
const CERTIFICATE_NAMES = ['client-cert', 'client-cert-chain', 'x-forwarded-client-cert', 'x-client-cert'];

/**
 * Never throws: what cannot be used is left out, and its listeners are in `problems`.
 * @param quotas limits by id; undefined: nothing is limited here, whatever the rules say
 * @param previous what is made of the same objects as there is taken from it, and costs next to nothing
 */
export function makeServing(
  part: GatewayPart,
  secrets: GatewaySecrets,
  upstreamsOf: (part: GatewayPart, secrets: GatewaySecrets) => Upstreams,
  quotas?: ReadonlyMap<string, PreparedQuota>,
  previous?: Serving,
): Serving {
  const problems = new Map<string, string>();
  const edges = edgesOf(part, previous);
  const { rules, broken, changed } = rulesOf(part, edges, quotas, previous);
  const ports = new Map<number, ServedPort>();
  for (const port of part.ports) {
    const edge = edges.get(port.edge);
    if (edge === undefined) {
      for (const { id } of port.listeners) problems.set(id, `there is no edge ${port.edge}`);
      continue;
    }
    const before = previous?.ports.get(port.port);
    if (
      before?.port === port &&
      before.edge === edge &&
      changed?.size === 0 &&
      previous?.problems.size === 0
    ) {
      ports.set(port.port, before);
      continue;
    }
    const listeners = new HostTable<ServedListener>();
    for (const listener of port.listeners) {
      const own = before?.listeners.at(listener.hostname);
      try {
        listeners.add(listener.hostname, servedListener(listener, rules, broken, own, changed));
      } catch (thrown) {
        problems.set(listener.id, messageOf(thrown));
      }
    }
    ports.set(port.port, { port, edge, listeners, listenerId: port.listeners[0]?.id ?? `:${port.port}` });
  }
  const { identityNames, proxyNames } = previous?.part.auth === part.auth ? previous : namesOf(part.auth);
  const upstreams = upstreamsOf(part, secrets);
  const challenges = httpChallenges(secrets);
  const made = { edges, rules, broken, quotas };
  return { part, upstreams, ports, identityNames, proxyNames, challenges, problems, made };
}

function edgesOf({ edge }: GatewayPart, previous: Serving | undefined): ReadonlyMap<string, ServedEdge> {
  if (previous?.part.edge === edge) return previous.made.edges;
  return new Map(
    Object.entries(edge).map(([id, one]) => {
      const before = previous?.made.edges.get(id);
      return [id, before?.edge === one ? before : servedEdge(one)];
    }),
  );
}

interface MadeRules extends Pick<MadeEntries, 'rules' | 'broken'> {
  /** Ids of rules that are not served as they were before; undefined: all. */
  readonly changed: ReadonlySet<string> | undefined;
}

const NOTHING_CHANGED: ReadonlySet<string> = new Set();

function rulesOf(
  part: GatewayPart,
  edges: ReadonlyMap<string, ServedEdge>,
  quotas: ReadonlyMap<string, PreparedQuota> | undefined,
  previous: Serving | undefined,
): MadeRules {
  const last = previous?.made;
  if (
    last !== undefined &&
    previous?.part.rules === part.rules &&
    previous.part.auth === part.auth &&
    last.edges === edges &&
    last.quotas === quotas
  )
    return { rules: last.rules, broken: last.broken, changed: NOTHING_CHANGED };
  const rules = new Map<string, ServedRule>();
  const broken = new Map<string, string>();
  const changed = new Set<string>();
  let kept = 0;
  for (const [id, rule] of Object.entries(part.rules)) {
    const before = last?.rules.get(id);
    if (before?.rule === rule && isMadeOfSame(before, part, edges, quotas)) {
      rules.set(id, before);
      kept += 1;
      continue;
    }
    changed.add(id);
    try {
      rules.set(id, servedRule(rule, part, edges, quotas));
    } catch (thrown) {
      broken.set(id, messageOf(thrown));
    }
  }
  if (last === undefined) return { rules, broken, changed: undefined };
  if (kept < last.rules.size) for (const id of last.rules.keys()) if (!rules.has(id)) changed.add(id);
  return { rules, broken, changed };
}

function isMadeOfSame(
  { rule, edge, auth, quota }: ServedRule,
  part: GatewayPart,
  edges: ReadonlyMap<string, ServedEdge>,
  quotas: ReadonlyMap<string, PreparedQuota> | undefined,
): boolean {
  if (edge !== edges.get(rule.edge)) return false;
  if (rule.auth !== undefined && (auth === undefined || auth !== part.auth[rule.auth])) return false;
  if (rule.quota === undefined) return true;
  return quotas === undefined ? quota === undefined : quota !== undefined && quota === quotas.get(rule.quota);
}

function namesOf(auth: GatewayPart['auth']): Pick<Serving, 'identityNames' | 'proxyNames'> {
  const identityNames = new Set<string>();
  const proxyNames = new Set(CERTIFICATE_NAMES);
  for (const { response, authentication } of Object.values(auth)) {
    for (const [name] of response.headers) addBoth(identityNames, name.toLowerCase());
    for (const { method } of authentication) {
      if (method.type === 'plain') addBoth(proxyNames, method.header.toLowerCase());
    }
  }
  return { identityNames, proxyNames };
}

/** RFC 8555 section 8.3. */
function httpChallenges({ challenges }: GatewaySecrets): ReadonlyMap<string, string> | undefined {
  const answers = Object.entries(challenges?.http ?? {});
  return answers.length === 0
    ? undefined
    : new Map(answers.map(([token, answer]) => [`/.well-known/acme-challenge/${token}`, answer]));
}

function addBoth(names: Set<string>, name: string): void {
  names.add(name).add(dashed(name));
}

function servedEdge(edge: CompiledEdge): ServedEdge {
  const headers = Object.entries(edge.responseHeaders);
  return {
    edge,
    trusted: new Networks(edge.clientAddress.trustedProxies),
    residency: edge.residency?.rules.some(({ inside }) => !inside) === true ? edge.residency : undefined,
    answerGone: new Set(headers.map(([name]) => name.toLowerCase())),
    answerPut: headers.flatMap(([name, value]) => (value === null ? [] : [name.toLowerCase(), value])),
  };
}

/** @param before of the same hostname, before; hosts of which no rule has `changed` are taken over */
function servedListener(
  listener: CompiledListener,
  rules: ReadonlyMap<string, ServedRule>,
  broken: ReadonlyMap<string, string>,
  before: ServedListener | undefined,
  changed: ReadonlySet<string> | undefined,
): ServedListener {
  if (before?.listener === listener && changed?.size === 0) return before;
  const hosts = new HostTable<ServedHost>();
  for (const host of listener.hosts) {
    const known = before?.hosts.at(host.hostname);
    const isSame =
      changed !== undefined && known?.host === host && !host.matches.some(({ rule }) => changed.has(rule));
    hosts.add(host.hostname, isSame ? known : servedHost(host, rules, broken));
  }
  return { listener, hosts };
}

function servedHost(
  host: VirtualHost,
  rules: ReadonlyMap<string, ServedRule>,
  broken: ReadonlyMap<string, string>,
): ServedHost {
  const routes = new RouteTable(host.matches, (match) => {
    const rule = rules.get(match.rule);
    // A rule that cannot be made ready must not let its requests fall through to a later, looser one.
    if (rule === undefined) throw new Error(broken.get(match.rule) ?? `there is no rule ${match.rule}`);
    return rule;
  });
  return { host, routes, passthrough: host.passthrough ?? [] };
}

function servedRule(
  rule: CompiledRule,
  part: GatewayPart,
  edges: ReadonlyMap<string, ServedEdge>,
  quotas: ReadonlyMap<string, PreparedQuota> | undefined,
): ServedRule {
  const edge = edges.get(rule.edge);
  if (edge === undefined) throw new Error(`there is no edge ${rule.edge}`);
  const auth = rule.auth === undefined ? undefined : part.auth[rule.auth];
  // Never open because its policy is missing.
  if (rule.auth !== undefined && auth === undefined) throw new Error(`there is no policy ${rule.auth}`);
  const quota = rule.quota === undefined ? undefined : quotas?.get(rule.quota);
  if (rule.quota !== undefined && quotas !== undefined && quota === undefined)
    throw new Error(`there are no limits ${rule.quota}`);
  let targets: Map<WeightedBackend, ServedFilters> | undefined;
  const callers =
    rule.callers.length === 0
      ? NONE
      : rule.callers.map(({ when, backends }) => ({ when: compileCondition(when), backends }));
  for (const target of [...rule.backends, ...callers.flatMap(({ backends }) => backends)]) {
    if (target.filters.length === 0) continue;
    targets ??= new Map();
    targets.set(target, servedFilters(target.filters));
  }
  const { name } = rule.source;
  return {
    rule,
    route: name,
    namespace: name.slice(0, Math.max(0, name.indexOf('/'))),
    edge,
    auth,
    quota,
    filters: servedFilters(rule.filters),
    callers,
    targets: targets ?? NO_TARGETS,
  };
}

// One for all: there are thousands of rules, and most have few filters.
const NONE: readonly never[] = [];
const NO_TARGETS: ReadonlyMap<WeightedBackend, ServedFilters> = new Map();
const NO_FILTERS: ServedFilters = {
  request: NONE,
  response: NONE,
  rewriteHost: undefined,
  rewritePath: undefined,
  redirect: undefined,
  mirrors: NONE,
  cors: undefined,
};

function servedFilters(filters: readonly CompiledFilter[]): ServedFilters {
  if (filters.length === 0) return NO_FILTERS;
  const request: HeaderEdit[] = [];
  const response: HeaderEdit[] = [];
  const mirrors: { readonly backend: string; readonly fraction: number }[] = [];
  let rewriteHost: string | undefined;
  let rewritePath: PathRewrite | undefined;
  let redirect: ServedFilters['redirect'];
  let cors: CorsRules | undefined;
  for (const filter of filters) {
    switch (filter.type) {
      case 'requestHeaders':
        request.push(new HeaderEdit(filter.changes));
        break;
      case 'responseHeaders':
        response.push(new HeaderEdit(filter.changes));
        break;
      case 'rewrite':
        rewriteHost = filter.hostname ?? rewriteHost;
        rewritePath = filter.path ?? rewritePath;
        break;
      case 'redirect':
        redirect = filter;
        break;
      case 'mirror':
        mirrors.push(filter);
        break;
      case 'cors':
        cors = new CorsRules(filter.cors);
        break;
    }
  }
  return {
    request: request.length === 0 ? NONE : request,
    response: response.length === 0 ? NONE : response,
    rewriteHost,
    rewritePath,
    redirect,
    mirrors: mirrors.length === 0 ? NONE : mirrors,
    cors,
  };
}
