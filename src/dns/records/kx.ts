import type { RecordType } from './contract.ts';
import { type PreferredHost, preferredHost } from './preferred-host.ts';

/** Who exchanges keys for a name (RFC 2230). */
export type KxRdata = PreferredHost<'KX'>;

export const KX: RecordType<KxRdata> = preferredHost('KX', {
  example: '10 kx.example.com.',
  preference: 'the preference',
  host: 'the key exchanger',
});
