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

  /** So much was spent until now. */
  note(slot: number, spent: number, nowMs: number, apartMs: number): void {
    const marked = this.#bySlot.get(slot);
    if (marked === undefined) {
      if (spent > 0) this.#bySlot.set(slot, { marks: [{ spent, atMs: nowMs }], heard: 0 });
      return;
    }
    const last = marked.marks.at(-1);
    if (
      spent <= Math.max(marked.heard, last?.spent ?? 0) ||
      (last !== undefined && nowMs - last.atMs < apartMs)
    )
      return;
    marked.marks.push({ spent, atMs: nowMs });
    if (marked.marks.length > MOST_MARKS) marked.marks.splice(0, 1);
  }

  slots(): IterableIterator<number> {
    return this.#bySlot.keys();
  }

  get size(): number {
    return this.#bySlot.size;
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
