import { PortolanError } from '../errors/error.ts';
import { Automaton } from './regex-automaton.ts';
import { PatternError, parsePattern } from './regex-syntax.ts';

/** A compiled regular expression that answers yes or no in linear time. */
export interface Regex {
  readonly pattern: string;
  matches(text: string): boolean;
}

/** Characters of a pattern; the Gateway API allows 4,096 for header values. */
export const MAX_PATTERN_LENGTH = 4096;

/**
 * Compiles a pattern of the RE2 syntax. V8's engine backtracks, so one pattern and one request could hold a thread for years; this
 * one cannot be made slower than linear, on any runtime and without flags.
 * @param mode `whole`: the text as a whole must match (header, query and path values of routes); `search`: a part of it (CEL's
 * `matches`)
 * @throws PortolanError REGEX_INVALID with the position
 */
export function compileRegex(pattern: string, mode: 'whole' | 'search' = 'whole'): Regex {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new PortolanError(
      'REGEX_INVALID',
      `A regular expression of ${pattern.length} characters is longer than ${MAX_PATTERN_LENGTH}.`,
      { fix: 'Shorten it, or match by prefix or exactly.' },
    );
  }
  try {
    const automaton = new Automaton(parsePattern(pattern), mode === 'search');
    return { pattern, matches: (text) => automaton.matches(text) };
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new PortolanError(
      'REGEX_INVALID',
      `The regular expression "${shown(pattern)}" cannot be used: ${error.message} (at character ${error.at + 1}).`,
      { cause: error },
    );
  }
}

function shown(pattern: string): string {
  return pattern.length <= 80 ? pattern : `${pattern.slice(0, 77)}...`;
}
