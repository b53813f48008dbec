import type { Resource } from '../resources/catalogue.ts';
import { compareHostnames } from './hostnames.ts';
import type { JudgedListener } from './listeners.ts';
import type { CompiledListener, GatewayPort, VirtualHost } from './model.ts';
import { nameOf } from './policy-index.ts';
import { kept, sameMembers } from './same-value.ts';

/** A listener with what it serves. */
export interface HostingListener {
  readonly listener: JudgedListener;
  readonly hosts: readonly VirtualHost[];
}

/**
 * Connections have the edge of the oldest Gateway on their port: before the first request nobody knows whose they are.
 * @param listeners those of the oldest Gateway first
 * @param before what says the same as in these is the same object
 */
export function portsOf(
  listeners: readonly HostingListener[],
  edgeOf: (gateway: Resource<'Gateway'>) => string,
  before: readonly GatewayPort[],
): readonly GatewayPort[] {
  const byPort = new Map<number, HostingListener[]>();
  for (const one of listeners) {
    const known = byPort.get(one.listener.spec.port);
    if (known === undefined) byPort.set(one.listener.spec.port, [one]);
    else known.push(one);
  }
  const known = new Map(before.flatMap((port) => port.listeners.map((own) => [own.id, own] as const)));
  const ports = [...byPort]
    .sort((a, b) => a[0] - b[0])
    .flatMap(([port, all]): readonly GatewayPort[] => {
      const [oldest] = all;
      if (oldest === undefined) return [];
      const last = before.find((one) => one.port === port);
      const now: GatewayPort = {
        port,
        protocol: oldest.listener.spec.protocol === 'HTTPS' ? 'https' : 'http',
        edge: edgeOf(oldest.listener.gateway),
        listeners: all
          .map((one) => listenerOf(one, known.get(one.listener.id)))
          .sort((a, b) => compareHostnames(a.hostname, b.hostname) || (a.id < b.id ? -1 : 1)),
      };
      return [last !== undefined && samePort(last, now) ? last : now];
    });
  return sameMembers(before, ports) ? before : ports;
}

function samePort(a: GatewayPort, b: GatewayPort): boolean {
  return a.protocol === b.protocol && a.edge === b.edge && sameMembers(a.listeners, b.listeners);
}

function listenerOf(
  { listener: { id, gateway, spec, tls }, hosts }: HostingListener,
  before: CompiledListener | undefined,
): CompiledListener {
  const now = {
    id,
    source: { kind: 'Gateway', name: nameOf(gateway), sectionName: spec.name },
    ...(spec.hostname === undefined ? {} : { hostname: spec.hostname }),
    ...(tls === undefined ? {} : { tls }),
    hosts,
  } as const;
  // Hosts are compared where they are made.
  return before?.hosts === hosts ? kept(before, now) : now;
}
