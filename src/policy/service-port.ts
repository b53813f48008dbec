import type { ServiceContent } from '../inventory/contract.ts';
import type { Unresolved } from './backend-book.ts';

/** A port of a Service, and what is spoken there. */
export interface ServicePort {
  readonly port: number;
  readonly name: string | undefined;
  readonly appProtocol: string | undefined;
  readonly http2: boolean;
  readonly tls: boolean;
}

/** GEP-1911, and the names of IANA that Services carry. */
const SPOKEN: Readonly<Record<string, Pick<ServicePort, 'http2' | 'tls'>>> = {
  http: { http2: false, tls: false },
  'kubernetes.io/ws': { http2: false, tls: false },
  'kubernetes.io/h2c': { http2: true, tls: false },
  h2c: { http2: true, tls: false },
  http2: { http2: true, tls: false },
  grpc: { http2: true, tls: false },
  https: { http2: false, tls: true },
  'kubernetes.io/wss': { http2: false, tls: true },
};

/** The port that a reference names. @param name `namespace/name` of the Service */
export function servicePort(
  name: string,
  service: ServiceContent,
  port: number | undefined,
): ServicePort | { readonly unresolved: Unresolved } {
  if (service.type === 'ExternalName')
    return no(
      'InvalidKind',
      `Service ${name} is an ExternalName, which the Gateway API advises against: make a Backend with the endpoint ${service.externalName ?? ''}.`,
    );
  if (port === undefined) return no('BackendNotFound', `The reference to Service ${name} names no port.`);
  const found = service.ports.find((one) => one.port === port);
  if (found === undefined) {
    const ports = service.ports.map((one) => one.port).join(', ');
    return no(
      'BackendNotFound',
      `Service ${name} has no port ${port}${ports === '' ? '' : ` (it has ${ports})`}.`,
    );
  }
  const { appProtocol } = found;
  const spoken = appProtocol === undefined ? SPOKEN.http : SPOKEN[appProtocol.toLowerCase()];
  if (spoken === undefined)
    return no(
      'UnsupportedProtocol',
      `Port ${port} of Service ${name} speaks ${appProtocol ?? ''}; gateways speak HTTP/1.1, h2c and WebSocket.`,
    );
  return { port, name: found.name, appProtocol, ...spoken };
}

function no(reason: Unresolved['reason'], message: string): { readonly unresolved: Unresolved } {
  return { unresolved: { reason, message } };
}
