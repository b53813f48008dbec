import { z } from 'zod';

/** A condition as it stands in Kubernetes: any field may be missing. */
const standingCondition = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().catch(''),
  message: z.string().catch(''),
  lastTransitionTime: z.string().catch(''),
  observedGeneration: z.number().optional().catch(undefined),
});
const standingStatus = z
  .looseObject({ conditions: z.array(standingCondition).catch([]) })
  .catch({ conditions: [] });

export type StandingCondition = z.output<typeof standingCondition>;

/** The conditions of a status, or of one entry of a status that is a list. */
export function standingConditions(status: unknown): readonly StandingCondition[] {
  return standingStatus.parse(status ?? {}).conditions;
}

/** `metav1.Time` has seconds. */
export function inSeconds(iso: string): string {
  return iso.replace(/\.\d+Z$/, 'Z');
}
