import type { DnsProviderType } from '../src/resources/dns-provider.ts';
import { azure } from './azure/provider.ts';
import type { ProviderKind } from './contract.ts';
import { google } from './google/provider.ts';
import { powerdns } from './powerdns/provider.ts';
import { rfc2136 } from './rfc2136/provider.ts';
import { route53 } from './route53/provider.ts';

/** Every kind of DNS provider, by its name in a DNSProvider's spec. Nothing registers itself: to add one, add its line here. */
export const PROVIDER_KINDS: Readonly<Record<DnsProviderType, ProviderKind>> = {
  azure,
  google,
  route53,
  powerdns,
  rfc2136,
};
