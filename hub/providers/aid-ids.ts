import type { Json, RecordSet } from '../../src/plan/record-set.ts';
import type { DesiredName } from '../../src/plan/zone-plan.ts';

/** The same name gives the same object: what was found out about it stays known. */
const made = new WeakMap<
  DesiredName,
  { readonly ids: ReadonlyMap<string, string>; readonly result: DesiredName }
>();

/** The name with the id of each aid where its sets refer to one (`AidReference`). References whose aid has no id yet stay. */
export function withAids(name: DesiredName, ids: ReadonlyMap<string, string>): DesiredName {
  if (name.sets?.some((set) => set.native !== undefined) !== true) return name;
  const known = made.get(name);
  if (known?.ids === ids) return known.result;
  const result = { ...name, sets: name.sets.map((set) => withIds(set, ids)) };
  made.set(name, { ids, result });
  return result;
}

function withIds(set: RecordSet, ids: ReadonlyMap<string, string>): RecordSet {
  if (set.native === undefined) return set;
  const entries = Object.entries(set.native).map(([key, value]) => [key, replaced(value, ids)] as const);
  return { ...set, native: Object.fromEntries(entries) };
}

function replaced(value: Json, ids: ReadonlyMap<string, string>): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map((item) => replaced(item, ids));
  const { $aid: key } = value;
  if (typeof key === 'string') return ids.get(key) ?? value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, replaced(item, ids)]));
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
