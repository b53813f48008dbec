import { compareHostnames, matchesHost } from '../hostnames.ts';
import type { CompiledMatch, GatewayPart, ValueMatch } from '../model.ts';
import { compileRegex } from '../regex.ts';

/** A request as far as routing looks at it; names of headers in lower case. */
export interface Asked {
  readonly port?: number;
  readonly host: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

/** What a data plane does with a part, in the plainest words: the id of the rule that takes the request. */
export function firstMatch(part: GatewayPart, asked: Asked): string | undefined {
  const listeners = part.ports.find(({ port }) => port === (asked.port ?? 80))?.listeners ?? [];
  const mostSpecific = <T extends { readonly hostname?: string }>(all: readonly T[]): T | undefined =>
    all
      .filter(({ hostname }) => matchesHost(hostname, asked.host))
      .toSorted((a, b) => compareHostnames(a.hostname, b.hostname))[0];
  return mostSpecific(mostSpecific(listeners)?.hosts ?? [])?.matches.find((match) => fits(match, asked))
    ?.rule;
}

function fits({ path, method, headers, query }: CompiledMatch, asked: Asked): boolean {
  if (method !== undefined && method !== (asked.method ?? 'GET')) return false;
  if (!pathFits(path, asked.path)) return false;
  return valuesFit(headers, asked.headers ?? {}) && valuesFit(query, asked.query ?? {});
}

function pathFits({ type, value }: CompiledMatch['path'], path: string): boolean {
  if (type === 'exact') return path === value;
  if (type === 'regex') return compileRegex(value).matches(path);
  return value === '/' || path === value || path.startsWith(`${value}/`);
}

function valuesFit(wanted: readonly ValueMatch[], given: Readonly<Record<string, string>>): boolean {
  return wanted.every(({ name, type, value }) => {
    const own = given[name];
    if (own === undefined) return false;
    return type === 'exact' ? own === value : compileRegex(value).matches(own);
  });
}
