/** What a PROXY header says, or how far reading it has come. */
export type ProxyHeader =
  /** These octets cannot be the beginning of one. */
  | { readonly type: 'absent' }
  | { readonly type: 'incomplete' }
  | { readonly type: 'invalid'; readonly reason: string }
  | {
      readonly type: 'found';
      /** Octets of the header. */
      readonly length: number;
      /** Absent: LOCAL or UNKNOWN, the connection's own addresses hold. */
      readonly source: { readonly address: string; readonly port: number } | undefined;
    };

const V2_SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V1_START = Buffer.from('PROXY ', 'latin1');
const V1_LONGEST = 107;
/** Addresses and TLVs; the specification allows 65,535, nobody needs more than this. */
const V2_LONGEST = 4096;
const V1 =
  /^PROXY (?:UNKNOWN(?: [^\r\n]*)?|(TCP[46]) ([0-9a-fA-F:.]{2,45}) [0-9a-fA-F:.]{2,45} ([0-9]{1,5}) ([0-9]{1,5}))$/;
const ABSENT: ProxyHeader = { type: 'absent' };
const INCOMPLETE: ProxyHeader = { type: 'incomplete' };

/**
 * Reads the PROXY header of versions 1 and 2 (haproxy.org/download/3.0/doc/proxy-protocol.txt §2).
 * @param isAddress family of an IP address: 4, 6, or 0
 */
export function readProxyHeader(octets: Buffer, isAddress: (text: string) => number): ProxyHeader {
  if (startsLike(octets, V2_SIGNATURE)) return readV2(octets);
  if (startsLike(octets, V1_START)) return readV1(octets, isAddress);
  return ABSENT;
}

function startsLike(octets: Buffer, start: Buffer): boolean {
  const length = Math.min(octets.length, start.length);
  return octets.compare(start, 0, length, 0, length) === 0;
}

function readV1(octets: Buffer, isAddress: (text: string) => number): ProxyHeader {
  const end = octets.subarray(0, V1_LONGEST).indexOf('\r\n');
  if (end < 0) return octets.length < V1_LONGEST ? INCOMPLETE : invalid('the line is too long');
  const parts = V1.exec(octets.toString('latin1', 0, end));
  if (parts === null) return invalid('the line cannot be read');
  const [, family, address, port] = parts;
  const length = end + 2;
  if (family === undefined || address === undefined) return { type: 'found', length, source: undefined };
  if (isAddress(address) !== Number(family.slice(3))) return invalid('the address is not of its family');
  if (Number(port) > 65_535) return invalid('the port is out of range');
  return { type: 'found', length, source: { address, port: Number(port) } };
}

function readV2(octets: Buffer): ProxyHeader {
  if (octets.length < 16) return INCOMPLETE;
  const versionAndCommand = octets.readUInt8(12);
  const family = octets.readUInt8(13);
  const body = octets.readUInt16BE(14);
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21)
    return invalid('version or command is unknown');
  if (body > V2_LONGEST) return invalid('it is too long');
  const length = 16 + body;
  if (octets.length < length) return INCOMPLETE;
  if (versionAndCommand === 0x20) return { type: 'found', length, source: undefined };
  if (family === 0x11 && body >= 12) {
    const address = octets.subarray(16, 20).join('.');
    return { type: 'found', length, source: { address, port: octets.readUInt16BE(24) } };
  }
  if (family === 0x21 && body >= 36) {
    const groups = Array.from({ length: 8 }, (_, at) => octets.readUInt16BE(16 + at * 2).toString(16));
    return { type: 'found', length, source: { address: groups.join(':'), port: octets.readUInt16BE(48) } };
  }
  if (family === 0x11 || family === 0x21) return invalid('its addresses are cut off');
  // UDP, UNIX and unspecified: valid, and without an address that could be used.
  return { type: 'found', length, source: undefined };
}

function invalid(reason: string): ProxyHeader {
  return { type: 'invalid', reason };
}
