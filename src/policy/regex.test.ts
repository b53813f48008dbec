import { describe, expect, it } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import { compileRegex } from './regex.ts';

/** pattern, texts that match as a whole, texts that do not */
const TABLE: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['', [''], ['a']],
  ['a|b', ['a', 'b'], ['', 'ab', 'c']],
  ['a|', ['a', ''], ['b']],
  ['^v[0-9]+$', ['v1', 'v99'], ['v', 'xv1', 'v1\n']],
  ['(?:ab)+c?', ['ab', 'ababc'], ['a', 'abcc']],
  ['[^/]+', ['abc', 'é'], ['', 'a/b']],
  ['[]a-]+', [']', '-a'], ['b']],
  ['a{2,3}', ['aa', 'aaa'], ['a', 'aaaa']],
  ['a{2,}', ['aa', 'aaaaaa'], ['a']],
  ['a{2}', ['aa'], ['a', 'aaa']],
  ['a{,2}', ['a{,2}'], ['aa']],
  ['x{', ['x{'], ['x']],
  ['(?i)Straße', ['straße', 'STRAßE'], ['strasse']],
  ['(?i:k)b', ['Kb', 'kb', '\u212ab'], ['kB']],
  ['a(?i)b|c', ['aB', 'ab', 'C'], ['Ab']],
  ['.', ['a', '😀', '\r'], ['\n', '']],
  ['(?s).', ['\n'], []],
  ['a.*?b', ['ab', 'axxbxb'], ['axx']],
  ['\\d{3}-\\w+', ['123-a_9'], ['12-a', '123-é']],
  ['\\Qa.b*\\E+', ['a.b*', 'a.b**'], ['axb']],
  ['\\x41\\x{1F600}\\t', ['A😀\t'], ['A']],
  ['[[:alpha:]]+[[:^digit:]]', ['abc-'], ['abc1', 'a']],
  ['\\pL+', ['Ünï'], ['1']],
  ['\\p{Greek}+\\P{L}', ['αβ1'], ['ab1']],
  ['(?P<year>\\d+)/(?<day>\\d+)', ['1/2'], ['1']],
  ['foo\\b.*', ['foo', 'foo bar'], ['food']],
  ['a\\Bb', ['ab'], ['a b']],
  ['(?m)^a$\\n^b$', ['a\nb'], ['ab']],
  ['\\.', ['.'], ['a']],
];

const REFUSED: readonly (readonly [string, string])[] = [
  ['(a)\\1', 'back-references'],
  ['(?=a)b', 'look-around'],
  ['(?!a)b', 'look-around'],
  ['(?<=a)b', 'look-around'],
  ['(?<!a)b', 'look-around'],
  ['(?>a)b', 'atomic'],
  ['a++', 'possessive'],
  ['a**', 'repetition of a repetition'],
  ['*a', 'nothing to repeat'],
  ['(a', '"(" without'],
  ['a)', '")" without'],
  ['[a', '"[" without'],
  ['[z-a]', 'range'],
  ['a{3,2}', 'upper bound'],
  ['a{1001}', 'more than 1000'],
  ['(a{1000}){1000}', 'too large'],
  ['(((((?:){1000}){1000}){1000}){1000})', 'too many'],
  ['\\', 'nothing behind'],
  ['\\q', 'no meaning'],
  ['\\p{Klingonese}', 'class of this name'],
  ['(?U)a', 'unknown kind'],
  ['a'.repeat(4097), 'longer than 4096'],
];

describe('regular expressions', () => {
  it.each(TABLE)('%j matches whole texts as RE2 does', (pattern, yes, no) => {
    const regex = compileRegex(pattern);
    for (const text of yes) expect([text, regex.matches(text)]).toEqual([text, true]);
    for (const text of no) expect([text, regex.matches(text)]).toEqual([text, false]);
  });

  it('finds a part of the text when asked to search', () => {
    expect(compileRegex('b+', 'search').matches('aabba')).toBe(true);
    expect(compileRegex('^b+', 'search').matches('aabba')).toBe(false);
    expect(compileRegex('a$', 'search').matches('aabba')).toBe(true);
    expect(compileRegex('\\bcat\\b', 'search').matches('a cat!')).toBe(true);
    expect(compileRegex('\\bcat\\b', 'search').matches('concat')).toBe(false);
    expect(compileRegex('', 'search').matches('')).toBe(true);
  });

  it.each(REFUSED)('refuses %j with its reason and REGEX_INVALID', (pattern, reason) => {
    let thrown: unknown;
    try {
      compileRegex(pattern);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PortolanError);
    expect((thrown as PortolanError).code).toBe('REGEX_INVALID');
    expect((thrown as PortolanError).message).toContain(reason);
  });

  it('I36 answers patterns that hold a backtracking engine for years at once, on long input too', () => {
    const text = `${'a'.repeat(50_000)}!`;
    const started = performance.now();
    for (const pattern of ['(a+)+', '(a|aa)+', '(.*a){20}', '(a?){50}a{50}', '([a-z]+)*\\d', '(x+x+)+y']) {
      expect(compileRegex(pattern).matches(text)).toBe(false);
    }
    expect(compileRegex('(a|b|ab)*c', 'search').matches(text)).toBe(false);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('stays linear and right when the automaton outgrows its memory', () => {
    // "the 12th letter from the end is a": 2^12 states.
    const regex = compileRegex('[ab]*a[ab]{11}');
    let seed = 7;
    const letters: string[] = Array.from({ length: 30_000 }, () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed & 65_536 ? 'a' : 'b';
    });
    for (const wanted of ['a', 'b']) {
      letters[letters.length - 12] = wanted;
      expect(regex.matches(letters.join(''))).toBe(wanted === 'a');
    }
  });
});
