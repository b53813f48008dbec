import { ZoneSigners } from '../nameserver/zone-signers.ts';
import type { ClientAddress } from '../src/dns/client.ts';
import { makeZoneKeys, materialOf } from '../src/dns/dnssec/testing/signing-material.ts';
import { parseName } from '../src/dns/name.ts';
import { parseRdata } from '../src/dns/records/catalogue.ts';
import { respond } from '../src/dns/respond.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { zoneSource } from '../src/dns/testing/zone-source.ts';
import { CLASS, TYPE } from '../src/dns/types.ts';
import { encodeMessage, makeQuery } from '../src/dns/wire/message.ts';
import { parseQuery } from '../src/dns/wire/query.ts';
import { answerLimit, encodeResponse } from '../src/dns/wire/response.ts';
import { WireWriter } from '../src/dns/wire/writer.ts';
import { compileZoneOrThrow } from '../src/dns/zone.ts';
import { type Figure, lowerIsBetter, percentile } from './figure.ts';

/*
 * What signing costs: processor time from the octets of a query to those of its answer, without sockets, beside the same query
 * without DO. Medians of rounds in turns.
 */

const NAMES = 1000;
const QUERIES = 5000;
const ROUNDS = 5;
const CLIENT: ClientAddress = { family: 4, bytes: new Uint8Array(4), prefixLength: 32, source: 'resolver' };

const origin = parseName('signed.test');
const addresses = ['192.0.2.1', '192.0.2.2'].map((text) => parseRdata(TYPE.A, text));

function table(): AnswerTable {
  let turn = 0;
  const zone = compileZoneOrThrow(
    zoneSource({
      origin,
      nameServers: [{ name: parseName('ns.example.net'), addresses: [] }],
      records: Array.from({ length: NAMES }, (_, i) => ({ name: `w${i}`, type: 'A', data: ['192.0.2.1'] })),
      routed: [
        {
          name: parseName('api.signed.test'),
          routed: {
            types: new Set([TYPE.A]),
            // Another order and another TTL each time, as weights and a change that comes near give.
            answer: () => {
              turn += 1;
              const records = turn % 2 === 0 ? addresses : addresses.toReversed();
              return { ttlSeconds: 5 + (turn % 25), fullTtlSeconds: 30, ecsScope: 0, records };
            },
          },
        },
      ],
    }),
  );
  const signers = new ZoneSigners({ wallMs: () => Date.now(), signaturesPerSecond: Number.MAX_SAFE_INTEGER });
  const material = materialOf(origin, makeZoneKeys(), Math.floor(Date.now() / 1000));
  return new AnswerTable([{ ...zone, signer: signers.signerFor(origin, material) }]);
}

function queryOctets(name: string, type: number, dnssecOk: boolean): Uint8Array {
  const message = makeQuery(1, { name: parseName(name), type, class: CLASS.IN });
  return encodeMessage({ ...message, edns: { udpSize: 1232, version: 0, dnssecOk, options: [] } });
}

const writer = new WireWriter();

/** Microseconds of processor time an answer takes. */
function cost(from: AnswerTable, queries: readonly Uint8Array[]): number {
  const before = process.cpuUsage();
  for (const octets of queries) {
    const query = parseQuery(octets);
    if (query === undefined) throw new Error('the query was dropped');
    encodeResponse(query, respond(from, query, CLIENT), writer, answerLimit(query, 'udp'));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / queries.length;
}

const CASES: readonly {
  readonly what: string;
  readonly name: (i: number) => string;
  readonly type: number;
}[] = [
  { what: 'static records, signed before', name: (i) => `w${i % NAMES}.signed.test`, type: TYPE.A },
  { what: 'routed records, signed before', name: () => 'api.signed.test', type: TYPE.A },
  { what: 'no such type, signed before', name: (i) => `w${i % NAMES}.signed.test`, type: TYPE.MX },
  { what: 'a new name that does not exist', name: (i) => `n${i}.signed.test`, type: TYPE.A },
];

export async function run(): Promise<readonly Figure[]> {
  const from = table();
  let made = 0;
  return CASES.map(({ what, name, type }) => {
    const signed: number[] = [];
    const unsigned: number[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const queries = (dnssecOk: boolean): readonly Uint8Array[] =>
        Array.from({ length: QUERIES }, (_, i) => queryOctets(name(made + i), type, dnssecOk));
      const with_ = cost(from, queries(true));
      const without = cost(from, queries(false));
      made += QUERIES;
      if (round === 0) continue; // the compiler warms up, and signatures are made
      signed.push(with_);
      unsigned.push(without);
    }
    return lowerIsBetter({
      bench: 'dnssec',
      case: what,
      ours: percentile(signed, 50),
      peer: percentile(unsigned, 50),
      peerName: 'the same without DO',
      unit: 'µs',
    });
  });
}
