import { type DomainName, parentOf, tryParseName } from '../dns/name.ts';
import type { RecordSet } from './record-set.ts';
import { txtText } from './txt-value.ts';

/*
 * What external-dns leaves in a zone: for each record a TXT record `heritage=external-dns,external-dns/owner=…,external-dns/resource=…`. Up to 0.17 it
 * stands at the hostname itself, since 0.12 also (since 0.18 only) at `<type>-<hostname>` (`a-www`, `cname-www`); `--txt-prefix` and `--txt-suffix` go around the
 * first label and may hold the type as `%{record_type}`; `--txt-wildcard-replacement` stands for a leading `*`. Nobody tells us these flags, so names are
 * recognised by the records that stand in the zone.
 * https://kubernetes-sigs.github.io/external-dns/latest/docs/registry/txt/
 */

export interface HeritageMarker {
  readonly set: RecordSet;
  /** Which of the set's values it is. */
  readonly value: string;
  readonly owner: string;
  /** Such as `ingress/default/www`; empty when it does not say. */
  readonly resource: string;
  /** Hostname whose records it claims; `undefined` when that cannot be told. */
  readonly name: DomainName | undefined;
  /** Record type that it claims; `undefined`: the old form, of every type but AAAA. */
  readonly type: string | undefined;
}

/** Types that external-dns writes into names. */
const TYPES: readonly string[] = ['A', 'AAAA', 'CNAME', 'NS', 'MX', 'SRV', 'NAPTR'];

/** @returns `undefined` for a TXT record that is not external-dns's (an encrypted one cannot be told from any other) */
export function parseHeritage(
  value: string,
): { readonly owner: string; readonly resource: string } | undefined {
  // Most TXT records of a zone that is ours.
  if (value.startsWith('"heritage=portolan,')) return undefined;
  const text = txtText(value)?.replace(/^"+|"+$/g, '');
  if (text?.includes('heritage=') !== true) return undefined;
  const labels = new Map<string, string>();
  for (const token of text.split(',')) {
    const [key, item, ...more] = token.split('=');
    if (key !== undefined && item !== undefined && more.length === 0) labels.set(key, item);
  }
  if (labels.get('heritage') !== 'external-dns') return undefined;
  return {
    owner: labels.get('external-dns/owner') ?? '',
    resource: labels.get('external-dns/resource') ?? '',
  };
}

/** Every marker of external-dns in a zone, each with the hostname it is of. */
export function externalDnsMarkers(current: readonly RecordSet[]): readonly HeritageMarker[] {
  const found: Omit<HeritageMarker, 'name' | 'type'>[] = [];
  const hosts = new Map<DomainName, Set<string>>();
  for (const set of current) {
    const heritage =
      set.type === 'TXT' ? set.values.map((value) => ({ value, ...parseHeritage(value) })) : [];
    for (const { value, owner, resource } of heritage) {
      if (owner !== undefined && resource !== undefined) found.push({ set, value, owner, resource });
    }
    // A TXT set that is nothing but markers is no record that a marker could be of.
    if (set.type === 'TXT' && heritage.every(({ owner }) => owner !== undefined)) continue;
    const types = hosts.get(set.name);
    if (types === undefined) hosts.set(set.name, new Set([set.type]));
    else types.add(set.type);
  }
  return found.map((marker) => {
    const claim = recognised(marker.set.name, hosts);
    return { ...marker, name: claim?.name, type: claim?.type };
  });
}

interface Claim {
  readonly name: DomainName;
  readonly type: string | undefined;
}

const BOUNDARY = /[-._]/;

/**
 * The record that a marker at `at` is of, by what stands in the zone: the first label of a hostname in its place in the hierarchy, with a prefix or a suffix
 * that is set off by `-`, `.` or `_`. The deepest place counts; there one that names a type which it has goes first, then the longest.
 */
function recognised(at: DomainName, hosts: ReadonlyMap<DomainName, ReadonlySet<string>>): Claim | undefined {
  let best: (Claim & { readonly rank: number }) | undefined;
  const consider = (label: string, parent: DomainName, affix: string): void => {
    if (label === '' || label.includes('.')) return;
    const name = tryParseName(`${label}.${parent === '.' ? '' : parent}`);
    if (typeof name !== 'string') return;
    const types = hosts.get(name);
    if (types === undefined) return;
    const said = typeIn(affix);
    const type = said === 'CNAME' && !types.has('CNAME') && types.has('A') ? 'A' : said;
    // Something that looks like a type, but nothing of that type is there: then it is only a prefix.
    const claimed = type !== undefined && types.has(type) ? type : undefined;
    const rank = (claimed === undefined ? 0 : 1000) + label.length;
    if (best === undefined || rank > best.rank) best = { name, type: claimed, rank };
  };
  let rest = '';
  let parent: DomainName | undefined = at;
  while (parent !== undefined && parent !== '.') {
    const dot: number = parent.indexOf('.');
    rest = rest === '' ? parent.slice(0, dot) : `${rest}.${parent.slice(0, dot)}`;
    parent = parentOf(parent);
    if (parent === undefined || best !== undefined) break;
    for (let i = 0; i <= rest.length; i += 1) {
      if (i === 0 || BOUNDARY.test(rest.charAt(i - 1))) consider(rest.slice(i), parent, rest.slice(0, i));
      if (i < rest.length && BOUNDARY.test(rest.charAt(i))) considerStart(rest.slice(0, i), rest.slice(i));
    }
  }
  if (best === undefined) return replacedWildcard(at, hosts);
  return { name: best.name, type: best.type };

  function considerStart(start: string, suffix: string): void {
    if (parent === undefined) return;
    const type = TYPES.find((candidate) => start.startsWith(`${candidate.toLowerCase()}-`));
    if (type !== undefined) consider(start.slice(type.length + 1), parent, `${type.toLowerCase()}-`);
    consider(start, parent, suffix);
  }
}

/** The type that a prefix or suffix names: at the end of it (`foo-a-`), or as the one part of it that is a type (`cname-abc-.`). */
function typeIn(affix: string): string | undefined {
  const parts = affix.split(BOUNDARY).filter((part) => part !== '');
  const types = parts.filter((part) => TYPES.includes(part.toUpperCase()));
  const last = parts.at(-1);
  if (affix.endsWith('-') && last !== undefined && types.includes(last)) return last.toUpperCase();
  return types.length === 1 ? types[0]?.toUpperCase() : undefined;
}

/** `a-anything.example.com.` is of `*.example.com.` when that has an A record and nothing else fits. */
function replacedWildcard(
  at: DomainName,
  hosts: ReadonlyMap<DomainName, ReadonlySet<string>>,
): Claim | undefined {
  const parent = parentOf(at);
  if (parent === undefined) return undefined;
  const name = tryParseName(`*.${parent}`);
  const type = typeIn(at.slice(0, at.indexOf('-') + 1));
  if (typeof name !== 'string' || type === undefined || hosts.get(name)?.has(type) !== true) return undefined;
  return { name, type };
}

/** What is left of a TXT set without these values; `undefined` when nothing is. */
export function withoutValues(set: RecordSet, values: ReadonlySet<string>): RecordSet | undefined {
  const kept = set.values.filter((value) => !values.has(value));
  return kept.length === 0 ? undefined : { ...set, values: kept };
}
