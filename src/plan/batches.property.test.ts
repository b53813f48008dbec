import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containing } from '../../test/support/matchers.ts';
import { type BatchLimits, firstStep, packGroups, packPlan } from './batches.ts';
import { parseStamp } from './fence.ts';
import { planZone } from './plan-zone.ts';
import type { ChangeGroup } from './record-set.ts';
import { APEX, at, carriedOut, input, set, txt, wanted } from './testing/zone.ts';
import { txtText } from './txt-value.ts';

const limits = (maxChanges: number, maxOctets = 1_000_000): BatchLimits => ({
  maxChanges,
  maxOctets,
  // As Route 53 counts: a replacement is a deletion and a creation, octets are those of the values.
  cost: ({ before, after }) => ({
    changes: (before === undefined ? 0 : 1) + (after === undefined ? 0 : 1),
    octets: (after?.values.join('').length ?? 0) * 2,
  }),
});
const group = (i: number, size: number): ChangeGroup => ({
  name: at(`n${i}`),
  changes: Array.from({ length: size }, (_, k) => ({ after: set(`n${i}`, `TYPE${1000 + k}`, 'x') })),
});
const plan = { origin: at(''), owner: 'hub-1', fence: { epoch: 1, generation: 1 } };

describe('packing', () => {
  it('splits no group, loses none, keeps both limits with the fence in every request, and needs as few as can be', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 60 }),
        fc.integer({ min: 4, max: 20 }),
        (sizes, max) => {
          const groups = sizes.map((size, i) => group(i, size));
          const { packs, held } = packGroups(plan, groups, limits(max));
          const room = max - 2;
          expect(packs.flat().length + held.length).toBe(groups.length);
          expect(new Set(packs.flat())).toEqual(new Set(groups.filter((g) => g.changes.length <= room)));
          const loads = packs.map((pack) => pack.reduce((sum, g) => sum + g.changes.length, 0));
          for (const load of loads) expect(load).toBeLessThanOrEqual(room);
          // No two requests would fit into one, which bounds first fit to less than twice the least.
          const [first = 0, second = 0] = [...loads].sort((a, b) => a - b);
          if (loads.length > 1) expect(first + second).toBeGreaterThan(room);
        },
      ),
    );
  });

  it('needs exactly the least number where groups are alike', () => {
    const groups = Array.from({ length: 1000 }, (_, i) => group(i, 6));
    // 998 changes beside the fence: 166 groups each.
    expect(packGroups(plan, groups, limits(1000)).packs).toHaveLength(Math.ceil(1000 / 166));
  });

  it('puts large ones first when that saves a request', () => {
    const sizes = [4, 4, 4, 6, 6, 6];
    expect(
      packGroups(
        plan,
        sizes.map((size, i) => group(i, size)),
        limits(12),
      ).packs,
    ).toHaveLength(3);
  });

  it('counts octets, too', () => {
    const groups = [0, 1, 2].map((i) => ({
      name: at(`n${i}`),
      changes: [{ after: set(`n${i}`, 'TXT', 'x'.repeat(100)) }],
    }));
    expect(packGroups(plan, groups, limits(100, 500)).packs).toHaveLength(2);
  });

  it('holds a group that fits into no request, with the counts', () => {
    const { packs, held } = packGroups(plan, [group(0, 9), group(1, 1)], limits(10));
    expect(packs).toEqual([[group(1, 1)]]);
    expect(held).toEqual([
      {
        name: at('n0'),
        code: 'PROVIDER_UNSUPPORTED',
        message: containing('9 changes at once'),
        fix: containing('spec.dns.form: computed'),
      },
    ]);
  });

  it('takes 10,000 groups without long thought', () => {
    const groups = Array.from({ length: 10_000 }, (_, i) => group(i, 1 + (i % 7)));
    const begun = performance.now();
    expect(packGroups(plan, groups, limits(1000)).packs.length).toBeGreaterThan(40);
    expect(performance.now() - begun).toBeLessThan(10_000); // some tens of milliseconds; squared, minutes
  });
});

describe('the batches of a plan', () => {
  const names = Array.from({ length: 5 }, (_, i) => wanted(`n${i}`, [set(`n${i}`, 'A', '192.0.2.1')]));

  it('I1 each replace the fence that the one before wrote, the first one as it was read', () => {
    const fence = txt('hub-1._fence._portolan', '3.6.4.0123456789abcdef');
    const made = planZone(input([...APEX, fence], names));
    const { batches } = packPlan(made, limits(8));
    expect(batches.length).toBeGreaterThan(1);
    expect(batches[0]?.fence.before).toEqual(fence);
    expect(batches.slice(1).map((batch) => batch.fence.before)).toEqual(
      batches.slice(0, -1).map((batch) => batch.fence.after),
    );
    expect(batches.map((batch) => batch.stamp.step)).toEqual(batches.map((_, i) => i));
    for (const { fence: change, stamp } of batches)
      expect(parseStamp(txtText(change.after?.values[0] ?? '') ?? '')).toEqual(stamp);
    expect(packPlan(made, limits(8))).toEqual({ batches, held: [] });
  });

  it('count on from a fence of the same generation', () => {
    const fence = txt('hub-1._fence._portolan', '3.7.4.0123456789abcdef');
    expect(firstStep(planZone(input([...APEX, fence], names)))).toBe(5);
    expect(firstStep(planZone(input(APEX, names)))).toBe(0);
  });

  it('lead to the same zone as the plan', () => {
    const made = planZone(input(APEX, names));
    const groups = packPlan(made, limits(8)).batches.flatMap((batch) => batch.groups);
    expect(new Set(carriedOut(APEX, { groups }))).toEqual(new Set(carriedOut(APEX, made)));
  });
});
