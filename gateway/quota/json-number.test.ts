import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonNumber } from './json-number.ts';

function read(text: string, path: readonly string[], size = text.length): number | undefined {
  const number = new JsonNumber(path);
  const octets = Buffer.from(text);
  for (let at = 0; at < octets.length; at += Math.max(1, size))
    number.feed(octets.subarray(at, at + Math.max(1, size)));
  number.end();
  return number.value;
}

const USAGE = ['usage', 'total_tokens'];

describe('a number in JSON that goes by', () => {
  it.each([
    ['{"usage":{"total_tokens":42}}', 42],
    ['{"a":[1,{"usage":{"total_tokens":1}}],"usage":{"x":{"total_tokens":2},"total_tokens" : 7.5e1 }}', 75],
    ['{"a":{"usage":{"total_tokens":1}}}', undefined],
    ['[{"usage":{"total_tokens":1}}]', undefined],
    ['{"usage":[{"total_tokens":1}]}', undefined],
    ['{"usage":{"total_tokens":"9"}}', undefined],
    ['{"usage":{"total_tokens":{"total_tokens":3}}}', undefined],
    ['{"usage":{"a":"}","b":"\\"total_tokens\\":5","total_tokens":6}}', 6],
    ['{"x":"{\\"usage\\":{\\"total_tokens\\":5}}"}', undefined],
    ['{"us\\u0061ge":{"total_tokens":8}}', 8],
    ['{"usage":{"total_tokens":1},"usage":{"total_tokens":2}}', 2],
    ['{"usage":null,"total_tokens":4}', undefined],
    ['{"usage":{"n":[],"o":{},"total_tokens":4}}', 4],
    ['not json at all "usage": 5 }]{', undefined],
    [`{"usage":{"total_tokens":${'1'.repeat(60)}}}`, undefined],
  ])('%s', (text, expected) => {
    for (const size of [text.length, 1, 3]) expect(read(text, USAGE, size)).toBe(expected);
  });

  it('is the one that JSON.parse finds, in whatever pieces it comes', () => {
    const names = fc.constantFrom('usage', 'total_tokens', 'a', 'b\\"', 'é', '');
    const value = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.integer(),
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(names, tie('any'), { maxKeys: 5 }),
      ),
    })).any;
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 9 }), fc.boolean(), (any, size, spaced) => {
        const usage: unknown = isObject(any) ? any.usage : undefined;
        const expected = isObject(usage) ? usage.total_tokens : undefined;
        const text = JSON.stringify(any, undefined, spaced ? 1 : 0);
        expect(read(text, USAGE, size)).toBe(typeof expected === 'number' ? expected : undefined);
      }),
      { numRuns: 1500 },
    );
  });
});

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
