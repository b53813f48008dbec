/**
 * What a name server needs to sign one zone online. The hub makes it (the key-signing key never leaves the hub) and sends it
 * in a snapshot part of its own, to agents that run a name server only. JSON-safe and immutable; octets are base64.
 */
export interface SigningMaterial {
  /** The DNSKEY RRset, signed by the hub with the key-signing keys for long enough to outlive an outage of the hub. */
  readonly dnskey: PresignedSet;
  /** For the parent to fetch (RFC 7344); absent while nothing is to be said. */
  readonly cds?: PresignedSet;
  readonly cdnskey?: PresignedSet;
  /** Zone-signing keys that sign every other RRset now; one, but for two while an algorithm or a key is changed that way. */
  readonly signers: readonly ZoneSigningKey[];
  /** Lifetime of the signatures that name servers make, in seconds. */
  readonly signatureValiditySeconds: number;
}

/** An RRset with its signatures, as the hub made them. */
export interface PresignedSet {
  readonly ttlSeconds: number;
  /** RDATA of each record, base64. */
  readonly records: readonly string[];
  /** RDATA of each RRSIG over the set (RFC 4034 section 3.1), base64. */
  readonly signatures: readonly string[];
}

export interface ZoneSigningKey {
  /** RFC 4034 appendix B. */
  readonly keyTag: number;
  /** 13: ECDSA P-256 with SHA-256 (RFC 6605), the only one so far. */
  readonly algorithm: 13;
  /** PKCS #8 DER, base64. */
  readonly privateKey: string;
}
