/** How a zone's signing stands, as `status.dnssec` of a Zone shows it. Instants are RFC 3339. */
export interface ZoneDnssecStatus {
  readonly state: 'signing' | 'awaiting-ds' | 'signed' | 'unsigning' | 'unsigned';
  readonly since: string;
  readonly keys: readonly ZoneKeyStatus[];
  /** What the parent should have now; empty until the zone may have a DS, and while it is being unsigned. */
  readonly ds: readonly DsStatus[];
  /** The key-signing keys of these DS, as registrars that ask for DNSKEY want them. */
  readonly dnskey: readonly string[];
  /** When the first signature that the hub made ends, unless it is made anew before. */
  readonly signaturesExpire?: string;
  /** While unsigning: what it waits for. */
  readonly waitsFor?: string;
  /** What the servers of the parent showed last. */
  readonly parent?: string;
  /** When that was. */
  readonly parentSeenAt?: string;
}

export interface ZoneKeyStatus {
  readonly keyTag: number;
  readonly role: 'ksk' | 'zsk';
  readonly state: 'published' | 'ready' | 'active' | 'retired';
  readonly since: string;
  /** What happens to it next; absent when nothing does until it is rolled. */
  readonly next?: string;
  /** Why that has not happened yet. */
  readonly waitsFor?: string;
}

export interface DsStatus {
  readonly keyTag: number;
  readonly algorithm: number;
  readonly digestType: number;
  /** Hex, upper case. */
  readonly digest: string;
}
