import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../errors/error.ts';
import { parseName } from '../name.ts';
import { parseRdata } from '../records/catalogue.ts';
import { CLASS, OPCODE, RCODE, TYPE } from '../types.ts';
import { encodeMessage, type Message, makeQuery, type ResourceRecord } from '../wire/message.ts';
import { AxfrReader } from './axfr-reader.ts';

const ZONE = parseName('example.test');
const record = (name: string, type: number, data: string): ResourceRecord => ({
  name: parseName(name),
  type,
  class: CLASS.IN,
  ttlSeconds: 60,
  rdata: parseRdata(type, data),
});
const soa = (serial: number, name = 'example.test'): ResourceRecord =>
  record(name, TYPE.SOA, `ns.example.net. h.example.net. ${serial} 1 2 3 4`);
const www = record('www.example.test', TYPE.A, '192.0.2.1');
const query = makeQuery(7, { name: ZONE, type: TYPE.AXFR, class: CLASS.IN });
const message = (answers: readonly ResourceRecord[], more: Partial<Message> = {}): Uint8Array =>
  encodeMessage({ ...query, edns: undefined, answers, flags: { ...query.flags, response: true }, ...more });

/** Owner names of what was read, or why it was refused. */
function read(...messages: readonly Uint8Array[]): unknown {
  const reader = new AxfrReader(ZONE, 7);
  const names: string[] = [];
  try {
    for (const bytes of messages) names.push(...reader.accept(bytes).map(({ name }) => name));
  } catch (thrown) {
    const error = PortolanError.from(thrown);
    return `${error.code}: ${error.message}`;
  }
  return [...names, reader.ended ? 'ended' : 'goes on'];
}

describe('the messages of a transfer', () => {
  it('make the zone between the two SOAs, without what lies elsewhere', () => {
    const outside = record('www.example.org', TYPE.A, '192.0.2.9');
    expect(read(message([soa(1)]), message([www, outside], { questions: [] }))).toEqual([
      'example.test.',
      'www.example.test.',
      'goes on',
    ]);
    expect(read(message([soa(1), www]), message([soa(1)]))).toEqual([
      'example.test.',
      'www.example.test.',
      'ended',
    ]);
  });

  it.each<readonly [string, readonly Uint8Array[], RegExp]>([
    ['another id', [message([soa(1)], { id: 8 })], /^TRANSFER_FAILED: .*not belong/],
    ['a query', [message([soa(1)], { flags: query.flags })], /^TRANSFER_FAILED: .*not belong/],
    ['another operation', [message([soa(1)], { opcode: OPCODE.NOTIFY })], /^TRANSFER_FAILED: .*not belong/],
    ['REFUSED', [message([], { rcode: RCODE.REFUSED })], /^TRANSFER_REFUSED: .*REFUSED/],
    ['NOTAUTH', [message([], { rcode: RCODE.NOTAUTH })], /^TRANSFER_REFUSED: .*NOTAUTH/],
    ['SERVFAIL', [message([], { rcode: RCODE.SERVFAIL })], /^TRANSFER_FAILED: .*SERVFAIL/],
    [
      'another name',
      [
        message([soa(1)], {
          questions: [{ name: parseName('other.test'), type: TYPE.AXFR, class: CLASS.IN }],
        }),
      ],
      /^TRANSFER_FAILED: .*another question/,
    ],
    [
      'another type',
      [message([soa(1)], { questions: [{ name: ZONE, type: TYPE.A, class: CLASS.IN }] })],
      /^TRANSFER_FAILED: .*another question/,
    ],
    [
      'truncation',
      [message([soa(1)], { flags: { ...query.flags, response: true, truncated: true } })],
      /^TRANSFER_FAILED: .*truncated/,
    ],
    ['more after the end', [message([soa(1), soa(1), www])], /^TRANSFER_FAILED: .*after the final SOA/],
    ['another class', [message([soa(1), { ...www, class: CLASS.CH }])], /^TRANSFER_FAILED: .*not zone data/],
    [
      'a type of messages',
      [
        message([
          soa(1),
          { ...www, type: TYPE.TSIG, rdata: { type: 'OPAQUE', code: TYPE.TSIG, data: new Uint8Array(2) } },
        ]),
      ],
      /^TRANSFER_FAILED: .*not zone data/,
    ],
    [
      'another serial at the end',
      [message([soa(1), www, soa(2)])],
      /^TRANSFER_FAILED: .*serial 1 and ends with 2/,
    ],
    ['a record before the SOA', [message([www, soa(1)])], /^TRANSFER_FAILED: .*begins with a A record/],
    [
      'the SOA of another name',
      [message([soa(1), soa(1, 'sub.example.test')])],
      /^TRANSFER_FAILED: .*second SOA/,
    ],
    ['no record', [message([])], /^TRANSFER_FAILED: .*no zone/],
    ['no message', [Buffer.from('nonsense')], /^DNS_WIRE_MALFORMED/],
  ])('are refused for %s', (_, messages, expected) => {
    expect(read(...messages)).toMatch(expected);
  });
});
