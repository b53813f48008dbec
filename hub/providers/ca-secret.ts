import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';

/** The key of a Secret that has the roots to trust, where a DNSProvider names one. */
export function caSecretOf(
  spec: DnsProviderSpec,
): { readonly name: string; readonly key: string } | undefined {
  return (spec.route53 ?? spec.google ?? spec.azure ?? spec.powerdns)?.caSecret;
}
