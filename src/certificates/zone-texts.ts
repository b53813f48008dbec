import { type DomainName, isAtOrBelow, parentOf, tryParseName } from '../dns/name.ts';
import type { ZoneSpec } from '../resources/zone.ts';
import { CHALLENGE_TTL_SECONDS, type WantedText } from './dns-challenge.ts';
import { withAllAbove } from './wildcard-cover.ts';

/* Texts of challenges in zones that our own name servers answer: beside what people wrote, never instead of it. */

type Record = ZoneSpec['records'][number];

/** Record sets of a zone by their owner; owners that are no names are left out. */
export type ZoneOwners = ReadonlyMap<DomainName, readonly Record[]>;

const known = new WeakMap<ZoneSpec, ZoneOwners>();

export function ownersOf(spec: ZoneSpec): ZoneOwners {
  let owners = known.get(spec);
  if (owners === undefined) {
    owners = sortOut(spec);
    known.set(spec, owners);
  }
  return owners;
}

function sortOut({ origin, records }: ZoneSpec): ZoneOwners {
  const owners = new Map<DomainName, Record[]>();
  for (const record of records) {
    const owner = ownerOf(record.name, origin);
    if (owner === undefined) continue;
    const found = owners.get(owner);
    if (found === undefined) owners.set(owner, [record]);
    else found.push(record);
  }
  return owners;
}

const nodes = new WeakMap<ZoneSpec, ReadonlySet<DomainName>>();

/** Names that are in the zone by its records and name servers, also those that only have names below them. */
export function nodesOf(spec: ZoneSpec): ReadonlySet<DomainName> {
  let found = nodes.get(spec);
  if (found === undefined) {
    const servers = spec.nameServers.flatMap(({ name, addresses }) => (addresses.length > 0 ? [name] : []));
    found = withAllAbove([...ownersOf(spec).keys(), ...servers], spec.origin);
    nodes.set(spec, found);
  }
  return found;
}

function ownerOf(text: string, origin: DomainName): DomainName | undefined {
  if (text === '@') return origin;
  const name = tryParseName(text.endsWith('.') ? text : `${text}.${origin === '.' ? '' : origin}`);
  return typeof name === 'string' ? name : undefined;
}

/** Where the zone's own CNAME at a name leads. */
export function aliasIn(spec: ZoneSpec, name: DomainName): DomainName | undefined {
  const target = ownersOf(spec)
    .get(name)
    ?.find(({ type }) => type === 'CNAME')?.data[0];
  return target === undefined ? undefined : ownerOf(target, spec.origin);
}

/**
 * Why a text cannot stand at a name of the zone, in words that go behind "because"; `undefined`: it can.
 * @param routed whether a TrafficPolicy answers at a name
 */
export function hindranceIn(
  spec: ZoneSpec,
  name: DomainName,
  routed: (name: DomainName) => boolean,
): string | undefined {
  const owners = ownersOf(spec);
  for (
    let at: DomainName | undefined = name;
    at !== undefined && isAtOrBelow(at, spec.origin);
    at = parentOf(at)
  ) {
    for (const { type } of owners.get(at) ?? []) {
      if (type === 'NS' && at !== spec.origin) return `${at} is delegated to other servers`;
      if (type === 'DNAME' && at !== name)
        return `${at} is a DNAME: names below it are not answered from here`;
      if (type === 'CNAME' && at === name) return `${at} is an alias`;
    }
  }
  return routed(name) ? `${name} is a hostname of a TrafficPolicy` : undefined;
}

const made = new WeakMap<ZoneSpec, { readonly of: string; readonly spec: ZoneSpec }>();

/** Names that get what another one has. */
export type Copies = ReadonlyMap<DomainName, DomainName>;

const NO_COPIES: Copies = new Map();

/**
 * The zone with texts in it: the same object as before for the same zone and texts. TXT records that people have at such a name stay, with
 * their TTL, and the texts join them.
 * @param copies names that a wildcard does not answer any more, with the wildcard
 */
export function zoneWithTexts(
  spec: ZoneSpec,
  texts: readonly WantedText[],
  copies: Copies = NO_COPIES,
): ZoneSpec {
  if (texts.length === 0) return spec;
  const of = JSON.stringify([texts.map(({ name, values }) => [name, values]), [...copies]]);
  const before = made.get(spec);
  if (before?.of === of) return before.spec;
  const owners = ownersOf(spec);
  const joined = new Map<Record, Record>();
  const added: Record[] = [];
  for (const [name, values] of together(texts)) {
    const data = [...values].sort().map((value) => `"${value}"`);
    const there = owners.get(name)?.find(({ type }) => type === 'TXT');
    if (there === undefined) added.push({ name, type: 'TXT', ttlSeconds: CHALLENGE_TTL_SECONDS, data });
    else
      joined.set(there, {
        ...there,
        data: [...there.data, ...data.filter((text) => !there.data.includes(text))],
      });
  }
  for (const [name, wildcard] of copies)
    for (const record of owners.get(wildcard) ?? []) added.push({ ...record, name });
  const records =
    joined.size === 0 ? spec.records : spec.records.map((record) => joined.get(record) ?? record);
  const next = { ...spec, records: [...records, ...added] };
  made.set(spec, { of, spec: next });
  return next;
}

function together(texts: readonly WantedText[]): ReadonlyMap<DomainName, ReadonlySet<string>> {
  const names = new Map<DomainName, Set<string>>();
  for (const { name, values } of texts) {
    const found = names.get(name);
    if (found === undefined) names.set(name, new Set(values));
    else for (const value of values) found.add(value);
  }
  return names;
}
