import type { AnyRoute } from './attachment.ts';
import { compareHostnames, coveringHostnames, covers, type Hostname } from './hostnames.ts';
import { listChange } from './list-change.ts';
import type { CompiledMatch, VirtualHost } from './model.ts';
import { compareRanks } from './precedence.ts';
import { matchesOf, type RankedMatch } from './route-matches.ts';
import { kept } from './same-value.ts';

/** A route at a listener. */
export interface HostedRoute {
  readonly route: AnyRoute;
  /** Hosts it is served for here: what its hostnames and the listener's have in common. */
  readonly hostnames: readonly Hostname[];
  /** Compiled rule by index, at this listener. */
  readonly ruleIds: readonly string[];
}

/** What a listener serves. */
export interface ListenerHosts {
  readonly routes: readonly HostedRoute[];
  /** Most specific first. */
  readonly hosts: readonly VirtualHost[];
}

interface Candidate {
  readonly ranked: RankedMatch;
  readonly rule: string;
}

const NO_HOSTS: ListenerHosts = { routes: [], hosts: [] };

/**
 * The virtual hosts of a listener. Each is complete: it holds the matches of every route whose hostnames hold for it, those of the route with
 * the most specific hostname first (HTTPRouteSpec.hostnames), so a data plane looks into one virtual host only and takes the first match.
 * Those that no other route concerns than before are the same objects; takes a breath after each `step` of others.
 */
export function* virtualHosts(
  routes: readonly HostedRoute[],
  step: number,
  before: ListenerHosts = NO_HOSTS,
): Generator<undefined, ListenerHosts, undefined> {
  const { gone, came } = listChange(before.routes, routes);
  const changed = [...gone, ...came];
  if (changed.length === 0) return before;
  const stale = staleHosts(changed, before.hosts);
  const { present, byPattern } = lookUp(routes, stale);
  const made = new Map<Hostname, VirtualHost>();
  for (const hostname of present) {
    made.set(hostname, {
      ...(hostname === undefined ? {} : { hostname }),
      matches: matchesFor(hostname, byPattern),
    });
    if (made.size % step === 0) yield;
  }
  return { routes, hosts: withHosts(before.hosts, stale, made) };
}

/** What these routes have a say in: their own hosts, and those that wildcards of theirs cover. */
function staleHosts(changed: readonly HostedRoute[], hosts: readonly VirtualHost[]): ReadonlySet<Hostname> {
  const stale = new Set<Hostname>();
  const wide = new Set<Hostname>();
  for (const { route, hostnames } of changed) {
    for (const hostname of hostnames) stale.add(hostname);
    for (const pattern of patternsOf(route)) {
      if (pattern === undefined || pattern.startsWith('*.')) wide.add(pattern);
      else stale.add(pattern);
    }
  }
  if (wide.size > 0) {
    for (const { hostname } of hosts)
      for (const pattern of wide) if (covers(pattern, hostname)) stale.add(hostname);
  }
  return stale;
}

function patternsOf({ spec }: AnyRoute): readonly Hostname[] {
  return spec.hostnames.length === 0 ? EVERY_HOST : spec.hostnames;
}

const EVERY_HOST: readonly Hostname[] = [undefined];

/** Which of these hosts there are, and all routes that have a say in one, by the hostname of theirs that covers it. */
function lookUp(
  routes: readonly HostedRoute[],
  hosts: ReadonlySet<Hostname>,
): {
  readonly present: ReadonlySet<Hostname>;
  readonly byPattern: ReadonlyMap<Hostname, readonly HostedRoute[]>;
} {
  const byPattern = new Map<Hostname, HostedRoute[]>();
  for (const hostname of hosts)
    for (const pattern of coveringHostnames(hostname))
      if (!byPattern.has(pattern)) byPattern.set(pattern, []);
  const present = new Set<Hostname>();
  for (const hosted of routes) {
    for (const hostname of hosted.hostnames) if (hosts.has(hostname)) present.add(hostname);
    for (const pattern of patternsOf(hosted.route)) {
      const known = byPattern.get(pattern);
      // A hostname may stand twice in a route.
      if (known !== undefined && known.at(-1) !== hosted) known.push(hosted);
    }
  }
  return { present, byPattern };
}

/** The hosts of before in which the stale ones are as they were made, or gone. */
function withHosts(
  before: readonly VirtualHost[],
  stale: ReadonlySet<Hostname>,
  made: ReadonlyMap<Hostname, VirtualHost>,
): readonly VirtualHost[] {
  const came = new Map(made);
  const hosts: VirtualHost[] = [];
  let same = true;
  for (const host of before) {
    const now = stale.has(host.hostname) ? made.get(host.hostname) : host;
    came.delete(host.hostname);
    const own = now === undefined ? undefined : kept(host, now);
    same &&= own === host;
    if (own !== undefined) hosts.push(own);
  }
  if (came.size === 0) return same ? before : hosts;
  return [...hosts, ...came.values()].sort((a, b) => compareHostnames(a.hostname, b.hostname));
}

function matchesFor(
  hostname: Hostname,
  byPattern: ReadonlyMap<Hostname, readonly HostedRoute[]>,
): readonly CompiledMatch[] {
  const matches: CompiledMatch[] = [];
  const seen = new Set<HostedRoute>();
  for (const pattern of coveringHostnames(hostname)) {
    const candidates: Candidate[] = [];
    for (const hosted of byPattern.get(pattern) ?? []) {
      if (seen.has(hosted)) continue;
      seen.add(hosted);
      for (const ranked of matchesOf(hosted.route)) {
        candidates.push({ ranked, rule: hosted.ruleIds[ranked.rank.rule] ?? '' });
      }
    }
    candidates.sort((a, b) => compareRanks(a.ranked.rank, b.ranked.rank));
    for (const { ranked, rule } of candidates) {
      matches.push(compiledMatch(ranked, rule));
      if (ranked.takesAll) return matches;
    }
  }
  return matches;
}

const compiledMatches = new WeakMap<RankedMatch, CompiledMatch>();

/** The same object as last time when it leads to the same rule, as it nearly always does. */
function compiledMatch(ranked: RankedMatch, rule: string): CompiledMatch {
  const known = compiledMatches.get(ranked);
  if (known?.rule === rule) return known;
  const made = { rule, ...ranked.match };
  compiledMatches.set(ranked, made);
  return made;
}
