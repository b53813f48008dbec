import { levelOf, type PolicyBlock } from '../../src/policy/effective-policy.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { PolicyTargetReference } from '../../src/resources/policy-attachment.ts';
import type { DesiredObject } from '../api/services.ts';
import { type Objects, objectKey } from '../reconcile/objects.ts';

type AttachedPolicy = 'AuthPolicy' | 'GatewayPolicy' | 'RateLimitPolicy';

/**
 * Policies of one kind for the same target of which only one can hold: what the condition `Conflicted` says later, said when the policy is
 * written. @param objects with the change made
 */
export function conflictsOf(
  {
    kind,
    namespace,
    name,
    spec,
  }: DesiredObject<'AuthPolicy'> | DesiredObject<'GatewayPolicy'> | DesiredObject<'RateLimitPolicy'>,
  objects: Objects,
): readonly string[] {
  const own = objectKey(namespace, name);
  const policies: readonly Resource<AttachedPolicy>[] = [...objects[kind].values()].filter(
    (policy) => policy.metadata.namespace === namespace,
  );
  return (spec.targetRefs ?? []).flatMap((ref) => {
    const target = textOf(ref);
    const rivals = policies.filter((policy) =>
      policy.spec.targetRefs?.some((other) => textOf(other) === target),
    );
    return levelOf(rivals.map(blockOf)).conflicted.flatMap(({ block, winner }) => {
      if (block.source.name === own)
        return [
          `${kind} ${winner.source.name} targets ${target} too and is older: this policy does not hold there. Delete one of them, or give both \`strategy: merge\``,
        ];
      return winner.source.name === own
        ? [`${kind} ${block.source.name} targets ${target} too and is younger: it does not hold there`]
        : [];
    });
  });
}

function textOf({ kind, name, sectionName }: PolicyTargetReference): string {
  return `${kind} ${name}${sectionName === undefined ? '' : ` (${sectionName})`}`;
}

/** As far as conflicts go. */
function blockOf({ kind, metadata, spec }: Resource<AttachedPolicy>): PolicyBlock<never> {
  return {
    source: { kind, name: objectKey(metadata.namespace, metadata.name) },
    created: metadata.creationTimestamp,
    kind: spec.overrides === undefined ? 'defaults' : 'overrides',
    strategy: (spec.overrides ?? spec.defaults)?.strategy ?? 'atomic',
    rules: new Map<string, never>(),
  };
}
