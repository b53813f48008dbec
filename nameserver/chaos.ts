import { type Decision, withoutRecords } from '../src/dns/decision.ts';
import { CLASS, RCODE, TYPE } from '../src/dns/types.ts';
import type { Query } from '../src/dns/wire/query.ts';
import { WireWriter } from '../src/dns/wire/writer.ts';

/** RFC 4892 section 2: who answers, for servers that share an address; and what BIND calls it. */
const SERVER_NAMES: ReadonlySet<string> = new Set(['id.server.', 'hostname.bind.']);

/**
 * The answer to a query of class CHAOS: the server's own name where it has one. Its version is nobody's business.
 * @param nsid as in the NSID option
 */
export function answerChaos(query: Query, nsid: Uint8Array | undefined): Decision {
  const known =
    nsid !== undefined &&
    SERVER_NAMES.has(query.name) &&
    (query.type === TYPE.TXT || query.type === TYPE.ANY);
  if (!known) return withoutRecords(RCODE.REFUSED);
  const set = {
    type: TYPE.TXT,
    ttlSeconds: 0,
    records: [{ type: 'TXT', strings: [nsid] }],
    wire: chaosText(nsid),
  } as const;
  return { ...withoutRecords(RCODE.NOERROR), authoritative: true, answer: [{ owner: query.name, set }] };
}

/** One TXT record of class CHAOS with the question as its owner. */
function chaosText(text: Uint8Array): Uint8Array {
  const writer = new WireWriter(512);
  writer.u16(0xc00c);
  writer.u16(TYPE.TXT);
  writer.u16(CLASS.CH);
  writer.u32(0);
  writer.u16(1 + text.length);
  writer.charString(text);
  return new Uint8Array(writer.buffer.subarray(0, writer.offset));
}
