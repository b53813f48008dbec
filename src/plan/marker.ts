import { type DomainName, tryParseName } from '../dns/name.ts';
import { OWN_TTL_SECONDS } from './ownership.ts';
import type { RecordSet } from './record-set.ts';
import { txtText, txtValue } from './txt-value.ts';

/** What one owner says of a hostname: that it is its own, and which records there. One TXT record at `markerName` for each owner. */
export interface Marker {
  /** At most 64 of `a-z0-9-`. */
  readonly owner: string;
  /** Record types at the hostname that the owner decides, sorted. */
  readonly types: readonly string[];
  /** What wants it: `trafficpolicy/shop/www`. */
  readonly resource: string;
  /** Names below the hostname whose A and AAAA records are the owner's (glue); sorted. */
  readonly below: readonly DomainName[];
  /** With a shared name: the values that this owner contributes; `undefined` when the owner shares with nobody. */
  readonly values: readonly SharedValue[] | undefined;
}

export interface SharedValue {
  readonly type: string;
  /** Record data in canonical presentation form. */
  readonly value: string;
}

const HERITAGE = 'heritage=portolan';

/**
 * `heritage=portolan,portolan/owner=…,portolan/types=A+AAAA,portolan/resource=…`, then `portolan/below=` and `portolan/values=A/192.0.2.1+…` where there are
 * any, as a TXT record in canonical presentation form.
 */
export function formatMarker(marker: Marker): string {
  const fields = [
    HERITAGE,
    `portolan/owner=${marker.owner}`,
    `portolan/types=${[...new Set(marker.types)].sort().join('+')}`,
    `portolan/resource=${encode(marker.resource)}`,
  ];
  if (marker.below.length > 0)
    fields.push(`portolan/below=${[...new Set(marker.below)].sort().map(encode).join('+')}`);
  if (marker.values !== undefined) {
    const values = marker.values.map(({ type, value }) => `${type}/${encode(value)}`);
    fields.push(`portolan/values=${[...new Set(values)].sort().join('+')}`);
  }
  return txtValue(fields.join(','));
}

/** `undefined` for a TXT record that is not a marker of ours, or a damaged one: such a record is nobody's. */
export function parseMarker(value: string): Marker | undefined {
  const text = txtText(value);
  if (text === undefined || !text.startsWith(`${HERITAGE},`)) return undefined;
  const fields = new Map<string, string>();
  for (const part of text.slice(HERITAGE.length + 1).split(',')) {
    const equals = part.indexOf('=');
    if (equals < 0) return undefined;
    fields.set(part.slice(0, equals), part.slice(equals + 1));
  }
  const owner = fields.get('portolan/owner') ?? '';
  const types = list(fields.get('portolan/types'));
  const resource = decode(fields.get('portolan/resource') ?? '');
  if (!/^[a-z0-9-]{1,64}$/.test(owner) || resource === undefined) return undefined;
  if (!types.every((type) => /^[A-Z0-9]{1,16}$/.test(type))) return undefined;
  const below: DomainName[] = [];
  for (const item of list(fields.get('portolan/below'))) {
    const name = tryParseName(decode(item) ?? '');
    if (typeof name !== 'string') return undefined;
    below.push(name);
  }
  const values = sharedValues(fields.get('portolan/values'));
  if (values === 'damaged') return undefined;
  return { owner, types: [...types].sort(), resource, below: below.sort(), values };
}

function sharedValues(text: string | undefined): readonly SharedValue[] | undefined | 'damaged' {
  if (text === undefined) return undefined;
  const values: SharedValue[] = [];
  for (const item of list(text)) {
    const slash = item.indexOf('/');
    const value = slash < 1 ? undefined : decode(item.slice(slash + 1));
    if (value === undefined) return 'damaged';
    values.push({ type: item.slice(0, slash), value });
  }
  return values;
}

const list = (text: string | undefined): readonly string[] =>
  text === undefined || text === '' ? [] : text.split('+');

/** `%XX` for what separates fields, and for what a TXT record would spell in its own way. */
function encode(text: string): string {
  if (/^[A-Za-z0-9._:/*-]*$/.test(text)) return text;
  return text.replace(/[^A-Za-z0-9._:/*-]/g, (char) => encodeURIComponent(char).replace(/[!'()~]/g, hex));
}

const hex = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The set at a marker's name as it was read: markers by owner, and what else stands there, which stays as it is. */
export interface MarkerSet {
  readonly set: RecordSet;
  readonly markers: readonly Marker[];
  /** Values that are no markers. */
  readonly others: readonly string[];
}

/** What was read of a set: zones are planned again and again from the same sets, few of which change in between. */
const known = new WeakMap<RecordSet, MarkerSet>();

export function readMarkerSet(set: RecordSet): MarkerSet {
  const before = known.get(set);
  if (before !== undefined) return before;
  const read = parseMarkerSet(set);
  known.set(set, read);
  return read;
}

function parseMarkerSet(set: RecordSet): MarkerSet {
  const byOwner = new Map<string, Marker>();
  const others: string[] = [];
  for (const value of set.values) {
    const marker = parseMarker(value);
    if (marker === undefined) others.push(value);
    else byOwner.set(marker.owner, merged(byOwner.get(marker.owner), marker));
  }
  return { set, markers: [...byOwner.values()], others };
}

/** Two markers of one owner, as two writers without preconditions can leave them: it owns what either says. */
function merged(first: Marker | undefined, marker: Marker): Marker {
  if (first === undefined) return marker;
  const both = <T extends string>(a: readonly T[], b: readonly T[]): readonly T[] =>
    [...new Set([...a, ...b])].sort();
  return {
    ...marker,
    types: both(first.types, marker.types),
    below: both(first.below, marker.below),
    values:
      first.values === undefined || marker.values === undefined
        ? undefined
        : [...first.values, ...marker.values],
  };
}

/** The set to stand at a marker's name; `undefined` when nothing is left to say there. */
export function markerSet(
  name: DomainName,
  markers: readonly Marker[],
  others: readonly string[],
): RecordSet | undefined {
  const values = [...new Set([...markers.map(formatMarker), ...others])].sort();
  if (values.length === 0) return undefined;
  return { name, type: 'TXT', setId: '', ttlSeconds: OWN_TTL_SECONDS, values };
}
