import type { CompiledFilter, CompiledMatch, PathRewrite } from '../../src/policy/model.ts';
import type { GatewayRequest } from '../request.ts';

/**
 * The path after a rewrite (Gateway API HTTPPathModifier). A prefix is replaced by element, so `/foo` → `/` makes `/foo/bar` to
 * `/bar` and never to `//bar`.
 */
export function rewrittenPath(path: string, match: CompiledMatch, rewrite: PathRewrite | undefined): string {
  if (rewrite === undefined) return path;
  if (rewrite.type === 'full') return rewrite.value.startsWith('/') ? rewrite.value : `/${rewrite.value}`;
  if (match.path.type !== 'prefix') return path;
  const prefix = trimmed(match.path.value);
  const rest = path.slice(prefix.length);
  return `${trimmed(rewrite.value)}${rest}` || '/';
}

function trimmed(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

const DEFAULT_PORT = { http: 80, https: 443 } as const;

/**
 * The `Location` of a redirect (Gateway API HTTPRequestRedirectFilter): the port of the scheme when the filter names one, else the
 * listener's; left out where the scheme implies it.
 * @param listenerPort as the Gateway says it, whatever the machine maps it to
 */
export function redirectLocation(
  filter: Extract<CompiledFilter, { readonly type: 'redirect' }>,
  request: GatewayRequest,
  match: CompiledMatch,
  listenerPort: number,
): string {
  const scheme = filter.scheme ?? request.scheme;
  const port = filter.port ?? (filter.scheme === undefined ? listenerPort : DEFAULT_PORT[filter.scheme]);
  const shownPort = port === DEFAULT_PORT[scheme] ? '' : `:${port}`;
  const path = rewrittenPath(request.path, match, filter.path);
  const query = request.query === '' ? '' : `?${request.query}`;
  return `${scheme}://${filter.hostname ?? request.host}${shownPort}${path}${query}`;
}
