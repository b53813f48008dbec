/** True of two values that are the same in JSON, but that an undefined member is one; without writing either. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((one, at) => sameValue(one, b[at]));
  }
  if (Array.isArray(b)) return false;
  const [left, right] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && sameValue(left[name], right[name]))
  );
}

/** What was there before when it says the same as `now`: then what was made of it holds still. */
export function kept<V>(before: V | undefined, now: V): V {
  return before !== undefined && sameValue(before, now) ? before : now;
}

/** A list whose members are those of before where they say the same at the same place; the one of before when all do. */
export function keptMembers<V>(before: readonly V[] | undefined, now: readonly V[]): readonly V[] {
  if (before === undefined) return now;
  const members = now.map((one, at) => kept(before[at], one));
  return sameMembers(before, members) ? before : members;
}

/** True of lists of the same objects. */
export function sameMembers(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

/** True of maps of the same objects under the same keys. */
export function sameEntries<V>(a: ReadonlyMap<string, V>, b: ReadonlyMap<string, V>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value || !b.has(key)) return false;
  return true;
}

/** True of objects whose members are the same objects. */
export function sameFields<T extends object>(a: T, b: T): boolean {
  const names = Object.keys(a) as (keyof T)[];
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
