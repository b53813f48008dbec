import type { Connection } from './connection.ts';
import type { components, operations } from './generated/api.d.ts';

type Schemas = components['schemas'];
export type QuotaExplanation = Schemas['QuotaExplanation'];
export type QuotaLimit = Schemas['QuotaLimit'];
export type QuotaList = Schemas['QuotaList'];

/** Limits of a namespace. */
export interface QuotaCalls {
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
}

export function quotaCalls({ raw, answer }: Connection): QuotaCalls {
  return {
    quota: async (namespace, query = {}) =>
      answer(await raw.GET('/v1/quota/{namespace}', { params: { path: { namespace }, query } })),
    explainQuota: async (namespace, query) =>
      answer(await raw.GET('/v1/quota/{namespace}/explanation', { params: { path: { namespace }, query } })),
    setQuota: async (namespace, body) =>
      answer(await raw.PUT('/v1/quota/{namespace}/override', { params: { path: { namespace } }, body })),
    unsetQuota: async (namespace, query) =>
      answer(await raw.DELETE('/v1/quota/{namespace}/override', { params: { path: { namespace }, query } })),
    resetQuota: async (namespace, body) =>
      answer(await raw.POST('/v1/quota/{namespace}/reset', { params: { path: { namespace } }, body })),
  };
}
