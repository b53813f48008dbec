import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { parseRdata } from '../../src/dns/records/catalogue.ts';
import { CLASS, TYPE } from '../../src/dns/types.ts';
import type { ResourceRecord } from '../../src/dns/wire/message.ts';
import { contentOf } from '../../src/plan/record-set.ts';
import { ZoneCopy } from './zone-copy.ts';

const record = (label: string, type: number, data: string, ttlSeconds = 60): ResourceRecord => ({
  name: parseName(`${label}example.com`),
  type,
  class: CLASS.IN,
  ttlSeconds,
  rdata: parseRdata(type, data),
});
const soa = (serial: number) => record('', TYPE.SOA, `ns.example.net. h.example.net. ${serial} 1 2 3 4`);

/** A version of a zone: which of some addresses each of some names has. */
const version = fc.uniqueArray(
  fc.record({ label: fc.constantFrom('a.', 'b.', 'c.', '*.'), last: fc.integer({ min: 1, max: 6 }) }),
  { maxLength: 12, selector: ({ label, last }) => `${label}${last}` },
);
const recordsOf = (serial: number, members: readonly { readonly label: string; readonly last: number }[]) => [
  soa(serial),
  // What a server that signs adds, and changes with every version.
  record('', TYPE.NSEC, 'a.example.com. A'),
  ...members.map(({ label, last }) => record(label, TYPE.A, `192.0.2.${last}`)),
];

const contents = (copy: ZoneCopy | undefined): readonly string[] | undefined =>
  copy?.sets.map(contentOf).sort();

it('a zone after its differences is the zone that would have been copied whole', () => {
  fc.assert(
    fc.property(fc.array(version, { minLength: 2, maxLength: 5 }), (versions) => {
      const wholes = versions.map((members, serial) => recordsOf(serial, members));
      const key = ({ name, rdata }: ResourceRecord): string => JSON.stringify([name, rdata]);
      const differences = wholes.slice(1).map((after, i) => {
        const before = wholes[i] ?? [];
        const keys = { before: new Set(before.map(key)), after: new Set(after.map(key)) };
        return {
          removed: before.filter((one) => !keys.after.has(key(one))),
          added: after.filter((one) => !keys.before.has(key(one))),
        };
      });
      const first = ZoneCopy.of(wholes[0] ?? []);
      const kept = contents(first);
      const last = first?.after(differences);
      expect(last?.soa.serial).toBe(versions.length - 1);
      expect(contents(last)).toEqual(contents(ZoneCopy.of(wholes.at(-1) ?? [])));
      expect(contents(first)).toEqual(kept);
    }),
  );
});

it('differences that take away what is not there do not fit', () => {
  const copy = ZoneCopy.of([soa(1), record('a.', TYPE.A, '192.0.2.1')]);
  const removed = [soa(1), record('a.', TYPE.A, '192.0.2.2')];
  expect(copy?.after([{ removed, added: [soa(2)] }])).toBeUndefined();
});

it('records without an SOA are no zone', () => {
  expect(ZoneCopy.of([record('a.', TYPE.A, '192.0.2.1')])).toBeUndefined();
});

it('a set whose records have several TTLs has the lowest', () => {
  const copy = ZoneCopy.of([
    soa(1),
    record('a.', TYPE.A, '192.0.2.1', 90),
    record('a.', TYPE.A, '192.0.2.2', 30),
  ]);
  expect(copy?.sets.find(({ type }) => type === 'A')).toMatchObject({ ttlSeconds: 30 });
});
