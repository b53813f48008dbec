/**
 * 0 when the four words from `at` on are these. All four are read and mixed whatever differs, so that the time it takes says nothing about
 * how much of a digest fits (I29).
 */
export function differenceAt(
  words: ArrayLike<number>,
  at: number,
  d0: number,
  d1: number,
  d2: number,
  d3: number,
): number {
  return (
    ((words[at] ?? 0) ^ d0) |
    ((words[at + 1] ?? 0) ^ d1) |
    ((words[at + 2] ?? 0) ^ d2) |
    ((words[at + 3] ?? 0) ^ d3)
  );
}
