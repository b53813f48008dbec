/**
 * What a program may do at an API server, as its Role or ClusterRole says it. The charts in `deploy/` are made of these lists, and a test compares them with
 * what the program really asks for. Page: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
export interface KubeRule {
  /** Empty text: the core group. */
  readonly apiGroups: readonly string[];
  /** Plural names; `pods/status` is a subresource. */
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Only these objects; never together with create, and with list and watch only of `metadata.name=…`. */
  readonly resourceNames?: readonly string[];
  /** `namespace`: only in the program's own namespace. */
  readonly scope: 'cluster' | 'namespace';
  /** What the program does with it, for whoever reviews the role. */
  readonly why: string;
}
