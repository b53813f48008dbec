import { parseIpv4, parseIpv6 } from '../dns/address.ts';
import { PortolanError } from '../errors/error.ts';
import { maskOctets } from './cidr-index.ts';
import { CONTINENTS, COUNTRIES } from './countries.ts';
import { BUILT_IN_REGIONS, countriesOf } from './geography.ts';
import type { ClientAddress, Located, Location, RegionTable } from './model.ts';

/** Nothing to go by: no address, ECS /0, or a family the GeoIP database does not have. */
export const UNLOCATED: Located = { location: {}, prefixLength: 0, exact: true };

/** What a person asks about with `--from`: one place, or every country of a region or continent. */
export type Origin =
  | { readonly kind: 'place'; readonly location: Location }
  | { readonly kind: 'region'; readonly region: string; readonly countries: readonly string[] };

/** ISO 3166-2. Not the schema's: name servers read locations too, and must not load a schema library for it. */
const SUBDIVISION = /^[A-Z]{2}-[A-Z0-9]{1,3}$/;

const FROM_FIX =
  'Write a country (DE), a region (EU, EEA, Europe), continent:AS, or unknown; for a part of a country give an address there with --client.';

/**
 * Reads `--from`: `DE`, `DE-BY`, a region such as `EU`, `continent:AS`, or `unknown`. Two letters are a country where there
 * is one (`NA` is Namibia), so a continent is spelt out.
 * @throws PortolanError USAGE
 */
export function parseOrigin(text: string, regions: RegionTable = BUILT_IN_REGIONS): Origin {
  const upper = text.trim().toUpperCase();
  if (upper === 'UNKNOWN') return { kind: 'place', location: {} };
  if (COUNTRIES.has(upper)) return { kind: 'place', location: countryLocation(upper) };
  const region = Object.keys(regions).find((name) => name.toUpperCase() === upper);
  if (region !== undefined) return { kind: 'region', region, countries: countriesOf(regions, region) ?? [] };
  if (SUBDIVISION.test(upper) && COUNTRIES.has(upper.slice(0, 2))) {
    return { kind: 'place', location: { ...countryLocation(upper.slice(0, 2)), subdivision: upper } };
  }
  if (upper.startsWith('CONTINENT:')) {
    const continent = CONTINENTS.find((code) => code === upper.slice('CONTINENT:'.length));
    if (continent !== undefined) {
      const countries = [...COUNTRIES.values()].filter((c) => c.continent === continent).map((c) => c.code);
      return { kind: 'region', region: continent, countries };
    }
  }
  throw new PortolanError('USAGE', `"${text}" is no place that is known`, { fix: FROM_FIX });
}

/** The location of somebody of whom only the country is known. */
export function countryLocation(country: string): Location {
  const known = COUNTRIES.get(country);
  return known === undefined ? {} : { country, continent: known.continent };
}

/**
 * Reads `--client`: an address stands for a resolver or person there, a CIDR block for what a resolver announces (ECS).
 * @throws PortolanError USAGE
 */
export function parseClient(text: string): ClientAddress {
  const [address = '', prefix, ...rest] = text.trim().split('/');
  const bytes = parseIpv4(address) ?? parseIpv6(address);
  const prefixLength = prefix === undefined ? (bytes?.length ?? 0) * 8 : Number(prefix);
  const prefixIsRight =
    prefix === undefined || (/^\d{1,3}$/.test(prefix) && prefixLength <= (bytes?.length ?? 0) * 8);
  if (bytes === undefined || !prefixIsRight || rest.length > 0) {
    throw new PortolanError('USAGE', `"${text}" is no IP address`, {
      fix: 'Write an address such as 192.0.2.1 or 2001:db8::1, or what a resolver announces, such as 192.0.2.0/24.',
    });
  }
  return {
    family: bytes.length === 4 ? 4 : 6,
    bytes: maskOctets(bytes, prefixLength),
    prefixLength,
    source: prefix === undefined ? 'resolver' : 'ecs',
  };
}
