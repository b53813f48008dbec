import { expect, it } from 'vitest';
import { parseName } from './name.ts';
import { parseRdata } from './records/catalogue.ts';
import { respond } from './respond.ts';
import type { RoutedName } from './routed.ts';
import { compileRRset } from './rrset.ts';
import { AnswerTable } from './table.ts';
import { zoneSource } from './testing/zone-source.ts';
import { CLASS, TYPE } from './types.ts';
import { encodeMessage, makeQuery } from './wire/message.ts';
import { parseQuery } from './wire/query.ts';
import { compileZoneOrThrow } from './zone.ts';

const address = parseRdata(TYPE.A, '192.0.2.7');
const routed: RoutedName = {
  types: new Set([TYPE.A]),
  answer: () => ({
    ttlSeconds: 20,
    records: [address],
    set: compileRRset(TYPE.A, 20, [address]),
    ecsScope: 0,
  }),
};
const table = new AnswerTable([
  compileZoneOrThrow(
    zoneSource({
      records: [{ name: 'alias', type: 'CNAME', data: ['api.example.test.'] }],
      routed: [{ name: parseName('api.example.test'), routed }],
    }),
  ),
]);

it('says which routed name gave the whole answer, and none when an alias led to it', () => {
  const decide = (name: string) => {
    const query = parseQuery(
      encodeMessage(makeQuery(1, { name: parseName(name), type: TYPE.A, class: CLASS.IN })),
    );
    if (query === undefined) throw new Error('no query');
    const bytes = Uint8Array.of(198, 51, 100, 1);
    return respond(table, query, { family: 4, bytes, prefixLength: 32, source: 'resolver' });
  };
  expect(decide('api.example.test').routed).toBe(routed);
  const aliased = decide('alias.example.test');
  expect(aliased.answer.map(({ set }) => set.type)).toEqual([TYPE.CNAME, TYPE.A]);
  expect(aliased.routed).toBeUndefined();
});
