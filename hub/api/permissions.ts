import type { Kind } from '../../src/resources/catalogue.ts';
import type { RoleBinding } from '../store/contract.ts';

export type Role = RoleBinding['role'];

/** What a token may be allowed to do. Anything that is not in the table is refused. */
export type Action =
  | `${Kind}.read`
  | `${Kind}.write`
  | 'cluster.token'
  | 'cluster.drain'
  | 'cluster.remove'
  | 'drill.run'
  | 'zone.dnssec'
  | 'plan'
  | 'resolve'
  | 'status.read'
  | 'audit.read'
  | 'usage.read'
  | 'token.manage'
  | 'provider.read'
  | 'provider.manage'
  | 'metrics.read'
  | 'geoip.read'
  | 'geoip.manage'
  /** A policy that holds for gateways of every namespace. */
  | 'policy.hubWide'
  | 'key.read'
  | 'key.manage'
  | 'quota.read'
  | 'quota.write'
  | 'certificate.read'
  | 'certificate.write'
  | 'source.read'
  | 'force';

const EVERYONE: readonly Role[] = ['viewer', 'operator', 'admin'];
const OPERATORS: readonly Role[] = ['operator', 'admin'];
const ADMINS: readonly Role[] = ['admin'];

/**
 * Which roles may do what, in a namespace they are bound to. Viewers look; operators run traffic (policies, drains, drills);
 * admins decide who and what is trusted (clusters, tokens, secrets) and override guards.
 */
export const PERMISSIONS: Readonly<Record<Action, readonly Role[]>> = {
  'Cluster.read': EVERYONE,
  'Cluster.write': ADMINS,
  'TrafficPolicy.read': EVERYONE,
  'TrafficPolicy.write': OPERATORS,
  'HealthCheck.read': EVERYONE,
  'HealthCheck.write': OPERATORS,
  'Zone.read': EVERYONE,
  'Zone.write': OPERATORS,
  'DNSProvider.read': EVERYONE,
  'DNSProvider.write': ADMINS,
  'Secret.read': OPERATORS,
  'Secret.write': ADMINS,
  'Drain.read': EVERYONE,
  'Drain.write': OPERATORS,
  'Drill.read': EVERYONE,
  'Drill.write': OPERATORS,
  'Gateway.read': EVERYONE,
  'Gateway.write': OPERATORS,
  'HTTPRoute.read': EVERYONE,
  'HTTPRoute.write': OPERATORS,
  'GRPCRoute.read': EVERYONE,
  'GRPCRoute.write': OPERATORS,
  'BackendTLSPolicy.read': EVERYONE,
  'BackendTLSPolicy.write': OPERATORS,
  'ReferenceGrant.read': EVERYONE,
  'ReferenceGrant.write': ADMINS,
  'Backend.read': EVERYONE,
  'Backend.write': OPERATORS,
  'AuthPolicy.read': EVERYONE,
  'AuthPolicy.write': OPERATORS,
  'GatewayPolicy.read': EVERYONE,
  'GatewayPolicy.write': OPERATORS,
  'RateLimitPolicy.read': EVERYONE,
  'RateLimitPolicy.write': OPERATORS,
  'CallerRouting.read': EVERYONE,
  'CallerRouting.write': OPERATORS,
  'Issuer.read': EVERYONE,
  'Issuer.write': ADMINS,
  'CertificatePolicy.read': EVERYONE,
  'CertificatePolicy.write': OPERATORS,
  'cluster.token': ADMINS,
  'cluster.drain': OPERATORS,
  'cluster.remove': ADMINS,
  'drill.run': OPERATORS,
  'zone.dnssec': OPERATORS,
  'provider.read': OPERATORS,
  'provider.manage': ADMINS,
  plan: EVERYONE,
  resolve: EVERYONE,
  'status.read': EVERYONE,
  'audit.read': ADMINS,
  'usage.read': EVERYONE,
  'token.manage': ADMINS,
  'metrics.read': EVERYONE,
  'geoip.read': EVERYONE,
  'geoip.manage': ADMINS,
  'policy.hubWide': ADMINS,
  'key.read': OPERATORS,
  'key.manage': OPERATORS,
  'quota.read': EVERYONE,
  'quota.write': OPERATORS,
  'certificate.read': EVERYONE,
  'certificate.write': OPERATORS,
  'source.read': EVERYONE,
  force: ADMINS,
};

/** Binding namespace that stands for every namespace, those to come included. */
export const ALL_NAMESPACES = '*';

/** True when a binding gives a role in `namespace` that may do `action`. `*` asks for a binding to every namespace. */
export function may(bindings: readonly RoleBinding[], action: Action, namespace: string): boolean {
  return bindings.some(
    (b) =>
      (b.namespace === ALL_NAMESPACES || b.namespace === namespace) && PERMISSIONS[action].includes(b.role),
  );
}

/** True when some binding, in whatever namespace, may do `action`. */
export function maySomewhere(bindings: readonly RoleBinding[], action: Action): boolean {
  return bindings.some((b) => PERMISSIONS[action].includes(b.role));
}
