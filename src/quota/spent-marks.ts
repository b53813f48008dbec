interface Mark {
  readonly spent: number;
  /** Of the call in which it was looked at. Threads went on until then, and for a moment after its clock was read. */
  readonly notedMs: number;
  /** So much was surely spent by then: the next time that the clock was read. */
  atMs: number;
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

  /** More was spent, and the last mark is long enough ago. */
  isDue(slot: number, spent: number, nowMs: number, apartMs: number): boolean {
    const marked = this.#bySlot.get(slot);
    if (marked === undefined) return false;
    const last = dated(marked, nowMs);
    if (last === undefined) return spent > marked.heard;
    return spent > Math.max(marked.heard, last.spent) && nowMs - last.notedMs >= apartMs;
  }

  /** So much was spent until now, and none of it comes back. */
  note(slot: number, spent: number, nowMs: number): void {
    const marked = this.#bySlot.get(slot);
    if (marked === undefined || !this.isDue(slot, spent, nowMs, 0)) return;
    marked.marks.push({ spent, notedMs: nowMs, atMs: Number.POSITIVE_INFINITY });
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
    const marked = this.#bySlot.get(slot);
    if (marked === undefined) return [];
    dated(marked, nowMs);
    return marked.marks.map(({ spent, atMs }) => ({ spent, ageMs: Math.max(0, nowMs - atMs) }));
  }

  /** A message of `sentMs` arrived with its marks. */
  heard(slot: number, sentMs: number): void {
    const marked = this.#bySlot.get(slot);
    if (marked === undefined) return;
    marked.marks = marked.marks.filter((mark) => {
      if (mark.notedMs > sentMs) return true;
      marked.heard = Math.max(marked.heard, mark.spent);
      return false;
    });
  }

  forget(slot: number): void {
    this.#bySlot.delete(slot);
  }
}

/** @returns the last mark, with its date if the clock was read again since it was made */
function dated({ marks }: Marked, nowMs: number): Mark | undefined {
  const last = marks.at(-1);
  if (last !== undefined && nowMs > last.notedMs) last.atMs = Math.min(last.atMs, nowMs);
  return last;
}
