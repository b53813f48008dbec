/**
 * IP addresses as DNS needs them: strict parsing to octets, RFC 5952 output. Nothing is accepted that another program could
 * read differently (no leading zeros, no short IPv4, no zone identifiers).
 */

/** Four octets, or `undefined` when the text is not exactly dotted decimal. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const octets = new Uint8Array(4);
  return readIpv4(text, 0, octets, 0) ? octets : undefined;
}

/** Sixteen octets (RFC 4291 section 2.2, all three forms), or `undefined`. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const octets = new Uint8Array(16);
  let written = 0; // octets so far
  let gapAt = -1; // where `::` stands, in octets
  let i = 0;
  if (text.startsWith('::')) {
    gapAt = 0;
    i = 2;
  } else if (text.startsWith(':')) {
    return undefined;
  }
  while (i < text.length) {
    if (written >= 16) return undefined;
    let end = i;
    let value = 0;
    while (end < text.length) {
      const digit = hexDigit(text.charCodeAt(end));
      if (digit < 0) break;
      value = value * 16 + digit;
      end += 1;
      if (end - i > 4) return undefined;
    }
    if (text.charCodeAt(end) === 0x2e) {
      if (written > 12 || !readIpv4(text, i, octets, written)) return undefined;
      written += 4;
      i = text.length;
      break;
    }
    if (end === i) return undefined;
    octets[written] = value >> 8;
    octets[written + 1] = value & 0xff;
    written += 2;
    if (end === text.length) {
      i = end;
      break;
    }
    if (text.charCodeAt(end) !== 0x3a) return undefined;
    i = end + 1;
    if (text.charCodeAt(i) === 0x3a) {
      if (gapAt >= 0) return undefined;
      gapAt = written;
      i += 1;
    } else if (i === text.length) {
      return undefined;
    }
  }
  if (gapAt < 0) return written === 16 ? octets : undefined;
  if (written > 14) return undefined; // `::` stands for at least one group
  octets.copyWithin(16 - (written - gapAt), gapAt, written);
  octets.fill(0, gapAt, 16 - (written - gapAt));
  return octets;
}

export function formatIpv4(octets: Uint8Array): string {
  return `${octets[0]}.${octets[1]}.${octets[2]}.${octets[3]}`;
}

/** RFC 5952: lower case, the longest run of two or more zero groups (the first of equals) as `::`, mapped IPv4 dotted. */
export function formatIpv6(octets: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((octets[i] ?? 0) << 8) | (octets[i + 1] ?? 0));
  if (isMappedIpv4(octets)) return `::ffff:${formatIpv4(octets.subarray(12))}`;
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length += 1;
    if (length > best.length) best = { at, length };
    at += length;
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.at < 0) return hex.join(':');
  return `${hex.slice(0, best.at).join(':')}::${hex.slice(best.at + best.length).join(':')}`;
}

export function formatIp(octets: Uint8Array): string {
  return octets.length === 4 ? formatIpv4(octets) : formatIpv6(octets);
}

/** `::ffff:0:0/96` (RFC 4291 section 2.5.5.2). */
export function isMappedIpv4(octets: Uint8Array): boolean {
  for (let i = 0; i < 10; i += 1) if (octets[i] !== 0) return false;
  return octets.length === 16 && octets[10] === 0xff && octets[11] === 0xff;
}

function readIpv4(text: string, from: number, into: Uint8Array, at: number): boolean {
  let i = from;
  for (let part = 0; part < 4; part += 1) {
    if (part > 0) {
      if (text.charCodeAt(i) !== 0x2e) return false;
      i += 1;
    }
    const start = i;
    let value = 0;
    while (i - start < 3) {
      const digit = text.charCodeAt(i) - 0x30;
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
      i += 1;
    }
    if (i === start || value > 255) return false;
    if (i - start > 1 && text.charCodeAt(start) === 0x30) return false; // 010 is 8 to some programs
    into[at + part] = value;
  }
  return i === text.length;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
