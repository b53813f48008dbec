import type { DomainName } from '../dns/name.ts';
import { sha256Hex } from '../identity/digest.ts';
import { externalDnsMarkers, type HeritageMarker } from './external-dns.ts';
import { compareStamps, type FenceStamp, parseStamp } from './fence.ts';
import { type MarkerSet, readMarkerSet } from './marker.ts';
import { fenceName, markedName, markerName, pooledName } from './ownership.ts';
import { contentOf, type Json, type RecordSet, setKey } from './record-set.ts';
import { txtText } from './txt-value.ts';

/** What stands in a zone, sorted by whose it is. */
export interface ZoneInventory {
  readonly origin: DomainName;
  readonly sets: readonly RecordSet[];
  readonly byKey: ReadonlyMap<string, RecordSet>;
  readonly byName: ReadonlyMap<DomainName, readonly RecordSet[]>;
  /** By hostname: what stands at the name of its marker. */
  readonly markers: ReadonlyMap<DomainName, MarkerSet>;
  /** By hostname: sets below its pool suffix. */
  readonly pools: ReadonlyMap<DomainName, readonly RecordSet[]>;
  /** By hostname: external-dns's markers. */
  readonly heritage: ReadonlyMap<DomainName, readonly HeritageMarker[]>;
  /** By name: the sets that lead to it (aliases, CNAME). */
  readonly references: ReadonlyMap<string, readonly RecordSet[]>;
}

/** Zones are planned again and again from the same content. */
const taken = new WeakMap<readonly RecordSet[], ZoneInventory>();

export function takeInventory(origin: DomainName, current: readonly RecordSet[]): ZoneInventory {
  const known = taken.get(current);
  if (known?.origin === origin) return known;
  const inventory = sortOut(origin, current);
  taken.set(current, inventory);
  return inventory;
}

function sortOut(origin: DomainName, current: readonly RecordSet[]): ZoneInventory {
  // One order, whatever the provider's: the same zone gives the same plan.
  const byKey = new Map(current.map((set) => [setKey(set), set]));
  const sets = [...byKey.keys()].sort().flatMap((key) => byKey.get(key) ?? []);
  const byName = new Map<DomainName, RecordSet[]>();
  const markers = new Map<DomainName, MarkerSet>();
  const pools = new Map<DomainName, RecordSet[]>();
  const heritage = new Map<DomainName, HeritageMarker[]>();
  const references = new Map<string, RecordSet[]>();
  for (const set of sets) {
    push(byName, set.name, set);
    const marked = set.type === 'TXT' && set.setId === '' ? markedName(origin, set.name) : undefined;
    if (marked !== undefined) markers.set(marked, readMarkerSet(set));
    const pooled = pooledName(origin, set.name);
    if (pooled !== undefined) push(pools, pooled, set);
    for (const name of namesIn(set)) push(references, name, set);
  }
  for (const marker of externalDnsMarkers(sets)) {
    if (marker.name !== undefined) push(heritage, marker.name, marker);
  }
  return { origin, sets, byKey, byName, markers, pools, heritage, references };
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** Domain names that a set's data or routing names. */
function namesIn(set: RecordSet): ReadonlySet<string> {
  const names = new Set<string>();
  if (set.type !== 'TXT') {
    for (const value of set.values) {
      for (const word of value.split(' ')) if (word.endsWith('.')) names.add(word);
    }
  }
  const walk = (json: Json): void => {
    if (typeof json === 'string') {
      if (json.includes('.')) names.add(json.endsWith('.') ? json : `${json}.`);
    } else if (json !== null && typeof json === 'object') {
      for (const item of Object.values(json)) walk(item);
    }
  };
  if (set.native !== undefined) walk(set.native);
  return names;
}

/** The fence set of an owner, and the newest stamp in it: an unreadable fence holds nobody up, but is replaced only as it was read. */
export function readFence(
  inventory: ZoneInventory,
  owner: string,
): { readonly set: RecordSet | undefined; readonly stamp: FenceStamp | undefined } {
  const set = inventory.byKey.get(`${fenceName(inventory.origin, owner)} TXT `);
  let newest: FenceStamp | undefined;
  for (const value of set?.values ?? []) {
    const stamp = stampOf(value);
    if (stamp !== undefined && (newest === undefined || compareStamps(stamp, newest) > 0)) newest = stamp;
  }
  return { set, stamp: newest };
}

function stampOf(value: string): FenceStamp | undefined {
  try {
    return parseStamp(txtText(value) ?? '');
  } catch {
    return undefined;
  }
}

/** Records that a server makes by itself, or changes with every other change: no part of what a person looked at. */
const VOLATILE: ReadonlySet<string> = new Set(['SOA', 'RRSIG', 'NSEC', 'NSEC3', 'DNSKEY']);

/**
 * What a person sees at a hostname before adopting it, as 16 hex digits: its records (SOA and signatures aside), and the markers of those who claim them.
 * Another content has another digest.
 */
export function digestOfName(
  current: readonly RecordSet[] | ZoneInventory,
  origin: DomainName,
  name: DomainName,
): string {
  const inventory = 'byName' in current ? current : takeInventory(origin, current);
  const texts = (inventory.byName.get(name) ?? []).filter((set) => !VOLATILE.has(set.type)).map(contentOf);
  const marker = inventory.byKey.get(`${markerName(origin, name)} TXT `);
  if (marker !== undefined) texts.push(contentOf(marker));
  for (const { set, value } of inventory.heritage.get(name) ?? []) texts.push(`${set.name} ${value}`);
  return shortHash(texts.sort().join('\n'));
}

/** The sets at a name itself, as 16 hex digits: what `ZonePlanInput.remembered` holds. Sets at other names are left out. */
export function digestOfOwn(name: DomainName, sets: readonly RecordSet[]): string {
  return shortHash(
    sets
      .filter((set) => set.name === name)
      .map(contentOf)
      .sort()
      .join('\n'),
  );
}

/** First 16 hex digits of the SHA-256. */
export function shortHash(text: string): string {
  return sha256Hex(text).slice(0, 16);
}
