import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { challengeText } from '../certificates/dns-challenge.ts';
import { challengeDesired } from './challenge.ts';
import { planZone } from './plan-zone.ts';
import type { RecordSet } from './record-set.ts';
import { setKey } from './record-set.ts';
import { APEX, at, input } from './testing/zone.ts';
import { txtValue } from './txt-value.ts';
import type { DesiredName } from './zone-plan.ts';

const LABELS = ['_acme-challenge', '_acme-challenge.www', 'shop.acme'];
const OURS = ['a', 'b', 'c'].map((token) => challengeText(`${token}.print`));
const THEIRS = ['by hand', challengeText('of another client')].map(txtValue);

type Step =
  | {
      readonly kind: 'want';
      readonly wants: readonly (readonly [number, number])[];
      readonly changes: number;
    }
  | { readonly kind: 'put' | 'take'; readonly label: number; readonly value: number };

const index = (of: readonly unknown[]) => fc.nat({ max: of.length - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('want' as const),
    wants: fc.array(fc.tuple(index(LABELS), index(OURS)), { maxLength: 4 }),
    // A writer that is ended after so many changes.
    changes: fc.oneof(fc.nat({ max: 4 }), fc.constant(Number.POSITIVE_INFINITY)),
  }),
  fc.record({
    kind: fc.constantFrom('put' as const, 'take' as const),
    label: index(LABELS),
    value: index(THEIRS),
  }),
);

function desiredOf(wants: readonly (readonly [number, number])[]): readonly DesiredName[] {
  return LABELS.flatMap((label, i) => {
    const values = [...new Set(wants.flatMap(([l, v]) => (l === i ? [OURS[v] ?? ''] : [])))].sort();
    if (values.length === 0) return [];
    const text = { namespace: 'shop', name: at(label), values };
    return [challengeDesired({ object: `shop/${label}`, text, ttl: { minSeconds: 0, maxSeconds: 600 } })];
  });
}

class Zone {
  sets = new Map<string, RecordSet>(APEX.map((set) => [setKey(set), set]));
  /** What others have put there, by label. */
  readonly foreign = LABELS.map(() => new Set<string>());

  valuesAt(label: number): readonly string[] {
    return this.sets.get(`${at(LABELS[label] ?? '')} TXT `)?.values ?? [];
  }

  /** Somebody's client: it adds its value to what is there, or takes it out. */
  edit(label: number, value: string, isThere: boolean): void {
    const name = at(LABELS[label] ?? '');
    const values = new Set(this.valuesAt(label));
    if (isThere) values.add(value);
    else values.delete(value);
    if (isThere) this.foreign[label]?.add(value);
    else this.foreign[label]?.delete(value);
    const key = `${name} TXT `;
    if (values.size === 0) this.sets.delete(key);
    else this.sets.set(key, { name, type: 'TXT', setId: '', ttlSeconds: 60, values: [...values].sort() });
  }

  follow(desired: readonly DesiredName[], changes: number, wholeGroups: boolean): readonly string[] {
    const plan = planZone(input([...this.sets.values()], desired, { wholeGroups, maxRemovedPercent: 1 }));
    let left = changes;
    for (const group of plan.groups) {
      if (left <= 0) break;
      for (const { before, after } of group.changes) {
        if (!wholeGroups && left <= 0) break;
        left -= 1;
        if (before !== undefined) this.sets.delete(setKey(before));
        if (after !== undefined) this.sets.set(setKey(after), after);
      }
    }
    return plan.held.map(({ name }) => name);
  }
}

describe.each([true, false])('challenges of writers that die, whole groups: %s', (wholeGroups) => {
  it('I8 leave every text of others as it is, stand where nothing is in the way, and are all gone in the end', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const zone = new Zone();
        const unharmed = (): void =>
          zone.foreign.forEach((values, label) => {
            for (const value of values) expect(zone.valuesAt(label)).toContain(value);
          });
        for (const one of steps) {
          if (one.kind !== 'want') zone.edit(one.label, THEIRS[one.value] ?? '', one.kind === 'put');
          else {
            const desired = desiredOf(one.wants);
            zone.follow(desired, one.changes, wholeGroups);
            unharmed();
            if (one.changes !== Number.POSITIVE_INFINITY) continue;
            const held = new Set(zone.follow(desired, one.changes, wholeGroups));
            for (const { name, sets } of desired)
              if (!held.has(name))
                expect(zone.sets.get(`${name} TXT `)?.values).toEqual(
                  expect.arrayContaining([...(sets?.[0]?.values ?? [])]),
                );
          }
        }
        for (let i = 0; i < 3; i += 1) zone.follow([], Number.POSITIVE_INFINITY, wholeGroups);
        unharmed();
        const ours = new Set(OURS.map(txtValue));
        const left = [...zone.sets.values()].flatMap(({ values }) =>
          values.filter((value) => ours.has(value)),
        );
        expect(left).toEqual([]);
        expect([...zone.sets.values()].filter(({ name }) => name.includes('_owner'))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
