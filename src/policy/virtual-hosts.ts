import type { AnyRoute } from './attachment.ts';
import { compareHostnames, coveringHostnames, type Hostname } from './hostnames.ts';
import type { CompiledMatch, VirtualHost } from './model.ts';
import { compareRanks } from './precedence.ts';
import { matchesOf, type RankedMatch } from './route-matches.ts';

/** A route at a listener. */
export interface HostedRoute {
  readonly route: AnyRoute;
  /** Hosts it is served for here: what its hostnames and the listener's have in common. */
  readonly hostnames: readonly Hostname[];
  /** Compiled rule by index, at this listener. */
  readonly ruleIds: readonly string[];
}

interface Candidate {
  readonly ranked: RankedMatch;
  readonly rule: string;
}

/**
 * The virtual hosts of a listener, most specific first. Each is complete: it holds the matches of every route whose hostnames hold
 * for it, those of the route with the most specific hostname first (HTTPRouteSpec.hostnames), so a data plane looks into one virtual host
 * only and takes the first match.
 */
export function virtualHosts(routes: readonly HostedRoute[]): readonly VirtualHost[] {
  const byPattern = new Map<Hostname, HostedRoute[]>();
  const hosts = new Set<Hostname>();
  for (const hosted of routes) {
    const { hostnames } = hosted.route.spec;
    for (const pattern of hostnames.length === 0 ? [undefined] : new Set(hostnames)) {
      const known = byPattern.get(pattern);
      if (known === undefined) byPattern.set(pattern, [hosted]);
      else known.push(hosted);
    }
    for (const hostname of hosted.hostnames) hosts.add(hostname);
  }
  return [...hosts].sort(compareHostnames).map((hostname) => ({
    ...(hostname === undefined ? {} : { hostname }),
    matches: matchesFor(hostname, byPattern),
  }));
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
