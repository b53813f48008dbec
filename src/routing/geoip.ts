import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { messageOf, PortolanError } from '../errors/error.ts';
import type { ContinentCode } from '../resources/fields.ts';
import { CONTINENTS, COUNTRIES } from './countries.ts';
import { GeoTree, type GeoTreeShape } from './geo-tree.ts';
import { GeoValues } from './geo-values.ts';
import { UNLOCATED } from './location.ts';
import type { ClientAddress, GeoLookup, Located, Location } from './model.ts';

const UNKNOWN: Location = {};

/** Locations kept; a country database has 250, a city database some 100,000. */
const MAX_CACHED_LOCATIONS = 50_000;

/**
 * GeoIP lookups in a database in memory (MaxMind DB format 2.0). Understood records: `country_code` at the top (DB-IP Lite,
 * IPinfo) and MaxMind / DB-IP City (`country.iso_code`, `continent.code`, `subdivisions[].iso_code`, `location`). What a
 * network is *registered* to does not count, only where it is. A country that is no ISO country (AP, EU, ZZ) is unknown.
 *
 * A client that announces fewer bits than the network found (RFC 7871 source prefix) is looked up by the first address of
 * what it announced, and `exact` is false: `prefixLength`, and so the ECS scope, is then longer than the source prefix,
 * which tells the resolver that the announced prefix was too short (RFC 7871 section 7.2.1).
 * @throws PortolanError GEO_DATABASE_INVALID
 */
export function createGeoLookup(database: Uint8Array): GeoLookup {
  const shape = readShape(database);
  const tree = new GeoTree(database, shape);
  const hasIpv6 = shape.ipVersion === 6;
  const treeOctets = (shape.nodeCount * shape.recordSize) / 4;
  const values = new GeoValues(database, treeOctets + SEPARATOR_OCTETS);
  const recordAt = (record: number): unknown => values.read(record - shape.nodeCount + treeOctets);
  requireCountries(tree, recordAt, shape);
  const locations = new Map<number, Location>();

  const locationOf = (record: number): Location => {
    const known = locations.get(record);
    if (known !== undefined) return known;
    const location = readLocation(recordAt(record));
    if (locations.size >= MAX_CACHED_LOCATIONS) locations.clear();
    locations.set(record, location);
    return location;
  };

  return {
    locate(address: ClientAddress): Located {
      if (address.prefixLength === 0) return UNLOCATED;
      // Its first 32 bits would be looked up as an IPv4 address.
      if (address.family === 6 && !hasIpv6) return UNLOCATED;
      tree.find(address.bytes);
      const { record, prefixLength } = tree;
      const location = record === 0 ? UNKNOWN : locationOf(record);
      return { location, prefixLength, exact: address.prefixLength >= prefixLength };
    },
    sha256: hash('sha256', database, 'hex'),
    database,
    // MaxMind and DB-IP name their databases so; those of countries only have no subdivisions in any record.
    hasSubdivisions: !/country|asn/i.test(shape.databaseType),
  };
}

const METADATA_MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
/** Between the tree and the data. */
const SEPARATOR_OCTETS = 16;

interface Shape extends GeoTreeShape {
  readonly databaseType: string;
}

/** What the database says of itself behind its last marker. */
function readShape(database: Uint8Array): Shape {
  if (database[0] === 0x1f && database[1] === 0x8b) {
    throw new PortolanError('GEO_DATABASE_INVALID', 'The GeoIP database is compressed with gzip.', {
      fix: 'Unpack it with gunzip and name the .mmdb file.',
    });
  }
  const marker = Buffer.from(database.buffer, database.byteOffset, database.byteLength).lastIndexOf(
    METADATA_MARKER,
  );
  if (marker < 0) throw unreadable('it has no metadata');
  const start = marker + METADATA_MARKER.length;
  let metadata: unknown;
  try {
    metadata = new GeoValues(database, start).read(start);
  } catch (thrown) {
    throw unreadable(messageOf(thrown), thrown);
  }
  const nodeCount = number(metadata, 'node_count') ?? -1;
  const recordSize = number(metadata, 'record_size') ?? 0;
  const ipVersion = number(metadata, 'ip_version') ?? 0;
  if (![24, 28, 32].includes(recordSize)) throw unreadable(`its records have ${recordSize} bits`);
  if (ipVersion !== 4 && ipVersion !== 6) throw unreadable(`its IP version is ${ipVersion}`);
  if (!Number.isInteger(nodeCount) || nodeCount < 0 || (nodeCount * recordSize) / 4 > database.length)
    throw unreadable('its tree is larger than the file');
  return { nodeCount, recordSize, ipVersion, databaseType: text(metadata, 'database_type') ?? '' };
}

function unreadable(why: string, cause?: unknown): PortolanError {
  return new PortolanError('GEO_DATABASE_INVALID', `The GeoIP database cannot be read: ${why}`, { cause });
}

/** Fewer sampled records than this say nothing of what a database is about. */
const FEW_RECORDS = 16;

/**
 * Reads some addresses all over the address space. A database of other things (ASN, proxies) would make every location
 * unknown without anybody noticing, and a truncated one would fail at the first query.
 */
function requireCountries(tree: GeoTree, recordAt: (record: number) => unknown, shape: Shape): void {
  let records = 0;
  try {
    for (const address of sampleAddresses(shape.ipVersion)) {
      tree.find(address);
      if (tree.record === 0) continue;
      if (readLocation(recordAt(tree.record)).country !== undefined) return;
      records += 1;
    }
  } catch (thrown) {
    const message = `The GeoIP database is damaged: ${messageOf(thrown)}`;
    throw new PortolanError('GEO_DATABASE_INVALID', message, { cause: thrown });
  }
  // A small database of an operator's own networks may hold none of the samples.
  if (records < FEW_RECORDS) return;
  const message = `The GeoIP database (type "${shape.databaseType}") has no countries in it.`;
  throw new PortolanError('GEO_DATABASE_INVALID', message);
}

/** Octets of addresses. */
function* sampleAddresses(ipVersion: number): Generator<Uint8Array> {
  for (let octet = 1; octet < 224; octet += 1) {
    for (const second of [0, 100, 200]) yield Uint8Array.of(octet, second, 0, 0);
    if (ipVersion === 6) yield Uint8Array.of(0x20, octet, 0x10, ...new Uint8Array(13));
  }
}

function readLocation(record: unknown): Location {
  const place = field(record, 'location');
  const country = isoCountry(
    text(record, 'country_code') ?? text(field(record, 'country'), 'iso_code') ?? text(record, 'country'),
  );
  const subdivisions = field(record, 'subdivisions');
  const part = Array.isArray(subdivisions) ? isoPart(text(subdivisions[0], 'iso_code')) : undefined;
  const latitude = number(place, 'latitude') ?? number(record, 'latitude');
  const longitude = number(place, 'longitude') ?? number(record, 'longitude');
  const continent =
    country?.continent ??
    isoContinent(text(field(record, 'continent'), 'code') ?? text(record, 'continent_code'));
  return {
    ...(country === undefined ? {} : { country: country.code }),
    ...(country === undefined || part === undefined ? {} : { subdivision: `${country.code}-${part}` }),
    ...(continent === undefined ? {} : { continent }),
    ...(latitude === undefined || longitude === undefined ? {} : { latitude, longitude }),
  };
}

function isoCountry(code: string | undefined) {
  return code === undefined ? undefined : COUNTRIES.get(code.toUpperCase());
}

/** ISO 3166-2, without the country. Anything longer would be kept with each location. */
function isoPart(code: string | undefined): string | undefined {
  return code !== undefined && /^[A-Z0-9]{1,3}$/i.test(code) ? code : undefined;
}

function isoContinent(code: string | undefined): ContinentCode | undefined {
  return CONTINENTS.find((continent) => continent === code);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined;
}

function text(value: unknown, name: string): string | undefined {
  const found = field(value, name);
  return typeof found === 'string' ? found : undefined;
}

function number(value: unknown, name: string): number | undefined {
  const found = field(value, name);
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}
