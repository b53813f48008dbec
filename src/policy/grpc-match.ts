import type { GrpcRouteMatch } from '../resources/grpc-route.ts';
import type { CompiledMatch } from './model.ts';

/** Stands for any service or method in a pattern. */
const ANY = '[^/]+';

/** The path that a gRPC method match stands for: `/service/method` (gRPC over HTTP/2, "Path"). */
export function grpcPath(method: GrpcRouteMatch['method']): CompiledMatch['path'] {
  if (method === undefined) return { type: 'prefix', value: '/' };
  const { type, service, method: name } = method;
  if (type === 'RegularExpression') {
    const part = (pattern: string | undefined): string => (pattern === undefined ? ANY : `(?:${pattern})`);
    return { type: 'regex', value: `/${part(service)}/${part(name)}` };
  }
  if (service !== undefined && name !== undefined) return { type: 'exact', value: `/${service}/${name}` };
  if (service !== undefined) return { type: 'prefix', value: `/${service}` };
  return { type: 'regex', value: `/${ANY}/${name ?? ANY}` };
}
