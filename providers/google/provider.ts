import type { ProviderKind } from '../contract.ts';
import { capabilities } from './capabilities.ts';
import { compileGoogle } from './compile.ts';

/** Google Cloud DNS: weights and failover by its routing policies, everything else by plain records. */
export const google: ProviderKind = {
  type: 'google',
  capabilities,
  compile: compileGoogle,
  async open(options) {
    const { openAccount } = await import('./account.ts');
    return openAccount(options);
  },
};
