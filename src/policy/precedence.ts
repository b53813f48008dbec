import type { GrpcRouteMatch } from '../resources/grpc-route.ts';
import type { HttpRouteMatch } from '../resources/http-route.ts';

/**
 * Where a match stands among those of its host: compared element by element, greater goes first. Ties go to the older route, then
 * to the first by `namespace/name`, then to the first rule in the route, then to the first match in the rule.
 */
export interface MatchRank {
  readonly weights: readonly number[];
  /** RFC 3339, UTC, as the store writes it: order of text is order of time. */
  readonly created: string;
  /** `namespace/name` */
  readonly route: string;
  readonly rule: number;
  readonly match: number;
}

/**
 * HTTPRouteRule.matches: an exact path; then the longest prefix; then a method; then the most headers; then the most query parameters.
 * The specification leaves regular expressions to the implementation: here they stand between exact paths and prefixes, the longer
 * pattern first.
 */
export function httpWeights(match: HttpRouteMatch): readonly number[] {
  const { path, method, headers, queryParams } = match;
  const kind = path.type === 'Exact' ? 2 : path.type === 'RegularExpression' ? 1 : 0;
  return [
    kind,
    path.type === 'Exact' ? 0 : path.value.length,
    method === undefined ? 0 : 1,
    distinctNames(headers, true),
    distinctNames(queryParams, false),
  ];
}

/** GRPCRouteRule.matches: the longest service; then the longest method; then the most headers. Exact goes before patterns. */
export function grpcWeights(match: GrpcRouteMatch): readonly number[] {
  const exact = match.method === undefined || match.method.type === 'Exact' ? 1 : 0;
  const service = match.method?.service?.length ?? 0;
  const method = match.method?.method?.length ?? 0;
  return [exact * service, exact * method, service, method, distinctNames(match.headers, true)];
}

/** Of equal names the first counts, the rest are ignored (HTTPHeaderMatch.name, HTTPQueryParamMatch.name). */
function distinctNames(matches: readonly { readonly name: string }[], anyCase: boolean): number {
  if (matches.length < 2) return matches.length;
  return new Set(matches.map(({ name }) => (anyCase ? name.toLowerCase() : name))).size;
}

export function compareRanks(a: MatchRank, b: MatchRank): number {
  for (let at = 0; at < a.weights.length; at += 1) {
    const difference = (b.weights[at] ?? 0) - (a.weights[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return compareAges(a, b) || a.rule - b.rule || a.match - b.match;
}

/** The older first, then by `namespace/name`: how the Gateway API settles every conflict. */
export function compareAges(
  a: { readonly created: string; readonly route: string },
  b: { readonly created: string; readonly route: string },
): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  if (a.route !== b.route) return a.route < b.route ? -1 : 1;
  return 0;
}
