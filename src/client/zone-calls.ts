import type { Connection } from './connection.ts';
import type { components } from './generated/api.d.ts';
import { nameOf, type ObjectName } from './object-name.ts';
import { queryOf, type WriteOptions } from './write-options.ts';

type Schemas = components['schemas'];
export type AnswerDiff = Schemas['AnswerDiff'];
export type CompileReport = Schemas['CompileReport'];
export type ResolveResult = Schemas['ResolveResult'];
export type ZoneDnssecAction = Schemas['ZoneDnssecAction'];

/** Keys of signed zones, and what becomes of names where they are published. */
export interface ZoneCalls {
  /** Begins to replace a key of a signed zone. */
  rollZoneKey(zone: ObjectName, role: 'ksk' | 'zsk', options?: WriteOptions): Promise<ZoneDnssecAction>;
  /** A person has seen the DS at the parent; of a zone that is being unsigned, that it is gone. */
  confirmZoneDs(zone: ObjectName, options?: WriteOptions): Promise<ZoneDnssecAction>;
  /** Goes on without name servers that were waited for over seven days; has to be forced. */
  continueZoneRoll(zone: ObjectName, options?: WriteOptions): Promise<ZoneDnssecAction>;
  /** What becomes of each hostname of a policy at each DNS provider. */
  compileReports(policy: ObjectName): Promise<readonly CompileReport[]>;
  /** What becomes of the origin of a Zone where it is delegated. */
  zoneCompileReports(zone: ObjectName): Promise<readonly CompileReport[]>;
  resolve(question: {
    readonly hostname: string;
    readonly type?: string;
    readonly client?: string;
    readonly from?: string;
  }): Promise<ResolveResult>;
}

export function zoneCalls({ raw, answer }: Connection): ZoneCalls {
  return {
    rollZoneKey: async (path, role, write) =>
      answer(
        await raw.POST('/v1/zones/{namespace}/{name}/dnssec/roll', {
          params: { path: nameOf(path), query: queryOf(write) },
          body: { role },
        }),
      ),
    confirmZoneDs: async (path, write) =>
      answer(
        await raw.POST('/v1/zones/{namespace}/{name}/dnssec/confirm-ds', {
          params: { path: nameOf(path), query: queryOf(write) },
        }),
      ),
    continueZoneRoll: async (path, write) =>
      answer(
        await raw.POST('/v1/zones/{namespace}/{name}/dnssec/continue', {
          params: { path: nameOf(path), query: queryOf(write) },
        }),
      ),
    compileReports: async (path) =>
      answer(await raw.GET('/v1/policies/{namespace}/{name}/reports', { params: { path: nameOf(path) } }))
        .items,
    zoneCompileReports: async (path) =>
      answer(await raw.GET('/v1/zones/{namespace}/{name}/reports', { params: { path: nameOf(path) } })).items,
    resolve: async (query) => answer(await raw.GET('/v1/resolve', { params: { query } })),
  };
}
