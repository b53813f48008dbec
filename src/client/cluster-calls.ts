import type { InventoryKind } from '../inventory/contract.ts';
import type { Connection } from './connection.ts';
import type { components } from './generated/api.d.ts';
import { nameOf, type ObjectName } from './object-name.ts';
import { queryOf, type WriteOptions } from './write-options.ts';

type Schemas = components['schemas'];
export type ClusterAction = Schemas['ClusterAction'];
export type ClusterInventory = Schemas['ClusterInventory'];
export type ClusterToken = Schemas['ClusterToken'];

/** Clusters: their tokens, what their agents found, and taking them out of service. */
export interface ClusterCalls {
  clusterToken(cluster: ObjectName, ttlSeconds?: number): Promise<ClusterToken>;
  /** What the agent of a cluster found in Kubernetes. @param kind only objects of it */
  clusterInventory(cluster: ObjectName, kind?: string): Promise<ClusterInventory>;
  drain(
    cluster: ObjectName,
    options?: WriteOptions & { readonly expiresAt?: string },
  ): Promise<ClusterAction>;
  undrain(cluster: ObjectName, options?: WriteOptions): Promise<ClusterAction>;
  removeCluster(cluster: ObjectName, options?: WriteOptions): Promise<ClusterAction>;
}

export function clusterCalls({ raw, answer }: Connection): ClusterCalls {
  return {
    clusterToken: async (path, ttlSeconds) =>
      answer(
        await raw.POST('/v1/clusters/{namespace}/{name}/token', {
          params: { path: nameOf(path) },
          body: ttlSeconds === undefined ? {} : { ttlSeconds },
        }),
      ),
    clusterInventory: async (path, kind) =>
      answer(
        await raw.GET('/v1/clusters/{namespace}/{name}/inventory', {
          // The hub says which kinds there are.
          params: { path: nameOf(path), query: kind === undefined ? {} : { kind: kind as InventoryKind } },
        }),
      ),
    drain: async (path, { expiresAt, ...write } = {}) =>
      answer(
        await raw.POST('/v1/clusters/{namespace}/{name}/drain', {
          params: { path: nameOf(path), query: queryOf(write) },
          body: {
            ...(write.reason === undefined ? {} : { reason: write.reason }),
            ...(expiresAt === undefined ? {} : { expiresAt }),
          },
        }),
      ),
    undrain: async (path, write) =>
      answer(
        await raw.POST('/v1/clusters/{namespace}/{name}/undrain', {
          params: { path: nameOf(path), query: queryOf(write) },
        }),
      ),
    removeCluster: async (path, write) =>
      answer(
        await raw.POST('/v1/clusters/{namespace}/{name}/remove', {
          params: { path: nameOf(path), query: queryOf(write) },
        }),
      ),
  };
}
