import type { RrsigRdata } from '../records/rrsig.ts';
import type { RRset } from '../rrset.ts';

/** Signatures over one set. */
export interface CachedSignatures {
  readonly records: readonly RrsigRdata[];
  readonly inceptionSeconds: number;
  /** From here on they are made anew, if that can be afforded. */
  readonly refreshSeconds: number;
  readonly expirationSeconds: number;
  /** Encoded with the TTL they were last asked for with. */
  encoded: RRset;
}

/** What an entry takes beside its key and its signatures: objects, map slot, the encoded form. */
const ENTRY_OCTETS = 700;

/**
 * Signatures by what they cover, at most `maxOctets` of them. Two generations: when the younger has filled half of the
 * room, the older is dropped; what is asked for moves to the younger. That is nearly least-recently-used, at the cost of a
 * map look-up.
 */
export class SignatureCache {
  readonly #maxOctets: number;
  #young = new Map<string, CachedSignatures>();
  #old = new Map<string, CachedSignatures>();
  #youngOctets = 0;
  #oldOctets = 0;

  constructor(maxOctets: number) {
    this.#maxOctets = maxOctets;
  }

  get(key: string): CachedSignatures | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.set(key, old);
    return old;
  }

  set(key: string, entry: CachedSignatures): void {
    const size = octetsOf(key, entry);
    if (this.#youngOctets + size > this.#maxOctets / 2) {
      this.#old = this.#young;
      this.#oldOctets = this.#youngOctets;
      this.#young = new Map();
      this.#youngOctets = 0;
    }
    if (!this.#young.has(key)) this.#youngOctets += size;
    this.#young.set(key, entry);
  }

  /** Octets taken, by estimate; at most `maxOctets` and one entry. */
  get octets(): number {
    return this.#youngOctets + this.#oldOctets;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}

function octetsOf(key: string, entry: CachedSignatures): number {
  return entry.records.reduce(
    (sum, { signature }) => sum + 2 * signature.length + 100,
    key.length + ENTRY_OCTETS,
  );
}
