/**
 * Serial number arithmetic (RFC 1982) over 32 bits: -1 when `a` is older than `b`, 1 when it is newer, 0 when they are equal.
 * Serials half the circle apart cannot be compared; they count as older, so that whoever holds one fetches the zone anew.
 */
export function compareSerials(a: number, b: number): -1 | 0 | 1 {
  const distance = (b - a) >>> 0;
  if (distance === 0) return 0;
  return distance <= 0x8000_0000 ? -1 : 1;
}
