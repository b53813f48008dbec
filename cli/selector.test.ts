import { describe, expect, it } from 'vitest';
import { parseSelector } from './selector.ts';

describe('a label selector', () => {
  const labels = { tier: 'gold', zone: '' };
  it.each<[text: string, holds: boolean]>([
    ['tier=gold', true],
    ['tier==gold', true],
    ['tier=silver', false],
    ['tier!=silver', true],
    ['missing!=x', true],
    ['tier', true],
    ['missing', false],
    ['!missing', true],
    ['!tier', false],
    ['zone=', true],
    ['tier=gold,zone', true],
    ['tier=gold, missing', false],
    ['toString', false],
  ])('%s holds: %s', (text, holds) => expect(parseSelector(text)(labels)).toBe(holds));

  it.each(['', '=x', '!a=b', 'a b', 'a=b,,c'])('%j is refused with examples', (text) => {
    expect(() => parseSelector(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
