import { canonicalJson } from '../identity/canonical-json.ts';
import { sha256Hex } from '../identity/digest.ts';
import type { GatewayPart } from './model.ts';
import { entriesOf, type GatewayFrame, type GatewayPiece, pieceCount, splitGateway } from './pieces.ts';

/** A part in pieces, as it travels: the bytes of each piece that the frame names, by its SHA-256 (hex). */
export interface PiecedGateway {
  readonly frame: GatewayFrame;
  readonly pieces: ReadonlyMap<string, Uint8Array>;
}

/** @param count a power of two; as many as the part's entries want when left out */
export function piecesOf(part: GatewayPart, count = pieceCount(entriesOf(part), 0)): PiecedGateway {
  const { frame, pieces } = splitGateway(part, count);
  const encoded = pieces.map((piece) => {
    const bytes = Buffer.from(canonicalJson(piece));
    return { ref: { sha256: sha256Hex(bytes), size: bytes.length }, bytes };
  });
  return {
    frame: { ...frame, pieces: encoded.map(({ ref }) => ref) },
    pieces: new Map(encoded.map(({ ref, bytes }) => [ref.sha256, bytes])),
  };
}

/** A piece that is vouched for: the frame that names it was verified. Reads shared memory too. @throws SyntaxError */
export function readPiece(bytes: Uint8Array): GatewayPiece {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
  return JSON.parse(text) as GatewayPiece;
}
