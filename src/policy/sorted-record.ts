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

/** A record with its names in order. */
export interface SortedRecord<V> {
  readonly names: readonly string[];
  readonly record: Readonly<Record<string, V>>;
}

/** The one of before when it has the same entries (`===`). */
export function sortedRecord<V>(
  entries: ReadonlyMap<string, V>,
  before: SortedRecord<V> | undefined,
): SortedRecord<V> {
  const names = namesInOrder(entries, before?.names);
  if (before !== undefined && names === before.names) {
    const others = names.filter((name) => before.record[name] !== entries.get(name));
    if (others.length === 0) return before;
    const record = { ...before.record };
    for (const name of others) put(record, name, entries.get(name));
    return { names, record };
  }
  const record: Record<string, V> = {};
  for (const name of names) put(record, name, entries.get(name));
  return { names, record };
}

function put<V>(record: Record<string, V>, name: string, value: V | undefined): void {
  if (value !== undefined) record[name] = value;
}
