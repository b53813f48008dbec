import { PortolanError } from '../../src/errors/error.ts';
import { type DnsProviderSpec, providerSecretOf, providerTypeOf } from '../../src/resources/dns-provider.ts';

/** Namespaces whose DNSProviders may use the hub's own identity, where the operator says nothing else. */
export const DEFAULT_OWN_CREDENTIALS: readonly string[] = ['default'];

/**
 * Why a DNSProvider may not be used as it is. Without a Secret it would write with what the hub's machine was given at AWS, Google or Azure:
 * that is the operator's, and no tenant's unless the operator says so.
 * @param namespaces `providers.ownCredentials` of the hub's configuration; `*` stands for all
 */
export function ownCredentialsProblem(
  namespace: string,
  spec: DnsProviderSpec,
  namespaces: readonly string[] = DEFAULT_OWN_CREDENTIALS,
): PortolanError | undefined {
  if (providerSecretOf(spec) !== undefined) return undefined;
  if (namespaces.includes('*') || namespaces.includes(namespace)) return undefined;
  return new PortolanError(
    'PROVIDER_DENIED',
    `without a Secret it would use the hub's own credentials, which namespace ${namespace} may not`,
    {
      fix: `Name a Secret in \`spec.${providerTypeOf(spec)}.secret\`, or have the operator add ${namespace} to \`providers.ownCredentials\` of the hub's configuration.`,
    },
  );
}
