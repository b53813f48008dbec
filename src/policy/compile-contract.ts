import type { Resource } from '../resources/catalogue.ts';
import type { RegionTable } from '../routing/model.ts';
import type { GatewayReports } from './compile-report.ts';
import type { FoundObjects } from './found-objects.ts';
import type { GatewayPart } from './model.ts';

/** Kinds that gateways are compiled from. */
export type GatewayKind =
  | 'Gateway'
  | 'HTTPRoute'
  | 'GRPCRoute'
  | 'BackendTLSPolicy'
  | 'ReferenceGrant'
  | 'Backend'
  | 'AuthPolicy'
  | 'GatewayPolicy'
  | 'RateLimitPolicy'
  | 'CallerRouting'
  | 'CertificatePolicy'
  | 'Cluster'
  | 'TrafficPolicy'
  | 'Secret';

/** Stored objects by kind and `namespace/name`; all of the hub's. */
export type GatewayObjects = { readonly [K in GatewayKind]: ReadonlyMap<string, Resource<K>> };

export interface CompileContext {
  readonly regions: RegionTable;
  /** Of the hub's set of budgets (`QuotaPart.version`); absent: 0. */
  readonly quotaVersion?: number;
  /** What the agent of this cluster found there: used beside the hub's objects, which win over it. */
  readonly found?: FoundObjects | undefined;
  /**
   * What was compiled for this cluster last. The result is the same without it, but takes longer, and nothing in it is the same object: with it
   * every rule, backend, policy, virtual host and report that says the same is. Objects that did not change must be the same ones.
   */
  readonly before?: CompiledGateways | undefined;
}

/**
 * `compileGateways(objects, cluster, context)` of `compile.ts`: pure; `cluster` is `namespace/name`. Never throws on what is stored: what
 * cannot be used is left out and reported.
 */
export type CompileGateways = (
  objects: GatewayObjects,
  cluster: string,
  context: CompileContext,
) => CompiledGateways;

/** The same in pieces of some ten milliseconds: `compileInSteps` of `compile.ts`. */
export type CompileInSteps = (
  ...input: Parameters<CompileGateways>
) => Iterator<undefined, CompiledGateways, undefined>;

export interface CompiledGateways {
  /** Empty (`NO_GATEWAY`) when the cluster has none. */
  readonly part: GatewayPart;
  readonly secretRefs: SecretRefs;
  /** As `compile-report.ts` has them. */
  readonly reports: GatewayReports;
}

/** What the hub must put beside the part; named as the part names it. */
export interface SecretRefs {
  /** Keys of `GatewaySecrets.certificates`, `namespace/secret`: Secrets with `tls.crt` and `tls.key`. */
  readonly certificates: readonly string[];
  /**
   * Keys of `GatewaySecrets.certificates` that the hub's development CA makes: key (`internal/<hostname>`) → DNS names of the
   * certificate. A listener without hostname: `internal/*` for `localhost`.
   */
  readonly internal: Readonly<Record<string, readonly string[]>>;
  /** Keys of `GatewaySecrets.sets`: `certificatepolicy/<namespace>/<name>`. */
  readonly policies: readonly string[];
  /** `namespace/secret/key`. */
  readonly bundles: readonly string[];
  /** `namespace/secret/key`. */
  readonly values: readonly string[];
  /** A rule takes API keys or key pairs: peppers are needed. */
  readonly peppers: boolean;
}
