import { expect, it } from 'vitest';
import { parseClient } from '../src/routing/location.ts';
import { openGeoDatabase } from './geo-database.ts';
import { GeoOfThread, shareGeo } from './shared-geo.ts';

it('a GeoIP database is put into shared memory once, and located by in another thread as in this one', async () => {
  const lookup = await openGeoDatabase(undefined);
  const shared = shareGeo(lookup);
  expect(shareGeo(lookup) === shared).toBe(true);
  const here = new GeoOfThread().open(shared);
  for (const address of ['193.0.6.139', '8.8.8.8', '2a02:2e0:3fe::1', '10.1.2.3'])
    expect(here?.locate(parseClient(address))).toEqual(lookup.locate(parseClient(address)));
  expect(here?.locate(parseClient('193.0.6.139')).location).toEqual({ country: 'NL', continent: 'EU' });
});

it('a thread opens a database once, another one when it comes, and none when there is none any more', async () => {
  const shared = shareGeo(await openGeoDatabase(undefined));
  const geos = new GeoOfThread();
  const first = geos.open(shared);
  expect(geos.open(shared === undefined ? undefined : { ...shared }) === first).toBe(true);
  expect(geos.open(undefined)).toBeUndefined();
  // Not by matchers: they would compare 8 MB, element by element.
  expect(geos.open(shared) === first).toBe(false);
  expect(shareGeo(undefined)).toBeUndefined();
});
