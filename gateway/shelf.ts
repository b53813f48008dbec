import type { CompiledQuota, QuotaPart } from '../src/policy/model.ts';
import { type PiecedGateway, readPiece } from '../src/policy/piece-bytes.ts';
import type { GatewayFrame } from '../src/policy/pieces.ts';

/** Bytes of the pieces of one configuration, by SHA-256: one copy for all threads. */
export type Shelf = ReadonlyMap<string, SharedArrayBuffer>;

/**
 * @param before of the configuration before: its pieces are taken over
 * @throws Error when a piece is in neither
 */
export function shelve(
  { frame, pieces }: PiecedGateway,
  before: Shelf,
): { readonly all: Shelf; readonly fresh: Shelf } {
  const all = new Map<string, SharedArrayBuffer>();
  const fresh = new Map<string, SharedArrayBuffer>();
  for (const { sha256 } of frame.pieces) {
    if (all.has(sha256)) continue;
    const known = before.get(sha256);
    const memory = known ?? sharedCopy(pieces.get(sha256), sha256);
    all.set(sha256, memory);
    if (known === undefined) fresh.set(sha256, memory);
  }
  return { all, fresh };
}

function sharedCopy(bytes: Uint8Array | undefined, sha256: string): SharedArrayBuffer {
  if (bytes === undefined) throw new Error(`piece ${sha256} is not there`);
  const memory = new SharedArrayBuffer(bytes.length);
  new Uint8Array(memory).set(bytes);
  return memory;
}

/** Keys of canonical JSON have no escapes, and texts no bare quotes: where this stands a piece has no limits. */
const NO_LIMITS = '"quotas":{}';

/** The limits of a configuration, read of those pieces alone that have some. */
export class ShelvedQuotas {
  #known: ReadonlyMap<string, Readonly<Record<string, CompiledQuota>>> = new Map();

  of({ quota, pieces }: GatewayFrame, shelf: Shelf): QuotaPart | undefined {
    if (quota === undefined) return undefined;
    const known = new Map<string, Readonly<Record<string, CompiledQuota>>>();
    for (const { sha256 } of pieces) {
      const memory = shelf.get(sha256);
      const before = this.#known.get(sha256);
      if (before !== undefined) known.set(sha256, before);
      else if (memory !== undefined && !Buffer.from(memory).includes(NO_LIMITS))
        known.set(sha256, readPiece(new Uint8Array(memory)).quotas);
    }
    this.#known = known;
    const policies = Object.fromEntries([...known.values()].flatMap((own) => Object.entries(own)));
    return { ...quota, policies };
  }
}
