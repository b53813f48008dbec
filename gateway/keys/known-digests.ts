/** Keys in each of two generations; what was not used during a whole one is forgotten. */
const KEPT = 1_024;

/**
 * The digests of keys that were found lately, so that a caller's two hashes are made once and not for every request. It says nothing about
 * whether a key still holds: that is read for each request. Only keys that were found are kept, so that guesses push nobody out.
 *
 * A Map compares texts only when their hashes, seeded anew in every process, agree: how much of a guess is right makes no difference to the
 * time it takes (I29).
 */
export class KnownDigests {
  readonly #kept: number;
  #recent = new Map<string, string>();
  #older = new Map<string, string>();

  constructor(kept = KEPT) {
    this.#kept = kept;
  }

  of(key: string): string | undefined {
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const older = this.#older.get(key);
    if (older !== undefined) this.#put(key, older);
    return older;
  }

  add(key: string, digest: string): void {
    // A copy: cut out of a request, it would keep all of it.
    this.#put(Buffer.from(key).toString(), digest);
  }

  /** The key no longer holds: its text goes. */
  delete(key: string): void {
    this.#recent.delete(key);
    this.#older.delete(key);
  }

  get size(): number {
    return this.#recent.size + this.#older.size;
  }

  #put(key: string, digest: string): void {
    if (this.#recent.size >= this.#kept) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, digest);
  }
}
