import { PortolanError } from '../../errors/error.ts';
import { type OwnedRRset, writeRecordBody } from '../rrset.ts';
import type { TsigSigner } from '../tsig.ts';
import { RCODE } from '../types.ts';
import { optLength, writeOpt } from '../wire/edns.ts';
import { FLAG, HEADER_OCTETS, type Query } from '../wire/query.ts';
import type { WireWriter } from '../wire/writer.ts';
import type { Zone } from '../zone.ts';
import type { ZoneDifference } from './difference.ts';

/** Each record of a signed zone costs a signature: small messages, so that queries are answered in between. */
export const SIGNED_MESSAGE_OCTETS = 2 * 1024;
/** Names compress only against the first 16 KiB of a message (RFC 1035 section 4.1.4): longer ones gain nothing. */
const FULL_MESSAGE_OCTETS = 16 * 1024;
const MAX_MESSAGE_OCTETS = 0xffff;

/** The records of a whole zone as AXFR sends them: SOA, everything else, SOA (RFC 5936 section 2.2). */
export function* wholeZone(
  zone: Zone,
  content: Iterable<OwnedRRset>,
): Generator<OwnedRRset, void, undefined> {
  const soa = { owner: zone.origin, set: zone.soa };
  yield soa;
  yield* content;
  yield soa;
}

/** The records of differences as IXFR sends them (RFC 1995 section 4): the new SOA around (old SOA, removed, new SOA, added)*. */
export function* incrementalZone(
  zone: Zone,
  differences: readonly ZoneDifference[],
): Generator<OwnedRRset, void, undefined> {
  const owner = zone.origin;
  const soa = { owner, set: zone.soa };
  yield soa;
  for (const { from, to, removed, added } of differences) {
    yield { owner, set: from.soa };
    yield* removed;
    yield { owner, set: to.soa };
    yield* added;
  }
  yield soa;
}

/**
 * Packs sets into as few messages as there must be, each a complete answer to the query. Each step writes one message to the
 * writer's start and yields; the writer may be used for something else between two steps.
 * @param fullOctets beyond this a message gets no further record
 * @throws PortolanError INTERNAL when one record alone is longer than a message
 */
export function* packMessages(
  query: Query,
  sets: Iterable<OwnedRRset>,
  writer: WireWriter,
  signer: TsigSigner | undefined,
  nowSeconds: () => number,
  fullOctets = FULL_MESSAGE_OCTETS,
): Generator<void, void, undefined> {
  const { edns } = query;
  const tail = (edns === undefined ? 0 : optLength(edns)) + (signer?.octets ?? 0);
  const room = MAX_MESSAGE_OCTETS - tail;
  let count = 0;
  const begin = (): void => {
    writer.reset();
    writer.offset = HEADER_OCTETS;
    writer.slice(query.bytes, HEADER_OCTETS, query.questionEnd);
    writer.remember(query.name, HEADER_OCTETS);
    count = 0;
  };
  const finish = (): void => {
    if (edns !== undefined) writeOpt(writer, edns, RCODE.NOERROR, 0);
    writer.patchU16(0, query.id);
    writer.patchU16(2, FLAG.QR | FLAG.AA | (query.flags & FLAG.RD));
    writer.patchU16(4, 1);
    writer.patchU16(6, count);
    writer.patchU16(8, 0);
    writer.patchU16(10, edns === undefined ? 0 : 1);
    signer?.sign(writer, nowSeconds());
  };
  begin();
  for (const { owner, set } of sets) {
    for (const rdata of set.records) {
      const before = writer.offset;
      writer.name(owner);
      writeRecordBody(writer, set.type, set.ttlSeconds, rdata);
      if (writer.offset > (count === 0 ? room : fullOctets - tail)) {
        if (count === 0) throw new PortolanError('INTERNAL', `a record of ${owner} is longer than a message`);
        writer.rewind(before);
        finish();
        yield;
        begin();
        writer.name(owner);
        writeRecordBody(writer, set.type, set.ttlSeconds, rdata);
        if (writer.offset > room)
          throw new PortolanError('INTERNAL', `a record of ${owner} is longer than a message`);
      }
      count += 1;
    }
  }
  finish();
  yield;
}
