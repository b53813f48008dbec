import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineCutter, LineTooLong } from './lines.ts';

const text = fc.string({ unit: 'grapheme' }).map((s) => s.replaceAll('\n', ' '));

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const chunks: Buffer[] = [];
  let start = 0;
  for (const cut of [...cuts, bytes.length]) {
    chunks.push(bytes.subarray(start, cut));
    start = cut;
  }
  return chunks;
}

describe('lines of a stream', () => {
  it('are the same wherever its chunks end, also within a character', () => {
    fc.assert(
      fc.property(fc.array(text), fc.array(fc.nat(10_000)), (lines, places) => {
        const cutter = new LineCutter(1 << 20);
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'utf8');
        const seen = cutAt(bytes, places).flatMap((chunk) => [...cutter.push(chunk)]);
        expect(seen).toEqual(lines.filter((line) => line !== ''));
      }),
      { numRuns: 200 },
    );
  });

  it('are refused when one is longer than the bound, whether it ends or not', () => {
    const unended = new LineCutter(10);
    expect([...unended.push(Buffer.from('0123456789'))]).toEqual([]);
    expect(() => [...unended.push(Buffer.from('x'))]).toThrow(LineTooLong);
    expect(() => [...new LineCutter(10).push(Buffer.from('0123456789x\n'))]).toThrow(LineTooLong);
    expect([...new LineCutter(10).push(Buffer.from('0123456789\n0123456789\n'))]).toHaveLength(2);
  });
});
