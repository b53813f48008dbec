import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DomainName,
  isAtOrBelow,
  isWildcard,
  labelsOf,
  parentOf,
  parseName,
  redirected,
  tryParseName,
  wildcardUnder,
  wireLengthOf,
} from './name.ts';

const containing = (text: string): unknown => expect.stringContaining(text);

describe('parseName', () => {
  it.each([
    ['WWW.Example.COM', 'www.example.com.'],
    ['example.com.', 'example.com.'],
    ['.', '.'],
    ['com', 'com.'],
    ['*.example.com', '*.example.com.'],
    ['_sip._tcp.example.com', '_sip._tcp.example.com.'],
    ['bücher.example', 'xn--bcher-kva.example.'],
    ['*.bücher.example', '*.xn--bcher-kva.example.'],
    ['例え.テスト', 'xn--r8jz45g.xn--zckzah.'],
    ['a\\.b.example', 'a\\046b.example.'],
    ['a\\046b.example', 'a\\046b.example.'],
    ['\\065bc.example', 'abc.example.'],
    ['a\\\\.example', 'a\\092.example.'],
    ['a\\ b.example', 'a\\032b.example.'],
    ['a\\000b.example', 'a\\000b.example.'],
    ['10/24.2.0.192.in-addr.arpa', '10/24.2.0.192.in-addr.arpa.'],
  ])('spells %s as %s', (text, name) => {
    expect(parseName(text)).toBe(name);
  });

  it.each([
    ['', 'must not be empty'],
    ['a..b', 'empty label'],
    ['.a', 'empty label'],
    ['a b', 'must be escaped'],
    ['a@b.example', 'must be escaped'],
    ['a\\256.example', 'bad escape'],
    ['a\\', 'bad escape'],
    [`${'a'.repeat(64)}.example`, 'label of 64 octets'],
    [`example.${'a'.repeat(64)}`, 'label of 64 octets'],
    [`${'a.'.repeat(127)}a`, '257 octets'],
    ['xn--\u0080.example', 'not a valid internationalised'],
    // What a URL makes something else of, and what maps to nothing or to a dot.
    ['\u00fc@other.example', 'not a valid internationalised'],
    ['\u00fc%2eother.example', 'not a valid internationalised'],
    ['\u00fc\tb.example', 'not a valid internationalised'],
    ['\u00ad', 'not a valid internationalised'],
    ['a\u2024b.example', 'not a valid internationalised'],
    ['\u00fc..example', 'empty label'],
  ])('refuses %j because of %s', (text, reason) => {
    expect(tryParseName(text)).toEqual({ reason: containing(reason) });
    expect(() => parseName(text)).toThrowError(expect.objectContaining({ code: 'DNS_NAME_INVALID' }));
  });

  it('takes labels of 63 and names of 255 octets', () => {
    const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}.`;
    expect(wireLengthOf(parseName(longest))).toBe(255);
    expect(tryParseName(longest.replace('d.', 'dd.'))).toEqual({
      reason: containing('256 octets'),
    });
  });

  it('gives the same name for its own output, whatever the labels hold', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 6 }), (labels) => {
        const text = labels
          .map((octets) => Array.from(octets, (octet) => `\\${String(octet).padStart(3, '0')}`).join(''))
          .join('.');
        const name = parseName(text);
        expect(parseName(name)).toBe(name);
        expect(labelsOf(name)).toHaveLength(labels.length);
        expect(wireLengthOf(name)).toBe(1 + labels.reduce((sum, octets) => sum + octets.length + 1, 0));
      }),
    );
  });
});

describe('the tree of names', () => {
  const n = parseName;

  it('walks up to the root', () => {
    const walk: string[] = [];
    for (let at: DomainName | undefined = n('a\\.b.c.example'); at !== undefined; at = parentOf(at))
      walk.push(at);
    expect(walk).toEqual(['a\\046b.c.example.', 'c.example.', 'example.', '.']);
  });

  it.each([
    ['www.example.com', 'example.com', true],
    ['example.com', 'example.com', true],
    ['example.com', '.', true],
    ['.', '.', true],
    ['badexample.com', 'example.com', false],
    ['com', 'example.com', false],
    ['other.com', 'example.com', false],
    ['a\\.example.com', 'example.com', false],
    ['a\\\\.example.com', 'example.com', true],
  ])('says whether %s is at or below %s: %s', (name, ancestor, expected) => {
    expect(isAtOrBelow(n(name), n(ancestor))).toBe(expected);
  });

  it('moves a name from below one to below another, the root among them, when there is room', () => {
    expect(redirected(parseName('a.b.test'), parseName('b.test'), parseName('c.test'))).toBe('a.c.test.');
    expect(redirected(parseName('a.test'), parseName('.'), parseName('c'))).toBe('a.test.c.');
    expect(redirected(parseName('a.test'), parseName('test'), parseName('.'))).toBe('a.');
    const long = parseName(Array.from({ length: 4 }, () => 'x'.repeat(60)).join('.'));
    expect(redirected(parseName(`${'a'.repeat(20)}.test`), parseName('test'), long)).toBeUndefined();
    expect(wireLengthOf(parseName('.'))).toBe(1);
  });

  it('knows wildcards', () => {
    expect(wildcardUnder(n('example.com'))).toBe('*.example.com.');
    expect(wildcardUnder(n('.'))).toBe('*.');
    expect(isWildcard(n('*.example.com'))).toBe(true);
    expect(isWildcard(n('a.*.example.com'))).toBe(false);
    expect(labelsOf(n('.'))).toEqual([]);
  });
});
