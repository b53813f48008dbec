import { hash } from 'node:crypto';
import { z } from 'zod';
import { PortolanError } from '../errors/error.ts';
import { MAX_PIECES } from '../policy/pieces.ts';
import { invalid } from './snapshot-refusal.ts';

/** Pieces by the SHA-256 of their bytes (hex), each once, in the order in which the frame first names them. */
export type Pieces = ReadonlyMap<string, Uint8Array>;

export const NO_PIECES: Pieces = new Map();

const frameSchema = z.object({
  pieces: z
    .array(z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.number().int().nonnegative() }))
    .max(MAX_PIECES)
    .refine(({ length }) => length > 0 && (length & (length - 1)) === 0, 'their number is a power of two'),
});

/**
 * All the pieces that a frame names, each with the size and digest that it has there, and none that it does not name (ADR 34).
 * @param frame bytes of part `gatewayFrame`, already believed: what it names is what the hub signed
 * @param given in any order, each once
 * @param known a piece that this agent has from before, which was verified when it was read
 * @throws PortolanError SNAPSHOT_INVALID; SNAPSHOT_INCOMPLETE when a piece is neither given nor known
 */
export function verifyPieces(
  frame: Uint8Array,
  given: readonly Uint8Array[],
  known: (sha256: string) => Uint8Array | undefined,
): Pieces {
  const named = frameSchema.safeParse(parse(frame));
  if (!named.success) throw invalid('its frame does not name its pieces', named.error);
  const own = new Map(given.map((bytes) => [hash('sha256', bytes, 'hex'), bytes]));
  if (own.size !== given.length) throw invalid('a piece comes twice');
  const pieces = new Map<string, Uint8Array>();
  let missing = 0;
  for (const { sha256, size } of named.data.pieces) {
    const bytes = own.get(sha256) ?? known(sha256);
    if (bytes === undefined) missing += 1;
    else if (bytes.length !== size) throw invalid(`a piece has ${bytes.length} octets instead of ${size}`);
    // Equal pieces, which are the empty ones, are one.
    else pieces.set(sha256, bytes);
  }
  for (const sha256 of own.keys()) {
    if (!pieces.has(sha256)) throw invalid('it has a piece that its frame does not name');
  }
  if (missing > 0) {
    throw new PortolanError(
      'SNAPSHOT_INCOMPLETE',
      `${missing} of ${named.data.pieces.length} pieces were not sent and are not here`,
    );
  }
  return pieces;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('its frame is not JSON', cause);
  }
}
