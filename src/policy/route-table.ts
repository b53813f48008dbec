import type { CompiledMatch, ValueMatch } from './model.ts';
import { compileRegex, type Regex } from './regex.ts';

/** What routes look at; the path normalised and without its query. */
export interface Routable {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Names in lower case and values, in turn. */
  readonly fields: readonly string[];
}

/** A match of the configuration, ready to be tried. */
export interface Route<T> {
  readonly match: CompiledMatch;
  readonly target: T;
}

interface Entry<T> extends Route<T> {
  readonly index: number;
  /** Only the path decides. */
  readonly plain: boolean;
  readonly path: Regex | undefined;
  readonly headers: readonly Condition[];
  readonly query: readonly Condition[];
}

interface Condition {
  readonly name: string;
  readonly exact: string | undefined;
  readonly regex: Regex | undefined;
}

/**
 * First match in the order given, found by index instead of one after the other: exact paths by a map, prefixes by a map per
 * element of the path, the rest in order. Every candidate is verified, and the earliest wins, whatever kind it is.
 */
export class RouteTable<T> {
  // Most hosts have few kinds of matches, and there are thousands of hosts.
  #exact: Map<string, Entry<T>[]> | undefined;
  #prefixes: Map<string, Entry<T>[]> | undefined;
  /** Lengths that prefixes have: others need no look-up. */
  #prefixLengths: boolean[] | undefined;
  #patterns: Entry<T>[] | undefined;
  #root: Entry<T>[] | undefined;

  /** @throws PortolanError REGEX_INVALID */
  constructor(matches: readonly CompiledMatch[], targetOf: (match: CompiledMatch) => T) {
    matches.forEach((match, index) => {
      const { type, value } = match.path;
      const entry: Entry<T> = {
        match,
        target: targetOf(match),
        index,
        plain: match.method === undefined && match.headers.length === 0 && match.query.length === 0,
        path: type === 'regex' ? compileRegex(value) : undefined,
        headers: conditionsOf(match.headers),
        query: conditionsOf(match.query),
      };
      if (type === 'regex') {
        this.#patterns ??= [];
        this.#patterns.push(entry);
      } else if (type === 'exact') {
        this.#exact ??= new Map();
        append(this.#exact, value, entry);
      } else if (value === '/' || value === '') {
        this.#root ??= [];
        this.#root.push(entry);
      } else {
        this.#prefixes ??= new Map();
        append(this.#prefixes, value, entry);
        this.#prefixLengths ??= [];
        this.#prefixLengths[value.length] = true;
      }
    });
  }

  find(request: Routable): Route<T> | undefined {
    const { path } = request;
    let best = this.#exact === undefined ? undefined : firstOf(this.#exact.get(path), request, undefined);
    const prefixes = this.#prefixes;
    const lengths = this.#prefixLengths;
    if (prefixes !== undefined && lengths !== undefined) {
      for (let end = path.indexOf('/', 1); end > 0; end = path.indexOf('/', end + 1)) {
        if (lengths[end] === true) best = firstOf(prefixes.get(path.slice(0, end)), request, best);
      }
      if (lengths[path.length] === true) best = firstOf(prefixes.get(path), request, best);
    }
    best = firstOf(this.#root, request, best);
    return this.#patterns === undefined ? best : firstOf(this.#patterns, request, best);
  }
}

function append<T>(index: Map<string, Entry<T>[]>, key: string, entry: Entry<T>): void {
  const before = index.get(key);
  if (before === undefined) index.set(key, [entry]);
  else before.push(entry);
}

/** The first of these that matches and stands before `best`. */
function firstOf<T>(
  entries: readonly Entry<T>[] | undefined,
  request: Routable,
  best: Entry<T> | undefined,
): Entry<T> | undefined {
  if (entries === undefined) return best;
  for (const entry of entries) {
    if (best !== undefined && entry.index > best.index) return best;
    if (entry.path !== undefined && !entry.path.matches(request.path)) continue;
    if (entry.plain || holds(entry, request)) return entry;
  }
  return best;
}

function holds<T>(entry: Entry<T>, request: Routable): boolean {
  const { method } = entry.match;
  if (method !== undefined && method !== request.method) return false;
  for (const condition of entry.headers) {
    if (!satisfied(condition, combined(request.fields, condition.name))) return false;
  }
  for (const condition of entry.query) {
    if (!satisfied(condition, parameterOf(request.query, condition.name))) return false;
  }
  return true;
}

function satisfied({ exact, regex }: Condition, value: string | undefined): boolean {
  if (value === undefined) return false;
  return regex === undefined ? value === exact : regex.matches(value);
}

const NO_CONDITIONS: readonly Condition[] = [];

function conditionsOf(matches: readonly ValueMatch[]): readonly Condition[] {
  return matches.length === 0 ? NO_CONDITIONS : matches.map(conditionOf);
}

function conditionOf({ name, type, value }: ValueMatch): Condition {
  return type === 'regex'
    ? { name, exact: undefined, regex: compileRegex(value) }
    : { name, exact: value, regex: undefined };
}

/** Fields of one name are one value (RFC 9110 §5.3). */
function combined(fields: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] === name) value = value === undefined ? fields[at + 1] : `${value},${fields[at + 1]}`;
  }
  return value;
}

/** First value of a query parameter, decoded; undefined when it is not there. */
export function parameterOf(query: string, name: string): string | undefined {
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    if (decoded(equals < 0 ? pair : pair.slice(0, equals)) === name) {
      return equals < 0 ? '' : decoded(pair.slice(equals + 1));
    }
  }
  return undefined;
}

function decoded(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
