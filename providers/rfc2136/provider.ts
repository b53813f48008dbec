import type { ProviderKind } from '../contract.ts';
import { CAPABILITIES } from './capabilities.ts';
import { compile } from './compile.ts';

/** Any server that takes DNS UPDATE (RFC 2136) signed by TSIG: BIND, Knot DNS, and others. */
export const rfc2136: ProviderKind = {
  type: 'rfc2136',
  capabilities: CAPABILITIES,
  compile,
  open: async (options) => {
    const { Rfc2136Provider } = await import('./client.ts');
    return new Rfc2136Provider(options);
  },
};
