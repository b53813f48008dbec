import type { ProviderKind } from './contract.ts';
import { route53 } from './route53/provider.ts';

/** Every kind of DNS provider, by its name in a DNSProvider's spec. Nothing registers itself: to add one, add its line here. */
export const PROVIDER_KINDS: Readonly<Partial<Record<ProviderKind['type'], ProviderKind>>> = { route53 };
