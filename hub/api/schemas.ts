import { z } from 'zod';
import { KIND_NAMES, KINDS, type Kind, storedVersion } from '../../src/resources/catalogue.ts';
import { objectName } from '../../src/resources/metadata.ts';
import type { GeoStatus } from '../geo/library.ts';
import type { SourceName } from '../sources/contract.ts';
import type { AuditEntry, RoleBinding, TokenRecord } from '../store/contract.ts';
import { type OnWire, recordPlan } from './dns-schemas.ts';
import type { RecordPlan } from './dns-services.ts';
import type {
  AgentStatus,
  AnswerDiff,
  ClusterActionResult,
  ClusterToken,
  DrillPlan,
  HubStatus,
  NameServerStatus,
  Readiness,
  ResolveResult,
  TargetStatus,
  ZoneDnssecActionResult,
} from './services.ts';

/** What crosses the API, for documentation and the generated client. Annotated with the types they must not drift from. */
const text = z.string();
const strings = z.array(text);
const maybe = text.exactOptional();
const named = <S extends z.ZodType>(id: string, schema: S): S => schema.meta({ id });

const condition = named(
  'Condition',
  z.object({
    type: text,
    status: z.enum(['True', 'False', 'Unknown']),
    reason: text,
    message: text,
    lastTransitionTime: text,
    observedGeneration: z.number(),
  }),
);

const metadata = named(
  'Metadata',
  z.object({
    namespace: text,
    name: text,
    uid: text,
    resourceVersion: text,
    generation: z.number(),
    creationTimestamp: text,
    deletionTimestamp: maybe,
    finalizers: strings,
    labels: z.record(text, text),
    annotations: z.record(text, text),
  }),
);

const stored = <K extends Kind>(kind: K) =>
  named(
    kind,
    z.object({
      apiVersion: z.literal(storedVersion(kind)),
      kind: z.literal(kind),
      metadata,
      spec: KINDS[kind].spec,
      // Routes of the Gateway API have conditions per parent instead.
      status: z.looseObject({ conditions: z.array(condition).exactOptional() }).exactOptional(),
    }),
  );

const storedByKind: { readonly [K in Kind]: z.ZodType } = {
  Cluster: stored('Cluster'),
  TrafficPolicy: stored('TrafficPolicy'),
  HealthCheck: stored('HealthCheck'),
  Zone: stored('Zone'),
  DNSProvider: stored('DNSProvider'),
  Secret: stored('Secret'),
  Drain: stored('Drain'),
  Drill: stored('Drill'),
  Gateway: stored('Gateway'),
  HTTPRoute: stored('HTTPRoute'),
  GRPCRoute: stored('GRPCRoute'),
  BackendTLSPolicy: stored('BackendTLSPolicy'),
  ReferenceGrant: stored('ReferenceGrant'),
  Backend: stored('Backend'),
  AuthPolicy: stored('AuthPolicy'),
  GatewayPolicy: stored('GatewayPolicy'),
  RateLimitPolicy: stored('RateLimitPolicy'),
  CallerRouting: stored('CallerRouting'),
  Issuer: stored('Issuer'),
  CertificatePolicy: stored('CertificatePolicy'),
};

/** A stored object of one kind. */
export function objectSchema(kind: Kind): z.ZodType {
  return storedByKind[kind];
}

/** A list of one kind. */
export function listSchema(kind: Kind): z.ZodType {
  return lists[kind];
}

const list = (kind: Kind): z.ZodType =>
  named(
    `${kind}List`,
    z.object({
      apiVersion: z.literal(storedVersion(kind)),
      kind: z.literal(`${kind}List`),
      metadata: z.object({ resourceVersion: text }),
      items: z.array(storedByKind[kind]),
    }),
  );

const lists: { readonly [K in Kind]: z.ZodType } = {
  Cluster: list('Cluster'),
  TrafficPolicy: list('TrafficPolicy'),
  HealthCheck: list('HealthCheck'),
  Zone: list('Zone'),
  DNSProvider: list('DNSProvider'),
  Secret: list('Secret'),
  Drain: list('Drain'),
  Drill: list('Drill'),
  Gateway: list('Gateway'),
  HTTPRoute: list('HTTPRoute'),
  GRPCRoute: list('GRPCRoute'),
  BackendTLSPolicy: list('BackendTLSPolicy'),
  ReferenceGrant: list('ReferenceGrant'),
  Backend: list('Backend'),
  AuthPolicy: list('AuthPolicy'),
  GatewayPolicy: list('GatewayPolicy'),
  RateLimitPolicy: list('RateLimitPolicy'),
  CallerRouting: list('CallerRouting'),
  Issuer: list('Issuer'),
  CertificatePolicy: list('CertificatePolicy'),
};

/** A stored object of any kind. */
const anyObject = z.union(KIND_NAMES.map((kind) => storedByKind[kind]));

const fieldViolation = named(
  'FieldViolation',
  z.object({ path: text, code: text, message: text, fix: text }),
);

export const problem = named(
  'Problem',
  z.object({
    type: text,
    code: text,
    status: z.number(),
    title: text,
    detail: text,
    fix: text,
    cause: maybe,
    violations: z.array(fieldViolation).exactOptional(),
    requestId: maybe,
  }),
);

const roleBinding: z.ZodType<RoleBinding> = named(
  'RoleBinding',
  z.strictObject({
    namespace: z.union([z.literal('*'), objectName], 'a namespace or "*"'),
    role: z.enum(['admin', 'operator', 'viewer']),
  }),
);

export const tokenInput = named(
  'TokenInput',
  z.strictObject({
    display: z.string().min(1).max(200),
    bindings: z.array(roleBinding).min(1).max(100),
    /** RFC 3339; no expiry when left out. */
    expiresAt: z.iso.datetime({ offset: true }).optional(),
  }),
);

const tokenFields = {
  id: text,
  display: text,
  bindings: z.array(roleBinding),
  createdAt: text,
  expiresAt: maybe,
  lastUsedAt: maybe,
};
const tokenRecord: z.ZodType<TokenRecord> = named('Token', z.object(tokenFields));
export const tokenCreated: z.ZodType<TokenRecord & { readonly token: string }> = named(
  'TokenCreated',
  z.object({ ...tokenFields, token: text }),
);
export const tokenList = named('TokenList', z.object({ items: z.array(tokenRecord) }));

export const whoami = named(
  'WhoAmI',
  z.object({ tokenId: text, display: text, bindings: z.array(roleBinding), expiresAt: maybe }),
);

const auditEntry: z.ZodType<AuditEntry> = named(
  'AuditEntry',
  z.object({
    sequence: z.number(),
    at: text,
    actor: text,
    actorDisplay: text,
    address: maybe,
    verb: text,
    kind: text,
    namespace: text,
    name: text,
    reason: maybe,
    payloadDigest: text,
    previousHash: text,
    hash: text,
  }),
);
export const auditPage = named(
  'AuditPage',
  z.object({ items: z.array(auditEntry), next: z.number().exactOptional() }),
);
export const auditVerification = named(
  'AuditVerification',
  z.object({ entries: z.number(), brokenAt: z.number().exactOptional() }),
);

export const usageList = named(
  'UsageList',
  z.object({
    items: z.array(
      named(
        'Usage',
        z.object({
          namespace: text,
          principal: text,
          key: maybe,
          route: text,
          metric: text,
          cluster: text,
          minute: maybe,
          amount: z.number(),
        }),
      ),
    ),
  }),
);

const targetState = z.enum(['up', 'down', 'unknown']);

export const resolveResult: z.ZodType<ResolveResult> = named(
  'ResolveResult',
  z.object({
    hostname: text,
    type: text,
    rcode: z.enum(['NOERROR', 'NXDOMAIN', 'REFUSED', 'SERVFAIL']),
    answers: z.array(z.object({ name: text, type: text, ttlSeconds: z.number(), data: text })),
    client: z.object({
      address: maybe,
      country: maybe,
      subdivision: maybe,
      continent: maybe,
      source: z.enum(['client', 'country', 'unknown']),
    }),
    namespace: maybe,
    policy: maybe,
    zone: maybe,
    explanation: strings,
    candidates: z.array(
      z.object({
        endpoint: text,
        cluster: text,
        addresses: strings,
        state: targetState,
        sharePercent: z.number(),
        reason: text,
      }),
    ),
    scopePrefixLength: z.number(),
    stableForMs: z.number(),
    sequence: z.number(),
  }),
);

const answerShare = named('AnswerShare', z.object({ endpoint: text, cluster: text, percent: z.number() }));

const answerDiff: z.ZodType<AnswerDiff> = named(
  'AnswerDiff',
  z.object({
    changes: z.array(
      z.object({
        hostname: text,
        namespace: text,
        places: strings,
        before: z.array(answerShare),
        after: z.array(answerShare),
      }),
    ),
    compared: z.object({ hostnames: z.number(), places: z.number() }),
  }),
);

const keyInput = z.strictObject({
  kind: z.enum(KIND_NAMES),
  namespace: objectName.default('default'),
  name: objectName,
});

/** Body of plan and apply: any documents, all or none. */
export const documentsInput = named(
  'Documents',
  z.strictObject({
    documents: z.array(z.unknown()).max(5000).default([]),
    /** Objects to delete in the same step. One that does not exist is no error. */
    delete: z.array(keyInput).max(5000).default([]),
  }),
);

export interface PlannedDocument {
  /** Index in `documents`, or after them in `delete`. */
  readonly index: number;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly action: 'create' | 'update' | 'delete' | 'unchanged' | 'invalid';
  /** The source that sets the object, and would overrule this change. */
  readonly managedBy?: SourceName;
  readonly fields: readonly { readonly path: string; readonly before?: unknown; readonly after?: unknown }[];
  readonly violations: readonly {
    readonly path: string;
    readonly code: string;
    readonly message: string;
    readonly fix: string;
  }[];
}

export interface Plan {
  /** True when every document could be applied as it is. */
  readonly ok: boolean;
  readonly changes: number;
  readonly documents: readonly PlannedDocument[];
  readonly answers: AnswerDiff;
  /** At DNS providers: what becomes of the hostnames, and what would be written. */
  readonly records?: OnWire<RecordPlan>;
  readonly warnings: readonly string[];
}

const plannedDocument: z.ZodType<PlannedDocument> = named(
  'PlannedDocument',
  z.object({
    index: z.number(),
    kind: text,
    namespace: text,
    name: text,
    action: z.enum(['create', 'update', 'delete', 'unchanged', 'invalid']),
    managedBy: z.enum(['git-folder', 'kubernetes']).exactOptional(),
    fields: z.array(
      z.object({ path: text, before: z.unknown().exactOptional(), after: z.unknown().exactOptional() }),
    ),
    violations: z.array(fieldViolation),
  }),
);

export const plan: z.ZodType<Plan> = named(
  'Plan',
  z.object({
    ok: z.boolean(),
    changes: z.number(),
    documents: z.array(plannedDocument),
    answers: answerDiff,
    records: recordPlan.exactOptional(),
    warnings: strings,
  }),
);

export const applied = named(
  'Applied',
  z.object({
    revision: z.number(),
    documents: z.array(plannedDocument),
    objects: z.array(anyObject),
    warnings: strings,
  }),
);

export const clusterToken: z.ZodType<ClusterToken> = named(
  'ClusterToken',
  z.object({ token: text, expiresAt: text, command: text }),
);
export const clusterAction: z.ZodType<ClusterActionResult> = named(
  'ClusterAction',
  z.object({
    cluster: text,
    state: z.enum(['draining', 'active', 'removing', 'removed']),
    message: text,
    warnings: strings,
  }),
);

export const zoneDnssecAction: z.ZodType<ZoneDnssecActionResult> = named(
  'ZoneDnssecAction',
  z.object({ zone: text, message: text }),
);

export const drillPlan: z.ZodType<DrillPlan> = named(
  'DrillPlan',
  z.object({
    guards: z.array(z.object({ name: text, ok: z.boolean(), detail: text })),
    steps: strings,
    answers: answerDiff,
  }),
);

export const readiness: z.ZodType<Readiness> = named(
  'Readiness',
  z.object({ ready: z.boolean(), role: z.literal('standby').exactOptional(), reasons: strings }),
);

const nameServer: z.ZodType<NameServerStatus> = named(
  'NameServerStatus',
  z.object({
    id: text,
    cluster: maybe,
    addresses: strings,
    sequence: z.number(),
    state: z.enum(['serving', 'behind', 'unreachable']),
    detail: text,
  }),
);
const agent: z.ZodType<AgentStatus> = named(
  'AgentStatus',
  z.object({
    uid: text,
    cluster: text,
    failureDomain: text,
    version: text,
    connected: z.boolean(),
    revoked: z.boolean(),
    lastSeenAt: maybe,
    snapshotSequence: z.number(),
  }),
);
const target: z.ZodType<TargetStatus> = named(
  'TargetStatus',
  z.object({
    id: text,
    cluster: text,
    address: text,
    port: z.number(),
    protocol: text,
    state: targetState,
    degraded: z.boolean(),
    since: text,
    reason: text,
    votes: z.array(
      z.object({
        vantage: text,
        failureDomain: text,
        verdict: z.enum(['up', 'down', 'none']),
        counted: z.boolean(),
        ageMs: z.number(),
        detail: text,
        injected: z.boolean(),
      }),
    ),
    usedBy: strings,
  }),
);

export const hubStatus: z.ZodType<HubStatus> = named(
  'HubStatus',
  z.object({
    hub: z.object({ uid: text, version: text, epoch: z.number(), startedAt: text, sequence: z.number() }),
    hubs: z
      .array(
        z.object({
          identity: text,
          role: z.enum(['leader', 'standby']),
          version: text,
          epoch: z.number(),
          api: text,
          startedAt: text,
          heardAgoMs: z.number(),
        }),
      )
      .exactOptional(),
    nameServers: z.array(nameServer),
    agents: z.array(agent),
    targets: z.array(target),
  }),
);

const geoDifference = named(
  'GeoDifference',
  z.object({
    countries: z.number(),
    moved: z.array(z.object({ country: text, movedPercent: z.number(), mostlyTo: text })),
    addressesMovedPercent: z.number(),
    added: strings,
    approvalReasons: strings,
  }),
);
const geoEntry = { sha256: text, octets: z.number(), stagedAt: text, stagedBy: text };
const geoSource = { sha256: text, source: z.enum(['base', 'update']) };

export const geoStatus: z.ZodType<GeoStatus> = named(
  'GeoStatus',
  z.object({
    active: z.object({ ...geoSource, entry: z.object(geoEntry).exactOptional() }),
    previous: z.object(geoSource).exactOptional(),
    staged: z
      .object({
        ...geoEntry,
        state: z.enum(['comparing', 'ready', 'failed']),
        difference: geoDifference.exactOptional(),
        error: maybe,
      })
      .exactOptional(),
  }),
);
