import { GATEWAY_API_GROUP } from '../../resources/route-fields.ts';
import { compact } from './documents.ts';
import type { Field } from './ledger.ts';

const KINDS = ['Gateway', 'HTTPRoute', 'GRPCRoute'];

/** `spec.targetRef` as `targetRefs`. Undefined, and told: what it names cannot have a policy here. */
export function targetRefsOf(spec: Field): readonly Record<string, unknown>[] | undefined {
  const target = spec.get('targetRef');
  const kind = target?.text('kind');
  const name = target?.text('name');
  if (target === undefined || kind === undefined || name === undefined) return undefined;
  if ((target.text('group') ?? GATEWAY_API_GROUP) !== GATEWAY_API_GROUP || !KINDS.includes(kind)) {
    target.tell('unsupported', `policies are for ${KINDS.join(', ')}; this is one for a ${kind}`);
    return undefined;
  }
  target.exact('group', 'kind', 'name', 'sectionName');
  return [compact({ kind, name, sectionName: target.text('sectionName') })];
}

/** The bare rules, `defaults` or `overrides` of a policy, whichever it has; there is only one of them. */
export function blocksOf(
  spec: Field,
  bare: readonly string[],
): readonly { readonly as: 'rules' | 'defaults' | 'overrides'; readonly field: Field }[] {
  const blocks = (['defaults', 'overrides'] as const).flatMap((as) => {
    const field = spec.get(as);
    return field === undefined ? [] : [{ as, field }];
  });
  return bare.some((key) => spec.get(key) !== undefined)
    ? [{ as: 'rules' as const, field: spec }, ...blocks]
    : blocks;
}

/** A block as ours says it. */
export function placed(
  as: 'rules' | 'defaults' | 'overrides',
  field: Field,
  rules: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (as === 'rules') return { rules };
  field.exact('strategy');
  return { [as]: { strategy: field.text('strategy') ?? 'atomic', rules } };
}
