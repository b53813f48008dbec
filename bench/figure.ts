/** One published number beside what it is compared with. `npm run bench -- NAME --json` writes one a line. */
export interface Figure {
  readonly bench: string;
  readonly case: string;
  readonly ours: number;
  /** `goal` (what the design promises), a peer measured in the same run, or a peer's `published` figure. */
  readonly peerName: string;
  readonly peer: number;
  /** Above 1 where ours is better, 1 where a goal is met exactly. */
  readonly ratio: number;
  readonly unit: string;
}

/** A figure of which less is better, such as milliseconds. */
export function lowerIsBetter(f: Omit<Figure, 'ratio'>): Figure {
  return { ...f, ours: rounded(f.ours), ratio: ratioOf(f.peer, f.ours) };
}

/** A figure of which more is better, such as queries a second. */
export function higherIsBetter(f: Omit<Figure, 'ratio'>): Figure {
  return { ...f, ours: rounded(f.ours), peer: rounded(f.peer), ratio: ratioOf(f.ours, f.peer) };
}

/** Nothing against nothing is even; something against nothing has no finite ratio, and 0 says that a goal of none is missed. */
function ratioOf(over: number, under: number): number {
  if (under === 0) return over === 0 ? 1 : Number.MAX_SAFE_INTEGER;
  return rounded(over / under);
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** The value below which `percent` % of the sorted rest lie (nearest rank). @throws RangeError without values */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('a percentile of no values');
  return value;
}
