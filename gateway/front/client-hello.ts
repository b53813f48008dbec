/** What the first octets of a TLS connection say about where it wants to go. */
export type ClientHello =
  | { readonly type: 'incomplete' }
  | { readonly type: 'invalid'; readonly reason: string }
  | {
      readonly type: 'hello';
      /** Lower case, without trailing dot; absent when the client sends none. */
      readonly serverName: string | undefined;
      /** The application protocol (RFC 7301), when the client offers exactly one. */
      readonly onlyProtocol: string | undefined;
    };

/** A hello with post-quantum key shares is about 2 kB; nobody needs more than this before a backend is chosen. */
const LONGEST = 16_384;
const INCOMPLETE: ClientHello = { type: 'incomplete' };
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/**
 * Reads the server name of a ClientHello (RFC 8446 §4.1.2, RFC 6066 §3), also when it is spread over several records. Nothing is
 * decrypted, nothing is changed.
 */
export function readClientHello(octets: Buffer): ClientHello {
  const pieces: Buffer[] = [];
  let size = 0;
  for (let at = 0; at < octets.length; ) {
    if (octets[at] !== 22) return invalid('it is not a handshake record');
    if (octets.length < at + 5) return INCOMPLETE;
    if (octets[at + 1] !== 3) return invalid('the record version is unknown');
    const length = octets.readUInt16BE(at + 3);
    if (length === 0 || length > LONGEST) return invalid('the record length is out of range');
    const piece = octets.subarray(at + 5, at + 5 + length);
    pieces.push(piece);
    size += piece.length;
    const handshake = pieces.length === 1 ? piece : Buffer.concat(pieces, size);
    if (handshake.length >= 1 && handshake[0] !== 1) return invalid('it is not a ClientHello');
    if (handshake.length >= 4) {
      const wanted = handshake.readUIntBE(1, 3) + 4;
      if (wanted > LONGEST) return invalid('the ClientHello is too long');
      if (handshake.length >= wanted) return readBody(handshake.subarray(4, wanted));
    }
    if (octets.length < at + 5 + length) return INCOMPLETE;
    at += 5 + length;
  }
  return octets.length > LONGEST * 2 ? invalid('the ClientHello is too long') : INCOMPLETE;
}

function readBody(body: Buffer): ClientHello {
  const cut = invalid('the ClientHello is cut off');
  let at = 34;
  const skip = (lengthOctets: 1 | 2): boolean => {
    if (body.length < at + lengthOctets) return false;
    at += lengthOctets + body.readUIntBE(at, lengthOctets);
    return at <= body.length;
  };
  if (!skip(1) || !skip(2) || !skip(1)) return cut;
  if (at === body.length) return { type: 'hello', serverName: undefined, onlyProtocol: undefined };
  if (body.length < at + 2 || body.readUInt16BE(at) !== body.length - at - 2) return cut;
  at += 2;
  let serverName: string | undefined;
  let onlyProtocol: string | undefined;
  let seen = false;
  while (at < body.length) {
    if (body.length < at + 4) return cut;
    const type = body.readUInt16BE(at);
    const length = body.readUInt16BE(at + 2);
    at += 4;
    if (body.length < at + length) return cut;
    if (type === 0) {
      if (seen) return invalid('it has two server names');
      seen = true;
      const name = readServerName(body.subarray(at, at + length));
      if (name === undefined) return invalid('the server name cannot be read');
      serverName = name;
    } else if (type === 16) onlyProtocol = readOnlyProtocol(body.subarray(at, at + length));
    at += length;
  }
  return { type: 'hello', serverName, onlyProtocol };
}

/** Undefined: several, or it cannot be read, which is for TLS to say. */
function readOnlyProtocol(extension: Buffer): string | undefined {
  if (extension.length < 4 || extension.readUInt16BE(0) !== extension.length - 2) return undefined;
  return extension[2] === extension.length - 3 ? extension.toString('latin1', 3) : undefined;
}

/** A list of exactly one host name, as every client sends it. */
function readServerName(extension: Buffer): string | undefined {
  if (extension.length < 5 || extension.readUInt16BE(0) !== extension.length - 2) return undefined;
  if (extension[2] !== 0 || extension.readUInt16BE(3) !== extension.length - 5) return undefined;
  const text = extension.toString('latin1', 5).toLowerCase();
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  return name.length <= 253 && NAME.test(name) ? name : undefined;
}

function invalid(reason: string): ClientHello {
  return { type: 'invalid', reason };
}
