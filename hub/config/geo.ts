import { z } from 'zod';
import { countryCode, regionName } from '../../src/resources/fields.ts';
import { file } from './fields.ts';

/** Where clients are. */
export const geoSection = z
  .strictObject({
    database: file.optional().describe('An .mmdb file; the packaged DB-IP country database when left out.'),
    regions: z
      .record(regionName, z.array(countryCode).min(1).max(250))
      .default({})
      .describe('More named regions, as lists of countries.'),
    trustedKeys: z
      .array(file)
      .max(10)
      .default([])
      .describe(
        'PEM files of Ed25519 public keys; with any, a GeoIP update is taken only with a signature of one of them.',
      ),
  })
  .prefault({});
