import type { AnyResource } from './catalogue.ts';
import type { Condition } from './metadata.ts';

/**
 * The conditions of an object, wherever its kind keeps them: at the top of the status, per parent (routes of the Gateway API) or
 * per ancestor (its policies).
 */
export function conditionsOf(object: AnyResource): readonly Condition[] {
  const { status } = object;
  if (status === undefined) return [];
  if ('conditions' in status) return status.conditions;
  if ('parents' in status) return status.parents.flatMap((parent) => parent.conditions);
  if ('ancestors' in status) return status.ancestors.flatMap((ancestor) => ancestor.conditions);
  return [];
}
