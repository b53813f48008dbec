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
}
