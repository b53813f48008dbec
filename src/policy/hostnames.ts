/**
 * Hostnames of listeners and routes (Gateway API `Hostname`): lower case, `*.` stands for one or more labels. Undefined: every host.
 */
export type Hostname = string | undefined;

/** True when every host that `inner` stands for is one of `outer`. */
export function covers(outer: Hostname, inner: Hostname): boolean {
  if (outer === undefined) return true;
  if (inner === undefined) return false;
  if (!outer.startsWith('*.')) return outer === inner;
  const suffix = outer.slice(1);
  const name = inner.startsWith('*.') ? inner.slice(1) : inner;
  return inner.startsWith('*.')
    ? name.endsWith(suffix)
    : name.length > suffix.length && name.endsWith(suffix);
}

/** True when the host of a request (no wildcard) is one that the hostname stands for. */
export function matchesHost(hostname: Hostname, host: string): boolean {
  return covers(hostname, host);
}

/** What both stand for; undefined result in the object: nothing. */
export function intersect(a: Hostname, b: Hostname): { readonly hostname: Hostname } | undefined {
  if (covers(a, b)) return { hostname: b };
  if (covers(b, a)) return { hostname: a };
  return undefined;
}

/**
 * The hosts for which a route is served by a listener: the intersections of its hostnames with the listener's, without repetition.
 * Empty: none, so the route is not attached (`NoMatchingListenerHostname`). A route without hostnames takes the listener's.
 */
export function intersections(listener: Hostname, route: readonly string[]): readonly Hostname[] {
  if (route.length === 0) return [listener];
  const found = new Set<Hostname>();
  for (const hostname of route) {
    const common = intersect(listener, hostname);
    if (common !== undefined) found.add(common.hostname);
  }
  return [...found];
}

/** Most specific first: exact names, then wildcards by their number of labels, then every host; equals in alphabetical order. */
export function compareHostnames(a: Hostname, b: Hostname): number {
  return classOf(a) - classOf(b) || labels(b) - labels(a) || (a === b ? 0 : (a ?? '') < (b ?? '') ? -1 : 1);
}

function classOf(hostname: Hostname): number {
  if (hostname === undefined) return 2;
  return hostname.startsWith('*.') ? 1 : 0;
}

function labels(hostname: Hostname): number {
  // Exact names never compete for one host; only wildcards are told apart by their length.
  if (hostname?.startsWith('*.') !== true) return 0;
  let dots = 0;
  for (const letter of hostname) if (letter === '.') dots++;
  return dots;
}

/** The hostnames that may stand in a table for those which cover this one, most specific first: itself, its wildcards, every host. */
export function coveringHostnames(hostname: Hostname): readonly Hostname[] {
  if (hostname === undefined) return [undefined];
  const found: Hostname[] = [hostname];
  const from = hostname.startsWith('*.') ? 2 : 0;
  for (let dot = hostname.indexOf('.', from); dot >= 0; dot = hostname.indexOf('.', dot + 1)) {
    found.push(`*${hostname.slice(dot)}`);
  }
  found.push(undefined);
  return found;
}
