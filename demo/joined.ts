import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const identitySchema = z.object({ linkAddresses: z.array(z.string()), joinUrls: z.array(z.string()) });

/** Where an agent finds its hub. */
export interface HubAddress {
  readonly join: number;
  readonly link: number;
}

/**
 * Whether the agent of this data folder has joined a hub at these ports. An agent keeps the addresses of its join, so one
 * that joined at others must join again. `never` also when its identity cannot be read.
 */
export function joinedAt(dataDir: string, hub: HubAddress): 'here' | 'elsewhere' | 'never' {
  try {
    const text = readFileSync(join(dataDir, 'identity', 'identity.json'), 'utf8');
    const identity = identitySchema.parse(JSON.parse(text));
    const here =
      identity.linkAddresses.some((address) => address.endsWith(`:${hub.link}`)) &&
      identity.joinUrls.some((url) => url.endsWith(`:${hub.join}`));
    return here ? 'here' : 'elsewhere';
  } catch {
    return 'never';
  }
}
