import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from './canonical-json.ts';

const json = fc.jsonValue({ maxDepth: 6 });

describe('canonical JSON', () => {
  it('reads back as the same value', () => {
    fc.assert(
      fc.property(json, (value) => {
        const wellFormed =
          JSON.stringify(value).isWellFormed() && !/\\ud[89a-f]/i.test(JSON.stringify(value));
        fc.pre(wellFormed);
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order in which members were added', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[ -~]{0,8}$/), fc.integer(), { minKeys: 2 }),
        (members) => {
          const reversed = Object.fromEntries(Object.entries(members).reverse());
          expect(canonicalJson(reversed)).toBe(canonicalJson(members));
        },
      ),
    );
  });

  it('sorts by UTF-16 code units and has no white space (RFC 8785 section 3.2.3)', () => {
    expect(canonicalJson({ '\u20ac': 1, '\r': 2, 1: 3, '\u{1f600}': 4, '\u0080': 5, '\ufb33': 6 })).toBe(
      '{"\\r":2,"1":3,"\u0080":5,"\u20ac":1,"\u{1f600}":4,"\ufb33":6}',
    );
  });

  it('leaves out undefined members and refuses what JSON cannot say', () => {
    expect(canonicalJson({ a: undefined, b: null })).toBe('{"b":null}');
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, () => 1, [undefined], '\ud800', 1n]) {
      expect(() => canonicalJson(value)).toThrow('canonical JSON');
    }
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(() => canonicalJson(cycle)).toThrow('nested deeper');
  });
});
