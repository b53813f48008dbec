import { z } from 'zod';
import { domainName } from '../../src/resources/fields.ts';
import { listenAddress } from './listen-address.ts';

/** Zones that the hub signs. */
export const dnssecSection = z
  .strictObject({
    parentServers: z
      .record(domainName, z.array(listenAddress).min(1).max(32))
      .default({})
      .describe(
        'By zone: the servers of its parent, where the hub looks for the DS. Found by the resolver of the system when left out.',
      ),
  })
  .prefault({});
