import type { Capabilities } from '../../providers/contract.ts';
import type { ProviderCheck } from '../api/dns-services.ts';

/** What a kind of provider can do and what not, each with the reason, as `portolan provider check` shows it. */
export function capabilityLines({
  preconditions,
  preconditionsWhy,
  staleWriter,
  healthChecks,
  routing,
  unsupportedTypes,
}: Capabilities): ProviderCheck['capabilities'] {
  return [
    {
      subject: 'stale writers are refused',
      native: preconditions !== 'none',
      reason: `${preconditionsWhy} ${staleWriter}`,
    },
    {
      subject: 'health checks of its own',
      native: healthChecks.native,
      reason: healthChecks.native ? 'The provider has them.' : healthChecks.reason,
    },
    ...routing.map(({ feature, native, reason }) => ({ subject: feature, native, reason })),
    ...unsupportedTypes.map(({ type, reason }) => ({ subject: `${type} records`, native: false, reason })),
  ];
}
