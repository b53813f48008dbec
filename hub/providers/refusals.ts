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
  /** When a name gets another chance, monotonic milliseconds; infinity: nothing is refused. */
  readonly nextMs: number;
  readonly held: readonly HeldName[];
  clear(): void;
}

/** Limits of accounts are raised and features turned on without a word to us: another chance soon, then every five minutes. */
const AGAIN = { firstMs: 15_000, longestMs: 300_000 };
/** Finding the bad records among others takes requests: with more of them than this, chances come more seldom, up to an hour. */
const MANY = 50;
const AT_MOST_MS = 3_600_000;

export function createRefusals(monotonicMs: () => number): Refusals {
  const refused = new Map<
    DomainName,
    { readonly text: string; readonly times: number; readonly atMs: number; readonly held: HeldName }
  >();
  const againMs = ({ times, atMs }: { readonly times: number; readonly atMs: number }): number => {
    const pauseMs = Math.min(AGAIN.longestMs, AGAIN.firstMs * 2 ** (times - 1));
    return atMs + Math.min(AT_MOST_MS, pauseMs * Math.ceil(refused.size / MANY));
  };
  return {
    add(held, sent) {
      const group = sent.find(({ name }) => name === held.name);
      if (group === undefined) return;
      const text = JSON.stringify(group);
      const before = refused.get(held.name);
      const times = before?.text === text ? before.times + 1 : 1;
      refused.set(held.name, { text, times, atMs: monotonicMs(), held });
    },
    without: (groups) =>
      groups.filter((group) => {
        const before = refused.get(group.name);
        if (before === undefined || monotonicMs() >= againMs(before)) return true;
        return before.text !== JSON.stringify(group);
      }),
    keepOnly(groups) {
      const names = new Set(groups.map((group) => group.name));
      for (const name of refused.keys()) if (!names.has(name)) refused.delete(name);
    },
    get nextMs() {
      return [...refused.values()].reduce(
        (next, one) => Math.min(next, againMs(one)),
        Number.POSITIVE_INFINITY,
      );
    },
    get held() {
      return [...refused.values()].map(({ held }) => held);
    },
    clear: () => refused.clear(),
  };
}
