import type { DomainName } from '../name.ts';
import { decodeRdata, type Rdata } from '../records/catalogue.ts';
import { compileRRset, type RRset } from '../rrset.ts';
import { TYPE } from '../types.ts';
import { WireReader } from '../wire/reader.ts';
import { canonicalRdata } from './canonical.ts';
import { type KeyPair, privateKeyFrom } from './key.ts';
import type { PresignedSet } from './material.ts';
import { signRRset, type ValidityPeriod } from './signature.ts';

/** An RRset ready to answer with, beside its signatures. */
export interface SignedSet {
  readonly set: RRset;
  readonly signatures: RRset;
}

/** Signs a set of the apex (DNSKEY, CDS, CDNSKEY) for name servers to hand out, once by every key. */
export function presign(
  origin: DomainName,
  ttlSeconds: number,
  records: readonly Rdata[],
  keys: readonly KeyPair[],
  validity: ValidityPeriod,
): PresignedSet {
  const set = { owner: origin, records, originalTtlSeconds: ttlSeconds };
  const signatures = keys.map((key) =>
    signRRset(
      set,
      { signer: origin, keyTag: key.keyTag, privateKey: privateKeyFrom(key.privateKey) },
      validity,
    ),
  );
  return { ttlSeconds, records: records.map(base64), signatures: signatures.map(base64) };
}

/** Reads a presigned set. @throws PortolanError DNS_WIRE_MALFORMED */
export function readPresigned(type: number, presigned: PresignedSet): SignedSet {
  const { ttlSeconds, records, signatures } = presigned;
  return {
    set: compileRRset(
      type,
      ttlSeconds,
      records.map((text) => rdataFrom(type, text)),
    ),
    signatures: compileRRset(
      TYPE.RRSIG,
      ttlSeconds,
      signatures.map((text) => rdataFrom(TYPE.RRSIG, text)),
    ),
  };
}

function base64(rdata: Rdata): string {
  return Buffer.from(canonicalRdata(rdata)).toString('base64');
}

function rdataFrom(type: number, text: string): Rdata {
  return decodeRdata(type, new WireReader(new Uint8Array(Buffer.from(text, 'base64'))));
}
