import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { Reader, type Response } from 'maxmind';
import { formatIp } from '../dns/address.ts';
import { messageOf, PortolanError } from '../errors/error.ts';
import type { ContinentCode } from '../resources/fields.ts';
import { CONTINENTS, COUNTRIES } from './countries.ts';
import { GeoTree } from './geo-tree.ts';
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
  const reader = openReader(database);
  requireCountries(reader);
  const tree = new GeoTree(database, reader.metadata);
  const hasIpv6 = reader.metadata.ipVersion === 6;
  const locations = new Map<number, Location>();

  /** The location of the record that the tree has just found. */
  const locationOf = (record: number, address: ClientAddress): Location => {
    const known = locations.get(record);
    if (known !== undefined) return known;
    const location = readLocation(reader.get(formatIp(address.bytes)));
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
      const location = record === 0 ? UNKNOWN : locationOf(record, address);
      return { location, prefixLength, exact: address.prefixLength >= prefixLength };
    },
    sha256: hash('sha256', database, 'hex'),
    database,
    // MaxMind and DB-IP name their databases so; those of countries only have no subdivisions in any record.
    hasSubdivisions: !/country|asn/i.test(reader.metadata.databaseType),
  };
}

function openReader(database: Uint8Array): Reader<Response> {
  if (database[0] === 0x1f && database[1] === 0x8b) {
    throw new PortolanError('GEO_DATABASE_INVALID', 'The GeoIP database is compressed with gzip.', {
      fix: 'Unpack it with gunzip and name the .mmdb file.',
    });
  }
  try {
    return new Reader(Buffer.from(database.buffer, database.byteOffset, database.byteLength));
  } catch (thrown) {
    throw new PortolanError(
      'GEO_DATABASE_INVALID',
      `The GeoIP database cannot be read: ${messageOf(thrown)}`,
      { cause: thrown },
    );
  }
}

/** Fewer sampled records than this say nothing of what a database is about. */
const FEW_RECORDS = 16;

/**
 * Reads some addresses all over the address space. A database of other things (ASN, proxies) would make every location
 * unknown without anybody noticing, and a truncated one would fail at the first query.
 */
function requireCountries(reader: Reader<Response>): void {
  let records = 0;
  try {
    for (const address of sampleAddresses(reader.metadata.ipVersion)) {
      const record = reader.get(address);
      if (record === null) continue;
      if (readLocation(record).country !== undefined) return;
      records += 1;
    }
  } catch (thrown) {
    const message = `The GeoIP database is damaged: ${messageOf(thrown)}`;
    throw new PortolanError('GEO_DATABASE_INVALID', message, { cause: thrown });
  }
  // A small database of an operator's own networks may hold none of the samples.
  if (records < FEW_RECORDS) return;
  const message = `The GeoIP database (type "${reader.metadata.databaseType}") has no countries in it.`;
  throw new PortolanError('GEO_DATABASE_INVALID', message);
}

function* sampleAddresses(ipVersion: number): Generator<string> {
  for (let octet = 1; octet < 224; octet += 1) {
    for (const second of [0, 100, 200]) yield `${octet}.${second}.0.0`;
    if (ipVersion === 6) yield `2${octet.toString(16).padStart(3, '0')}:1000::`;
  }
}

function readLocation(record: unknown): Location {
  const place = field(record, 'location');
  const country = isoCountry(
    text(record, 'country_code') ?? text(field(record, 'country'), 'iso_code') ?? text(record, 'country'),
  );
  const subdivisions = field(record, 'subdivisions');
  const part = Array.isArray(subdivisions) ? text(subdivisions[0], 'iso_code') : undefined;
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
