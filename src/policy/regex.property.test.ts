import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRegex } from './regex.ts';

/** Patterns on which RE2 and ECMAScript agree. */
const pattern = fc.letrec<{ node: string; atom: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    tie('atom'),
    fc.tuple(tie('node'), tie('node')).map((parts) => parts.join('')),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(?:${a}|${b})`),
    fc
      .tuple(tie('node'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{2,}', '*?', '+?'))
      .map(([of, times]) => `(?:${of})${times}`),
  ),
  atom: fc.constantFrom('a', 'b', '-', '[ab]', '[^a]', '.', '\\w', '\\d', '\\b', '\\B', '^', '$', ''),
})).node;
const text = fc.string({ unit: fc.constantFrom('a', 'b', '-', '1', 'é', 'ж'), maxLength: 12 });

describe('the automaton beside the engine of the runtime', () => {
  it('gives the same answers, for whole texts and for parts', () => {
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 1, maxLength: 6 }), (source, texts) => {
        const whole = compileRegex(source);
        const part = compileRegex(source, 'search');
        const wholeOracle = new RegExp(`^(?:${source})$`, 'su');
        const partOracle = new RegExp(source, 'su');
        for (const input of texts) {
          expect([source, input, whole.matches(input)]).toEqual([source, input, wholeOracle.test(input)]);
          expect([source, input, part.matches(input)]).toEqual([source, input, partOracle.test(input)]);
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('never does anything but answer or refuse with a code', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'ab[]()*+?{}1,^$.|\\-:=!<>PQExpdws&'), maxLength: 16 }),
        (source) => {
          try {
            compileRegex(source).matches('ab1');
          } catch (error) {
            expect(error).toHaveProperty('code', 'REGEX_INVALID');
          }
        },
      ),
      { numRuns: 3000 },
    );
  });
});
