import { describe, expect, it } from 'vitest';
import { table } from './table.ts';

describe('a table', () => {
  it('has columns as wide as their widest cell and no spaces at the end of a line', () => {
    expect(
      table(
        ['NAME', 'STATE'],
        [
          ['frankfurt', 'up'],
          ['sg', 'unknown'],
        ],
      ),
    ).toEqual(['NAME        STATE', 'frankfurt   up', 'sg          unknown']);
  });

  it('shows an empty or missing cell as "-", so that awk counts right', () => {
    expect(table(['A', 'B', 'C'], [['', 'x']])).toEqual(['A   B   C', '-   x   -']);
  });

  it('keeps a row on one line', () => {
    expect(table(['WHY'], [['first\n  second']])).toEqual(['WHY', 'first second']);
  });

  it('does not count colour codes', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['\u001b[32mup\u001b[0m', 'x'],
          ['down', 'y'],
        ],
      )[1],
    ).toBe('\u001b[32mup\u001b[0m     x');
  });
});
