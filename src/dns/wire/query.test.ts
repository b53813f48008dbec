import { describe, expect, it } from 'vitest';
import { formatClient, resolverAddress } from '../client.ts';
import { parseName } from '../name.ts';
import { EDNS_OPTION, RCODE, TYPE } from '../types.ts';
import { clientOfQuery, parseOptions } from './edns.ts';
import { encodeMessage, type Message, makeQuery } from './message.ts';
import { parseQuery } from './query.ts';

const question = { name: parseName('www.example.com'), type: TYPE.A, class: 1 };
const query = makeQuery(0x1234, question, { recursionDesired: true });

function problemOf(message: Partial<Message>): number | undefined {
  return parseQuery(encodeMessage({ ...query, ...message }))?.problem;
}

function withSubnet(hex: string): Uint8Array {
  const data = new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  return encodeMessage(makeQuery(1, question, { ednsOptions: [{ code: EDNS_OPTION.CLIENT_SUBNET, data }] }));
}

describe('a query', () => {
  it('is read with its question and EDNS', () => {
    const parsed = parseQuery(encodeMessage(query));
    expect(parsed).toMatchObject({
      id: 0x1234,
      problem: RCODE.NOERROR,
      name: 'www.example.com.',
      type: TYPE.A,
      class: 1,
      questionEnd: 12 + 17 + 4,
      edns: { udpSize: 1232, version: 0, dnssecOk: false, clientSubnet: undefined },
    });
  });

  it('is read in any case, and keeps its octets for the answer', () => {
    const bytes = encodeMessage(query);
    bytes[13] = 0x57; // W
    const parsed = parseQuery(bytes);
    expect(parsed?.name).toBe('www.example.com.');
    expect(parsed?.bytes[13]).toBe(0x57);
  });

  it('is dropped when it is a response or shorter than a header', () => {
    expect(
      parseQuery(encodeMessage({ ...query, flags: { ...query.flags, response: true } })),
    ).toBeUndefined();
    expect(parseQuery(new Uint8Array(11))).toBeUndefined();
  });

  it.each([
    ['another opcode', { opcode: 2 }, RCODE.NOTIMP],
    ['no question', { questions: [] }, RCODE.FORMERR],
    ['two questions (RFC 9619)', { questions: [question, question] }, RCODE.FORMERR],
    ['EDNS version 1', { edns: { udpSize: 1232, version: 1, dnssecOk: false, options: [] } }, RCODE.BADVERS],
    ['an answer record, which IXFR-like queries have', { answers: [txt('x')] }, RCODE.NOERROR],
    ['an unknown EDNS option', { edns: option(65001, '0102') }, RCODE.NOERROR],
  ])('with %s', (_what, change, rcode) => expect(problemOf(change)).toBe(rcode));

  it('with octets after its end, or cut anywhere, is FORMERR', () => {
    const bytes = encodeMessage(query);
    expect(parseQuery(new Uint8Array([...bytes, 0]))?.problem).toBe(RCODE.FORMERR);
    for (let length = 12; length < bytes.length; length += 1) {
      expect(parseQuery(bytes.subarray(0, length))?.problem, `cut to ${length}`).toBe(RCODE.FORMERR);
    }
  });

  it('with two OPT records, or one that is not at the root or not in the additional section, is FORMERR', () => {
    const opt = '0000290400000000000000';
    const head = (counts: string): string => `00010000${counts}03777777000001 0001`.replace(' ', '');
    const parse = (hex: string): number | undefined => parseQuery(Buffer.from(hex, 'hex'))?.problem;
    expect(parse(`${head('0001000000000001')}${opt}`)).toBe(RCODE.NOERROR);
    expect(parse(`${head('0001000000000002')}${opt}${opt}`)).toBe(RCODE.FORMERR);
    expect(parse(`${head('0001000000010000')}${opt}`)).toBe(RCODE.FORMERR);
    expect(parse(`${head('0001000000000001')}0161${opt}`)).toBe(RCODE.FORMERR);
  });

  it('with a compression pointer in its question is FORMERR', () => {
    expect(parseQuery(Buffer.from('000100000001000000000000c00c00010001', 'hex'))?.problem).toBe(
      RCODE.FORMERR,
    );
  });
});

describe('I25 client subnet (RFC 7871)', () => {
  it.each([
    ['0001 18 00 c00002', '192.0.2.0/24'],
    ['0001 20 00 c0000201', '192.0.2.1/32'],
    ['0001 11 00 c00080', '192.0.128.0/17'],
    ['0001 00 00', '0.0.0.0/0'],
    ['0002 38 00 20010db8000100', '2001:db8:1::/56'],
    ['0002 00 00', '::/0'],
    ['0000 00 00', '0.0.0.0/0'],
  ])('%s is %s', (hex, expected) => {
    const parsed = parseQuery(withSubnet(hex));
    expect(parsed?.problem).toBe(RCODE.NOERROR);
    const client = clientOfQuery(parsed?.edns, () => expect.unreachable());
    expect(formatClient(client)).toBe(expected);
    expect(client.source).toBe('ecs');
  });

  it.each([
    ['too short', '0001 18'],
    ['an octet too few', '0001 18 00 c000'],
    ['an octet too many', '0001 18 00 c0000200'],
    ['a bit beyond the prefix', '0001 17 00 c00003'],
    ['a prefix longer than an IPv4 address', '0001 21 00 c000020100'],
    ['a prefix longer than an IPv6 address', `0002 81 00 ${'00'.repeat(17)}`],
    ['a scope in a query', '0001 18 18 c00002'],
    ['an unknown family', '0003 18 00 c00002'],
    ['family 0 with an address', '0000 08 00 c0'],
  ])('I25 with %s earns FORMERR', (_what, hex) => {
    const parsed = parseQuery(withSubnet(hex));
    expect(parsed?.problem).toBe(RCODE.FORMERR);
    expect(parsed?.edns).toBeDefined(); // the answer still has an OPT record
    expect(parsed?.edns?.clientSubnet).toBeUndefined();
  });

  it('I25 given twice earns FORMERR', () => {
    const data = new Uint8Array([0, 1, 0, 0]);
    const twice = [
      { code: EDNS_OPTION.CLIENT_SUBNET, data },
      { code: EDNS_OPTION.CLIENT_SUBNET, data },
    ];
    expect(parseQuery(encodeMessage(makeQuery(1, question, { ednsOptions: twice })))?.problem).toBe(
      RCODE.FORMERR,
    );
  });

  it('I25 options that run past their record earn FORMERR', () => {
    expect(parseOptions(Uint8Array.of(0, 3, 0), 0, 3)).toBeUndefined();
    expect(parseOptions(Uint8Array.of(0, 3, 0, 5, 1), 0, 5)).toBeUndefined();
  });

  it('falls back to the address the query came from', () => {
    const resolver = resolverAddress('198.51.100.7');
    expect(
      clientOfQuery(parseQuery(encodeMessage(query))?.edns, () => resolver ?? expect.unreachable()),
    ).toBe(resolver);
  });
});

function txt(text: string): Message['answers'][number] {
  return { ...question, type: TYPE.TXT, ttlSeconds: 1, rdata: { type: 'TXT', strings: [Buffer.from(text)] } };
}

function option(code: number, hex: string): Message['edns'] {
  return { udpSize: 1232, version: 0, dnssecOk: false, options: [{ code, data: Buffer.from(hex, 'hex') }] };
}

describe('a query with odd parts', () => {
  const header = (additional: number): string => `00010000000100000000000${additional}`;
  const body = '01610000010001';
  const problem = (hex: string): number | undefined => parseQuery(Buffer.from(hex, 'hex'))?.problem;
  const label = `3f${'61'.repeat(63)}`;

  it('whose name has more than 255 octets is FORMERR', () => {
    expect(problem(`${header(0)}${label.repeat(3)}3d${'61'.repeat(61)}0000010001`)).toBe(RCODE.NOERROR);
    expect(problem(`${header(0)}${label.repeat(3)}3e${'61'.repeat(62)}0000010001`)).toBe(RCODE.FORMERR);
  });

  it('whose records have an owner of more than 255 octets is FORMERR', () => {
    expect(problem(`${header(1)}${body}${label.repeat(4)}00${'00010001000000000000'}`)).toBe(RCODE.FORMERR);
    expect(problem(`${header(1)}${body}${label.repeat(3)}00${'00010001000000000000'}`)).toBe(RCODE.NOERROR);
  });

  it('whose records have an owner that is cut off is FORMERR', () => {
    expect(problem(`${header(1)}${body}c0`)).toBe(RCODE.FORMERR);
    expect(problem(`${header(1)}${body}0261`)).toBe(RCODE.FORMERR);
    expect(problem(`${header(1)}${body}c00c${'00010001000000000000'}`)).toBe(RCODE.NOERROR);
  });

  it('without a question must at least have a cookie', () => {
    expect(problem('000100000000000000000000')).toBe(RCODE.FORMERR);
    expect(problem('00010000000000000000000100002904d0000000000000')).toBe(RCODE.FORMERR);
    expect(problem(`00010000000000000000000100002904d000000000000c000a0008${'01'.repeat(8)}`)).toBe(
      RCODE.NOERROR,
    );
  });

  it('may be signed by its last record only', () => {
    const tsig = '0000fa00ff000000000000';
    const other = '0000010001000000000000';
    expect(parseQuery(Buffer.from(`${header(2)}${body}${other}${tsig}`, 'hex'))).toMatchObject({
      problem: RCODE.NOERROR,
      tsigAt: 12 + 7 + 11,
    });
    expect(problem(`${header(2)}${body}${tsig}${other}`)).toBe(RCODE.FORMERR);
    expect(problem(`000100000001000000010000${body}${tsig}`)).toBe(RCODE.FORMERR);
  });
});
