import { isAtOrBelow, parentOf, parseName, tryParseName, wireLengthOf } from '../../../src/dns/name.ts';
import { CLASS, className, parseType, TYPE, typeName } from '../../../src/dns/types.ts';
import { encodeMessage, type Message, makeQuery } from '../../../src/dns/wire/message.ts';
import { seededRandom } from '../../support/random.ts';
import type { Exchange } from './exchange.ts';
import type { World } from './random-zones.ts';

/** A question to put to every server. */
export interface Asked extends Exchange {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Octets the client takes over UDP; `undefined` without EDNS. */
  readonly udpSize: number | undefined;
  readonly dnssecOk: boolean;
  /** For messages about it: as `dig` would be told. */
  readonly text: string;
}

/** Types asked for at many names, whether or not they are there. */
const COMMON = [
  TYPE.A,
  TYPE.AAAA,
  TYPE.CNAME,
  TYPE.DNAME,
  TYPE.NS,
  TYPE.SOA,
  TYPE.MX,
  TYPE.TXT,
  TYPE.ANY,
  TYPE.DS,
  TYPE.SRV,
  TYPE.PTR,
  TYPE.HTTPS,
  TYPE.CAA,
  65_400,
  65_401,
];

/** Types no zone has here, and numbers that are no types. */
const RARE = [
  TYPE.RRSIG,
  TYPE.NSEC,
  TYPE.NSEC3,
  TYPE.DNSKEY,
  TYPE.CDS,
  TYPE.NSEC3PARAM,
  TYPE.MAILA,
  TYPE.MAILB,
  TYPE.OPT,
  TYPE.TKEY,
  TYPE.TSIG,
  TYPE.NXNAME,
  0,
  3, // MD, obsolete
  99, // SPF, obsolete
  65_535,
];

/** They are no data, signed or not. */
const NO_DATA_TYPES: readonly number[] = [
  0,
  TYPE.MAILA,
  TYPE.MAILB,
  TYPE.OPT,
  TYPE.TKEY,
  TYPE.TSIG,
  TYPE.NXNAME,
];

/** Every question of a world's seed: each owner with its own types and others, the names around it, and odd forms of asking. */
export function randomQueries(world: World, perName: number): readonly Asked[] {
  const random = seededRandom(world.seed * 104_729 + 3);
  const pick = <T>(from: readonly T[], otherwise: T): T =>
    from[Math.floor(random() * from.length)] ?? otherwise;
  const typesAt = new Map<string, Set<number>>();
  const note = (name: string, types: readonly number[]): void => {
    const parsed = tryParseName(name);
    if (typeof parsed === 'object') return;
    const known = typesAt.get(parsed) ?? new Set();
    for (const type of types) known.add(type);
    typesAt.set(parsed, known);
  };
  for (const zone of world.zones) {
    note(zone.origin, [TYPE.SOA, TYPE.NS, TYPE.DS, TYPE.ANY, TYPE.DNSKEY]);
    for (const server of zone.nameServers) note(server.name, [TYPE.A, TYPE.AAAA]);
    for (const record of zone.records) {
      const type = parseType(record.type) ?? 0;
      note(record.name, type === TYPE.NS ? [type, TYPE.DS, TYPE.A] : [type]);
      // Below, two below, beside, the wildcard itself, and every name above.
      note(`x.${record.name}`, [TYPE.A, type]);
      if (random() < 0.3) note(`y.x.${record.name}`, [type]);
      if (random() < 0.3) note(`*.${record.name}`, [type]);
      const name = parseName(record.name);
      const parent = parentOf(name);
      if (parent !== undefined && isAtOrBelow(parent, parseName(zone.origin))) {
        note(`sibling.${parent}`, [type]);
        if (random() < 0.3) note(parent, [type]);
      }
      // What a wildcard is asked for.
      if (record.name.startsWith('*.')) note(`hit.${record.name.slice(2)}`, [type, TYPE.A, TYPE.ANY]);
      // What RDATA speaks of.
      const [target] = record.data[0]?.match(/\S+\.$/) ?? [];
      if (target !== undefined) note(target, [TYPE.A]);
    }
  }
  note('not-here.invalid.', COMMON);
  note('test.', [TYPE.NS, TYPE.DS]);
  note('.', [TYPE.NS, TYPE.SOA, TYPE.DNSKEY]);

  const queries: Asked[] = [];
  for (const [name, own] of typesAt) {
    const types = new Set(own);
    for (let i = 0; i < perName; i += 1) types.add(pick(COMMON, TYPE.A));
    if (random() < 0.2) types.add(pick(RARE, TYPE.RRSIG));
    for (const type of types) queries.push(ask(name, type, random, pick));
  }
  return queries;
}

/** The same questions to signed zones, most with DO and all over TCP: signed answers differ in size, and so in what fits. */
export function signedQueries(world: World, perName: number): readonly Asked[] {
  const random = seededRandom(world.seed * 15_485_863 + 5);
  const seen = new Set<string>();
  const plain = randomQueries(world, perName);
  // What denies at a delegation belongs to the zone above it: always asked for.
  const atCuts = plain.filter(({ type }) => type === TYPE.NS).map((asked) => ({ ...asked, type: TYPE.NSEC }));
  return [...plain, ...atCuts].flatMap(({ name, type, class: qclass }): Asked[] => {
    const key = `${name} ${type}`;
    if (qclass !== CLASS.IN || NO_DATA_TYPES.includes(type) || seen.has(key)) return [];
    seen.add(key);
    const dnssecOk = random() < 0.9 || type === TYPE.NSEC || type === TYPE.RRSIG;
    const query = makeQuery(0, { name: parseName(name), type, class: qclass });
    const edns = { udpSize: 1232, version: 0, dnssecOk, options: [] };
    return [
      {
        bytes: encodeMessage({ ...query, edns }),
        transport: 'tcp',
        name,
        type,
        class: qclass,
        udpSize: 1232,
        dnssecOk,
        text: `${name} ${typeName(type)} +tcp ${dnssecOk ? '+dnssec' : '+nodnssec'}`,
      },
    ];
  });
}

function ask(
  name: string,
  type: number,
  random: () => number,
  pick: <T>(from: readonly T[], otherwise: T) => T,
): Asked {
  // Not CH: BIND answers a few of those a second and drops the rest, whatever is configured.
  const qclass = random() < 0.01 ? pick([CLASS.HS, CLASS.NONE, CLASS.ANY, 7], CLASS.HS) : CLASS.IN;
  const udpSize = pick([undefined, 0, 512, 1232, 1232, 1232, 4096], 1232);
  const dnssecOk = udpSize !== undefined && random() < 0.2;
  const transport = random() < 0.15 ? 'tcp' : 'udp';
  const flags = {
    recursionDesired: random() < 0.3,
    checkingDisabled: random() < 0.1,
    authenticData: random() < 0.1,
  };
  const version = udpSize !== undefined && random() < 0.01 ? 1 : 0;
  const options =
    udpSize !== undefined && random() < 0.05 ? [{ code: 65_001, data: Uint8Array.of(1, 2) }] : [];
  const parsed = parseName(name);
  const message: Message = {
    id: 0,
    opcode: 0,
    rcode: 0,
    flags: { response: false, authoritative: false, truncated: false, recursionAvailable: false, ...flags },
    questions: [{ name: parsed, type, class: qclass }],
    answers: [],
    authorities: [],
    additionals: [],
    edns: udpSize === undefined ? undefined : { udpSize, version, dnssecOk, options },
  };
  const bytes = encodeMessage(message);
  if (random() < 0.3) {
    // Mixed case: letters of labels only; a length octet is below 64 and no letter.
    for (let at = 12; at < 12 + wireLengthOf(parsed); at += 1) {
      const octet = bytes[at] ?? 0;
      if (octet >= 0x61 && octet <= 0x7a && random() < 0.5) bytes[at] = octet - 0x20;
    }
  }
  const switches = [
    transport === 'tcp' ? '+tcp' : '',
    udpSize === undefined ? '+noedns' : `+bufsize=${udpSize}`,
    version === 0 ? '' : `+edns=${version}`,
    dnssecOk ? '+dnssec' : '',
    flags.recursionDesired ? '+rec' : '',
    flags.checkingDisabled ? '+cd' : '',
    flags.authenticData ? '+ad' : '',
    options.length > 0 ? '+ednsopt=65001:0102' : '',
  ].filter((each) => each !== '');
  return {
    bytes,
    transport,
    name: parsed,
    type,
    class: qclass,
    udpSize,
    dnssecOk,
    text: `${parsed} ${className(qclass)} ${typeName(type)} ${switches.join(' ')}`,
  };
}
