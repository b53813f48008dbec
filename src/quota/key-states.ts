/** Figures of one key at an agent. Two sides: windows that take turns (a sliding window and a token bucket have the first only). */
export const FIGURE = {
  /** Index of the budget, plus one; 0: the slot is of no key. */
  budget: 0,
  id: 1,
  /** Hits a second; negative: not known yet. */
  demand: 2,
  demandAtMs: 3,
  /** Hits that were wanted before the slot was there. */
  early: 4,
  lastHitMs: 5,
  /** `sentMs` of the last request that said something of the key. */
  saidMs: 6,
  saidDemand: 7,
  /** `sentMs` of the last such request that was answered. */
  answeredMs: 8,
  /** 1: the hub knows the name. */
  named: 9,
  limit: 10,
  horizonMs: 11,
  /** Until then tokens stay: somebody waited for them and has not come yet. */
  keepUntilMs: 12,
  /** Its place in the list of slots in use. */
  place: 13,
  /** Start of the newest window that was ever opened: earlier ones are never opened again. */
  newestMs: 14,
  /** When it got its slot. */
  sinceMs: 15,
  sides: 16,
} as const;

export const SIDE = {
  /** Of the hub's clock; a holding that is not there has `endMs` 0. */
  startMs: 0,
  endMs: 1,
  granted: 2,
  returned: 3,
  /** Granted, but more than a bank holds. */
  reserve: 4,
  /** Local time of the bank. */
  fromMs: 5,
  untilMs: 6,
  /** The most that was ever said to be spent. */
  spent: 7,
  left: 8,
  /** What others hold of it; negative: not known. */
  elsewhere: 9,
} as const;

export type Side = 0 | 1;
type Figure = (typeof FIGURE)[Exclude<keyof typeof FIGURE, 'sides'>];
type SideFigure = (typeof SIDE)[keyof typeof SIDE];

const SIDE_FIGURES = 10;
const FIGURES = FIGURE.sides + 2 * SIDE_FIGURES;

/** The figures of all slots in one array, which grows with the highest slot in use: a million keys are 256 MB, idle ones nothing. */
export class KeyStates {
  #figures = new Float64Array(64 * FIGURES);
  /** Slots in use, in no order. */
  readonly #live: number[] = [];

  get size(): number {
    return this.#live.length;
  }

  /** The slot at a place of the list of those in use; removing it puts the last one into its place. */
  slotAt(place: number): number {
    return this.#live[place] ?? -1;
  }

  has(slot: number): boolean {
    return this.get(slot, FIGURE.budget) > 0;
  }

  add(slot: number, budget: number, id: number, nowMs: number): void {
    while (this.#figures.length < (slot + 1) * FIGURES) {
      const larger = new Float64Array(this.#figures.length * 2);
      larger.set(this.#figures);
      this.#figures = larger;
    }
    this.#figures.fill(0, slot * FIGURES, (slot + 1) * FIGURES);
    this.set(slot, FIGURE.budget, budget + 1);
    this.set(slot, FIGURE.id, id);
    this.set(slot, FIGURE.demand, -1);
    this.set(slot, FIGURE.demandAtMs, nowMs);
    this.set(slot, FIGURE.saidMs, Number.NEGATIVE_INFINITY);
    this.set(slot, FIGURE.answeredMs, Number.NEGATIVE_INFINITY);
    this.set(slot, FIGURE.newestMs, Number.NEGATIVE_INFINITY);
    this.set(slot, FIGURE.place, this.#live.length);
    this.#live.push(slot);
  }

  remove(slot: number): void {
    const place = this.get(slot, FIGURE.place);
    const last = this.#live.pop();
    if (last !== undefined && last !== slot) {
      this.#live[place] = last;
      this.set(last, FIGURE.place, place);
    }
    this.set(slot, FIGURE.budget, 0);
  }

  get(slot: number, figure: Figure): number {
    return this.#figures[slot * FIGURES + figure] ?? 0;
  }

  set(slot: number, figure: Figure, value: number): void {
    this.#figures[slot * FIGURES + figure] = value;
  }

  side(slot: number, side: Side, figure: SideFigure): number {
    return this.#figures[slot * FIGURES + FIGURE.sides + side * SIDE_FIGURES + figure] ?? 0;
  }

  setSide(slot: number, side: Side, figure: SideFigure, value: number): void {
    this.#figures[slot * FIGURES + FIGURE.sides + side * SIDE_FIGURES + figure] = value;
  }
}
