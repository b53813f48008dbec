import { z } from 'zod';
import type { Condition } from './metadata.ts';
import {
  apiGroup,
  GATEWAY_API_GROUP,
  labelMap,
  type PolicyAncestorStatus,
  referencedName,
  sectionName,
} from './route-fields.ts';

const targetReference = z.strictObject({
  group: apiGroup.default(GATEWAY_API_GROUP),
  kind: z.enum(['Gateway', 'HTTPRoute', 'GRPCRoute']),
  name: referencedName,
  sectionName: sectionName.optional().describe("A Gateway's listener, or a route's rule by its name."),
});
export type PolicyTargetReference = z.output<typeof targetReference>;

const selector = z.strictObject({
  clusters: labelMap.optional().describe('Labels that a Cluster must have.'),
  gateways: labelMap.optional().describe('Labels that a Gateway must have.'),
});

/** How the rules of a policy meet those of others: whole against whole, or rule by rule. */
export const mergeStrategy = z.enum(['atomic', 'merge']).default('atomic');

/** Fields of a policy over `rules`: where it holds, and bare rules, `defaults` or `overrides`. */
export function policyShape<S extends z.ZodType>(rules: S) {
  const block = z.strictObject({
    strategy: mergeStrategy.describe('`atomic`: all or none of these rules; `merge`: each by its name.'),
    rules,
  });
  return {
    targetRefs: z
      .array(targetReference)
      .min(1)
      .max(16)
      .optional()
      .describe('What it holds for, in its own namespace.'),
    selector: selector
      .optional()
      .describe(
        'Instead of targetRefs: every gateway these labels fit; of every namespace when written in `default` (by an admin).',
      ),
    rules: rules.optional().describe('Short for `defaults` with the strategy `atomic`.'),
    defaults: block.optional().describe('Holds where no more specific policy says otherwise.'),
    overrides: block.optional().describe('Holds whatever more specific policies say.'),
  };
}

/** Says so unless exactly one of the blocks is given. */
export function onePolicyBlock(
  spec: { readonly rules?: unknown; readonly defaults?: unknown; readonly overrides?: unknown },
  context: z.core.$RefinementCtx,
): void {
  const given = [spec.rules, spec.defaults, spec.overrides].filter((block) => block !== undefined);
  if (given.length === 1) return;
  context.addIssue({
    code: 'custom',
    path: ['rules'],
    message: 'exactly one of rules, defaults and overrides must be given',
    params: { fix: 'Write one of `rules`, `defaults` and `overrides`.' },
  });
}

/**
 * A policy over `rules`: bare rules (which are defaults, atomic), `defaults` (more specific policies win) or `overrides` (they lose).
 * Shape of Kuadrant's policies (https://docs.kuadrant.io, GEP-2649).
 */
export function policySpec<S extends z.ZodType>(rules: S) {
  return z.strictObject(policyShape(rules)).superRefine((spec, context) => {
    if ((spec.targetRefs === undefined) === (spec.selector === undefined))
      context.addIssue({
        code: 'custom',
        path: ['targetRefs'],
        message: 'exactly one of targetRefs and selector must be given',
        params: { fix: 'Name objects in `targetRefs`, or labels in `selector`; not both.' },
      });
    onePolicyBlock(spec, context);
  });
}

/** Status of AuthPolicy, GatewayPolicy and RateLimitPolicy: `Accepted`, `Enforced`, and where it holds. */
export interface AttachedPolicyStatus {
  readonly conditions: readonly Condition[];
  readonly ancestors: readonly PolicyAncestorStatus[];
}
