import { PortolanError } from '../../errors/error.ts';
import type { DomainName } from '../name.ts';
import { TYPE, typeName } from '../types.ts';
import { malformed, WireReader } from '../wire/reader.ts';
import { WireWriter } from '../wire/writer.ts';
import { A, type ARdata } from './a.ts';
import { AAAA, type AaaaRdata } from './aaaa.ts';
import { CAA, type CaaRdata } from './caa.ts';
import { CNAME, type CnameRdata } from './cname.ts';
import type { RecordType } from './contract.ts';
import { Fields } from './fields.ts';
import { HTTPS, type HttpsRdata } from './https.ts';
import { MX, type MxRdata } from './mx.ts';
import { NS, type NsRdata } from './ns.ts';
import {
  decodeOpaque,
  encodeOpaque,
  formatOpaque,
  OPAQUE_EXAMPLE,
  type OpaqueRdata,
  parseOpaqueData,
} from './opaque.ts';
import { PTR, type PtrRdata } from './ptr.ts';
import { SOA, type SoaRdata } from './soa.ts';
import { SRV, type SrvRdata } from './srv.ts';
import { SVCB, type SvcbRdata } from './svcb.ts';
import { TXT, type TxtRdata } from './txt.ts';

/** The typed rdata of every record type this program interprets. */
interface RdataByType {
  A: ARdata;
  AAAA: AaaaRdata;
  CAA: CaaRdata;
  CNAME: CnameRdata;
  HTTPS: HttpsRdata;
  MX: MxRdata;
  NS: NsRdata;
  PTR: PtrRdata;
  SOA: SoaRdata;
  SRV: SrvRdata;
  SVCB: SvcbRdata;
  TXT: TxtRdata;
}

type KnownType = keyof RdataByType;
type KnownRdata = RdataByType[KnownType];

/** The data of one record; `type` tells which. */
export type Rdata = KnownRdata | OpaqueRdata;

/** Every record type, in one place: a new one is a file beside this and a line here. */
const CATALOGUE: { readonly [K in KnownType]: RecordType<RdataByType[K]> } = {
  A,
  AAAA,
  CAA,
  CNAME,
  HTTPS,
  MX,
  NS,
  PTR,
  SOA,
  SRV,
  SVCB,
  TXT,
};

const BY_CODE: ReadonlyMap<number, RecordType<KnownRdata>> = new Map(
  Object.values(CATALOGUE).map((recordType) => [recordType.code, recordType]),
);

/** Names of the types with a presentation form of their own, such as `A`; every other type is written `\# length hex`. */
export const INTERPRETED_TYPES: readonly string[] = Object.keys(CATALOGUE);

const MAX_RDATA = 0xffff; // RDLENGTH has 16 bits
const MAX_TEXT = 2 * MAX_RDATA + 16; // the longest `\\# length hex`
const scale = new WireWriter(8 * MAX_TEXT); // weighs rdata; text of that length cannot fill it

/** The type's number in messages. */
export function codeOf(rdata: Rdata): number {
  return rdata.type === 'OPAQUE' ? rdata.code : TYPE[rdata.type];
}

/**
 * Parses the presentation form of one record, or `\# length hex`, which every type takes (RFC 3597).
 * @param origin what relative names are relative to; without it every name is complete
 * @throws PortolanError DNS_RECORD_INVALID, with an example of the type in its message
 */
export function parseRdata(type: number, text: string, origin?: DomainName): Rdata {
  const recordType = BY_CODE.get(type);
  const example = recordType?.example ?? OPAQUE_EXAMPLE;
  const fields = new Fields(text.length > MAX_TEXT ? '' : text, {
    typeName: typeName(type),
    example,
    origin,
  });
  if (text.length > MAX_TEXT)
    return fields.fail(`the text has ${text.length} characters; at most ${MAX_TEXT} are read`);
  if (/^\s*\\#(\s|$)/.test(text)) {
    fields.word('the marker');
    const data = parseOpaqueData(fields);
    try {
      return decodeRdata(type, new WireReader(data));
    } catch (error) {
      return fields.fail(PortolanError.from(error).message);
    }
  }
  if (recordType === undefined) return fields.fail('this type is written as a length and hexadecimal digits');
  const rdata = recordType.parse(fields);
  fields.end();
  scale.reset();
  recordType.encode(rdata, scale);
  if (scale.offset > MAX_RDATA)
    return fields.fail(`the data has ${scale.offset} octets; at most ${MAX_RDATA} fit`);
  return rdata;
}

/** The presentation form; `parseRdata` gives the same rdata back. */
export function formatRdata(rdata: Rdata): string {
  return rdata.type === 'OPAQUE' ? formatOpaque(rdata) : recordTypeOf(rdata).format(rdata);
}

/** Writes the rdata, without its length. */
export function encodeRdata(rdata: Rdata, writer: WireWriter): void {
  if (rdata.type === 'OPAQUE') encodeOpaque(rdata, writer);
  else recordTypeOf(rdata).encode(rdata, writer);
}

/**
 * Reads rdata from the reader's offset to its end.
 * @throws PortolanError DNS_WIRE_MALFORMED, also when octets are left over
 */
export function decodeRdata(type: number, reader: WireReader): Rdata {
  const recordType = BY_CODE.get(type);
  if (recordType === undefined) return decodeOpaque(type, reader);
  const rdata = recordType.decode(reader);
  if (reader.offset !== reader.end) malformed(`a ${typeName(type)} record has octets left over`);
  return rdata;
}

/** True when rdata of this type changes with the message it stands in, because its names are compressed. */
export function compressesNames(type: number): boolean {
  return BY_CODE.get(type)?.compresses ?? false;
}

/** The entry that fits the rdata, by construction of the catalogue. */
function recordTypeOf(rdata: KnownRdata): RecordType<KnownRdata> {
  return CATALOGUE[rdata.type];
}
