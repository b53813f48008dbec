/**
 * The Kubernetes API as this product uses it: objects are JSON of unknown shape until somebody parses what they need of them (zod), so that a
 * field that an API server adds or a CRD lacks is nobody's crash. Page: https://kubernetes.io/docs/reference/using-api/api-concepts/
 */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: KubeMetadata;
  readonly [field: string]: unknown;
}

export interface KubeMetadata {
  readonly name: string;
  /** Absent: of the whole cluster. */
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly unknown[];
}

/** A collection of the API. */
export interface KubeResource {
  /** Empty: the core group. */
  readonly group: string;
  readonly version: string;
  /** Lower case, as in paths: `httproutes`. */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Names one object; `namespace` only of namespaced ones. */
export interface KubeRef {
  readonly resource: KubeResource;
  readonly namespace?: string;
  readonly name: string;
}

export interface KubeListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** It is listed to be watched: a refusal names the rule for both. */
  readonly follows?: boolean;
}

export interface ApplyOptions {
  /** Who owns the fields. */
  readonly fieldManager: string;
  /** Takes fields over from other managers; default: a conflict is KUBERNETES_CONFLICT. */
  readonly force?: boolean;
  readonly subresource?: 'status';
  readonly dryRun?: boolean;
}

/**
 * One API server. Every method rejects with PortolanError: KUBERNETES_UNAVAILABLE (no answer, 429, 5xx: try again), KUBERNETES_FORBIDDEN (401, 403: the message
 * names verb, resource and namespace, the fix the rule that is missing), KUBERNETES_CONFLICT (409), KUBERNETES_GONE (410), KUBERNETES_REFUSED (any other 4xx).
 * Writes use `fieldValidation=Strict`. Messages never hold what was sent.
 */
export interface KubeClient {
  /** `https://host:port` */
  readonly server: string;
  /** The namespace that is meant when none is given. */
  readonly namespace: string;
  /** Undefined: there is none. */
  get(ref: KubeRef, options?: { readonly signal?: AbortSignal }): Promise<KubeObject | undefined>;
  /**
   * Pages of 500; the first names the version that a watch goes on from. A list that takes so long that its version is gone rejects KUBERNETES_GONE
   * between two pages: what came so far is void, begin anew.
   */
  list(
    resource: KubeResource,
    options: KubeListOptions & { readonly signal?: AbortSignal },
  ): AsyncIterable<{ readonly items: readonly KubeObject[]; readonly resourceVersion: string }>;
  /** Ends when the server closes it (it does every few minutes) or the signal aborts; rejects KUBERNETES_GONE on 410 in the stream or as status. */
  watch(
    resource: KubeResource,
    options: KubeListOptions & {
      readonly resourceVersion: string;
      readonly signal: AbortSignal;
      /** The server has accepted it; the first event or bookmark may be a minute away. */
      readonly onOpen?: () => void;
    },
  ): AsyncIterable<KubeWatchEvent>;
  create(object: KubeObject, resource: KubeResource): Promise<KubeObject>;
  /** PUT: `metadata.resourceVersion` of the object must be the stored one. */
  replace(object: KubeObject, resource: KubeResource, subresource?: 'status'): Promise<KubeObject>;
  /** Server-side apply; only fields of the object given are owned. */
  apply(object: KubeObject, resource: KubeResource, options: ApplyOptions): Promise<KubeObject>;
  /** JSON merge patch (RFC 7386), for finalizers and annotations of objects that others own. */
  merge(ref: KubeRef, patch: unknown): Promise<KubeObject>;
  /** Nothing there is fine. */
  delete(ref: KubeRef, options?: { readonly uid?: string }): Promise<void>;
  /** Which of these the server has, asked once per group and version and remembered for a minute. */
  serves(resource: KubeResource): Promise<boolean>;
  /** GET of any path that answers JSON, such as `/version`. */
  json(path: string): Promise<unknown>;
  /** `task` is called once, when the server answers for the first time after a request of this client that it did not answer. @returns calls it off */
  whenBack?(task: () => void): () => void;
}

export interface KubeWatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  /** Of a bookmark only `metadata.resourceVersion` means something. */
  readonly object: KubeObject;
}

/**
 * Keeps a projection of a collection: list, then watch with bookmarks from there; after a break the watch resumes, after 410 it lists anew and tells only the
 * difference. Back-off with jitter, 1 s to 30 s. What `project` leaves out is not kept, so that memory goes with what is needed and not with what exists.
 */
export interface Reflector<T> {
  /** By `namespace/name` (`name` of objects of the whole cluster). Replaced, never changed in place, at most once per turn of the loop. */
  readonly items: ReadonlyMap<string, T>;
  readonly state: ReflectorState;
  start(): void;
  close(): Promise<void>;
}

export interface ReflectorState {
  /** A whole list was seen since the start; what `items` says may be old when `problem` is there. */
  readonly synced: boolean;
  /** Why it does not follow now. `absent`: the server has no such resource (a CRD is not installed): looked for again every minute. */
  readonly problem?: {
    readonly kind: 'forbidden' | 'absent' | 'unavailable';
    readonly message: string;
    readonly sinceMs: number;
  };
  readonly resourceVersion?: string;
  /** Objects that `project` threw on since the start: what was known of them stays. */
  readonly unreadable?: number;
  /** Whole lists since the start, and watches that were opened. */
  readonly lists: number;
  readonly watches: number;
}

export interface ReflectorOptions<T> extends KubeListOptions {
  readonly client: KubeClient;
  readonly resource: KubeResource;
  /** Undefined: not kept. The same reference as `before` when nothing that matters changed: then nobody is told. */
  readonly project: (object: KubeObject, before: T | undefined) => T | undefined;
  /** Once per turn of the loop, with all that changed in it; a value of undefined: it is gone. Also once after the first list, even when empty. Must not throw. */
  readonly onChange: (changed: ReadonlyMap<string, T | undefined>) => void;
  readonly onState?: (state: ReflectorState) => void;
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly random: () => number;
}

/** A `coordination.k8s.io/v1` Lease, held by this process or not. Fencing is the store's business: a lease only says who should try. */
export interface LeaseElection {
  readonly leads: boolean;
  /** `holderIdentity` of the Lease as it was last seen. */
  readonly holder: string | undefined;
  start(): void;
  /** Gives the Lease back, so that the next one need not wait for its end. */
  close(): Promise<void>;
}
