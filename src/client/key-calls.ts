import type { Connection } from './connection.ts';
import type { components, operations } from './generated/api.d.ts';

type Schemas = components['schemas'];
export type ApiKey = Schemas['ApiKey'];
export type ApiKeyCreated = Schemas['ApiKeyCreated'];
export type ApiKeyDescription = Schemas['ApiKeyDescription'];
export type ApiKeyImport = Schemas['ApiKeyImport'];
export type ApiKeyInput = Schemas['ApiKeyInput'];

/** API keys of those who call what stands behind the gateways. */
export interface KeyCalls {
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
}

export function keyCalls({ raw, answer }: Connection): KeyCalls {
  return {
    createKey: async (namespace, body) =>
      answer(await raw.POST('/v1/keys/{namespace}', { params: { path: { namespace } }, body })),
    importKeys: async (namespace, keys) =>
      answer(
        await raw.POST('/v1/keys/{namespace}/import', {
          params: { path: { namespace } },
          body: { keys: [...keys] },
        }),
      ),
    listKeys: async (query) => answer(await raw.GET('/v1/keys', { params: { query } })),
    describeKey: async (namespace, id) =>
      answer(await raw.GET('/v1/keys/{namespace}/{id}', { params: { path: { namespace, id } } })),
    rotateKey: async (namespace, id, body) =>
      answer(
        await raw.POST('/v1/keys/{namespace}/{id}/rotate', { params: { path: { namespace, id } }, body }),
      ),
    revokeKey: async (namespace, id, reason) =>
      answer(
        await raw.POST('/v1/keys/{namespace}/{id}/revoke', {
          params: { path: { namespace, id } },
          body: reason === undefined ? {} : { reason },
        }),
      ),
    deleteKey: async (namespace, id) =>
      answer(await raw.DELETE('/v1/keys/{namespace}/{id}', { params: { path: { namespace, id } } })),
  };
}
