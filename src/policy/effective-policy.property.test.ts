import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectiveRules, levelOf, type PolicyBlock } from './effective-policy.ts';

const rules = fc
  .dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(99), { maxKeys: 4 })
  .map((values) => new Map(Object.entries(values)));
const block: fc.Arbitrary<PolicyBlock<number>> = fc.record({
  source: fc.record({
    kind: fc.constant('AuthPolicy'),
    name: fc.stringMatching(/^[a-z]{6}$/).map((name) => `shop/${name}`),
  }),
  created: fc.constantFrom(
    '2026-01-01T00:00:00.000Z',
    '2026-01-02T00:00:00.000Z',
    '2026-01-03T00:00:00.000Z',
  ),
  kind: fc.constantFrom('defaults', 'overrides'),
  strategy: fc.constantFrom('atomic', 'merge'),
  rules,
});
const chain = fc.array(block, { maxLength: 6 });

/** The values that hold, without where they are from. */
function valuesOf(blocks: readonly PolicyBlock<number>[]): Readonly<Record<string, number>> | undefined {
  const effective = effectiveRules(blocks);
  return effective && Object.fromEntries([...effective].sort().map(([name, { value }]) => [name, value]));
}
const plain = (of: PolicyBlock<number>): Readonly<Record<string, number>> =>
  Object.fromEntries([...of.rules].sort());

describe('the algebra of policies', () => {
  it('has nothing to say without policies, and what a policy says when it is alone', () => {
    expect(effectiveRules([])).toBeUndefined();
    fc.assert(
      fc.property(block, (one) => {
        expect(valuesOf([one])).toEqual(plain(one));
      }),
    );
  });

  it('names for every rule a policy that says exactly this', () => {
    fc.assert(
      fc.property(chain, (blocks) => {
        for (const [name, { value, from }] of effectiveRules(blocks) ?? []) {
          expect(blocks).toContain(from);
          expect(from.rules.get(name)).toBe(value);
        }
      }),
    );
  });

  it('lets atomic overrides stand against everything below them', () => {
    fc.assert(
      fc.property(block, chain, (top, below) => {
        expect(valuesOf([{ ...top, kind: 'overrides', strategy: 'atomic' }, ...below])).toEqual(plain(top));
      }),
    );
  });

  it('lets merged overrides stand rule by rule', () => {
    fc.assert(
      fc.property(block, chain, (top, below) => {
        const values = valuesOf([{ ...top, kind: 'overrides', strategy: 'merge' }, ...below]);
        expect(values).toEqual({ ...valuesOf(below), ...plain(top) });
      }),
    );
  });

  it('lets atomic defaults give way as a whole, to a policy without rules as well', () => {
    fc.assert(
      fc.property(block, chain, (top, below) => {
        const values = valuesOf([{ ...top, kind: 'defaults', strategy: 'atomic' }, ...below]);
        expect(values).toEqual(below.length === 0 ? plain(top) : valuesOf(below));
      }),
    );
  });

  it('lets merged defaults give way rule by rule', () => {
    fc.assert(
      fc.property(block, chain, (top, below) => {
        const values = valuesOf([{ ...top, kind: 'defaults', strategy: 'merge' }, ...below]);
        expect(values).toEqual({ ...plain(top), ...valuesOf(below) });
      }),
    );
  });

  it('settles equal targets by age then name, whatever order they are read in', () => {
    const several = fc.uniqueArray(block, { selector: ({ source }) => source.name, maxLength: 5 });
    fc.assert(
      fc.property(several, fc.nat(), (blocks, turn) => {
        const turned = [...blocks.slice(turn % 5), ...blocks.slice(0, turn % 5)];
        const [one, other] = [levelOf(blocks), levelOf(turned)];
        expect(other).toEqual(one);
        const oldest = blocks.toSorted((a, b) =>
          `${a.created}${a.source.name}` < `${b.created}${b.source.name}` ? -1 : 1,
        )[0];
        if (oldest === undefined) return;
        expect(one.chain).toContain(oldest);
        expect(one.chain.length + one.conflicted.length).toBe(blocks.length);
        for (const { winner } of one.conflicted) expect(winner).toBe(oldest);
        // Every rule of the winner that is no override of a merged one holds.
        const effective = effectiveRules(one.chain);
        for (const [name, value] of oldest.rules) {
          const holder = effective?.get(name);
          if (holder?.from.kind === oldest.kind) expect(holder.value).toBe(value);
        }
      }),
    );
  });
});
