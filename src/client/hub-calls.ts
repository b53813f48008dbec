import type { Connection } from './connection.ts';
import type { components } from './generated/api.d.ts';

type Schemas = components['schemas'];
export type AuditEntry = Schemas['AuditEntry'];
export type HubStatus = Schemas['HubStatus'];
export type Readiness = Schemas['Readiness'];
export type WhoAmI = Schemas['WhoAmI'];

/** The hub itself: how it stands, and what it has written down. */
export interface HubCalls {
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
  verifyAudit(): Promise<Schemas['AuditVerification']>;
}

export function hubCalls({ raw, answer }: Connection): HubCalls {
  return {
    status: async () => answer(await raw.GET('/v1/status')),
    ready: async () => answer(await raw.GET('/readyz')),
    whoAmI: async () => answer(await raw.GET('/v1/whoami')),
    audit: async ({ namespace, after, limit } = {}) =>
      answer(
        await raw.GET('/v1/audit', {
          params: {
            query: {
              ...(namespace === undefined ? {} : { namespace }),
              ...(after === undefined ? {} : { after: String(after) }),
              ...(limit === undefined ? {} : { limit: String(limit) }),
            },
          },
        }),
      ),
    verifyAudit: async () => answer(await raw.GET('/v1/audit/verification')),
  };
}
