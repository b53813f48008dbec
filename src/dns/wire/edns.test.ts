import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { CLASS, EDNS_OPTION, RCODE, TYPE } from '../types.ts';
import { ASKS, optLength, parseOptions, type ReplyOptions, writeOpt } from './edns.ts';
import { decodeMessage, encodeMessage, makeQuery } from './message.ts';
import { parseQuery, type Query } from './query.ts';
import { answerLimit, encodeResponse, type Response } from './response.ts';
import { WireWriter } from './writer.ts';

const NOTHING: Response = {
  rcode: RCODE.NOERROR,
  authoritative: true,
  answer: [],
  authority: [],
  additional: [],
  requiredAdditional: 0,
  ecsScope: 0,
};
const NO_REPLY: ReplyOptions = {
  nsid: undefined,
  cookie: undefined,
  keepalive: -1,
  extendedError: -1,
  padTo: 0,
};

type Option = { readonly code: number; readonly data: Uint8Array };

function queryWith(options: readonly Option[]): Query {
  const question = { name: parseName('www.example.com'), type: TYPE.A, class: CLASS.IN };
  const query = parseQuery(encodeMessage(makeQuery(1, question, { ednsOptions: options })));
  if (query === undefined) throw new Error('dropped');
  return query;
}

function replyWith(options: Partial<ReplyOptions>, query = queryWith([])) {
  const writer = new WireWriter();
  encodeResponse(query, NOTHING, writer, 65_535, { ...NO_REPLY, ...options });
  const bytes = writer.buffer.subarray(0, writer.offset);
  const found = decodeMessage(bytes).edns?.options ?? [];
  return {
    length: bytes.length,
    options: found.map(({ code, data }) => [code, Buffer.from(data).toString('hex')]),
  };
}

const option = (code: number, octets: number): Option => ({ code, data: new Uint8Array(octets).fill(0xab) });

describe('the options of a query', () => {
  it('that mean something are found among others', () => {
    const query = queryWith([
      option(EDNS_OPTION.NSID, 0),
      option(65_001, 5),
      option(EDNS_OPTION.TCP_KEEPALIVE, 0),
      option(EDNS_OPTION.COOKIE, 24),
      option(EDNS_OPTION.PADDING, 9),
    ]);
    const { edns, bytes } = query;
    expect(query.problem).toBe(RCODE.NOERROR);
    expect(edns?.asks).toBe(ASKS.NSID | ASKS.KEEPALIVE | ASKS.PADDING);
    expect(edns?.cookieLength).toBe(24);
    expect([...bytes.subarray(edns?.cookieAt, (edns?.cookieAt ?? 0) + 24)]).toEqual(new Array(24).fill(0xab));
  });

  it('that are not there ask for nothing', () => {
    expect(queryWith([]).edns).toMatchObject({ asks: 0, cookieLength: 0, clientSubnet: undefined });
  });

  it.each([
    [0, false],
    [7, false],
    [8, true],
    [9, false],
    [16, true],
    [40, true],
    [41, false],
  ])('with a cookie of %i octets: good %s', (octets, good) => {
    const query = queryWith([option(EDNS_OPTION.COOKIE, octets)]);
    expect(query.problem).toBe(good ? RCODE.NOERROR : RCODE.FORMERR);
    expect(query.edns).toBeDefined(); // the answer has an OPT record either way
    expect(query.edns?.cookieLength).toBe(good ? octets : 0);
  });

  it('with two cookies have the first, and nobody looks at the second (RFC 7873 section 5.2)', () => {
    const query = queryWith([option(EDNS_OPTION.COOKIE, 8), option(EDNS_OPTION.COOKIE, 3)]);
    expect(query).toMatchObject({ problem: RCODE.NOERROR, edns: { cookieLength: 8 } });
  });

  it('of another version are not read: there a cookie may be something else', () => {
    const bytes = encodeMessage({
      ...makeQuery(1, { name: parseName('.'), type: TYPE.A, class: CLASS.IN }),
      edns: { udpSize: 1232, version: 1, dnssecOk: false, options: [option(EDNS_OPTION.COOKIE, 3)] },
    });
    expect(parseQuery(bytes)).toMatchObject({
      problem: RCODE.BADVERS,
      edns: { version: 1, cookieLength: 0 },
    });
  });

  it('I23 are read or refused, never read beyond their end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: 20 }), (bytes, from) => {
        const start = Math.min(from, bytes.length);
        const options = parseOptions(bytes, start, bytes.length);
        if (options === undefined || options.cookieLength === 0) return;
        expect(options.cookieAt).toBeGreaterThanOrEqual(start + 4);
        expect(options.cookieAt + options.cookieLength).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

describe('a query without a question', () => {
  const bare = (options: readonly Option[]): Query | undefined =>
    parseQuery(
      encodeMessage({
        ...makeQuery(1, { name: parseName('.'), type: 1, class: 1 }, { ednsOptions: options }),
        questions: [],
      }),
    );

  it('is one for a cookie when it has the option (RFC 7873 section 5.4)', () => {
    expect(bare([option(EDNS_OPTION.COOKIE, 8)])).toMatchObject({
      problem: RCODE.NOERROR,
      questionEnd: 12,
      class: 0,
    });
  });

  it('is FORMERR without, or when the rest is malformed', () => {
    expect(bare([])).toMatchObject({ problem: RCODE.FORMERR });
    expect(bare([option(EDNS_OPTION.COOKIE, 5)])).toMatchObject({ problem: RCODE.FORMERR });
    expect(parseQuery(new Uint8Array(12))).toMatchObject({ problem: RCODE.FORMERR, edns: undefined });
  });
});

describe('the options of an answer', () => {
  it('are what it is told, in as many octets as were counted', () => {
    const nsid = new TextEncoder().encode('fra1');
    const cookie = new Uint8Array(24).fill(1);
    const all = { nsid, cookie, keepalive: 100, extendedError: 20 };
    expect(replyWith(all).options).toEqual([
      [EDNS_OPTION.COOKIE, '01'.repeat(24)],
      [EDNS_OPTION.NSID, '66726131'],
      [EDNS_OPTION.TCP_KEEPALIVE, '0064'],
      [EDNS_OPTION.EDE, '0014'],
    ]);
    const { edns } = queryWith([]);
    if (edns === undefined) throw new Error('no EDNS');
    for (const options of [undefined, NO_REPLY, { ...NO_REPLY, ...all }, { ...NO_REPLY, ...all, padTo: 1 }]) {
      const writer = new WireWriter();
      writeOpt(writer, edns, 0, 0, options);
      expect(writer.offset).toBe(optLength(edns, options));
    }
  });

  it('say no more than the field holds of a long timeout', () => {
    expect(replyWith({ keepalive: 1e9 }).options).toEqual([[EDNS_OPTION.TCP_KEEPALIVE, 'ffff']]);
  });

  it('fill the message up to a block, whatever stands before', () => {
    for (let octets = 0; octets < 40; octets += 1) {
      const nsid = new Uint8Array(octets);
      expect(replyWith({ padTo: 16, nsid }).length % 16).toBe(0);
      expect(replyWith({ padTo: 468, nsid }).length).toBe(468);
    }
  });

  it('count against the limit of the answer', () => {
    const query = queryWith([]);
    const writer = new WireWriter();
    const set = (octets: number) => ({
      type: TYPE.TXT,
      ttlSeconds: 1,
      records: [{ type: 'TXT' as const, strings: [new Uint8Array(octets)] }],
      wire: undefined,
    });
    const sent = (octets: number, options: ReplyOptions): number => {
      encodeResponse(
        query,
        { ...NOTHING, answer: [{ owner: query.name, set: set(octets) }] },
        writer,
        512,
        options,
      );
      return writer.offset;
    };
    const nsid = new Uint8Array(128);
    for (let octets = 1; octets < 256; octets += 1)
      expect(sent(octets, { ...NO_REPLY, nsid })).toBeLessThanOrEqual(512);
    expect(sent(255, NO_REPLY)).toBeGreaterThan(300);
  });
});

describe('the limit of an answer', () => {
  it('I24 over UDP is the lesser of what the client and the server say, but 512 at least', () => {
    const sized = (udpSize: number): Query => {
      const message = makeQuery(1, { name: parseName('.'), type: 1, class: 1 });
      const query = parseQuery(
        encodeMessage({ ...message, edns: { udpSize, version: 0, dnssecOk: false, options: [] } }),
      );
      if (query === undefined) throw new Error('dropped');
      return query;
    };
    expect([0, 600, 1232, 4096].map((size) => answerLimit(sized(size), 'udp'))).toEqual([
      512, 600, 1232, 1232,
    ]);
    expect([600, 1400, 4096].map((size) => answerLimit(sized(size), 'udp', 1400))).toEqual([600, 1400, 1400]);
    expect(answerLimit({ ...sized(4096), edns: undefined }, 'udp', 1400)).toBe(512);
    expect([answerLimit(sized(0), 'tcp'), answerLimit(sized(0), 'tls')]).toEqual([65_535, 65_535]);
  });
});
