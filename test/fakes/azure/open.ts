import { azure } from '../../../providers/azure/provider.ts';
import type { Provider, ProviderOptions } from '../../../providers/contract.ts';
import { type DnsProviderSpec, dnsProviderSpec } from '../../../src/resources/dns-provider.ts';
import { UNHINDERED } from '../../support/unhindered.ts';
import { ACCOUNT, type AzureFake } from './server.ts';

/** A DNSProvider that leads to the test server. */
export function azureSpec(
  fake: Pick<AzureFake, 'url'>,
  origin: string,
  trafficManager = false,
): DnsProviderSpec {
  const { subscriptionId, resourceGroup, tenantId, clientId } = ACCOUNT;
  return dnsProviderSpec.parse({
    zones: [{ origin }],
    azure: {
      endpoint: fake.url,
      authorityHost: fake.url,
      subscriptionId,
      resourceGroup,
      tenantId,
      clientId,
      secret: 'azure',
      trafficManager,
    },
  });
}

/** The same client code as for the cloud: only where it leads to is different. */
export function openAzure(
  fake: Pick<AzureFake, 'ca'>,
  spec: DnsProviderSpec,
  overrides: Partial<ProviderOptions> = {},
): Promise<Provider> {
  return azure.open({
    spec,
    secret: { clientSecret: ACCOUNT.clientSecret },
    ca: fake.ca,
    name: 'shop/azure',
    owner: 'conformance',
    ...UNHINDERED,
    ...overrides,
  });
}
