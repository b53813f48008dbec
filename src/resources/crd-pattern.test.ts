import { describe, expect, it } from 'vitest';
import { crdPattern } from './crd-pattern.ts';

describe('a pattern for Kubernetes', () => {
  it.each<[RegExp, source: string, longest: number]>([
    [/^[A-Z]{2}$/, '^[A-Z]{2}$', 2],
    [/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', Infinity],
    [/^(?:ab|c){1,3}d?$/, '^(ab|c){1,3}d?$', 7],
    [/^a|^bc$/, '^a|^bc$', Infinity],
    [/^$|^a{3}$/, '^$|^a{3}$', 3],
    [/^a{2,}$/, '^a{2,}$', Infinity],
    [/a/, 'a', Infinity],
    [/^a\$/, '^a\\$', Infinity],
    [
      /^\/[^\s#]$/,
      '^/[^\\t\\n\\v\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}#]$',
      2,
    ],
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as header values have it
    [/^[^\u0000-\u0008\x7f\0]{0,4}$/, '^[^\\x{0000}-\\x{0008}\\x7f\\x00]{0,4}$', 4],
    [/^[\w().-]\d$/, '^[\\w().-]\\d$', 2],
    [/^[[a]$/, '^[\\[a]$', 1],
  ])('%s is written for RE2, with its longest match', (pattern, source, longest) => {
    expect(crdPattern(pattern)).toEqual({ source, longest });
  });

  it.each<[RegExp, string]>([
    [/^(?=a)b$/, 'this kind of group'],
    [/^(?<!a)b$/, 'this kind of group'],
    [/^(a)\1$/, '"\\1"'],
    [/^a.$/, '"."'],
    [/^a\b$/, '"\\b"'],
    [/^a$/i, 'no flags'],
    [/^\p{L}$/u, 'no flags'],
  ])('%s is refused, for RE2 has nothing of the kind', (pattern, message) => {
    expect(() => crdPattern(pattern)).toThrow(message);
  });
});
