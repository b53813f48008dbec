import type { Provider, ProviderOptions } from '../../../providers/contract.ts';
import { google } from '../../../providers/google/provider.ts';
import { type DnsProviderSpec, dnsProviderSpec } from '../../../src/resources/dns-provider.ts';
import { UNHINDERED } from '../../support/unhindered.ts';
import type { FakeGoogle } from './server.ts';

/** A health check that the fake knows, as people write it. */
export const HEALTH_CHECK = 'projects/example-project/global/healthChecks/web';
export const HEALTH_CHECK_LINK = `https://www.googleapis.com/compute/v1/${HEALTH_CHECK}`;

export function googleSpec(fake: FakeGoogle, origin: string): DnsProviderSpec {
  return dnsProviderSpec.parse({
    zones: [{ origin }],
    google: {
      endpoint: fake.endpoint,
      project: fake.project,
      secret: 'google',
      healthCheck: HEALTH_CHECK,
    },
  });
}

/** The provider as the hub opens it, with the fake's credentials and loopback allowed. */
export function openGoogle(
  fake: FakeGoogle,
  spec: DnsProviderSpec,
  overrides: Partial<ProviderOptions> = {},
): Promise<Provider> {
  return google.open({
    spec,
    secret: { 'credentials.json': fake.credentials() },
    name: 'test/google',
    owner: 'conformance',
    ...UNHINDERED,
    ...overrides,
  });
}
