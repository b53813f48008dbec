/** Weights in a provider's range, and how far its shares are from those that were asked for. */
export interface ScaledWeights {
  /** In the order of what was given: whole numbers; 0 where 0 was given, else from 1 to the largest allowed. */
  readonly weights: readonly number[];
  /** The largest difference of a member's share, in percentage points. */
  readonly largestErrorPercent: number;
}

/** A share that is wrong by less than this, in percentage points, is right: the placement has its shares to four places. */
const EXACT_PERCENT = 0.01;

/**
 * Scales weights to whole numbers up to `max`: the smallest ones that give every share, 1 : 3 for 25 % and 75 %; else the shares of a total
 * that makes the largest one `max`, by largest remainder (Hare and Niemeyer), where no member that had a share loses all of it.
 * @param weights 0 or above
 */
export function scaleWeights(weights: readonly number[], max: number): ScaledWeights {
  const largest = Math.max(...weights);
  if (weights.length === 0 || largest === 0) return { weights: weights.map(() => 0), largestErrorPercent: 0 };
  for (let top = 1; top < max; top += 1) {
    const scaled = weights.map((weight) =>
      weight === 0 ? 0 : Math.max(1, Math.round((weight / largest) * top)),
    );
    const error = largestError(weights, scaled);
    if (error < EXACT_PERCENT) return { weights: scaled, largestErrorPercent: error };
  }
  const scaled = byLargestRemainder(weights, largest, max);
  return { weights: scaled, largestErrorPercent: largestError(weights, scaled) };
}

function byLargestRemainder(weights: readonly number[], largest: number, max: number): readonly number[] {
  const exact = weights.map((weight) => (weight / largest) * max);
  const floors = exact.map((weight) => (weight === 0 ? 0 : Math.max(1, Math.floor(weight))));
  let left = Math.round(sumOf(exact)) - sumOf(floors);
  const byRemainder = exact
    .map((weight, at) => ({ at, remainder: weight - (floors[at] ?? 0) }))
    .filter(({ remainder }) => remainder > 0)
    .sort((a, b) => b.remainder - a.remainder || a.at - b.at);
  for (const { at } of byRemainder) {
    if (left <= 0) break;
    const weight = floors[at] ?? 0;
    if (weight >= max) continue;
    floors[at] = weight + 1;
    left -= 1;
  }
  return floors;
}

function largestError(asked: readonly number[], given: readonly number[]): number {
  const [askedSum, givenSum] = [sumOf(asked), sumOf(given)];
  let error = 0;
  for (const [at, weight] of asked.entries())
    error = Math.max(error, Math.abs(weight / askedSum - (given[at] ?? 0) / givenSum) * 100);
  return error;
}

function sumOf(numbers: readonly number[]): number {
  let sum = 0;
  for (const one of numbers) sum += one;
  return sum;
}
