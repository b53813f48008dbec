import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { parseRdata } from '../records/catalogue.ts';
import { CLASS, RCODE, TYPE } from '../types.ts';
import { encodeMessage, type Message, makeQuery, type ResourceRecord } from '../wire/message.ts';
import { heldSoa, IxfrReader } from './ixfr-reader.ts';

const ZONE = parseName('example.com');
const ID = 7;
const record = (name: string, type: number, data: string): ResourceRecord => ({
  name: parseName(name),
  type,
  class: CLASS.IN,
  ttlSeconds: 60,
  rdata: parseRdata(type, data),
});
const soa = (serial: number): ResourceRecord =>
  record('example.com', TYPE.SOA, `ns.example.net. h.example.net. ${serial} 1 2 3 4`);
const a = (label: string): ResourceRecord => record(`${label}.example.com`, TYPE.A, '192.0.2.1');

const bytes = (answers: readonly ResourceRecord[], more: Partial<Message> = {}): Uint8Array => {
  const query = makeQuery(ID, { name: ZONE, type: TYPE.IXFR, class: CLASS.IN });
  return encodeMessage({
    ...query,
    flags: { ...query.flags, response: true },
    answers,
    edns: undefined,
    ...more,
  });
};

/** What a client that holds serial 5 makes of the records, cut into messages. */
const read = (...messages: readonly (readonly ResourceRecord[])[]) => {
  const reader = new IxfrReader(ZONE, ID, 5);
  for (const answers of messages) {
    expect(reader.result, 'ended before all was read').toBeUndefined();
    reader.accept(bytes(answers));
  }
  return reader.result;
};

describe('an incremental transfer', () => {
  it('is nothing but the SOA when the version held is the newest', () => {
    expect(read([soa(5)])).toEqual({ kind: 'current' });
  });

  it('gives the differences in their order, wherever the messages are cut', () => {
    const stream = [soa(7), soa(5), a('gone'), soa(6), a('new'), soa(6), soa(7), a('newer'), soa(7)];
    const differences = [
      { removed: [soa(5), a('gone')], added: [soa(6), a('new')] },
      { removed: [soa(6)], added: [soa(7), a('newer')] },
    ];
    expect(read(stream)).toEqual({ kind: 'differences', differences });
    expect(read(...stream.map((one) => [one]))).toEqual({ kind: 'differences', differences });
    for (let cut = 1; cut < stream.length; cut += 1)
      expect(read(stream.slice(0, cut), stream.slice(cut))).toEqual({ kind: 'differences', differences });
  });

  it('is a whole zone where the server does not know the version held', () => {
    const whole = { kind: 'whole', records: [soa(9), a('www'), a('mail')] };
    expect(read([soa(9), a('www'), a('mail'), soa(9)])).toEqual(whole);
    expect(read([soa(9)], [a('www')], [a('mail'), soa(9)])).toEqual(whole);
    expect(read([soa(9), soa(9)])).toEqual({ kind: 'whole', records: [soa(9)] });
  });

  it('is to be made whole from a server that went back, or refuses', () => {
    expect(read([soa(4)])).toMatchObject({ kind: 'unknown' });
    const reader = new IxfrReader(ZONE, ID, 5);
    reader.accept(bytes([], { rcode: RCODE.NOTIMP }));
    expect(reader.result).toEqual({ kind: 'unknown', reason: 'the server answered NOTIMP' });
    expect(read([])).toEqual({ kind: 'unknown', reason: 'the answer holds no zone' });
  });

  it.each([
    [
      'differences that do not begin at the version held',
      [soa(7), soa(6), soa(7), soa(7)],
      /from serial 6 follow those that lead to 5/,
    ],
    [
      'differences with a gap',
      [soa(9), soa(5), soa(6), soa(7), soa(9), soa(9)],
      /from serial 7 follow those that lead to 6/,
    ],
    ['no SOA first', [a('www')], /begins with a A record/],
    ['another serial at the end', [soa(9), a('www'), soa(8)], /began with serial 9 and ends with 8/],
    ['records after the end', [soa(9), soa(9), a('www')], /records after the final SOA/],
  ] as const)('is refused with %s', (_, stream, message) => {
    expect(() => read(stream)).toThrow(message);
  });

  it('is refused with the answer to another question', () => {
    const reader = new IxfrReader(ZONE, ID, 5);
    expect(() => reader.accept(bytes([soa(5)], { id: 8 }))).toThrow(/does not belong/);
  });

  it('is refused when a message was cut short, or holds what is in no zone', () => {
    const reader = new IxfrReader(ZONE, ID, 5);
    const { flags } = makeQuery(ID, { name: ZONE, type: TYPE.IXFR, class: CLASS.IN });
    const cut = bytes([soa(5)], { flags: { ...flags, response: true, truncated: true } });
    expect(() => reader.accept(cut)).toThrow(/truncated/);
    expect(() => read([soa(9), { ...a('www'), class: CLASS.CH }])).toThrow(
      /A record at www.example.com. is not/,
    );
    expect(() => read([soa(9), { ...a('www'), type: TYPE.ANY }])).toThrow(/is not zone data/);
  });

  it('is asked for with the SOA that is held', () => {
    const held = soa(5);
    if (held.rdata.type !== 'SOA') throw new Error('this is a SOA');
    expect(heldSoa(ZONE, held.rdata)).toEqual({ ...held, ttlSeconds: 0 });
  });
});
