import type { ClientAddress } from './client.ts';
import { type Decision, withoutRecords } from './decision.ts';
import { Search } from './search.ts';
import type { AnswerTable } from './table.ts';
import { CLASS, OPCODE, RCODE, TYPE } from './types.ts';
import type { Query } from './wire/query.ts';

/**
 * The answer to a query: RFC 1034 section 4.3.2 with wildcards (RFC 4592), delegations, aliases inside the zone (the response
 * code is that of the last name, RFC 6604) and DNAMEs (RFC 6672), negative answers (RFC 2308) and minimal ANY (RFC 8482). A
 * signed zone answers with signatures when it is asked to, and denies compactly (RFC 4035 section 3.1, RFC 9824). Pure but for
 * what routed names and signers do.
 * @param client what routing goes by; see `clientOfQuery`
 * @param admit asked before an answer is signed, with what it is without signatures; false: it will not be sent, so it is not signed
 */
export function respond(
  table: AnswerTable,
  query: Query,
  client: ClientAddress,
  admit?: (unsigned: Decision) => boolean,
): Decision {
  if (query.problem !== RCODE.NOERROR) return withoutRecords(query.problem);
  if (query.opcode !== OPCODE.QUERY) return withoutRecords(RCODE.NOTIMP);
  if (query.class !== CLASS.IN) return withoutRecords(RCODE.REFUSED);
  switch (query.type) {
    case TYPE.AXFR:
    case TYPE.IXFR:
      return withoutRecords(RCODE.REFUSED);
    case TYPE.MAILA:
    case TYPE.MAILB:
      return withoutRecords(RCODE.NOTIMP);
    case TYPE.OPT:
    case TYPE.TSIG:
    case TYPE.TKEY:
    case TYPE.NXNAME: // RFC 9824 section 3.5: it stands in the bitmap of NSEC records only
      return withoutRecords(RCODE.FORMERR);
    default:
  }
  let zone = table.zoneFor(query.name);
  if (zone !== undefined && query.type === TYPE.DS && query.name === zone.origin) {
    zone = table.zoneAbove(zone.origin) ?? zone;
  }
  if (zone === undefined) return withoutRecords(RCODE.REFUSED);
  return new Search(zone, query, client, admit).run(query.name);
}
