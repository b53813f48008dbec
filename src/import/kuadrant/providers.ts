import { API_VERSION } from '../../resources/metadata.ts';
import { compact, type Document } from './documents.ts';
import { isMap, type Ledger } from './ledger.ts';
import type { SourceSecret } from './secrets.ts';

/**
 * A Secret with the credentials of a DNS provider as a DNSProvider and a Secret of ours.
 * @param zones origins that it is for: theirs finds them by asking, ours are named
 * @param at namespace of the Clusters, whose TrafficPolicies it publishes, and a free name there
 */
export function providerDocuments(
  secret: SourceSecret,
  zones: readonly string[],
  at: { readonly namespace: string; readonly name: string },
  ledger: Ledger,
): readonly Document[] {
  const { type, values } = secret;
  const { name } = at;
  const object = `Secret ${secret.namespace}/${secret.name}`;
  const made = accountOf(type, values);
  if ('unsupported' in made) {
    ledger.tell(object, 'type', 'unsupported', made.unsupported);
    return [];
  }
  if (zones.length === 0) {
    ledger.tell(object, '', 'unsupported', 'say which zones it is for: --zone example.com');
    return [];
  }
  ledger.tell(
    object,
    '',
    'approximate',
    `a DNSProvider for ${zones.join(', ')}; its credentials stand in the open in the document of Secret ${name}`,
  );
  return [
    {
      apiVersion: API_VERSION,
      kind: 'Secret',
      metadata: { namespace: at.namespace, name },
      spec: { stringData: made.values },
    },
    {
      apiVersion: API_VERSION,
      kind: 'DNSProvider',
      metadata: { namespace: at.namespace, name },
      spec: { zones: zones.map((origin) => ({ origin })), ...made.account(name) },
    },
  ];
}

interface Account {
  readonly values: Readonly<Record<string, string>>;
  readonly account: (secret: string) => Readonly<Record<string, unknown>>;
}

function accountOf(
  type: string,
  values: Readonly<Record<string, string>>,
): Account | { readonly unsupported: string } {
  switch (type) {
    case 'kuadrant.io/aws': {
      const {
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_REGION: region,
      } = values;
      if (accessKeyId === undefined || secretAccessKey === undefined) return { unsupported: 'it has no key' };
      return {
        values: { accessKeyId, secretAccessKey },
        account: (secret) => ({ route53: compact({ region, secret }) }),
      };
    }
    case 'kuadrant.io/gcp': {
      const { GOOGLE: key, PROJECT_ID: project } = values;
      if (key === undefined || project === undefined)
        return { unsupported: 'it has no GOOGLE and PROJECT_ID' };
      return { values: { 'credentials.json': key }, account: (secret) => ({ google: { project, secret } }) };
    }
    case 'kuadrant.io/azure':
      return azure(values['azure.json']);
    default:
      return { unsupported: `${type} is no provider here` };
  }
}

function azure(text: string | undefined): Account | { readonly unsupported: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? '');
  } catch {
    return { unsupported: 'azure.json is no JSON' };
  }
  if (!isMap(parsed)) return { unsupported: 'azure.json is no object' };
  const { tenantId, subscriptionId, resourceGroup, aadClientId, aadClientSecret } = parsed;
  if (typeof aadClientSecret !== 'string') return { unsupported: 'azure.json has no aadClientSecret' };
  return {
    values: { clientSecret: aadClientSecret },
    account: (secret) => ({
      azure: compact({ tenantId, subscriptionId, resourceGroup, clientId: aadClientId, secret }),
    }),
  };
}
