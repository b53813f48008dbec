import { networkInterfaces } from 'node:os';
import { checkAddress } from '../../src/health/address-policy.ts';
import type { Vote } from '../../src/health/types.ts';
import {
  type EndpointNames,
  type ServiceEndpoints,
  ServiceTable,
} from '../../src/kubernetes/service-endpoints.ts';
import type { AgentLog } from '../log.ts';
import type { EndpointsMessage, UsedServicesMessage } from './messages.ts';
import { createReadinessVotes } from './readiness-votes.ts';

export interface ControlEndpointsOptions {
  readonly send: (message: EndpointsMessage) => void;
  /** CIDR blocks the operator permits although they would be refused (`network.allowedRanges`, I32). */
  readonly allowedRanges: readonly string[];
  /** What the data process uses when this one begins. */
  readonly inUse: Pick<UsedServicesMessage, 'used' | 'watched'>;
  /** What this vantage point says of these targets is otherwise. */
  readonly onVotes: (targets: readonly string[]) => void;
  readonly monotonicMs: () => number;
  readonly log: AgentLog;
}

/** The endpoints of the cluster's Services in the control process: kept for those that the gateway uses, and told to the data process. */
export interface ControlEndpoints {
  /** For who follows the API server. */
  readonly feed: ServiceEndpoints;
  /** The prober's votes, with what Services say of the targets of this cluster. */
  join(votes: readonly Vote[]): readonly Vote[];
  /** What the gateway uses from now on. */
  use(message: UsedServicesMessage): void;
}

/** Refusals that are logged: one line for each address and Service, and no more than these. */
const MAX_REFUSAL_LINES = 100;

export function createControlEndpoints(options: ControlEndpointsOptions): ControlEndpoints {
  const { send, allowedRanges, log } = options;
  const refusals = new Set<string>();
  /** Of a message that is being answered: changes go with the answer. */
  let answering = false;
  // Undefined while the API server was not read as a whole yet: nobody knows.
  const of = (service: string) =>
    table.endpoints.has(service) ? { endpoints: table.endpoints.get(service) } : undefined;
  const readiness = createReadinessVotes(of, options.monotonicMs);
  const tellVotes = (targets: readonly string[]): void => {
    if (targets.length > 0) options.onVotes(targets);
  };
  const table = new ServiceTable({
    vantage: {
      zone: undefined,
      ...families(),
      refusal(address) {
        const hit = checkAddress(address, allowedRanges);
        return hit === undefined ? undefined : `it lies in ${hit.range}: ${hit.why}`;
      },
    },
    onEndpoints(changed) {
      if (answering) return;
      send({ type: 'endpoints', services: toMessage(changed) });
      tellVotes(readiness.recheck());
    },
    onRefused(service, address, why) {
      const line = `${service} ${address}`;
      if (refusals.has(line) || refusals.size >= MAX_REFUSAL_LINES) return;
      refusals.add(line);
      log.warn({ service, address }, `an endpoint of a Service is not connected to: ${why}`);
    },
  });
  table.use(options.inUse.used);
  readiness.watch(options.inUse.watched);
  return {
    feed: table,
    join: (votes) => readiness.join(votes),
    use({ id, used, watched }) {
      answering = true;
      table.use(used);
      answering = false;
      send({ type: 'endpoints', answers: id, services: toMessage(table.endpoints) });
      tellVotes(readiness.watch(watched));
    },
  };
}

function toMessage(endpoints: ReadonlyMap<string, EndpointNames>): EndpointsMessage['services'] {
  return [...endpoints].map(([service, names]) => [service, names ?? null] as const);
}

/** Families that this machine has an address of; both when it has none but loopback and link-local ones. */
function families(): { readonly ipv4: boolean; readonly ipv6: boolean } {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const ipv4 = found.some(({ family }) => family === 'IPv4');
  const ipv6 = found.some(({ family }) => family === 'IPv6');
  return ipv4 || ipv6 ? { ipv4, ipv6 } : { ipv4: true, ipv6: true };
}
