import type { Capabilities } from '../../providers/contract.ts';
import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';
import type { ProviderCheck } from '../api/dns-services.ts';

/** What a provider can do as it is configured and what not, each with the reason, as `portolan provider check --capabilities` shows it. */
export function capabilityLines(
  { preconditions, preconditionsWhy, staleWriter, healthChecks, routing, unsupportedTypes }: Capabilities,
  spec: Pick<DnsProviderSpec, 'azure' | 'powerdns'>,
): ProviderCheck['capabilities'] {
  const off = switchedOff(spec);
  const plain = off === undefined ? undefined : `${off} is not set: the hub writes plain records.`;
  const reasons = [...new Set(unsupportedTypes.map(({ reason }) => reason))];
  return [
    {
      about: 'safety',
      subject: 'stale writers are refused',
      native: preconditions !== 'none',
      reason: `${preconditionsWhy} ${staleWriter}`,
    },
    {
      about: 'routing',
      subject: 'health checks',
      native: healthChecks.native && plain === undefined,
      reason: plain ?? (healthChecks.native ? 'The provider has them.' : healthChecks.reason),
    },
    ...routing.map(({ feature, native, reason }) => ({
      about: 'routing' as const,
      subject: feature,
      native: native && plain === undefined,
      reason: native ? (plain ?? reason) : reason,
    })),
    ...reasons.map((reason) => ({
      about: 'types' as const,
      subject: `records that are not written (${unsupportedTypes
        .filter((one) => one.reason === reason)
        .map(({ type }) => type)
        .join(', ')})`,
      native: false,
      reason,
    })),
  ];
}

/** What would have to be set for the provider to route by itself. */
function switchedOff({ azure, powerdns }: Pick<DnsProviderSpec, 'azure' | 'powerdns'>): string | undefined {
  if (powerdns !== undefined && !powerdns.lua) return '`spec.powerdns.lua`';
  if (azure !== undefined && !azure.trafficManager) return '`spec.azure.trafficManager`';
  return undefined;
}
