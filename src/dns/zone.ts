import { type FieldViolation, PortolanError } from '../errors/error.ts';
import type { ZoneSigner } from './dnssec/zone-signer.ts';
import type { DomainName } from './name.ts';
import { PackedZoneBuilder } from './packed/builder.ts';
import { NodeCache } from './packed/node-cache.ts';
import { PackedTable } from './packed/table.ts';
import type { Rdata } from './records/catalogue.ts';
import type { SoaRdata } from './records/soa.ts';
import type { RoutedName } from './routed.ts';
import type { RRset } from './rrset.ts';
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
  /** Signs the answers of a signed zone. */
  readonly signer?: ZoneSigner;
}

export type ZoneResult =
  | { readonly ok: true; readonly zone: Zone }
  | { readonly ok: false; readonly violations: readonly FieldViolation[] };

/**
 * Compiles a zone, or says everything that is wrong with it. Paths of violations begin at the source's root, such as
 * `records[3].data[0]`.
 * @param cache shared by the zones of one table
 */
export function compileZone(source: ZoneSource, cache = new NodeCache()): ZoneResult {
  const read = readZone(source);
  const violations = [...read.violations, ...checkZone(read)];
  if (violations.length > 0) return { ok: false, violations };

  const builder = new PackedZoneBuilder(read.origin);
  builder.addSet(read.origin, TYPE.SOA, read.soaTtlSeconds, [read.soa]);
  for (const set of read.sets) {
    const records = set.records.map((record) => record.rdata);
    builder.addSet(set.owner, set.type, set.ttlSeconds, records);
  }
  for (const { name } of read.routed) builder.addRouted(name);
  const image = { origin: read.origin, serial: read.soa.serial, buffer: builder.finish() };
  return { ok: true, zone: attachZone(image, (index) => read.routed[index]?.routed, cache) };
}

/** A zone for another thread: plain data for `postMessage`, and a buffer that is shared, not copied. */
export interface ZoneImage {
  readonly origin: DomainName;
  readonly serial: number;
  /** Made by `PackedZoneBuilder`. */
  readonly buffer: SharedArrayBuffer;
}

/** The zone without what routes its names, which cannot leave its thread. */
export function zoneImage(zone: Zone): ZoneImage {
  return { origin: zone.origin, serial: zone.serial, buffer: packed(zone).buffer };
}

/**
 * The zone of an image. Reads the image's buffer as it is: nothing is copied.
 * @param routed what routes the names, by their number: the order of `ZoneSource.routed` when the zone was compiled; asked
 * when a name's node is made
 * @param cache shared by the zones of one table
 */
export function attachZone(
  image: ZoneImage,
  routed: (index: number) => RoutedName | undefined,
  cache = new NodeCache(),
): Zone {
  const { origin, buffer } = image;
  const serial = image.serial >>> 0;
  const nodes = new PackedTable(origin, buffer, serial, routed, cache);
  const { set: soa, rdata } = nodes.soa;
  return { origin, serial, apex: nodes.apex, nodes, soa, negativeSoa: negative(soa, rdata) };
}

/**
 * What `compileZone` makes of a source that differs from the zone's own in the serial and in what routes its names, and in
 * nothing else: `routed` has the same names with the same types. Shares the rest; a big zone changes in no time.
 */
export function reviseZone(
  zone: Zone,
  serial: number,
  routed: ZoneSource['routed'],
  cache = new NodeCache(),
): Zone {
  const nodes = packed(zone);
  const byIndex = new Array<RoutedName | undefined>(nodes.routedNames);
  for (const entry of routed) {
    const index = nodes.routedIndex(entry.name);
    if (index >= 0) byIndex[index] = entry.routed;
  }
  return attachZone({ ...zoneImage(zone), serial }, (index) => byIndex[index], cache);
}

function packed(zone: Zone): PackedTable {
  if (zone.nodes instanceof PackedTable) return zone.nodes;
  throw new PortolanError('INTERNAL', `zone ${zone.origin} is not packed`);
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

function negative(soa: RRset, rdata: SoaRdata): RRset {
  const records: readonly Rdata[] = soa.records;
  return { ...soa, records, ttlSeconds: Math.min(soa.ttlSeconds, rdata.minimumSeconds) };
}
