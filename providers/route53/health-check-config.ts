import { hash } from 'node:crypto';
import { parseIpv4, parseIpv6 } from '../../src/dns/address.ts';
import { checkAddress } from '../../src/health/address-policy.ts';
import type { Target } from '../../src/health/types.ts';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import type { AidSpec } from '../../src/plan/aid.ts';
import type { Json } from '../../src/plan/record-set.ts';
import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';

/**
 * A target's check as Route 53 can make it: https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html
 */
export interface MappedCheck {
  readonly aid: AidSpec;
  /** What Route 53's check does not look at, unlike ours: short phrases. */
  readonly differences: readonly string[];
}

type Timing = NonNullable<DnsProviderSpec['route53']>['healthChecks'];

/** "HTTP and HTTPS: any status code of 2xx or 3xx", "the string in the first 5,120 bytes", 255 characters of path and of search string. */
const MAX_TEXT = 255;
const OWN_STATUSES = ['200-399'];

/** @returns why Route 53 cannot check it at all, as a string */
export function mapCheck(target: Target, timing: Timing): MappedCheck | string {
  const { address, check } = target;
  const isAddress = parseIpv4(address) !== undefined || parseIpv6(address) !== undefined;
  if (isAddress && isUnreachable(address))
    return `Route 53's health checkers are on the internet and cannot reach ${address}`;
  const config: { [key: string]: Json } = {
    RequestInterval: timing.intervalSeconds,
    FailureThreshold: timing.failureThreshold,
    Port: target.port,
    ...(isAddress ? { IPAddress: address } : { FullyQualifiedDomainName: bare(address) }),
  };
  const differences: string[] = [];
  switch (check.protocol) {
    case 'http':
    case 'https': {
      const host = check.host ?? target.defaultHost;
      if (check.path.length > MAX_TEXT) return `the path of its check has more than ${MAX_TEXT} characters`;
      const matches = check.bodyContains !== undefined;
      if ((check.bodyContains?.length ?? 0) > MAX_TEXT)
        return `the text its check looks for has more than ${MAX_TEXT} characters`;
      config.Type = `${check.protocol === 'http' ? 'HTTP' : 'HTTPS'}${matches ? '_STR_MATCH' : ''}`;
      config.ResourcePath = check.path;
      if (check.bodyContains !== undefined) {
        config.SearchString = check.bodyContains;
        differences.push('it looks for the text in the first 5,120 bytes');
      }
      // With an address this is the Host header, and the name in the TLS handshake.
      if (isAddress) config.FullyQualifiedDomainName = bare(host);
      else if (bare(host) !== bare(address)) differences.push(`its Host header is ${bare(address)}`);
      if (check.protocol === 'https') {
        config.EnableSNI = true;
        differences.push('it does not verify the certificate');
      }
      if (check.method !== 'GET') differences.push(`it sends GET, not ${check.method}`);
      if (check.headers !== undefined && Object.keys(check.headers).length > 0)
        differences.push('it sends no headers of yours');
      if (canonicalJson(check.expectedStatuses) !== canonicalJson(OWN_STATUSES))
        differences.push('every status from 200 to 399 counts as success');
      break;
    }
    case 'tcp':
      config.Type = 'TCP';
      break;
    case 'tls':
    case 'grpc':
      config.Type = 'TCP';
      differences.push(`it only connects by TCP, where ours speaks ${check.protocol}`);
      break;
    default:
      return 'its check is of a kind that Route 53 does not have';
  }
  const spec = { ...config };
  return {
    aid: { key: hash('sha256', canonicalJson(spec), 'hex').slice(0, 20), kind: 'healthcheck', spec },
    differences,
  };
}

/** "Route 53 can't check the health of endpoints for which the IP address is in local, private, non-routable, or multicast ranges." */
function isUnreachable(address: string): boolean {
  const isPrivate =
    /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd][0-9a-f]{2}:)/i;
  return isPrivate.test(address) || checkAddress(address, []) !== undefined;
}

function bare(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
