import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CompiledEdge } from './model.ts';
import { PieceBook } from './piece-book.ts';
import { piecesOf, readPiece } from './piece-bytes.ts';
import { joinGateway } from './pieces.ts';
import { partHistories, partOfChoices } from './testing/changing-parts.ts';

const edgeOf = (choice: number) =>
  ({ responseHeaders: { 'x-edge': String(choice) } }) as unknown as CompiledEdge;

it('a part of which only new pieces were read is the part of all pieces, and what stayed the same in it are the same objects', () => {
  let same = 0;
  let sameRecords = 0;
  let otherRules = 0;
  fc.assert(
    fc.property(partHistories, (history) => {
      const book = new PieceBook();
      const had = new Set<string>();
      let last: ReturnType<PieceBook['take']> | undefined;
      for (const chosen of history) {
        const { frame, pieces } = piecesOf(partOfChoices(chosen, edgeOf), 2 ** chosen.pieces);
        const part = book.take(frame, (sha256) => {
          expect(had.has(sha256)).toBe(false);
          return pieces.get(sha256);
        });
        had.clear();
        for (const { sha256 } of frame.pieces) had.add(sha256);
        const whole = joinGateway(
          frame,
          frame.pieces.map(({ sha256 }) => readPiece(pieces.get(sha256) ?? new Uint8Array())),
        );
        expect(part).toEqual(whole);
        if (last !== undefined) {
          for (const [id, rule] of Object.entries(part.rules)) {
            const isSame = JSON.stringify(last.rules[id]) === JSON.stringify(rule);
            expect(last.rules[id] === rule).toBe(isSame);
            if (isSame) same += 1;
            else otherRules += 1;
          }
          const hosts = part.ports[0]?.listeners[0]?.hosts;
          if (hosts === last.ports[0]?.listeners[0]?.hosts) sameRecords += 1;
          if (part.backends === last.backends && part.rules !== last.rules) sameRecords += 1;
        }
        last = part;
      }
    }),
    { numRuns: 30 },
  );
  expect(same).toBeGreaterThan(100);
  expect(sameRecords).toBeGreaterThan(20);
  expect(otherRules).toBeGreaterThan(20);
});

it('a piece that is not there leaves the book as it was', () => {
  const first = { routes: [1], backends: [1], auth: [], limit: 0, edge: 0, listeners: 1, pieces: 0 };
  const book = new PieceBook();
  const before = piecesOf(partOfChoices(first, edgeOf), 2);
  const part = book.take(before.frame, (sha256) => before.pieces.get(sha256));
  const after = piecesOf(partOfChoices({ ...first, routes: [2] }, edgeOf), 2);
  expect(() => book.take(after.frame, () => undefined)).toThrow('is not there');
  const again = book.take(before.frame, () => undefined);
  expect(again.rules.rule0).toBe(part.rules.rule0);
  expect(again.ports).toBe(part.ports);
});
