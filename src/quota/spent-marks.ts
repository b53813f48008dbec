interface Mark {
  readonly spent: number;
  readonly atMs: number;
}

interface Marked {
  marks: Mark[];
  /** What the hub has said to have heard of. */
  heard: number;
}

/** More would make messages long; the oldest is merged into its successor. */
const MOST_MARKS = 8;

/** When tokens of sliding windows were spent, as precisely as somebody looked: the hub makes them free again so much earlier. */
export class SpentMarks {
  readonly #bySlot = new Map<number, Marked>();
  #round = this.#bySlot.keys();

  /** Its spending is looked at from now on. */
  watch(slot: number): void {
    if (!this.#bySlot.has(slot)) this.#bySlot.set(slot, { marks: [], heard: 0 });
  }

  /** So much was spent until now. */
  note(slot: number, spent: number, nowMs: number, apartMs: number): void {
    const marked = this.#bySlot.get(slot);
    if (marked === undefined) return;
    const last = marked.marks.at(-1);
    if (
      spent <= Math.max(marked.heard, last?.spent ?? 0) ||
      (last !== undefined && nowMs - last.atMs < apartMs)
    )
      return;
    marked.marks.push({ spent, atMs: nowMs });
    if (marked.marks.length > MOST_MARKS) marked.marks.splice(0, 1);
  }

  /** Some of the slots that are watched, others the next time. */
  *some(most: number): Iterable<number> {
    for (let count = Math.min(most, this.#bySlot.size); count > 0; count -= 1) {
      let next = this.#round.next();
      if (next.done === true) {
        this.#round = this.#bySlot.keys();
        next = this.#round.next();
      }
      if (next.done !== true) yield next.value;
    }
  }

  report(slot: number, nowMs: number): readonly { readonly spent: number; readonly ageMs: number }[] {
    return (this.#bySlot.get(slot)?.marks ?? []).map(({ spent, atMs }) => ({ spent, ageMs: nowMs - atMs }));
  }

  /** A message of `sentMs` arrived with its marks. */
  heard(slot: number, sentMs: number): void {
    const marked = this.#bySlot.get(slot);
    if (marked === undefined) return;
    marked.marks = marked.marks.filter((mark) => {
      if (mark.atMs > sentMs) return true;
      marked.heard = Math.max(marked.heard, mark.spent);
      return false;
    });
  }

  forget(slot: number): void {
    this.#bySlot.delete(slot);
  }
}
