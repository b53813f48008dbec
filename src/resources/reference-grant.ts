import { z } from 'zod';
import { objectName } from './metadata.ts';
import { apiGroup, kindName, referencedName } from './route-fields.ts';

/** `ReferenceGrantSpec`: what objects of other namespaces may refer to in this one. Each `from` may refer to each `to`. */
export const referenceGrantSpec = z.strictObject({
  from: z
    .array(z.strictObject({ group: apiGroup, kind: kindName, namespace: objectName }))
    .min(1)
    .max(16),
  to: z
    .array(
      z.strictObject({
        group: apiGroup,
        kind: kindName,
        name: referencedName.optional().describe('Default: all of the kind.'),
      }),
    )
    .min(1)
    .max(16),
});
export type ReferenceGrantSpec = z.output<typeof referenceGrantSpec>;

/** The Gateway API gives it none. */
export type ReferenceGrantStatus = Readonly<Record<string, never>>;
