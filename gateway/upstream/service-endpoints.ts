import type { GatewayPart } from '../../src/policy/model.ts';

/**
 * Endpoints of Kubernetes Services by `namespace/name:port` (`CompiledBackend.service`): `address:port`, each once. Empty: none takes requests;
 * undefined: there is no such Service; not in the map: nothing is known of it yet.
 */
export type ServiceEndpoints = ReadonlyMap<string, readonly string[] | undefined>;

/** Keys of the Services that a configuration routes to. */
export function servicesOf({ backends }: Pick<GatewayPart, 'backends'>): ReadonlySet<string> {
  const services = new Set<string>();
  for (const { service } of Object.values(backends)) if (service !== undefined) services.add(service);
  return services;
}

/** Why a Service gives no endpoint, for clients: the name of it is in the access log and the metrics. */
export function absenceOf(service: string, services: ServiceEndpoints | undefined): string {
  if (services?.has(service) !== true) return 'The endpoints of the Service are not known yet.';
  return services.get(service) === undefined
    ? 'There is no such Service in the cluster.'
    : 'No endpoint of the Service is ready.';
}

/** @param name `address:port`; an IPv6 address has no brackets */
export function splitName(name: string): { readonly address: string; readonly port: number } {
  const at = name.lastIndexOf(':');
  return { address: name.slice(0, at), port: Number(name.slice(at + 1)) };
}
