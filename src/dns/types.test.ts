import { describe, expect, it } from 'vitest';
import { className, isMetaType, opcodeName, parseRcode, parseType, rcodeName, typeName } from './types.ts';

describe('numbers and names', () => {
  it.each([
    ['AAAA', 28],
    ['https', 65],
    ['TYPE65', 65],
    ['TYPE65400', 65400],
    ['type0', 0],
  ])('reads the type %s as %d', (text, type) => expect(parseType(text)).toBe(type));

  it.each(['', 'NOPE', 'TYPE', 'TYPE65536', 'TYPE01', 'TYPE-1', 'constructor'])(
    'knows no type %j',
    (text) => {
      expect(parseType(text)).toBeUndefined();
    },
  );

  it('spells unknown numbers as RFC 3597 says', () => {
    expect([typeName(65400), className(7), rcodeName(77), opcodeName(9)]).toEqual([
      'TYPE65400',
      'CLASS7',
      'RCODE77',
      'OPCODE9',
    ]);
    expect([typeName(1), className(1), rcodeName(5), opcodeName(0)]).toEqual(['A', 'IN', 'REFUSED', 'QUERY']);
  });

  it('knows response codes by name', () => {
    expect([parseRcode('nxdomain'), parseRcode('BADVERS'), parseRcode('nonsense')]).toEqual([
      3,
      16,
      undefined,
    ]);
  });

  it('keeps message-only types apart from data', () => {
    expect([0, 41, 128, 250, 255].every(isMetaType)).toBe(true);
    expect([1, 65, 256, 65400].some(isMetaType)).toBe(false);
  });
});
