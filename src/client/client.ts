import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Client as OpenApiClient } from 'openapi-fetch';
import { type CertificateCalls, certificateCalls } from './certificate-calls.ts';
import { type ClusterCalls, clusterCalls } from './cluster-calls.ts';
import { type ClientOptions, connectionTo } from './connection.ts';
import { type DrillCalls, drillCalls } from './drill-calls.ts';
import { type GatewayCalls, gatewayCalls } from './gateway-calls.ts';
import type { paths } from './generated/api.d.ts';
import { type GeoCalls, geoCalls } from './geo-calls.ts';
import { type HubCalls, hubCalls } from './hub-calls.ts';
import { type KeyCalls, keyCalls } from './key-calls.ts';
import { type ObjectCalls, objectCalls } from './object-calls.ts';
import { type ProviderCalls, providerCalls } from './provider-calls.ts';
import { type QuotaCalls, quotaCalls } from './quota-calls.ts';
import { type SourceCalls, sourceCalls } from './source-calls.ts';
import { type TokenCalls, tokenCalls } from './token-calls.ts';
import { type ZoneCalls, zoneCalls } from './zone-calls.ts';

export type {
  Certificate,
  CertificateDetail,
  CertificateHistory,
  CertificateRenewal,
  CertificateTrial,
} from './certificate-calls.ts';
export type { ClusterAction, ClusterInventory, ClusterToken } from './cluster-calls.ts';
export type { ClientOptions } from './connection.ts';
export type { DrillPlan, DrillPlanInput } from './drill-calls.ts';
export type { ExplainedRule, UsageQuery } from './gateway-calls.ts';
export type { GeoStatus } from './geo-calls.ts';
export type { AuditEntry, HubStatus, Readiness, WhoAmI } from './hub-calls.ts';
export type { ApiKey, ApiKeyCreated, ApiKeyDescription, ApiKeyImport, ApiKeyInput } from './key-calls.ts';
export type { Applied, Documents, ObjectList, Plan, PlannedDocument } from './object-calls.ts';
export type { ObjectName } from './object-name.ts';
export type {
  AdoptPreview,
  ProviderCheck,
  ProviderZone,
  ProviderZoneContent,
  ProviderZoneState,
  RecordPlan,
} from './provider-calls.ts';
export type { QuotaExplanation, QuotaLimit, QuotaList } from './quota-calls.ts';
export type { HeldChange, SourceStatus } from './source-calls.ts';
export type { RoleBinding, Token, TokenCreated } from './token-calls.ts';
export type { WatchedChange, WatchOptions } from './watch.ts';
export type { WriteOptions } from './write-options.ts';
export type { AnswerDiff, CompileReport, ResolveResult, ZoneDnssecAction } from './zone-calls.ts';

/**
 * The hub's API. Every method rejects with the PortolanError that the hub answered, or HUB_UNREACHABLE when it did not.
 */
export interface Client
  extends ObjectCalls,
    ClusterCalls,
    ZoneCalls,
    ProviderCalls,
    DrillCalls,
    GatewayCalls,
    GeoCalls,
    HubCalls,
    TokenCalls,
    KeyCalls,
    QuotaCalls,
    CertificateCalls,
    SourceCalls {
  readonly server: string;
  /** Every path with its generated types, for what has no method here. Rejects like the methods. */
  readonly raw: OpenApiClient<paths>;
}

/** @throws PortolanError USAGE when `server` is no http(s) URL */
export function createClient(options: ClientOptions): Client {
  const connection = connectionTo(options);
  const sleep = options.sleep ?? ((ms, signal) => sleepFor(ms, undefined, { signal }));
  return {
    server: connection.server,
    raw: connection.raw,
    ...objectCalls(connection, sleep),
    ...clusterCalls(connection),
    ...zoneCalls(connection),
    ...providerCalls(connection),
    ...drillCalls(connection),
    ...gatewayCalls(connection),
    ...geoCalls(connection),
    ...hubCalls(connection),
    ...tokenCalls(connection),
    ...keyCalls(connection),
    ...quotaCalls(connection),
    ...certificateCalls(connection),
    ...sourceCalls(connection),
  };
}
