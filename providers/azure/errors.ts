import type { DomainName } from '../../src/dns/name.ts';
import { ProviderError } from '../contract.ts';
import { causesOf, forbiddenBy, noAnswer, retryAfterMs } from '../no-answer.ts';

/** What was asked, for the meaning of a failure. */
export interface Asked {
  /** Operation of the API: `RecordSets_CreateOrUpdate`. */
  readonly action: string;
  /** True when it changes something: an answer that was lost is then `ambiguous`. */
  readonly writes: boolean;
  /** Owned name that the request is a part of, when it is. */
  readonly group?: DomainName;
  /** True when the request said what it expects to find (If-Match): a set that is gone is then a conflict. */
  readonly conditional?: boolean;
}

/** What a request to Azure Resource Manager came to. */
interface Fault {
  readonly status: number | undefined;
  /** Error code of the API (`PreconditionFailed`) or of the socket (`ECONNREFUSED`). */
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs: number | undefined;
}

/**
 * Turns what the SDK threw into what the hub acts on. The codes are those of Azure Resource Manager:
 * https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
 */
export function providerErrorOf(thrown: unknown, asked: Asked): ProviderError {
  if (thrown instanceof ProviderError) return thrown;
  const forbidden = forbiddenBy(thrown);
  if (forbidden !== undefined) return forbidden;
  const fault = faultOf(thrown);
  const message = `${asked.action}: ${fault.status === undefined ? '' : `${fault.status} `}${fault.code}: ${fault.message}`;
  const details = { group: asked.group, cause: thrown, retryAfterMs: fault.retryAfterMs };
  const lost = asked.writes ? 'ambiguous' : 'transient';
  switch (fault.status) {
    case undefined:
      return noAnswer(asked.action, thrown, { writes: asked.writes });
    case 400:
    case 413:
    case 422:
      return new ProviderError('invalid', message, details);
    case 401:
      return new ProviderError('denied', message, {
        ...details,
        fix: 'Correct `tenantId`, `clientId` and the Secret, or renew the client secret in Microsoft Entra ID.',
      });
    case 403:
      return new ProviderError('denied', message, { ...details, fix: grantFor(asked.action) });
    case 404:
      // A set that should be there and is not was deleted by somebody else; a zone that is not there is gone.
      return new ProviderError(
        asked.conditional === true && !/ParentResource|ResourceGroup|Subscription/.test(fault.code)
          ? 'conflict'
          : 'gone',
        message,
        details,
      );
    case 409:
      return new ProviderError(
        /AnotherOperation|InProgress/.test(fault.code) ? 'busy' : 'conflict',
        message,
        details,
      );
    case 412:
      return new ProviderError('conflict', message, details);
    case 429:
      // "the network resource provider returns 429 with RetryableErrorDueToAnotherOperation when the target resource is locked"
      return new ProviderError(/AnotherOperation/.test(fault.code) ? 'busy' : 'throttled', message, details);
    case 501:
    case 405:
      return new ProviderError('unsupported', message, details);
    default:
      return new ProviderError(lost, message, details);
  }
}

/** The role to grant, or the one action of a custom role. */
export function grantFor(action: string): string {
  const trafficManager = action.startsWith('Profiles_');
  const role = trafficManager ? 'Traffic Manager Contributor' : 'DNS Zone Contributor';
  return `Grant the role "${role}" on the resource group, or a custom role with ${permissionOf(action)}.`;
}

/** https://learn.microsoft.com/azure/role-based-access-control/permissions/networking */
const PERMISSIONS: Readonly<Record<string, string>> = {
  Zones_List: 'Microsoft.Network/dnsZones/read',
  Zones_Get: 'Microsoft.Network/dnsZones/read',
  RecordSets_List: 'Microsoft.Network/dnsZones/all/read and Microsoft.Network/dnsZones/recordsets/read',
  RecordSets_Get: 'Microsoft.Network/dnsZones/*/read',
  RecordSets_CreateOrUpdate: 'Microsoft.Network/dnsZones/*/write',
  RecordSets_Delete: 'Microsoft.Network/dnsZones/*/delete',
  Profiles_List: 'Microsoft.Network/trafficManagerProfiles/read',
  Profiles_Get: 'Microsoft.Network/trafficManagerProfiles/read',
  Profiles_CreateOrUpdate: 'Microsoft.Network/trafficManagerProfiles/write',
  Profiles_Delete: 'Microsoft.Network/trafficManagerProfiles/delete',
};

export function permissionOf(action: string): string {
  return PERMISSIONS[action] ?? `the action of ${action}`;
}

/**
 * Failures of the token endpoint: the request itself was never sent, so nothing is ambiguous.
 * @param onTheWay why the last request had no answer: the library says in its place only that endpoints were not resolved
 */
export function tokenErrorOf(thrown: unknown, onTheWay?: unknown): ProviderError {
  if (thrown instanceof ProviderError) return thrown;
  if (onTheWay !== undefined && /endpoints_resolution|network_error/.test(String(thrown))) {
    return tokenErrorOf(onTheWay);
  }
  const forbidden = forbiddenBy(thrown);
  if (forbidden !== undefined) return forbidden;
  const fault = faultOf(thrown);
  const details = { cause: thrown, retryAfterMs: fault.retryAfterMs };
  const message = `token: ${fault.message.split('\n')[0] ?? ''}`;
  const name = thrown instanceof Error ? thrown.name : '';
  if (fault.status === 429) return new ProviderError('throttled', message, details);
  const refused =
    /Authentication|CredentialUnavailable/.test(name) && !(fault.status !== undefined && fault.status >= 500);
  if (
    !refused ||
    /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|network_error|endpoints_resolution/.test(fault.message)
  ) {
    return new ProviderError('transient', message, details);
  }
  return new ProviderError('denied', message, {
    ...details,
    fix: 'Give `tenantId`, `clientId` and a Secret with `clientSecret`, or run the hub with a workload or managed identity.',
  });
}

function faultOf(thrown: unknown): Fault {
  const chain = causesOf(thrown);
  const status = firstOf(chain, 'statusCode', (v) => (typeof v === 'number' ? v : undefined));
  return {
    status,
    code: apiCode(chain) ?? firstOf(chain, 'code', asText) ?? 'error',
    message: apiMessage(chain) ?? (thrown instanceof Error ? thrown.message : String(thrown)),
    retryAfterMs: retryAfterOf(chain),
  };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value
    ? (Object.entries(value).find(([key]) => key === name)?.[1] ?? Reflect.get(value, name))
    : undefined;
}

function firstOf<T>(
  chain: readonly unknown[],
  name: string,
  read: (value: unknown) => T | undefined,
): T | undefined {
  for (const error of chain) {
    const value = read(member(error, name));
    if (value !== undefined) return value;
  }
  return undefined;
}

const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Error bodies are `{error: {code, message}}`; those of some resource providers `{code, message}`. */
function body(chain: readonly unknown[]): unknown {
  const details = firstOf(chain, 'details', (value) => (typeof value === 'object' ? value : undefined));
  return member(details, 'error') ?? details;
}

function apiCode(chain: readonly unknown[]): string | undefined {
  return asText(member(body(chain), 'code'));
}

function apiMessage(chain: readonly unknown[]): string | undefined {
  return asText(member(body(chain), 'message'));
}

/** Azure Resource Manager sends seconds with 429 and with some 503. */
function retryAfterOf(chain: readonly unknown[]): number | undefined {
  const headers = member(
    firstOf(chain, 'response', (v) => v ?? undefined),
    'headers',
  );
  const get = member(headers, 'get');
  const value: unknown = typeof get === 'function' ? Reflect.apply(get, headers, ['retry-after']) : undefined;
  return retryAfterMs(asText(value));
}
