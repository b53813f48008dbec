/** One API key as a cluster knows it: everything but the key itself. */
export interface KeyEntry {
  /** 16 octets; see `createClusterDigest`. */
  readonly digest: Uint8Array;
  /** Gone: only the digest counts. */
  readonly removed: boolean;
  /** Public id. */
  readonly id: string;
  readonly namespace: string;
  readonly principal: string;
  readonly roles: readonly string[];
  /** Empty: none. */
  readonly plan: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>>;
  /** Seconds since 1970; 0: does not expire. */
  readonly expiresAtSeconds: number;
  /** Refused by name rather than unknown. */
  readonly revoked: boolean;
}
