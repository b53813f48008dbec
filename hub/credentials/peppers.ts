import { hkdfSync } from 'node:crypto';
import { createClusterDigest, createHubDigest, PEPPER_BYTES } from '../../src/identity/api-key.ts';
import type { KeyStore } from '../store/key-contract.ts';

/** The digests of keys: one pepper for the hub, and one for each cluster, so that what one cluster holds is worth nothing elsewhere. */
export interface KeyPeppers {
  /** Hex digest the store keeps. */
  hubDigest(key: string, pairId?: string): Promise<string>;
  /** From the store's digest to the 16 octets a cluster knows. */
  clusterDigest(clusterUid: string): Promise<(hubDigest: string) => Buffer>;
  /** For `GatewaySecrets.peppers` of a cluster; base64. */
  peppersFor(clusterUid: string): Promise<{ readonly hub: string; readonly cluster: string }>;
}

export function createKeyPeppers(keys: Pick<KeyStore, 'peppers'>): KeyPeppers {
  let read: ReturnType<KeyStore['peppers']> | undefined;
  const peppers = (): ReturnType<KeyStore['peppers']> => {
    read ??= keys.peppers().catch((error: unknown) => {
      read = undefined;
      throw error;
    });
    return read;
  };
  /** HKDF-SHA-256 (RFC 5869) from the sealed root. */
  const ofCluster = (root: Buffer, clusterUid: string): Buffer =>
    Buffer.from(hkdfSync('sha256', root, clusterUid, 'portolan key pepper of a cluster v1', PEPPER_BYTES));
  let digest: ((key: string, pairId?: string) => string) | undefined;
  return {
    async hubDigest(key, pairId) {
      digest ??= createHubDigest((await peppers()).hub);
      return digest(key, pairId);
    },
    async clusterDigest(clusterUid) {
      return createClusterDigest(ofCluster((await peppers()).root, clusterUid));
    },
    async peppersFor(clusterUid) {
      const { hub, root } = await peppers();
      return { hub: hub.toString('base64'), cluster: ofCluster(root, clusterUid).toString('base64') };
    },
  };
}
