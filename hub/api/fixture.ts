import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newApiToken } from '../../src/identity/api-token.ts';
import type { GeoStatus } from '../geo/library.ts';
import type { RoleBinding, Store } from '../store/contract.ts';
import { openStore } from '../store/open.ts';
import type { ApiLog } from './app.ts';
import { idleCertificateServices } from './fixture-certificates.ts';
import { idleDnsServices } from './fixture-dns.ts';
import { idleKeyServices } from './fixture-keys.ts';
import { idleQuotaServices } from './fixture-quota.ts';
import { idleSourceServices } from './fixture-sources.ts';
import { type Api, type ApiOptions, type BoundAddress, createApi } from './server.ts';
import type { HubServices } from './services.ts';

/** A hub API on a real socket over a real SQLite store, with services that a test may replace one by one. */
export interface TestHub {
  readonly api: Api;
  readonly bound: BoundAddress;
  readonly store: Store;
  readonly services: { -readonly [M in keyof HubServices]: HubServices[M] };
  /** Everything that was logged, as JSON lines. */
  readonly logged: readonly string[];
  token(
    bindings: readonly RoleBinding[],
    options?: { readonly expiresAt?: string },
  ): Promise<{ readonly id: string; readonly text: string }>;
  close(): Promise<void>;
}

export async function startTestHub({
  eventsKept,
  ...overrides
}: Partial<ApiOptions> & { readonly eventsKept?: number } = {}): Promise<TestHub> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-api-'));
  const store = await openStore(
    {
      kind: 'sqlite',
      file: join(folder, 'portolan.db'),
      ...(eventsKept === undefined ? {} : { eventsKept }),
    },
    { kek: randomBytes(32), wallClock: () => Date.now(), random: randomBytes },
  );
  const services = idleServices();
  const logged: string[] = [];
  const api = createApi({
    store,
    services,
    config: { host: '127.0.0.1', port: 0, allowedHosts: [] },
    clock: { nowMs: () => Date.now() },
    log: logInto(logged),
    drainMs: 2000,
    ...overrides,
  });
  const bound = await api.start();
  return {
    api,
    bound,
    store,
    services,
    logged,
    token: async (bindings, options = {}) => {
      const { id, text, secretSha256 } = newApiToken(randomBytes);
      await store.createToken(
        { id, display: 'test', bindings, secretSha256, ...options },
        { id: 'hub', display: 'hub' },
      );
      return { id, text };
    },
    close: async () => {
      await api.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function logInto(lines: string[]): ApiLog {
  const write = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    const { err } = fields;
    lines.push(JSON.stringify({ ...fields, ...(err instanceof Error ? { err: err.stack } : {}), message }));
  };
  return { debug: write, info: write, warn: write, error: write };
}

/** Services of a hub without clusters: everything is admitted, nothing is answered. */
function idleServices(): TestHub['services'] {
  const action =
    (state: 'draining' | 'active' | 'removed') =>
    async (cluster: { readonly namespace: string; readonly name: string }) => ({
      cluster: `${cluster.namespace}/${cluster.name}`,
      state,
      message: `${cluster.name} is ${state}`,
      warnings: [],
    });
  const zoneAction = async (zone: { readonly namespace: string; readonly name: string }) => ({
    zone: `${zone.namespace}/${zone.name}`,
    message: 'done',
  });
  const nothing = { changes: [], compared: { hostnames: 0, places: 0 } };
  return {
    dns: idleDnsServices(),
    keys: idleKeyServices(),
    inventories: { inventory: () => undefined },
    quota: idleQuotaServices(),
    sources: idleSourceServices(),
    certificates: idleCertificateServices(),
    gateways: { explainRoute: async () => [], caCertificate: async () => 'PEM' },
    admit: async () => ({ ok: true, warnings: [] }),
    resolve: async ({ hostname, type }) => ({
      hostname,
      type,
      rcode: 'REFUSED',
      answers: [],
      client: { source: 'unknown' },
      explanation: ['no zone holds this name'],
      candidates: [],
      scopePrefixLength: 0,
      stableForMs: 0,
      sequence: 1,
    }),
    planAnswers: async () => nothing,
    clusterToken: async (cluster) => ({
      token: 'ptl1.test',
      expiresAt: '2030-01-01T00:00:00Z',
      command: `portolan cluster join ${cluster.name}`,
    }),
    drain: action('draining'),
    undrain: action('active'),
    remove: action('removed'),
    rollZoneKey: zoneAction,
    confirmZoneDs: zoneAction,
    continueZoneRoll: zoneAction,
    drillPlan: async () => ({ guards: [], steps: [], answers: nothing }),
    drillStart: drillObject,
    drillAbort: drillObject,
    status: async () => ({
      hub: { uid: 'u', version: '0', epoch: 1, startedAt: '2030-01-01T00:00:00Z', sequence: 1 },
      nameServers: [],
      agents: [],
      targets: [],
    }),
    metrics: async () => 'portolan_up 1\n',
    ready: async () => ({ ready: true, reasons: [] }),
    geoStatus: () => GEO,
    geoStage: async () => GEO,
    geoActivate: async () => GEO,
    geoRollback: async () => GEO,
  };
}

const GEO: GeoStatus = { active: { sha256: '0'.repeat(64), source: 'base' } };

const drillObject: HubServices['drillStart'] = async ({ namespace, name }) => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Drill',
  metadata: {
    namespace,
    name,
    uid: 'u',
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: '2030-01-01T00:00:00Z',
    finalizers: [],
    labels: {},
    annotations: {},
  },
  spec: {
    action: 'drain',
    cluster: 'eu-1',
    durationSeconds: 60,
    countries: [],
    guards: { minCapacityPercent: 30, maxErrorRatePercent: 5 },
  },
});
