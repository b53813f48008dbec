import type { DesiredObject } from '../api/services.ts';
import type { Unplaced } from '../reconcile/references.ts';
import { pairProblem } from './certificate-pair.ts';
import { limitExpressions } from './limit-fields.ts';
import { policyExpressions, policyUrls } from './policy-fields.ts';
import { forbidden, gatewayViolation } from './refusals.ts';
import { routePatterns } from './route-patterns.ts';

/** Kinds of the gateway that a change may be of. */
export type GatewayDesired = {
  [K in GatewayObjectKind]: DesiredObject<K>;
}[GatewayObjectKind];

export type GatewayObjectKind =
  | 'Gateway'
  | 'HTTPRoute'
  | 'GRPCRoute'
  | 'BackendTLSPolicy'
  | 'ReferenceGrant'
  | 'Backend'
  | 'AuthPolicy'
  | 'GatewayPolicy'
  | 'RateLimitPolicy'
  | 'CallerRouting';

export interface GatewayAdmissionContext {
  /** CIDR blocks the operator permits although they would be refused (I32). */
  readonly allowedRanges: readonly string[];
  /** Names of regions there are. */
  readonly isRegion: (name: string) => boolean;
}

/**
 * What no schema can say about one document: expressions and patterns that cannot be used, addresses nothing may contact (I32). What a
 * document refers to may come later, as the Gateway API has it: that is a warning (`warnings.ts`) and a condition, never a refusal.
 */
export function gatewayViolations(
  desired: GatewayDesired,
  context: GatewayAdmissionContext,
): readonly Unplaced[] {
  const { allowedRanges } = context;
  switch (desired.kind) {
    case 'HTTPRoute':
    case 'GRPCRoute':
      return routePatterns(desired);
    case 'AuthPolicy':
      return [...policyExpressions(desired.spec), ...policyUrls(desired.spec, allowedRanges)];
    case 'CallerRouting':
      return policyExpressions(desired.spec);
    case 'Backend':
      return desired.spec.endpoints.flatMap(({ address }, i) =>
        forbidden(`spec.endpoints[${i}].address`, address, allowedRanges),
      );
    case 'GatewayPolicy':
      return unknownRegions(desired, context);
    case 'RateLimitPolicy':
      return limitExpressions(desired.spec);
    case 'Gateway':
    case 'BackendTLSPolicy':
    case 'ReferenceGrant':
      return [];
  }
}

function unknownRegions(
  { spec }: DesiredObject<'GatewayPolicy'>,
  { isRegion }: GatewayAdmissionContext,
): readonly Unplaced[] {
  const blocks = [
    ['rules', spec.rules],
    ['defaults.rules', spec.defaults?.rules],
    ['overrides.rules', spec.overrides?.rules],
  ] as const;
  return blocks.flatMap(([at, rules]) =>
    (rules?.residency?.rules ?? []).flatMap(({ region }, i) =>
      isRegion(region)
        ? []
        : [
            gatewayViolation(
              `spec.${at}.residency.rules[${i}].region`,
              'REFERENCE_NOT_FOUND',
              `there is no region "${region}"`,
              "Use EU, EEA or Europe, or define it under geo.regions in the hub's configuration.",
            ),
          ],
    ),
  );
}

/** A Secret that is written with a certificate and its key: they must fit. One of the two alone cannot be judged here. */
export function certificateViolations({ spec }: DesiredObject<'Secret'>): readonly Unplaced[] {
  const certificatePem = spec.stringData?.['tls.crt'];
  const keyPem = spec.stringData?.['tls.key'];
  if (typeof certificatePem !== 'string' || typeof keyPem !== 'string') return [];
  const problem = pairProblem(certificatePem, keyPem);
  if (problem === undefined) return [];
  const field = problem.at === 'key' ? 'tls.key' : 'tls.crt';
  return [
    gatewayViolation(
      `spec.stringData["${field}"]`,
      'GATEWAY_INVALID',
      problem.message,
      'Write the certificate chain (leaf first) and its private key, both PEM.',
    ),
  ];
}
