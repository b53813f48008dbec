/** What an API key stands for. */
export interface KeyRecord {
  /** Public id; may be logged. */
  readonly id: string;
  readonly namespace: string;
  readonly principal: string;
  readonly roles: readonly string[];
  readonly plan?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Further facts for CEL, such as an e-mail address. */
  readonly attributes: Readonly<Record<string, string>>;
}

export type KeyAnswer =
  | { readonly type: 'known'; readonly record: KeyRecord }
  | { readonly type: 'unknown' }
  | { readonly type: 'revoked'; readonly id: string }
  | { readonly type: 'expired'; readonly id: string };

/** What the hub says of a key that the table does not have. */
export type FoundKey =
  /** `expiresAtMs`: wall clock; 0: never. */
  | { readonly type: 'known'; readonly record: KeyRecord; readonly expiresAtMs: number }
  | { readonly type: 'revoked'; readonly id: string }
  | { readonly type: 'unknown' };

/** Asks the hub for a key that no change of the keys has brought yet. */
export interface KeySearch {
  /**
   * Rejects when the hub cannot be asked, after a second at most; with `SEARCH_BUSY` when so many keys were asked for just now that
   * this one is taken for unknown.
   * @param digest the hub's, `KeyTable.hubDigest`
   */
  ask(digest: string): Promise<FoundKey>;
}

export const SEARCH_BUSY = new Error('too many unknown keys at once');

/**
 * The keys of this cluster, read from shared memory: one thread writes, all read, a revocation is seen by the next request.
 * Comparison takes the same time whatever differs (I29): digests are compared whole.
 */
export interface KeyTable {
  /** @param pairId the id that came with the key, for id + key pairs; such a key is never found without it */
  find(key: string, pairId: string | undefined, wallMs: number): KeyAnswer;
  /** Milliseconds since the hub last said that nothing is missing here. */
  staleMs(): number;
  readonly size: number;
  /** What the hub keeps of a key, hex: names it in a question without being it. Undefined while there are no peppers. */
  hubDigest?(key: string, pairId: string | undefined): string | undefined;
  /** Absent: there is nobody to ask, and an unknown key is refused. */
  readonly search?: KeySearch | undefined;
}
