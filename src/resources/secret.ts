import { z } from 'zod';
import type { Condition } from './metadata.ts';

export const secretSpec = z.strictObject({
  stringData: z
    .record(z.string().regex(/^[-._a-zA-Z0-9]{1,253}$/), z.string().max(1_048_576).nullable())
    .optional()
    .describe(
      'Write-only: stored encrypted and never returned. Left out, the stored values stay. A null value removes a key.',
    ),
});
export type SecretSpec = z.output<typeof secretSpec>;

export interface SecretStatus {
  readonly conditions: readonly Condition[];
  /** What is stored: key, length in bytes, and the first 12 hex digits of a keyed digest (to compare, not to guess). */
  readonly keys: readonly { readonly key: string; readonly bytes: number; readonly digest: string }[];
}
