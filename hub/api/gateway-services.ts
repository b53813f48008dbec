/** What the API asks of the part that compiles gateways. */
export interface GatewayServices {
  /** What holds for a route's rules on each cluster, and who said so. */
  explainRoute(question: RouteQuestion): Promise<readonly ExplainedRule[]>;
  /** PEM of the CA that certificates of listeners with `portolan.dev/certificate: internal` come from. */
  caCertificate(): Promise<string>;
}

/** Either a route by name, or a request as a client would send it. */
export interface RouteQuestion {
  readonly route?: { readonly namespace: string; readonly name: string };
  readonly request?: {
    readonly hostname: string;
    readonly path: string;
    readonly method: string;
    /** Names in lower case. */
    readonly headers: readonly (readonly [name: string, value: string])[];
  };
  /** Name, or `namespace/name`. */
  readonly cluster?: string;
  /** Name of a rule, or its index. */
  readonly rule?: string;
}

/** One rule as the gateways of some clusters have it. */
export interface ExplainedRule {
  /** `namespace/name`; those where it is the same. */
  readonly clusters: readonly string[];
  readonly kind: string;
  readonly namespace: string;
  /** Of the route. */
  readonly name: string;
  readonly rule: string;
  /** `namespace/gateway/listener`. */
  readonly listeners: readonly string[];
  /** `host: match`, in the order in which they are tried. */
  readonly matches: readonly string[];
  readonly filters: readonly string[];
  readonly backends: readonly string[];
  readonly timeouts: string;
  readonly auth: readonly ExplainedPiece[];
  readonly edge: readonly ExplainedPiece[];
  /** Limits that all must admit. */
  readonly limits: readonly ExplainedPiece[];
}

export interface ExplainedPiece {
  /** Such as `authentication.keys`, `limits.per-customer`. */
  readonly piece: string;
  /** JSON, shortened; of a limit in words. */
  readonly value: string;
  /** `AuthPolicy default/keys`; absent: the product's default. */
  readonly source?: string;
  readonly by: 'defaults' | 'overrides' | 'product';
}
