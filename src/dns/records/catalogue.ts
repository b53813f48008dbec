import { PortolanError } from '../../errors/error.ts';
import type { DomainName } from '../name.ts';
import { TYPE, typeName } from '../types.ts';
import { malformed, WireReader } from '../wire/reader.ts';
import { WireWriter } from '../wire/writer.ts';
import { A, type ARdata } from './a.ts';
import { AAAA, type AaaaRdata } from './aaaa.ts';
import { AFSDB, type AfsdbRdata } from './afsdb.ts';
import { APL, type AplRdata } from './apl.ts';
import { CAA, type CaaRdata } from './caa.ts';
import { CDNSKEY, type CdnskeyRdata } from './cdnskey.ts';
import { CDS, type CdsRdata } from './cds.ts';
import { CERT, type CertRdata } from './cert.ts';
import { CNAME, type CnameRdata } from './cname.ts';
import type { RecordType } from './contract.ts';
import { DHCID, type DhcidRdata } from './dhcid.ts';
import { DNAME, type DnameRdata } from './dname.ts';
import { DNSKEY, type DnskeyRdata } from './dnskey.ts';
import { DS, type DsRdata } from './ds.ts';
import { EUI48, type Eui48Rdata } from './eui48.ts';
import { EUI64, type Eui64Rdata } from './eui64.ts';
import { Fields } from './fields.ts';
import { HINFO, type HinfoRdata } from './hinfo.ts';
import { HTTPS, type HttpsRdata } from './https.ts';
import { KX, type KxRdata } from './kx.ts';
import { LOC, type LocRdata } from './loc.ts';
import { MX, type MxRdata } from './mx.ts';
import { NAPTR, type NaptrRdata } from './naptr.ts';
import { NS, type NsRdata } from './ns.ts';
import { NSEC, type NsecRdata } from './nsec.ts';
import {
  decodeOpaque,
  encodeOpaque,
  formatOpaque,
  OPAQUE_EXAMPLE,
  type OpaqueRdata,
  parseOpaqueData,
} from './opaque.ts';
import { OPENPGPKEY, type OpenpgpkeyRdata } from './openpgpkey.ts';
import { PTR, type PtrRdata } from './ptr.ts';
import { RP, type RpRdata } from './rp.ts';
import { RRSIG, type RrsigRdata } from './rrsig.ts';
import { SMIMEA, type SmimeaRdata } from './smimea.ts';
import { SOA, type SoaRdata } from './soa.ts';
import { SPF, type SpfRdata } from './spf.ts';
import { SRV, type SrvRdata } from './srv.ts';
import { SSHFP, type SshfpRdata } from './sshfp.ts';
import { SVCB, type SvcbRdata } from './svcb.ts';
import { TLSA, type TlsaRdata } from './tlsa.ts';
import { TXT, type TxtRdata } from './txt.ts';
import { URI, type UriRdata } from './uri.ts';

/** The typed rdata of every record type this program interprets. */
interface RdataByType {
  A: ARdata;
  AAAA: AaaaRdata;
  AFSDB: AfsdbRdata;
  APL: AplRdata;
  CAA: CaaRdata;
  CDNSKEY: CdnskeyRdata;
  CDS: CdsRdata;
  CERT: CertRdata;
  CNAME: CnameRdata;
  DHCID: DhcidRdata;
  DNAME: DnameRdata;
  DNSKEY: DnskeyRdata;
  DS: DsRdata;
  EUI48: Eui48Rdata;
  EUI64: Eui64Rdata;
  HINFO: HinfoRdata;
  HTTPS: HttpsRdata;
  KX: KxRdata;
  LOC: LocRdata;
  MX: MxRdata;
  NAPTR: NaptrRdata;
  NS: NsRdata;
  NSEC: NsecRdata;
  OPENPGPKEY: OpenpgpkeyRdata;
  PTR: PtrRdata;
  RP: RpRdata;
  RRSIG: RrsigRdata;
  SMIMEA: SmimeaRdata;
  SOA: SoaRdata;
  SPF: SpfRdata;
  SRV: SrvRdata;
  SSHFP: SshfpRdata;
  SVCB: SvcbRdata;
  TLSA: TlsaRdata;
  TXT: TxtRdata;
  URI: UriRdata;
}

type KnownType = keyof RdataByType;
type KnownRdata = RdataByType[KnownType];

/** The data of one record; `type` tells which. */
export type Rdata = KnownRdata | OpaqueRdata;

/** Every record type, in one place: a new one is a file beside this and a line here. */
const CATALOGUE: { readonly [K in KnownType]: RecordType<RdataByType[K]> } = {
  A,
  AAAA,
  AFSDB,
  APL,
  CAA,
  CDNSKEY,
  CDS,
  CERT,
  CNAME,
  DHCID,
  DNAME,
  DNSKEY,
  DS,
  EUI48,
  EUI64,
  HINFO,
  HTTPS,
  KX,
  LOC,
  MX,
  NAPTR,
  NS,
  NSEC,
  OPENPGPKEY,
  PTR,
  RP,
  RRSIG,
  SMIMEA,
  SOA,
  SPF,
  SRV,
  SSHFP,
  SVCB,
  TLSA,
  TXT,
  URI,
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
