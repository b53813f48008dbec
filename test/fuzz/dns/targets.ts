import { isDeepStrictEqual } from 'node:util';
import type { ClientAddress } from '../../../src/dns/client.ts';
import { parseName, tryParseName, wireLengthOf } from '../../../src/dns/name.ts';
import {
  decodeRdata,
  encodeRdata,
  formatRdata,
  parseRdata,
  type Rdata,
} from '../../../src/dns/records/catalogue.ts';
import { respond } from '../../../src/dns/respond.ts';
import { AnswerTable } from '../../../src/dns/table.ts';
import { AxfrReader } from '../../../src/dns/transfer/axfr-reader.ts';
import { findTsig, signRequest, TsigVerifier, verifyRequest } from '../../../src/dns/tsig.ts';
import { parseTsigKey } from '../../../src/dns/tsig-key.ts';
import { CLASS, TYPE } from '../../../src/dns/types.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery } from '../../../src/dns/wire/message.ts';
import { parseQuery } from '../../../src/dns/wire/query.ts';
import { WireReader } from '../../../src/dns/wire/reader.ts';
import { answerLimit, encodeResponse } from '../../../src/dns/wire/response.ts';
import { WireWriter } from '../../../src/dns/wire/writer.ts';
import { compileZoneOrThrow } from '../../../src/dns/zone.ts';
import { type FileRecord, readZoneFile, ZoneFileReader } from '../../../src/dns/zone-file/reader.ts';
import { writeZoneFile } from '../../../src/dns/zone-file/writer.ts';
import { PortolanError } from '../../../src/errors/error.ts';

/** Something that takes octets from strangers. */
export interface Target {
  readonly name: string;
  /** Inputs to begin with. */
  readonly seeds: readonly Uint8Array[];
  /**
   * Tries one input. A PortolanError is a fine answer to it.
   * @returns what came of it, in few words: inputs with a new outcome are worth changing further
   * @throws Error when a promise was broken
   */
  run(this: void, input: Uint8Array): string;
}

const origin = parseName('example.com');
const NOW = 1_800_000_000;
const CLIENT: ClientAddress = { family: 4, bytes: new Uint8Array(4), prefixLength: 32, source: 'resolver' };
const MAX_GENERATED = 200;
const reused = new WireWriter();

const key = parseTsigKey({
  name: 'fuzz.example.com',
  algorithm: 'hmac-sha256',
  secret: Buffer.alloc(32, 7).toString('base64'),
});
const keys = new Map([[key.name, [key]]]);

/** Presentation forms that every interpreted type takes some of. */
const PRESENTATIONS: readonly (readonly [string, string])[] = [
  ['A', '192.0.2.1'],
  ['AAAA', '2001:db8::1'],
  ['NS', 'ns.example.com.'],
  ['CNAME', 'a\\.b.example.com.'],
  ['SOA', 'ns.example.com. host.example.com. 1 2 3 4 5'],
  ['PTR', 'x.example.com.'],
  ['MX', '10 mail.example.com.'],
  ['TXT', '"v=spf1 -all" "\\000\\255\\""'],
  ['SRV', '1 2 3 sip.example.com.'],
  ['CAA', '128 issue "ca.example.net; a=b"'],
  ['SVCB', '1 . mandatory=alpn,port alpn="h2,h\\\\,3" port=53 ipv4hint=192.0.2.1 key65280="x"'],
  ['HTTPS', '0 svc.example.com.'],
  ['HINFO', '"RFC8482" ""'],
  ['NAPTR', '100 10 "S" "SIP+D2U" "!^.*$!sip:a@b!" _sip._udp.example.com.'],
  ['LOC', '52 14 5 N 0 8 50.5 E 10m 1m 100m 10m'],
  ['SSHFP', '1 1 123456789abcdef67890123456789abcdef67890'],
  ['TLSA', '3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'],
  ['SMIMEA', '3 0 0 308201'],
  ['URI', '10 1 "https://example.com/"'],
  ['CERT', 'PKIX 1 8 AQID'],
  ['DS', '55648 13 2 B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D6E37DF61D17'],
  ['DNAME', 'elsewhere.example.net.'],
  ['OPENPGPKEY', 'mQIN'],
  ['TYPE65400', '\\# 3 010203'],
];

const zone = compileZoneOrThrow({
  origin,
  serial: 1,
  nameServers: [{ name: parseName('ns.example.com'), addresses: ['192.0.2.53', '2001:db8::53'] }],
  soa: { refreshSeconds: 1, retrySeconds: 1, expireSeconds: 1, minimumSeconds: 1 },
  ttlSeconds: 60,
  records: [
    { name: '*', type: 'A', data: ['192.0.2.1'] },
    { name: 'www', type: 'CNAME', data: ['a.example.com.'] },
    { name: 'x.y', type: 'NS', data: ['ns.x.y.example.com.'] },
    { name: 'ns.x.y', type: 'A', data: ['192.0.2.2'] },
    { name: '*.loop', type: 'CNAME', data: ['again.loop.example.com.'] },
    { name: 'big', type: 'TXT', data: Array.from({ length: 200 }, (_, i) => `"${i} ${'x'.repeat(200)}"`) },
    ...PRESENTATIONS.filter(([type]) => !['SOA', 'NS', 'CNAME', 'DS', 'DNAME'].includes(type)).map(
      ([type, data]) => ({ name: 'every', type, data: [data] }),
    ),
  ],
  routed: [],
});
const table = new AnswerTable([zone]);

const rdataOf = (type: string, text: string): Rdata => parseRdata(typeNumber(type), text);
function typeNumber(type: string): number {
  const known = Object.entries(TYPE).find(([name]) => name === type)?.[1];
  return known ?? Number(type.replace('TYPE', ''));
}

const asked = [
  'example.com',
  'www.example.com',
  'big.example.com',
  'q.x.y.example.com',
  'a.loop.example.com',
];
const queries: readonly Uint8Array[] = asked.flatMap((name, i) =>
  [TYPE.A, TYPE.TXT, TYPE.ANY].map((type) =>
    encodeMessage(
      makeQuery(
        i,
        { name: parseName(name), type, class: CLASS.IN },
        {
          ednsOptions: [
            { code: 8, data: Uint8Array.of(0, 1, 24, 0, 192, 0, 2) },
            { code: 10, data: Uint8Array.from({ length: 8 + 16 * (i % 2) }, (_, at) => at) },
            { code: 3, data: new Uint8Array() },
          ].slice(0, i % 4),
        },
      ),
    ),
  ),
);
const response: Message = {
  ...decodeMessage(queries[0] ?? new Uint8Array()),
  answers: PRESENTATIONS.map(([type, text]) => ({
    name: parseName('every.example.com'),
    type: typeNumber(type),
    class: CLASS.IN,
    ttlSeconds: 300,
    rdata: rdataOf(type, text),
  })),
};
const soa = {
  name: origin,
  type: TYPE.SOA,
  class: CLASS.IN,
  ttlSeconds: 60,
  rdata: rdataOf('SOA', 'ns.example.com. host.example.com. 1 2 3 4 5'),
};
const transfer: Message = {
  ...response,
  id: 9,
  flags: { ...response.flags, response: true, authoritative: true },
  questions: [{ name: origin, type: TYPE.AXFR, class: CLASS.IN }],
  answers: [soa, ...response.answers.filter(({ type }) => type !== TYPE.SOA), soa],
  edns: undefined,
};

const text = (octets: Uint8Array): string => Buffer.from(octets).toString('utf8');
const octets = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Everything that reads what others write. */
export const TARGETS: readonly Target[] = [
  { name: 'query', seeds: queries, run: runQuery },
  { name: 'message', seeds: [...queries, encodeMessage(response), encodeMessage(transfer)], run: runMessage },
  {
    name: 'rdata',
    seeds: PRESENTATIONS.map(([type, data]) => {
      const code = typeNumber(type);
      return Uint8Array.of(code >> 8, code & 0xff, ...encoded(rdataOf(type, data)));
    }),
    run: runRdata,
  },
  {
    name: 'name',
    seeds: ['www.Example.com.', 'a\\.b\\000.x', '*._tcp', 'b\u00fccher.example', '.'].map(octets),
    run: runName,
  },
  {
    name: 'presentation',
    seeds: PRESENTATIONS.map(([type, data]) => octets(`${type} ${data}`)),
    run: runPresentation,
  },
  { name: 'zone-file', seeds: [octets(zoneFileText())], run: runZoneFile },
  {
    name: 'tsig',
    seeds: queries.slice(0, 3).map((query) => signRequest(query, key, NOW).message),
    run: runTsig,
  },
  { name: 'transfer', seeds: [encodeMessage(transfer)], run: runTransfer },
];

function runQuery(input: Uint8Array): string {
  const query = parseQuery(input);
  if (query === undefined) return 'dropped';
  const decision = respond(table, query, CLIENT);
  const writer = scratch();
  for (const transport of ['udp', 'tcp'] as const) {
    const limit = answerLimit(query, transport);
    encodeResponse(query, decision, writer, limit);
    hold(writer.offset <= limit, `an answer of ${writer.offset} octets over ${transport}`);
    hold(transport === 'tcp' || writer.offset <= 1232, 'a datagram beyond 1232 octets');
    const answer = decodeMessage(writer.buffer.subarray(0, writer.offset));
    hold(answer.flags.response && answer.id === query.id, 'the answer is to no query');
  }
  return `${decision.rcode} ${decision.answer.length} ${decision.authority.length} ${query.edns === undefined}`;
}

function runMessage(input: Uint8Array): string {
  const message = decodeMessage(input);
  const again = encodeMessage(message); // may be too long in full: then DNS_WIRE_MALFORMED
  const second = decodeMessage(again);
  hold(isDeepStrictEqual(second, message), 'decode(encode(m)) is not m');
  hold(isDeepStrictEqual(encodeMessage(second), again), 'a second encoding differs');
  return `${message.opcode} ${message.rcode} ${message.questions.length} ${message.answers.map(({ type }) => type).join()}`;
}

function runRdata(input: Uint8Array): string {
  const type = ((input[0] ?? 0) << 8) | (input[1] ?? 0);
  const rdata = decodeRdata(type, new WireReader(input.slice(2)));
  const first = encoded(rdata);
  const again = decodeRdata(type, new WireReader(first));
  hold(isDeepStrictEqual(again, rdata), 'decode(encode(r)) is not r');
  const written = formatRdata(rdata);
  const read = parseRdata(type, written);
  hold(isDeepStrictEqual(encoded(read), first), `parse(format(r)) is not r: ${written}`);
  return rdata.type === 'OPAQUE' ? 'opaque' : `${rdata.type} ${first.length >> 4}`;
}

function runName(input: Uint8Array): string {
  const result = tryParseName(text(input));
  if (typeof result === 'object') return result.reason;
  hold(tryParseName(result) === result, `${result} is not its own canonical form`);
  const writer = scratch();
  writer.name(result);
  hold(writer.offset === wireLengthOf(result) && writer.offset <= 255, `${result} has another length`);
  hold(
    new WireReader(writer.buffer.subarray(0, writer.offset)).name() === result,
    `${result} is read otherwise`,
  );
  return `name ${result.split('.').length} ${result.includes('\\')}`;
}

function runPresentation(input: Uint8Array): string {
  const line = text(input);
  const space = line.indexOf(' ');
  const type = typeNumber(line.slice(0, Math.max(space, 0)));
  if (!(type > 0 && type <= 0xffff)) return 'no type';
  const rdata = parseRdata(type, line.slice(space + 1), origin);
  const written = formatRdata(rdata);
  const first = encoded(rdata);
  hold(isDeepStrictEqual(encoded(parseRdata(type, written)), first), `parse(format(r)) is not r: ${written}`);
  hold(
    isDeepStrictEqual(encoded(decodeRdata(type, new WireReader(first))), first),
    `${written} is read otherwise`,
  );
  return `${type} ${rdata.type}`;
}

function runZoneFile(input: Uint8Array): string {
  const file = text(input);
  const whole = readZoneFile(file, { origin, maxGenerated: MAX_GENERATED });
  const pieces: FileRecord[] = [];
  const reader = new ZoneFileReader({ origin, maxGenerated: MAX_GENERATED, onRecord: (r) => pieces.push(r) });
  for (let at = 0; at < file.length; at += 7) reader.push(file.slice(at, at + 7));
  const ended = reader.end();
  hold(isDeepStrictEqual(pieces, whole.found), 'read in pieces it has other records');
  hold(isDeepStrictEqual(ended.problems, whole.problems), 'read in pieces it has other problems');
  const written = [
    ...writeZoneFile({
      origin,
      ttlSeconds: 60,
      sets: whole.found.map(({ owner, type, ttlSeconds, rdata }) => ({
        owner,
        type,
        ttlSeconds,
        records: [rdata],
      })),
    }),
  ].join('');
  const again = readZoneFile(written, { origin });
  hold(again.problems.length === 0, `what was written cannot be read: ${again.problems[0]?.message ?? ''}`);
  hold(isDeepStrictEqual(lines(again.found), lines(whole.found)), 'what was written has other records');
  const problems = new Set(
    whole.problems.map(({ message }) => message.replaceAll(/"[^"]*"/g, '').slice(0, 16)),
  );
  return `${Math.min(whole.found.length, 9)} ${[...problems].sort().join()}`;
}

function lines(found: readonly FileRecord[]): readonly string[] {
  return found
    .map(
      ({ owner, type, ttlSeconds, rdata }) =>
        `${owner} ${type} ${ttlSeconds} ${Buffer.from(encoded(rdata)).toString('hex')}`,
    )
    .sort();
}

function runTsig(input: Uint8Array): string {
  const found = findTsig(input);
  attempt(() => new TsigVerifier(key, new Uint8Array(32)).accept(input, NOW));
  if (found.kind !== 'found') return found.kind;
  const verdict = verifyRequest(input, found.record, keys, NOW);
  return `${verdict.kind} ${verdict.kind === 'refused' ? verdict.error : ''}`;
}

function runTransfer(input: Uint8Array): string {
  const reader = new AxfrReader(origin, 9);
  const records = reader.accept(input);
  return `${records.length} ${reader.ended}`;
}

function zoneFileText(): string {
  return [
    '$ORIGIN example.com.',
    '$TTL 1h',
    '@ IN SOA ns host ( 1 ; serial',
    '  2h 30m 2w 60 )',
    '  NS ns',
    '*.wild 300 IN TXT "a;b" (',
    ' "c" )',
    '$GENERATE 1-4/2 h$ A 192.0.2.$',
    ...PRESENTATIONS.filter(([type]) => type !== 'SOA').map(([type, data]) => `every IN ${type} ${data}`),
    '',
  ].join('\n');
}

function scratch(): WireWriter {
  reused.reset();
  return reused;
}

function encoded(rdata: Rdata): Uint8Array {
  const writer = scratch();
  encodeRdata(rdata, writer);
  return Uint8Array.from(writer.buffer.subarray(0, writer.offset));
}

/** @throws Error with what was promised and not kept */
function hold(kept: boolean, broken: string): void {
  if (!kept) throw new Error(broken);
}

function attempt(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof PortolanError)) throw error;
  }
}
