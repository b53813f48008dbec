import type { CompiledMatch, GatewayPart, GatewayPort, ValueMatch } from '../../src/policy/model.ts';
import { compileRegex } from '../../src/policy/regex.ts';

/** A request as far as routing looks at it. */
export interface RoutedRequest {
  readonly hostname: string;
  /** With its query. */
  readonly path: string;
  readonly method: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface MatchedRule {
  readonly rule: string;
  readonly listener: string;
}

/**
 * The rule that takes a request at each port of a part: as a gateway decides it, which takes the first match of the most specific host of
 * the most specific listener.
 */
export function matchRequest(part: GatewayPart, request: RoutedRequest): readonly MatchedRule[] {
  return part.ports.flatMap((port) => {
    const found = matchAt(port, request);
    return found === undefined ? [] : [found];
  });
}

function matchAt({ listeners }: GatewayPort, request: RoutedRequest): MatchedRule | undefined {
  const listener = mostSpecific(listeners, request.hostname);
  const host = listener === undefined ? undefined : mostSpecific(listener.hosts, request.hostname);
  if (listener === undefined || host === undefined) return undefined;
  const match = host.matches.find((candidate) => isMatch(candidate, request));
  return match === undefined ? undefined : { rule: match.rule, listener: listener.id };
}

/** Exact names before wildcards before every host; among wildcards the one with more labels. */
function mostSpecific<T extends { readonly hostname?: string }>(
  all: readonly T[],
  host: string,
): T | undefined {
  return all
    .filter(({ hostname }) => takes(hostname, host))
    .toSorted((a, b) => specificity(b.hostname) - specificity(a.hostname))[0];
}

function takes(hostname: string | undefined, host: string): boolean {
  if (hostname === undefined || hostname === host) return true;
  return hostname.startsWith('*.') && host.endsWith(hostname.slice(1)) && host.length > hostname.length - 1;
}

function specificity(hostname: string | undefined): number {
  if (hostname === undefined) return 0;
  return hostname.startsWith('*.') ? hostname.split('.').length : 1_000;
}

function isMatch(match: CompiledMatch, { path: target, method, headers }: RoutedRequest): boolean {
  const [path = '/', search = ''] = target.split('?', 2);
  if (match.method !== undefined && match.method !== method) return false;
  if (!isPath(match.path, path)) return false;
  const query = [...new URLSearchParams(search)];
  return (
    match.headers.every((wanted) => hasValue(wanted, headers)) &&
    match.query.every((wanted) => hasValue(wanted, query))
  );
}

function isPath({ type, value }: CompiledMatch['path'], path: string): boolean {
  if (type === 'exact') return path === value;
  if (type === 'regex') return compileRegex(value).matches(path);
  return value === '/' || path === value || path.startsWith(`${value}/`);
}

function hasValue(
  { name, type, value }: ValueMatch,
  all: readonly (readonly [name: string, value: string])[],
): boolean {
  const found = all.find(([own]) => own === name)?.[1];
  if (found === undefined) return false;
  return type === 'exact' ? found === value : compileRegex(value).matches(found);
}
