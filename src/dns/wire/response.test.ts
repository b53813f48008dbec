import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { parseRdata } from '../records/catalogue.ts';
import { compileRRset, momentaryRRset, type OwnedRRset } from '../rrset.ts';
import { RCODE, TYPE } from '../types.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery } from './message.ts';
import { parseQuery, type Query } from './query.ts';
import { encodeResponse, type Response } from './response.ts';
import { WireWriter } from './writer.ts';

const name = parseName('www.example.com');
const other = parseName('a-rather-long-name.beside-it.example.net');
const question = { name, type: TYPE.A, class: 1 };
const addresses = ['192.0.2.1', '192.0.2.2'].map((text) => parseRdata(TYPE.A, text));
const EMPTY: Response = {
  rcode: 0,
  authoritative: true,
  answer: [],
  authority: [],
  additional: [],
  requiredAdditional: 0,
  ecsScope: 0,
};

function queryOf(change: Partial<Message> = {}): Query {
  const query = parseQuery(encodeMessage({ ...makeQuery(1, question), ...change }));
  if (query === undefined) throw new Error('the query was dropped');
  return query;
}

function answerTo(
  query: Query,
  response: Partial<Response>,
  limit = 65_535,
): Message & { readonly octets: number } {
  const writer = new WireWriter();
  encodeResponse(query, { ...EMPTY, ...response }, writer, limit);
  return { ...decodeMessage(writer.buffer.subarray(0, writer.offset)), octets: writer.offset };
}

describe('an answer on the wire', () => {
  it('with a response code that needs EDNS is SERVFAIL to a client without it (RFC 6891)', () => {
    expect(answerTo(queryOf(), { rcode: RCODE.BADCOOKIE }).rcode).toBe(RCODE.BADCOOKIE);
    expect(answerTo(queryOf({ edns: undefined }), { rcode: RCODE.BADCOOKIE }).rcode).toBe(RCODE.SERVFAIL);
    expect(answerTo(queryOf({ edns: undefined }), { rcode: RCODE.NXDOMAIN }).rcode).toBe(RCODE.NXDOMAIN);
  });

  it.each<[string, OwnedRRset]>([
    ['compiled sets of the question', { owner: name, set: compileRRset(TYPE.A, 60, addresses) }],
    ['compiled sets of another name', { owner: other, set: compileRRset(TYPE.A, 60, addresses) }],
    ['sets made for this answer', { owner: other, set: momentaryRRset(TYPE.A, 60, addresses) }],
  ])('of %s is whole or empty with TC, for every limit', (_what, entry) => {
    const query = queryOf();
    const whole = answerTo(query, { answer: [entry] });
    expect(whole.answers).toHaveLength(2);
    let cut = 0;
    for (let limit = 50; limit <= whole.octets; limit += 1) {
      const answer = answerTo(query, { answer: [entry] }, limit);
      expect(answer.octets).toBeLessThanOrEqual(Math.max(limit, 50));
      expect(answer.flags.truncated).toBe(answer.answers.length === 0);
      if (answer.flags.truncated) cut += 1;
    }
    expect(cut).toBeGreaterThan(10);
    expect(answerTo(query, { answer: [entry] }, whole.octets).flags.truncated).toBe(false);
  });
});
