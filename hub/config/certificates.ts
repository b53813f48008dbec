import { isIP } from 'node:net';
import { z } from 'zod';
import { listenAddress } from './listen-address.ts';

/** Certificates that the hub orders. */
export const certificatesSection = z
  .strictObject({
    resolvers: z
      .array(
        listenAddress.refine(
          ({ host }) => isIP(host) !== 0,
          'must be an address with a port, such as 192.0.2.1:53',
        ),
      )
      .max(8)
      .default([])
      .describe(
        'Resolvers that are asked where `_acme-challenge` of a name leads by CNAME, outside of our own zones: `address:port`. Those of the system when left out.',
      ),
    parallelOrders: z
      .number()
      .int()
      .min(1)
      .max(100)
      .default(8)
      .describe('Orders under way at one Issuer at a time; the others wait their turn.'),
  })
  .prefault({});
