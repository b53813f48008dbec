import { z } from 'zod';
import { DEFAULT_QUORUM } from '../../src/health/types.ts';
import { objectName } from '../../src/resources/metadata.ts';
import { milliseconds } from './fields.ts';

/** When a target counts as down, and when as up again. */
export const healthSection = z
  .strictObject({
    failureDomain: objectName.default('hub').describe("The hub's own failure domain as a vantage point."),
    staleAfterMs: milliseconds
      .min(1000)
      .default(DEFAULT_QUORUM.staleAfterMs)
      .describe('Votes older than this abstain.'),
    minFailureDomains: z
      .number()
      .int()
      .min(2)
      .max(50)
      .default(DEFAULT_QUORUM.minFailureDomains)
      .describe('Failure domains that must agree on DOWN.'),
    holdMs: milliseconds
      .default(DEFAULT_QUORUM.holdMs)
      .describe('First hold before a target that was down is admitted again; doubles per flap.'),
    maxHoldMs: milliseconds.default(DEFAULT_QUORUM.maxHoldMs).describe('Longest hold.'),
    flapWindowMs: milliseconds
      .default(DEFAULT_QUORUM.flapWindowMs)
      .describe('A target that stayed up this long forgets its flaps.'),
  })
  .prefault({});
