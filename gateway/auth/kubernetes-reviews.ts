import { z } from 'zod';

/*
 * What API servers answer, as far as it is used. A file of its own, because it is loaded with the first answer only: the reader takes as much
 * memory in every thread as the rest of the gateway's own code.
 */

/** `authentication.k8s.io/v1` TokenReview. */
export const tokenReview = z.object({
  kind: z.literal('TokenReview'),
  status: z.object({
    authenticated: z.boolean().default(false),
    error: z.string().default(''),
    audiences: z.array(z.string()).default([]),
    user: z
      .object({
        username: z.string().default(''),
        uid: z.string().default(''),
        groups: z.array(z.string()).default([]),
        extra: z.record(z.string(), z.array(z.string())).default({}),
      })
      .optional(),
  }),
});

export type ReviewedToken = z.output<typeof tokenReview>['status'];

/** `authorization.k8s.io/v1` SubjectAccessReview. */
export const accessReview = z.object({
  kind: z.literal('SubjectAccessReview'),
  status: z.object({ allowed: z.boolean(), denied: z.boolean().default(false) }),
});
