import { z } from 'zod';
import { cidr } from '../../src/resources/fields.ts';
import { objectName } from '../../src/resources/metadata.ts';
import { DEFAULT_OWN_CREDENTIALS } from '../providers/own-credentials.ts';

/** What objects may have the hub probe and answer. */
export const networkSection = z
  .strictObject({
    allowedRanges: z
      .array(cidr)
      .max(100)
      .default([])
      .describe(
        'Ranges that may be probed and answered although they are loopback, link-local, cloud metadata or multicast. Private ranges (10.0.0.0/8 …) need no permission.',
      ),
  })
  .prefault({});

/** What objects may have the hub use of its own. */
export const providersSection = z
  .strictObject({
    ownCredentials: z
      .array(z.union([z.literal('*'), objectName]))
      .max(1000)
      .default([...DEFAULT_OWN_CREDENTIALS])
      .describe(
        "Namespaces whose DNSProviders may do without a Secret, and then use the hub's own identity at AWS, Google or Azure; `*` stands for all.",
      ),
  })
  .prefault({});
