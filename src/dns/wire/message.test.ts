import { describe, expect, it } from 'vitest';
import { parseName } from '../name.ts';
import { CLASS } from '../types.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery } from './message.ts';

const containing = (text: string): unknown => expect.stringContaining(text);
const name = parseName('example.com');
const query: Message = makeQuery(1, { name, type: 1, class: CLASS.IN });
const OPT = '00002904d0000000000000';
const header = (additional: number): string =>
  `0001800000000000000000${Buffer.of(additional).toString('hex')}`;
const unreadable = (message: string): unknown =>
  expect.objectContaining({ code: 'DNS_WIRE_MALFORMED', message: containing(message) });

describe('a message', () => {
  it.each([
    ['two OPT records', `${header(2)}${OPT}${OPT}`, 'two OPT records'],
    ['an OPT record that is not at the root', `${header(1)}0161${OPT}`, 'not at the root'],
    [
      'a name of more than 255 octets',
      `${header(1)}${`3f${'61'.repeat(63)}`.repeat(4)}00`,
      'longer than 255',
    ],
  ])('with %s is malformed', (_what, hex, message) => {
    expect(() => decodeMessage(Buffer.from(hex, 'hex'))).toThrowError(unreadable(message));
  });

  it('of more than 65,535 octets is not written, whatever makes it so long', () => {
    const data = new Uint8Array(40_000);
    const record = {
      name,
      type: 65_400,
      class: CLASS.IN,
      ttlSeconds: 1,
      rdata: { type: 'OPAQUE', code: 65_400, data },
    } as const;
    const edns = { udpSize: 1232, version: 0, dnssecOk: false, options: [{ code: 65_001, data }] };
    const tooLong = unreadable('longer than 65535');
    expect(() => encodeMessage({ ...query, answers: [record, record] })).toThrowError(tooLong);
    expect(() => encodeMessage({ ...query, answers: [record], edns })).toThrowError(tooLong);
    const empty = Array.from({ length: 10_000 }, () => ({ code: 65_001, data: new Uint8Array() }));
    expect(() =>
      encodeMessage({ ...query, answers: [record], edns: { ...edns, options: empty } }),
    ).toThrowError(tooLong);
    const questions = Array.from({ length: 14_000 }, () => ({ name: parseName('.'), type: 1, class: 1 }));
    expect(() => encodeMessage({ ...query, questions, edns: undefined })).toThrowError(tooLong);
    expect(encodeMessage({ ...query, answers: [record] }).length).toBeGreaterThan(40_000);
  });
});
