import { HostTable } from './host-table.ts';
import type { GatewayPort } from './model.ts';
import { type Routable, RouteTable } from './route-table.ts';

/**
 * The id of the rule that takes a request at a port: found in the tables that gateways use, which are made anew for each question.
 * @param host lower case, without port
 */
export function matchRequest(
  { listeners }: GatewayPort,
  host: string,
  request: Routable,
): string | undefined {
  const hosts = byHostname(listeners).find(host)?.hosts ?? [];
  const matches = byHostname(hosts).find(host)?.matches ?? [];
  return new RouteTable(matches, ({ rule }) => rule).find(request)?.target;
}

function byHostname<T extends { readonly hostname?: string }>(all: readonly T[]): HostTable<T> {
  const table = new HostTable<T>();
  for (const one of all) table.add(one.hostname, one);
  return table;
}
