import type { Provider, ProviderOptions, ProviderZone } from '../../../providers/contract.ts';
import { route53 } from '../../../providers/route53/provider.ts';
import { type DnsProviderSpec, dnsProviderSpec } from '../../../src/resources/dns-provider.ts';
import { UNHINDERED } from '../../support/unhindered.ts';

/** A server that speaks the API of Route 53, and keys that it takes. */
export interface Account {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export function specFor(
  account: Account,
  zone: Pick<ProviderZone, 'origin' | 'id' | 'private'>,
): DnsProviderSpec {
  return dnsProviderSpec.parse({
    zones: [{ origin: zone.origin, id: zone.id, private: zone.private }],
    route53: { endpoint: account.endpoint, secret: 'route53' },
  });
}

/** The options that a hub would open it with. */
export function optionsFor(
  account: Account,
  spec: DnsProviderSpec,
  overrides: Partial<ProviderOptions> = {},
): ProviderOptions {
  return {
    spec,
    secret: { accessKeyId: account.accessKeyId, secretAccessKey: account.secretAccessKey },
    name: 'test/route53',
    owner: 'conformance',
    ...UNHINDERED,
    ...overrides,
  };
}

export function openAccount(
  account: Account,
  spec: DnsProviderSpec,
  overrides?: Partial<ProviderOptions>,
): Promise<Provider> {
  return route53.open(optionsFor(account, spec, overrides));
}
