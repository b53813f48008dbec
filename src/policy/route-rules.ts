import { sha256Hex } from '../identity/digest.ts';
import type { Resource } from '../resources/catalogue.ts';
import type { HttpRouteRule } from '../resources/http-route.ts';
import {
  type BackendObjectReference,
  durationMs,
  type HttpRouteFilter,
  type PathModifier,
  PORTOLAN_GROUP,
  type SessionPersistence,
} from '../resources/route-fields.ts';
import type { AnyRoute } from './attachment.ts';
import type { ResolvedBackend, Unresolved } from './backend-book.ts';
import type {
  CompiledFilter,
  CompiledRetry,
  CompiledRule,
  CompiledSessionPersistence,
  CompiledTimeouts,
  HeaderChanges,
  PathRewrite,
  WeightedBackend,
} from './model.ts';

/** A rule of a route, but for what policies add to it. */
export interface RuleBody {
  readonly filters: readonly CompiledFilter[];
  readonly backends: readonly WeightedBackend[];
  readonly callers: CompiledRule['callers'];
  readonly timeouts: CompiledTimeouts;
  readonly retry: Omit<CompiledRetry, 'budget'> | undefined;
  readonly sessionPersistence: CompiledSessionPersistence | undefined;
  /** The first reference that does not resolve: `ResolvedRefs=False`. */
  readonly unresolved: Unresolved | { readonly reason: string; readonly message: string } | undefined;
  /** The rule cannot be used as written: its requests get 500. */
  readonly invalid: { readonly reason: string; readonly message: string } | undefined;
}

/** Rules of both kinds: those of a GRPCRoute have fewer fields, and other matches. */
type AnyRule = {
  readonly [K in 'filters' | 'backendRefs' | 'timeouts' | 'retry' | 'sessionPersistence']?:
    | HttpRouteRule[K]
    | undefined;
} & {
  readonly matches?:
    | readonly { readonly path?: { readonly type: string } | undefined; readonly headers: unknown }[]
    | undefined;
};

/** The name of a rule, or its index. */
export function ruleNameOf(route: AnyRoute, index: number): string {
  return route.spec.rules[index]?.name ?? String(index);
}

/**
 * Compiles one rule.
 * @param resolve where a reference to a backend leads
 */
export function compileRuleBody(
  route: AnyRoute,
  index: number,
  resolve: (ref: BackendObjectReference) => ResolvedBackend,
  callerRoutings: ReadonlyMap<string, Resource<'CallerRouting'>>,
): RuleBody {
  const rule: AnyRule = route.spec.rules[index] ?? {};
  const problems: { reason: string; message: string }[] = [];
  const filtersOf = (filters: readonly HttpRouteFilter[]): readonly CompiledFilter[] =>
    filters.flatMap((filter) => compileFilter(filter, mirrorTo));
  const mirrorTo = (ref: BackendObjectReference): string | undefined => {
    const resolved = resolve(ref);
    if ('id' in resolved) return resolved.id;
    problems.push(resolved.unresolved);
    return undefined;
  };
  const backendsOf = (
    refs: readonly (BackendObjectReference & { weight: number; filters?: readonly HttpRouteFilter[] })[],
  ): readonly WeightedBackend[] =>
    refs.map((ref) => {
      const backend = mirrorTo(ref);
      const filters = filtersOf(ref.filters ?? []);
      return { ...(backend === undefined ? {} : { backend }), weight: ref.weight, filters };
    });

  const ruleFilters = rule.filters ?? [];
  const filters = filtersOf(ruleFilters);
  const callers: CompiledRule['callers'][number][] = [];
  for (const filter of ruleFilters) {
    if (filter.type !== 'ExtensionRef') continue;
    const { group, kind, name } = filter.extensionRef;
    const routing =
      group === PORTOLAN_GROUP && kind === 'CallerRouting'
        ? callerRoutings.get(`${route.metadata.namespace}/${name}`)
        : undefined;
    if (routing === undefined) {
      problems.push({
        reason: group === PORTOLAN_GROUP && kind === 'CallerRouting' ? 'BackendNotFound' : 'InvalidKind',
        message: `There is no ${kind} ${name} that a route can refer to.`,
      });
      // A filter that is not there must not be skipped (HTTPRouteFilter): its requests get 500.
      return failed(filters, problems[0], {
        reason: 'UnsupportedValue',
        message: `filter ExtensionRef ${name} leads nowhere`,
      });
    }
    for (const { when, backendRefs } of routing.spec.rules)
      callers.push({ when, backends: backendsOf(backendRefs) });
  }
  const invalid = invalidity(rule);
  if (invalid !== undefined) return failed(filters, problems[0], invalid);
  return {
    filters,
    backends: backendsOf(rule.backendRefs ?? []),
    callers,
    timeouts: timeoutsOf(rule.timeouts, route.kind),
    retry: retryOf(rule.retry),
    sessionPersistence: persistenceOf(rule.sessionPersistence, route, index),
    unresolved: problems[0],
    invalid: undefined,
  };
}

function failed(
  filters: readonly CompiledFilter[],
  unresolved: RuleBody['unresolved'],
  invalid: NonNullable<RuleBody['invalid']>,
): RuleBody {
  return {
    // A redirect would answer in the place of the error.
    filters: filters.filter(({ type }) => type !== 'redirect' && type !== 'mirror'),
    backends: [],
    callers: [],
    timeouts: {},
    retry: undefined,
    sessionPersistence: undefined,
    unresolved,
    invalid,
  };
}

/** What the schema of the Gateway API checks by CEL across the fields of a rule. */
function invalidity(rule: AnyRule): RuleBody['invalid'] {
  const filters = rule.filters ?? [];
  if (filters.length === 0 && !(rule.backendRefs ?? []).some((ref) => ref.filters.length > 0))
    return undefined;
  const has = (type: HttpRouteFilter['type']): boolean => filters.some((filter) => filter.type === type);
  if (has('RequestRedirect') && has('URLRewrite')) {
    return {
      reason: 'IncompatibleFilters',
      message: 'RequestRedirect and URLRewrite cannot stand in one rule',
    };
  }
  if (has('RequestRedirect') && (rule.backendRefs ?? []).length > 0) {
    return { reason: 'IncompatibleFilters', message: 'a rule that redirects has no backendRefs' };
  }
  for (const type of [
    'CORS',
    'RequestHeaderModifier',
    'ResponseHeaderModifier',
    'RequestRedirect',
    'URLRewrite',
  ] as const) {
    if (filters.filter((filter) => filter.type === type).length > 1) {
      return { reason: 'IncompatibleFilters', message: `filter ${type} stands twice in one rule` };
    }
  }
  const all = [...filters, ...(rule.backendRefs ?? []).flatMap((ref) => ref.filters)];
  if (all.some(replacesPrefix) && rule.matches?.some(({ path }) => path?.type !== 'PathPrefix') === true) {
    return { reason: 'UnsupportedValue', message: 'ReplacePrefixMatch needs matches of type PathPrefix' };
  }
  return undefined;
}

function replacesPrefix(filter: HttpRouteFilter): boolean {
  const path =
    filter.type === 'URLRewrite'
      ? filter.urlRewrite.path
      : filter.type === 'RequestRedirect'
        ? filter.requestRedirect.path
        : undefined;
  return path?.type === 'ReplacePrefixMatch';
}

function compileFilter(
  filter: HttpRouteFilter,
  mirrorTo: (ref: BackendObjectReference) => string | undefined,
): readonly CompiledFilter[] {
  switch (filter.type) {
    case 'RequestHeaderModifier':
      return [{ type: 'requestHeaders', changes: changesOf(filter.requestHeaderModifier) }];
    case 'ResponseHeaderModifier':
      return [{ type: 'responseHeaders', changes: changesOf(filter.responseHeaderModifier) }];
    case 'URLRewrite': {
      const { hostname, path } = filter.urlRewrite;
      return [
        {
          type: 'rewrite',
          ...(hostname === undefined ? {} : { hostname }),
          ...(path === undefined ? {} : { path: rewriteOf(path) }),
        },
      ];
    }
    case 'RequestRedirect': {
      const { scheme, hostname, port, path, statusCode } = filter.requestRedirect;
      return [
        {
          type: 'redirect',
          ...(scheme === undefined ? {} : { scheme }),
          ...(hostname === undefined ? {} : { hostname }),
          ...(port === undefined ? {} : { port }),
          ...(path === undefined ? {} : { path: rewriteOf(path) }),
          statusCode,
        },
      ];
    }
    case 'RequestMirror': {
      const { backendRef, percent, fraction } = filter.requestMirror;
      const backend = mirrorTo(backendRef);
      const share =
        fraction === undefined ? (percent ?? 100) / 100 : fraction.numerator / fraction.denominator;
      return backend === undefined ? [] : [{ type: 'mirror', backend, fraction: share }];
    }
    case 'CORS': {
      const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAge } =
        filter.cors;
      return [
        {
          type: 'cors',
          cors: {
            allowOrigins,
            allowMethods,
            allowHeaders,
            exposeHeaders,
            allowCredentials,
            maxAgeSeconds: maxAge,
          },
        },
      ];
    }
    case 'ExtensionRef':
      return [];
  }
}

function changesOf(given: {
  readonly set?: readonly { name: string; value: string }[] | undefined;
  readonly add?: readonly { name: string; value: string }[] | undefined;
  readonly remove?: readonly string[] | undefined;
}): HeaderChanges {
  const pairs = (list: readonly { name: string; value: string }[] = []): HeaderChanges['set'] => {
    const seen = new Set<string>();
    // Of equal names the first counts (HTTPHeader).
    return list.flatMap(({ name, value }): [string, string][] => {
      if (seen.has(name.toLowerCase())) return [];
      seen.add(name.toLowerCase());
      return [[name, value]];
    });
  };
  return { set: pairs(given.set), add: pairs(given.add), remove: given.remove ?? [] };
}

function rewriteOf(path: PathModifier): PathRewrite {
  return path.type === 'ReplaceFullPath'
    ? { type: 'full', value: path.replaceFullPath }
    : { type: 'prefix', value: path.replacePrefixMatch };
}

/** How long a backend may stay silent where the route does not say how long it may take. A stream of gRPC may be silent for longer. */
const SILENT: Readonly<Record<AnyRoute['kind'], CompiledTimeouts>> = {
  HTTPRoute: { headMs: 60_000 },
  GRPCRoute: {},
};

function timeoutsOf(timeouts: HttpRouteRule['timeouts'], kind: AnyRoute['kind']): CompiledTimeouts {
  if (timeouts?.request === undefined && timeouts?.backendRequest === undefined) return SILENT[kind];
  // GEP-1742: 0s is no limit.
  const requestMs = durationMs(timeouts.request ?? '0s');
  const backendRequestMs = durationMs(timeouts.backendRequest ?? '0s');
  return {
    ...(requestMs === 0 ? {} : { requestMs }),
    ...(backendRequestMs === 0 ? {} : { backendRequestMs }),
  };
}

function retryOf(retry: HttpRouteRule['retry']): RuleBody['retry'] {
  if (retry === undefined || retry.attempts === 0) return undefined;
  return { attempts: retry.attempts, codes: retry.codes, backoffMs: durationMs(retry.backoff) };
}

function persistenceOf(
  given: SessionPersistence | undefined,
  route: AnyRoute,
  index: number,
): CompiledSessionPersistence | undefined {
  if (given === undefined) return undefined;
  const { namespace, name } = route.metadata;
  // Two routes of one host must not overwrite each other's cookie.
  const own = sha256Hex(`${route.kind}/${namespace}/${name}/${ruleNameOf(route, index)}`).slice(0, 8);
  const type = given.type === 'Header' ? 'header' : 'cookie';
  return {
    scope: own,
    type,
    name: given.sessionName ?? (type === 'header' ? 'x-portolan-session' : `portolan-session-${own}`),
    lifetime: given.cookieConfig?.lifetimeType === 'Permanent' ? 'permanent' : 'session',
    ...(given.absoluteTimeout === undefined ? {} : { absoluteTimeoutMs: durationMs(given.absoluteTimeout) }),
    ...(given.idleTimeout === undefined ? {} : { idleTimeoutMs: durationMs(given.idleTimeout) }),
  };
}
