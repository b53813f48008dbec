import { z } from 'zod';
import { file } from './fields.ts';

/** Where objects are. */
export const storeSection = z
  .union([
    z.strictObject({ sqlite: z.strictObject({ file: file.optional() }) }),
    z.strictObject({
      postgres: z.strictObject({ url: z.string().min(1).max(4096) }),
    }),
  ])
  .prefault({ sqlite: {} });

export const dataDirSection = file
  .default('portolan-data')
  .describe('Where the hub keeps its state. Relative paths start at the configuration file.');

export const secretsSection = z
  .strictObject({
    keyFile: file
      .optional()
      .describe(
        'The key that encrypts secrets at rest; beside the data directory when left out (`<dataDir>.key`).',
      ),
  })
  .prefault({});
