/** Words that are added one by one; at most half as much again is reserved. */
export class GrowingWords {
  words: Uint32Array;
  length = 0;

  constructor(capacity: number) {
    this.words = new Uint32Array(capacity);
  }

  /** Makes room for `count` more, zeroed, and returns where they begin. */
  add(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.words.length) {
      const larger = new Uint32Array(Math.ceil(this.length * 1.5));
      larger.set(this.words);
      this.words = larger;
    }
    return at;
  }
}

/** As `GrowingWords`, of octets. */
export class GrowingOctets {
  octets: Uint8Array;
  length = 0;

  constructor(capacity: number) {
    this.octets = new Uint8Array(capacity);
  }

  add(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.octets.length) {
      const larger = new Uint8Array(Math.ceil(this.length * 1.5));
      larger.set(this.octets);
      this.octets = larger;
    }
    return at;
  }
}
