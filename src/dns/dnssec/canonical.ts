import { type DomainName, isWildcard, labelsOf } from '../name.ts';
import { encodeRdata, type Rdata } from '../records/catalogue.ts';
import { WireWriter } from '../wire/writer.ts';

/** Writes names in full always: signed data knows no compression. */
export class PlainWriter extends WireWriter {
  override name(name: DomainName): void {
    this.plainName(name);
  }
}

const writer = new PlainWriter();

/** RDATA as it is signed: names in full and in lower case (RFC 4034 section 6.2); the result is a buffer of its own. */
export function canonicalRdata(rdata: Rdata): Uint8Array {
  writer.reset();
  encodeRdata(rdata, writer);
  return new Uint8Array(writer.buffer.subarray(0, writer.offset));
}

/** The RDATA of a set in canonical order: as octet strings from left to right, a prefix first (RFC 4034 section 6.3). */
export function canonicalOrder(records: readonly Rdata[]): readonly Uint8Array[] {
  return records.map(canonicalRdata).sort(Buffer.compare);
}

/** Labels of an owner as an RRSIG counts them: neither the root nor a leading `*` (RFC 4034 section 3.1.3). */
export function signedLabels(owner: DomainName): number {
  return labelsOf(owner).length - (isWildcard(owner) ? 1 : 0);
}

/** Names in canonical order: by label from the right, as octets in lower case (RFC 4034 section 6.1). */
export function compareNames(a: DomainName, b: DomainName): number {
  const left = labelsOf(a);
  const right = labelsOf(b);
  for (let i = 1; i <= left.length && i <= right.length; i += 1) {
    const order = Buffer.compare(
      labelOctets(left[left.length - i] ?? ''),
      labelOctets(right[right.length - i] ?? ''),
    );
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** The octets of one label in canonical spelling. */
export function labelOctets(label: string): Buffer {
  if (!label.includes('\\')) return Buffer.from(label, 'latin1');
  return Buffer.from(
    label.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number(digits))),
    'latin1',
  );
}
