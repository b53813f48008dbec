import { createHash } from 'node:crypto';
import type { DomainName } from '../name.ts';
import type { CdnskeyRdata } from '../records/cdnskey.ts';
import type { CdsRdata } from '../records/cds.ts';
import { DIGEST_TYPE, dsOf, type KeyPair } from './key.ts';
import { isRefreshDue, type KeyPlan } from './key-plan.ts';
import type { PresignedSet, SigningMaterial } from './material.ts';
import { presign } from './presigned.ts';

/** How a zone is signed, in seconds. */
export interface SigningSettings {
  readonly dnskeyTtlSeconds: number;
  /** Of the signatures that the hub makes. */
  readonly dnskeyValiditySeconds: number;
  /** Of the signatures that name servers make. */
  readonly signatureValiditySeconds: number;
}

/** What the hub signed of a zone, kept so that a restart does not sign it anew. Public. */
export interface PresignedApex {
  readonly signedAtMs: number;
  /** Which keys and settings it was made of. */
  readonly madeOf: string;
  readonly dnskey: PresignedSet;
  readonly cds?: PresignedSet;
  readonly cdnskey?: PresignedSet;
}

/** Signatures begin an hour ago, for validators whose clock is behind. */
const BACKDATED_SECONDS = 3600;

/** Deletion of the DS set (RFC 8078 section 4). */
const DELETE_CDS: CdsRdata = {
  type: 'CDS',
  keyTag: 0,
  algorithm: 0,
  digestType: 0,
  digest: new Uint8Array(1),
};
const DELETE_CDNSKEY: CdnskeyRdata = {
  type: 'CDNSKEY',
  flags: 0,
  protocol: 3,
  algorithm: 0,
  publicKey: new Uint8Array(1),
};

type PairOf = (id: string) => KeyPair;

/** The apex sets of this plan: those at hand while they are good, or signed anew. */
export function presignedApex(
  origin: DomainName,
  plan: KeyPlan,
  pairOf: PairOf,
  settings: SigningSettings,
  nowMs: number,
  atHand: PresignedApex | undefined,
): PresignedApex {
  const madeOf = madeOfText(plan, settings);
  const validityMs = settings.dnskeyValiditySeconds * 1000;
  if (atHand?.madeOf === madeOf && !isRefreshDue(atHand.signedAtMs, validityMs, nowMs)) return atHand;
  const seconds = Math.floor(nowMs / 1000);
  const validity = {
    inceptionSeconds: seconds - BACKDATED_SECONDS,
    expirationSeconds: seconds + settings.dnskeyValiditySeconds,
  };
  const signers = plan.keySigners.map(({ id }) => pairOf(id));
  const sign = (records: Parameters<typeof presign>[2]): PresignedSet =>
    presign(origin, settings.dnskeyTtlSeconds, records, signers, validity);
  const parent = plan.parent === 'delete' ? plan.parent : plan.parent?.map(({ id }) => pairOf(id).dnskey);
  const asked =
    parent === undefined
      ? {}
      : parent === 'delete'
        ? { cds: sign([DELETE_CDS]), cdnskey: sign([DELETE_CDNSKEY]) }
        : {
            cds: sign(parent.map((key) => ({ ...dsOf(origin, key, DIGEST_TYPE.SHA256), type: 'CDS' }))),
            cdnskey: sign(parent.map((key) => ({ ...key, type: 'CDNSKEY' }))),
          };
  return {
    signedAtMs: nowMs,
    madeOf,
    dnskey: sign(plan.published.map(({ id }) => pairOf(id).dnskey)),
    ...asked,
  };
}

/** When the first signature over an apex set ends, in milliseconds since 1970. */
export function apexExpiryMs(apex: PresignedApex, settings: SigningSettings): number {
  return (Math.floor(apex.signedAtMs / 1000) + settings.dnskeyValiditySeconds) * 1000;
}

/** What name servers get: the apex sets and the private zone-signing keys. */
export function signingMaterial(
  apex: PresignedApex,
  plan: KeyPlan,
  pairOf: PairOf,
  settings: SigningSettings,
): SigningMaterial {
  const { dnskey, cds, cdnskey } = apex;
  return {
    dnskey,
    ...(cds === undefined ? {} : { cds }),
    ...(cdnskey === undefined ? {} : { cdnskey }),
    signers: plan.zoneSigners.map(({ id }) => {
      const { keyTag, privateKey } = pairOf(id);
      return { keyTag, algorithm: 13, privateKey: Buffer.from(privateKey).toString('base64') };
    }),
    signatureValiditySeconds: settings.signatureValiditySeconds,
  };
}

/** Hex SHA-256 of what is public of it: it changes with everything that answers show of it, and tells nothing of private keys. */
export function publicDigest(material: SigningMaterial): string {
  const { signers, ...open } = material;
  const text = JSON.stringify([open, signers.map((signer) => signer.keyTag)]);
  return createHash('sha256').update(text).digest('hex');
}

function madeOfText(plan: KeyPlan, settings: SigningSettings): string {
  const ids = (keys: readonly { readonly id: string }[]): string => keys.map((key) => key.id).join(' ');
  const parent = typeof plan.parent === 'object' ? ids(plan.parent) : (plan.parent ?? 'nothing');
  const { dnskeyTtlSeconds, dnskeyValiditySeconds } = settings;
  return [ids(plan.published), ids(plan.keySigners), parent, dnskeyTtlSeconds, dnskeyValiditySeconds].join(
    '; ',
  );
}
