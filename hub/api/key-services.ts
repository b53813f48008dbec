import type { Actor } from '../store/contract.ts';

/** A key as people see it; never the key itself, nor a digest of it. */
export interface ApiKey {
  /** Public id, `k-…`. */
  readonly id: string;
  readonly namespace: string;
  readonly principal: string;
  readonly roles: readonly string[];
  readonly plan?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>>;
  /** The id that must come with the key, for id + key pairs. */
  readonly pairId?: string;
  readonly state: 'active' | 'rotated' | 'revoked' | 'expired';
  /** RFC 3339, as are the other times. */
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
  readonly predecessor?: string;
  readonly successor?: string;
}

/** The only answer that ever holds a key. */
export interface ApiKeyCreated extends ApiKey {
  readonly key: string;
}

/** Where a key counts. */
export interface ApiKeyDescription extends ApiKey {
  readonly clusters: readonly {
    /** `namespace/name`. */
    readonly cluster: string;
    /** `live`: its agent has the last change of this key on its disk; `away`: not connected, so it may not have it. */
    readonly state: 'live' | 'pending' | 'away';
    /** One sentence. */
    readonly detail: string;
  }[];
}

export interface ApiKeyInput {
  readonly principal: string;
  readonly roles: readonly string[];
  readonly plan?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>>;
  readonly pairId?: string | undefined;
  readonly expiresAt?: string | undefined;
}

export interface ApiKeyImport {
  /** In the order of the list. */
  readonly ids: readonly string[];
  readonly warnings: readonly string[];
}

/** What the API asks of the hub's keys. Rejects with KEY_NOT_FOUND, ALREADY_EXISTS, CONFLICT, VALIDATION_FAILED. */
export interface KeyServices {
  create(namespace: string, input: ApiKeyInput, actor: Actor): Promise<ApiKeyCreated>;
  /** Keys that people have already, at most 2,000 at once: all of them or none. */
  import(
    namespace: string,
    keys: readonly (ApiKeyInput & { readonly key: string })[],
    actor: Actor,
  ): Promise<ApiKeyImport>;
  list(filter: {
    readonly namespaces?: readonly string[];
    readonly principal?: string;
    readonly plan?: string;
    readonly state?: ApiKey['state'];
    readonly labels?: Readonly<Record<string, string>>;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly ApiKey[]>;
  /** `undefined`: there is none in this namespace. */
  describe(namespace: string, id: string): Promise<ApiKeyDescription | undefined>;
  /** A new key with all that the old one stood for; the old one works for another `overlapSeconds`. */
  rotate(
    namespace: string,
    id: string,
    options: { readonly overlapSeconds: number; readonly expiresAt?: string | undefined },
    actor: Actor,
  ): Promise<ApiKeyCreated>;
  revoke(
    namespace: string,
    id: string,
    options: { readonly reason?: string | undefined },
    actor: Actor,
  ): Promise<ApiKey>;
  /** Forgets a key that is revoked or has expired; CONFLICT for any other. As it last was. */
  delete(namespace: string, id: string, actor: Actor): Promise<ApiKey>;
}
