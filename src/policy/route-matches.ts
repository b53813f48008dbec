import type { HttpRouteMatch } from '../resources/http-route.ts';
import type { AnyRoute } from './attachment.ts';
import { grpcPath } from './grpc-match.ts';
import type { CompiledMatch, ValueMatch } from './model.ts';
import { grpcWeights, httpWeights, type MatchRank } from './precedence.ts';

/** A match of a route's rule, with its place in the order; which compiled rule it leads to depends on the listener. */
export interface RankedMatch {
  readonly rank: MatchRank;
  readonly match: Omit<CompiledMatch, 'rule'>;
  /** Takes every request: nothing behind it can be reached. */
  readonly takesAll: boolean;
}

const remembered = new WeakMap<AnyRoute, readonly RankedMatch[]>();

/** The matches of all rules of a route. Remembered by the identity of the object, so that an unchanged route costs nothing. */
export function matchesOf(route: AnyRoute): readonly RankedMatch[] {
  const known = remembered.get(route);
  if (known !== undefined) return known;
  const made = route.kind === 'HTTPRoute' ? httpMatches(route) : grpcMatches(route);
  remembered.set(route, made);
  return made;
}

function ranked(
  route: AnyRoute,
  rule: number,
  index: number,
  weights: readonly number[],
  match: Omit<CompiledMatch, 'rule'>,
): RankedMatch {
  const { creationTimestamp, namespace, name } = route.metadata;
  const { path, method, headers, query } = match;
  return {
    rank: { weights, created: creationTimestamp, route: `${namespace}/${name}`, rule, match: index },
    match,
    takesAll:
      path.type === 'prefix' &&
      path.value === '/' &&
      method === undefined &&
      headers.length === 0 &&
      query.length === 0,
  };
}

function httpMatches(route: Extract<AnyRoute, { kind: 'HTTPRoute' }>): readonly RankedMatch[] {
  return route.spec.rules.flatMap((rule, at) =>
    (rule.matches.length === 0 ? [EVERYTHING] : rule.matches).map((match, index) =>
      ranked(route, at, index, httpWeights(match), {
        path: pathOf(match.path),
        ...(match.method === undefined ? {} : { method: match.method }),
        headers: valuesOf(match.headers, true),
        query: valuesOf(match.queryParams, false),
      }),
    ),
  );
}

function grpcMatches(route: Extract<AnyRoute, { kind: 'GRPCRoute' }>): readonly RankedMatch[] {
  return route.spec.rules.flatMap((rule, at) =>
    (rule.matches.length === 0 ? [{ headers: [] }] : rule.matches).map((match, index) => {
      const path = grpcPath(match.method);
      return ranked(route, at, index, grpcWeights(match), {
        path,
        headers: valuesOf(match.headers, true),
        query: [],
      });
    }),
  );
}

const EVERYTHING: HttpRouteMatch = { path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [] };

function pathOf({ type, value }: HttpRouteMatch['path']): CompiledMatch['path'] {
  switch (type) {
    case 'Exact':
      return { type: 'exact', value };
    case 'RegularExpression':
      return { type: 'regex', value };
    case 'PathPrefix':
      return { type: 'prefix', value: value.length > 1 ? value.replace(/\/+$/, '') || '/' : value };
  }
}

/** Of equal names the first counts. */
function valuesOf(
  matches: readonly {
    readonly type: 'Exact' | 'RegularExpression';
    readonly name: string;
    readonly value: string;
  }[],
  anyCase: boolean,
): readonly ValueMatch[] {
  const values = new Map<string, ValueMatch>();
  for (const { type, name, value } of matches) {
    const key = anyCase ? name.toLowerCase() : name;
    if (!values.has(key)) values.set(key, { name: key, type: type === 'Exact' ? 'exact' : 'regex', value });
  }
  return [...values.values()];
}
