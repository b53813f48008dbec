import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import { type CertificateAuthority, createCa, openCa } from '../../src/identity/ca.ts';
import {
  newSnapshotKey,
  openSnapshotSigner,
  type SnapshotKey,
  type SnapshotSigner,
} from '../../src/identity/snapshot-signing.ts';
import type { Store } from '../store/contract.ts';

const META_KEY = 'authority/v1';

/** Seals a private key so that it may rest in the store; `context` is authenticated with it. Text in, text out. */
export interface KeySealing {
  readonly seal: (plaintext: string, context: string) => string | Promise<string>;
  /** @throws PortolanError KEY_WRONG, STORE_CORRUPT */
  readonly open: (sealed: string, context: string) => string | Promise<string>;
}

/** What makes this hub the hub its agents joined: the CA and the key that signs snapshots. */
export interface Authority {
  readonly ca: CertificateAuthority;
  readonly snapshotSigner: SnapshotSigner;
  /** Every CA agents should trust, PEM. */
  readonly caBundlePem: string;
  /** Pins for join tokens: hex SHA-256 of the CAs' SPKI. */
  readonly caSpkiSha256: readonly string[];
  readonly snapshotKeys: readonly SnapshotKey[];
}

const stored = z.object({
  caCertificatePem: z.string(),
  caKeySealed: z.string(),
  snapshotKeySealed: z.string(),
});

/**
 * Loads the hub's keys, or makes them at the first start. They are one value of the store, written at once: there is never
 * a CA without its key.
 * @throws PortolanError KEY_WRONG, STORE_CORRUPT
 */
export async function openAuthority(options: {
  readonly store: Pick<Store, 'getMeta' | 'putMeta' | 'hubUid'>;
  readonly sealing: KeySealing;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly nowMs: number;
}): Promise<Authority> {
  const { store, sealing, randomBytes } = options;
  const context = (field: string): string => `${store.hubUid}/${META_KEY}/${field}`;
  let text = await store.getMeta(META_KEY);
  if (text === undefined) {
    const material = await createCa({ hubUid: store.hubUid, nowMs: options.nowMs, randomBytes });
    const made: z.output<typeof stored> = {
      caCertificatePem: material.certificatePem,
      caKeySealed: await sealing.seal(material.privateKeyPem, context('ca')),
      snapshotKeySealed: await sealing.seal(newSnapshotKey(), context('snapshot')),
    };
    text = JSON.stringify(made);
    await store.putMeta(META_KEY, text);
  }
  const parts = read(text);
  const ca = await openCa(
    {
      certificatePem: parts.caCertificatePem,
      privateKeyPem: await sealing.open(parts.caKeySealed, context('ca')),
    },
    randomBytes,
  );
  const snapshotSigner = openSnapshotSigner(await sealing.open(parts.snapshotKeySealed, context('snapshot')));
  return {
    ca,
    snapshotSigner,
    caBundlePem: ca.certificatePem,
    caSpkiSha256: [ca.spkiSha256],
    snapshotKeys: [{ id: snapshotSigner.keyId, publicKeyPem: snapshotSigner.publicKeyPem }],
  };
}

function read(text: string): z.output<typeof stored> {
  try {
    return stored.parse(JSON.parse(text));
  } catch (error) {
    throw new PortolanError('STORE_CORRUPT', "the hub's stored CA cannot be read", { cause: error });
  }
}
