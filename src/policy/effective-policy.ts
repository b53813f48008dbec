import type { Source } from './model.ts';

/** Rules of one policy object, each under the name by which it meets those of other policies. */
export interface PolicyBlock<V> {
  readonly source: Source;
  /** RFC 3339, UTC. */
  readonly created: string;
  /** `defaults` give way to more specific policies; `overrides` do not. */
  readonly kind: 'defaults' | 'overrides';
  /** `atomic`: all of these rules or none; `merge`: each rule by itself. */
  readonly strategy: 'atomic' | 'merge';
  readonly rules: ReadonlyMap<string, V>;
  /** Conditions (CEL) of the policy as a whole: its rules keep them wherever they end up. */
  readonly when?: readonly string[];
}

/** A rule that holds, and the policy it is from. */
export interface EffectiveRule<V> {
  readonly value: V;
  readonly from: PolicyBlock<V>;
}

export type EffectiveRules<V> = ReadonlyMap<string, EffectiveRule<V>>;

/** Policies of one target in the order in which they are folded, and those that cannot be used beside the others. */
export interface PolicyLevel<V> {
  /** Least binding last among defaults, most binding first among overrides: as if they were levels of their own. */
  readonly chain: readonly PolicyBlock<V>[];
  readonly conflicted: readonly { readonly block: PolicyBlock<V>; readonly winner: PolicyBlock<V> }[];
}

/**
 * Settles policies that name the same target: the oldest, then the first by `namespace/name`, is the one. Others are used beside it
 * only when both they and it merge; its rules then win. The rest are `Conflicted` (GEP-713, "Conflict resolution").
 */
export function levelOf<V>(blocks: readonly PolicyBlock<V>[]): PolicyLevel<V> {
  const byAge = blocks.toSorted(
    (a, b) => compareText(a.created, b.created) || compareText(a.source.name, b.source.name),
  );
  const [winner, ...others] = byAge;
  if (winner === undefined) return { chain: [], conflicted: [] };
  const accepted = [winner];
  const conflicted: { block: PolicyBlock<V>; winner: PolicyBlock<V> }[] = [];
  for (const block of others) {
    if (winner.strategy === 'merge' && block.strategy === 'merge') accepted.push(block);
    else conflicted.push({ block, winner });
  }
  // A fold lets the first of overrides and the last of defaults win: so the oldest stands there.
  const overrides = accepted.filter((block) => block.kind === 'overrides');
  const defaults = accepted.filter((block) => block.kind === 'defaults').reverse();
  return { chain: [...overrides, ...defaults], conflicted };
}

/**
 * What holds for one target: the policies on the way to it, from the least specific (hub-wide) to the most specific (its rule), folded
 * from the most specific end. At each step the *less* specific policy says how it meets what is below it (GEP-2649; Kuadrant RFC 9):
 *
 * | less specific      | result                                                         |
 * |--------------------|----------------------------------------------------------------|
 * | defaults, atomic   | what is below, if there is any policy below; else its rules    |
 * | defaults, merge    | what is below, and those of its rules whose names are not there |
 * | overrides, atomic  | its rules alone                                                |
 * | overrides, merge   | its rules, and what is below under other names                  |
 *
 * @returns undefined when no policy holds; an empty map when one does that has no rules
 */
export function effectiveRules<V>(chain: readonly PolicyBlock<V>[]): EffectiveRules<V> | undefined {
  let below: EffectiveRules<V> | undefined;
  for (let at = chain.length - 1; at >= 0; at--) {
    const block = chain[at];
    if (block !== undefined) below = meet(block, below);
  }
  return below;
}

function meet<V>(block: PolicyBlock<V>, below: EffectiveRules<V> | undefined): EffectiveRules<V> {
  const own = (): Map<string, EffectiveRule<V>> =>
    new Map([...block.rules].map(([name, value]) => [name, { value, from: block }]));
  if (below === undefined) return own();
  if (block.strategy === 'atomic') return block.kind === 'defaults' ? below : own();
  return block.kind === 'defaults' ? new Map([...own(), ...below]) : new Map([...below, ...own()]);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
