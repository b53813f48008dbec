import { describe, expect, it } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import { parseText } from './yaml.ts';

const refusal = (text: string): PortolanError => {
  try {
    parseText(text);
  } catch (thrown) {
    if (thrown instanceof PortolanError) return thrown;
    throw thrown;
  }
  throw new Error('the text was accepted');
};

describe('text with documents', () => {
  it('is read as YAML 1.2: NO is a text, dates are texts, numbers are numbers', () => {
    expect(parseText('country: NO\nday: 2030-01-01\nport: 80\noct: 010\nyes: yes')[0]?.value).toEqual({
      country: 'NO',
      day: '2030-01-01',
      port: 80,
      oct: 10,
      yes: 'yes',
    });
  });

  it('may be JSON', () => {
    expect(parseText('{"a": [1, "b"]}')[0]?.value).toEqual({ a: [1, 'b'] });
  });

  it('may be several JSON documents, each on one line however long', () => {
    const document = JSON.stringify({
      a: Array.from({ length: 60 }, (_, i) => ({ [`key${i}`]: { b: [i] } })),
    });
    expect(document.length).toBeGreaterThan(1000);
    const documents = parseText(`${document}\n---\n${document}\n`);
    expect(documents.map(({ line }) => line)).toEqual([1, 3]);
    expect(documents[1]?.value).toEqual(JSON.parse(document));
  });

  it('holds several documents, empty ones left out, each with its line', () => {
    const documents = parseText('---\n# nothing\n---\na: 1\n---\n\nb:\n  c: [1,\n    2]\n');
    expect(documents.map((d) => d.value)).toEqual([{ a: 1 }, { b: { c: [1, 2] } }]);
    expect(documents.map((d) => d.line)).toEqual([4, 7]);
    expect(documents[1]?.lineOf('b.c[1]')).toBe(9);
    expect(documents[1]?.lineOf('b.missing.deeper')).toBe(8);
  });

  it('opens a List, as `get -o yaml` writes it', () => {
    const documents = parseText('apiVersion: v1\nkind: List\nitems:\n  - kind: A\n  - kind: B\n');
    expect(documents.map((d) => [d.value, d.line])).toEqual([
      [{ kind: 'A' }, 4],
      [{ kind: 'B' }, 5],
    ]);
    expect(documents[1]?.lineOf('kind')).toBe(5);
  });

  it.each<[what: string, text: string, where: RegExp]>([
    ['a duplicate key', 'a: 1\nb: 2\na: 3\n', /line 3, column 1/],
    ['a duplicate key in JSON', '{"a": 1,\n "a": 2}', /line 2/],
    ['bad indentation', 'a:\n  b: 1\n c: 2\n', /line 3/],
    ['an open bracket', 'a: [1, 2\n', /line \d/],
    ['a tab as indentation', 'a:\n\tb: 1\n', /line 2/],
    ['an unknown tag', 'a: !!python/object:os.system x\n', /line 1, column 4/],
    ['an alias without anchor', 'a: *nope\n', /./],
    ['the third document of three', 'a: 1\n---\nb: 1\n---\nc: {\n', /line [56]/],
  ])('I36 %s is refused with its place', (_what, text, where) => {
    const error = refusal(text);
    expect(error.code).toBe('YAML_INVALID');
    expect(error.message).toMatch(where);
    expect(error.fix).not.toBe('');
  });

  it('I36 an alias bomb is refused, and quickly', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i += 1)
      lines.push(`a${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(', ')}]`);
    const started = performance.now();
    expect(refusal(lines.join('\n')).code).toBe('YAML_INVALID');
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it.each<[what: string, text: string]>([
    [
      'many keys, one of them twice',
      `${Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n')}\nk7: 2`,
    ],
    ['explicit keys in sequences in keys', '- ? '.repeat(200)],
    ['explicit keys', '? '.repeat(5000)],
    ['explicit keys in braces', '{? '.repeat(400)],
    ['braces as keys of braces', `${'{'.repeat(400)}${'}'.repeat(400)}`],
    ['braces as keys of braces, often', `${'{'.repeat(35)}${'}'.repeat(35)}\n---\n`.repeat(200)],
    ['sequences on one line', '- '.repeat(5000)],
    [
      'mappings on lines further and further in',
      Array.from({ length: 400 }, (_, i) => `${' '.repeat(i)}- a:\n`).join(''),
    ],
    ['open brackets', '['.repeat(100_000)],
  ])('I36 %s are refused before they cost time', (_what, text) => {
    const started = performance.now();
    expect(refusal(text).code).toBe('YAML_INVALID');
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('reads a hundred kilobytes of distinct keys in a time that grows with them, not with their square', () => {
    const text = Array.from({ length: 10_000 }, (_, i) => `k${i}: 1`).join('\n');
    expect(Object.keys(parseText(text)[0]?.value ?? {})).toHaveLength(10_000);
  });

  it('takes braces and brackets in brackets, colons in texts, and quoted keys', () => {
    expect(
      parseText('a: [{b: [1, {c: {d: 2}}], "e": 3}, [[x]]]\nu: http://x?y=1\nq: "? z"')[0]?.value,
    ).toEqual({
      a: [{ b: [1, { c: { d: 2 } }], e: 3 }, [['x']]],
      u: 'http://x?y=1',
      q: '? z',
    });
  });

  it('I36 nesting beyond the stack is refused', () => {
    expect(refusal(`a: ${'['.repeat(200_000)}`).code).toBe('YAML_INVALID');
  });

  it('I36 a text beyond the limit is refused', () => {
    expect(refusal(`a: ${'x'.repeat(17 * 1024 * 1024)}`).code).toBe('PAYLOAD_TOO_LARGE');
  });

  it('__proto__ stays a key like any other, for validation to refuse', () => {
    const value = parseText('__proto__: {polluted: true}')[0]?.value;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect({}).not.toHaveProperty('polluted');
  });
});
