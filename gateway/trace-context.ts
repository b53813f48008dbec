/** Position of a request in a distributed trace (W3C Trace Context, level 1). */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** Ours: 16 hex digits; the parent of whatever the backend does. */
  readonly spanId: string;
  /** 2 hex digits. */
  readonly flags: string;
  /** The client's trace goes on; its `tracestate` is passed on. */
  readonly continued: boolean;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:$|-)/;

/** Continues the client's trace, or begins one. @param random 0 ≤ random < 1 */
export function continueTrace(traceparent: string | undefined, random: () => number): TraceContext {
  const parent = traceparent === undefined ? null : TRACEPARENT.exec(traceparent);
  // Version 00 has nothing after the flags; later ones may.
  const whole = traceparent?.length === 55 || traceparent?.startsWith('00') === false;
  const traceId = parent?.[1];
  const flags = parent?.[2];
  if (traceId === undefined || flags === undefined || !whole) {
    return { traceId: hex128(random), spanId: hex64(random), flags: '00', continued: false };
  }
  return { traceId, spanId: hex64(random), flags, continued: true };
}

/** 32 hex digits, never all zero. */
export function hex128(random: () => number): string {
  return drawn(random, 32);
}

function hex64(random: () => number): string {
  return drawn(random, 16);
}

/** Drawn at a time: as one conversion for each identifier, or digit by digit, they would cost more than routing. */
const WORDS = 256;
const words = new Uint32Array(WORDS);
const octets = Buffer.from(words.buffer);
let digits = '';
let used = 0;
let drawnFrom: (() => number) | undefined;

/** @param count of hexadecimal digits: 16 or 32 */
function drawn(random: () => number, count: number): string {
  if (random !== drawnFrom || used + count > digits.length) draw(random);
  used += count;
  return digits.slice(used - count, used);
}

function draw(random: () => number): void {
  for (let at = 0; at < WORDS; at += 2) {
    // Of each 16 digits the first half is never zero.
    words[at] = random() * 0xffff_ffff + 1;
    words[at + 1] = random() * 0x1_0000_0000;
  }
  digits = octets.toString('hex');
  used = 0;
  drawnFrom = random;
}
