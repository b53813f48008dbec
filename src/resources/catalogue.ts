import { z } from 'zod';
import { type AuthPolicySpec, type AuthPolicyStatus, authPolicySpec } from './auth-policy.ts';
import { type BackendSpec, type BackendStatus, backendSpec } from './backend.ts';
import {
  type BackendTlsPolicySpec,
  type BackendTlsPolicyStatus,
  backendTlsPolicySpec,
} from './backend-tls-policy.ts';
import { type CallerRoutingSpec, type CallerRoutingStatus, callerRoutingSpec } from './caller-routing.ts';
import {
  type CertificatePolicySpec,
  type CertificatePolicyStatus,
  certificatePolicySpec,
} from './certificate-policy.ts';
import { type ClusterSpec, type ClusterStatus, clusterSpec } from './cluster.ts';
import { type DnsProviderSpec, type DnsProviderStatus, dnsProviderSpec } from './dns-provider.ts';
import { type DrainSpec, type DrainStatus, drainSpec } from './drain.ts';
import { type DrillSpec, type DrillStatus, drillSpec } from './drill.ts';
import { type GatewaySpec, type GatewayStatus, gatewaySpec } from './gateway.ts';
import { type GatewayPolicySpec, type GatewayPolicyStatus, gatewayPolicySpec } from './gateway-policy.ts';
import { type GrpcRouteSpec, type GrpcRouteStatus, grpcRouteSpec } from './grpc-route.ts';
import { type HealthCheckSpec, type HealthCheckStatus, healthCheckSpec } from './health-check.ts';
import { type HttpRouteSpec, type HttpRouteStatus, httpRouteSpec } from './http-route.ts';
import { type IssuerSpec, type IssuerStatus, issuerSpec } from './issuer.ts';
import { API_VERSION, type Metadata, type MetadataInput, metadataInput } from './metadata.ts';
import {
  type RateLimitPolicySpec,
  type RateLimitPolicyStatus,
  rateLimitPolicySpec,
} from './rate-limit-policy.ts';
import { type ReferenceGrantSpec, type ReferenceGrantStatus, referenceGrantSpec } from './reference-grant.ts';
import { GATEWAY_API_VERSION } from './route-fields.ts';
import { type SecretSpec, type SecretStatus, secretSpec } from './secret.ts';
import { type TrafficPolicySpec, type TrafficPolicyStatus, trafficPolicySpec } from './traffic-policy.ts';
import { type ZoneSpec, type ZoneStatus, zoneSpec } from './zone.ts';

/** Spec and status of every kind. */
export interface KindMap {
  Cluster: { spec: ClusterSpec; status: ClusterStatus };
  TrafficPolicy: { spec: TrafficPolicySpec; status: TrafficPolicyStatus };
  HealthCheck: { spec: HealthCheckSpec; status: HealthCheckStatus };
  Zone: { spec: ZoneSpec; status: ZoneStatus };
  DNSProvider: { spec: DnsProviderSpec; status: DnsProviderStatus };
  Secret: { spec: SecretSpec; status: SecretStatus };
  Drain: { spec: DrainSpec; status: DrainStatus };
  Drill: { spec: DrillSpec; status: DrillStatus };
  Gateway: { spec: GatewaySpec; status: GatewayStatus };
  HTTPRoute: { spec: HttpRouteSpec; status: HttpRouteStatus };
  GRPCRoute: { spec: GrpcRouteSpec; status: GrpcRouteStatus };
  BackendTLSPolicy: { spec: BackendTlsPolicySpec; status: BackendTlsPolicyStatus };
  ReferenceGrant: { spec: ReferenceGrantSpec; status: ReferenceGrantStatus };
  Backend: { spec: BackendSpec; status: BackendStatus };
  AuthPolicy: { spec: AuthPolicySpec; status: AuthPolicyStatus };
  GatewayPolicy: { spec: GatewayPolicySpec; status: GatewayPolicyStatus };
  RateLimitPolicy: { spec: RateLimitPolicySpec; status: RateLimitPolicyStatus };
  CallerRouting: { spec: CallerRoutingSpec; status: CallerRoutingStatus };
  Issuer: { spec: IssuerSpec; status: IssuerStatus };
  CertificatePolicy: { spec: CertificatePolicySpec; status: CertificatePolicyStatus };
}

export type Kind = keyof KindMap;
export type SpecOf<K extends Kind> = KindMap[K]['spec'];
export type StatusOf<K extends Kind> = KindMap[K]['status'];

/** Versions that documents may name; which of them depends on the kind (`KINDS`). */
export type ApiVersion =
  | typeof API_VERSION
  | typeof GATEWAY_API_VERSION
  | 'gateway.networking.k8s.io/v1beta1';

/** A stored object. */
export interface Resource<K extends Kind = Kind> {
  /** The first of the kind's. */
  readonly apiVersion: ApiVersion;
  readonly kind: K;
  readonly metadata: Metadata;
  readonly spec: SpecOf<K>;
  /** Written by the hub only; absent until it first looked at the object. */
  readonly status?: StatusOf<K>;
}

/** A stored object of any kind, told apart by `kind`. */
export type AnyResource = { [K in Kind]: Resource<K> }[Kind];

export interface KindInfo {
  /** What a document may say; the first is what is stored. */
  readonly apiVersions: readonly [ApiVersion, ...ApiVersion[]];
  /** Path segment in the API, lower case. */
  readonly plural: string;
  /** What `kubectl`-minded people type. */
  readonly aliases: readonly string[];
  readonly spec: z.ZodType;
  readonly summary: string;
}

const OURS = [API_VERSION] as const;
const GATEWAY_API = [GATEWAY_API_VERSION] as const;

export const KINDS = {
  Cluster: {
    apiVersions: OURS,
    plural: 'clusters',
    aliases: ['cluster', 'cl'],
    spec: clusterSpec,
    summary: 'a cluster that an agent joins',
  },
  TrafficPolicy: {
    apiVersions: OURS,
    plural: 'trafficpolicies',
    aliases: ['trafficpolicy', 'tp', 'policy', 'policies'],
    spec: trafficPolicySpec,
    summary: 'hostnames, endpoints and how queries are routed to them',
  },
  HealthCheck: {
    apiVersions: OURS,
    plural: 'healthchecks',
    aliases: ['healthcheck', 'hc'],
    spec: healthCheckSpec,
    summary: 'how an endpoint is probed',
  },
  Zone: {
    apiVersions: OURS,
    plural: 'zones',
    aliases: ['zone'],
    spec: zoneSpec,
    summary: 'a zone served by the embedded name servers',
  },
  DNSProvider: {
    apiVersions: OURS,
    plural: 'dnsproviders',
    aliases: ['dnsprovider', 'provider', 'providers', 'dp'],
    spec: dnsProviderSpec,
    summary: 'an account at a DNS provider, and the zones there that hostnames are published into',
  },
  Secret: {
    apiVersions: OURS,
    plural: 'secrets',
    aliases: ['secret'],
    spec: secretSpec,
    summary: 'values stored encrypted and never returned',
  },
  Drain: {
    apiVersions: OURS,
    plural: 'drains',
    aliases: ['drain'],
    spec: drainSpec,
    summary: 'takes a cluster out of answers on purpose',
  },
  Drill: {
    apiVersions: OURS,
    plural: 'drills',
    aliases: ['drill'],
    spec: drillSpec,
    summary: 'a failover rehearsal',
  },
  Gateway: {
    apiVersions: GATEWAY_API,
    plural: 'gateways',
    aliases: ['gateway', 'gw', 'gtw'],
    spec: gatewaySpec,
    summary: 'listeners that the agents of its clusters serve',
  },
  HTTPRoute: {
    apiVersions: GATEWAY_API,
    plural: 'httproutes',
    aliases: ['httproute', 'route', 'routes'],
    spec: httpRouteSpec,
    summary: 'which HTTP requests of a Gateway go to which backends',
  },
  GRPCRoute: {
    apiVersions: GATEWAY_API,
    plural: 'grpcroutes',
    aliases: ['grpcroute'],
    spec: grpcRouteSpec,
    summary: 'which gRPC calls of a Gateway go to which backends',
  },
  BackendTLSPolicy: {
    apiVersions: GATEWAY_API,
    plural: 'backendtlspolicies',
    aliases: ['backendtlspolicy', 'btlspolicy'],
    spec: backendTlsPolicySpec,
    summary: 'how gateways use TLS towards a backend',
  },
  ReferenceGrant: {
    apiVersions: [GATEWAY_API_VERSION, 'gateway.networking.k8s.io/v1beta1'],
    plural: 'referencegrants',
    aliases: ['referencegrant', 'refgrant'],
    spec: referenceGrantSpec,
    summary: 'what other namespaces may refer to in this one',
  },
  Backend: {
    apiVersions: OURS,
    plural: 'backends',
    aliases: ['backend', 'be'],
    spec: backendSpec,
    summary: 'the endpoints behind a Service, and how gateways connect to them',
  },
  AuthPolicy: {
    apiVersions: OURS,
    plural: 'authpolicies',
    aliases: ['authpolicy', 'ap'],
    spec: authPolicySpec,
    summary: 'who may call a Gateway, a route or a rule',
  },
  GatewayPolicy: {
    apiVersions: OURS,
    plural: 'gatewaypolicies',
    aliases: ['gatewaypolicy', 'gwp'],
    spec: gatewayPolicySpec,
    summary: 'limits, security headers, client addresses and logs of gateways',
  },
  RateLimitPolicy: {
    apiVersions: OURS,
    plural: 'ratelimitpolicies',
    aliases: ['ratelimitpolicy', 'rlp', 'ratelimit', 'ratelimits'],
    spec: rateLimitPolicySpec,
    summary: 'how many requests callers may make, over all clusters together',
  },
  CallerRouting: {
    apiVersions: OURS,
    plural: 'callerroutings',
    aliases: ['callerrouting', 'cr'],
    spec: callerRoutingSpec,
    summary: 'other backends for some callers of a rule',
  },
  Issuer: {
    apiVersions: OURS,
    plural: 'issuers',
    aliases: ['issuer'],
    spec: issuerSpec,
    summary: 'a certificate authority, and the account there',
  },
  CertificatePolicy: {
    apiVersions: OURS,
    plural: 'certificatepolicies',
    aliases: ['certificatepolicy', 'certpolicy', 'cp'],
    spec: certificatePolicySpec,
    summary: 'names that clusters get certificates for, and from whom',
  },
} as const satisfies Record<Kind, KindInfo>;

// The names under which the generated JSON Schemas and the OpenAPI document refer to them.
for (const [kind, { spec }] of Object.entries(KINDS)) z.globalRegistry.add(spec, { id: `${kind}Spec` });

export const KIND_NAMES = Object.keys(KINDS) as readonly Kind[];

/** The apiVersion of stored objects of a kind. */
export function storedVersion(kind: Kind): ApiVersion {
  return KINDS[kind].apiVersions[0];
}

export function isKind(text: string): text is Kind {
  return Object.hasOwn(KINDS, text);
}

/** Finds a kind by its name, plural or alias, in any case. */
export function kindNamed(text: string): Kind | undefined {
  const wanted = text.toLowerCase();
  return KIND_NAMES.find((kind) => {
    const info: KindInfo = KINDS[kind];
    return kind.toLowerCase() === wanted || info.plural === wanted || info.aliases.includes(wanted);
  });
}

/** What a person may write: defaults are applied on parse. */
export interface ResourceInput<K extends Kind = Kind> {
  readonly apiVersion: ApiVersion;
  readonly kind: K;
  readonly metadata: MetadataInput;
  readonly spec: SpecOf<K>;
  /** Accepted and ignored, so that what was read can be applied again. */
  readonly status?: unknown;
}

const input = <K extends Kind, S extends z.ZodType>(kind: K, spec: S) =>
  z
    .strictObject({
      apiVersion: z.literal(KINDS[kind].apiVersions),
      kind: z.literal(kind),
      metadata: metadataInput,
      spec,
      status: z.unknown().optional(),
    })
    .meta({ id: `${kind}Input` });

/** The schema of what a person may write, by kind. */
export const INPUT_SCHEMAS: { readonly [K in Kind]: z.ZodType<ResourceInput<K>> } = {
  Cluster: input('Cluster', clusterSpec),
  TrafficPolicy: input('TrafficPolicy', trafficPolicySpec),
  HealthCheck: input('HealthCheck', healthCheckSpec),
  Zone: input('Zone', zoneSpec),
  DNSProvider: input('DNSProvider', dnsProviderSpec),
  Secret: input('Secret', secretSpec),
  Drain: input('Drain', drainSpec),
  Drill: input('Drill', drillSpec),
  Gateway: input('Gateway', gatewaySpec),
  HTTPRoute: input('HTTPRoute', httpRouteSpec),
  GRPCRoute: input('GRPCRoute', grpcRouteSpec),
  BackendTLSPolicy: input('BackendTLSPolicy', backendTlsPolicySpec),
  ReferenceGrant: input('ReferenceGrant', referenceGrantSpec),
  Backend: input('Backend', backendSpec),
  AuthPolicy: input('AuthPolicy', authPolicySpec),
  GatewayPolicy: input('GatewayPolicy', gatewayPolicySpec),
  RateLimitPolicy: input('RateLimitPolicy', rateLimitPolicySpec),
  CallerRouting: input('CallerRouting', callerRoutingSpec),
  Issuer: input('Issuer', issuerSpec),
  CertificatePolicy: input('CertificatePolicy', certificatePolicySpec),
};
