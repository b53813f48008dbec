import type { AnyResource, Kind, Resource } from '../../src/resources/catalogue.ts';
import { clusterAddresses } from '../../src/resources/cluster.ts';
import { conditionsOf } from '../../src/resources/conditions-of.ts';
import { providerTypeOf } from '../../src/resources/dns-provider.ts';
import { ageText } from './duration.ts';

/** How objects of one kind are listed. */
export interface KindTable {
  readonly headings: readonly string[];
  /** Shown after the others with `-o wide`. */
  readonly wideHeadings: readonly string[];
  readonly cells: (object: AnyResource) => readonly string[];
  readonly wideCells: (object: AnyResource) => readonly string[];
}

interface Columns<K extends Kind> {
  readonly [heading: string]: (object: Resource<K>) => string;
}

const list = (values: readonly (string | number)[], shown = 3): string =>
  values.length <= shown ? values.join(',') : `${values.slice(0, shown).join(',')} +${values.length - shown}`;

function condition(object: AnyResource, type: string): string {
  return conditionsOf(object).find((c) => c.type === type)?.status ?? 'Unknown';
}

function conditionReason(object: AnyResource, type: string): string {
  const found = conditionsOf(object).find((c) => c.type === type);
  return found === undefined || found.status === 'True' ? '' : found.message;
}

const CLUSTER: Columns<'Cluster'> = {
  COUNTRY: (c) => c.spec.location.subdivision ?? c.spec.location.country,
  READY: (c) => condition(c, 'Ready'),
  STATE: (c) =>
    c.status?.draining === undefined
      ? (c.status?.conditions.find((x) => x.type === 'Ready')?.reason ?? '')
      : 'Draining',
  AGENT: (c) => c.status?.agent?.version ?? '',
  SNAPSHOT: (c) => String(c.status?.agent?.snapshotSequence ?? ''),
};
const CLUSTER_WIDE: Columns<'Cluster'> = {
  ADDRESSES: (c) => list(clusterAddresses(c)),
  'FAILURE-DOMAIN': (c) => c.spec.failureDomain ?? c.metadata.name,
  'NAME-SERVERS': (c) => list(c.status?.agent?.nameServers ?? []),
  PEER: (c) => c.status?.agent?.peerAddress ?? '',
  KUBERNETES: (c) => c.status?.kubernetes?.version ?? '',
  NODES: (c) =>
    c.status?.kubernetes === undefined
      ? ''
      : `${c.status.kubernetes.nodes.ready}/${c.status.kubernetes.nodes.all}`,
  WHY: (c) => conditionReason(c, 'Ready'),
};

const POLICY: Columns<'TrafficPolicy'> = {
  HOSTNAMES: (p) => list(p.spec.hostnames.map(withoutDot), 2),
  UP: (p) => `${p.status?.endpoints.filter((e) => e.state === 'up').length ?? 0}/${p.spec.endpoints.length}`,
  TTL: (p) => `${p.spec.ttlSeconds}s`,
  ACCEPTED: (p) => condition(p, 'Accepted'),
  PROGRAMMED: (p) => condition(p, 'Programmed'),
};
const POLICY_WIDE: Columns<'TrafficPolicy'> = {
  RULES: (p) => list(p.spec.routing.geo.map((rule) => rule.name)),
  RESIDENCY: (p) => list(p.spec.residency.map((rule) => rule.region)),
  SELECTION: (p) => p.spec.selection.mode,
  ENDPOINTS: (p) =>
    list(
      (p.status?.endpoints ?? p.spec.endpoints.map((e) => ({ ...e, state: '?' }))).map(
        (e) => `${e.name}=${e.state}`,
      ),
      8,
    ),
  WHY: (p) => conditionReason(p, 'Accepted') || conditionReason(p, 'Programmed'),
};

const CHECK: Columns<'HealthCheck'> = {
  PROTOCOL: (h) => h.spec.protocol,
  PORT: (h) => String(h.spec.port),
  PATH: (h) => ('path' in h.spec ? h.spec.path : ''),
  INTERVAL: (h) => `${h.spec.intervalSeconds}s`,
  TIMEOUT: (h) => `${h.spec.timeoutMs}ms`,
};
const CHECK_WIDE: Columns<'HealthCheck'> = {
  FALL: (h) => String(h.spec.fall),
  RISE: (h) => String(h.spec.rise),
  CONFIRMS: (h) => h.spec.confirmDelaysMs.map((ms) => `${ms}ms`).join(','),
};

const ZONE: Columns<'Zone'> = {
  ORIGIN: (z) => withoutDot(z.spec.origin),
  RECORDS: (z) => String(z.spec.records.length),
  SERIAL: (z) => String(z.status?.serial ?? ''),
  ACCEPTED: (z) => condition(z, 'Accepted'),
  PROGRAMMED: (z) => condition(z, 'Programmed'),
};
const ZONE_WIDE: Columns<'Zone'> = {
  'NAME-SERVERS': (z) => list(z.spec.nameServers.map((s) => withoutDot(s.name))),
  TTL: (z) => `${z.spec.ttlSeconds}s`,
  WHY: (z) => conditionReason(z, 'Accepted') || conditionReason(z, 'Programmed'),
};

const SECRET: Columns<'Secret'> = {
  KEYS: (s) => String(s.status?.keys.length ?? 0),
};
const SECRET_WIDE: Columns<'Secret'> = {
  STORED: (s) => list(s.status?.keys.map((k) => `${k.key} (${k.bytes} B, ${k.digest})`) ?? [], 8),
};

const PROVIDER: Columns<'DNSProvider'> = {
  TYPE: (p) => providerTypeOf(p.spec),
  ZONES: (p) => list(p.spec.zones.map((z) => withoutDot(z.origin))),
  READY: (p) => condition(p, 'Ready'),
  NAMES: (p) => String(p.status?.zones.reduce((sum, z) => sum + z.names, 0) ?? 0),
  HELD: (p) => String(p.status?.zones.reduce((sum, z) => sum + z.held.length, 0) ?? 0),
};

const DRAIN: Columns<'Drain'> = {
  CLUSTER: (d) => d.spec.cluster,
  ACTIVE: (d) => condition(d, 'Active'),
  UNTIL: (d) => d.spec.expiresAt ?? 'undrained',
  REASON: (d) => d.spec.reason,
};

const DRILL: Columns<'Drill'> = {
  ACTION: (d) => d.spec.action,
  CLUSTER: (d) => d.spec.cluster,
  DURATION: (d) => `${d.spec.durationSeconds}s`,
  PHASE: (d) => d.status?.phase ?? 'Planned',
  STARTED: (d) => d.status?.startedAt ?? '',
};
const DRILL_WIDE: Columns<'Drill'> = {
  OUTCOME: (d) => d.status?.report?.outcome ?? d.status?.timeline.at(-1)?.message ?? '',
};

const GATEWAY: Columns<'Gateway'> = {
  LISTENERS: (g) => list(g.spec.listeners.map((l) => `${l.name}:${l.port}`)),
  ADDRESSES: (g) => list(g.status?.addresses.map((a) => a.value) ?? []),
  ACCEPTED: (g) => condition(g, 'Accepted'),
  PROGRAMMED: (g) => condition(g, 'Programmed'),
};
const GATEWAY_WIDE: Columns<'Gateway'> = {
  CLUSTERS: (g) => list(g.status?.clusters.map((c) => c.name) ?? []),
  ROUTES: (g) => String(g.status?.listeners.reduce((sum, l) => sum + l.attachedRoutes, 0) ?? 0),
};

/** Routes have a condition per parent: false when it is at any. */
function everywhere(object: AnyResource, type: string): string {
  const found = conditionsOf(object).filter((c) => c.type === type);
  return found.find((c) => c.status !== 'True')?.status ?? (found.length === 0 ? 'Unknown' : 'True');
}

const HTTP_ROUTE: Columns<'HTTPRoute'> = {
  HOSTNAMES: (r) => list(r.spec.hostnames, 2),
  PARENTS: (r) => list(r.spec.parentRefs.map((p) => p.name)),
  ACCEPTED: (r) => everywhere(r, 'Accepted'),
  RESOLVED: (r) => everywhere(r, 'ResolvedRefs'),
};
const GRPC_ROUTE: Columns<'GRPCRoute'> = {
  HOSTNAMES: (r) => list(r.spec.hostnames, 2),
  PARENTS: (r) => list(r.spec.parentRefs.map((p) => p.name)),
  ACCEPTED: (r) => everywhere(r, 'Accepted'),
  RESOLVED: (r) => everywhere(r, 'ResolvedRefs'),
};
const BACKEND_TLS: Columns<'BackendTLSPolicy'> = {
  TARGETS: (p) => list(p.spec.targetRefs.map((t) => t.name)),
  HOSTNAME: (p) => p.spec.validation.hostname,
  ACCEPTED: (p) => everywhere(p, 'Accepted'),
};
const GRANT: Columns<'ReferenceGrant'> = {
  FROM: (g) => list(g.spec.from.map((f) => `${f.kind} of ${f.namespace}`)),
  TO: (g) => list(g.spec.to.map((t) => `${t.kind}${t.name === undefined ? '' : ` ${t.name}`}`)),
};
const BACKEND: Columns<'Backend'> = {
  ENDPOINTS: (b) =>
    list(
      b.spec.endpoints.map((e) => `${e.address}:${e.port}`),
      2,
    ),
  PROTOCOL: (b) => b.spec.protocol,
};
const targets = ({
  targetRefs,
}: {
  readonly targetRefs?: readonly { readonly kind: string; readonly name: string }[] | undefined;
}): string => (targetRefs === undefined ? 'by selector' : list(targetRefs.map((t) => `${t.kind}/${t.name}`)));
const AUTH_POLICY: Columns<'AuthPolicy'> = {
  TARGETS: (p) => targets(p.spec),
  ACCEPTED: (p) => condition(p, 'Accepted'),
  ENFORCED: (p) => condition(p, 'Enforced'),
};
const GATEWAY_POLICY: Columns<'GatewayPolicy'> = {
  TARGETS: (p) => targets(p.spec),
  ACCEPTED: (p) => condition(p, 'Accepted'),
  ENFORCED: (p) => condition(p, 'Enforced'),
};
const RATE_LIMITS: Columns<'RateLimitPolicy'> = {
  TARGETS: (p) => (p.spec.domain === undefined ? targets(p.spec) : `domain ${p.spec.domain}`),
  ACCEPTED: (p) => condition(p, 'Accepted'),
  ENFORCED: (p) => condition(p, 'Enforced'),
};
const CALLERS: Columns<'CallerRouting'> = {
  RULES: (c) => String(c.spec.rules.length),
  ACCEPTED: (c) => condition(c, 'Accepted'),
};

const ISSUER: Columns<'Issuer'> = {
  TYPE: ({ spec }) => (spec.acme === undefined ? 'internal' : 'acme'),
  DIRECTORY: ({ spec }) => spec.acme?.directory ?? '',
  READY: (i) => condition(i, 'Ready'),
};
const ISSUER_WIDE: Columns<'Issuer'> = {
  ACCOUNT: ({ status }) => status?.account ?? '',
  PROFILES: ({ status }) => list(Object.keys(status?.profiles ?? {})),
  WHY: (i) => conditionReason(i, 'Ready'),
};

const CERTIFICATES: Columns<'CertificatePolicy'> = {
  ISSUERS: ({ spec }) => list(spec.issuers),
  CERTIFICATES: ({ status }) => String(status?.certificates.length ?? 0),
  READY: (p) => condition(p, 'Ready'),
};
const CERTIFICATES_WIDE: Columns<'CertificatePolicy'> = {
  NAMES: ({ spec, status }) =>
    list(status?.certificates.flatMap(({ dnsNames }) => dnsNames) ?? spec.dnsNames ?? []),
  KEYS: ({ spec }) => `${spec.key.algorithm} (${spec.key.location})`,
  EXPIRES: ({ status }) =>
    status?.certificates
      .flatMap(({ notAfter }) => notAfter ?? [])
      .sort()
      .at(0) ?? '',
  CLUSTERS: ({ status }) =>
    list(status?.clusters.map(({ name, delivered }) => (delivered ? name : `${name} (pending)`)) ?? [], 8),
  WHY: (p) => conditionReason(p, 'Ready'),
};

function withoutDot(name: string): string {
  return name.length > 1 && name.endsWith('.') ? name.slice(0, -1) : name;
}

function made<K extends Kind>(kind: K, columns: Columns<K>, wide: Columns<K> = {}): KindTable {
  const isKind = (object: AnyResource): object is AnyResource & Resource<K> => object.kind === kind;
  const cellsOf =
    (chosen: Columns<K>) =>
    (object: AnyResource): readonly string[] =>
      isKind(object) ? Object.values(chosen).map((cell) => cell(object)) : [];
  return {
    headings: Object.keys(columns),
    wideHeadings: Object.keys(wide),
    cells: cellsOf(columns),
    wideCells: cellsOf(wide),
  };
}

const TABLES: { readonly [K in Kind]: KindTable } = {
  Cluster: made('Cluster', CLUSTER, CLUSTER_WIDE),
  TrafficPolicy: made('TrafficPolicy', POLICY, POLICY_WIDE),
  HealthCheck: made('HealthCheck', CHECK, CHECK_WIDE),
  Zone: made('Zone', ZONE, ZONE_WIDE),
  DNSProvider: made('DNSProvider', PROVIDER),
  Secret: made('Secret', SECRET, SECRET_WIDE),
  Drain: made('Drain', DRAIN),
  Drill: made('Drill', DRILL, DRILL_WIDE),
  Gateway: made('Gateway', GATEWAY, GATEWAY_WIDE),
  HTTPRoute: made('HTTPRoute', HTTP_ROUTE),
  GRPCRoute: made('GRPCRoute', GRPC_ROUTE),
  BackendTLSPolicy: made('BackendTLSPolicy', BACKEND_TLS),
  ReferenceGrant: made('ReferenceGrant', GRANT),
  Backend: made('Backend', BACKEND),
  AuthPolicy: made('AuthPolicy', AUTH_POLICY),
  GatewayPolicy: made('GatewayPolicy', GATEWAY_POLICY),
  RateLimitPolicy: made('RateLimitPolicy', RATE_LIMITS),
  CallerRouting: made('CallerRouting', CALLERS),
  Issuer: made('Issuer', ISSUER, ISSUER_WIDE),
  CertificatePolicy: made('CertificatePolicy', CERTIFICATES, CERTIFICATES_WIDE),
};

export interface ListingOptions {
  readonly wide: boolean;
  /** All namespaces are listed: say which. */
  readonly namespaces: boolean;
  readonly nowMs: number;
}

export function kindHeadings(kind: Kind, options: ListingOptions): readonly string[] {
  const { headings, wideHeadings } = TABLES[kind];
  return [
    ...(options.namespaces ? ['NAMESPACE'] : []),
    'NAME',
    ...headings,
    'AGE',
    ...(options.wide ? wideHeadings : []),
  ];
}

export function kindRow(object: AnyResource, options: ListingOptions): readonly string[] {
  const { cells, wideCells } = TABLES[object.kind];
  const { namespace, name, creationTimestamp, deletionTimestamp } = object.metadata;
  return [
    ...(options.namespaces ? [namespace] : []),
    name,
    ...cells(object),
    `${ageText(creationTimestamp, options.nowMs)}${deletionTimestamp === undefined ? '' : ' (deleting)'}`,
    ...(options.wide ? wideCells(object) : []),
  ];
}
