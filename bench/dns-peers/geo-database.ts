import { COUNTRIES } from '../../src/routing/countries.ts';
import { type MmdbValue, writeMmdb } from '../../src/routing/testing/mmdb.ts';
import type { ClientNetwork } from '../dns-world.ts';

/**
 * The clients' networks as a database in the shape of GeoIP2, which every server here can read, so that all of them decide by
 * the same data.
 */
export function geoDatabaseOf(networks: readonly ClientNetwork[]): Uint8Array {
  const records = new Map<string, MmdbValue>();
  const entries = networks.flatMap(({ octets, country }): [string, MmdbValue][] => {
    let record = records.get(country);
    if (record === undefined) {
      record = {
        continent: { code: COUNTRIES.get(country)?.continent ?? 'EU' },
        country: { iso_code: country, names: { en: country } },
      };
      records.set(country, record);
    }
    const [a, b, c] = octets.map((octet) => octet.toString(16).padStart(2, '0'));
    // IPv4 lies in ::/96 of such a database; CoreDNS looks in the mapped range.
    return [
      [`${octets.join('.')}.0/24`, record],
      [`::ffff:${a}${b}:${c}00/120`, record],
    ];
  });
  return writeMmdb(6, Object.fromEntries(entries), 'GeoLite2-City');
}
