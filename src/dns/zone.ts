import { type FieldViolation, PortolanError } from '../errors/error.ts';
import { type DomainName, isAtOrBelow, parentOf } from './name.ts';
import type { Rdata } from './records/catalogue.ts';
import type { SoaRdata } from './records/soa.ts';
import type { RoutedName } from './routed.ts';
import { compileRRset, type RRset } from './rrset.ts';
import { TYPE } from './types.ts';
import { checkZone } from './zone-check.ts';
import type { ZoneSource } from './zone-source.ts';
import { readZone } from './zone-source.ts';

/** One name of a zone, or an empty non-terminal above one (then it has no data). Immutable once compiled. */
export interface ZoneNode {
  readonly name: DomainName;
  readonly sets: readonly RRset[];
  readonly cname: RRset | undefined;
  readonly routed: RoutedName | undefined;
  /** `*` directly below this name (RFC 4592). */
  readonly wildcard: ZoneNode | undefined;
  /** The delegation at or above this name: what lies here is not ours to answer. */
  readonly cut: ZoneNode | undefined;
}

/**
 * The names of a zone, empty non-terminals included. `get` may make the node anew at each call: compare names, not nodes.
 * `values` goes through all of them in no particular order and is not for the path of a query.
 */
export interface NodeTable {
  get(name: DomainName): ZoneNode | undefined;
  values(): Iterable<ZoneNode>;
  readonly size: number;
}

/** A zone ready to answer from: immutable, so that queries in flight keep the one they began with. */
export interface Zone {
  readonly origin: DomainName;
  readonly serial: number;
  readonly apex: ZoneNode;
  readonly nodes: NodeTable;
  readonly soa: RRset;
  /** The SOA as negative answers carry it: TTL = min(its TTL, its minimum) (RFC 2308 section 3). */
  readonly negativeSoa: RRset;
}

export type ZoneResult =
  | { readonly ok: true; readonly zone: Zone }
  | { readonly ok: false; readonly violations: readonly FieldViolation[] };

/**
 * Compiles a zone, or says everything that is wrong with it. Paths of violations begin at the source's root, such as
 * `records[3].data[0]`.
 */
export function compileZone(source: ZoneSource): ZoneResult {
  const read = readZone(source);
  const violations = [...read.violations, ...checkZone(read)];
  if (violations.length > 0) return { ok: false, violations };

  const drafts = new Map<DomainName, Draft>();
  const at = (name: DomainName): Draft => {
    const known = drafts.get(name);
    if (known !== undefined) return known;
    const draft: Draft = {
      name,
      sets: [],
      cname: undefined,
      routed: undefined,
      wildcard: undefined,
      cut: undefined,
    };
    drafts.set(name, draft);
    const parent = parentOf(name);
    if (name !== read.origin && parent !== undefined) {
      const above = at(parent); // empty non-terminals exist (RFC 4592 section 2.2.2)
      if (name.startsWith('*.')) above.wildcard = draft;
    }
    return draft;
  };
  const apex = at(read.origin);
  const soa = compileRRset(TYPE.SOA, read.soaTtlSeconds, [read.soa]);
  apex.sets.push(soa);
  for (const set of read.sets) {
    const rrset = compileRRset(
      set.type,
      set.ttlSeconds,
      set.records.map((record) => record.rdata),
    );
    const draft = at(set.owner);
    draft.sets.push(rrset);
    if (set.type === TYPE.CNAME) draft.cname = rrset;
  }
  for (const { name, routed } of read.routed) at(name).routed = routed;
  markCuts(drafts, read.origin);

  return {
    ok: true,
    zone: {
      origin: read.origin,
      serial: read.soa.serial,
      apex,
      nodes: drafts,
      soa,
      negativeSoa: negative(soa, read.soa),
    },
  };
}

/**
 * What `compileZone` makes of a source that differs from the zone's own in the serial and in what routes its names, and in
 * nothing else: `routed` has the same names with the same types. Shares the rest; a big zone changes in no time.
 */
export function reviseZone(zone: Zone, serial: number, routed: ZoneSource['routed']): Zone {
  const nodes = new Map<DomainName, ZoneNode>();
  for (const node of zone.nodes.values()) nodes.set(node.name, node);
  const put = (node: ZoneNode): void => {
    nodes.set(node.name, node);
    const above = node.name.startsWith('*.') ? parentOf(node.name) : undefined;
    const parent = above === undefined ? undefined : nodes.get(above);
    if (parent !== undefined) put({ ...parent, wildcard: node });
  };
  // No delegation is at or above a routed name (`checkZone`), nor at the apex: no node's `cut` is replaced here.
  for (const entry of routed) {
    const node = nodes.get(entry.name);
    if (node !== undefined && node.routed !== entry.routed) put({ ...node, routed: entry.routed });
  }
  const rdata = soaOf(zone, serial);
  const soa = compileRRset(TYPE.SOA, zone.soa.ttlSeconds, [rdata]);
  const apex = nodes.get(zone.origin) ?? zone.apex;
  put({ ...apex, sets: apex.sets.map((set) => (set === zone.soa ? soa : set)) });
  return {
    origin: zone.origin,
    serial,
    apex: nodes.get(zone.origin) ?? apex,
    nodes,
    soa,
    negativeSoa: negative(soa, rdata),
  };
}

function soaOf(zone: Zone, serial: number): SoaRdata {
  const [rdata] = zone.soa.records;
  if (rdata?.type !== 'SOA') throw new PortolanError('INTERNAL', `zone ${zone.origin} has no SOA`);
  return { ...rdata, serial };
}

/** As `compileZone`. @throws PortolanError DNS_ZONE_INVALID with the violations */
export function compileZoneOrThrow(source: ZoneSource): Zone {
  const result = compileZone(source);
  if (result.ok) return result.zone;
  const [first] = result.violations;
  const more = result.violations.length - 1;
  throw new PortolanError(
    'DNS_ZONE_INVALID',
    `zone ${source.origin}: ${first?.path}: ${first?.message}${more > 0 ? ` (and ${more} more)` : ''}`,
    { violations: result.violations },
  );
}

/** The set of this type at a node. */
export function findSet(node: ZoneNode, type: number): RRset | undefined {
  for (const set of node.sets) if (set.type === type) return set;
  return undefined;
}

/** A node under construction; what leaves this file is read-only. */
interface Draft {
  readonly name: DomainName;
  readonly sets: RRset[];
  cname: RRset | undefined;
  routed: RoutedName | undefined;
  wildcard: Draft | undefined;
  cut: Draft | undefined;
}

function markCuts(drafts: ReadonlyMap<DomainName, Draft>, origin: DomainName): void {
  for (const draft of drafts.values()) {
    // The highest delegation wins: below it this zone has nothing to say.
    let name: DomainName | undefined = draft.name;
    while (name !== undefined && name !== origin && isAtOrBelow(name, origin)) {
      const above = drafts.get(name);
      if (above?.sets.some((set) => set.type === TYPE.NS)) draft.cut = above;
      name = parentOf(name);
    }
  }
}

function negative(soa: RRset, rdata: SoaRdata): RRset {
  const records: readonly Rdata[] = soa.records;
  return { ...soa, records, ttlSeconds: Math.min(soa.ttlSeconds, rdata.minimumSeconds) };
}
