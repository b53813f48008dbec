import type { Actor } from './contract.ts';

/** What an API key stands for, as its maker says. */
export interface ApiKeyFacts {
  readonly namespace: string;
  readonly principal: string;
  readonly roles: readonly string[];
  readonly plan?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>>;
  /** The id that must come with the key; shown, unlike the key. */
  readonly pairId?: string;
  /** RFC 3339. */
  readonly expiresAt?: string;
}

/** A key to be kept. The key itself is not among it (I29). */
export interface NewStoredKey extends ApiKeyFacts {
  /** Public id. */
  readonly id: string;
  /** Hex; `hubDigest`. */
  readonly digest: string;
}

export interface StoredKey extends ApiKeyFacts {
  readonly id: string;
  readonly digest: string;
  /**
   * `rotated`: it has a successor, and works until `expiresAt`. `deleted`: only in the feed, until no agent can stand before it; nothing
   * but id, digest and namespace is kept.
   */
  readonly state: 'active' | 'rotated' | 'revoked' | 'deleted';
  readonly createdAt: string;
  readonly revokedAt?: string;
  readonly predecessor?: string;
  readonly successor?: string;
  /** Of its last change in the feed. */
  readonly sequence: number;
}

/** Where the feed of key changes stands. */
export interface KeyFeedPlace {
  /** Random id; another one after a restore. */
  readonly feed: string;
  readonly sequence: number;
  /** Hex SHA-256 of the chain at that sequence; empty at 0. */
  readonly hash: string;
}

export interface KeyChanges {
  readonly from: KeyFeedPlace;
  /** The end of a commit; there may be more after it. */
  readonly to: KeyFeedPlace;
  /** Every key whose last change lies between, as it is now, in the order of those changes. */
  readonly keys: readonly StoredKey[];
}

export interface KeyFilter {
  /** Absent: all. */
  readonly namespaces?: readonly string[];
  readonly principal?: string;
  readonly plan?: string;
  readonly state?: 'active' | 'rotated' | 'revoked' | 'expired';
  /** All of these labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Ids after this one. */
  readonly after?: string;
  readonly limit: number;
}

interface By {
  readonly actor: Actor;
  readonly reason?: string;
}

/**
 * API keys and the feed of their changes. Every change gets the next sequence, its link of the hash chain and its audit row in one
 * transaction; methods that write resolve when it is durable (I19).
 */
export interface KeyStore {
  /** Octets that digests are made with; made at the first use, sealed at rest. `root`: those of clusters derive from it. */
  peppers(): Promise<{ readonly hub: Buffer; readonly root: Buffer }>;
  /**
   * All or none; at most 5,000. @throws PortolanError ALREADY_EXISTS when one of them, or of their ids, is known; the message names
   * its place in the list, never the key
   */
  create(
    keys: readonly NewStoredKey[],
    by: By & { readonly verb: 'key.create' | 'key.import' },
  ): Promise<readonly StoredKey[]>;
  /** The old one expires at `until`, at the latest. @throws PortolanError KEY_NOT_FOUND, CONFLICT unless it is active */
  rotate(
    id: string,
    successor: NewStoredKey,
    by: By & { readonly until: string },
  ): Promise<{ readonly key: StoredKey; readonly successor: StoredKey }>;
  /** For ever; doing it twice is no error. @throws PortolanError KEY_NOT_FOUND */
  revoke(id: string, by: By): Promise<StoredKey>;
  /** Forgets a key that is revoked or has expired. @throws PortolanError KEY_NOT_FOUND, CONFLICT when it may still be used */
  delete(id: string, by: By): Promise<void>;
  get(id: string): Promise<StoredKey | undefined>;
  /** @param digest hex; `hubDigest` */
  byDigest(digest: string): Promise<StoredKey | undefined>;
  /** In the order of their ids. */
  list(filter: KeyFilter): Promise<readonly StoredKey[]>;
  /** Keys that are not revoked, and those that are. */
  count(): Promise<{ readonly active: number; readonly revoked: number }>;

  place(): Promise<KeyFeedPlace>;
  /**
   * `known`: the chain stood there and what came after is still kept; `old`: too long ago to say; `ahead`: more was known there than
   * here, or something else, so this store was restored from a backup; `foreign`: of another feed.
   */
  standing(place: KeyFeedPlace): Promise<'known' | 'old' | 'ahead' | 'foreign'>;
  /** The place of that sequence, while it is known. */
  at(feed: string, sequence: number): Promise<KeyFeedPlace | undefined>;
  /** What came after; `undefined` when that place is not known. */
  changes(from: KeyFeedPlace): Promise<KeyChanges | undefined>;
  /** A new feed: agents know more than this store, so it was restored. */
  restartFeed(by: By): Promise<KeyFeedPlace>;
  /** Called after every change, also of another hub on the same store, there within 250 ms. The result ends it. */
  onChange(listener: () => void): () => void;
}
