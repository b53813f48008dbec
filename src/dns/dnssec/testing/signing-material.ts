import type { DomainName } from '../../name.ts';
import type { CdnskeyRdata } from '../../records/cdnskey.ts';
import type { CdsRdata } from '../../records/cds.ts';
import { DIGEST_TYPE, dsOf, generateKey, KEY_FLAGS, type KeyPair } from '../key.ts';
import type { SigningMaterial } from '../material.ts';
import { presign } from '../presigned.ts';

/** The keys of a zone, as a hub keeps them. */
export interface ZoneKeys {
  readonly keySigning: KeyPair;
  readonly zoneSigning: KeyPair;
}

export function makeZoneKeys(): ZoneKeys {
  return { keySigning: generateKey(KEY_FLAGS.keySigning), zoneSigning: generateKey(KEY_FLAGS.zoneSigning) };
}

/** What a hub sends to name servers at this time, valid from an hour before for three weeks. */
export function materialOf(
  origin: DomainName,
  keys: ZoneKeys,
  nowSeconds: number,
  signatureValiditySeconds = 7 * 86_400,
): SigningMaterial {
  const { keySigning, zoneSigning } = keys;
  const validity = { inceptionSeconds: nowSeconds - 3600, expirationSeconds: nowSeconds + 21 * 86_400 };
  const cds: CdsRdata = { ...dsOf(origin, keySigning.dnskey, DIGEST_TYPE.SHA256), type: 'CDS' };
  const cdnskey: CdnskeyRdata = { ...keySigning.dnskey, type: 'CDNSKEY' };
  const signed = (records: Parameters<typeof presign>[2]) =>
    presign(origin, 3600, records, [keySigning], validity);
  return {
    dnskey: signed([keySigning.dnskey, zoneSigning.dnskey]),
    cds: signed([cds]),
    cdnskey: signed([cdnskey]),
    signers: [
      {
        keyTag: zoneSigning.keyTag,
        algorithm: 13,
        privateKey: Buffer.from(zoneSigning.privateKey).toString('base64'),
      },
    ],
    signatureValiditySeconds,
  };
}
