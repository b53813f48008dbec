import type { Resource } from '../resources/catalogue.ts';
import type { Condition } from '../resources/metadata.ts';
import type { ParentReference } from '../resources/route-fields.ts';
import type { RegionTable } from '../routing/model.ts';
import type { GatewayPart, Source } from './model.ts';

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
  | 'CallerRouting'
  | 'Cluster'
  | 'TrafficPolicy'
  | 'Secret';

/** Stored objects by kind and `namespace/name`; all of the hub's. */
export type GatewayObjects = { readonly [K in GatewayKind]: ReadonlyMap<string, Resource<K>> };

export interface CompileContext {
  readonly regions: RegionTable;
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

export interface CompiledGateways {
  /** Empty (`NO_GATEWAY`) when the cluster has none. */
  readonly part: GatewayPart;
  readonly secretRefs: SecretRefs;
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
  /** `namespace/secret/key`. */
  readonly bundles: readonly string[];
  /** `namespace/secret/key`. */
  readonly values: readonly string[];
  /** A rule takes API keys or key pairs: peppers are needed. */
  readonly peppers: boolean;
}

/** A condition to be: the hub adds time and generation. */
export type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

export interface GatewayReports {
  /** Gateways that run on this cluster. */
  readonly gateways: readonly GatewayReport[];
  /** Routes with a parent among them; only these parents. */
  readonly routes: readonly RouteReport[];
  /** AuthPolicy, GatewayPolicy, BackendTLSPolicy, CallerRouting, Backend: those that concern this cluster. */
  readonly policies: readonly PolicyReport[];
  /** By id of the rule. */
  readonly effective: Readonly<Record<string, EffectiveRule>>;
}

export interface GatewayReport {
  /** `namespace/name`. */
  readonly gateway: string;
  /** `Accepted` and, where something is wrong with a reference, `ResolvedRefs`; not `Programmed`, which the hub knows. */
  readonly verdicts: readonly Verdict[];
  readonly listeners: readonly {
    readonly name: string;
    readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
    readonly attachedRoutes: number;
    /** `Accepted`, `Conflicted`, `ResolvedRefs`. */
    readonly verdicts: readonly Verdict[];
  }[];
}

export interface RouteReport {
  readonly kind: 'HTTPRoute' | 'GRPCRoute';
  /** `namespace/name`. */
  readonly route: string;
  readonly parents: readonly {
    readonly parentRef: ParentReference;
    /** `Accepted`, `ResolvedRefs`. */
    readonly verdicts: readonly Verdict[];
  }[];
}

export interface PolicyReport {
  readonly kind: 'AuthPolicy' | 'GatewayPolicy' | 'BackendTLSPolicy' | 'CallerRouting' | 'Backend';
  /** `namespace/name`. */
  readonly policy: string;
  /** `Accepted` (`Conflicted`, `TargetNotFound`, `Invalid`), `Enforced` (`Overridden`). */
  readonly verdicts: readonly Verdict[];
  /** Where it holds: the Gateways, or the routes it targets. */
  readonly ancestors: readonly {
    readonly kind: string;
    /** `namespace/name`. */
    readonly name: string;
    readonly sectionName?: string;
    readonly verdicts: readonly Verdict[];
  }[];
}

/** What holds for one rule, and who said so; for `portolan explain route`. */
export interface EffectiveRule {
  readonly pieces: readonly {
    /** Such as `auth.authentication.key`, `auth.response.unauthorized`, `edge.limits.maxBodyBytes`. */
    readonly path: string;
    /** Absent: the product's default. */
    readonly source?: Source;
    readonly as: 'default' | 'override' | 'product';
  }[];
  /** Policies that would hold here and were overruled. */
  readonly overruled: readonly { readonly source: Source; readonly reason: string }[];
}
