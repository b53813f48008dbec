import { setTimeout as sleepFor } from 'node:timers/promises';
import createOpenApiClient, { type Client as OpenApiClient } from 'openapi-fetch';
import { PortolanError } from '../errors/error.ts';
import type { InventoryKind } from '../inventory/contract.ts';
import { type AnyResource, KINDS, type Kind, type Resource, storedVersion } from '../resources/catalogue.ts';
import type { components, operations, paths } from './generated/api.d.ts';
import { errorOfResponse, unreachable } from './problem.ts';
import { isResource, isResourceOf } from './stored.ts';
import { type WatchedChange, type WatchOptions, watchChanges } from './watch.ts';

type Schemas = components['schemas'];
export type AdoptPreview = Schemas['AdoptPreview'];
export type ApiKey = Schemas['ApiKey'];
export type ApiKeyCreated = Schemas['ApiKeyCreated'];
export type ApiKeyDescription = Schemas['ApiKeyDescription'];
export type ApiKeyImport = Schemas['ApiKeyImport'];
export type ApiKeyInput = Schemas['ApiKeyInput'];
export type AnswerDiff = Schemas['AnswerDiff'];
export type AuditEntry = Schemas['AuditEntry'];
export type ClusterAction = Schemas['ClusterAction'];
export type Certificate = Schemas['Certificate'];
export type CertificateDetail = Schemas['CertificateDetail'];
export type CertificateHistory = Schemas['CertificateHistory'];
export type CertificateRenewal = Schemas['CertificateRenewal'];
export type CertificateTrial = Schemas['CertificateTrial'];
export type ClusterToken = Schemas['ClusterToken'];
export type ClusterInventory = Schemas['ClusterInventory'];
export type CompileReport = Schemas['CompileReport'];
export type DrillPlan = Schemas['DrillPlan'];
export type DrillPlanInput = Schemas['DrillPlanInput'];
export type ExplainedRule = Schemas['ExplainedRule'];
export type GeoStatus = Schemas['GeoStatus'];
export type HubStatus = Schemas['HubStatus'];
export type Plan = Schemas['Plan'];
export type PlannedDocument = Schemas['PlannedDocument'];
export type ProviderCheck = Schemas['ProviderCheck'];
export type ProviderZone = Schemas['ProviderZone'];
export type ProviderZoneContent = Schemas['ProviderZoneContent'];
export type ProviderZoneState = Schemas['ProviderZoneState'];
export type QuotaExplanation = Schemas['QuotaExplanation'];
export type QuotaLimit = Schemas['QuotaLimit'];
export type QuotaList = Schemas['QuotaList'];
export type Readiness = Schemas['Readiness'];
export type RecordPlan = Schemas['RecordPlan'];
export type ResolveResult = Schemas['ResolveResult'];
export type RoleBinding = Schemas['RoleBinding'];
export type Token = Schemas['Token'];
export type TokenCreated = Schemas['TokenCreated'];
export type ZoneDnssecAction = Schemas['ZoneDnssecAction'];
export type WhoAmI = Schemas['WhoAmI'];
export type { WatchedChange, WatchOptions };

export interface ClientOptions {
  /** `http://127.0.0.1:7460` */
  readonly server: string;
  /** `ptk1.…`; without it only public paths answer. */
  readonly token?: string;
  readonly fetch?: typeof globalThis.fetch;
  /** Warnings that came with a successful write. */
  readonly onWarning?: (text: string) => void;
  /** Milliseconds a request may take, watches apart. */
  readonly timeoutMs?: number;
  /** For the pause before a watch is opened again. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

export type SourceStatus = Schemas['SourceStatus'];
export type HeldChange = Schemas['HeldChange'];

export interface WriteOptions {
  readonly dryRun?: boolean;
  /** Overrides LAST_CAPACITY and CHANGE_BUDGET_EXCEEDED; needs `reason` and the admin role. */
  readonly force?: boolean;
  /** Takes an object from the source that sets it; needs `reason` and the admin role. Of writes to objects only. */
  readonly takeOver?: boolean;
  readonly reason?: string;
}

export interface Documents {
  /** As they stand in the file: the hub validates them. */
  readonly documents?: readonly unknown[];
  readonly delete?: readonly (ObjectName & { readonly kind: Kind })[];
}

export interface Applied {
  readonly revision: number;
  readonly documents: readonly PlannedDocument[];
  readonly objects: readonly AnyResource[];
  readonly warnings: readonly string[];
}

/** Names are those of `GET /v1/usage`; times are RFC 3339. */
export interface UsageQuery {
  readonly namespace?: string;
  readonly principal?: string;
  readonly key?: string;
  readonly route?: string;
  readonly metric?: string;
  readonly cluster?: string;
  readonly from?: string;
  readonly to?: string;
  readonly by: 'minute' | 'total';
  readonly limit: number;
}

export interface ObjectList<K extends Kind> {
  readonly items: readonly Resource<K>[];
  /** Watch from here to miss nothing. */
  readonly revision: number;
}

/**
 * The hub's API. Every method rejects with the PortolanError that the hub answered, or HUB_UNREACHABLE when it did not.
 */
export interface Client {
  readonly server: string;
  /** Every path with its generated types, for what has no method here. Rejects like the methods. */
  readonly raw: OpenApiClient<paths>;

  /** All namespaces when none is given. */
  list<K extends Kind>(kind: K, namespace?: string): Promise<ObjectList<K>>;
  /** `undefined` when there is none. */
  get<K extends Kind>(kind: K, object: ObjectName): Promise<Resource<K> | undefined>;
  create(kind: Kind, object: ObjectName, document: unknown, options?: WriteOptions): Promise<AnyResource>;
  /** Conditional when the document has metadata.resourceVersion. */
  replace(kind: Kind, object: ObjectName, document: unknown, options?: WriteOptions): Promise<AnyResource>;
  /** The object as it last was; with a deletionTimestamp while finalizers remain. */
  delete(
    kind: Kind,
    object: ObjectName,
    options?: WriteOptions & { readonly resourceVersion?: string },
  ): Promise<AnyResource>;
  /** One kind, or every kind the token may see; one namespace or all. */
  watch(
    scope: { readonly kind?: Kind; readonly namespace?: string },
    options: WatchOptions,
  ): AsyncIterable<WatchedChange>;

  plan(documents: Documents): Promise<Plan>;
  /** All of the documents or none. */
  apply(documents: Documents, options?: WriteOptions): Promise<Applied>;

  resolve(question: {
    readonly hostname: string;
    readonly type?: string;
    readonly client?: string;
    readonly from?: string;
  }): Promise<ResolveResult>;

  clusterToken(cluster: ObjectName, ttlSeconds?: number): Promise<ClusterToken>;
  /** What the agent of a cluster found in Kubernetes. @param kind only objects of it */
  clusterInventory(cluster: ObjectName, kind?: string): Promise<ClusterInventory>;
  drain(
    cluster: ObjectName,
    options?: WriteOptions & { readonly expiresAt?: string },
  ): Promise<ClusterAction>;
  undrain(cluster: ObjectName, options?: WriteOptions): Promise<ClusterAction>;
  removeCluster(cluster: ObjectName, options?: WriteOptions): Promise<ClusterAction>;

  /** Begins to replace a key of a signed zone. */
  rollZoneKey(zone: ObjectName, role: 'ksk' | 'zsk', options?: WriteOptions): Promise<ZoneDnssecAction>;
  /** A person has seen the DS at the parent; of a zone that is being unsigned, that it is gone. */
  confirmZoneDs(zone: ObjectName, options?: WriteOptions): Promise<ZoneDnssecAction>;
  /** Goes on without name servers that were waited for over seven days; has to be forced. */
  continueZoneRoll(zone: ObjectName, options?: WriteOptions): Promise<ZoneDnssecAction>;

  /** Tries credentials, permissions and zones of a DNSProvider; what fails is a finding. */
  checkProvider(provider: ObjectName): Promise<ProviderCheck>;
  /** Zones that the account sees. */
  providerZones(provider: ObjectName): Promise<readonly ProviderZone[]>;
  /** What is in a zone of it now. */
  providerZone(provider: ObjectName, zone: string): Promise<ProviderZoneContent>;
  /** How each of its zones stands. */
  providerStates(provider: ObjectName): Promise<readonly ProviderZoneState[]>;
  /** Lets the plan with this hash through, once. */
  approvePlan(
    provider: ObjectName,
    approval: { readonly zone: string; readonly plan: string },
    options?: WriteOptions,
  ): Promise<ProviderZoneState>;
  /** Brings back what a generation had, and holds it. */
  rollbackZone(
    provider: ObjectName,
    to: { readonly zone: string; readonly generation: number },
    options?: WriteOptions,
  ): Promise<ProviderZoneState>;
  /** Ends that hold. */
  resumeZone(provider: ObjectName, zone: string, options?: WriteOptions): Promise<ProviderZoneState>;
  /** Takes over what stands at a hostname; with `dryRun` only shows it. */
  adopt(
    namespace: string,
    request: {
      readonly hostname: string;
      readonly provider?: string;
      readonly digests?: Readonly<Record<string, string>>;
    },
    options?: WriteOptions,
  ): Promise<readonly AdoptPreview[]>;
  /** What becomes of each hostname of a policy at each DNS provider. */
  compileReports(policy: ObjectName): Promise<readonly CompileReport[]>;
  /** What becomes of the origin of a Zone where it is delegated. */
  zoneCompileReports(zone: ObjectName): Promise<readonly CompileReport[]>;

  planDrill(namespace: string, spec: DrillPlanInput['spec']): Promise<DrillPlan>;
  startDrill(drill: ObjectName, options?: Omit<WriteOptions, 'force'>): Promise<Resource<'Drill'>>;
  abortDrill(drill: ObjectName, options?: Omit<WriteOptions, 'force'>): Promise<Resource<'Drill'>>;

  /** What holds for the rules of a route, or for a request, on each cluster, and which object says so. */
  explainRoute(
    question: NonNullable<operations['explainRoute']['parameters']['query']>,
  ): Promise<readonly ExplainedRule[]>;
  /** PEM of the CA behind `portolan.dev/certificate: internal`. */
  gatewayCa(): Promise<string>;

  geoStatus(): Promise<GeoStatus>;
  /** Sends an .mmdb file with its publisher's checksum (hex) or Ed25519 signature (base64). */
  stageGeo(
    file: Uint8Array,
    proof: { readonly sha256?: string; readonly signature?: string },
  ): Promise<GeoStatus>;
  activateGeo(
    sha256: string,
    approval?: { readonly approve?: boolean; readonly reason?: string },
  ): Promise<GeoStatus>;
  rollbackGeo(reason?: string): Promise<GeoStatus>;

  status(): Promise<HubStatus>;
  /** Also when it is not ready. */
  ready(): Promise<Readiness>;
  whoAmI(): Promise<WhoAmI>;
  /** A page of audit entries; `next` is the `after` of the following one. */
  audit(options?: {
    readonly namespace?: string;
    readonly after?: number;
    readonly limit?: number;
  }): Promise<Schemas['AuditPage']>;
  /** Hits that gateways let pass, by account. */
  usage(query: UsageQuery): Promise<readonly Schemas['Usage'][]>;
  verifyAudit(): Promise<Schemas['AuditVerification']>;
  createToken(token: {
    readonly display: string;
    readonly bindings: readonly RoleBinding[];
    readonly expiresAt?: string;
  }): Promise<TokenCreated>;
  createKey(namespace: string, key: ApiKeyInput): Promise<ApiKeyCreated>;
  /** All of them or none; at most 2,000. */
  importKeys(
    namespace: string,
    keys: readonly (ApiKeyInput & { readonly key: string })[],
  ): Promise<ApiKeyImport>;
  listKeys(
    query: NonNullable<operations['listKeys']['parameters']['query']>,
  ): Promise<{ readonly items: readonly ApiKey[]; readonly next?: string }>;
  describeKey(namespace: string, id: string): Promise<ApiKeyDescription>;
  rotateKey(
    namespace: string,
    id: string,
    options: { readonly overlapSeconds?: number; readonly expiresAt?: string },
  ): Promise<ApiKeyCreated>;
  revokeKey(namespace: string, id: string, reason?: string): Promise<ApiKey>;
  /** Forgets a key that is revoked or has expired. */
  deleteKey(namespace: string, id: string): Promise<ApiKey>;
  /** Limits of a namespace as the hub's ledger has them now. */
  quota(
    namespace: string,
    query?: NonNullable<operations['listQuota']['parameters']['query']>,
  ): Promise<QuotaList>;
  explainQuota(
    namespace: string,
    question: { readonly limit: string; readonly key?: string },
  ): Promise<QuotaExplanation>;
  /** Another limit for one key, for so long. */
  setQuota(namespace: string, override: Schemas['QuotaOverride']): Promise<QuotaLimit>;
  unsetQuota(
    namespace: string,
    which: { readonly limit: string; readonly key?: string },
  ): Promise<QuotaLimit>;
  resetQuota(namespace: string, which: Schemas['QuotaReset']): Promise<Schemas['QuotaResetResult']>;
  listCertificates(
    query: NonNullable<operations['listCertificates']['parameters']['query']>,
  ): Promise<readonly Certificate[]>;
  describeCertificate(namespace: string, id: string): Promise<CertificateDetail>;
  /** Newest first. */
  certificateHistory(namespace: string, id: string): Promise<CertificateHistory>;
  /** PEM, leaf first. */
  certificateChain(namespace: string, id: string): Promise<string>;
  /** Another one, now. */
  renewCertificate(
    namespace: string,
    id: string,
    request: {
      readonly dryRun?: boolean;
      readonly force?: boolean;
      readonly reason?: string;
    },
  ): Promise<CertificateRenewal>;
  revokeCertificate(
    namespace: string,
    id: string,
    request: {
      readonly reason: NonNullable<Schemas['CertificateDetail']['revocation']>['reason'];
      readonly dryRun?: boolean;
      readonly force?: boolean;
    },
  ): Promise<CertificateRenewal>;
  /** Begins a trial at the Issuer's staging directory, or finds the one under way. */
  tryCertificatePolicy(
    namespace: string,
    name: string,
    request: { readonly issuer?: string },
  ): Promise<CertificateTrial>;
  certificateTrial(namespace: string, name: string): Promise<CertificateTrial>;
  /** What sets objects besides the API, and how it fares. */
  sources(): Promise<readonly SourceStatus[]>;
  /** Changes of sources that wait for an admin. */
  heldChanges(): Promise<readonly HeldChange[]>;
  /** Lets one of them through, now. NOT_FOUND when it is held no more. */
  approveHeldChange(id: string, reason: string): Promise<Schemas['SourceApproved']>;
  /** Ends a take-over. */
  returnToSource(object: Schemas['SourceReturn']): Promise<Schemas['SourceReturned']>;
  listTokens(): Promise<readonly Token[]>;
  revokeToken(id: string): Promise<void>;
}

/** @throws PortolanError USAGE when `server` is no http(s) URL */
export function createClient(options: ClientOptions): Client {
  const server = serverOf(options.server);
  const send = sender(options, server);
  const raw = createOpenApiClient<paths>({
    baseUrl: server,
    fetch: (request) => send(request, options.timeoutMs ?? 35_000),
  });

  const object = async (
    method: string,
    path: string,
    query: URLSearchParams,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> => {
    const url = `${server}${path}${query.size === 0 ? '' : `?${query.toString()}`}`;
    const init: RequestInit = {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    };
    if (body !== undefined) init.body = JSON.stringify(body);
    const response = await send(new Request(url, init), options.timeoutMs ?? 35_000);
    return response.json();
  };
  const written = async (...call: Parameters<typeof object>): Promise<AnyResource> =>
    checked(await object(...call), isResource, server);

  return {
    server,
    raw,
    list: async (kind, namespace) => {
      const list = await object('GET', collection(kind, namespace), new URLSearchParams());
      return listOf(kind, list, server);
    },
    get: async (kind, name) => {
      try {
        const found = await object('GET', one(kind, name), new URLSearchParams());
        return checked(found, (value) => isResourceOf(kind, value), server);
      } catch (thrown) {
        if (thrown instanceof PortolanError && thrown.code === 'NOT_FOUND') return undefined;
        throw thrown;
      }
    },
    create: (kind, name, document, write) =>
      written('POST', collection(kind, name.namespace), writeQuery(write), document),
    replace: (kind, name, document, write) => written('PUT', one(kind, name), writeQuery(write), document),
    delete: (kind, name, { resourceVersion, ...write } = {}) =>
      written(
        'DELETE',
        one(kind, name),
        writeQuery(write),
        undefined,
        resourceVersion === undefined ? {} : { 'if-match': `"${resourceVersion}"` },
      ),
    watch: (scope, watchOptions) =>
      watchChanges(
        {
          server,
          sleep: options.sleep ?? ((ms, signal) => sleepFor(ms, undefined, { signal })),
          open: (lastEventId, signal) => {
            // The header also says where in a commit; a hub that does not know such ids goes by the revision.
            const [resourceVersion] = lastEventId?.split('.') ?? [];
            const query = new URLSearchParams(resourceVersion === undefined ? {} : { resourceVersion });
            if (scope.kind === undefined && scope.namespace !== undefined)
              query.set('namespace', scope.namespace);
            const path = scope.kind === undefined ? '/v1/watch' : collection(scope.kind, scope.namespace);
            const headers = {
              accept: 'text/event-stream',
              ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
            };
            return send(new Request(`${server}${path}?${query.toString()}`, { headers, signal }), undefined);
          },
        },
        watchOptions,
      ),
    plan: async ({ documents = [], delete: gone = [] }) =>
      data(
        await raw.POST('/v1/plan', { body: { documents: [...documents], delete: gone.map(keyOf) } }),
        server,
      ),
    apply: async ({ documents = [], delete: gone = [] }, write) => {
      const result = data(
        await raw.POST('/v1/apply', {
          params: { query: queryOf(write) },
          body: { documents: [...documents], delete: gone.map(keyOf) },
        }),
        server,
      );
      return { ...result, objects: result.objects.map((value) => checked(value, isResource, server)) };
    },
    resolve: async (query) => data(await raw.GET('/v1/resolve', { params: { query } }), server),
    clusterToken: async (path, ttlSeconds) =>
      data(
        await raw.POST('/v1/clusters/{namespace}/{name}/token', {
          params: { path: nameOf(path) },
          body: ttlSeconds === undefined ? {} : { ttlSeconds },
        }),
        server,
      ),
    clusterInventory: async (path, kind) =>
      data(
        await raw.GET('/v1/clusters/{namespace}/{name}/inventory', {
          // The hub says which kinds there are.
          params: { path: nameOf(path), query: kind === undefined ? {} : { kind: kind as InventoryKind } },
        }),
        server,
      ),
    drain: async (path, { expiresAt, ...write } = {}) =>
      data(
        await raw.POST('/v1/clusters/{namespace}/{name}/drain', {
          params: { path: nameOf(path), query: queryOf(write) },
          body: {
            ...(write.reason === undefined ? {} : { reason: write.reason }),
            ...(expiresAt === undefined ? {} : { expiresAt }),
          },
        }),
        server,
      ),
    undrain: async (path, write) =>
      data(
        await raw.POST('/v1/clusters/{namespace}/{name}/undrain', {
          params: { path: nameOf(path), query: queryOf(write) },
        }),
        server,
      ),
    removeCluster: async (path, write) =>
      data(
        await raw.POST('/v1/clusters/{namespace}/{name}/remove', {
          params: { path: nameOf(path), query: queryOf(write) },
        }),
        server,
      ),
    rollZoneKey: async (path, role, write) =>
      data(
        await raw.POST('/v1/zones/{namespace}/{name}/dnssec/roll', {
          params: { path: nameOf(path), query: queryOf(write) },
          body: { role },
        }),
        server,
      ),
    confirmZoneDs: async (path, write) =>
      data(
        await raw.POST('/v1/zones/{namespace}/{name}/dnssec/confirm-ds', {
          params: { path: nameOf(path), query: queryOf(write) },
        }),
        server,
      ),
    continueZoneRoll: async (path, write) =>
      data(
        await raw.POST('/v1/zones/{namespace}/{name}/dnssec/continue', {
          params: { path: nameOf(path), query: queryOf(write) },
        }),
        server,
      ),
    checkProvider: async (path) =>
      data(
        await raw.POST('/v1/providers/{namespace}/{name}/check', { params: { path: nameOf(path) } }),
        server,
      ),
    providerZones: async (path) =>
      data(
        await raw.GET('/v1/providers/{namespace}/{name}/zones', { params: { path: nameOf(path) } }),
        server,
      ).items,
    providerZone: async (path, zone) =>
      data(
        await raw.GET('/v1/providers/{namespace}/{name}/content', {
          params: { path: nameOf(path), query: { zone } },
        }),
        server,
      ),
    providerStates: async (path) =>
      data(
        await raw.GET('/v1/providers/{namespace}/{name}/states', { params: { path: nameOf(path) } }),
        server,
      ).items,
    approvePlan: async (path, body, write) =>
      data(
        await raw.POST('/v1/providers/{namespace}/{name}/approve', {
          params: { path: nameOf(path), query: queryOf(write) },
          body,
        }),
        server,
      ),
    rollbackZone: async (path, body, write) =>
      data(
        await raw.POST('/v1/providers/{namespace}/{name}/rollback', {
          params: { path: nameOf(path), query: queryOf(write) },
          body,
        }),
        server,
      ),
    resumeZone: async (path, zone, write) =>
      data(
        await raw.POST('/v1/providers/{namespace}/{name}/resume', {
          params: { path: nameOf(path), query: queryOf(write) },
          body: { zone },
        }),
        server,
      ),
    adopt: async (namespace, body, write) =>
      data(
        await raw.POST('/v1/adoptions/{namespace}', {
          params: { path: { namespace }, query: queryOf(write) },
          body,
        }),
        server,
      ).items,
    compileReports: async (path) =>
      data(
        await raw.GET('/v1/policies/{namespace}/{name}/reports', { params: { path: nameOf(path) } }),
        server,
      ).items,
    zoneCompileReports: async (path) =>
      data(await raw.GET('/v1/zones/{namespace}/{name}/reports', { params: { path: nameOf(path) } }), server)
        .items,
    explainRoute: async (query) =>
      data(await raw.GET('/v1/gateways/explain', { params: { query } }), server).items,
    gatewayCa: async () => data(await raw.GET('/v1/gateways/ca'), server).certificatePem,
    planDrill: async (namespace, spec) =>
      data(
        await raw.POST('/v1/drills/{namespace}/plan', { params: { path: { namespace } }, body: { spec } }),
        server,
      ),
    startDrill: async (path, write) =>
      checked(
        data(
          await raw.POST('/v1/drills/{namespace}/{name}/start', {
            params: { path: nameOf(path), query: queryOf(write) },
          }),
          server,
        ),
        (value) => isResourceOf('Drill', value),
        server,
      ),
    abortDrill: async (path, write) =>
      checked(
        data(
          await raw.POST('/v1/drills/{namespace}/{name}/abort', {
            params: { path: nameOf(path), query: queryOf(write) },
          }),
          server,
        ),
        (value) => isResourceOf('Drill', value),
        server,
      ),
    geoStatus: async () => data(await raw.GET('/v1/geoip'), server),
    stageGeo: async (file, query) =>
      data(
        await raw.POST('/v1/geoip/stage', {
          params: { query },
          headers: { 'content-type': 'application/octet-stream' },
          body: '',
          bodySerializer: () => Uint8Array.from(file),
        }),
        server,
      ),
    activateGeo: async (sha256, { approve = false, reason } = {}) =>
      data(
        await raw.POST('/v1/geoip/activate', {
          body: { sha256, approve, ...(reason === undefined ? {} : { reason }) },
        }),
        server,
      ),
    rollbackGeo: async (reason) =>
      data(await raw.POST('/v1/geoip/rollback', { body: reason === undefined ? {} : { reason } }), server),
    status: async () => data(await raw.GET('/v1/status'), server),
    ready: async () => data(await raw.GET('/readyz'), server),
    whoAmI: async () => data(await raw.GET('/v1/whoami'), server),
    audit: async ({ namespace, after, limit } = {}) =>
      data(
        await raw.GET('/v1/audit', {
          params: {
            query: {
              ...(namespace === undefined ? {} : { namespace }),
              ...(after === undefined ? {} : { after: String(after) }),
              ...(limit === undefined ? {} : { limit: String(limit) }),
            },
          },
        }),
        server,
      ),
    usage: async ({ limit, ...query }) =>
      data(await raw.GET('/v1/usage', { params: { query: { ...query, limit: String(limit) } } }), server)
        .items,
    verifyAudit: async () => data(await raw.GET('/v1/audit/verification'), server),
    createToken: async ({ display, bindings, expiresAt }) =>
      data(
        await raw.POST('/v1/tokens', {
          body: { display, bindings: [...bindings], ...(expiresAt === undefined ? {} : { expiresAt }) },
        }),
        server,
      ),
    createKey: async (namespace, body) =>
      data(await raw.POST('/v1/keys/{namespace}', { params: { path: { namespace } }, body }), server),
    importKeys: async (namespace, keys) =>
      data(
        await raw.POST('/v1/keys/{namespace}/import', {
          params: { path: { namespace } },
          body: { keys: [...keys] },
        }),
        server,
      ),
    listKeys: async (query) => data(await raw.GET('/v1/keys', { params: { query } }), server),
    describeKey: async (namespace, id) =>
      data(await raw.GET('/v1/keys/{namespace}/{id}', { params: { path: { namespace, id } } }), server),
    rotateKey: async (namespace, id, body) =>
      data(
        await raw.POST('/v1/keys/{namespace}/{id}/rotate', { params: { path: { namespace, id } }, body }),
        server,
      ),
    revokeKey: async (namespace, id, reason) =>
      data(
        await raw.POST('/v1/keys/{namespace}/{id}/revoke', {
          params: { path: { namespace, id } },
          body: reason === undefined ? {} : { reason },
        }),
        server,
      ),
    deleteKey: async (namespace, id) =>
      data(await raw.DELETE('/v1/keys/{namespace}/{id}', { params: { path: { namespace, id } } }), server),
    sources: async () => data(await raw.GET('/v1/sources'), server).items,
    heldChanges: async () => data(await raw.GET('/v1/sources/held'), server).items,
    approveHeldChange: async (id, reason) =>
      data(
        await raw.POST('/v1/sources/held/{id}/approve', { params: { path: { id } }, body: { reason } }),
        server,
      ),
    returnToSource: async (body) => data(await raw.POST('/v1/sources/return', { body }), server),
    quota: async (namespace, query = {}) =>
      data(await raw.GET('/v1/quota/{namespace}', { params: { path: { namespace }, query } }), server),
    explainQuota: async (namespace, query) =>
      data(
        await raw.GET('/v1/quota/{namespace}/explanation', { params: { path: { namespace }, query } }),
        server,
      ),
    setQuota: async (namespace, body) =>
      data(
        await raw.PUT('/v1/quota/{namespace}/override', { params: { path: { namespace } }, body }),
        server,
      ),
    unsetQuota: async (namespace, query) =>
      data(
        await raw.DELETE('/v1/quota/{namespace}/override', { params: { path: { namespace }, query } }),
        server,
      ),
    resetQuota: async (namespace, body) =>
      data(await raw.POST('/v1/quota/{namespace}/reset', { params: { path: { namespace } }, body }), server),
    listCertificates: async (query) =>
      data(await raw.GET('/v1/certificates', { params: { query } }), server).items,
    describeCertificate: async (namespace, id) =>
      data(
        await raw.GET('/v1/namespaces/{namespace}/certificates/{id}', {
          params: { path: { namespace, id } },
        }),
        server,
      ),
    certificateHistory: async (namespace, id) =>
      data(
        await raw.GET('/v1/namespaces/{namespace}/certificates/{id}/history', {
          params: { path: { namespace, id } },
        }),
        server,
      ),
    certificateChain: async (namespace, id) =>
      data(
        await raw.GET('/v1/namespaces/{namespace}/certificates/{id}/chain', {
          params: { path: { namespace, id } },
        }),
        server,
      ).certificatePem,
    renewCertificate: async (namespace, id, body) =>
      data(
        await raw.POST('/v1/namespaces/{namespace}/certificates/{id}/renew', {
          params: { path: { namespace, id } },
          body,
        }),
        server,
      ),
    revokeCertificate: async (namespace, id, body) =>
      data(
        await raw.POST('/v1/namespaces/{namespace}/certificates/{id}/revoke', {
          params: { path: { namespace, id } },
          body,
        }),
        server,
      ),
    tryCertificatePolicy: async (namespace, name, body) =>
      data(
        await raw.POST('/v1/namespaces/{namespace}/certificatepolicies/{name}/try', {
          params: { path: { namespace, name } },
          body,
        }),
        server,
      ),
    certificateTrial: async (namespace, name) =>
      data(
        await raw.GET('/v1/namespaces/{namespace}/certificatepolicies/{name}/try', {
          params: { path: { namespace, name } },
        }),
        server,
      ),
    listTokens: async () => data(await raw.GET('/v1/tokens'), server).items,
    revokeToken: async (id) => {
      await raw.DELETE('/v1/tokens/{id}', { params: { path: { id } } });
    },
  };
}

/** Adds the token, bounds the time, and turns everything that is no success into a PortolanError. */
function sender(
  options: ClientOptions,
  server: string,
): (request: Request, timeoutMs: number | undefined) => Promise<Response> {
  const doFetch = options.fetch ?? globalThis.fetch;
  return async (request, timeoutMs) => {
    if (options.token !== undefined) request.headers.set('authorization', `Bearer ${options.token}`);
    let response: Response;
    try {
      response = await doFetch(
        request,
        timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) },
      );
    } catch (thrown) {
      if (request.signal.aborted) throw thrown;
      throw unreachable(thrown, server, timeoutMs);
    }
    // Not being ready is an answer, not a failure to ask.
    const notReady =
      response.status === 503 &&
      new URL(request.url).pathname === '/readyz' &&
      response.headers.get('content-type') === 'application/json';
    if (notReady) return new Response(response.body, { status: 200, headers: response.headers });
    if (!response.ok) throw await errorOfResponse(response, server);
    for (const warning of warningsOf(response)) options.onWarning?.(warning);
    return response;
  };
}

function warningsOf(response: Response): readonly string[] {
  const header = response.headers.get('portolan-warnings');
  if (header === null) return [];
  const parsed: unknown = JSON.parse(header);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

/** openapi-fetch gives data or error; errors were thrown by the sender already. */
function data<T>(result: { readonly data?: T }, server: string): T {
  if (result.data === undefined) throw strange(server);
  return result.data;
}

function checked<T>(value: unknown, is: (value: unknown) => value is T, server: string): T {
  if (!is(value)) throw strange(server);
  return value;
}

function strange(server: string): PortolanError {
  return new PortolanError(
    'HUB_UNREACHABLE',
    `${server} answered, but not as a Portolan hub of this version does`,
    { fix: 'Check --server, and that hub and CLI are of versions that fit (`portolan version`).' },
  );
}

function listOf<K extends Kind>(kind: K, value: unknown, server: string): ObjectList<K> {
  if (typeof value !== 'object' || value === null || !('items' in value) || !Array.isArray(value.items))
    throw strange(server);
  const version: unknown =
    'metadata' in value &&
    typeof value.metadata === 'object' &&
    value.metadata !== null &&
    'resourceVersion' in value.metadata
      ? value.metadata.resourceVersion
      : undefined;
  const isOne = (item: unknown): item is Resource<K> => isResourceOf(kind, item);
  return {
    items: value.items.map((item: unknown) => checked(item, isOne, server)),
    revision: Number(version),
  };
}

function collection(kind: Kind, namespace: string | undefined): string {
  return `/apis/${storedVersion(kind)}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${KINDS[kind].plural}`;
}

function one(kind: Kind, { namespace, name }: ObjectName): string {
  return `${collection(kind, namespace)}/${encodeURIComponent(name)}`;
}

type WriteQuery = NonNullable<operations['apply']['parameters']['query']>;

function queryOf(write: WriteOptions | undefined): WriteQuery {
  const { dryRun = false, force = false, takeOver = false, reason } = write ?? {};
  return {
    ...(dryRun ? { dryRun: 'true' } : {}),
    ...(force ? { force: 'true' } : {}),
    ...(takeOver ? { takeOver: 'true' } : {}),
    ...(reason === undefined ? {} : { reason }),
  };
}

function writeQuery(write: WriteOptions | undefined): URLSearchParams {
  return new URLSearchParams(Object.entries(queryOf(write)));
}

function nameOf({ namespace, name }: ObjectName): { namespace: string; name: string } {
  return { namespace, name };
}

function keyOf({ kind, namespace, name }: ObjectName & { readonly kind: Kind }): {
  kind: Kind;
  namespace: string;
  name: string;
} {
  return { kind, namespace, name };
}

function serverOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new PortolanError('USAGE', `${JSON.stringify(text)} is not the address of a hub`, {
      fix: 'Give it like --server http://127.0.0.1:7460.',
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
