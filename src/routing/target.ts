import { hash } from 'node:crypto';
import type { Target } from '../health/types.ts';
import { canonicalJson } from '../identity/canonical-json.ts';
import type { CheckSpec } from '../resources/health-check.ts';

/** Everything that makes a target what it is. */
export type TargetContent = Omit<Target, 'id' | 'failureDomain'>;

/**
 * A health target with its id: the first 16 octets, in hex, of the SHA-256 of its content as canonical JSON. So the id is
 * the same at the hub and at every agent, and endpoints of several policies that agree in everything share one. The failure
 * domain is no part of it: moving a cluster to another one does not start its health afresh.
 */
export function targetOf(content: TargetContent, failureDomain: string): Target {
  return { id: hash('sha256', canonicalJson(content), 'hex').slice(0, 32), ...content, failureDomain };
}

/** Whether the check takes a host (Host header, SNI or authority) from the policy because it names none. */
export function needsHost(check: CheckSpec): boolean {
  switch (check.protocol) {
    case 'http':
      return check.host === undefined;
    case 'https':
      return check.host === undefined || check.serverName === undefined;
    case 'tls':
    case 'grpc':
      return check.serverName === undefined;
    case 'tcp':
      return false;
  }
}
