/**
 * HalfSipHash-2-4 with 64 bits of output, over a budget's index (32 bits) and the UTF-16 code units of a key, little-endian. Keyed, since
 * clients choose keys: without the seeds nobody can find two that meet. Allocates nothing; what it computed last is in its fields.
 * https://github.com/veorq/SipHash
 */
export class KeyHash {
  readonly #k0: number;
  readonly #k1: number;
  /** Both 32 bits, signed. */
  low = 0;
  high = 0;

  constructor(k0: number, k1: number) {
    this.#k0 = k0 | 0;
    this.#k1 = k1 | 0;
  }

  of(budget: number, key: string): void {
    let v0 = this.#k0;
    let v1 = this.#k1 ^ 0xee;
    let v2 = 0x6c796765 ^ this.#k0;
    let v3 = 0x74656462 ^ this.#k1;
    const units = key.length;
    const whole = units >> 1;
    // Words: the budget, two units each, the rest with the length in octets.
    for (let word = 0; word <= whole + 1; word += 1) {
      let m: number;
      if (word === 0) m = budget;
      else if (word <= whole) {
        const at = (word - 1) << 1;
        m = key.charCodeAt(at) | (key.charCodeAt(at + 1) << 16);
      } else m = ((4 + (units << 1)) << 24) | ((units & 1) === 0 ? 0 : key.charCodeAt(units - 1));
      v3 ^= m;
      for (let round = 0; round < 2; round += 1) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= m;
    }
    v2 ^= 0xee;
    // The same rounds as above: one loop for both was a quarter slower.
    for (let round = 0; round < 8; round += 1) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      if (round === 3) {
        this.low = v1 ^ v3;
        v1 ^= 0xdd;
      }
    }
    this.high = v1 ^ v3;
  }
}
