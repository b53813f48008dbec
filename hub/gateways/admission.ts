import { isIP } from 'node:net';
import { PortolanError } from '../../src/errors/error.ts';
import { ERROR_TABLE, type ErrorCode } from '../../src/errors/table.ts';
import { checkAddress } from '../../src/health/address-policy.ts';
import type { DesiredObject } from '../api/services.ts';
import type { Unplaced } from '../reconcile/references.ts';
import { pairProblem } from './certificate-pair.ts';
import { policyExpressions, policyUrls } from './policy-fields.ts';
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
    case 'Gateway':
    case 'BackendTLSPolicy':
    case 'ReferenceGrant':
      return [];
  }
}

/** An address written as one is judged at once; a name is judged where it is looked up. */
export function forbidden(path: string, host: string, allowedRanges: readonly string[]): readonly Unplaced[] {
  const address = host.replace(/^\[(.*)\]$/, '$1');
  const hit = isIP(address) === 0 ? undefined : checkAddress(address, allowedRanges);
  return hit === undefined
    ? []
    : [
        {
          path,
          code: 'ADDRESS_FORBIDDEN',
          message: `${address} lies in ${hit.range}: ${hit.why}`,
          fix: "Use another address, or have the operator allow the range in `network.allowedRanges` of the hub's and the agent's configuration.",
        },
      ];
}

/** Runs a check that throws; what it throws is what is wrong at `path`. */
export function refusedBy(path: string, check: () => unknown): readonly Unplaced[] {
  try {
    check();
    return [];
  } catch (thrown) {
    const error = PortolanError.from(thrown);
    return [{ path, code: error.code, message: error.message, fix: error.fix }];
  }
}

export function gatewayViolation(
  path: string,
  code: ErrorCode,
  message: string,
  fix: string = ERROR_TABLE[code].fix,
): Unplaced {
  return { path, code, message, fix };
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
