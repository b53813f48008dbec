import { formatRdata } from '../../src/dns/records/catalogue.ts';
import { typeName } from '../../src/dns/types.ts';
import { readZone } from '../../src/dns/zone-source.ts';
import { type RecordSet, setKey } from '../../src/plan/record-set.ts';
import type { ZoneSpec } from '../../src/resources/zone.ts';

/** A set of a Zone, with the entries of `spec.records` that it is made of; none: it comes from elsewhere in the spec. */
export interface ZoneSet {
  readonly set: RecordSet;
  readonly entries: readonly number[];
}

/** Every set of a Zone by its key, SOA, NS and addresses of name servers included. Entries that do not parse are left out: nobody answers them. */
export function setsOf(spec: ZoneSpec): ReadonlyMap<string, ZoneSet> {
  const zone = readZone({ ...spec, serial: 0, routed: [] });
  const found = new Map<string, { values: Set<string>; entries: number[]; set: RecordSet }>();
  for (const { owner, type, ttlSeconds, records, path } of zone.sets) {
    const entry = /^records\[(\d+)\]$/.exec(path)?.[1];
    const set: RecordSet = { name: owner, type: typeName(type), setId: '', ttlSeconds, values: [] };
    const known = found.get(setKey(set)) ?? { values: new Set<string>(), entries: [], set };
    for (const { rdata } of records) known.values.add(formatRdata(rdata));
    if (entry !== undefined) known.entries.push(Number(entry));
    found.set(setKey(set), known);
  }
  const soa: RecordSet = {
    name: zone.origin,
    type: 'SOA',
    setId: '',
    ttlSeconds: zone.soaTtlSeconds,
    values: [formatRdata(zone.soa)],
  };
  const sets = new Map<string, ZoneSet>([[setKey(soa), { set: soa, entries: [] }]]);
  for (const [key, { set, values, entries }] of found)
    sets.set(key, { set: { ...set, values: [...values].sort() }, entries });
  return sets;
}

/** The entry of `spec.records` that a set is. */
export function entryOf(set: RecordSet, origin: string): ZoneSpec['records'][number] {
  const name =
    set.name === origin
      ? '@'
      : set.name.endsWith(`.${origin}`)
        ? set.name.slice(0, -origin.length - 1)
        : set.name;
  return {
    name,
    type: set.type,
    ...(set.ttlSeconds === undefined ? {} : { ttlSeconds: set.ttlSeconds }),
    data: [...set.values],
  };
}
