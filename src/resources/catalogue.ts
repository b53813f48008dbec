import { z } from 'zod';
import { type ClusterSpec, type ClusterStatus, clusterSpec } from './cluster.ts';
import { type DnsProviderSpec, type DnsProviderStatus, dnsProviderSpec } from './dns-provider.ts';
import { type DrainSpec, type DrainStatus, drainSpec } from './drain.ts';
import { type DrillSpec, type DrillStatus, drillSpec } from './drill.ts';
import { type HealthCheckSpec, type HealthCheckStatus, healthCheckSpec } from './health-check.ts';
import { API_VERSION, type Metadata, type MetadataInput, metadataInput } from './metadata.ts';
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
}

export type Kind = keyof KindMap;
export type SpecOf<K extends Kind> = KindMap[K]['spec'];
export type StatusOf<K extends Kind> = KindMap[K]['status'];

/** A stored object. */
export interface Resource<K extends Kind = Kind> {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: K;
  readonly metadata: Metadata;
  readonly spec: SpecOf<K>;
  /** Written by the hub only; absent until it first looked at the object. */
  readonly status?: StatusOf<K>;
}

/** A stored object of any kind, told apart by `kind`. */
export type AnyResource = { [K in Kind]: Resource<K> }[Kind];

export interface KindInfo {
  /** Path segment in the API, lower case. */
  readonly plural: string;
  /** What `kubectl`-minded people type. */
  readonly aliases: readonly string[];
  readonly spec: z.ZodType;
  readonly summary: string;
}

export const KINDS = {
  Cluster: {
    plural: 'clusters',
    aliases: ['cluster', 'cl'],
    spec: clusterSpec,
    summary: 'a cluster that an agent joins',
  },
  TrafficPolicy: {
    plural: 'trafficpolicies',
    aliases: ['trafficpolicy', 'tp', 'policy', 'policies'],
    spec: trafficPolicySpec,
    summary: 'hostnames, endpoints and how queries are routed to them',
  },
  HealthCheck: {
    plural: 'healthchecks',
    aliases: ['healthcheck', 'hc'],
    spec: healthCheckSpec,
    summary: 'how an endpoint is probed',
  },
  Zone: {
    plural: 'zones',
    aliases: ['zone'],
    spec: zoneSpec,
    summary: 'a zone served by the embedded name servers',
  },
  DNSProvider: {
    plural: 'dnsproviders',
    aliases: ['dnsprovider', 'provider', 'providers', 'dp'],
    spec: dnsProviderSpec,
    summary: 'an account at a DNS provider, and the zones there that hostnames are published into',
  },
  Secret: {
    plural: 'secrets',
    aliases: ['secret'],
    spec: secretSpec,
    summary: 'values stored encrypted and never returned',
  },
  Drain: {
    plural: 'drains',
    aliases: ['drain'],
    spec: drainSpec,
    summary: 'takes a cluster out of answers on purpose',
  },
  Drill: { plural: 'drills', aliases: ['drill'], spec: drillSpec, summary: 'a failover rehearsal' },
} as const satisfies Record<Kind, KindInfo>;

// The names under which the generated JSON Schemas and the OpenAPI document refer to them.
for (const [kind, { spec }] of Object.entries(KINDS)) z.globalRegistry.add(spec, { id: `${kind}Spec` });

export const KIND_NAMES = Object.keys(KINDS) as readonly Kind[];

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
  readonly apiVersion: typeof API_VERSION;
  readonly kind: K;
  readonly metadata: MetadataInput;
  readonly spec: SpecOf<K>;
  /** Accepted and ignored, so that what was read can be applied again. */
  readonly status?: unknown;
}

const input = <K extends Kind, S extends z.ZodType>(kind: K, spec: S) =>
  z
    .strictObject({
      apiVersion: z.literal(API_VERSION),
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
};
