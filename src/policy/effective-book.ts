import type { EffectiveEntry } from './compile-report.ts';
import { type EffectiveRules, effectiveRules, type PolicyBlock } from './effective-policy.ts';
import type { PolicyIndex, PolicyKind, PolicyPlace } from './policy-index.ts';
import { kept, sameMembers } from './same-value.ts';

/** What the policies of a chain come to; the same object as before for the same chain. */
export interface Effective<V, M> {
  readonly blocks: readonly PolicyBlock<V>[];
  /** Policies of which a rule holds. */
  readonly holding: ReadonlySet<PolicyBlock<V>>;
  readonly entries: readonly EffectiveEntry[];
  readonly made: M;
}

/** Effective policies of one kind, worked out once for each chain of policies. */
export class EffectiveBook<K extends PolicyKind, V, M> {
  readonly #index: PolicyIndex<K, V>;
  readonly #make: (rules: EffectiveRules<V> | undefined) => M;
  readonly #known = new Map<string, Effective<V, M>>();
  #before: ReadonlyMap<string, Effective<V, M>>;

  constructor(
    index: PolicyIndex<K, V>,
    make: (rules: EffectiveRules<V> | undefined) => M,
    before: EffectiveBook<K, V, M> | undefined,
  ) {
    this.#index = index;
    this.#make = make;
    this.#before = before === undefined ? new Map() : before.#known;
  }

  /** What holds at a place; the policies that it is from are in use there. */
  at(place: PolicyPlace): Effective<V, M> {
    const { key, blocks } = this.#index.chain(place);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const before = this.#before.get(key);
    const own =
      before !== undefined && sameMembers(before.blocks, blocks) ? before : this.#of(blocks, before);
    this.#index.note(place.gateway, blocks, own.holding);
    this.#known.set(key, own);
    return own;
  }

  #of(blocks: readonly PolicyBlock<V>[], before: Effective<V, M> | undefined): Effective<V, M> {
    const rules = effectiveRules(blocks);
    return {
      blocks,
      holding: new Set([...(rules?.values() ?? [])].map(({ from }) => from)),
      entries: kept(before?.entries, entriesOf(rules)),
      made: this.#make(rules),
    };
  }

  /** Those that were asked for. */
  get all(): Iterable<Effective<V, M>> {
    return this.#known.values();
  }

  get index(): PolicyIndex<K, V> {
    return this.#index;
  }

  /** After the last question: what nobody asked for this time is forgotten. */
  close(): void {
    this.#before = new Map();
  }
}

function entriesOf<V>(rules: EffectiveRules<V> | undefined): readonly EffectiveEntry[] {
  return [...(rules ?? [])]
    .map(([rule, { from }]) => ({ rule, source: from.source, by: from.kind }))
    .sort((a, b) => (a.rule < b.rule ? -1 : 1));
}
