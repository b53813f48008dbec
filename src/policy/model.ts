import type { SpokeBudget } from '../quota/spoke-contract.ts';

/**
 * The gateway's configuration as one immutable, data-plane-neutral value: what listens, what is routed where, who may pass.
 * The hub compiles it per cluster (`compile.ts`); it travels as the snapshot's parts `gateway` (public) and `gatewaySecrets`.
 * Everything that the Gateway API leaves to an order is already in that order here: a data plane takes the first match.
 */
export interface GatewayPart {
  readonly ports: readonly GatewayPort[];
  /** By id; rules of several hostnames share them. */
  readonly rules: Readonly<Record<string, CompiledRule>>;
  /** By id: `namespace/name:port` of a Backend. */
  readonly backends: Readonly<Record<string, CompiledBackend>>;
  /** By id (a content digest): equal configurations of many rules are one. */
  readonly auth: Readonly<Record<string, CompiledAuth>>;
  /** By id (a content digest). */
  readonly edge: Readonly<Record<string, CompiledEdge>>;
  /** Absent: nothing is limited. */
  readonly quota?: QuotaPart;
}

/** What RateLimitPolicies limit on this cluster (`docs/quota.md`). */
export interface QuotaPart {
  /** Of the hub's set of budgets: grows when a budget changes, whatever the cluster. */
  readonly version: number;
  /** In the order of their ids; limits name them by their place. */
  readonly budgets: readonly SpokeBudget[];
  /** By id (a content digest). */
  readonly policies: Readonly<Record<string, CompiledQuota>>;
  /** What other proxies ask by (Envoy's rate limit service): domain → key of `policies`. */
  readonly domains: Readonly<Record<string, string>>;
}

/** One effective RateLimitPolicy: all of its limits that apply to a request must admit it. */
export interface CompiledQuota {
  readonly source: readonly Source[];
  readonly limits: readonly CompiledLimit[];
}

export interface CompiledLimit {
  /** As the policy names it. */
  readonly name: string;
  readonly source: Source;
  /** CEL; not counted when one is false. */
  readonly when: readonly string[];
  /** CEL; requests with equal values share the limit. Empty: all do. A counter without a value (missing header) is the empty text. */
  readonly counters: readonly string[];
  /** Places in `QuotaPart.budgets`: every one must admit. */
  readonly rates: readonly number[];
  /** The same for callers of a plan (`auth.plan`), in the place of `rates`. */
  readonly plans: Readonly<Record<string, readonly number[]>>;
  readonly cost: LimitCost;
  /** Counted and told in metrics, but never refused. */
  readonly shadow: boolean;
  /** How long a request may wait for a grant of the hub, milliseconds; 0: not at all. */
  readonly waitMs: number;
  readonly onHubLoss: 'floor' | 'deny' | 'allow';
  /** Under which name usage of this limit is accounted; absent: not by itself. */
  readonly metric?: string;
  /** Answers say nothing of it. */
  readonly silent?: true;
}

export interface LimitCost {
  /** CEL for a whole number of hits, 0 to `most`; absent: 1. Taken when the request comes. */
  readonly request?: string;
  /** What the answer says it cost, in the place of what was taken: the difference is settled when it is known. */
  readonly answer?:
    | { readonly type: 'header'; readonly name: string }
    /** A number in a JSON body (also the last event of an event stream), such as `usage.total_tokens`. */
    | { readonly type: 'json'; readonly path: readonly string[] };
  readonly most: number;
}

/** Which object something came from, as people name it; for logs, metrics and `explain`. */
export interface Source {
  readonly kind: string;
  /** `namespace/name` */
  readonly name: string;
  readonly sectionName?: string;
}

/** One TCP port with all Listeners that share it. */
export interface GatewayPort {
  /** As the Gateway says; the agent's configuration may map it to another one. */
  readonly port: number;
  /** `https` terminates TLS; `tls` passes it through by SNI, without looking inside. */
  readonly protocol: 'http' | 'https' | 'tls';
  /** Edge of connections before a host is known: PROXY protocol, connection limits, HTTP/2 limits, header limits. */
  readonly edge: string;
  readonly listeners: readonly CompiledListener[];
}

export interface CompiledListener {
  /** `namespace/gateway/listener` */
  readonly id: string;
  readonly source: Source;
  /** Lower case without trailing dot; `*.example.com` matches one or more labels; absent: every host. */
  readonly hostname?: string;
  /** For `https`. */
  readonly tls?: CompiledListenerTls;
  /**
   * Most specific hostname first: exact ones, then wildcards by number of labels, then (absent) every host. A host that no virtual
   * host of the most specific matching listener has is 404; on `https`, a Host that another listener of the port would take by its
   * SNI is 421 (RFC 9110 §15.5.20).
   */
  readonly hosts: readonly VirtualHost[];
}

export interface CompiledListenerTls {
  /** Keys of `GatewaySecrets.certificates` or `sets`, in order of preference; the first whose names match the SNI, else the first. */
  readonly certificates: readonly string[];
  /** Client certificates: keys of `GatewaySecrets.bundles`. */
  readonly clientCa?: { readonly bundles: readonly string[]; readonly mode: 'require' | 'request' };
}

export interface VirtualHost {
  readonly hostname?: string;
  /** In the precedence of the Gateway API; the first that matches is the one. */
  readonly matches: readonly CompiledMatch[];
  /** Only for `tls`: weighted backends by SNI. */
  readonly passthrough?: readonly WeightedBackend[];
}

export interface CompiledMatch {
  /** Key of `GatewayPart.rules`. */
  readonly rule: string;
  /** `prefix` by path element: `/a` matches `/a` and `/a/b`, not `/ab`; has no trailing slash but for `/`. */
  readonly path: { readonly type: 'exact' | 'prefix' | 'regex'; readonly value: string };
  readonly method?: string;
  /** Names in lower case. All must match. Regular expressions match the whole value and are of the RE2 subset (`regex.ts`). */
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
}

export interface ValueMatch {
  readonly name: string;
  readonly type: 'exact' | 'regex';
  readonly value: string;
}

export interface CompiledRule {
  readonly id: string;
  /** HTTPRoute or GRPCRoute; `sectionName` is the rule's name or its index. */
  readonly source: Source;
  readonly filters: readonly CompiledFilter[];
  /** Empty with a redirect filter; empty without one: 500 (Gateway API: no valid backendRef). */
  readonly backends: readonly WeightedBackend[];
  /** The first whose `when` is true takes the place of `backends`; looked at after authorisation. */
  readonly callers: readonly { readonly when: string; readonly backends: readonly WeightedBackend[] }[];
  readonly timeouts: CompiledTimeouts;
  readonly retry?: CompiledRetry;
  readonly sessionPersistence?: CompiledSessionPersistence;
  /** Key of `GatewayPart.auth`; absent: anyone may pass. */
  readonly auth?: string;
  /** Key of `QuotaPart.policies`; absent: no limit. */
  readonly quota?: string;
  /** Key of `GatewayPart.edge`. */
  readonly edge: string;
}

export interface CompiledTimeouts {
  /** From the request to the end of its answer, with all tries. */
  readonly requestMs?: number;
  /** The same for each try. */
  readonly backendRequestMs?: number;
  /** Until the head of the answer, begun anew while the request's body moves. */
  readonly headMs?: number;
}

export interface WeightedBackend {
  /** Key of `GatewayPart.backends`; absent: the reference does not resolve, its share of requests gets 500. */
  readonly backend?: string;
  readonly weight: number;
  readonly filters: readonly CompiledFilter[];
}

export interface HeaderChanges {
  /** Names as written; order: remove, set, add. */
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

export type PathRewrite =
  | { readonly type: 'full'; readonly value: string }
  /** Replaces the prefix that the match had. */
  | { readonly type: 'prefix'; readonly value: string };

export type CompiledFilter =
  | { readonly type: 'requestHeaders'; readonly changes: HeaderChanges }
  | { readonly type: 'responseHeaders'; readonly changes: HeaderChanges }
  | { readonly type: 'rewrite'; readonly hostname?: string; readonly path?: PathRewrite }
  | {
      readonly type: 'redirect';
      readonly scheme?: 'http' | 'https';
      readonly hostname?: string;
      readonly port?: number;
      readonly path?: PathRewrite;
      readonly statusCode: 301 | 302 | 303 | 307 | 308;
    }
  /** A copy of the request, whose answer is dropped; `fraction` of requests, 0 to 1. */
  | { readonly type: 'mirror'; readonly backend: string; readonly fraction: number }
  | { readonly type: 'cors'; readonly cors: CompiledCors };

export interface CompiledCors {
  /** `*`, an origin, or an origin with `*` as its left-most labels (`https://*.example.com`). */
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  readonly maxAgeSeconds: number;
}

export interface CompiledRetry {
  /** Beyond the first try. */
  readonly attempts: number;
  /** HTTP status codes of the backend that are retried; connection failures always are, when the request may be sent again. */
  readonly codes: readonly number[];
  readonly backoffMs: number;
  /** Retries may be at most this share of the requests of the last `intervalMs`, but always `minPerSecond`. */
  readonly budget: {
    readonly percent: number;
    readonly intervalMs: number;
    readonly minPerSecond: number;
  };
}

export interface CompiledSessionPersistence {
  /** What sessions belong to, one for each rule: they lead nowhere under another (GEP-1619). */
  readonly scope: string;
  readonly type: 'cookie' | 'header';
  readonly name: string;
  /** `session`: a cookie without lifetime. */
  readonly lifetime: 'session' | 'permanent';
  readonly absoluteTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
}

export type BackendProtocol = 'http/1.1' | 'h2';

export interface CompiledBackend {
  readonly source: Source;
  readonly endpoints: readonly {
    /** IP address or DNS name; looked up by the agent, and refused when it is no address that backends may have (I32). */
    readonly address: string;
    readonly port: number;
    readonly weight: number;
  }[];
  /**
   * A Service of the agent's own Kubernetes cluster, `namespace/name:port`: `endpoints` is empty here, and the agent puts the ready endpoints of its
   * EndpointSlices in their place, without the hub. Of agents that know of none, the backend has no endpoint.
   */
  readonly service?: string;
  /** `h2` in plain text is prior knowledge (h2c); gRPC is `h2`. */
  readonly protocol: BackendProtocol;
  readonly tls?: {
    readonly serverName: string;
    /** Names the certificate must have one of; empty: `serverName`. */
    readonly subjectAltNames: readonly {
      readonly type: 'hostname' | 'uri';
      readonly value: string;
    }[];
    /** Keys of `GatewaySecrets.bundles`; empty: the system's roots. */
    readonly bundles: readonly string[];
    /** Key of `GatewaySecrets.certificates`: what the gateway shows to the backend. */
    readonly clientCertificate?: string;
  };
  readonly balance: 'roundRobin' | 'leastRequest' | 'random';
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly limits: {
    /** Connections per endpoint and gateway thread. */
    readonly maxConnections: number;
    /** Requests that wait for a connection; more are 503. */
    readonly maxPendingRequests: number;
  };
  /** Passive: an endpoint that fails this often in a row is left out for a while, never more than `maxEjectedPercent` of them. */
  readonly outlier: {
    readonly consecutiveFailures: number;
    readonly baseEjectionMs: number;
    readonly maxEjectedPercent: number;
  };
  /** Active: HTTP GET on `path` expecting `statuses`; absent: none. */
  readonly healthCheck?: {
    readonly path: string;
    readonly intervalMs: number;
    readonly timeoutMs: number;
    readonly fall: number;
    readonly rise: number;
    readonly statuses: readonly number[];
  };
}

/** What holds before and around routing: limits, headers, logs. Compiled from GatewayPolicies. */
export interface CompiledEdge {
  /** Set on every answer; `null` removes one of the backend's. */
  readonly responseHeaders: Readonly<Record<string, string | null>>;
  readonly limits: {
    readonly maxBodyBytes: number;
    readonly maxHeaderBytes: number;
    readonly headerTimeoutMs: number;
    readonly bodyIdleTimeoutMs: number;
    readonly keepAliveTimeoutMs: number;
    readonly maxConnections: number;
    readonly maxConcurrentStreams: number;
  };
  readonly clientAddress: {
    readonly proxyProtocol: 'off' | 'accept' | 'require';
    /** Peers whose PROXY header or `X-Forwarded-For` is believed, CIDR. */
    readonly trustedProxies: readonly string[];
  };
  /** Paths: `%2F` and `%5C`, `//`, dot segments and `;` are refused (400), or `//` and dots are resolved and the rest kept. */
  readonly path: { readonly doubtful: 'refuse' | 'keep' };
  readonly accessLog: { readonly format: 'json' | 'common' | 'off' };
  /** Refuses clients whose region's data must stay elsewhere; see `residency.ts`. */
  readonly residency?: CompiledResidency;
}

/** Clients of these places must not be served on this cluster; unknown places as `unknown` says (I5 at the gateway). */
export interface CompiledResidency {
  readonly rules: readonly {
    readonly region: string;
    /** ISO 3166-1 alpha-2: countries of the region. */
    readonly countries: readonly string[];
    readonly unknown: 'restrict' | 'allow';
    /** True when this cluster lies in the region: the rule never refuses here. */
    readonly inside: boolean;
    /** Empty: every host. */
    readonly hostnames: readonly string[];
  }[];
}

// --- authentication and authorisation

/** One effective AuthPolicy. CEL expressions are source text in the environment of `cel.ts`, checked by the hub. */
export interface CompiledAuth {
  readonly source: readonly Source[];
  /** Not protected at all when one is false. */
  readonly when: readonly string[];
  /** In order of priority; equal priorities in the order of their names. The first that finds valid credentials decides. */
  readonly authentication: readonly AuthenticationRule[];
  /** In order of priority. All run (those whose `when` is true); their results are `auth.metadata.<name>`. */
  readonly metadata: readonly MetadataRule[];
  /** All must allow. */
  readonly authorization: readonly AuthorizationRule[];
  readonly response: AuthResponse;
  readonly decisions: DecisionCaching;
  /** How long keys are honoured without word from the hub, seconds; 0: for ever. */
  readonly maxStalenessSeconds: number;
}

export type CredentialsLocation =
  /** Scheme of `Authorization`, such as `Bearer` or `APIKEY`; compared without regard to case. */
  | { readonly in: 'authorization'; readonly scheme: string }
  | { readonly in: 'header'; readonly name: string }
  | { readonly in: 'query'; readonly name: string }
  | { readonly in: 'cookie'; readonly name: string };

export interface AuthenticationRule {
  readonly name: string;
  readonly when: readonly string[];
  readonly method: AuthenticationMethod;
  /** Fields set on the identity, CEL; `defaults` only where it has none. */
  readonly defaults: Readonly<Record<string, string>>;
  readonly overrides: Readonly<Record<string, string>>;
}

export type AuthenticationMethod =
  | {
      readonly type: 'apiKey';
      readonly credentials: readonly CredentialsLocation[];
      /** Namespaces whose keys count. */
      readonly namespaces: readonly string[];
      /** The key's labels must have all of these. */
      readonly labels: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'keyPair';
      /** Both found in one request; also HTTP Basic when `basic`. */
      readonly id: CredentialsLocation;
      readonly key: CredentialsLocation;
      readonly basic: boolean;
      readonly namespaces: readonly string[];
      readonly labels: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'jwt';
      readonly credentials: readonly CredentialsLocation[];
      /** Exactly the `iss` claim. */
      readonly issuer: string;
      /** Absent: found by OpenID discovery at the issuer. */
      readonly jwksUri?: string;
      /** Key of `GatewaySecrets.values`: a JWKS of the operator's own instead. */
      readonly jwks?: string;
      /** One of them must be in `aud`; empty: not looked at. */
      readonly audiences: readonly string[];
      readonly algorithms: readonly string[];
      readonly leewaySeconds: number;
      /** Required `typ` header, such as `at+jwt`. */
      readonly tokenType?: string;
      readonly requiredClaims: readonly string[];
      /** Path of the claim with the principal's name; default `sub`. */
      readonly principalClaim: string;
      /** Paths of claims with roles and scopes (arrays, or space-separated text). */
      readonly roleClaims: readonly string[];
      readonly scopeClaims: readonly string[];
      readonly outbound: Outbound;
    }
  | {
      readonly type: 'introspection';
      readonly credentials: readonly CredentialsLocation[];
      readonly url: string;
      readonly tokenTypeHint?: string;
      readonly clientId?: string;
      /** Key of `GatewaySecrets.values`. */
      readonly clientSecret?: string;
      readonly audiences: readonly string[];
      readonly cacheSeconds: number;
      readonly outbound: Outbound;
    }
  | {
      readonly type: 'mtls';
      /** Keys of `GatewaySecrets.bundles`: the certificate must chain to one, whatever the listener asked for. */
      readonly bundles: readonly string[];
      /** Empty: any. */
      readonly subjects: readonly string[];
      readonly spiffeIds: readonly string[];
      readonly dnsNames: readonly string[];
      /** What names the principal. */
      readonly principal: 'subject' | 'commonName' | 'spiffe' | 'dns';
      /**
       * A header with the certificate (RFC 9440 `Client-Cert`, or Envoy's XFCC) believed only from trusted proxies; absent: only
       * the connection's own.
       */
      readonly header?: 'client-cert' | 'x-forwarded-client-cert';
    }
  | {
      readonly type: 'tokenReview';
      readonly credentials: readonly CredentialsLocation[];
      readonly audiences: readonly string[];
      readonly cacheSeconds: number;
      readonly kubernetes: KubernetesApi;
    }
  | { readonly type: 'anonymous' }
  /** The value of a header that only a trusted proxy may set; ignored from others. */
  | { readonly type: 'plain'; readonly header: string };

/** How an outbound call is made; the addresses are checked by the agent (I32). */
export interface Outbound {
  readonly timeoutMs: number;
  /** Keys of `GatewaySecrets.bundles`; empty: the system's roots. */
  readonly bundles: readonly string[];
}

/** Absent URL: the cluster's own (service account files); only in a cluster. */
export interface KubernetesApi {
  readonly url?: string;
  /** Key of `GatewaySecrets.values`: a bearer token. */
  readonly token?: string;
  readonly outbound: Outbound;
}

export interface MetadataRule {
  readonly name: string;
  readonly when: readonly string[];
  readonly source:
    | {
        readonly type: 'http';
        readonly method: 'GET' | 'POST';
        /** CEL that gives the URL. */
        readonly url: string;
        readonly headers: Readonly<Record<string, string>>;
        /** CEL; POST only; JSON. */
        readonly body?: string;
        readonly outbound: Outbound;
      }
    /** OpenID userinfo of the token that the jwt rule of this name accepted. */
    | {
        readonly type: 'userInfo';
        readonly identity: string;
        readonly url?: string;
        readonly outbound: Outbound;
      };
  /** Absent: not cached. `key` is CEL. */
  readonly cache?: { readonly key: string; readonly seconds: number };
  /** A failed call denies (502), or leaves the value null. */
  readonly onFailure: 'deny' | 'null';
}

export interface AuthorizationRule {
  readonly name: string;
  readonly when: readonly string[];
  readonly check:
    | { readonly type: 'cel'; readonly expressions: readonly string[] }
    | { readonly type: 'roles'; readonly anyOf: readonly string[]; readonly allOf: readonly string[] }
    | { readonly type: 'scopes'; readonly anyOf: readonly string[]; readonly allOf: readonly string[] }
    /** Allowed on 2xx (an `{"allow": false}` or OPA's `{"result": false}` in the answer denies). */
    | {
        readonly type: 'http';
        readonly url: string;
        readonly headers: Readonly<Record<string, string>>;
        /** CEL for the JSON body; absent: `{"input": {request, auth}}` as OPA takes it. */
        readonly body?: string;
        readonly cache?: { readonly key: string; readonly seconds: number };
        readonly outbound: Outbound;
      }
    | {
        readonly type: 'subjectAccessReview';
        /** CEL each. */
        readonly user: string;
        readonly groups?: string;
        readonly resource?: Readonly<
          Record<'namespace' | 'group' | 'resource' | 'name' | 'subresource' | 'verb', string>
        >;
        readonly cacheSeconds: number;
        readonly kubernetes: KubernetesApi;
      };
}

export interface AuthResponse {
  /**
   * Headers for the backend: name → CEL, set only when all of `when` are true. A client's own headers of these names are always removed.
   */
  readonly headers: readonly (readonly [name: string, cel: string, when?: readonly string[]])[];
  readonly unauthenticated: DenyResponse;
  readonly unauthorized: DenyResponse;
}

export interface DenyResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** CEL for the body's text; absent: a problem document (RFC 9457) with a stable code. */
  readonly body?: string;
  /** CEL for the URL of a login page: 302 for browsers (`Accept: text/html`), the status above for others. */
  readonly redirect?: string;
}

/** How long a decision that somebody else makes is remembered, and what holds while that one cannot be asked. */
export interface DecisionCaching {
  /**
   * `none`: ask each time. `strict`: a known yes passes while it lasts; without an answer, no. `resilient`: without an answer the
   * last decision stands, yes or no. `allow`: as resilient, and the unknown pass.
   */
  readonly mode: 'strict' | 'resilient' | 'allow' | 'none';
  readonly ttlSeconds: number;
  readonly negativeTtlSeconds: number;
}

// --- secrets

/** Part `gatewaySecrets` of the snapshot: on an agent's disk like its own private key, in no log, status or metric (I33). */
/** The chain, leaf first, and its key, PEM; `keyPem` is empty in a snapshot when the agent itself made the key. */
export interface GatewayCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Id of the key in `agentKeys`, which only the agent has. */
  readonly agentKey?: string;
}

export interface AcmeChallengeAnswers {
  /** RFC 8555 section 8.3: token → key authorization, the body of `GET /.well-known/acme-challenge/<token>` on every `http` port. */
  readonly http: Readonly<Record<string, string>>;
  /** RFC 8737: hostname → certificate to show on every `https` port to who offers exactly the protocol `acme-tls/1`. */
  readonly tlsAlpn: Readonly<Record<string, { readonly certificatePem: string; readonly keyPem: string }>>;
}

export interface GatewaySecrets {
  /** By `namespace/secret`; PEM. Only those that this cluster's listeners and backends name. */
  readonly certificates: Readonly<Record<string, GatewayCertificate>>;
  /**
   * What a listener may name in the place of a certificate: `certificatepolicy/<namespace>/<name>` → keys of `certificates` (ids of the
   * policy's certificates), none while none was issued yet.
   */
  readonly sets?: Readonly<Record<string, readonly string[]>>;
  /** Keys that the agent shall make and keep, by id; others it forgets. Absent: none. */
  readonly agentKeys?: Readonly<
    Record<string, { readonly algorithm: string; readonly names: readonly string[] }>
  >;
  /** While orders are under way; absent: none. What is missing from it is not answered any more. */
  readonly challenges?: AcmeChallengeAnswers;
  /** PEM bundles by `namespace/secret/key`. */
  readonly bundles: Readonly<Record<string, string>>;
  /** Client secrets, tokens, JWKS by `namespace/secret/key`. */
  readonly values: Readonly<Record<string, string>>;
  /** For API keys: see `src/identity/api-key.ts`. base64, 32 octets each. */
  readonly peppers?: { readonly hub: string; readonly cluster: string };
}

export const NO_GATEWAY: GatewayPart = { ports: [], rules: {}, backends: {}, auth: {}, edge: {} };
export const NO_GATEWAY_SECRETS: GatewaySecrets = { certificates: {}, bundles: {}, values: {} };
