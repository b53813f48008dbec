import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { EDNS_OPTION, TYPE } from '../types.ts';
import { ASKS, type Edns, optLength, parseOptions, type ReplyOptions, writeOpt } from './edns.ts';
import { decodeMessage, encodeMessage, type MessageEdns, makeQuery } from './message.ts';
import { parseQuery } from './query.ts';
import { WireWriter } from './writer.ts';

const NOTHING: ReplyOptions = {
  nsid: undefined,
  cookie: undefined,
  keepalive: -1,
  extendedError: -1,
  padTo: 0,
};
const EDNS: Edns = {
  udpSize: 1232,
  version: 0,
  dnssecOk: false,
  compactOk: false,
  clientSubnet: undefined,
  cookieAt: 0,
  cookieLength: 0,
  asks: 0,
};
const HEADER = 12;

/** The OPT record of an answer with these options, as a client reads it, and the octets it takes. */
function written(
  options: ReplyOptions | undefined,
  edns = EDNS,
): { edns: MessageEdns | undefined; octets: number } {
  const writer = new WireWriter();
  for (const count of [0, 0, 0, 0, 0, 1]) writer.u16(count); // a header with one additional record
  writeOpt(writer, edns, 0, 0, options);
  const octets = writer.offset - HEADER;
  return { edns: decodeMessage(writer.buffer.subarray(0, writer.offset)).edns, octets };
}

describe('the OPT record of an answer', () => {
  it.each([
    ['nothing', undefined, []],
    ['none', NOTHING, []],
    ['the server name', { ...NOTHING, nsid: Uint8Array.of(1, 2) }, [[EDNS_OPTION.NSID, '0102']]],
    ['a cookie', { ...NOTHING, cookie: new Uint8Array(24).fill(7) }, [[EDNS_OPTION.COOKIE, '07'.repeat(24)]]],
    ['the idle timeout', { ...NOTHING, keepalive: 100 }, [[EDNS_OPTION.TCP_KEEPALIVE, '0064']]],
    ['the longest idle timeout', { ...NOTHING, keepalive: 1e6 }, [[EDNS_OPTION.TCP_KEEPALIVE, 'ffff']]],
    ['an extended error', { ...NOTHING, extendedError: 20 }, [[EDNS_OPTION.EDE, '0014']]],
    [
      'all of them',
      { nsid: Uint8Array.of(9), cookie: new Uint8Array(24), keepalive: 0, extendedError: 0, padTo: 0 },
      [
        [EDNS_OPTION.COOKIE, '00'.repeat(24)],
        [EDNS_OPTION.NSID, '09'],
        [EDNS_OPTION.TCP_KEEPALIVE, '0000'],
        [EDNS_OPTION.EDE, '0000'],
      ],
    ],
  ] as const)('has %s, in as many octets as were reckoned with', (_what, options, expected) => {
    const { edns, octets } = written(options);
    expect(edns?.options.map(({ code, data }) => [code, Buffer.from(data).toString('hex')])).toEqual(
      expected,
    );
    expect(octets).toBe(optLength(EDNS, options));
  });

  it('fills the message up to a multiple of the block (RFC 8467)', () => {
    for (const padTo of [128, 468]) {
      const options = { ...NOTHING, padTo };
      const { edns, octets } = written(options);
      expect((HEADER + octets) % padTo).toBe(0);
      expect(edns?.options[0]?.code).toBe(EDNS_OPTION.PADDING);
      expect(edns?.options[0]?.data.every((octet) => octet === 0)).toBe(true);
      expect(octets - (edns?.options[0]?.data.length ?? 0)).toBe(optLength(EDNS, options));
    }
  });

  it('copies DO, says that compact denial was understood, and gives back the client subnet with its scope', () => {
    const clientSubnet = { family: 1, sourcePrefixLength: 24, address: Uint8Array.of(192, 0, 2) } as const;
    const edns = { ...EDNS, dnssecOk: true, compactOk: true, clientSubnet };
    const writer = new WireWriter();
    writeOpt(writer, edns, 0, 40, undefined);
    expect(writer.buffer.toString('hex', 0, writer.offset)).toBe(
      '00002904d00000c000000b0008000700011820c00002', // a scope of 40 is 32 for IPv4
    );
    expect(writer.offset).toBe(optLength(edns));
  });
});

describe('the options of a query', () => {
  it('may ask for the server name, the idle timeout and padding', () => {
    const ask = (...codes: number[]): number | undefined => {
      const ednsOptions = codes.map((code) => ({ code, data: new Uint8Array() }));
      const name = parseName('example.com');
      return parseQuery(encodeMessage(makeQuery(1, { name, type: TYPE.A, class: 1 }, { ednsOptions })))?.edns
        ?.asks;
    };
    expect(ask(EDNS_OPTION.NSID)).toBe(ASKS.NSID);
    expect(ask(EDNS_OPTION.TCP_KEEPALIVE)).toBe(ASKS.KEEPALIVE);
    expect(ask(EDNS_OPTION.PADDING)).toBe(ASKS.PADDING);
    expect(ask(EDNS_OPTION.PADDING, EDNS_OPTION.NSID, 65_001)).toBe(ASKS.PADDING | ASKS.NSID);
    expect(ask(65_001)).toBe(0);
  });

  it('are unreadable when one is cut off', () => {
    expect(parseOptions(Uint8Array.of(0, 3, 0), 0, 3)).toBeUndefined();
    expect(parseOptions(Uint8Array.of(0, 3, 0, 1), 0, 4)).toBeUndefined();
  });
});
