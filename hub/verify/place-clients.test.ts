import { expect, it } from 'vitest';
import { openGeoDatabase } from '../../nameserver/geo-database.ts';
import { placeClients } from './place-clients.ts';

it('finds a client in nearly every country, where the database says that it is', async () => {
  const geo = await openGeoDatabase(undefined);
  let breaths = 0;
  const breathe = async () => {
    breaths += 1;
  };
  const clients = await placeClients(geo, breathe);
  expect(clients.size).toBeGreaterThan(230);
  for (const [place, client] of clients) {
    expect(geo.locate(client).location.country).toBe(place);
    expect(client.prefixLength).toBeGreaterThanOrEqual(24);
  }
  expect(breaths).toBeGreaterThan(10);
  expect(await placeClients(geo, breathe)).toBe(clients);
});
