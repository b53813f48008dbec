import { z } from 'zod';
import { type Condition, objectName } from './metadata.ts';

/** Takes a cluster out of answers on purpose. An object of its own, so that a GitOps sync of the Cluster does not undo it. */
export const drainSpec = z.strictObject({
  cluster: objectName,
  reason: z.string().max(500).default(''),
  expiresAt: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('RFC 3339; the drain ends by itself then, also at agents that cannot reach the hub.'),
});
export type DrainSpec = z.output<typeof drainSpec>;

export interface DrainStatus {
  readonly conditions: readonly Condition[];
}
