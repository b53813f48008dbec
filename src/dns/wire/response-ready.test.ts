import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { parseRdata } from '../records/catalogue.ts';
import { compileRRset } from '../rrset.ts';
import { CLASS, TYPE } from '../types.ts';
import { encodeMessage, makeQuery } from './message.ts';
import { parseQuery, type Query } from './query.ts';
import { encodeReady, encodeResponse, type ReadyAnswer } from './response.ts';
import { WireWriter } from './writer.ts';

const NAME = parseName('www.example.test');
const SET = compileRRset(
  TYPE.A,
  30,
  ['192.0.2.1', '192.0.2.2'].map((text) => parseRdata(TYPE.A, text)),
);

const queryOf = (options?: Parameters<typeof makeQuery>[2]): Query => {
  const question = { name: NAME, type: TYPE.A, class: CLASS.IN };
  const message = makeQuery(4711, question, options);
  const query = parseQuery(
    encodeMessage({ ...message, edns: options === undefined ? undefined : message.edns }),
  );
  if (query === undefined) throw new Error('no query');
  return query;
};

/** With octets of other answers around it. */
const ready = (): ReadyAnswer => {
  const wire = SET.wire ?? new Uint8Array();
  return { ready: Uint8Array.of(9, 9, ...wire, 9), from: 2, to: 2 + wire.length, answers: 2, ecsScope: 17 };
};

describe('an answer that stands ready', () => {
  it.each([
    ['without EDNS', queryOf()],
    ['with EDNS', queryOf({ ednsOptions: [] })],
    [
      'with a client subnet',
      queryOf({ ednsOptions: [{ code: 8, data: Uint8Array.of(0, 1, 24, 0, 192, 0, 2) }] }),
    ],
  ])('is encoded as if its set were: %s', (what, query) => {
    const [kept, fresh] = [new WireWriter(), new WireWriter()];
    expect(encodeReady(query, ready(), kept, 512)).toBe(true);
    const response = {
      rcode: 0,
      authoritative: true,
      answer: [{ owner: NAME, set: SET }],
      authority: [],
      additional: [],
      requiredAdditional: 0,
      ecsScope: 17,
    };
    encodeResponse(query, response, fresh, 512);
    expect(query.edns === undefined).toBe(what === 'without EDNS');
    expect(kept.buffer.toString('hex', 0, kept.offset)).toBe(fresh.buffer.toString('hex', 0, fresh.offset));
    expect(kept.offset).toBeGreaterThan(60);
  });

  it('is refused where it does not fit, to the octet', () => {
    const query = queryOf({ ednsOptions: [] });
    const writer = new WireWriter();
    expect(encodeReady(query, ready(), writer, 512)).toBe(true);
    const length = writer.offset;
    expect(encodeReady(query, ready(), writer, length)).toBe(true);
    expect(encodeReady(query, ready(), writer, length - 1)).toBe(false);
  });
});
