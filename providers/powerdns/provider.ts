import type { ProviderKind } from '../contract.ts';
import { CAPABILITIES } from './capabilities.ts';
import { compile } from './compile.ts';

/** PowerDNS Authoritative Server 4, by its HTTP API. */
export const powerdns: ProviderKind = {
  type: 'powerdns',
  capabilities: CAPABILITIES,
  compile,
  open: async (options) => {
    const { PowerDnsProvider } = await import('./client.ts');
    return new PowerDnsProvider(options);
  },
};
