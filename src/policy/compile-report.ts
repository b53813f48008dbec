import type { ParentReference } from '../resources/route-fields.ts';
import type { Hostname } from './hostnames.ts';
import type { Source } from './model.ts';

/** One condition of a status, without the times that the hub adds. Reasons are those of the Gateway API where it has one. */
export interface Finding {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface ListenerReport {
  readonly name: string;
  /** `namespace/gateway/listener` */
  readonly id: string;
  readonly port: number;
  readonly hostname: Hostname;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
  /** Routes attached, whatever became of their references. */
  readonly attachedRoutes: number;
  /** `Accepted`, `Conflicted` (true is bad), `ResolvedRefs`, `Programmed`; on HTTPS also `OverlappingTLSConfig` when it is so. */
  readonly findings: readonly Finding[];
  /** It is in the compiled part: an agent will open it. */
  readonly served: boolean;
}

export interface GatewayReport {
  readonly namespace: string;
  readonly name: string;
  /** `Accepted`, and `ResolvedRefs` of the Gateway's own references. */
  readonly findings: readonly Finding[];
  readonly listeners: readonly ListenerReport[];
}

/** What became of a route at one of its parents. */
export interface ParentReport {
  readonly parentRef: ParentReference;
  /** `Accepted`, `ResolvedRefs`, and `PartiallyInvalid` when some rules cannot be used. */
  readonly findings: readonly Finding[];
  /** Ids of listeners it is attached to. */
  readonly listeners: readonly string[];
  readonly hostnames: readonly Hostname[];
}

/** A rule of an effective policy, for `explain`. */
export interface EffectiveEntry {
  /** Such as `authentication.keys`, `limits.maxBodyBytes`. */
  readonly rule: string;
  readonly source: Source;
  readonly by: 'defaults' | 'overrides';
}

/** A rule of a route at the listeners where it is the same. */
export interface RuleReport {
  /** Key of `GatewayPart.rules`. */
  readonly id: string;
  /** Name, or index. */
  readonly rule: string;
  readonly listeners: readonly string[];
  readonly auth: readonly EffectiveEntry[];
  readonly edge: readonly EffectiveEntry[];
  /** `limits.<name>` each. */
  readonly quota: readonly EffectiveEntry[];
}

export interface RouteReport {
  readonly kind: 'HTTPRoute' | 'GRPCRoute';
  readonly namespace: string;
  readonly name: string;
  readonly parents: readonly ParentReport[];
  readonly rules: readonly RuleReport[];
}

export interface PolicyReport {
  readonly kind: 'AuthPolicy' | 'GatewayPolicy' | 'RateLimitPolicy' | 'BackendTLSPolicy';
  readonly namespace: string;
  readonly name: string;
  /** `Accepted` (reasons `TargetNotFound`, `Conflicted`), `Enforced` (reason `Overridden`). */
  readonly findings: readonly Finding[];
  /** `namespace/name` of the Gateways it bears on. */
  readonly ancestors: readonly string[];
}

/**
 * Everything that statuses and `explain` need, for the Gateways of one cluster. Parents that lead to Gateways elsewhere are left
 * out; those that lead nowhere are told by every cluster of the route's parent namespace.
 */
export interface GatewayReports {
  readonly gateways: readonly GatewayReport[];
  readonly routes: readonly RouteReport[];
  readonly policies: readonly PolicyReport[];
}

export function finding(type: string, status: boolean, reason: string, message: string): Finding {
  return { type, status, reason, message };
}
