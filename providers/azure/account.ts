import { Agent } from 'node:https';
import type { DnsManagementClient } from '@azure/arm-dns';
import type { TrafficManagerManagementClient } from '@azure/arm-trafficmanager';
import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { ProviderError, type ProviderOptions } from '../contract.ts';
import { keepOwnCredentials } from '../own-credentials.ts';
import { tokenErrorOf } from './errors.ts';

export type AzureSpec = NonNullable<DnsProviderSpec['azure']>;

/** An account as the SDK sees it, with our sockets under it. */
export interface AzureAccount {
  readonly spec: AzureSpec;
  readonly dns: DnsManagementClient;
  /** Absent with `trafficManager: false`. */
  readonly trafficManager: TrafficManagerManagementClient | undefined;
  /** Whether the API said that more follows after this page. */
  readonly hasNextPage: (page: object) => boolean;
  readonly close: () => void;
}

/** Of the public cloud, and those of the US government and of China. */
const RESOURCE_MANAGERS =
  /^(([a-z0-9-]+\.)?management\.azure\.com|management\.usgovcloudapi\.net|management\.chinacloudapi\.cn)$/;
const AUTHORITIES = /^login\.(microsoftonline\.(com|us)|(partner\.microsoftonline|chinacloudapi)\.cn)$/;
/** A page of record sets is smaller: the body of a server that never ends is not read to its end. */
const MAX_ANSWER_OCTETS = 32 << 20;

type Clients = ConstructorParameters<typeof DnsManagementClient>;
type ClientOptions = NonNullable<Clients[2]>;
type Policy = NonNullable<ClientOptions['additionalPolicies']>[number]['policy'];
type TokenCredential = Clients[0];

/** @throws ProviderError `denied` when the credentials cannot be used as they are */
export async function openAccount(options: ProviderOptions): Promise<AzureAccount> {
  const spec = options.spec.azure;
  if (spec === undefined) throw new ProviderError('unsupported', `${options.name} is no Azure account`);
  for (const [field, url] of [
    ['endpoint', spec.endpoint],
    ['authorityHost', spec.authorityHost],
  ] as const) {
    if (url === undefined || url.startsWith('https:')) continue;
    throw new ProviderError('denied', `spec.azure.${field} is plain http, and a token would go over it`, {
      fix: `Write an https address in spec.azure.${field}; give its root in caSecret if the system does not know it.`,
    });
  }
  const [{ DnsManagementClient, getContinuationToken }, trafficManagerSdk] = await Promise.all([
    import('@azure/arm-dns'),
    spec.trafficManager ? import('@azure/arm-trafficmanager') : undefined,
  ]);
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 16,
    lookup: options.guard.lookup,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  });
  const credential = await credentialOf(options, spec, agent);
  const clientOptions: ClientOptions = {
    ...guarded(options, agent),
    ...(spec.endpoint === undefined ? {} : { endpoint: spec.endpoint.replace(/\/$/, '') }),
  };
  return {
    spec,
    dns: new DnsManagementClient(credential, spec.subscriptionId, clientOptions),
    trafficManager:
      trafficManagerSdk === undefined
        ? undefined
        : new trafficManagerSdk.TrafficManagerManagementClient(
            credential,
            spec.subscriptionId,
            clientOptions,
          ),
    hasNextPage: (page) => getContinuationToken(page) !== undefined,
    close: () => agent.destroy(),
  };
}

/**
 * What every client of the account shares: our agent, which refuses forbidden addresses as it looks names up (I32) and trusts the given roots;
 * no retries, because the worker above has the deadline and the budget; no redirects, which could lead elsewhere.
 */
function guarded(
  { guard }: ProviderOptions,
  agent: Agent,
  onFailure: (error: unknown) => void = () => undefined,
): Pick<ClientOptions, 'additionalPolicies' | 'retryOptions' | 'redirectOptions'> {
  const policy: Policy = {
    name: 'portolanGuard',
    async sendRequest(request, next) {
      try {
        // Sockets do not look up hosts that are addresses, so these are checked here.
        guard.check(new URL(request.url).hostname.replace(/^\[|\]$/g, ''));
        request.agent = agent;
        const stop = new AbortController();
        request.abortSignal?.addEventListener('abort', () => stop.abort());
        if (request.abortSignal?.aborted === true) stop.abort();
        request.abortSignal = stop.signal;
        request.onDownloadProgress = ({ loadedBytes }) => {
          if (loadedBytes <= MAX_ANSWER_OCTETS) return;
          stop.abort();
          throw new Error(`the answer has more than ${MAX_ANSWER_OCTETS} octets`);
        };
        return await next(request);
      } catch (error) {
        onFailure(error);
        throw error;
      }
    },
  };
  return {
    additionalPolicies: [{ policy, position: 'perRetry' }],
    retryOptions: { maxRetries: 0 },
    redirectOptions: { maxRetries: 0 },
  };
}

/**
 * A client secret when the Secret has one; else the workload identity that the environment describes, then the managed identity.
 * https://learn.microsoft.com/javascript/api/overview/azure/identity-readme
 */
async function credentialOf(
  options: ProviderOptions,
  spec: AzureSpec,
  agent: Agent,
): Promise<TokenCredential> {
  const { secret, name } = options;
  const identity = await import('@azure/identity');
  let failure: unknown;
  const transport = guarded(options, agent, (error) => {
    failure = error;
  });
  const checked = (inner: TokenCredential): TokenCredential => ({
    async getToken(scopes, asked) {
      failure = undefined;
      try {
        return await inner.getToken(scopes, asked);
      } catch (error) {
        throw tokenErrorOf(error, failure);
      }
    },
  });
  const { tenantId, clientId } = spec;
  const authority =
    spec.authorityHost === undefined
      ? {}
      : // A private authority is not in the public directory of authorities, which would otherwise be asked about it.
        { authorityHost: spec.authorityHost.replace(/\/$/, ''), disableInstanceDiscovery: true };
  const { clientSecret } = secret;
  if (clientSecret !== undefined) {
    if (tenantId === undefined || clientId === undefined) {
      throw new ProviderError('denied', `${name} has a client secret, but not whose`, {
        fix: 'Write spec.azure.tenantId and spec.azure.clientId of the application that the secret belongs to.',
      });
    }
    return checked(
      new identity.ClientSecretCredential(tenantId, clientId, clientSecret, { ...transport, ...authority }),
    );
  }
  if (spec.secret !== undefined) {
    throw new ProviderError('denied', `the Secret ${spec.secret} of ${name} has no key clientSecret`, {
      fix: 'Put the client secret into the Secret under `clientSecret`, or leave `secret` out to use the managed identity.',
    });
  }
  keepOwnCredentials('spec.azure.endpoint', spec.endpoint, RESOURCE_MANAGERS);
  keepOwnCredentials('spec.azure.authorityHost', spec.authorityHost, AUTHORITIES);
  // Not through our agent: the metadata service has one fixed address that the platform owns, and no user can name it.
  const managed = new identity.ManagedIdentityCredential({
    ...(clientId === undefined ? {} : { clientId }),
    retryOptions: { maxRetries: 0 },
  });
  // What the webhook of workload identity puts into the environment of a pod.
  const { AZURE_FEDERATED_TOKEN_FILE: tokenFilePath, AZURE_TENANT_ID, AZURE_CLIENT_ID } = process.env;
  const asked = { tenantId: tenantId ?? AZURE_TENANT_ID, clientId: clientId ?? AZURE_CLIENT_ID };
  if (tokenFilePath === undefined || asked.tenantId === undefined || asked.clientId === undefined)
    return checked(managed);
  const workload = new identity.WorkloadIdentityCredential({
    tenantId: asked.tenantId,
    clientId: asked.clientId,
    tokenFilePath,
    ...transport,
    ...authority,
  });
  return checked(new identity.ChainedTokenCredential(workload, managed));
}
