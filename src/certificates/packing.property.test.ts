import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameSet, sameNames } from './names.ts';
import { type PackedSet, packNames, withoutCovered } from './packing.ts';

const someName = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.constantFrom('example.com', 'example.org', 'github.io'))
  .map(([n, domain]) => `h${n}.${domain}`);
const someNames = fc.array(someName, { maxLength: 60 }).map(nameSet);

const placesOf = (sets: readonly PackedSet[]): ReadonlyMap<number, readonly string[]> =>
  new Map(sets.map(({ place, names }) => [place, names]));

function changes(before: readonly PackedSet[], after: readonly PackedSet[]): number {
  const was = placesOf(before);
  return after.filter(({ place, names }) => !sameNames(was.get(place) ?? [], names)).length;
}

describe('packing names into certificates', () => {
  it('every name stands in exactly one certificate, none has more names than it may', () => {
    fc.assert(
      fc.property(someNames, someNames, fc.integer({ min: 1, max: 12 }), (before, names, most) => {
        const sets = packNames(names, placesOf(packNames(before, new Map(), most)), most);
        expect(sets.flatMap((set) => set.names).sort()).toEqual(names);
        for (const set of sets) {
          expect(set.names.length).toBeLessThanOrEqual(most);
          expect(set.names.length).toBeGreaterThan(0);
        }
        expect(new Set(sets.map(({ place }) => place)).size).toBe(sets.length);
      }),
    );
  });

  it('the same names again change nothing, though sets are known in another order', () => {
    fc.assert(
      fc.property(someNames, someNames, fc.integer({ min: 1, max: 12 }), (before, names, most) => {
        const sets = packNames(names, placesOf(packNames(before, new Map(), most)), most);
        expect(packNames(names, new Map([...placesOf(sets)].reverse()), most)).toEqual(sets);
      }),
    );
  });

  it('one name more changes one certificate, one name less at most one', () => {
    fc.assert(
      fc.property(someNames, someName, fc.integer({ min: 1, max: 12 }), (names, extra, most) => {
        const sets = packNames(names, new Map(), most);
        const more = nameSet([...names, extra]);
        expect(changes(sets, packNames(more, placesOf(sets), most))).toBe(names.includes(extra) ? 0 : 1);
        const less = names.filter((name) => name !== extra);
        expect(changes(sets, packNames(less, placesOf(sets), most))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('no set is joined, split or moved that lost no name and got none', () => {
    fc.assert(
      fc.property(someNames, someNames, fc.integer({ min: 2, max: 12 }), (before, gone, most) => {
        const sets = packNames(before, new Map(), most);
        const left = before.filter((name) => !gone.includes(name));
        const after = placesOf(packNames(left, placesOf(sets), most));
        for (const { place, names } of sets)
          if (!names.some((name) => gone.includes(name))) expect(after.get(place)).toEqual(names);
      }),
    );
  });

  it('certificates that all lost names become fewer', () => {
    const now = new Map([
      [0, ['a.example', 'x.example']],
      [1, ['b.example', 'y.example']],
    ]);
    expect(packNames(['a.example', 'b.example'], now, 2)).toEqual([
      { place: 0, names: ['a.example', 'b.example'] },
    ]);
  });

  it('names of one registered domain are put together', () => {
    const names = nameSet(['a.example.com', 'a.example.org', 'b.example.com', 'b.example.org']);
    expect(packNames(names, new Map(), 2).map((set) => set.names)).toEqual([
      ['a.example.com', 'b.example.com'],
      ['a.example.org', 'b.example.org'],
    ]);
  });

  it('what a wildcard covers is left out and told, its apex and deeper names are not', () => {
    const names = nameSet(['*.example.com', 'example.com', 'www.example.com', 'a.b.example.com']);
    expect(withoutCovered(names)).toEqual({
      names: ['*.example.com', 'a.b.example.com', 'example.com'],
      covered: [{ name: 'www.example.com', by: '*.example.com' }],
    });
  });
});
