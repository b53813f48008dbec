import type { NameSet } from './model.ts';
import { covers, nameSet, registeredDomain } from './names.ts';

/** A name that needs no certificate of its own. */
export interface CoveredName {
  readonly name: string;
  readonly by: string;
}

/**
 * `names` without those that a wildcard among them covers already: CAs refuse both in one certificate as redundant. They are told, as nothing is to
 * vanish without a word.
 */
export function withoutCovered(names: NameSet): {
  readonly names: NameSet;
  readonly covered: readonly CoveredName[];
} {
  const wildcards = new Set(names.filter((name) => name.startsWith('*.')));
  if (wildcards.size === 0) return { names, covered: [] };
  const covered: CoveredName[] = [];
  const kept = names.filter((name) => {
    const by = name.startsWith('*.') ? undefined : `*${name.slice(name.indexOf('.'))}`;
    if (by === undefined || !wildcards.has(by) || !covers(by, name)) return true;
    covered.push({ name, by });
    return false;
  });
  return { names: kept, covered };
}

/** Names of one certificate; its place stays, so that what changes is as little as can be. */
export interface PackedSet {
  readonly place: number;
  readonly names: NameSet;
}

/**
 * Names into certificates of at most `most`. What is in a certificate already stays there; a new name goes to one that changes anyway, else to the
 * fullest that has room, else to a new one; those that lost names become fewer where they fit together. So one name more or less changes one
 * certificate. New ones are filled by registered domain, as CAs count certificates per domain.
 *
 * @param names none of which another covers @param now the sets as they are, by place: of what is issued or ordered
 */
export function packNames(
  names: NameSet,
  now: ReadonlyMap<number, NameSet>,
  most: number,
): readonly PackedSet[] {
  const left = new Set(names);
  const slots: Slot[] = [];
  for (const [place, set] of [...now].sort(([a], [b]) => a - b)) {
    const kept: string[] = [];
    for (const name of set) if (kept.length < most && left.delete(name)) kept.push(name);
    if (kept.length > 0) slots.push({ place, names: kept, changed: kept.length !== set.length });
  }
  const taken = new Set(slots.map(({ place }) => place));
  join(slots, most);
  const fresh = [...left].sort(byDomain());
  let at = 0;
  // Those that change anyway first, then the fullest.
  for (const slot of [...slots].sort(
    (a, b) => Number(b.changed) - Number(a.changed) || b.names.length - a.names.length || a.place - b.place,
  )) {
    while (at < fresh.length && slot.names.length < most) {
      // Each is there: `at` is below the length.
      slot.names.push(fresh[at] ?? '');
      at += 1;
    }
  }
  for (let place = 0; at < fresh.length; place += 1) {
    if (taken.has(place)) continue;
    slots.push({ place, names: fresh.slice(at, at + most), changed: true });
    at += most;
  }
  return slots
    .map((slot) => ({ place: slot.place, names: nameSet(slot.names) }))
    .sort((a, b) => a.place - b.place);
}

interface Slot {
  readonly place: number;
  readonly names: string[];
  readonly changed: boolean;
}

/** Certificates that lost names are issued anew anyway: two of them that fit into one become one. */
function join(slots: Slot[], most: number): void {
  const changed = slots.filter((slot) => slot.changed).sort((a, b) => b.names.length - a.names.length);
  for (const [i, from] of [...changed.entries()].reverse()) {
    const into = changed.slice(0, i).find((slot) => slot.names.length + from.names.length <= most);
    if (into === undefined) continue;
    into.names.push(...from.names);
    slots.splice(slots.indexOf(from), 1);
  }
}

function byDomain(): (a: string, b: string) => number {
  const domains = new Map<string, string>();
  const of = (name: string): string => {
    const known = domains.get(name);
    if (known !== undefined) return known;
    const domain = registeredDomain(name);
    domains.set(name, domain);
    return domain;
  };
  return (a, b) => compare(of(a), of(b)) || compare(a, b);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
