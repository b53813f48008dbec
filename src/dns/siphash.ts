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

/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012) of `message[0..length)`; its eight octets are written to `into[at..at + 8)`. In
 * halves of 32 bits, because 64-bit integers allocate.
 */
export function sipHash24(
  key: SipKey,
  message: Uint8Array,
  length: number,
  into: Uint8Array,
  at: number,
): void {
  const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = key.words;
  const v = STATE;
  v[0] = k0 ^ 0x70736575;
  v[1] = k1 ^ 0x736f6d65;
  v[2] = k2 ^ 0x6e646f6d;
  v[3] = k3 ^ 0x646f7261;
  v[4] = k0 ^ 0x6e657261;
  v[5] = k1 ^ 0x6c796765;
  v[6] = k2 ^ 0x79746573;
  v[7] = k3 ^ 0x74656462;
  const whole = length & ~7;
  for (let i = 0; i < whole; i += 8) compress(wordAt(message, i), wordAt(message, i + 4));
  let low = 0;
  let high = (length & 0xff) << 24;
  for (let i = whole; i < length; i += 1) {
    const octet = message[i] ?? 0;
    if (i - whole < 4) low |= octet << (8 * (i - whole));
    else high |= octet << (8 * (i - whole - 4));
  }
  compress(low, high);
  v[4] = (v[4] ?? 0) ^ 0xff;
  for (let round = 0; round < 4; round += 1) sipRound();
  putWord(into, at, (v[0] ?? 0) ^ (v[2] ?? 0) ^ (v[4] ?? 0) ^ (v[6] ?? 0));
  putWord(into, at + 4, (v[1] ?? 0) ^ (v[3] ?? 0) ^ (v[5] ?? 0) ^ (v[7] ?? 0));
}

/** v0 to v3, each as low half and high half. One hash at a time: nothing here waits. */
const STATE = new Int32Array(8);

function compress(low: number, high: number): void {
  STATE[6] = (STATE[6] ?? 0) ^ low;
  STATE[7] = (STATE[7] ?? 0) ^ high;
  sipRound();
  sipRound();
  STATE[0] = (STATE[0] ?? 0) ^ low;
  STATE[1] = (STATE[1] ?? 0) ^ high;
}

function sipRound(): void {
  add(0, 2);
  rotate(2, 13);
  xor(2, 0);
  swap(0);
  add(4, 6);
  rotate(6, 16);
  xor(6, 4);
  add(0, 6);
  rotate(6, 21);
  xor(6, 0);
  add(4, 2);
  rotate(2, 17);
  xor(2, 4);
  swap(4);
}

function add(to: number, from: number): void {
  const low = ((STATE[to] ?? 0) >>> 0) + ((STATE[from] ?? 0) >>> 0);
  STATE[to] = low;
  STATE[to + 1] = (STATE[to + 1] ?? 0) + (STATE[from + 1] ?? 0) + (low > 0xffff_ffff ? 1 : 0);
}

function xor(to: number, from: number): void {
  STATE[to] = (STATE[to] ?? 0) ^ (STATE[from] ?? 0);
  STATE[to + 1] = (STATE[to + 1] ?? 0) ^ (STATE[from + 1] ?? 0);
}

/** Left, by fewer than 32 bits. */
function rotate(at: number, bits: number): void {
  const low = STATE[at] ?? 0;
  const high = STATE[at + 1] ?? 0;
  STATE[at] = (low << bits) | (high >>> (32 - bits));
  STATE[at + 1] = (high << bits) | (low >>> (32 - bits));
}

/** A rotation by 32 bits. */
function swap(at: number): void {
  const low = STATE[at] ?? 0;
  STATE[at] = STATE[at + 1] ?? 0;
  STATE[at + 1] = low;
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
