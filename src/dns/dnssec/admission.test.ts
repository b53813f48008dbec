import { describe, expect, it } from 'vitest';
import type { ClientAddress } from '../client.ts';
import type { Decision } from '../decision.ts';
import { parseName } from '../name.ts';
import { respond } from '../respond.ts';
import { AnswerTable } from '../table.ts';
import { zoneSource } from '../testing/zone-source.ts';
import { CLASS, parseType, TYPE } from '../types.ts';
import { encodeMessage, makeQuery } from '../wire/message.ts';
import { parseQuery, type Query } from '../wire/query.ts';
import { compileZoneOrThrow } from '../zone.ts';
import type { ZoneSigner } from './zone-signer.ts';

const CLIENT: ClientAddress = { family: 4, bytes: new Uint8Array(4), prefixLength: 32, source: 'resolver' };
const plain = compileZoneOrThrow(
  zoneSource({
    origin: parseName('signed.test'),
    nameServers: [{ name: parseName('ns.signed.test'), addresses: ['192.0.2.53'] }],
    records: [
      { name: 'www', type: 'A', data: ['192.0.2.1'] },
      { name: '*.wild', type: 'A', data: ['192.0.2.2'] },
      { name: 'child', type: 'NS', data: ['ns.child.signed.test.'] },
      { name: 'ns.child', type: 'A', data: ['192.0.2.3'] },
    ],
  }),
);

/** A signer that counts what it is asked for, and has no time. */
function counting(): { readonly table: AnswerTable; readonly signatures: () => number } {
  let count = 0;
  const signer: ZoneSigner = {
    presigned: new Map(),
    signaturesOf: () => {
      count += 1;
      return undefined;
    },
    signaturesForCopy: () => {
      throw new Error('nobody copies the zone here');
    },
  };
  return { table: new AnswerTable([{ ...plain, signer }]), signatures: () => count };
}

function queryFor(name: string, type: string, dnssecOk: boolean): Query {
  const message = makeQuery(1, { name: parseName(name), type: parseType(type) ?? 0, class: CLASS.IN });
  const edns = { udpSize: 1232, version: 0, dnssecOk, options: [] };
  const query = parseQuery(encodeMessage({ ...message, edns }));
  if (query === undefined) throw new Error('dropped');
  return query;
}

describe('an answer of a signed zone', () => {
  it.each([
    ['www.signed.test', 'A', 'www.signed.test.'],
    ['x.wild.signed.test', 'A', '*.wild.signed.test.'],
    ['www.signed.test', 'MX', 'www.signed.test.'],
    ['nowhere.signed.test', 'A', 'signed.test.'],
    ['x.child.signed.test', 'A', 'child.signed.test.'],
    ['www.signed.test', 'RRSIG', 'www.signed.test.'],
    ['nowhere.signed.test', 'RRSIG', 'signed.test.'],
  ])(
    'I24 for %s %s is asked for before it is signed, and not signed when it is not wanted',
    (name, type, source) => {
      const asked: Decision[] = [];
      const { table, signatures } = counting();
      const refuse = (unsigned: Decision): boolean => {
        asked.push(unsigned);
        return false;
      };
      respond(table, queryFor(name, type, true), CLIENT, refuse);
      expect(signatures()).toBe(0);
      expect(asked.map((decision) => decision.source)).toEqual([source]);
      expect(asked[0]?.answer.some(({ set }) => set.type === TYPE.RRSIG)).toBe(false);

      respond(table, queryFor(name, type, true), CLIENT, () => true);
      expect(signatures()).toBeGreaterThan(0);
    },
  );

  it('is not asked for when nobody wants signatures', () => {
    const { table } = counting();
    const decision = respond(table, queryFor('www.signed.test', 'A', false), CLIENT, () =>
      expect.unreachable(),
    );
    expect(decision.answer).toHaveLength(1);
  });
});
