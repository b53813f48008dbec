import type { DomainName } from '../../src/dns/name.ts';
import type { ChangeGroup } from '../../src/plan/record-set.ts';
import type { HeldName } from '../../src/plan/zone-plan.ts';

/** What a provider refused for what it is: it is not sent again soon as long as it is the same. */
export interface Refusals {
  add(held: HeldName, sent: readonly ChangeGroup[]): void;
  /** Groups that are worth sending. */
  without(groups: readonly ChangeGroup[]): readonly ChangeGroup[];
  /** Forgets names that are not to be changed any more. */
  keepOnly(groups: readonly ChangeGroup[]): void;
  readonly held: readonly HeldName[];
  clear(): void;
}

/** Limits of accounts are raised: another chance after an hour. */
const AGAIN_MS = 3_600_000;

export function createRefusals(monotonicMs: () => number): Refusals {
  const refused = new Map<
    DomainName,
    { readonly text: string; readonly atMs: number; readonly held: HeldName }
  >();
  return {
    add(held, sent) {
      const group = sent.find(({ name }) => name === held.name);
      if (group !== undefined)
        refused.set(held.name, { text: JSON.stringify(group), atMs: monotonicMs(), held });
    },
    without: (groups) =>
      groups.filter((group) => {
        const before = refused.get(group.name);
        if (before === undefined || monotonicMs() - before.atMs >= AGAIN_MS) return true;
        return before.text !== JSON.stringify(group);
      }),
    keepOnly(groups) {
      const names = new Set(groups.map((group) => group.name));
      for (const name of refused.keys()) if (!names.has(name)) refused.delete(name);
    },
    get held() {
      return [...refused.values()].map(({ held }) => held);
    },
    clear: () => refused.clear(),
  };
}
