import { describe, expect, it } from 'vitest';
import { fitLine } from './view.ts';

describe('a line of the living view', () => {
  it('stays as it is when it fits', () => {
    expect(fitLine('12345', 5)).toBe('12345');
    expect(fitLine('', 5)).toBe('');
  });

  it('is cut to the width of the terminal, the mark included', () => {
    expect(fitLine('123456', 5)).toBe('1234…');
  });

  it('does not count colours, and ends them', () => {
    expect(fitLine('\u001b[36mDE\u001b[0m 345', 6)).toBe('\u001b[36mDE\u001b[0m 345');
    expect(fitLine('\u001b[36mDE 3456\u001b[0m', 5)).toBe('\u001b[36mDE 3…\u001b[0m');
  });
});
