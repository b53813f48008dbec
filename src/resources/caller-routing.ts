import { z } from 'zod';
import { celExpression } from './auth-policy-fields.ts';
import type { Condition } from './metadata.ts';
import { backendReference, ruleName } from './route-fields.ts';

/** Other backends for some callers: a route's rule refers to it by a filter of type `ExtensionRef`. */
export const callerRoutingSpec = z.strictObject({
  rules: z
    .array(
      z.strictObject({
        name: ruleName.optional(),
        when: celExpression.describe("CEL over request, source and auth, such as `'partner' in auth.roles`."),
        backendRefs: z.array(backendReference).min(1).max(16),
      }),
    )
    .min(1)
    .max(16)
    .describe("The first whose `when` is true takes the place of the rule's backends; none: the rule's own."),
});
export type CallerRoutingSpec = z.output<typeof callerRoutingSpec>;

export interface CallerRoutingStatus {
  readonly conditions: readonly Condition[];
}
