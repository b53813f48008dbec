import type { Connection } from './connection.ts';
import type { components } from './generated/api.d.ts';

type Schemas = components['schemas'];
export type HeldChange = Schemas['HeldChange'];
export type SourceStatus = Schemas['SourceStatus'];

/** What sets objects besides the API. */
export interface SourceCalls {
  /** What sets objects besides the API, and how it fares. */
  sources(): Promise<readonly SourceStatus[]>;
  /** Changes of sources that wait for an admin. */
  heldChanges(): Promise<readonly HeldChange[]>;
  /** Lets one of them through, now. NOT_FOUND when it is held no more. */
  approveHeldChange(id: string, reason: string): Promise<Schemas['SourceApproved']>;
  /** Ends a take-over. */
  returnToSource(object: Schemas['SourceReturn']): Promise<Schemas['SourceReturned']>;
}

export function sourceCalls({ raw, answer }: Connection): SourceCalls {
  return {
    sources: async () => answer(await raw.GET('/v1/sources')).items,
    heldChanges: async () => answer(await raw.GET('/v1/sources/held')).items,
    approveHeldChange: async (id, reason) =>
      answer(await raw.POST('/v1/sources/held/{id}/approve', { params: { path: { id } }, body: { reason } })),
    returnToSource: async (body) => answer(await raw.POST('/v1/sources/return', { body })),
  };
}
