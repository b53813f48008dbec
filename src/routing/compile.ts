import type { FieldViolation } from '../errors/error.ts';
import { checkAddress } from '../health/address-policy.ts';
import type { Target } from '../health/types.ts';
import type { Resource } from '../resources/catalogue.ts';
import { type ClusterSpec, ownFailureDomain } from '../resources/cluster.ts';
import { type CheckSpec, checkSpec } from '../resources/health-check.ts';
import type { EndpointSpec, GeoRuleSpec, TierSpec } from '../resources/traffic-policy.ts';
import { COUNTRIES } from './countries.ts';
import type { RegionTable, RoutedEndpoint, RoutedGeoRule, RoutedPolicy, RoutedTier } from './model.ts';
import { policyViolations } from './policy-check.ts';
import { needsHost, targetOf } from './target.ts';

/** What a policy refers to. Names are those of its own namespace. */
export interface PolicyContext {
  readonly cluster: (name: string) => { readonly spec: ClusterSpec } | undefined;
  readonly healthCheck: (name: string) => { readonly spec: CheckSpec } | undefined;
  /** The operator's regions; the built-in ones are known. */
  readonly regions: RegionTable;
  /** CIDR blocks the operator permits although they are refused by default. */
  readonly allowedRanges: readonly string[];
}

/** The parts of a stored TrafficPolicy that routing reads. */
export type PolicyResource = Pick<Resource<'TrafficPolicy'>, 'spec'> & {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly generation: number };
};

export type RouteResult =
  | { readonly ok: true; readonly policy: RoutedPolicy; readonly targets: readonly Target[] }
  | { readonly ok: false; readonly violations: readonly FieldViolation[] };

/** TCP connect to port 443: what is probed when a policy says nothing. */
const DEFAULT_CHECK: CheckSpec = checkSpec.parse({ protocol: 'tcp', port: 443 });

/**
 * Resolves every reference of a policy and checks what a schema cannot. All violations are found in one go; each has the
 * path from the document's root, a code, what is wrong, and what to write instead.
 */
export function routePolicy(resource: PolicyResource, context: PolicyContext): RouteResult {
  const { spec, metadata } = resource;
  const violations: FieldViolation[] = [];
  const check = checkOf(resource, context, violations);
  const targets = new Map<string, Target>();
  const defaultHost = hostOf(spec.hostnames);
  const endpoints = spec.endpoints.map((endpoint, at) =>
    routeEndpoint(endpoint, `spec.endpoints[${at}]`, {
      namespace: metadata.namespace,
      context,
      check,
      defaultHost,
      targets,
      violations,
    }),
  );
  const policy: RoutedPolicy = {
    namespace: metadata.namespace,
    name: metadata.name,
    generation: metadata.generation,
    hostnames: [...new Set(spec.hostnames)],
    ttlSeconds: spec.ttlSeconds,
    minTtlSeconds: spec.minTtlSeconds,
    endpoints,
    geo: spec.routing.geo.map(routeRule),
    defaultTiers: routeTiers(spec.routing.default.tiers),
    nextBest: spec.routing.nextBest,
    residency: spec.residency,
    selection: spec.selection,
    panicThresholdPercent: spec.panicThresholdPercent,
    capacityFloorPercent: spec.capacityFloorPercent,
    drainRampSeconds: spec.drainRampSeconds,
  };
  violations.push(...policyViolations(policy, context, violations.length === 0));
  if (violations.length > 0) return { ok: false, violations };
  return { ok: true, policy, targets: [...targets.values()] };
}

/**
 * Hostnames of a policy that another one, in whatever namespace, already answers for. A wildcard and a name below it are two
 * names: the more specific one wins in DNS (RFC 4592).
 */
export function hostnamesConflict(
  resource: PolicyResource,
  others: Iterable<PolicyResource>,
): readonly FieldViolation[] {
  const violations: FieldViolation[] = [];
  const own = `${resource.metadata.namespace}/${resource.metadata.name}`;
  for (const other of others) {
    const holder = `${other.metadata.namespace}/${other.metadata.name}`;
    if (holder === own) continue;
    const held = new Set(other.spec.hostnames);
    resource.spec.hostnames.forEach((hostname, at) => {
      if (!held.has(hostname)) return;
      violations.push({
        path: `spec.hostnames[${at}]`,
        code: 'HOSTNAME_CLAIMED',
        message: `${hostname} is answered by TrafficPolicy ${holder}`,
        fix: `Remove ${hostname} here, or from ${holder} first.`,
      });
    });
  }
  return violations;
}

function checkOf(resource: PolicyResource, context: PolicyContext, violations: FieldViolation[]): CheckSpec {
  const { healthCheck } = resource.spec;
  if (healthCheck === undefined) return DEFAULT_CHECK;
  if ('inline' in healthCheck) return healthCheck.inline;
  const found = context.healthCheck(healthCheck.ref);
  if (found !== undefined) return found.spec;
  violations.push({
    path: 'spec.healthCheck.ref',
    code: 'REFERENCE_NOT_FOUND',
    message: `there is no HealthCheck ${resource.metadata.namespace}/${healthCheck.ref}`,
    fix: `Create the HealthCheck "${healthCheck.ref}" in namespace ${resource.metadata.namespace} first, or correct the name.`,
  });
  return DEFAULT_CHECK;
}

interface EndpointContext {
  readonly namespace: string;
  readonly context: PolicyContext;
  readonly check: CheckSpec;
  readonly defaultHost: string;
  readonly targets: Map<string, Target>;
  readonly violations: FieldViolation[];
}

function routeEndpoint(endpoint: EndpointSpec, path: string, given: EndpointContext): RoutedEndpoint {
  const { namespace, context, check, violations } = given;
  const cluster = context.cluster(endpoint.cluster)?.spec;
  const key = `${namespace}/${endpoint.cluster}`;
  if (cluster === undefined) {
    violations.push({
      path: `${path}.cluster`,
      code: 'REFERENCE_NOT_FOUND',
      message: `there is no Cluster ${key}`,
      fix: `Create the Cluster "${endpoint.cluster}" in namespace ${namespace} first, or correct the name.`,
    });
  } else if (!COUNTRIES.has(cluster.location.country)) {
    violations.push({
      path: `${path}.cluster`,
      code: 'VALIDATION_FAILED',
      message: `Cluster ${key} lies in "${cluster.location.country}", which is no ISO 3166-1 country`,
      fix: `Correct spec.location.country of Cluster ${key}.`,
    });
  }
  const addresses = endpoint.cname === undefined ? (endpoint.addresses ?? cluster?.addresses ?? []) : [];
  if (cluster !== undefined && endpoint.cname === undefined && addresses.length === 0) {
    violations.push({
      path: `${path}.addresses`,
      code: 'VALIDATION_FAILED',
      message: `endpoint "${endpoint.name}" has neither addresses nor a cname, and Cluster ${key} has no addresses`,
      fix: 'Add addresses (or a cname) to the endpoint, or addresses to the Cluster; `portolan describe cluster` says what its agent found in Kubernetes.',
    });
  }
  const source = endpoint.addresses === undefined ? `${path}.cluster` : `${path}.addresses`;
  addresses.forEach((address, at) => {
    const where = endpoint.addresses === undefined ? source : `${source}[${at}]`;
    forbid(address, where, context.allowedRanges, violations);
  });
  if (endpoint.internal !== undefined) {
    forbid(endpoint.internal.address, `${path}.internal.address`, context.allowedRanges, violations);
  }

  const port = endpoint.port ?? check.port;
  const targetFor = (address: string): string => {
    const target = targetOf(
      {
        cluster: key,
        address,
        port,
        ...(endpoint.internal === undefined
          ? {}
          : { internal: { address: endpoint.internal.address, port: endpoint.internal.port ?? port } }),
        check,
        defaultHost: needsHost(check) ? given.defaultHost : '',
      },
      cluster?.failureDomain ?? ownFailureDomain(given.namespace, endpoint.cluster),
    );
    given.targets.set(target.id, target);
    return target.id;
  };
  const location = cluster?.location;
  return {
    name: endpoint.name,
    cluster: key,
    country: location?.country ?? '',
    ...(location?.latitude === undefined ? {} : { latitude: location.latitude }),
    ...(location?.longitude === undefined ? {} : { longitude: location.longitude }),
    capacity: endpoint.capacity,
    kind: endpoint.cname === undefined ? 'addresses' : 'cname',
    addresses: [...new Set(addresses)].map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
      targetId: targetFor(address),
    })),
    ...(endpoint.cname === undefined
      ? {}
      : { cname: { name: endpoint.cname, targetId: targetFor(withoutDot(endpoint.cname)) } }),
  };
}

function forbid(
  address: string,
  path: string,
  allowedRanges: readonly string[],
  violations: FieldViolation[],
): void {
  const forbidden = checkAddress(address, allowedRanges);
  if (forbidden === undefined) return;
  violations.push({
    path,
    code: 'ADDRESS_FORBIDDEN',
    message: `${address} lies in ${forbidden.range}, which is ${forbidden.why}`,
    fix: `Use another address, or let the hub operator add ${forbidden.range} to \`network.allowedRanges\`.`,
  });
}

/** The host a check sends when it names none: the first plain hostname; below a wildcard a label is made up. */
function hostOf(hostnames: readonly string[]): string {
  const plain = hostnames.find((name) => !name.startsWith('*.'));
  return withoutDot(plain ?? (hostnames[0] ?? '').replace(/^\*/, 'health-check'));
}

function withoutDot(name: string): string {
  return name === '.' ? name : name.replace(/\.$/, '');
}

function routeRule(rule: GeoRuleSpec): RoutedGeoRule {
  const { cidrs, subdivisions, countries, regions, continents } = rule.match;
  return {
    name: rule.name,
    cidrs: cidrs ?? [],
    subdivisions: subdivisions ?? [],
    countries: countries ?? [],
    regions: regions ?? [],
    continents: continents ?? [],
    tiers: routeTiers(rule.tiers),
  };
}

function routeTiers(tiers: readonly TierSpec[]): readonly RoutedTier[] {
  return tiers.map((tier) => ({
    members: tier.members.map(({ endpoint, weight }) => ({ endpoint, weight })),
  }));
}
