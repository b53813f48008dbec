import { type KeyObject, sign, verify } from 'node:crypto';
import { type DomainName, labelsOf, wildcardUnder } from '../name.ts';
import { codeOf, type Rdata } from '../records/catalogue.ts';
import type { DnskeyRdata } from '../records/dnskey.ts';
import { encodeRrsigHead, type RrsigRdata } from '../records/rrsig.ts';
import { CLASS } from '../types.ts';
import { canonicalOrder, PlainWriter, signedLabels } from './canonical.ts';
import { ECDSAP256SHA256, keyTagOf, publicKeyFrom } from './key.ts';

/** What is signed: all records of one type at one name. */
export interface SignableSet {
  readonly owner: DomainName;
  /** At least one, all of one type. */
  readonly records: readonly Rdata[];
  /** The TTL the set has in the zone; one answer may show less, never more (RFC 4035 section 2.2). */
  readonly originalTtlSeconds: number;
}

/** A key ready to sign for a zone. */
export interface SigningKey {
  /** The zone's origin. */
  readonly signer: DomainName;
  readonly keyTag: number;
  readonly privateKey: KeyObject;
}

/** When a signature is valid, in seconds since 1970. */
export interface ValidityPeriod {
  readonly inceptionSeconds: number;
  readonly expirationSeconds: number;
}

const writer = new PlainWriter(1024);

/** Signs a set (RFC 4034 section 3.1.8.1, RFC 6605 section 4). */
export function signRRset(set: SignableSet, key: SigningKey, validity: ValidityPeriod): RrsigRdata {
  const [first] = set.records;
  const head = {
    typeCovered: first === undefined ? 0 : codeOf(first),
    algorithm: ECDSAP256SHA256,
    labels: signedLabels(set.owner),
    originalTtlSeconds: set.originalTtlSeconds,
    expiration: validity.expirationSeconds >>> 0,
    inception: validity.inceptionSeconds >>> 0,
    keyTag: key.keyTag,
    signer: key.signer,
  };
  // IEEE P1363 is r and s side by side, as DNSSEC has them.
  const signature = sign('sha256', signedData(set, head), {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return { type: 'RRSIG', ...head, signature: new Uint8Array(signature) };
}

/** True when the key made this signature over the set and `atSeconds` lies within its validity (RFC 4035 section 5.3). */
export function verifyRRset(
  set: Pick<SignableSet, 'owner' | 'records'>,
  rrsig: RrsigRdata,
  dnskey: DnskeyRdata,
  atSeconds: number,
): boolean {
  const [first] = set.records;
  const labels = signedLabels(set.owner);
  if (first === undefined || rrsig.typeCovered !== codeOf(first)) return false;
  if (rrsig.algorithm !== dnskey.algorithm || rrsig.keyTag !== keyTagOf(dnskey)) return false;
  if (rrsig.labels > labels || atSeconds < rrsig.inception || atSeconds > rrsig.expiration) return false;
  const owner = rrsig.labels === labels ? set.owner : expandedFrom(set.owner, rrsig.labels);
  const data = signedData({ ...set, owner, originalTtlSeconds: rrsig.originalTtlSeconds }, rrsig);
  const key = publicKeyFrom(dnskey);
  return key !== undefined && verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, rrsig.signature);
}

/** The octets a signature covers. */
function signedData(set: SignableSet, head: Omit<RrsigRdata, 'type' | 'signature'>): Uint8Array {
  writer.reset();
  encodeRrsigHead(head, writer);
  const headEnd = writer.offset;
  writer.plainName(set.owner);
  writer.u16(head.typeCovered);
  writer.u16(CLASS.IN);
  writer.u32(head.originalTtlSeconds);
  const before = writer.buffer.subarray(headEnd, writer.offset); // what stands before the length of each record
  const records = canonicalOrder(set.records);
  const size = records.reduce((sum, rdata) => sum + before.length + 2 + rdata.length, headEnd);
  const data = Buffer.allocUnsafe(size);
  let at = writer.buffer.copy(data, 0, 0, headEnd);
  for (const rdata of records) {
    data.set(before, at);
    at = data.writeUInt16BE(rdata.length, at + before.length);
    data.set(rdata, at);
    at += rdata.length;
  }
  return data;
}

/** The wildcard that a name with more labels than its signature says was made from (RFC 4035 section 5.3.2). */
function expandedFrom(owner: DomainName, labels: number): DomainName {
  const kept = labelsOf(owner).slice(labelsOf(owner).length - labels);
  return wildcardUnder(`${kept.join('.')}.` as DomainName);
}
