/** The names of a map in order. Cheap when they are those of `before` but for a few. */
export function namesInOrder(
  entries: ReadonlyMap<string, unknown>,
  before: readonly string[] = [],
): readonly string[] {
  const names = before.filter((name) => entries.has(name));
  if (names.length === entries.size) return names.length === before.length ? before : names;
  const known = new Set(names);
  for (const name of entries.keys()) if (!known.has(name)) names.push(name);
  // What is in order already is not compared with everything.
  return names.sort();
}

/** For each name where it stands in `before`; -1: nowhere. Both are in order. */
export function placesBefore(names: readonly string[], before: readonly string[]): readonly number[] {
  let place = 0;
  return names.map((name) => {
    for (
      let there = before[place];
      there !== undefined && there !== name && there < name;
      there = before[place]
    )
      place += 1;
    if (before[place] !== name) return -1;
    place += 1;
    return place - 1;
  });
}

/** A record with its names in order. */
export interface SortedRecord<V> {
  readonly names: readonly string[];
  readonly record: Readonly<Record<string, V>>;
}

export const EMPTY_RECORD: SortedRecord<never> = { names: [], record: {} };

/** A record without some entries and with others; itself when it is so already. An entry that is in both comes. */
export function changedRecord<V>(
  before: SortedRecord<V>,
  gone: Iterable<string>,
  came: ReadonlyMap<string, V>,
): SortedRecord<V> {
  const { names, record } = before;
  const removed = new Set<string>();
  for (const name of gone) if (!came.has(name) && Object.hasOwn(record, name)) removed.add(name);
  const added: string[] = [];
  const others: (readonly [string, V])[] = [];
  for (const [name, value] of came) {
    if (!Object.hasOwn(record, name)) added.push(name);
    else if (record[name] !== value) others.push([name, value]);
  }
  if (removed.size === 0 && added.length === 0) {
    if (others.length === 0) return before;
    return { names, record: { ...record, ...Object.fromEntries(others) } };
  }
  const left = removed.size === 0 ? [...names] : names.filter((name) => !removed.has(name));
  if (added.length > 0) left.push(...added);
  // What is in order already is not compared with everything.
  left.sort();
  const made: Record<string, V> = {};
  for (const name of left) {
    const value = came.get(name) ?? record[name];
    if (value !== undefined) made[name] = value;
  }
  return { names: left, record: made };
}

/** A record of these entries; the one of before when they are the same. */
export function sortedRecord<V>(
  entries: ReadonlyMap<string, V>,
  before: SortedRecord<V> = EMPTY_RECORD,
): SortedRecord<V> {
  return changedRecord(
    before,
    before.names.filter((name) => !entries.has(name)),
    entries,
  );
}
