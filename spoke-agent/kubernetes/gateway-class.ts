import type { KeptClass } from './project-gateway-api.ts';
import type { StatusCondition } from './status-content.ts';
import { ownerCondition } from './status-owner.ts';

/** Annotation of the definitions of the Gateway API: which release they are from. */
export const BUNDLE_ANNOTATION = 'gateway.networking.k8s.io/bundle-version';

/**
 * Conditions of a GatewayClass of ours. Its definitions may be of 1.2 or any later 1.x release: fields that came later are looked at one by one.
 * @param namespace of the installation that writes
 * @param bundle release of the definitions, such as `v1.6.0`; undefined: not known
 */
export function classConditions(
  { generation, problem }: Pick<KeptClass, 'generation' | 'problem'>,
  bundle: string | undefined,
  namespace: string,
): readonly StatusCondition[] {
  const conditions: StatusCondition[] = [
    ownerCondition(namespace, generation),
    condition(
      'Accepted',
      problem === undefined,
      problem === undefined ? 'Accepted' : 'InvalidParameters',
      problem ?? 'The agents of this cluster serve its Gateways.',
      generation,
    ),
  ];
  if (bundle === undefined) return conditions;
  const supported = /^v1\.(?:[2-9]|\d{2,})(?:\D|$)/.test(bundle);
  return [
    ...conditions,
    condition(
      'SupportedVersion',
      supported,
      supported ? 'SupportedVersion' : 'UnsupportedVersion',
      supported
        ? `Gateway API ${bundle} is supported.`
        : `Gateway API ${bundle} is installed; 1.2 or later of v1 is supported.`,
      generation,
    ),
  ];
}

function condition(
  type: string,
  isTrue: boolean,
  reason: string,
  message: string,
  observedGeneration: number,
): StatusCondition {
  const status = isTrue ? 'True' : 'False';
  return { type, status, reason, message, observedGeneration, lastTransitionTime: '' };
}
