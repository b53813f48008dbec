/** A key of SipHash: four 32-bit words, least significant octets first. */
export interface SipKey {
  readonly words: Int32Array;
}

/** A key from its 16 octets. */
export function sipKey(octets: Uint8Array): SipKey {
  const words = new Int32Array(4);
  for (let i = 0; i < 4; i += 1) words[i] = wordAt(octets, 4 * i);
  return { words };
}

/** Rounds for each eight octets, and after the last. */
const COMPRESSION_ROUNDS = 2;
const FINAL_ROUNDS = 4;

/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) of `message[0..length)`; its eight octets are written to `into[at..at + 8)`. In
 * halves of 32 bits, because 64-bit integers allocate; `v0` is the low half of v0 and `v0h` the high one.
 */
export function sipHash24(
  key: SipKey,
  message: Uint8Array,
  length: number,
  into: Uint8Array,
  at: number,
): void {
  const { words } = key;
  const k0 = words[0] ?? 0;
  const k0h = words[1] ?? 0;
  const k1 = words[2] ?? 0;
  const k1h = words[3] ?? 0;
  let v0 = k0 ^ 0x70736575;
  let v0h = k0h ^ 0x736f6d65;
  let v1 = k1 ^ 0x6e646f6d;
  let v1h = k1h ^ 0x646f7261;
  let v2 = k0 ^ 0x6e657261;
  let v2h = k0h ^ 0x6c796765;
  let v3 = k1 ^ 0x79746573;
  let v3h = k1h ^ 0x74656462;
  const whole = length & ~7;
  // After the message comes the block with its end and length, then the rounds without a block.
  for (let block = 0; block <= whole + 8; block += 8) {
    const final = block > whole;
    const m = final ? 0 : block < whole ? wordAt(message, block) : partAt(message, block, length);
    const mh = final
      ? 0
      : block < whole
        ? wordAt(message, block + 4)
        : partAt(message, block + 4, length) | ((length & 0xff) << 24);
    if (final) v2 ^= 0xff;
    v3 ^= m;
    v3h ^= mh;
    const rounds = final ? FINAL_ROUNDS : COMPRESSION_ROUNDS;
    for (let round = 0; round < rounds; round += 1) {
      let sum = (v0 >>> 0) + (v1 >>> 0);
      v0h = (v0h + v1h + (sum > 0xffff_ffff ? 1 : 0)) | 0;
      v0 = sum | 0;
      sum = (v2 >>> 0) + (v3 >>> 0);
      v2h = (v2h + v3h + (sum > 0xffff_ffff ? 1 : 0)) | 0;
      v2 = sum | 0;
      let low = v1;
      v1 = ((low << 13) | (v1h >>> 19)) ^ v0;
      v1h = ((v1h << 13) | (low >>> 19)) ^ v0h;
      low = v3;
      v3 = ((low << 16) | (v3h >>> 16)) ^ v2;
      v3h = ((v3h << 16) | (low >>> 16)) ^ v2h;
      low = v0; // by 32 bits
      v0 = v0h;
      v0h = low;
      sum = (v2 >>> 0) + (v1 >>> 0);
      v2h = (v2h + v1h + (sum > 0xffff_ffff ? 1 : 0)) | 0;
      v2 = sum | 0;
      sum = (v0 >>> 0) + (v3 >>> 0);
      v0h = (v0h + v3h + (sum > 0xffff_ffff ? 1 : 0)) | 0;
      v0 = sum | 0;
      low = v1;
      v1 = ((low << 17) | (v1h >>> 15)) ^ v2;
      v1h = ((v1h << 17) | (low >>> 15)) ^ v2h;
      low = v3;
      v3 = ((low << 21) | (v3h >>> 11)) ^ v0;
      v3h = ((v3h << 21) | (low >>> 11)) ^ v0h;
      low = v2;
      v2 = v2h;
      v2h = low;
    }
    v0 ^= m;
    v0h ^= mh;
  }
  putWord(into, at, v0 ^ v1 ^ v2 ^ v3);
  putWord(into, at + 4, v0h ^ v1h ^ v2h ^ v3h);
}

/** Up to four octets from `at`, those that are left before `end`. */
function partAt(bytes: Uint8Array, at: number, end: number): number {
  let word = 0;
  for (let i = 0; i < 4 && at + i < end; i += 1) word |= (bytes[at + i] ?? 0) << (8 * i);
  return word;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

function putWord(into: Uint8Array, at: number, word: number): void {
  into[at] = word;
  into[at + 1] = word >>> 8;
  into[at + 2] = word >>> 16;
  into[at + 3] = word >>> 24;
}
