import type { Connection } from './connection.ts';
import type { components } from './generated/api.d.ts';
import { nameOf, type ObjectName } from './object-name.ts';
import { queryOf, type WriteOptions } from './write-options.ts';

type Schemas = components['schemas'];
export type AdoptPreview = Schemas['AdoptPreview'];
export type ProviderCheck = Schemas['ProviderCheck'];
export type ProviderZone = Schemas['ProviderZone'];
export type ProviderZoneContent = Schemas['ProviderZoneContent'];
export type ProviderZoneState = Schemas['ProviderZoneState'];
export type RecordPlan = Schemas['RecordPlan'];

/** DNS providers: their zones, and what the hub does in them. */
export interface ProviderCalls {
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
}

export function providerCalls({ raw, answer }: Connection): ProviderCalls {
  return {
    checkProvider: async (path) =>
      answer(await raw.POST('/v1/providers/{namespace}/{name}/check', { params: { path: nameOf(path) } })),
    providerZones: async (path) =>
      answer(await raw.GET('/v1/providers/{namespace}/{name}/zones', { params: { path: nameOf(path) } }))
        .items,
    providerZone: async (path, zone) =>
      answer(
        await raw.GET('/v1/providers/{namespace}/{name}/content', {
          params: { path: nameOf(path), query: { zone } },
        }),
      ),
    providerStates: async (path) =>
      answer(await raw.GET('/v1/providers/{namespace}/{name}/states', { params: { path: nameOf(path) } }))
        .items,
    approvePlan: async (path, body, write) =>
      answer(
        await raw.POST('/v1/providers/{namespace}/{name}/approve', {
          params: { path: nameOf(path), query: queryOf(write) },
          body,
        }),
      ),
    rollbackZone: async (path, body, write) =>
      answer(
        await raw.POST('/v1/providers/{namespace}/{name}/rollback', {
          params: { path: nameOf(path), query: queryOf(write) },
          body,
        }),
      ),
    resumeZone: async (path, zone, write) =>
      answer(
        await raw.POST('/v1/providers/{namespace}/{name}/resume', {
          params: { path: nameOf(path), query: queryOf(write) },
          body: { zone },
        }),
      ),
    adopt: async (namespace, body, write) =>
      answer(
        await raw.POST('/v1/adoptions/{namespace}', {
          params: { path: { namespace }, query: queryOf(write) },
          body,
        }),
      ).items,
  };
}
