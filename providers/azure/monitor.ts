import type { Target } from '../../src/health/types.ts';
import type { CheckSpec } from '../../src/resources/health-check.ts';

/**
 * How Traffic Manager probes the endpoints of a profile (all of one profile alike).
 * https://learn.microsoft.com/azure/traffic-manager/traffic-manager-monitoring
 */
export interface Monitor {
  readonly protocol: 'HTTP' | 'HTTPS' | 'TCP';
  readonly port: number;
  /** With HTTP and HTTPS; refused with TCP. */
  readonly path?: string;
  /** "30 seconds (normal probing) and 10 seconds (fast probing)" */
  readonly intervalInSeconds: 10 | 30;
  /** "between 5 and 10 seconds", with fast probing "between 5 and 9" */
  readonly timeoutInSeconds: number;
  /** "between 0 and 9" */
  readonly toleratedNumberOfFailures: number;
  /** "up to eight header:value pairs" */
  readonly customHeaders?: readonly { readonly name: string; readonly value: string }[];
  /** "a maximum of eight status code ranges" */
  readonly expectedStatusCodeRanges?: readonly { readonly min: number; readonly max: number }[];
}

/** What a profile says whose endpoints are never probed; it has to say something. */
export const UNUSED_MONITOR: Monitor = {
  protocol: 'TCP',
  port: 443,
  intervalInSeconds: 30,
  timeoutInSeconds: 10,
  toleratedNumberOfFailures: 3,
};

const MAX_HEADERS = 8;
const MAX_RANGES = 8;

/** The nearest to a check of ours; `lost` is what it leaves out, for the report. */
export function monitorOf({ check, port, defaultHost }: Target): {
  readonly monitor: Monitor;
  readonly lost: readonly string[];
} {
  const intervalInSeconds = check.intervalSeconds < 30 ? 10 : 30;
  const timing = {
    port,
    intervalInSeconds,
    timeoutInSeconds: Math.min(
      intervalInSeconds === 10 ? 9 : 10,
      Math.max(5, Math.ceil(check.timeoutMs / 1000)),
    ),
    toleratedNumberOfFailures: Math.min(9, check.fall - 1),
  } as const;
  if (check.protocol === 'http' || check.protocol === 'https') {
    const headers = [
      { name: 'Host', value: check.host ?? defaultHost },
      ...Object.entries(check.headers ?? {}).map(([name, value]) => ({ name, value })),
    ];
    const ranges = check.expectedStatuses.map(rangeOf);
    return {
      monitor: {
        protocol: check.protocol === 'http' ? 'HTTP' : 'HTTPS',
        path: check.path,
        ...timing,
        customHeaders: headers.slice(0, MAX_HEADERS),
        expectedStatusCodeRanges: ranges.slice(0, MAX_RANGES),
      },
      lost: [
        ...(check.method === 'HEAD' ? ['it asks with GET'] : []),
        ...(check.bodyContains === undefined ? [] : ['it does not look at the body']),
        ...(headers.length > MAX_HEADERS ? [`it sends the first ${MAX_HEADERS} headers`] : []),
        ...(ranges.length > MAX_RANGES ? [`it takes the first ${MAX_RANGES} ranges of status codes`] : []),
        ...(check.protocol === 'https' ? ['it does not verify the certificate'] : []),
      ],
    };
  }
  return { monitor: { protocol: 'TCP', ...timing }, lost: lostOf(check) };
}

function lostOf({ protocol }: CheckSpec): readonly string[] {
  return protocol === 'tcp'
    ? []
    : [`it only connects, and does not speak ${protocol === 'tls' ? 'TLS' : 'gRPC'}`];
}

function rangeOf(status: number | string): { readonly min: number; readonly max: number } {
  const [min = '', max = ''] = String(status).split('-');
  return { min: Number(min), max: Number(max === '' ? min : max) };
}
